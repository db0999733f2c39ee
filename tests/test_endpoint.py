"""The endpoint that all tests and benchmarks talk to: its protocol through the real client, its limits and its counts."""

import asyncio
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from endpoint import FAULTS, Concurrency, Endpoint, EndpointProcess, Rate, Reply
from endpoint_gateways import duration
from endpoint_settings import Settings, from_flags, to_flags
from hypothesis import given
from hypothesis import strategies as st

SCHEMA = {
    "type": "object",
    "properties": {
        "query": {"type": "string"},
        "label": {"enum": ["yes", "no"]},
        "score": {"type": "integer", "minimum": 3},
        "tasks": {"type": "array", "items": {"type": "string"}},
        "inner": {"type": "object", "properties": {"sure": {"type": "boolean"}}},
    },
}


def client(server):
    return openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0, timeout=20)


def ask(chat, prompt, schema=None, **options):
    if schema:
        options["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return chat.chat.completions.create(model="m", messages=[{"role": "user", "content": prompt}], **options)


def ask_all(server, number, at_once=50):
    """Statuses of ``number`` requests, in order of their answers."""

    async def one(chat, prompt):
        try:
            await chat.chat.completions.create(model="m", messages=[{"role": "user", "content": prompt}])
        except openai.APIStatusError as error:
            return error.status_code
        return 200

    async def run():
        limits = asyncio.Semaphore(at_once)
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0) as chat:

            async def wait(prompt):
                async with limits:
                    return await one(chat, prompt)

            return await asyncio.gather(*(wait(f"prompt {n}") for n in range(number)))

    return asyncio.run(run())


def test_an_answer_comes_whole_whatever_the_size_of_the_request():
    with Endpoint() as server, client(server) as chat:
        for size in (1, 70_000, 5_000_000):
            answer = ask(chat, "ß" * size)
            assert answer.choices[0].message.content == "answer to " + "ß" * size
            assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (7, 5)
    assert [len(one.prompt) for one in server.received] == [1, 70_000, 5_000_000]


def test_requests_in_chunks_and_in_pieces_are_read_one_after_the_other():
    body = json.dumps({"messages": [{"role": "user", "content": "one"}]}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
    chunks = b"%x\r\n%b\r\n%x;note=1\r\n%b\r\n0\r\n\r\n" % (5, body[:5], len(body) - 5, body[5:])
    sent = head + b"transfer-encoding: chunked\r\n\r\n" + chunks
    sent += head + b"content-length: %d\r\n\r\n" % len(body) + body
    with Endpoint() as server, socket.create_connection(("127.0.0.1", server.port)) as line:
        for at in range(len(sent)):
            line.sendall(sent[at : at + 1])
        line.shutdown(socket.SHUT_WR)
        server.wait_for(lambda one: one.paid["one"] == 2)


def test_what_is_no_request_is_refused():
    with Endpoint() as server, client(server) as chat:
        with pytest.raises(openai.NotFoundError):
            chat.embeddings.create(model="m", input="x")
        with pytest.raises(openai.BadRequestError):
            chat.chat.completions.create(model="m", messages=[])
    assert server.stats()["received"] == 0


def test_a_gateway_lets_so_many_in_at_once_and_says_so():
    with Endpoint(latency=0.3, gateway=Concurrency(5, retry_after=2, tell=True)) as server:
        statuses = ask_all(server, 30)
        assert server.most_at_once == 5
        assert statuses.count(200) == server.paid.total() and statuses.count(429) == server.refused[429] > 0
        with client(server) as chat:
            raw = chat.chat.completions.with_raw_response.create(model="m", messages=[{"role": "user", "content": "x"}])
    assert (raw.headers["x-ratelimit-limit-requests"], raw.headers["x-ratelimit-remaining-requests"]) == ("5", "5")


def test_a_gateway_lets_so_many_a_second_in():
    with Endpoint(gateway=Rate(0.001, 10, retry_after=1.5, tell=True, tokens_per_second=1)) as server:
        statuses = ask_all(server, 30)
        with client(server) as chat, pytest.raises(openai.RateLimitError) as caught:
            ask(chat, "x")
    assert statuses.count(200) == 10 and server.refused == {429: 21}
    told = caught.value.response.headers
    assert told["retry-after"] == "1.5"
    assert (told["x-ratelimit-limit-requests"], told["x-ratelimit-remaining-requests"]) == ("10", "0")
    assert told["x-ratelimit-reset-requests"].startswith("2h46m")
    assert told["x-ratelimit-limit-tokens"] == "10000"


def test_a_gateway_counts_tokens():
    with Endpoint(gateway=Rate(1000, 100, tokens_per_second=0.001, tokens_burst=100)) as server, client(server) as chat:
        ask(chat, "x", max_tokens=90)
        with pytest.raises(openai.RateLimitError):
            ask(chat, "x", max_tokens=20)
        ask(chat, "x", max_tokens=5)


@given(st.floats(0, 1e5))
def test_a_duration_reads_back_as_what_it_was(seconds):
    text = duration(seconds)
    if text.endswith("ms"):
        found = int(text[:-2]) / 1000
    else:
        hours, _, rest = text.rpartition("h")
        minutes, _, last = rest.rpartition("m")
        found = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(last[:-1])
    assert found == pytest.approx(seconds, abs=0.002)


def test_faults_and_tails_are_the_same_requests_in_every_run():
    with EndpointProcess(faults={429: 0.2, 500: 0.1}, tail=(0.1, 0.1), keep=False) as server:
        first = ask_all(server, 200, at_once=1)
        counts = server.stats()
        assert 20 < first.count(429) < 60 and 8 < first.count(500) < 35
        assert counts["refused"] == {"429": first.count(429), "500": first.count(500)}
        assert counts["last_at"] - counts["first_at"] > 0.8  # ten or more that are slow, one after the other
        server.reset()
        assert ask_all(server, 200, at_once=1) == first
        with EndpointProcess(faults={429: 0.2, 500: 0.1}, seed=1) as other:
            assert ask_all(other, 200, at_once=1) != first


def test_the_counts_agree_with_what_came_back():
    with EndpointProcess(usage="texts", keep=False) as server, client(server) as chat:
        answers = [ask(chat, prompt) for prompt in ("one", "two", "one")]
        counts = server.stats()
        assert (counts["received"], counts["answered"], counts["refused"]) == (3, 3, {})
        assert (counts["paid_prompts"], counts["paid_twice"], counts["most_at_once"]) == (2, 1, 1)
        assert counts["tokens_in"] == sum(one.usage.prompt_tokens for one in answers)
        assert counts["tokens_out"] == sum(one.usage.completion_tokens for one in answers) > 0
        server.reset()
        assert server.stats()["received"] == server.stats()["paid_prompts"] == 0


def test_what_a_client_no_longer_waits_for_is_paid_all_the_same():
    with Endpoint(latency=0.5) as server, client(server) as chat:
        with pytest.raises(openai.APITimeoutError):
            ask(chat, "x", timeout=0.1)
        server.wait_for(lambda one: one.paid["x"] == 1)


def test_no_more_is_answered_than_is_allowed_until_more_is_or_nobody_waits():
    with EndpointProcess() as server, client(server) as chat:
        server.allow(1)
        ask(chat, "x")
        with pytest.raises(openai.APITimeoutError):
            ask(chat, "x", timeout=0.2)
        while (stats := server.stats())["answered"] < 2:  # paid, though the client is gone
            time.sleep(0.005)
        assert stats["received"] == 2
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(ask, chat, "y")
            while server.stats()["received"] < 3:
                time.sleep(0.005)
            server.allow(2)
            assert server.stats()["answered"] == 2
            server.allow(3)
            assert waiting.result(20).choices[0].message.content == "answer to y"


def test_the_endpoint_costs_far_less_than_the_client():
    with EndpointProcess(latency=0.01, keep=False) as server:
        before = server.stats()["cpu_seconds"]
        ask_all(server, 300)
        assert (server.stats()["cpu_seconds"] - before) / 300 < 0.0006  # measured: 0.00005, where no one else is busy


def test_an_obedient_model_says_the_same_in_every_process():
    prompts = [f'Write {n} "query" and "document" of at least 40 words.' for n in range(20)]
    with EndpointProcess(answers="json") as server, client(server) as chat:
        theirs = [ask(chat, prompt).choices[0].message.content for prompt in prompts]
    with Endpoint(answers="json") as server, client(server) as chat:
        ours = [ask(chat, prompt).choices[0].message.content for prompt in prompts]
        with_schema = json.loads(ask(chat, "x", SCHEMA).choices[0].message.content)
    assert ours == theirs
    texts = [text for answer in map(json.loads, ours) for text in (answer["query"], answer["document"])]
    assert len(set(texts)) == 40
    assert all(40 <= len(text.split()) < 70 for text in texts[1::2]) and all(
        len(text.split()) < 30 for text in texts[::2]
    )
    assert list(with_schema) == list(SCHEMA["properties"])
    assert with_schema["label"] in ("yes", "no") and with_schema["score"] >= 3 and len(set(with_schema["tasks"])) == 20
    assert isinstance(with_schema["inner"]["sure"], bool)


def test_a_share_of_the_answers_is_malformed_always_for_the_same_prompts():
    def bad(chat):
        found = set()
        for number in range(200):
            text = ask(chat, f'{number} "a", "b"').choices[0].message.content
            try:
                found |= {number} if list(json.loads(text)) != ["a", "b"] else set()
            except ValueError:
                found.add(number)
        return found

    with Endpoint(answers="json", malformed=0.2) as server, client(server) as chat:
        first = bad(chat)
        assert 20 < len(first) < 60 and bad(chat) == first


def test_a_command_line_means_the_settings_it_was_made_from():
    gateways = [None, Concurrency(3), Rate(2.5, 4, 1.5, True, 100.0, 300)]
    for gateway in gateways:
        settings = Settings(0.5, (0.25, 3.0), {429: 0.2, 500: 0.1}, gateway, "json", 0.1, "texts", False, 3, 8001)
        assert from_flags(to_flags(settings)) == settings
    assert from_flags(to_flags(Settings())) == Settings()


# What the real client makes of each fault: the answer's text, or the error that it raises.
SEEN = {
    "reset": openai.APIConnectionError,
    "closed_before_any_byte": openai.APIConnectionError,
    "slow_head": "answer to x",
    "cut_head": openai.APIConnectionError,
    "cut_body": openai.APIConnectionError,
    "cut_chunks": openai.APIConnectionError,
    "huge": "word " * 6_000_000,
    "html": AttributeError,  # the client hands the page on as a text
    "invalid_utf8": UnicodeDecodeError,
    "empty_body": json.JSONDecodeError,
    "cut_json": json.JSONDecodeError,
    "no_choices": IndexError,
    "null_content": None,
    "same_id": "an answer",
    "error_with_200": TypeError,
    "stream": AttributeError,
    "redirect": openai.NotFoundError,
    "interim_heads": "answer to x",
    "no_http": openai.APIConnectionError,
    "wrong_encoding": openai.APIConnectionError,
}


def seen(chat):
    try:
        return ask(chat, "x").choices[0].message.content
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_what_it_says_and_stays_with_its_own_request(name):
    script = [FAULTS[name](), Reply(), Reply()]
    with Endpoint(lambda number, request: script[number]) as server, client(server) as chat:
        assert seen(chat) == SEEN[name]
        assert seen(chat) == seen(chat) == "answer to x"
