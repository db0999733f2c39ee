"""An OpenAI-compatible endpoint on the loopback device, for tests and benchmarks: a count of what was paid, faults and limits.

In the process of a test: ``with Endpoint(script) as server``. As a process of its own: ``with EndpointProcess(latency=0.05)``,
or ``python tests/endpoint.py --help``. It speaks chat completions, files and batches; ``GET /stats`` and ``POST /reset``
tell and clear its counts, ``POST /allow`` bounds its answers.
"""

import asyncio
import json
import math
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from typing import Any

from endpoint_answers import answer_text
from endpoint_batches import Batches, Outcome
from endpoint_gateways import Concurrency, Rate
from endpoint_http import Connection, Request
from endpoint_replies import FAULTS, Received, Reply, completion, encode, error, refusal
from endpoint_settings import Settings, from_flags, to_flags

__all__ = [
    "FAULTS",
    "Concurrency",
    "Endpoint",
    "EndpointProcess",
    "Outcome",
    "Rate",
    "Received",
    "Reply",
    "completion",
    "error",
]

Script = Callable[[int, Received], Reply]


class Endpoint:
    """``script(number, request)`` says how the request is answered that came in as the ``number``-th, from 0.

    What ``settings`` (see :class:`Settings`) add comes first: a drawn fault, then the gateway, then the script. What is
    answered with status 200 is paid for, whether or not the client is still there to read it; so does a provider bill.
    ``paid`` counts by prompt, by a digest of the prompt where nothing is kept. ``batches.outcome`` may be set at any time.
    """

    def __init__(self, script: Script | None = None, **settings: Any) -> None:
        self._script = script or (lambda number, request: Reply())
        self.settings = Settings(**settings)
        self.batches = Batches(self._answer_line)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._connections: set[Connection] = set()
        self._open = 0
        self._allowed = math.inf
        self._held: dict[Connection, Callable[[], None]] = {}
        self.port = 0
        self.clear()

    def clear(self) -> None:
        """Forget all counts and begin the draws anew."""
        self._number = self._answered = 0
        self._draws = random.Random(self.settings.seed)
        self.received: list[Received] = []
        self.paid: Counter[str | bytes] = Counter()
        self.refused: Counter[int] = Counter()
        self.tokens_in = self.tokens_out = 0
        self.most_at_once = self._open
        self.first_at: float | None = None
        self.last_at: float | None = None

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

    def allow(self, answers: float) -> None:
        """Pay for no more than so many ``answers`` in all: further ones wait until more are allowed or their client is gone.

        What nobody waits for any more is paid for all the same.
        """
        self._loop.call_soon_threadsafe(self._allow, answers)

    def stats(self) -> dict[str, Any]:
        """The counts; ``paid_twice``: payments beyond the first for a prompt. Times are seconds on the monotonic clock."""
        return {
            "received": self._number,
            "answered": self._answered,
            "refused": dict(self.refused),
            "paid_prompts": len(self.paid),
            "paid_twice": self._answered - len(self.paid),
            "most_at_once": self.most_at_once,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "first_at": self.first_at,
            "last_at": self.last_at,
            "cpu_seconds": time.process_time(),
        }

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())
        self._loop.close()

    async def _main(self) -> None:
        self._stopped = asyncio.Event()
        server = await self._loop.create_server(
            lambda: Connection(self._route, self._connections, self._let_go),
            "127.0.0.1",
            self.settings.port,
            backlog=4096,
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        server.close()
        for connection in list(self._connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # one turn of the loop, in which the connections go

    def _route(self, connection: Connection, request: Request) -> None:
        path = request.path.partition("?")[0]
        if request.method == "POST" and path.endswith("/chat/completions"):
            self._chat(connection, request)
        else:
            reply = self._other(request, path)
            _send(connection, reply, reply.body)

    def _other(self, request: Request, path: str) -> Reply:
        if path.startswith(("/v1/files", "/v1/batches")):
            return self.batches.handle(request)
        if (request.method, path) == ("GET", "/stats"):
            return Reply(body=self.stats())
        if (request.method, path) == ("POST", "/reset"):
            self.clear()
            return Reply(body={})
        if (request.method, path) == ("POST", "/allow"):
            self._allow(json.loads(request.body))
            return Reply(body={})
        return Reply(404, error(f"Invalid URL ({request.method} {path})"))

    def _chat(self, connection: Connection, request: Request) -> None:
        received = _read(request)
        if received is None:
            _send(connection, Reply(400), error("We could not parse the JSON body, or it has no messages."))
            return
        number, fault, slow = self._count(received)
        gateway = self.settings.gateway
        if fault or (gateway and not gateway.enter(_most_tokens(received), received.at)):
            self._refuse(connection, fault or 429)
            return
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        reply = self._script(number, received)
        delay = reply.delay + (self.settings.tail[1] if slow else self.settings.latency)
        if delay > 0:
            self._loop.call_later(delay, self._give, connection, received, reply)
        else:
            self._give(connection, received, reply)

    def _answer_line(self, body: dict) -> tuple[int, object]:
        """Status and body for a line of a batch: no gateway and no latency, but the same faults, script and counts."""
        received = Received(body, b"", time.monotonic())
        number, fault, _ = self._count(received)
        reply = Reply(fault) if fault else self._script(number, received)
        reply = Reply(500) if reply.reset else reply
        answer = self._settle(received, reply)
        return reply.status, answer.decode(errors="replace") if isinstance(answer, bytes) else answer

    def _count(self, received: Received) -> tuple[int, int | None, bool]:
        """The number of a request, and what is drawn for it: the status of a fault, and whether it is slow."""
        number = self._number
        self._number += 1
        self.first_at = received.at if self.first_at is None else self.first_at
        if self.settings.keep:
            self.received.append(received)
        slow = self._draws.random() < self.settings.tail[0]
        draw = self._draws.random()
        for status, share in self.settings.faults.items():
            draw -= share
            if draw < 0:
                return number, status, slow
        return number, None, slow

    def _refuse(self, connection: Connection, status: int) -> None:
        gateway = self.settings.gateway
        headers = self._told()
        if status == 429 and gateway and gateway.retry_after is not None:
            headers["retry-after"] = f"{gateway.retry_after:g}"
        self.refused[status] += 1
        _send(connection, Reply(status), refusal(status), headers)

    def _give(self, connection: Connection, received: Received, reply: Reply) -> None:
        """Answer, or hold the answer back; see :meth:`allow`."""
        self._held[connection] = partial(self._finish, connection, received, reply)
        if self._answered < self._allowed or connection.transport.is_closing():
            self._let_go(connection)

    def _allow(self, answers: float) -> None:
        self._allowed = answers
        while self._held and self._answered < self._allowed:
            self._let_go(next(iter(self._held)))

    def _let_go(self, connection: Connection) -> None:
        """Give what is held back on a connection, if anything is."""
        if finish := self._held.pop(connection, None):
            finish()

    def _finish(self, connection: Connection, received: Received, reply: Reply) -> None:
        self._open -= 1
        if self.settings.gateway:
            self.settings.gateway.leave()
        if reply.reset:
            connection.reset()
        else:
            _send(connection, reply, self._settle(received, reply), self._told())

    def _settle(self, received: Received, reply: Reply) -> object:
        """The body of the reply, counted as paid or refused."""
        body = reply.body
        if body is None:
            body = self._completion(received) if reply.status < 400 else refusal(reply.status)
        self.last_at = time.monotonic()
        if reply.status == 200:
            self._pay(received.prompt, body)
        else:
            self.refused[reply.status] += 1
        return body

    def _completion(self, received: Received) -> dict:
        prompt = received.prompt
        obedient = self.settings.answers == "json"
        text = answer_text(received, self.settings.malformed) if obedient else f"answer to {prompt}"
        usage = (7, 5, 2) if self.settings.usage == "fixed" else (len(prompt) // 4 + 1, len(text) // 4 + 1, 0)
        named = {"id": f"chatcmpl-{self._answered}", "object": "chat.completion", "created": int(time.time())}
        return {**named, "model": received.body.get("model"), **completion(text, usage)}

    def _pay(self, prompt: str, body: object) -> None:
        self._answered += 1
        self.paid[prompt if self.settings.keep else blake2b(prompt.encode(), digest_size=8).digest()] += 1
        usage = body.get("usage") if isinstance(body, dict) else None
        told = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")] if usage else [0, 0]
        if all(isinstance(one, int) for one in told):  # a script may tell anything
            self.tokens_in += told[0]
            self.tokens_out += told[1]

    def _told(self) -> dict[str, str]:
        return self.settings.gateway.headers(time.monotonic()) if self.settings.gateway else {}


def _read(request: Request) -> Received | None:
    """None where the body is no JSON or has no messages."""
    try:
        received = Received(json.loads(request.body), request.head, time.monotonic())
        received.prompt.encode()
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return received


def _most_tokens(received: Received) -> int:
    return len(received.prompt) // 4 + received.body.get("max_tokens", 0)


def _send(connection: Connection, reply: Reply, body: object, more: dict[str, str] | None = None) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.send(reply.before + encode(reply, content, more or {}), reply.drip, reply.cut, reply.drip_body)


class EndpointProcess:
    """The endpoint as a process of its own, with the settings of :class:`Settings`."""

    def __init__(self, **settings: Any) -> None:
        self._flags = to_flags(Settings(**settings))
        self.base_url = ""

    def __enter__(self) -> "EndpointProcess":
        command = [sys.executable, __file__, *self._flags]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.base_url = json.loads(self._process.stdout.readline())["base_url"]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=30)

    def stats(self) -> dict[str, Any]:
        """See :meth:`Endpoint.stats`; statuses are strings here."""
        return self._call("/stats")

    def reset(self) -> None:
        """Forget all counts and begin the draws anew."""
        self._call("/reset", b"")

    def allow(self, answers: float) -> None:
        """See :meth:`Endpoint.allow`."""
        self._call("/allow", json.dumps(answers).encode())

    def _call(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.base_url.removesuffix("/v1") + path, body, timeout=30) as response:
            return json.load(response)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = from_flags(sys.argv[1:])
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before the thread begins, which inherits it
    with Endpoint(**vars(settings)) as server:
        print(json.dumps({"port": server.port, "base_url": server.base_url}), flush=True)
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
