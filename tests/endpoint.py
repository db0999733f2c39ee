"""An OpenAI-compatible endpoint on the loopback device, for tests: scripted faults, and a count of what was paid."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reply:
    """What to answer. ``body`` None: a completion that repeats the prompt. ``reset``: hang up without an answer."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    reset: bool = False


@dataclass(frozen=True)
class Received:
    """A request as it came in; ``at`` is on the monotonic clock."""

    body: dict
    headers: dict[str, str]
    at: float

    @property
    def prompt(self) -> str:
        return self.body["messages"][0]["content"]


def error(message: str, code: str | None = None, kind: str = "invalid_request_error", param: str | None = None) -> dict:
    """An error body in the form of the OpenAI API."""
    return {"error": {"message": message, "type": kind, "code": code, "param": param}}


def completion(text: str, **choice: object) -> dict:
    """A completion's body."""
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 2}}
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop", **choice}], "usage": usage}


class Endpoint:
    """``script(number, request)`` says how the request is answered that came in as the ``number``-th, from 0."""

    def __init__(self, script: Callable[[int, Received], Reply] | None = None) -> None:
        self._script = script or (lambda number, request: Reply())
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._open = 0
        self.port = 0
        self.received: list[Received] = []
        self.paid: Counter[str] = Counter()
        self.most_at_once = 0

    def __enter__(self) -> "Endpoint":
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def wait_for(self, condition: Callable[["Endpoint"], bool], seconds: float = 30.0) -> None:
        """Wait until ``condition`` holds, or fail."""
        end = time.monotonic() + seconds
        while not condition(self):
            assert time.monotonic() < end, "the endpoint waited in vain"
            time.sleep(0.005)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())
        self._loop.close()

    async def _main(self) -> None:
        self._stopped = asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await self._request(reader)) is not None:
                number = len(self.received)
                self.received.append(request)
                self._open += 1
                self.most_at_once = max(self.most_at_once, self._open)
                try:
                    reply = self._script(number, request)
                    await asyncio.sleep(reply.delay)
                finally:
                    self._open -= 1
                if reply.reset:
                    writer.transport.abort()
                    return
                if reply.status == 200:
                    self.paid[request.prompt] += 1
                writer.write(_response(reply, request))
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> Received | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        lines = head.decode("latin-1").split("\r\n")[1:]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return Received(json.loads(body), headers, time.monotonic())


def _response(reply: Reply, request: Received) -> bytes:
    body = completion(f"answer to {request.prompt}") if reply.body is None else reply.body
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json", "content-length": str(len(content)), **reply.headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {reply.status} X\r\n{head}\r\n".encode() + content
