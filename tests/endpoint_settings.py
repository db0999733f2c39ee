"""How the endpoint behaves beside its script: the settings, and the command line that means the same."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from endpoint_gateways import Concurrency, Gateway, Rate


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


def to_flags(settings: Settings) -> list[str]:
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


def from_flags(arguments: list[str]) -> Settings:
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
