"""Services with limits, and a client that keeps to them, in virtual time: what takes minutes is simulated in a moment."""

import heapq
import itertools
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pairsmith.factory.limits import Landing, Limits, Ticket


@dataclass
class Verdict:
    """What a service does with a request: "answered", "limited" or "faulty", with headers."""

    landing: Landing = "answered"
    headers: dict[str, str] = field(default_factory=dict)
    retry_after: float | None = None


class Service(Protocol):
    def arrive(self, now: float) -> Verdict: ...
    def leave(self, now: float) -> None: ...


class Unlimited:
    """The yardstick: a client that only keeps to its slots."""

    def __init__(self, slots: int) -> None:
        self.slots, self.in_flight = slots, 0

    def wait(self, now: float) -> float | None:
        return 0.0 if self.in_flight < self.slots else None

    def sent(self, now: float) -> Ticket:
        self.in_flight += 1
        return Ticket(0, now, self.in_flight, 0, None)

    def landed(self, *landing: object) -> None:
        self.in_flight -= 1

    def says(self) -> str | None:
        return None


class Free:
    """Lets everything through."""

    def arrive(self, now: float) -> Verdict:
        return Verdict()

    def leave(self, now: float) -> None: ...


class AtOnce(Free):
    """At most ``size(now)`` at once."""

    def __init__(self, size: int | Callable[[float], int], retry_after: float | None = None) -> None:
        self.size = size if callable(size) else (lambda now: size)
        self.inside = 0
        self.retry_after = retry_after

    def arrive(self, now: float) -> Verdict:
        if self.inside >= self.size(now):
            return Verdict("limited", retry_after=self.retry_after)
        self.inside += 1
        return Verdict()

    def leave(self, now: float) -> None:
        self.inside -= 1


class TokenBucket(Free):
    """``rate`` a second flow into a bucket of ``burst``; with ``told`` the headers say so."""

    def __init__(
        self, rate: float | Callable[[float], float], burst: int, told: bool = False, retry_after: float | None = None
    ) -> None:
        self.rate = rate if callable(rate) else (lambda now: rate)
        self.burst, self.level, self.at, self.told, self.retry_after = burst, float(burst), 0.0, told, retry_after

    def arrive(self, now: float) -> Verdict:
        self.level = min(self.burst, self.level + (now - self.at) * self.rate(now))
        self.at = now
        let = self.level >= 1
        self.level -= let
        headers = {}
        if self.told:
            headers = {
                "x-ratelimit-limit-requests": str(self.burst),
                "x-ratelimit-remaining-requests": str(int(self.level)),
                "x-ratelimit-reset-requests": f"{(self.burst - self.level) / self.rate(now):.3f}s",
            }
        return Verdict("answered", headers) if let else Verdict("limited", headers, self.retry_after)


class FixedWindow(Free):
    """``count`` in each window of ``length`` seconds; with ``told`` the headers say so."""

    def __init__(self, count: int, length: float, told: bool = False) -> None:
        self.count, self.length, self.window, self.used, self.told = count, length, -1, 0, told

    def arrive(self, now: float) -> Verdict:
        if int(now / self.length) != self.window:
            self.window, self.used = int(now / self.length), 0
        let = self.used < self.count
        self.used += let
        headers = {
            "x-ratelimit-limit": str(self.count),
            "x-ratelimit-remaining": str(self.count - self.used),
            "x-ratelimit-reset": f"{self.length * (self.window + 1) - now:.3f}",
        }
        return Verdict("answered" if let else "limited", headers if self.told else {})


class SlidingWindow(Free):
    """``count`` in any ``length`` seconds."""

    def __init__(self, count: int, length: float) -> None:
        self.count, self.length = count, length
        self.times: deque[float] = deque()

    def arrive(self, now: float) -> Verdict:
        while self.times and self.times[0] <= now - self.length:
            self.times.popleft()
        if len(self.times) >= self.count:
            return Verdict("limited")
        self.times.append(now)
        return Verdict()


class Chance(Free):
    """Refuses ``limited`` of all, and fails ``faulty`` of all, whatever the load."""

    def __init__(
        self, rng: random.Random, limited: float, faulty: float = 0.0, retry_after: float | None = None
    ) -> None:
        self.rng, self.limited, self.faulty, self.retry_after = rng, limited, faulty, retry_after

    def arrive(self, now: float) -> Verdict:
        draw = self.rng.random()
        if draw < self.limited:
            return Verdict("limited", retry_after=self.retry_after)
        return Verdict("faulty" if draw < self.limited + self.faulty else "answered")


@dataclass
class Result:
    """``times``: when each row was answered; ``sends``: when each request left; ``wasted``: 429s."""

    times: list[float] = field(default_factory=list)
    sends: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    refusals: list[float] = field(default_factory=list)
    most: int = 0
    says: list[tuple[float, str]] = field(default_factory=list)

    @property
    def wasted(self) -> int:
        return self.counts["limited"]

    @property
    def seconds(self) -> float:
        return max(self.times)

    def done(self, share: float = 1.0) -> float:
        """When that share of the rows was answered."""
        return sorted(self.times)[max(0, int(share * len(self.times)) - 1)]


def simulate(
    service: Service,
    limits: Limits | Unlimited,
    rows: int,
    latency: Callable[[], float],
    rng: random.Random,
    cpu: float = 0.0,
    refusal: tuple[float, float] = (0.001, 0.003),
    tokens: int = 0,
    until: float = 1e5,
) -> Result:
    """Send ``rows`` requests through ``limits``; each one refused or failed is sent again 0.1 to 0.5 s later.

    ``cpu``: seconds of work between two sends; ``refusal``: seconds until a 429 is back.
    """
    result = Result()
    number = itertools.count()
    events: list[tuple[float, int, str, Ticket, Verdict]] = []
    waiting: list[float] = []
    fresh, now = rows, 0.0

    def land(kind: str, ticket: Ticket, verdict: Verdict) -> None:
        if kind == "leave":
            service.leave(now)
            return
        limits.landed(ticket, now, verdict.landing, verdict.headers, verdict.retry_after, tokens)
        result.counts[verdict.landing] += 1
        if verdict.landing == "answered":
            result.times.append(now)
        else:
            if verdict.landing == "limited":
                result.refusals.append(now)
            heapq.heappush(waiting, now + rng.uniform(0.1, 0.5) + (verdict.retry_after or 0.0))

    while len(result.times) < rows and now < until:
        while events and events[0][0] <= now:
            _, _, kind, ticket, verdict = heapq.heappop(events)
            land(kind, ticket, verdict)
        ready = fresh > 0 or (waiting and waiting[0] <= now)
        delay = limits.wait(now) if ready else None
        said = limits.says() or ""
        if not result.says or result.says[-1][1] != said:
            result.says.append((now, said))
        if ready and delay is None:
            assert limits.in_flight, "waits for a landing with nothing in flight"
        if ready and delay == 0.0:
            if waiting and waiting[0] <= now:
                heapq.heappop(waiting)
            else:
                fresh -= 1
            ticket = limits.sent(now)
            result.sends.append(now)
            result.most = max(result.most, limits.in_flight)
            verdict = service.arrive(now)
            if verdict.landing == "limited":
                heapq.heappush(events, (now + rng.uniform(*refusal), next(number), "land", ticket, verdict))
            else:
                end = now + latency()
                heapq.heappush(events, (end, next(number), "leave", ticket, verdict))
                heapq.heappush(events, (end, next(number), "land", ticket, verdict))
            now += cpu * rng.uniform(0.5, 1.5)
            continue
        moments = [events[0][0]] if events else []
        if ready and delay is not None:
            moments.append(now + max(delay, 1e-6))
        if not ready and waiting:
            moments.append(waiting[0])
        elif waiting and delay is None:
            pass
        if len(result.times) == rows:
            break
        assert moments, "nothing will ever happen"
        now = max(now, min(moments))
    return result
