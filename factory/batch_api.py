"""The Files and Batch API of an OpenAI-compatible service, by the openai client; what it answers is read with suspicion."""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pairsmith.factory.batch import URL
from pairsmith.factory.chat import open_service
from pairsmith.factory.errors import RetryError, ServiceError, StopError
from pairsmith.factory.faults import fault
from pairsmith.factory.folder import written_whole
from pairsmith.factory.spec import ModelSpec

if TYPE_CHECKING:
    import openai

FINAL = frozenset({"completed", "failed", "expired", "cancelled"})
"""Statuses from which a batch does not move on; each may have left output."""
MARK = "pairsmith_batch"
"""Name of the metadata by which a batch is known as ours."""

_RETRIES = 3  # further tries of what only reads
_PAGE = 100  # things that a listing shows at once: the API's most
_NO_SUCH = frozenset({404, 405, 501})


@dataclass(frozen=True)
class Remote:
    """A batch as the service tells of it. ``done``, ``total``: requests; ``files``: ids of ``output`` and ``errors``, where
    there are any; ``problem``: why it failed as a whole.
    """

    id: str
    status: str
    created_at: float
    done: int
    total: int
    files: dict[str, str]
    mark: str | None
    problem: ServiceError | None


class _NotThereError(StopError):
    """What was asked for is not there, or nothing of its kind is."""


class BatchApi:
    """The service that ``spec`` names; its key is read here.

    Every method raises a :class:`ServiceError`: a :class:`StopError` where the service refused, a :class:`RetryError`
    where it is unknown whether it did.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._timeout = spec.timeout
        self.service = open_service(spec)

    def upload(self, path: Path, name: str) -> str:
        """Send the file ``path`` under ``name``; returns its id."""
        files = self._once.files.with_raw_response
        with path.open("rb") as content:
            found = self._call(lambda: files.create(file=(name, content), purpose="batch"))
        return self._id(found)

    def uploaded(self, name: str) -> str | None:
        """Id of the file that was sent under ``name``, if there is one."""
        files = self._again.files.with_raw_response
        listed = self._listed(lambda query: files.list(purpose="batch", extra_query=query))
        return next((self._id(file) for file in listed if file.get("filename") == name), None)

    def create(self, file_id: str, metadata: dict[str, str]) -> Remote:
        """Have an uploaded file worked on."""
        batches = self._once.batches.with_raw_response
        return self._remote(
            self._call(
                lambda: batches.create(input_file_id=file_id, endpoint=URL, completion_window="24h", metadata=metadata)
            )
        )

    def find(self, mark: str, since: float) -> Remote | None:
        """The batch with our ``mark``, among those made after ``since`` (seconds since 1970); they come newest first."""
        batches = self._again.batches.with_raw_response
        for found in self._listed(lambda query: batches.list(extra_query=query)):
            remote = self._remote(found)
            if remote.mark == mark:
                return remote
            if remote.created_at < since:
                return None
        return None

    def look(self, name: str) -> Remote | None:
        """How the batch ``name`` stands; None where the service has batches, and this one no more."""
        batches = self._again.batches.with_raw_response
        try:
            return self._remote(self._call(lambda: batches.retrieve(name)))
        except _NotThereError:
            self._call(lambda: batches.list(limit=1))  # raises where there is no Batch API at all
            return None

    def download(self, file_id: str, target: Path) -> None:
        """Write the file's content to ``target``, whole or not at all."""
        import httpx2

        files = self._again.files.with_streaming_response
        with written_whole(target) as beside, beside.open("wb") as file, self._faults():
            try:
                with files.content(file_id) as response:
                    for chunk in response.iter_bytes():
                        file.write(chunk)
            except httpx2.HTTPError as error:
                raise RetryError(f"{self.service.place}: {self.service.says(str(error))}", "connection") from None

    @cached_property
    def _once(self) -> "openai.OpenAI":
        """For what makes something there: a try whose outcome is unknown is not repeated blindly."""
        import openai

        pool = openai.DefaultHttpxClient(
            timeout=self._timeout, trust_env=not self.service.local, follow_redirects=False
        )
        key = self.service.secret or "none"
        return openai.OpenAI(api_key=key, base_url=self.service.base_url, http_client=pool, max_retries=0)

    @cached_property
    def _again(self) -> "openai.OpenAI":
        """For what only reads."""
        return self._once.with_options(max_retries=_RETRIES)

    def _listed(self, page: Callable[[dict[str, Any]], Any]) -> Iterator[dict[str, Any]]:
        """Everything of a list, page by page."""
        query: dict[str, Any] = {"limit": _PAGE}
        while True:
            body = self._call(partial(page, query))
            data = body.get("data")
            found = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
            yield from found
            if not found or body.get("has_more") is not True:
                return
            query = {**query, "after": self._id(found[-1])}

    def _call(self, send: Callable[[], Any]) -> dict[str, Any]:
        """The object in the body of the response; read by us: what comes is not always what the client's types promise."""
        with self._faults():
            content = send().http_response.content
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            told = self.service.says(content[:1000].decode("utf-8", "replace"))
            raise RetryError(f"{self.service.place}: the body is not a JSON object: {told}", "invalid_body")
        return body

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Errors of the client as ours; raised outside the handlers, so that no request with its key hangs on one."""
        import openai

        failure: ServiceError | None = None
        try:
            yield
        except openai.APIStatusError as error:
            failure = self._refusal(error.response)
        except openai.APIConnectionError as error:
            failure = self._no_response(error)
        if failure is not None:
            raise failure

    def _no_response(self, error: Exception) -> RetryError:
        cause = error.__cause__ or error
        told = self.service.says(str(cause)) or type(cause).__name__
        return RetryError(f"{self.service.place}: {told}; run the command again", "connection")

    def _refusal(self, response: Any) -> ServiceError:
        content = response.read()
        found = fault(self.service, response.status_code, response.headers, content)
        if response.status_code in _NO_SUCH:
            return _NotThereError(
                f"{self.service.place}: {response.status_code}: {self.service.says(content.decode('utf-8', 'replace'))};"
                " where there is no Batch API, run the files with 'vllm run-batch' and give its output to"
                " 'pairsmith batch collect RUN FILE'"
            )
        return found if isinstance(found, RetryError) else StopError(str(found))

    def _id(self, found: dict[str, Any]) -> str:
        if not isinstance(found.get("id"), str):
            raise RetryError(
                f"{self.service.place}: the body holds no 'id': {self.service.says(str(found))}", "invalid_body"
            )
        return str(found["id"])

    def _remote(self, found: dict[str, Any]) -> Remote:
        counts, metadata = _object(found.get("request_counts")), _object(found.get("metadata"))
        files = {"output": found.get("output_file_id"), "errors": found.get("error_file_id")}
        mark = metadata.get(MARK)
        return Remote(
            id=self._id(found),
            status=str(found.get("status")),
            created_at=_number(found.get("created_at")),
            done=int(_number(counts.get("completed")) + _number(counts.get("failed"))),
            total=int(_number(counts.get("total"))),
            files={kind: file for kind, file in files.items() if isinstance(file, str) and file},
            mark=mark if isinstance(mark, str) else None,
            problem=self._problem(_object(found.get("errors")).get("data")),
        )

    def _problem(self, data: Any) -> ServiceError | None:
        """What the service had against the whole file: the first of its findings, told apart as a live error is."""
        first = _object(data[0]) if isinstance(data, list) and data else {}
        if not first:
            return None
        code, message, line = first.get("code"), first.get("message"), first.get("line")
        where = f"line {line}: " if isinstance(line, int) else ""
        told = {"code": code, "message": f"{where}{message} ({code})"}
        return fault(self.service, 400, {}, json.dumps({"error": told}).encode())


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0
