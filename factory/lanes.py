"""An endpoint of the pool, the requests that wait for it, and how long a request waits for its next try.

Each endpoint has its own limits and its own circuit breaker; all endpoints of one model share its requests.
"""

import heapq
import random
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from pairsmith.factory.breaker import Breaker
from pairsmith.factory.chat import RECORDED, Ask, Chat, service_of
from pairsmith.factory.limits import Limits, Ticket
from pairsmith.factory.spec import ModelSpec

FIRST_WAIT = 0.5  # seconds before the second try while a service answers nothing; doubled for each further one
LONGEST_WAIT = 60.0  # seconds that a back-off of our own grows to
SHORT_WAIT, LONG_WAIT = 0.1, 2.0  # bounds of the first wait while the service answers others: about two answers' time
SHORT_DOUBLINGS = 1  # that such waits grow by: a fault that comes by chance is over at the next try
LAST_WAIT = 10.0  # times the first wait, before the last tries of a run where nothing is answered: it may need a moment
BACKLOG = 1000  # asks of one model that wait for a free slot in memory; what is beyond is read from the journal again
WAITING = 16  # requests for each slot that may wait for their next try: a bound on memory in a long outage
RECORDED_SLOTS = 1000  # recorded answers come at once: the slots are only how many share a commit


class Member(NamedTuple):
    """An endpoint of a pool: what the spec says of it, and the way to it."""

    spec: ModelSpec
    chat: Chat

    @property
    def model(self) -> str:
        """What asks name it by."""
        return RECORDED if self.spec.provider == "recorded" else self.spec.model


@dataclass
class Try:
    """An ask on its way."""

    ask: Ask
    answered_before: int  # answers that its model had given when this was taken up, or met its last fault
    retries: int
    last: bool = False  # at the end of the run, after all others
    began: float = 0.0  # when it was first sent, monotonic
    sent: int = 0
    used: int = 0  # of its tries
    slowed: int = 0  # faults that used up none
    lost: int = 0  # tries that may have been paid


@dataclass
class Queue:
    """What is to be asked of one model, by any of its endpoints."""

    lanes: "list[Lane]" = field(default_factory=list)
    backlog: deque[Try] = field(default_factory=deque)
    waiting: list[tuple[float, int, Try]] = field(default_factory=list)  # heap by the moment of the next try
    answered: int = 0
    left: bool = False  # asks were left in the journal, to be read again
    _number: int = 0

    @property
    def slots(self) -> int:
        """Requests in flight that its endpoints take together."""
        return sum(lane.slots for lane in self.lanes)

    @property
    def retries(self) -> int:
        """Further tries of a request."""
        return max(lane.spec.retries for lane in self.lanes)

    @property
    def crowded(self) -> bool:
        """Whether so many wait for their next try that no fresh ask is taken up."""
        return len(self.waiting) >= self.slots * WAITING

    def next(self, now: float) -> Try | None:
        """The request whose wait is over, else a fresh one, else None."""
        if self.waiting and self.waiting[0][0] <= now:
            return heapq.heappop(self.waiting)[2]
        return self.backlog.popleft() if self.backlog and not self.crowded else None

    @property
    def last_wait(self) -> float:
        """Seconds before last tries: longer where the last requests all failed."""
        return FIRST_WAIT * (LAST_WAIT if all(lane.breaker.doubtful for lane in self.lanes) else 1.0)

    def later(self, attempt: Try, due: float) -> None:
        """Let a request wait until the moment ``due``."""
        self._number += 1
        heapq.heappush(self.waiting, (due, self._number, attempt))

    def due(self) -> float | None:
        """The moment at which the next wait is over."""
        return self.waiting[0][0] if self.waiting else None


class Lane:
    """One endpoint of the pool."""

    def __init__(self, member: Member, queue: Queue, *, alone: bool) -> None:
        spec = member.spec
        self.spec = spec
        self.chat = member.chat
        self.queue = queue
        self.slots = RECORDED_SLOTS if spec.provider == "recorded" else spec.concurrency
        self.limits = Limits(self.slots, spec.requests_per_minute, spec.tokens_per_minute)
        self.breaker = Breaker(alone=alone)
        queue.lanes.append(self)

    @property
    def name(self) -> str:
        """How notes name it: by its model, and by its place where the model has several endpoints."""
        return self.spec.model if len(self.queue.lanes) == 1 else f"{self.spec.model} at {service_of(self.spec).place}"

    @property
    def given_up(self) -> str | None:
        """Why no request of the model can be answered any more, None while an endpoint of it is up."""
        return self.breaker.given_up if all(lane.breaker.is_open for lane in self.queue.lanes) else None

    def wait(self, now: float) -> float | None:
        """Seconds until a request may be sent; None: not before one has landed."""
        return self.breaker.wait(now) or self.limits.wait(now)

    def sent(self, now: float) -> Ticket:
        """One is sent."""
        self.breaker.sent(now)
        return self.limits.sent(now)

    def says(self) -> str | None:
        """What holds it up, if anything does."""
        return self.breaker.says() or self.limits.says()


def wait_for(attempt: Try, asked: float | None, served: bool, latency: float) -> float:
    """Seconds until the next try: exponential with jitter, and never less than the service asked for.

    While the service answers others (``served``) the fault came by chance, and the wait is about that of two answers.
    """
    if served:
        first = min(LONG_WAIT, max(SHORT_WAIT, 2 * latency))
        doublings = min(attempt.used + attempt.slowed - 1, SHORT_DOUBLINGS)
    else:
        first, doublings = FIRST_WAIT, min(max(0, attempt.used - 1), 30)  # what was refused beside answers says nothing
    backoff = min(LONGEST_WAIT, first * 2.0**doublings) * random.uniform(0.5, 1.0)  # noqa: S311  no secret
    return backoff if asked is None else max(backoff, asked + 0.1 * min(asked, backoff))
