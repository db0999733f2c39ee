import asyncio
import json
import time
from email.utils import formatdate
from pathlib import Path

import endpoint
import pytest
from endpoint import Endpoint, Reply
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.factory.chat import Answer, Ask, OpenAIChat, RecordedChat, open_chat, read_answer
from pairsmith.factory.errors import (
    InputError,
    PairsmithError,
    RetryError,
    RowError,
    ServiceError,
    SpecError,
    StopError,
)
from pairsmith.factory.faults import RETRY_REASONS, Service, fault, refuses_schema, retry_after
from pairsmith.factory.spec import ModelSpec

HERE = Path(__file__).parent
RECORDED = HERE.parent / "examples/recorded"
KEY = "sk-test-0123456789abcdef"
SERVICE = Service("http://user:pass@127.0.0.1:1/v1?token=x", "m", "SOME_KEY", KEY)

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def ask(prompt="hello", schema=None, **params):
    return Ask("r1", "m", {"temperature": 1.0, "max_tokens": 9, **params}, prompt, "v1", schema, "0")


def spec(server, **options):
    return ModelSpec(base_url=server.base_url, model="m", api_key_env="PAIRSMITH_TEST_KEY", **options)


def answer(server, *asks, **options):
    """Answers of one chat to the asks, one after the other; errors stand in their place."""

    async def run():
        chat = OpenAIChat(spec(server, **options))
        try:
            return [await _result(chat, one) for one in asks]
        finally:
            await chat.aclose()

    results = asyncio.run(run())
    return results[0] if len(results) == 1 else results


async def _result(chat, one):
    try:
        return await chat.answer(one)
    except ServiceError as error:
        return error


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("PAIRSMITH_TEST_KEY", KEY)


def test_an_ask_is_sent_as_it_stands_and_the_answer_comes_back_with_its_usage():
    with Endpoint() as server:
        result = answer(server, ask("What is ß?", temperature=0.5))
    assert result == Answer("answer to What is ß?", "stop", 7, 5, 2)
    (request,) = server.received
    message = {"role": "user", "content": "What is ß?"}
    assert request.body == {"model": "m", "messages": [message], "temperature": 0.5, "max_tokens": 9}
    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_the_key_of_an_ask_depends_on_model_parameters_prompt_and_draw_only():
    first = ask()
    same = Ask("other", "m", {"max_tokens": 9, "temperature": 1.0}, "hello", "v2", SCHEMA, "0")
    assert first.key == same.key
    other = [ask("other"), ask(temperature=0.9), Ask("r1", "n", first.params, "hello", "v1", None, "0")]
    assert first.key not in {one.key for one in (*other, Ask("r1", "m", first.params, "hello", "v1", None, "1"))}


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason"),
    [
        (400, endpoint.error("no"), RowError, "bad_request"),
        (413, b"<html>too large</html>", RowError, "bad_request"),
        (422, {"detail": [{"loc": ["body", "messages"], "msg": "wrong"}]}, RowError, "bad_request"),
        (400, endpoint.error("filtered", "content_filter"), RowError, "content_filter"),
        (403, endpoint.error("Your input was flagged by moderation"), RowError, "content_filter"),
        (400, {"error": {"innererror": {"code": "ResponsibleAIPolicyViolation"}}}, RowError, "content_filter"),
        (400, endpoint.error("too long", "context_length_exceeded"), RowError, "context_length"),
        (400, {"object": "error", "message": "maximum context length is 4096 tokens"}, RowError, "context_length"),
        (429, endpoint.error("Request too large for m", "rate_limit_exceeded"), RowError, "context_length"),
        (408, b"", RetryError, "timeout"),
        (409, b"", RetryError, "conflict"),
        (425, b"", RetryError, "too_early"),
        (429, endpoint.error("slow down", "rate_limit_exceeded"), RetryError, "rate_limit"),
        (500, b"\xff\xfe", RetryError, "server_error"),
        (503, {"error": "loading model"}, RetryError, "server_error"),
        (529, b"overloaded", RetryError, "server_error"),
        (401, endpoint.error("bad key", "invalid_api_key"), StopError, None),
        (402, endpoint.error("Insufficient Balance"), StopError, None),
        (403, endpoint.error("no access to this project"), StopError, None),
        (404, endpoint.error("The model `m` does not exist", "model_not_found"), StopError, None),
        (429, endpoint.error("You exceeded your quota", "insufficient_quota", "insufficient_quota"), StopError, None),
        (400, endpoint.error("temperature must be 1", "unsupported_value", param="temperature"), StopError, None),
    ],
)  # fmt: skip
def test_every_kind_of_error_answer_is_told_apart(status, body, kind, reason):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    error = fault(SERVICE, status, {}, content)
    assert type(error) is kind
    assert getattr(error, "reason", None) == reason
    assert "http://127.0.0.1:1/v1" in str(error) and str(status) in str(error)
    if kind is RetryError:
        assert reason in RETRY_REASONS


def test_a_hopeless_error_says_what_to_do_next():
    advice = {401: "SOME_KEY", 402: "add credit", 403: "access", 404: "'model' (now 'm')", 405: "base_url"}
    for status, part in advice.items():
        assert part in str(fault(SERVICE, status, {}, b"{}"))


def test_errors_go_through_the_real_client_with_their_class():
    replies = [
        Reply(400, endpoint.error("no")),
        Reply(429, endpoint.error("slow"), {"Retry-After": "7"}),
        Reply(500, b"oops"),
        Reply(401, endpoint.error("who?")),
        Reply(reset=True),
        Reply(200, b"{not json"),
        Reply(200, {"choices": []}),
        Reply(200, {"error": {"message": "slow down", "code": 429}}),
        Reply(200, endpoint.completion("", finish_reason="content_filter")),
    ]
    with Endpoint(lambda number, request: replies[number]) as server:
        results = answer(server, *[ask()] * len(replies))
    assert [type(one) for one in results] == [
        RowError, RetryError, RetryError, StopError, RetryError, RetryError, RetryError, RetryError, RowError,
    ]  # fmt: skip
    assert [getattr(one, "reason", None) for one in results] == [
        "bad_request", "rate_limit", "server_error", None, "connection", "invalid_body", "no_choices", "rate_limit",
        "content_filter",
    ]  # fmt: skip
    assert results[1].wait == 7
    assert len(server.received) == len(replies)  # the client itself asks no second time


def test_an_answer_that_does_not_come_in_time_is_a_timeout_even_if_the_server_drips():
    with Endpoint(lambda number, request: Reply(delay=5)) as server:
        start = time.monotonic()
        result = answer(server, ask(), timeout=0.3)
    assert isinstance(result, RetryError) and result.reason == "timeout"
    assert time.monotonic() - start < 4


def test_a_service_that_is_not_there_is_unreachable():
    with Endpoint() as server:
        pass
    result = answer(server, ask())
    assert isinstance(result, RetryError) and result.reason == "unreachable"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "-4"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:09 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 9.0),
    ],
)
def test_the_wait_that_a_service_asks_for_is_read(headers, seconds):
    assert retry_after(headers) == seconds


def test_the_wait_may_be_a_date():
    wait = retry_after({"retry-after": formatdate(time.time() + 60, usegmt=True)})
    assert 55 < wait <= 60


@given(st.binary(max_size=200), st.integers(400, 599), st.dictionaries(st.just("retry-after"), st.text(max_size=20)))
def test_any_error_body_gives_a_one_line_error(content, status, headers):
    error = fault(SERVICE, status, headers, content)
    assert isinstance(error, PairsmithError)
    assert str(error).isprintable() and len(str(error)) < 600


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "message", "content", "usage", "prompt_tokens", "error", "code", "text", "refusal"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_body_is_an_answer_or_an_error_of_ours(body):
    try:
        result = read_answer(SERVICE, json.dumps(body).encode())
    except ServiceError:
        return
    assert isinstance(result.text, str)


def test_text_is_found_where_servers_put_it():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, {"type": "image"}, 3]
    for message, text in [
        ({"content": parts}, "ab"),
        ({"content": None, "refusal": "I cannot"}, "I cannot"),
        ({"content": None}, ""),
        ({"content": "half \ud83d of one"}, "half \ufffd of one"),
    ]:
        body = {"choices": [{"message": message, "finish_reason": "length"}]}
        assert read_answer(SERVICE, json.dumps(body).encode()) == Answer(text, "length")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, endpoint.error("Invalid parameter: 'response_format' of type 'json_schema' is not supported.")),
        (400, endpoint.error("This response_format type is unavailable now")),
        (400, {"object": "error", "message": "The provided JSON schema contains features not supported by xgrammar."}),
        (400, endpoint.error("failed to parse grammar")),
        (422, "Failed to deserialize: response_format: unknown variant `json_schema`, expected one of `text`"),
        (422, {"detail": [{"loc": ["body", "response_format"], "msg": "Extra inputs are not permitted"}]}),
        (501, {"error": "structured outputs are not implemented"}),
    ],
)  # fmt: skip
def test_a_refused_schema_is_left_out_for_the_rest_of_the_run(status, body, caplog):
    def script(number, request):
        return Reply(status, body) if "response_format" in request.body else Reply()

    with Endpoint(script) as server:
        results = answer(server, ask("1", SCHEMA), ask("2", SCHEMA), ask("3", SCHEMA))
    assert [one.text for one in results] == ["answer to 1", "answer to 2", "answer to 3"]
    assert ["response_format" in one.body for one in server.received] == [True, False, False, False]
    assert len(caplog.records) == 1


def test_a_schema_is_sent_where_there_is_one_and_the_spec_allows_it():
    with Endpoint() as server:
        answer(server, ask("1", SCHEMA), ask("2"))
        answer(server, ask("3", SCHEMA), structured_output=False)
    formats = [one.body.get("response_format") for one in server.received]
    assert formats[0]["json_schema"] == {"name": "answer", "schema": SCHEMA, "strict": True}
    assert formats[1:] == [None, None]


def test_a_bad_request_that_only_speaks_of_schemas_does_not_switch_them_off():
    def script(number, request):
        bad = request.prompt == "bad"
        return Reply(400, endpoint.error("cannot read: 'what is a json schema'")) if bad else Reply()

    with Endpoint(script) as server:
        first, _ = answer(server, ask("bad", SCHEMA), ask("good", SCHEMA))
    assert isinstance(first, RowError)
    assert "response_format" in server.received[-1].body


def test_an_endpoint_that_wants_max_completion_tokens_gets_it():
    refusal = endpoint.error("Use 'max_completion_tokens' instead.", "unsupported_parameter", param="max_tokens")

    def script(number, request):
        return Reply(400, refusal) if "max_tokens" in request.body else Reply()

    with Endpoint(script) as server:
        results = answer(server, ask("1"), ask("2"))
    assert all(isinstance(one, Answer) for one in results)
    assert [one.body.get("max_completion_tokens") for one in server.received] == [None, 9, 9]


def test_the_key_and_credentials_of_the_url_never_stand_in_a_message(caplog):
    def script(number, request):
        return Reply([401, 400, 429, 200][number], f"you sent {request.headers['authorization']}".encode())

    with Endpoint(script) as server:
        results = answer(server, *[ask()] * 4)
    assert KEY not in "".join(f"{one} {one!r} {one.__cause__} {one.__context__}" for one in results) + caplog.text
    assert "***" in str(results[0])
    told = str(fault(SERVICE, 401, {}, b"user:pass and token"))
    assert "pass@" not in told and "token=x" not in told and KEY not in repr(SERVICE)


def test_a_missing_key_is_named_and_nothing_is_sent(monkeypatch):
    monkeypatch.delenv("PAIRSMITH_TEST_KEY")
    chat = OpenAIChat(ModelSpec(base_url="https://example.invalid/v1", api_key_env="PAIRSMITH_TEST_KEY"))
    with pytest.raises(SpecError, match="PAIRSMITH_TEST_KEY"):
        asyncio.run(chat.answer(ask()))


def test_a_server_on_this_machine_needs_no_key(monkeypatch):
    monkeypatch.delenv("PAIRSMITH_TEST_KEY")
    with Endpoint() as server:
        assert answer(server, ask("x")).text == "answer to x"
    assert KEY not in str(server.received)


def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(monkeypatch):
    monkeypatch.setenv("PAIRSMITH_TEST_KEY", "sk-abc\ndef")
    chat = OpenAIChat(ModelSpec(base_url="http://127.0.0.1:1/v1", api_key_env="PAIRSMITH_TEST_KEY"))
    with pytest.raises(SpecError, match="PAIRSMITH_TEST_KEY") as caught:
        asyncio.run(chat.answer(ask()))
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize("url", ["127.0.0.1:8000/v1", "ftp://x/v1", "http://", "http://x:port/v1"])
def test_a_base_url_that_is_none_is_refused(url):
    with pytest.raises(SpecError, match="base_url"):
        OpenAIChat(ModelSpec(base_url=url))


def test_schema_words_are_only_looked_for_in_refusals():
    assert not refuses_schema(500, b"response_format") and not refuses_schema(400, b"bad temperature")


def recorded(tmp_path, *lines):
    path = tmp_path / "answers.jsonl"
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines))
    return path


def recorded_ask(name):
    return Ask(name, "recorded", {}, "", None, None, name)


def test_recorded_answers_come_by_id_and_brainstorms_by_group_and_call(tmp_path):
    path = recorded(
        tmp_path,
        b'\xef\xbb\xbf{"id": "a", "completion": "A", "finish_reason": "length"}',
        b"",
        {"group": "sts", "call": 3, "completion": "B"},
        {"id": "a", "completion": "A", "finish_reason": "length"},
        {"id": "c", "completion": "x\u2028y", "finish_reason": None},
    )
    chat = open_chat(ModelSpec(provider="recorded", answers=path.name), tmp_path)
    found = [asyncio.run(chat.answer(recorded_ask(name))) for name in ("a", "brainstorm-sts-3", "c")]
    assert found == [Answer("A", "length"), Answer("B", "stop"), Answer("x\u2028y", "stop")]


def test_an_id_without_a_recorded_answer_fails_alone(tmp_path):
    chat = RecordedChat(recorded(tmp_path, {"id": "a", "completion": "A"}))
    with pytest.raises(RowError, match="'b'") as caught:
        asyncio.run(chat.answer(recorded_ask("b")))
    assert caught.value.reason == "not_recorded"


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[1]",
        b"\xff",
        b"[" * 100_000,
        {"id": "a"},
        {"id": "a", "completion": None},
        {"id": "", "completion": "x"},
        {"id": 5, "completion": "x"},
        {"completion": "x"},
        {"group": "sts", "completion": "x"},
        {"id": "a", "completion": "x", "finish_reason": 3},
        {"id": "ok", "completion": "another"},
    ],
)
def test_a_bad_line_of_recorded_answers_is_named(tmp_path, line):
    path = recorded(tmp_path, {"id": "ok", "completion": "x"}, b"", line)
    with pytest.raises(InputError, match=r"answers\.jsonl:3: ") as caught:
        RecordedChat(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_of_recorded_answers_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.jsonl"):
        open_chat(ModelSpec(provider="recorded", answers="nothing.jsonl"), tmp_path)


def test_the_shipped_recordings_are_read():
    requests = [
        json.loads(line)["id"] for line in (RECORDED / "requests.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    chat = RecordedChat(RECORDED / "completions.jsonl")
    assert len([asyncio.run(chat.answer(recorded_ask(name))) for name in requests[:50]]) == 50
    assert asyncio.run(RecordedChat(RECORDED / "brainstorm.jsonl").answer(recorded_ask("brainstorm-short_long-0"))).text


def test_counts_of_tokens_that_cannot_be_true_are_not_believed():
    body = {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}
    for usage, told in [
        ({"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 10**9}}, (10, None, None)),
        ({"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 11}}, (10, None, 10)),
        (
            {"prompt_tokens": 10**15, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}},
            (None, 3, None),
        ),
    ]:
        found = read_answer(SERVICE, json.dumps({**body, "usage": usage}).encode())
        assert (found.tokens_in, found.tokens_out, found.tokens_cached) == told
