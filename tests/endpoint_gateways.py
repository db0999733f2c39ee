"""Gateways before the endpoint's model: each lets so much through and refuses the rest at once with a 429."""

from dataclasses import dataclass, field
from typing import Protocol


class Gateway(Protocol):
    """Lets requests in or not. ``now`` is on the monotonic clock, ``tokens`` what a request may cost."""

    retry_after: float | None

    def enter(self, tokens: int, now: float) -> bool: ...

    def leave(self) -> None: ...

    def headers(self, now: float) -> dict[str, str]: ...


@dataclass
class Concurrency:
    """At most ``limit`` requests inside at once. ``retry_after``: seconds that a refusal asks to wait."""

    limit: int
    retry_after: float | None = None
    tell: bool = False  # the x-ratelimit headers; they have no reset, as nobody knows when a place gets free
    inside: int = field(default=0, init=False)

    def enter(self, tokens: int, now: float) -> bool:
        free = self.inside < self.limit
        self.inside += free
        return free

    def leave(self) -> None:
        self.inside -= 1

    def headers(self, now: float) -> dict[str, str]:
        return _told("requests", self.limit, self.limit - self.inside) if self.tell else {}


@dataclass
class Rate:
    """``per_second`` requests, and tokens where ``tokens_per_second`` is given; ``burst`` of each may come at once.

    A bucket holds a burst and fills at the rate. A request's tokens are those of its prompt and its ``max_tokens``.
    """

    per_second: float
    burst: int
    retry_after: float | None = None
    tell: bool = False  # the x-ratelimit headers
    tokens_per_second: float | None = None
    tokens_burst: int = 10_000

    def __post_init__(self) -> None:
        self._buckets = {"requests": _Bucket(self.per_second, self.burst)}
        if self.tokens_per_second is not None:
            self._buckets["tokens"] = _Bucket(self.tokens_per_second, self.tokens_burst)

    def enter(self, tokens: int, now: float) -> bool:
        wanted = {"requests": 1, "tokens": tokens}
        if any(bucket.level(now) < wanted[name] for name, bucket in self._buckets.items()):
            return False
        for name, bucket in self._buckets.items():
            bucket.left -= wanted[name]
        return True

    def leave(self) -> None:
        """A request that is done makes no room: what is limited is how many begin."""

    def headers(self, now: float) -> dict[str, str]:
        told: dict[str, str] = {}
        for name, bucket in self._buckets.items() if self.tell else ():
            left = bucket.level(now)
            told |= _told(name, bucket.burst, int(left), (bucket.burst - left) / bucket.per_second)
        return told


@dataclass
class _Bucket:
    per_second: float
    burst: int
    since: float = 0.0

    def __post_init__(self) -> None:
        self.left: float = self.burst

    def level(self, now: float) -> float:
        self.left = min(self.burst, self.left + (now - self.since) * self.per_second)
        self.since = now
        return self.left


def duration(seconds: float) -> str:
    """Seconds as OpenAI's headers write them.

    >>> [duration(one) for one in (0, 0.12, 1, 8.64, 360, 3723.5)]
    ['0s', '120ms', '1s', '8.64s', '6m0s', '1h2m3.5s']
    """
    if 0 < round(seconds, 3) < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{round(rest, 3):g}s"
    return f"{hours}h{minutes}m{text}" if hours else f"{minutes}m{text}" if minutes else text


def _told(what: str, limit: int, remaining: int, reset: float | None = None) -> dict[str, str]:
    told = {f"x-ratelimit-limit-{what}": str(limit), f"x-ratelimit-remaining-{what}": str(remaining)}
    return told if reset is None else {**told, f"x-ratelimit-reset-{what}": duration(reset)}
