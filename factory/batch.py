"""Batch files: requests and answers as JSON lines, for the OpenAI Batch API and for ``vllm run-batch`` without a server.

A request line is ``{"custom_id", "method", "url", "body"}``, an answer line ``{"id", "custom_id", "response": {"status_code",
"request_id", "body"}, "error"}``. ``custom_id`` is the ask's key, ``body`` is what is sent live, and an answer is read as a
live one is: the same errors, told apart in the same way.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from pairsmith.factory.chat import Answer, Ask, read_answer, read_recorded, request_body
from pairsmith.factory.errors import InputError, RetryError, ServiceError
from pairsmith.factory.faults import Service, fault, refuses_max_tokens, refuses_schema
from pairsmith.factory.folder import written_whole
from pairsmith.factory.json_lines import json_lines

URL: Literal["/v1/chat/completions"] = "/v1/chat/completions"
MAX_REQUESTS = 50_000
"""Requests that the Batch API takes in one file."""
MAX_BYTES = 200_000_000
"""Bytes that it takes in one file: "200 MB" in the smaller of its two meanings."""

_LINE_ENDS = "\x85\u2028\u2029"
_ENGINE_DIED = re.compile(r"engine ?(?:core|dead|process|loop)|out of memory|cuda error", re.IGNORECASE)
"""``vllm run-batch`` reports whatever it stumbled over as 400; these are its own troubles, not the request's."""


@dataclass(frozen=True)
class RequestFile:
    """A file of requests to one model; ``sha256`` in hex, of its bytes."""

    path: Path
    model: str
    requests: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Line:
    """What became of the request ``key``. ``place``: file and line; ``refuses``: a feature that may be the only trouble."""

    place: str
    key: str
    outcome: Answer | ServiceError
    refuses: str | None = None


@dataclass(frozen=True)
class Conversion:
    """``to``: ``batch`` or ``recorded``; ``left_out``: lines that hold no answer, by reason; ``bad``: unreadable ones."""

    to: str
    answers: int
    left_out: dict[str, int]
    bad: list[str]


# ---------------------------------------------------------------------------------------------------------- requests


def write_requests(
    asks: Iterable[Ask],
    paths: Iterator[Path],
    without: Collection[str] = (),
    max_requests: int = MAX_REQUESTS,
    max_bytes: int = MAX_BYTES,
) -> Iterator[RequestFile]:
    """Write ``asks`` to as many of ``paths`` as they need, and yield each file as it is written, whole and on disk.

    The next file begins where the next request does not fit, or goes to another model. The same asks give the same
    bytes. ``without``: features that the endpoint refuses, as in :func:`~pairsmith.factory.chat.request_body`. Raises
    :class:`InputError` for a request that no file can hold.
    """
    lines = ((ask, _request_line(ask, without, max_bytes)) for ask in asks)
    first = next(lines, None)
    while first is not None:
        path = next(paths)
        with written_whole(path) as beside, beside.open("wb") as file:
            written = _Written(file)
            model = first[0].model
            following: tuple[Ask, bytes] | None = first
            while following and following[0].model == model and written.fits(following[1], max_requests, max_bytes):
                written.add(following[1])
                following = next(lines, None)
            first = following
        yield RequestFile(path, model, written.requests, written.bytes, written.sha256)


class _Written:
    """What a file holds so far."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.requests = 0
        self.bytes = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def fits(self, line: bytes, max_requests: int, max_bytes: int) -> bool:
        return self.requests < max_requests and self.bytes + len(line) <= max_bytes

    def add(self, line: bytes) -> None:
        self._file.write(line)
        self._digest.update(line)
        self.requests += 1
        self.bytes += len(line)


def _request_line(ask: Ask, without: Collection[str], max_bytes: int) -> bytes:
    try:
        line = _json_line(
            {"custom_id": ask.key, "method": "POST", "url": URL, "body": request_body(ask, without)}, ascii_only=False
        )
    except UnicodeEncodeError:
        raise InputError(
            f"request '{ask.id}': its prompt holds half a character (a lone surrogate); correct it"
        ) from None
    if len(line) > max_bytes:
        raise InputError(
            f"request '{ask.id}': {len(line):,} bytes, a batch file takes {max_bytes:,}; ask it with 'pairsmith generate'"
        )
    return line


def request_keys(path: Path) -> list[str]:
    """The keys of the asks in a file of requests, in its order; raises :class:`InputError` where it is no such file."""
    keys = []
    for place, record in _records(path):
        if isinstance(record, InputError) or record.get("url") != URL or not _key(record):
            raise InputError(f"{place}: not a request line; write the file again with 'pairsmith batch export'")
        keys.append(_key(record))
    return keys


# ----------------------------------------------------------------------------------------------------------- answers


def read_answers(path: Path, service: Service) -> Iterator[Line | InputError]:
    """The lines of an output or error file of the Batch API, or of what ``vllm run-batch`` wrote.

    A line that cannot be read comes as an :class:`InputError` that names file and line; those after it are read on.
    ``service`` is who answered, as messages name it. What the service did not come to (expired, cancelled) and what
    passes is a :class:`~pairsmith.factory.errors.RetryError`, as live.
    """
    for place, record in _records(path):
        if isinstance(record, InputError):
            yield record
            continue
        try:
            yield _line(place, record, service)
        except RecursionError:
            yield InputError(f"{place}: nested too deeply; the line is left out")


def _line(place: str, record: dict[str, Any], service: Service) -> Line | InputError:
    key = _key(record)
    if not key:
        return InputError(f"{place}: no 'custom_id' (a text); the line is left out")
    response, error = record.get("response"), record.get("error")
    if isinstance(response, dict):
        return _response(place, key, response, error, service)
    if error is None:
        return InputError(f"{place}: neither 'response' nor 'error' of request '{key}'; the line is left out")
    return Line(place, key, _not_run(error, service))


def _response(place: str, key: str, response: dict[str, Any], error: Any, service: Service) -> Line | InputError:
    status = response.get("status_code")
    if not isinstance(status, int) or not 200 <= status < 600:
        return InputError(f"{place}: 'status_code' of request '{key}' is {status!r:.40}; the line is left out")
    if status < 300:
        try:
            return Line(place, key, read_answer(service, _json_line(response.get("body"))))
        except ServiceError as fault_inside:
            return Line(place, key, fault_inside)
    content = _json_line(_error_body(response.get("body"), error))
    if status == 400 and isinstance(error, str) and _ENGINE_DIED.search(error):
        return Line(place, key, RetryError(f"{service.place}: {service.says(error)}", "server_error"))
    refuses = "response_format" if refuses_schema(status, content) else None
    refuses = "max_tokens" if refuses_max_tokens(status, content) else refuses
    return Line(place, key, fault(service, status, {}, content), refuses)


def _error_body(body: Any, error: Any) -> Any:
    """The error as an endpoint's body has it: the Batch API keeps the body, vLLM only what was wrong, in three forms."""
    if body:
        return body
    return error if isinstance(error, dict) else {"error": error}


def _not_run(error: Any, service: Service) -> RetryError:
    """The service never came to the request: the batch expired, or was cancelled."""
    code, message = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, error)
    reason = "cancelled" if "cancel" in str(code) else "expired"
    return RetryError(f"{service.place}: {service.says(f'{code or reason}: {message}')}", reason)


# -------------------------------------------------------------------------------------------------------- conversion


def convert(source: Path, target: Path, rename: Callable[[str], str] = str) -> Conversion:
    """Write recorded answers as an output file of a batch, or such a file as recorded answers, whichever ``source`` holds.

    ``rename`` gives the id in ``target`` for one in ``source``. Of several answers to one request the first is kept.
    Raises :class:`InputError` where ``source`` is neither, or ``target`` is there already.
    """
    if target.exists():
        raise InputError(f"{target}: is there already and stays as it is; name another file")
    left_out: Counter[str] = Counter()
    bad: list[str] = []
    recorded = _is_recorded(source)
    found = read_recorded(source) if recorded else _answers_once(source, left_out, bad)
    with written_whole(target) as beside, beside.open("wb") as file:
        for key, answer in found.items():
            file.write(_json_line(_output(rename(key), answer) if recorded else _record(rename(key), answer)))
    return Conversion("batch" if recorded else "recorded", len(found), dict(left_out), bad)


def _is_recorded(source: Path) -> bool:
    for _, record in _records(source):
        if not isinstance(record, InputError) and "completion" in record:
            return True
        if not isinstance(record, InputError) and _key(record):
            return False
    raise InputError(f"{source}: holds neither recorded answers ('completion') nor answers of a batch ('custom_id')")


def _answers_once(source: Path, left_out: Counter[str], bad: list[str]) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    for line in read_answers(source, Service(source.resolve().as_uri(), "", "")):
        if isinstance(line, InputError):
            bad.append(str(line))
        elif isinstance(line.outcome, Answer):
            found.setdefault(line.key, line.outcome)
        else:
            left_out[getattr(line.outcome, "reason", "stop")] += 1
    return found


def _output(key: str, answer: Answer) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.text}
    choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason}
    body = {"object": "chat.completion", "choices": [choice]}
    response = {"status_code": 200, "request_id": f"recorded-{key}", "body": body}
    return {"id": f"recorded-{key}", "custom_id": key, "response": response, "error": None}


def _record(key: str, answer: Answer) -> dict[str, Any]:
    return {"id": key, "completion": answer.text, "finish_reason": answer.finish_reason}


# ------------------------------------------------------------------------------------------------------------- lines


def _records(path: Path) -> Iterator[tuple[str, dict[str, Any] | InputError]]:
    return json_lines(path, "the line is left out")


def _key(record: dict[str, Any]) -> str:
    key = record.get("custom_id")
    return key if isinstance(key, str) else ""


def _json_line(value: Any, *, ascii_only: bool = True) -> bytes:
    text = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))
    for character in _LINE_ENDS:  # some readers end a line at these
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8") + b"\n"
