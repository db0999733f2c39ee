"""Language models: a one-method Protocol, any OpenAI-compatible endpoint, and recorded answers as its offline twin."""

import asyncio
import json
import logging
import os
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from pairsmith.factory.errors import InputError, RetryError, RowError, ServiceError, SpecError
from pairsmith.factory.faults import Service, fault, refuses_max_tokens, refuses_schema, stated_limits
from pairsmith.factory.json_lines import json_lines
from pairsmith.factory.records import digest
from pairsmith.factory.spec import ModelSpec
from pairsmith.factory.text import whole

if TYPE_CHECKING:
    import httpx2
    import openai

RECORDED = "recorded"
"""Model name of recorded answers, which cost nothing and are read anew at each run."""

LARGEST = 16 * 2**20
"""Bytes of a response that are read at most: the longest answers that models give today have about a million."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ask:
    """One request exactly as it is sent.

    ``id``: of the plan's request, or ``brainstorm-<group>-<call>``. ``params``: temperature, top_p, max_tokens.
    ``prompt`` is empty where it is not known (recorded answers). ``schema``: JSON schema to ask for where the endpoint
    can. ``draw`` tells otherwise identical asks apart; for recorded answers it is the request's id. ``slice``: what it is
    counted under, ``<group>/<language>``. ``parent``: key of the ask whose answer this one repairs.
    """

    id: str
    model: str
    params: Mapping[str, float | int]
    prompt: str
    prompt_version: str | None
    schema: Mapping[str, Any] | None
    draw: str
    slice: str = ""
    parent: str | None = None

    @cached_property
    def key(self) -> str:
        """What is paid for once: digest of model, parameters, prompt and draw."""
        return digest(self.model, dict(self.params), self.prompt, self.draw)


@dataclass(frozen=True)
class Answer:
    """What came back; ``finish_reason`` is ``length`` where the cap on tokens cut the text off.

    ``headers``: what the service said of its limits, by lower-case name.
    """

    text: str
    finish_reason: str
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    headers: Mapping[str, str] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Entry:
    """An answered ask as the journal keeps it. Times are seconds since 1970, UTC."""

    request_id: str
    key: str
    text: str
    finish_reason: str
    model: str
    prompt_version: str | None
    tokens_in: int | None
    tokens_out: int | None
    tokens_cached: int | None
    attempts: int
    asked_at: float
    answered_at: float


class Chat(Protocol):
    """A language model."""

    async def answer(self, ask: Ask) -> Answer:
        """Answer one ask; raises ``RetryError``, ``RowError`` or ``StopError`` of :mod:`pairsmith.factory.errors`."""
        ...


def open_chat(spec: ModelSpec, folder: Path) -> Chat:
    """The model that ``spec`` names; files of recorded answers are looked for in ``folder``."""
    if spec.answers is not None:
        return RecordedChat(folder / spec.answers)
    return OpenAIChat(spec)


class OpenAIChat:
    """Any OpenAI-compatible endpoint: OpenAI, vLLM, Ollama, llama.cpp, TGI, gateways.

    The key comes only from the environment variable ``spec.api_key_env`` and is looked up at the first ask. What the
    endpoint refuses (a JSON schema, the name ``max_tokens``) is left out for the rest of the run.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._service = service_of(spec)
        self._client: openai.AsyncOpenAI | None = None
        self._refused: frozenset[str] = frozenset() if spec.structured_output else frozenset({"response_format"})

    async def answer(self, ask: Ask) -> Answer:
        """Ask the endpoint once; once more without a feature that it refuses."""
        without = self._refused
        while True:
            status, headers, content = await self._send(ask, without)
            if status < 300:
                self._settle(without)
                answer, limits = read_answer(self._service, content), stated_limits(headers)
                return replace(answer, headers=limits) if limits else answer
            feature = self._feature_refused(status, content, ask)
            if feature is None or feature in without:
                raise fault(self._service, status, headers, content)
            without |= {feature}

    async def aclose(self) -> None:
        """Close the connections; a later ask opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _feature_refused(self, status: int, content: bytes, ask: Ask) -> str | None:
        if ask.schema is not None and refuses_schema(status, content):
            return "response_format"
        return "max_tokens" if refuses_max_tokens(status, content) else None

    def _settle(self, without: frozenset[str]) -> None:
        """Asking without a feature has helped: the endpoint refuses the feature, it was not this prompt."""
        for feature in sorted(without - self._refused):
            _LOG.warning("%s refuses %s: asking without it from here on", self._service.place, feature)
        self._refused |= without

    async def _send(self, ask: Ask, without: frozenset[str]) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the endpoint's response; raises where none came, or none can come."""
        client = self._client = self._client or self._connect()
        try:
            # The client's own timeouts run from byte to byte: a server that drips would hold the slot for ever.
            async with asyncio.timeout(self._spec.timeout):
                return await _post(client, request_body(ask, without))
        except TimeoutError:
            failure: ServiceError = self._timed_out()
        except UnicodeEncodeError:
            failure = RowError(f"request {ask.id}: its prompt holds half a character and cannot be sent", "bad_request")
        except Exception as error:
            failure = self._no_response(error)
        raise failure  # outside the handlers, so that no request with its key hangs on the error

    def _timed_out(self) -> RetryError:
        return RetryError(f"{self._service.place}: no answer within {self._spec.timeout:g} s", "timeout")

    def _no_response(self, error: Exception) -> ServiceError:
        """What it means that no response came. The client's names for it mislead; those of the transport below do not."""
        import aiohttp
        import httpx2

        causes = list(_chain(error))
        if any(isinstance(one, _TooLarge) for one in causes):
            told = f"{self._service.place}: the answer is larger than {LARGEST // 2**20} MiB"
            return RowError(told, "answer_too_large", paid=True)
        usual = (aiohttp.ClientError, TimeoutError, httpx2.DecodingError)
        cause = next((one for one in causes if isinstance(one, usual)), None)
        if cause is None:
            raise error
        if isinstance(cause, TimeoutError):
            return self._timed_out()
        told = self._service.says(str(cause)) or type(cause).__name__
        if isinstance(cause, httpx2.DecodingError):
            return RetryError(f"{self._service.place}: the body cannot be unpacked: {told}", "invalid_body")
        reason = "unreachable" if isinstance(cause, aiohttp.ClientConnectorError) else "connection"
        return RetryError(f"{self._service.place}: {told}", reason)

    def _connect(self) -> "openai.AsyncOpenAI":
        import httpx2
        import openai

        self._service = open_service(self._spec)
        # How many are in flight is the pool's matter: a connection must never be waited for. None would mean 100 here.
        pool = openai.DefaultAioHttpClient(
            limits=httpx2.Limits(max_connections=0, max_keepalive_connections=None),
            timeout=self._spec.timeout,
            trust_env=not self._service.local,  # a proxy is not asked for what runs on this machine
            follow_redirects=False,  # a key goes where the spec says, and nowhere else
            event_hooks={"response": [_bound]},
        )
        key = self._service.secret or "none"
        return openai.AsyncOpenAI(api_key=key, base_url=self._service.base_url, http_client=pool, max_retries=0)


def open_service(spec: ModelSpec) -> Service:
    """The endpoint of ``spec`` with the key out of its environment variable, which an endpoint on this machine may lack.

    Raises :class:`SpecError` where ``base_url`` is no URL, or the key is missing or can be none.
    """
    service = service_of(spec)
    key = _read_key(spec.api_key_env, service.place, needed=not service.local)
    return replace(service, secret=key)


def service_of(spec: ModelSpec) -> Service:
    """The endpoint of ``spec``, with no key yet; raises :class:`SpecError` where ``base_url`` is no URL."""
    url = _checked_url(spec.base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1")
    return Service(url, spec.model, spec.api_key_env)


def request_body(ask: Ask, without: Collection[str] = ()) -> dict[str, Any]:
    """The body of a chat-completions request for ``ask``, sent live or in a batch file.

    ``without``: what the endpoint refuses, ``response_format`` (the JSON schema) or the name ``max_tokens``.
    """
    body: dict[str, Any] = {"model": ask.model, "messages": [{"role": "user", "content": ask.prompt}], **ask.params}
    if "max_tokens" in without and "max_tokens" in body:
        body["max_completion_tokens"] = body.pop("max_tokens")
    if ask.schema is not None and "response_format" not in without:
        schema = {"name": "answer", "schema": ask.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


async def _post(client: "openai.AsyncOpenAI", body: dict[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body, by the client's cheapest call.

    The body is read by us: what a server sends is not always what the client's types promise. Going round them halves
    the client's CPU time (see LOG.md, transports).
    """
    import httpx2
    import openai

    try:
        response = await client.post("/chat/completions", cast_to=httpx2.Response, body=body)
    except openai.APIStatusError as error:
        response = error.response
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
    return response.status_code, headers, response.content


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what brought it about."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class _TooLarge(Exception):
    """A response goes on beyond :data:`LARGEST`."""


async def _bound(response: "httpx2.Response") -> None:
    """Let go of a response that is larger than any answer, sent or unpacked: it must not fill the memory.

    Of an error no more than its beginning is wanted, and its status counts.
    """
    unbounded = response.aiter_bytes

    async def bounded(chunk_size: int | None = None) -> AsyncGenerator[bytes, None]:
        size = 0
        async for part in unbounded(chunk_size):
            size += len(part)
            if size > LARGEST:
                if response.is_error:
                    return
                raise _TooLarge
            yield part

    response.aiter_bytes = bounded  # type: ignore[method-assign]  # what the client reads the body with


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise SpecError(f"base_url '{url}' is no http(s) URL; write it like http://127.0.0.1:8000/v1")
    return url


def _read_key(name: str, place: str, *, needed: bool) -> str:
    key = os.environ.get(name, "").strip()
    if not key and needed:
        raise SpecError(
            f"{place} wants a key: put it into the environment variable {name} ('api_key_env' in factory.yml)"
        )
    if not (key.isascii() and key.isprintable()):
        raise SpecError(f"the environment variable {name} holds characters that no key has; set it again")
    return key


def read_answer(service: Service, content: bytes) -> Answer:
    """The answer in the body of a successful response.

    Raises ``RetryError`` where the body is broken or holds no choice, ``RowError`` where a content filter cut it, and
    what the error stands for where a gateway reports one in place of an answer.
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise RetryError(
            f"{service.place}: the body is not JSON: {service.says(_head(content))}", "invalid_body"
        ) from None
    if not isinstance(body, dict):
        raise RetryError(f"{service.place}: the body is not an object: {service.says(_head(content))}", "invalid_body")
    choices = body.get("choices")
    if not choices and isinstance(body.get("error"), dict):
        status = body["error"].get("code")
        raise fault(service, status if isinstance(status, int) and 400 <= status < 600 else 502, {}, content)
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        raise RetryError(f"{service.place}: the body holds no choice: {service.says(_head(content))}", "no_choices")
    return _read_choice(service, choice, body.get("usage"))


def _head(content: bytes) -> str:
    return content[:1000].decode("utf-8", "replace")


def _read_choice(service: Service, choice: dict[str, Any], usage: Any) -> Answer:
    finish = choice.get("finish_reason")
    if finish == "content_filter":
        told = f"{service.place}: the answer was cut by the service's content filter"
        raise RowError(told, "content_filter", paid=True)
    if finish == "error":
        raise RetryError(f"{service.place}: the answer broke off with an error", "server_error")
    usage = usage if isinstance(usage, dict) else {}
    details = usage.get("prompt_tokens_details")
    tokens_in = _count(usage.get("prompt_tokens"))
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    return Answer(
        text=whole(_message_text(choice["message"])),
        finish_reason=finish if isinstance(finish, str) else "stop",
        tokens_in=tokens_in,
        tokens_out=_count(usage.get("completion_tokens")),
        tokens_cached=None if cached is None or tokens_in is None else min(cached, tokens_in),
    )


def _message_text(message: dict[str, Any]) -> str:
    """A refusal has its own field; some servers send the text in parts. An empty text is an answer too: it is paid."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    if not content:
        content = message.get("refusal")
    return content if isinstance(content, str) else ""


def _count(value: Any) -> int | None:
    """What a service tells of tokens, where it can be true: a text has no more tokens than the largest one has bytes."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST else None


class RecordedChat:
    """Answers from a file of JSON lines ``{"id", "completion", "finish_reason"?}``.

    ``{"group", "call", "completion"}`` gets the id ``brainstorm-<group>-<call>``. Raises :class:`InputError` with file
    and line where a line cannot be read, or an id has two different answers.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._answers = read_recorded(path)

    async def answer(self, ask: Ask) -> Answer:
        """The answer recorded for the ask's id."""
        try:
            return self._answers[ask.id]
        except KeyError:
            raise RowError(f"{self._path}: holds no answer to request '{ask.id}'", "not_recorded") from None


def read_recorded(path: Path) -> dict[str, Answer]:
    """Recorded answers by request id; raises as :class:`RecordedChat` does."""
    answers: dict[str, Answer] = {}
    advice = 'write one object a line, {"id": ..., "completion": ...}'
    for place, record in json_lines(path, advice, "'answers' in factory.yml names this file"):
        if isinstance(record, InputError):
            raise record
        identity, answer = _recorded_answer(place, record)
        if answers.setdefault(identity, answer) != answer:
            raise InputError(f"{place}: request '{identity}' has a different answer further up; keep one of the two")
    return answers


def _recorded_answer(place: str, record: dict[str, Any]) -> tuple[str, Answer]:
    text, finish = record.get("completion"), record.get("finish_reason") or "stop"
    if not isinstance(text, str) or not isinstance(finish, str):
        raise InputError(f"{place}: 'completion' must be a text, and so must 'finish_reason' where it is given")
    identity = record.get("id")
    if identity is None and isinstance(record.get("group"), str) and isinstance(record.get("call"), int):
        identity = f"brainstorm-{record['group']}-{record['call']}"
    if not isinstance(identity, str) or not identity:
        raise InputError(f"{place}: no 'id' (a text), nor 'group' and 'call' of a brainstorm")
    return identity, Answer(whole(text), finish)
