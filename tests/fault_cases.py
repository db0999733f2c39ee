"""The cases of the fault matrix: what a service does to one request, and what becomes of that request."""

import gzip
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from typing import Any

from endpoint import FAULTS, Reply, completion, error

RETRIES = 2  # further tries in each case
TIMEOUT = 2.0  # seconds, where the case is about time: a busy machine answers a sound request well within


@dataclass(frozen=True)
class Answered:
    """The request is answered in the end; with ``text`` and ``finish`` where the case is about them."""

    tries: int = 1
    text: str | None = None
    finish: str = "stop"
    tokens: tuple[int | None, int | None] = (7, 5)
    note: str = ""

    def __str__(self) -> str:
        said = "the answer counts" if self.tries == 1 else "asked again, and answered"
        return f"{said}{self.note and f'; {self.note}'}"


@dataclass(frozen=True)
class Fails:
    """The request is given up, alone."""

    reason: str
    tries: int = 1

    def __str__(self) -> str:
        if self.tries > 1:
            return f"asked again `retries` times and at the end of the run, then given up: `{self.reason}`"
        return f"this request is given up at once: `{self.reason}`"


@dataclass(frozen=True)
class Stops:
    """The run stops with one line that holds ``told``; what was answered is kept."""

    told: str

    def __str__(self) -> str:
        return f"the run stops at once and says: {self.told}"


@dataclass(frozen=True)
class Case:
    """``name``: what the service does; ``reply``: its answer to the faulty request, at the first try or ``always``.

    ``free``: with status 200, but nothing that a provider bills. ``wait``: seconds to the next try at least.
    ``others``: the answer to all other requests.
    """

    name: str
    reply: Callable[[], Reply]
    outcome: Answered | Fails | Stops
    always: bool = False
    free: bool = False
    wait: float = 0.0
    timeout: float = 60.0
    others: Callable[[], Reply] = Reply


def answer(text: str, **more: object) -> Callable[[], Reply]:
    return lambda: Reply(body=completion(text, **more))


def choice(message: dict[str, Any] | None) -> Callable[[], Reply]:
    return lambda: Reply(body=completion("") | {"choices": [{"index": 0, "message": message}]})


def usage(told: object) -> Callable[[], Reply]:
    return lambda: Reply(body=completion("an answer") | {"usage": told})


def bomb() -> Reply:
    packed = gzip.compress(json.dumps(completion("word " * 8_000_000)).encode(), 1)
    return Reply(body=packed, headers={"content-encoding": "gzip"})


def by_the_services_clock() -> Reply:
    """A service whose clock is an hour ahead asks to wait a second."""
    there = time.time() + 3600
    return Reply(
        429, headers={"date": formatdate(there, usegmt=True), "retry-after": formatdate(there + 1, usegmt=True)}
    )


def coded(status: int, message: str, code: str | None = None) -> Callable[[], Reply]:
    return lambda: Reply(status, error(message, code))


def each(outcome: Answered | Fails | Stops, replies: dict[str, Callable[[], Reply]], **options: Any) -> list[Case]:
    """A case for each of ``replies`` (what the service does -> its answer) that has the same outcome."""
    return [Case(name, reply, outcome, **options) for name, reply in replies.items()]


again = Answered(tries=2)
given_up = RETRIES + 2

THIS_REQUEST_ONLY = [
    *each(
        Fails("bad_request"),
        {
            "400": coded(400, "no"),
            "413 with an HTML page": lambda: Reply(413, b"<html>too large</html>"),
            "422": lambda: Reply(422, {"detail": [{"msg": "wrong"}]}),
        },
    ),
    *each(
        Fails("content_filter"),
        {
            "content filter: 400, code `content_filter`": coded(400, "no", "content_filter"),
            "content filter: 400, `innererror` of Azure": lambda: Reply(
                400, {"error": {"innererror": {"code": "ResponsibleAIPolicyViolation"}}}
            ),
            "content filter: 400, code `data_inspection_failed`": coded(400, "no", "data_inspection_failed"),
            "content filter: 403 that speaks of moderation": coded(403, "Your input was flagged by moderation"),
            "content filter: `finish_reason` of an answer": answer("half an", finish_reason="content_filter"),
        },
    ),
    *each(
        Fails("context_length"),
        {
            "context length: 400, code `context_length_exceeded`": coded(400, "no", "context_length_exceeded"),
            "context length: 400 in the words of vLLM": lambda: Reply(
                400, {"object": "error", "message": "This model's maximum context length is 4096 tokens"}
            ),
            "context length: 429 for one request that is too large": coded(429, "Request too large for m", "tokens"),
        },
    ),
    *each(
        Fails("answer_too_large"),
        {
            "an answer of more than 16 MiB": FAULTS["huge"],
            "an answer of more than 16 MiB once unpacked (gzip)": bomb,
        },
    ),
]

CORRECT = "correct 'model' (now 'm') or 'base_url' in factory.yml"

EVERY_REQUEST = [
    Case("401", coded(401, "Incorrect API key"), Stops("put a valid key into the environment variable")),
    Case("402", coded(402, "Insufficient Balance"), Stops("add credit at the provider")),
    Case("403", coded(403, "no access to this project"), Stops("ask the provider for access")),
    Case("404, unknown model", coded(404, "no model `m`", "model_not_found"), Stops(CORRECT)),
    Case("405", lambda: Reply(405, b""), Stops(CORRECT)),
    Case("407", lambda: Reply(407, b""), Stops("the proxy wants a login")),
    Case("410", lambda: Reply(410, b""), Stops(CORRECT)),
    Case("301 to another place", FAULTS["redirect"], Stops("it redirects to /v1/elsewhere")),
    Case(
        "400, code `unsupported_value`",
        coded(400, "temperature must be 1", "unsupported_value"),
        Stops("change that setting of the model"),
    ),
    Case(
        "429, code `insufficient_quota`",
        coded(429, "You exceeded your quota", "insufficient_quota"),
        Stops("add credit at the provider"),
    ),
    Case(
        "429 that asks to wait longer than a quarter of an hour",
        lambda: Reply(429, headers={"Retry-After": "100000"}),
        Stops("it asks to wait 100000 s"),
    ),
]

STATUSES = [
    *each(again, {str(status): partial(Reply, status) for status in (408, 409, 425, 429, 500, 503)}),
    *each(
        again,
        {
            "429 with a `Retry-After` that is none": lambda: Reply(429, headers={"Retry-After": "soon"}),
            "429 with a negative `Retry-After`": lambda: Reply(429, headers={"Retry-After": "-5"}),
            "502 with an HTML page": lambda: Reply(502, b"<html>Bad Gateway</html>"),
            "502 with a page of more than 16 MiB": lambda: Reply(502, b"<html>" + b"x" * 20_000_000),
            "529": lambda: Reply(529, b"overloaded"),
        },
    ),
    *each(
        again,
        {
            "429 with `Retry-After` in seconds": lambda: Reply(429, headers={"Retry-After": "1"}),
            "429 with `Retry-After` as a date, by a clock that is an hour off": by_the_services_clock,
            "503 with `Retry-After`": lambda: Reply(503, headers={"Retry-After": "1"}),
        },
        wait=1.0,
    ),
    Case("429 with `retry-after-ms`", lambda: Reply(429, headers={"retry-after-ms": "600"}), again, wait=0.6),
    Case("500 at every try", partial(Reply, 500), Fails("server_error", given_up), always=True),
]

TRANSPORT = [
    *each(
        again,
        {
            "the connection is reset": FAULTS["reset"],
            "the connection is closed before any byte": FAULTS["closed_before_any_byte"],
            "the head is cut": FAULTS["cut_head"],
            "the body is cut": FAULTS["cut_body"],
            "the last chunk is cut": FAULTS["cut_chunks"],
            "a status line that is no HTTP": FAULTS["no_http"],
            "a header of 100 KB": lambda: Reply(headers={"x-large": "x" * 100_000}),
        },
    ),
    Case("the connection is reset at every try", FAULTS["reset"], Fails("connection", given_up), always=True),
    *each(
        again,
        {
            "no answer within `timeout`": lambda: Reply(delay=60),
            "slow headers: a byte now and then, beyond `timeout`": lambda: Reply(drip=0.2),
            "a body that never ends: a byte now and then, beyond `timeout`": lambda: Reply(drip=0.05, drip_body=True),
        },
        timeout=TIMEOUT,
    ),
    Case("slow headers within `timeout`", lambda: Reply(drip=0.002), Answered()),
    Case("interim responses (103) before the answer", FAULTS["interim_heads"], Answered()),
]

BODIES = [
    *each(
        again,
        {
            "gzip is announced and plain text comes": FAULTS["wrong_encoding"],
            "an HTML page with status 200": FAULTS["html"],
            "a stream of events that nobody asked for": FAULTS["stream"],
            "204": lambda: Reply(204, b""),
            "an empty body": FAULTS["empty_body"],
            "half a JSON body": FAULTS["cut_json"],
            "invalid UTF-8": FAULTS["invalid_utf8"],
            "JSON nested 500,000 deep": lambda: Reply(body=b"[" * 500_000),
            "`choices` is empty": FAULTS["no_choices"],
            "`message` is null": choice(None),
        },
    ),
    Case("`choices` is empty at every try", FAULTS["no_choices"], Fails("no_choices", given_up), always=True),
    *each(
        again,
        {
            "an error in place of the answer, with status 200": FAULTS["error_with_200"],
            "an error 429 in the body, with status 200": lambda: Reply(
                body={"error": {"message": "slow", "code": 429}}
            ),
            "`finish_reason` is `error`": answer("half an", finish_reason="error"),
        },
        free=True,
    ),
]

estimated = Answered(text="an answer", tokens=(None, None), note="its tokens are estimated")

ANSWERS = [
    Case(
        "`finish_reason` is `length`",
        answer("half an", finish_reason="length"),
        Answered(text="half an", finish="length", note="the parser judges it"),
    ),
    Case(
        "`content` is null",
        choice({"content": None}),
        Answered(text="", note="an empty text, which the parser judges"),
    ),
    Case(
        "the model refuses (field `refusal`)",
        choice({"content": None, "refusal": "I can't"}),
        Answered(text="I can't", note="the refusal is its text"),
    ),
    Case(
        "`content` is a list of parts",
        choice({"content": [{"type": "text", "text": "an "}, {"type": "text", "text": "answer"}]}),
        Answered(text="an answer"),
    ),
    Case(
        "wrong content type with a sound body",
        lambda: Reply(headers={"content-type": "text/html; charset=utf-16"}),
        Answered(),
    ),
    Case(
        "the same response id for every answer",
        FAULTS["same_id"],
        Answered(text="an answer", note="ids of a service mean nothing"),
        others=FAULTS["same_id"],
    ),
    *each(
        estimated,
        {
            "`usage` is missing": lambda: Reply(body={"choices": [{"message": {"content": "an answer"}}]}),
            "`usage` is negative": usage({"prompt_tokens": -1, "completion_tokens": -1}),
            "`usage` holds texts": usage({"prompt_tokens": "7", "completion_tokens": "5"}),
        },
    ),
    Case(
        "keys that no one knows",
        lambda: Reply(body={"x": [None], **completion("an answer", logprobs={"y": 1})}),
        Answered(text="an answer"),
    ),
    Case(
        "half a surrogate pair in the text",
        answer("a \ud800 b"),
        Answered(text="a \ufffd b", note="U+FFFD stands in its place"),
    ),
    Case("NUL in the text", answer("a\0b"), Answered(text="a\0b")),
]

CASES = [*THIS_REQUEST_ONLY, *EVERY_REQUEST, *STATUSES, *TRANSPORT, *BODIES, *ANSWERS]
