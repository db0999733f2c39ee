"""An OpenAI-compatible endpoint on the loopback device, for tests and benchmarks: a count of what was paid, faults and limits.

In the process of a test: ``with Endpoint(script) as server``. As a process of its own: ``with EndpointProcess(latency=0.05)``,
or ``python tests/endpoint.py --help``. It speaks chat completions, files and batches; ``GET /stats`` and ``POST /reset``
tell and clear its counts.
"""

import argparse
import asyncio
import json
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal

from endpoint_answers import answer_text
from endpoint_gateways import Concurrency, Gateway, Rate
from endpoint_http import Connection, Request
from endpoint_replies import FAULTS, Received, Reply, completion, encode, error, refusal

__all__ = [
    "FAULTS",
    "Concurrency",
    "Endpoint",
    "EndpointProcess",
    "Rate",
    "Received",
    "Reply",
    "completion",
    "error",
]

Script = Callable[[int, Received], Reply]


@dataclass(frozen=True)
class Settings:
    """How the endpoint behaves beside its script.

    ``latency``: seconds to an answer; ``tail``: share of the requests that take other seconds. ``faults``: share of the
    requests that are refused at once, by status. Which ones is drawn with ``seed``, by the number of the request.
    ``answers``: 'echo' repeats the prompt, 'json' obeys the schema, a share of ``malformed`` aside. ``usage``: 'fixed' is
    7 tokens in (2 cached) and 5 out, 'texts' counts 4 characters a token. ``keep``: hold what was received.
    """

    latency: float = 0.0
    tail: tuple[float, float] = (0.0, 0.0)
    faults: dict[int, float] = field(default_factory=dict)
    gateway: Gateway | None = None
    answers: Literal["echo", "json"] = "echo"
    malformed: float = 0.0
    usage: Literal["fixed", "texts"] = "fixed"
    keep: bool = True
    seed: int = 0
    port: int = 0


class Endpoint:
    """``script(number, request)`` says how the request is answered that came in as the ``number``-th, from 0.

    What ``settings`` (see :class:`Settings`) add comes first: a drawn fault, then the gateway, then the script. What is
    answered with status 200 is paid for, whether or not the client is still there to read it; so does a provider bill.
    ``paid`` counts by prompt, by a digest of the prompt where nothing is kept.
    """

    def __init__(self, script: Script | None = None, **settings: Any) -> None:
        self._script = script or (lambda number, request: Reply())
        self.settings = Settings(**settings)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._connections: set[Connection] = set()
        self._open = 0
        self.port = 0
        self.clear()

    def clear(self) -> None:
        """Forget all counts and begin the draws anew."""
        self._number = 0
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

    def stats(self) -> dict[str, Any]:
        """The counts; ``paid_twice``: payments beyond the first for a prompt. Times are seconds on the monotonic clock."""
        return {
            "received": self._number,
            "answered": self.paid.total(),
            "refused": dict(self.refused),
            "paid_prompts": len(self.paid),
            "paid_twice": self.paid.total() - len(self.paid),
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
            lambda: Connection(self._route, self._connections), "127.0.0.1", self.settings.port, backlog=4096
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
        elif (request.method, path) == ("GET", "/stats"):
            _send(connection, Reply(body=self.stats()))
        elif (request.method, path) == ("POST", "/reset"):
            self.clear()
            _send(connection, Reply(body={}))
        else:
            _send(connection, Reply(404, error(f"Invalid URL ({request.method} {path})")))

    def _chat(self, connection: Connection, request: Request) -> None:
        received = _read(request.body, request.head)
        if received is None:
            _send(
                connection,
                Reply(400, error("We could not parse the JSON body of your request, or it has no messages.")),
            )
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
            self._loop.call_later(delay, self._finish, connection, received, reply)
        else:
            self._finish(connection, received, reply)

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
        headers = {}
        if status == 429 and gateway and gateway.retry_after is not None:
            headers["retry-after"] = f"{gateway.retry_after:g}"
        self.refused[status] += 1
        _send(connection, Reply(status, refusal(status), headers), self._told())

    def _finish(self, connection: Connection, received: Received, reply: Reply) -> None:
        self._open -= 1
        if self.settings.gateway:
            self.settings.gateway.leave()
        if reply.reset:
            connection.reset()
            return
        _send(connection, self._settled(received, reply), self._told())

    def _settled(self, received: Received, reply: Reply) -> Reply:
        """The reply with its body, counted as paid or refused."""
        body = reply.body
        if body is None:
            body = self._completion(received) if reply.status < 400 else refusal(reply.status)
        self.last_at = time.monotonic()
        if reply.status == 200:
            self._pay(received.prompt, body)
        else:
            self.refused[reply.status] += 1
        return Reply(reply.status, body, reply.headers, 0, False, reply.before, reply.drip, reply.chunked, reply.cut)

    def _completion(self, received: Received) -> dict:
        prompt = received.prompt
        obedient = self.settings.answers == "json"
        text = answer_text(received, self.settings.malformed) if obedient else f"answer to {prompt}"
        usage = (7, 5, 2) if self.settings.usage == "fixed" else (len(prompt) // 4 + 1, len(text) // 4 + 1, 0)
        head = {
            "id": f"chatcmpl-{self._number}-{self.paid.total()}",
            "object": "chat.completion",
            "created": int(time.time()),
        }
        return {**head, "model": received.body.get("model"), **completion(text, usage)}

    def _pay(self, prompt: str, body: object) -> None:
        self.paid[prompt if self.settings.keep else blake2b(prompt.encode(), digest_size=8).digest()] += 1
        usage = body.get("usage") if isinstance(body, dict) else None
        if usage:
            self.tokens_in += usage["prompt_tokens"]
            self.tokens_out += usage["completion_tokens"]

    def _told(self) -> dict[str, str]:
        return self.settings.gateway.headers(time.monotonic()) if self.settings.gateway else {}


def _read(content: bytes, head: bytes) -> Received | None:
    """None where the body is no JSON or has no messages."""
    try:
        received = Received(json.loads(content), head, time.monotonic())
        received.prompt.encode()
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return received


def _most_tokens(received: Received) -> int:
    return len(received.prompt) // 4 + received.body.get("max_tokens", 0)


def _send(connection: Connection, reply: Reply, more: dict[str, str] | None = None) -> None:
    content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
    connection.send(reply.before + encode(reply, content, more or {}), reply.drip, reply.cut)


class EndpointProcess:
    """The endpoint as a process of its own, with the settings of :class:`Settings`."""

    def __init__(self, **settings: Any) -> None:
        self._flags = _flags(Settings(**settings))
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

    def _call(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.base_url.removesuffix("/v1") + path, body, timeout=30) as response:
            return json.load(response)


def _flags(settings: Settings) -> list[str]:
    """The command line that means ``settings``."""
    gateway = settings.gateway
    flags = [
        f"--{name}={getattr(settings, name)}" for name in ("port", "latency", "malformed", "seed", "answers", "usage")
    ]
    flags += [f"--tail={settings.tail[0]}:{settings.tail[1]}", *["--forget"] * (not settings.keep)]
    flags += [f"--fault={status}={share}" for status, share in settings.faults.items()]
    if isinstance(gateway, Concurrency):
        flags += [f"--concurrency={gateway.limit}"]
    elif isinstance(gateway, Rate):
        flags += [f"--rate={gateway.per_second}", f"--burst={gateway.burst}"]
        if gateway.tokens_per_second is not None:
            flags += [f"--token-rate={gateway.tokens_per_second}", f"--token-burst={gateway.tokens_burst}"]
    if gateway:
        flags += [f"--retry-after={gateway.retry_after}"] * (gateway.retry_after is not None)
        flags += ["--headers"] * gateway.tell
    return flags


def _pair(mark: str, first: type) -> Callable[[str], tuple[Any, float]]:
    def read(text: str) -> tuple[Any, float]:
        left, _, right = text.partition(mark)
        return first(left), float(right)

    return read


def _settings(arguments: list[str]) -> Settings:
    """The settings that a command line means."""
    parser = argparse.ArgumentParser(
        description="An OpenAI-compatible endpoint on 127.0.0.1 that counts what it was paid for."
    )
    parser.add_argument("--port", type=int, default=0, help="0: any free one, printed")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds to an answer")
    parser.add_argument("--tail", type=_pair(":", float), default=(0.0, 0.0), metavar="SHARE:SECONDS")
    parser.add_argument("--fault", type=_pair("=", int), action="append", default=[], metavar="STATUS=SHARE")
    parser.add_argument("--concurrency", type=int, help="more at once than this are refused")
    parser.add_argument("--rate", type=float, help="requests a second")
    parser.add_argument("--burst", type=int, default=1, help="requests that may come at once")
    parser.add_argument("--token-rate", type=float, help="tokens a second")
    parser.add_argument("--token-burst", type=int, default=10_000)
    parser.add_argument("--retry-after", type=float, help="seconds that a refusal asks to wait")
    parser.add_argument("--headers", action="store_true", help="tell the limits in x-ratelimit headers")
    parser.add_argument("--answers", choices=["echo", "json"], default="echo")
    parser.add_argument("--malformed", type=float, default=0.0, help="share of the prompts")
    parser.add_argument("--usage", choices=["fixed", "texts"], default="fixed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--forget", action="store_true", help="keep counts only, for long runs")
    told = parser.parse_args(arguments)
    gateway: Gateway | None = None
    if told.concurrency is not None:
        gateway = Concurrency(told.concurrency, told.retry_after, told.headers)
    elif told.rate is not None:
        gateway = Rate(told.rate, told.burst, told.retry_after, told.headers, told.token_rate, told.token_burst)
    names = ("latency", "tail", "answers", "malformed", "usage", "seed", "port")
    same = {name: getattr(told, name) for name in names}
    return Settings(**same, faults=dict(told.fault), gateway=gateway, keep=not told.forget)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = _settings(sys.argv[1:])
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before the thread begins, which inherits it
    with Endpoint(**vars(settings)) as server:
        print(json.dumps({"port": server.port, "base_url": server.base_url}), flush=True)
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
