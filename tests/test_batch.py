import asyncio
import hashlib
import json
from itertools import count, pairwise

import pytest
from endpoint import Endpoint
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.factory.batch import MAX_REQUESTS, Line, convert, read_answers, request_keys, write_requests
from pairsmith.factory.chat import Answer, Ask, OpenAIChat, RecordedChat
from pairsmith.factory.errors import InputError, RetryError, RowError, StopError
from pairsmith.factory.faults import Service
from pairsmith.factory.spec import ModelSpec

SERVICE = Service("http://127.0.0.1:1/v1", "m", "SOME_KEY")
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def ask(number=1, prompt=None, model="m", schema=None, draw="0"):
    return Ask(f"r{number}", model, {"temperature": 1.0, "max_tokens": 9}, prompt or f"p{number}", "v1", schema, draw)


def paths(folder):
    return (folder / f"requests-{number}.jsonl" for number in count(1))


def write(folder, asks, **limits):
    return list(write_requests(iter(asks), paths(folder), **limits))


def lines_of(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def write_lines(path, *lines):
    path.write_bytes(
        b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    )
    return path


def done(key, text, **choice):
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", **choice}
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 2}}
    body = {"id": "chatcmpl-1", "choices": [choice], "usage": usage}
    response = {"status_code": 200, "request_id": "req_1", "body": body}
    return {"id": f"batch_req_{key}", "custom_id": key, "response": response, "error": None}


def failed(key, status, body=None, error=None):
    response = {"status_code": status, "request_id": "req_1", "body": body}
    return {"id": f"batch_req_{key}", "custom_id": key, "response": response, "error": error}


def read(path):
    return list(read_answers(path, SERVICE))


# ---------------------------------------------------------------------------------------------------------- requests


@pytest.mark.parametrize("structured", [True, False])
def test_a_request_line_holds_exactly_what_the_live_client_sends(tmp_path, structured):
    asks = [ask(1, schema=SCHEMA), ask(2, prompt="ʻ\x00\u2028 \"'"), ask(3)]
    (file,) = write(tmp_path, asks, without=() if structured else ("response_format",))

    async def live(server):
        chat = OpenAIChat(ModelSpec(base_url=server.base_url, model="m", structured_output=structured))
        for one in asks:
            await chat.answer(one)
        await chat.aclose()

    with Endpoint() as server:
        asyncio.run(live(server))
    for line, one, received in zip(lines_of(file.path), asks, server.received, strict=True):
        assert line == {
            "custom_id": one.key,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": received.body,
        }


def test_the_same_asks_give_the_same_bytes_and_the_file_says_what_it_holds(tmp_path):
    asks = [ask(number) for number in range(5)]
    (first,), (second,) = write(tmp_path / "a", asks), write(tmp_path / "b", asks)
    content = first.path.read_bytes()
    assert content == second.path.read_bytes()
    assert (first.requests, first.bytes, first.model) == (5, len(content), "m")
    assert first.sha256 == second.sha256 == hashlib.sha256(content).hexdigest()
    assert request_keys(first.path) == [one.key for one in asks]


def test_a_request_is_one_line_for_any_reader(tmp_path):
    (file,) = write(tmp_path, [ask(1, prompt="a\u2028b\u2029c\x85d\r\ne\x1cf")])
    (line,) = file.path.read_text("utf-8").splitlines()
    assert json.loads(line)["body"]["messages"][0]["content"] == "a\u2028b\u2029c\x85d\r\ne\x1cf"


def test_a_file_holds_at_most_fifty_thousand_requests(tmp_path):
    files = write(tmp_path, (ask(1, prompt="p", draw=str(number)) for number in range(MAX_REQUESTS + 1)))
    assert [file.requests for file in files] == [50_000, 1]


@given(sizes=st.lists(st.integers(1, 60), max_size=25), most=st.integers(1, 7), room=st.integers(300, 900))
def test_files_keep_to_both_limits_hold_every_ask_once_and_could_not_be_fewer(tmp_path_factory, sizes, most, room):
    folder = tmp_path_factory.mktemp("files")
    asks = [ask(number, prompt="ü" * size) for number, size in enumerate(sizes)]
    files = write(folder, asks, max_requests=most, max_bytes=room)
    assert [key for file in files for key in request_keys(file.path)] == [one.key for one in asks]
    for file in files:
        assert file.requests <= most and file.bytes == file.path.stat().st_size <= room
    for file, following in pairwise(files):
        head = len(following.path.read_bytes().splitlines(keepends=True)[0])
        assert file.requests == most or file.bytes + head > room


def test_a_file_goes_to_one_model(tmp_path):
    files = write(tmp_path, [ask(1), ask(2, model="other"), ask(3, model="other")])
    assert [(file.model, file.requests) for file in files] == [("m", 1), ("other", 2)]


def test_a_request_that_no_file_can_hold_is_named(tmp_path):
    with pytest.raises(InputError, match=r"request 'r2': .* bytes, a batch file takes 300"):
        write(tmp_path, [ask(1), ask(2, prompt="x" * 300)], max_bytes=300)
    with pytest.raises(InputError, match=r"request 'r1'.*half a character"):
        write(tmp_path, [ask(1, prompt="\ud800")])
    assert not list(tmp_path.glob("*"))


def test_a_file_that_holds_no_requests_is_refused_as_one(tmp_path):
    with pytest.raises(InputError, match=r"out\.jsonl:1: not a request line"):
        request_keys(write_lines(tmp_path / "out.jsonl", done("a", "A")))


# ----------------------------------------------------------------------------------------------------------- answers


def test_answers_come_with_their_tokens_as_they_do_live(tmp_path):
    (line,) = read(write_lines(tmp_path / "out.jsonl", done("a", "A", finish_reason="length")))
    assert line == Line(f"{tmp_path}/out.jsonl:1", "a", Answer("A", "length", 7, 5, 2))


def api(code=None):
    """An error body of the OpenAI API."""
    return {"error": {"message": "no", "type": "invalid_request_error", "param": None, "code": code}}


def not_run(error):
    return {"id": "batch_req_a", "custom_id": "a", "response": None, "error": error}


TOO_LONG = "This model's maximum context length is 10 tokens"
BAD = {"error": {"message": "bad", "type": "BadRequestError", "code": 400}}
UNKNOWN = {"object": "error", "message": "The model `m` does not exist.", "code": 404}
BROKEN = {"error": {"message": "oops", "type": "InternalServerError"}}


@pytest.mark.parametrize(
    ("line", "kind", "reason"),
    [
        (failed("a", 400, api()), RowError, "bad_request"),
        (failed("a", 400, api("content_filter")), RowError, "content_filter"),
        (failed("a", 400, api("context_length_exceeded")), RowError, "context_length"),
        (done("a", "", finish_reason="content_filter"), RowError, "content_filter"),
        (failed("a", 429, api("rate_limit_exceeded")), RetryError, "rate_limit"),
        (failed("a", 500, api()), RetryError, "server_error"),
        (failed("a", 503), RetryError, "server_error"),
        (failed("a", 200), RetryError, "invalid_body"),
        (failed("a", 200, {"choices": []}), RetryError, "no_choices"),
        (failed("a", 401, api("invalid_api_key")), StopError, None),
        (failed("a", 404, api("model_not_found")), StopError, None),
        (failed("a", 429, api("insufficient_quota")), StopError, None),
        (not_run({"code": "batch_expired", "message": "late"}), RetryError, "expired"),
        (not_run({"code": "batch_cancelled"}), RetryError, "cancelled"),
        (not_run("what?"), RetryError, "expired"),
        # the forms of vLLM's errors
        (failed("a", 400, error=TOO_LONG), RowError, "context_length"),
        (failed("a", 400, error=BAD), RowError, "bad_request"),
        (failed("a", 404, error=UNKNOWN), StopError, None),
        (failed("a", 500, error=BROKEN), RetryError, "server_error"),
        (failed("a", 400, error="EngineCore encountered an issue. See stack trace"), RetryError, "server_error"),
        (failed("a", 400, error="CUDA out of memory"), RetryError, "server_error"),
    ],
)
def test_every_kind_of_error_line_is_told_apart_as_live(tmp_path, line, kind, reason):
    (found,) = read(write_lines(tmp_path / "errors.jsonl", line))
    assert found.key == "a" and type(found.outcome) is kind and getattr(found.outcome, "reason", None) == reason
    assert "\n" not in str(found.outcome)


def test_what_an_endpoint_refuses_as_such_is_noted(tmp_path):
    schema = {"error": {"message": "response_format is not supported", "code": None}}
    tokens = {"error": {"message": "use 'max_completion_tokens' instead", "code": "unsupported_parameter"}}
    found = read(
        write_lines(tmp_path / "e.jsonl", failed("a", 400, schema), failed("b", 400, tokens), failed("c", 400))
    )
    assert [line.refuses for line in found] == ["response_format", "max_tokens", None]


def test_a_bad_line_is_named_and_costs_no_other(tmp_path):
    bad = [
        b"{",
        b"[1]",
        b"\xff\xfe",
        b'{"custom_id": 3}',
        b'{"custom_id": "x"}',
        b'{"custom_id": "x", "response": {"status_code": "200"}}',
        b"[" * 100_000,
        b'{"custom_id": "b", "respon',
    ]
    lines = read(write_lines(tmp_path / "out.jsonl", *(part for line in bad for part in (line, done("a", "A"), b""))))
    assert [line.outcome.text for line in lines if isinstance(line, Line)] == ["A"] * len(bad)
    wrong = [str(line) for line in lines if isinstance(line, InputError)]
    assert len(wrong) == len(bad)
    assert all(text.startswith(f"{tmp_path}/out.jsonl:{3 * at + 1}: ") for at, text in enumerate(wrong))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.jsonl: cannot be read \(No such file"):
        read(tmp_path / "none.jsonl")


NAMES = st.sampled_from(["custom_id", "response", "error", "status_code", "body", "choices", "message", "code"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.binary(max_size=30) | JSON.map(lambda value: json.dumps(value).encode()), max_size=6))
def test_any_line_is_an_outcome_or_an_error_of_ours(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("any") / "out.jsonl"
    for found in read(write_lines(path, *lines)):
        assert isinstance(found, Line | InputError)


# -------------------------------------------------------------------------------------------------------- conversion

ANSWERS = st.dictionaries(
    st.text(min_size=1, max_size=9).filter(lambda text: text.isprintable()),
    st.tuples(st.text(max_size=40), st.sampled_from(["stop", "length", "tool_calls"])),
    min_size=1,
    max_size=6,
)


@given(ANSWERS)
def test_recorded_answers_become_a_batchs_output_and_come_back_the_same(tmp_path_factory, answers):
    folder = tmp_path_factory.mktemp("convert")
    records = [{"id": key, "completion": text, "finish_reason": finish} for key, (text, finish) in answers.items()]
    recorded = write_lines(folder / "recorded.jsonl", *records)
    there = convert(recorded, folder / "output.jsonl")
    back = convert(folder / "output.jsonl", folder / "again.jsonl")
    assert (there.to, back.to) == ("batch", "recorded") and there.answers == back.answers == len(answers)
    assert lines_of(folder / "again.jsonl") == records


def test_recorded_brainstorms_get_the_id_that_they_answer(tmp_path):
    source = write_lines(tmp_path / "b.jsonl", {"group": "short_long", "call": 2, "completion": "[]"})
    convert(source, tmp_path / "output.jsonl")
    (line,) = read(tmp_path / "output.jsonl")
    assert line.key == "brainstorm-short_long-2"


def test_a_converted_output_serves_as_recorded_answers_and_says_what_it_left_out(tmp_path):
    output = write_lines(
        tmp_path / "output.jsonl", b"{", failed("c", 400), done("a", "A"), done("a", "later"), failed("d", 401)
    )
    found = convert(output, tmp_path / "answers.jsonl", rename=lambda key: f"id-of-{key}")
    assert (found.answers, found.left_out) == (1, {"bad_request": 1, "stop": 1})
    assert len(found.bad) == 1 and "output.jsonl:1" in found.bad[0]
    one = Ask("id-of-a", "recorded", {}, "", None, None, "id-of-a")
    assert asyncio.run(RecordedChat(tmp_path / "answers.jsonl").answer(one)).text == "A"


def test_a_conversion_overwrites_nothing_and_wants_one_of_the_two_formats(tmp_path):
    source, target = write_lines(tmp_path / "a.jsonl", done("a", "A")), tmp_path / "b.jsonl"
    target.write_text("mine")
    with pytest.raises(InputError, match=r"b\.jsonl: is there already"):
        convert(source, target)
    assert target.read_text() == "mine"
    with pytest.raises(InputError, match="neither recorded answers"):
        convert(write_lines(tmp_path / "c.jsonl", {"a": 1}), tmp_path / "d.jsonl")
