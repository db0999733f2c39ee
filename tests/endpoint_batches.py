"""The endpoint's Files and Batches API, with the outcomes that a batch can have at OpenAI."""

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from endpoint_http import Request
from endpoint_replies import Reply, error, read_headers

MAX_LINES, MAX_BYTES = 50_000, 200 * 1024 * 1024  # OpenAI's limits of a batch file
FINAL = {"failed", "completed", "expired", "cancelled"}
URL = "/v1/chat/completions"

Answer = Callable[[dict], tuple[int, Any]]


@dataclass(frozen=True)
class Outcome:
    """What becomes of a batch. A look is a GET of the batch: looks alone move it on, in_progress, finalizing, completed.

    ``complete_after``: looks until it is over, at least 1. ``expire_after``: lines that are answered before it expires.
    ``fail``: message of a validation that fails whatever the file holds. A batch that is cancelled keeps what the looks
    before brought. Lines that are refused come from the endpoint's script and faults.
    """

    complete_after: int = 3
    expire_after: int | None = None
    fail: str | None = None


@dataclass
class _File:
    view: dict[str, Any]
    content: bytes


@dataclass
class _Batch:
    view: dict[str, Any]
    outcome: Outcome
    lines: list[dict] = field(default_factory=list)
    looks: int = 0
    done: int = 0
    output: list[dict] = field(default_factory=list)
    errors: list[dict] = field(default_factory=list)


class Batches:
    """``answer(body)``: status and body for a line. ``outcome`` holds for the batches that are created from then on."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._files: dict[str, _File] = {}
        self._batches: dict[str, _Batch] = {}
        self._made = 0
        self.outcome = Outcome()

    def handle(self, request: Request) -> Reply:
        """The reply to a request under /v1/files or /v1/batches."""
        url = urlsplit(request.path)
        kind, *rest = url.path.removeprefix("/v1/").split("/")
        match request.method, kind, rest:
            case "POST", "files", []:
                return self._upload(request)
            case "GET", "files", []:
                return _listed([file.view for file in self._files.values()])
            case method, "files", [name, *what] if name in self._files:
                return self._file(method, name, what)
            case "POST", "batches", []:
                return self._create(json.loads(request.body))
            case "GET", "batches", []:
                return self._list(parse_qs(url.query))
            case "GET", "batches", [name] if name in self._batches:
                self._look(self._batches[name])
                return Reply(body=self._batches[name].view)
            case "POST", "batches", [name, "cancel"] if name in self._batches:
                return self._cancel(self._batches[name])
        return Reply(404, error(f"No such {kind.rstrip('es')} object: {'/'.join(rest)}"))

    def _id(self, kind: str) -> str:
        self._made += 1
        return f"{kind}{self._made:08x}"

    def _upload(self, request: Request) -> Reply:
        parts = _read_form(request)
        if "file" not in parts or "purpose" not in parts:
            return Reply(400, error("'file' and 'purpose' are required parameters."))
        (name, content), (_, purpose) = parts["file"], parts["purpose"]
        if purpose == b"batch" and not name.endswith(".jsonl"):
            return Reply(400, error("Invalid file format for Batch API. Must be .jsonl"))
        return Reply(body=self._store(name, content, purpose.decode()))

    def _store(self, name: str, content: bytes, purpose: str) -> dict[str, Any]:
        view = {
            "id": self._id("file-"),
            "object": "file",
            "bytes": len(content),
            "created_at": _now(),
            "filename": name,
        }
        view |= {"purpose": purpose, "status": "processed"}
        self._files[view["id"]] = _File(view, content)
        return view

    def _file(self, method: str, name: str, what: list[str]) -> Reply:
        if (method, what) == ("DELETE", []):
            del self._files[name]
            return Reply(body={"id": name, "object": "file", "deleted": True})
        if (method, what) == ("GET", ["content"]):
            return Reply(body=self._files[name].content, headers={"content-type": "application/octet-stream"})
        return (
            Reply(body=self._files[name].view) if (method, what) == ("GET", []) else Reply(405, error("Not allowed."))
        )

    def _create(self, asked: dict[str, Any]) -> Reply:
        file = self._files.get(asked.get("input_file_id", ""))
        if file is None or file.view["purpose"] != "batch":
            return Reply(400, error("The input file does not exist or has another purpose than 'batch'."))
        if asked.get("endpoint") != URL or asked.get("completion_window") != "24h":
            return Reply(400, error(f"'endpoint' must be '{URL}' and 'completion_window' '24h'."))
        view = {"id": self._id("batch_"), "object": "batch", "status": "validating", "errors": None}
        view |= {name: asked.get(name) for name in ("input_file_id", "endpoint", "completion_window", "metadata")}
        view |= {"created_at": _now(), "expires_at": _now() + 86_400, "output_file_id": None, "error_file_id": None}
        view["request_counts"] = {"total": 0, "completed": 0, "failed": 0}
        self._batches[view["id"]] = _Batch(view, self.outcome)
        return Reply(body=view)

    def _list(self, query: dict[str, list[str]]) -> Reply:
        """Newest first, ``limit`` of them that follow ``after``."""
        views = [batch.view for batch in reversed(self._batches.values())]
        names = [view["id"] for view in views]
        after = query.get("after", [""])[0]
        start = names.index(after) + 1 if after in names else 0
        end = start + int(query.get("limit", ["20"])[0])
        return _listed(views[start:end], end < len(views))

    def _cancel(self, batch: _Batch) -> Reply:
        if batch.view["status"] in FINAL:
            return Reply(409, error(f"Cannot cancel a batch with status '{batch.view['status']}'."))
        _turn(batch, "cancelling")
        return Reply(body=batch.view)

    def _look(self, batch: _Batch) -> None:
        """Move a batch on by one step."""
        status, outcome = batch.view["status"], batch.outcome
        if status == "cancelling":
            self._finish(batch, "cancelled")
        elif status not in FINAL and (status != "validating" or self._validate(batch)):
            batch.looks += 1
            left = outcome.complete_after - batch.looks
            ready = batch.looks / max(1, outcome.complete_after - 1)
            self._work(batch, int(len(batch.lines) * min(1, ready)))
            if left > 0:
                _turn(batch, "finalizing" if left == 1 else "in_progress")
            else:
                self._finish(batch, "completed" if batch.done == len(batch.lines) else "expired")

    def _validate(self, batch: _Batch) -> bool:
        file = self._files.get(batch.view["input_file_id"])
        problems = [_problem("validation_failed", batch.outcome.fail)] if batch.outcome.fail else []
        batch.lines, found = read_lines(file.content if file else b"")
        if problems := problems or found:
            batch.view["errors"] = {"object": "list", "data": problems}
            _turn(batch, "failed")
            return False
        batch.view["request_counts"]["total"] = len(batch.lines)
        return True

    def _work(self, batch: _Batch, until: int) -> None:
        """Answer the lines up to ``until`` that are not answered yet."""
        if batch.outcome.expire_after is not None:
            until = min(until, batch.outcome.expire_after)
        for line in batch.lines[batch.done : until]:
            status, body = self._answer(line["body"])
            response = {"status_code": status, "request_id": self._id("req_"), "body": body}
            (batch.output if status == 200 else batch.errors).append(self._line(line, response, None))
        batch.done = max(batch.done, until)
        batch.view["request_counts"] |= {"completed": len(batch.output), "failed": len(batch.errors)}

    def _line(self, line: dict, response: dict | None, failure: dict | None) -> dict:
        return {"id": self._id("batch_req_"), "custom_id": line["custom_id"], "response": response, "error": failure}

    def _finish(self, batch: _Batch, status: str) -> None:
        """Write the files, in no order, as OpenAI's are in none; of nothing there is no file."""
        if status == "expired":
            late = error("This request could not be executed before the completion window expired.", "batch_expired")
            failure = {name: late["error"][name] for name in ("code", "message")}
            batch.errors += [self._line(line, None, failure) for line in batch.lines[batch.done :]]
            batch.view["request_counts"]["failed"] = len(batch.errors)
        for kind, lines in (("output", batch.output), ("error", batch.errors)):
            if lines:
                random.Random(batch.view["id"]).shuffle(lines)
                content = "".join(json.dumps(line) + "\n" for line in lines).encode()
                name = f"{batch.view['id']}_{kind}.jsonl"
                batch.view[f"{kind}_file_id"] = self._store(name, content, "batch_output")["id"]
        _turn(batch, status)


def read_lines(content: bytes) -> tuple[list[dict], list[dict]]:
    """Lines of a batch file, and what is wrong with it: all problems, each with its line counted from 1."""
    lines, problems = [], []
    texts = content.splitlines()
    if len(content) > MAX_BYTES:
        problems.append(_problem("file_too_large", f"The batch input file is larger than {MAX_BYTES} bytes."))
    if len(texts) > MAX_LINES:
        problems.append(_problem("too_many_tasks", f"The batch input file has more than {MAX_LINES} requests."))
    if not texts:
        problems.append(_problem("empty_file", "The batch input file is empty."))
    names: set[str] = set()
    for number, text in enumerate(texts if not problems else [], 1):
        line = _json_object(text)
        wrong = _wrong(line, names, lines[0] if lines else None)
        if line is None or wrong:
            problems.append(_problem(*(wrong or ("invalid_json_line", "This line is no JSON object.")), number))
        else:
            names.add(line["custom_id"])
            lines.append(line)
    return lines, problems


def _wrong(line: dict | None, names: set[str], first: dict | None) -> tuple[str, str] | None:
    if line is None:
        return None
    missing = [name for name in ("custom_id", "method", "url", "body") if not line.get(name)]
    if missing or not isinstance(line["body"], dict) or not line["body"].get("messages"):
        return "missing_required_parameter", f"Missing required parameter: '{(missing or ['body.messages'])[0]}'."
    if not isinstance(line["custom_id"], str):
        return "invalid_custom_id", "The custom_id must be a string."
    if line["custom_id"] in names:
        return "duplicate_custom_id", f"The custom_id '{line['custom_id']}' is used for another request."
    if line["method"] != "POST" or line["url"] != URL:
        return "url_mismatch", f"The request must be a POST to '{URL}', the endpoint of the batch."
    if first and line["body"].get("model") != first["body"].get("model"):
        return "model_mismatch", "All requests of a batch must have the same model."
    return None


def _json_object(text: bytes) -> dict | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _problem(code: str, message: str, line: int | None = None) -> dict[str, Any]:
    return {"code": code, "message": message, "line": line, "param": None}


def _turn(batch: _Batch, status: str) -> None:
    batch.view["status"] = status
    batch.view.setdefault(f"{status}_at", _now())


def _listed(views: list[dict], more: bool = False) -> Reply:
    first, last = (views[0]["id"], views[-1]["id"]) if views else (None, None)
    return Reply(body={"object": "list", "data": views, "first_id": first, "last_id": last, "has_more": more})


def _read_form(request: Request) -> dict[str, tuple[str, bytes]]:
    """File name and content of each part of a multipart body, by the part's name."""
    _, _, boundary = read_headers(request.head).get("content-type", "").partition("boundary=")
    parts = {}
    for part in request.body.split(b"--" + boundary.strip('"').encode())[1:-1] if boundary else ():
        head, _, content = part.partition(b"\r\n\r\n")
        told = dict(one.strip().split("=", 1) for one in head.decode().replace("\r\n", ";").split(";") if "=" in one)
        parts[told["name"].strip('"')] = (told.get("filename", "").strip('"'), content[:-2])
    return parts


def _now() -> int:
    return int(time.time())
