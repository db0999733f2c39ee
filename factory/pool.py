"""The pool: keeps the requests of a plan in flight, over one or several endpoints, with no barrier between them.

The plan streams in and is recorded while it is asked. Each endpoint has its own limits and its own circuit breaker; all
endpoints of one model share its requests. A request that met a passing fault waits outside the pool for its next try.
"""

import asyncio
import heapq
import itertools
import random
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from pairsmith.factory.breaker import Breaker
from pairsmith.factory.chat import RECORDED, Answer, Ask, Chat
from pairsmith.factory.errors import RetryError, RowError, StopError
from pairsmith.factory.faults import LOST_REASONS, RETRY_REASONS
from pairsmith.factory.journal import Journal, Known, Outcome, Planned, Step
from pairsmith.factory.ledger import Purse
from pairsmith.factory.limits import Landing, Limits, Ticket
from pairsmith.factory.spec import ModelSpec
from pairsmith.factory.writer import Writer

FIRST_WAIT = 0.5  # seconds before the second try while a service answers nothing; doubled for each further one
LONGEST_WAIT = 60.0  # seconds that a back-off of our own grows to
SHORT_WAIT, LONG_WAIT = 0.1, 2.0  # bounds of the first wait while the service answers others: about two answers' time
SHORT_DOUBLINGS = 2  # that such waits grow by: a fault that comes by chance is over at the next try
PATIENCE = 900.0  # seconds; a service that asks for a longer wait has closed for now, and the run stops
CHUNK = 32  # asks that are rendered at once: some milliseconds, in which nothing else happens
BACKLOG = 1000  # asks of one model that wait for a free slot in memory; what is beyond is read from the journal again
WAITING = 16  # requests for each slot that may wait for their next try: a bound on memory in a long outage
RECORDED_SLOTS = 1000  # recorded answers come at once: the slots are only how many share a commit


class Member(NamedTuple):
    """An endpoint of a pool: what the spec says of it, and the way to it."""

    spec: ModelSpec
    chat: Chat


@dataclass
class Tally:
    """Where the requests of one group stand, those of earlier runs included; tokens and dollars of this run."""

    answered: int = 0
    failed: int = 0
    tokens: float = 0
    usd: float = 0


@dataclass
class _Try:
    """An ask on its way."""

    ask: Ask
    answered_before: int  # answers that its model had given when this was taken up, or met its last fault
    retries: int
    last: bool = False  # at the end of the run, after all others
    began: float = 0.0  # when it was first sent, monotonic
    sent: int = 0
    used: int = 0  # of its tries
    slowed: int = 0  # rate limits that used up none
    lost: int = 0


@dataclass
class _Queue:
    """What is to be asked of one model."""

    backlog: deque[_Try] = field(default_factory=deque)
    waiting: list[tuple[float, int, _Try]] = field(default_factory=list)  # heap by the moment of the next try
    slots: int = 0
    retries: int = 0
    answered: int = 0
    left: bool = False  # asks were left in the journal, to be read again

    def next(self, now: float) -> _Try | None:
        """The request whose wait is over, else a fresh one, else None."""
        if self.waiting and self.waiting[0][0] <= now:
            return heapq.heappop(self.waiting)[2]
        if self.backlog and len(self.waiting) < self.slots * WAITING:
            return self.backlog.popleft()
        return None

    def due(self) -> float | None:
        """The moment at which the next wait is over."""
        return self.waiting[0][0] if self.waiting else None


class _Lane:
    """One endpoint of the pool."""

    def __init__(self, member: Member, queue: _Queue) -> None:
        spec = member.spec
        slots = RECORDED_SLOTS if spec.provider == "recorded" else spec.concurrency
        queue.slots += slots
        queue.retries = max(queue.retries, spec.retries)
        self.spec = spec
        self.chat = member.chat
        self.queue = queue
        self.limits = Limits(slots, spec.requests_per_minute, spec.tokens_per_minute)
        self.breaker = Breaker()

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


class Pool:
    """Asks ``plan`` of the ``members`` and keeps every outcome in ``journal``; :mod:`pairsmith.factory.generate` runs it."""

    def __init__(
        self, plan: Iterator[Ask], members: Sequence[Member], journal: Journal, step: Step, purse: Purse
    ) -> None:
        self._plan = plan
        self._journal = journal
        self._step: Step = step
        self._purse = purse
        self._queues: dict[str, _Queue] = {}
        self._lanes = [_Lane(one, self._queues.setdefault(_model(one.spec), _Queue())) for one in members]
        self._again = any(one.spec.provider == "recorded" for one in members)
        self._writer = Writer(journal, self._saved, self.halt)
        self._live: dict[str, str] = {}  # key -> group, from taking an ask up until its outcome is on disk
        self._flying: dict[asyncio.Task[None], str] = {}
        self._by_model: Counter[str] = Counter()  # of those in flight
        self._number = itertools.count()
        self._landed = asyncio.Event()
        self._interrupted = False
        self._error: BaseException | None = None
        self._gave_up = 0
        self._spare_tries = True  # what was given up for a passing fault has its last try yet to come
        self.tallies: dict[str, Tally] = {}
        self.answered = 0
        self.held: str | None = None

    @property
    def in_flight(self) -> int:
        """Requests that are with a service now."""
        return len(self._flying)

    @property
    def waiting(self) -> int:
        """Requests that wait for their next try."""
        return sum(len(queue.waiting) for queue in self._queues.values())

    @property
    def stopping(self) -> bool:
        """Whether nothing more is sent."""
        return self._interrupted or self._error is not None

    def says(self) -> list[str]:
        """What holds up which endpoint."""
        named = len(self._lanes) > 1
        said = [(lane.spec.model, lane.says()) for lane in self._lanes]
        return [f"{model}: {text}" if named else text for model, text in said if text]

    async def run(self) -> None:
        """Ask until all is asked; after a stop, until what is in flight has landed and is stored."""
        start = self._journal.begin_plan(self._step)
        self._stream = self._planned(start)
        try:
            while not (self.stopping and not self._flying):
                moment = self._send_all()
                if self._flying or self._writer.unsaved or (moment is not None and not self.stopping):
                    await self._something(moment)
                elif not await self._next_pass(start):
                    break
            await self._writer.flush()
        finally:
            self._writer.close()

    def interrupt(self) -> None:
        """Stop; called again, drop what is in flight too."""
        if self._interrupted:
            for task in self._flying:
                task.cancel()
        self._interrupted = True
        self._landed.set()

    def halt(self, error: BaseException) -> None:
        """Stop because of ``error``; the first one counts."""
        self._error = self._error or error
        self._landed.set()

    def raise_what_stopped_it(self) -> None:
        """Raise the fault or the interrupt that ended the run early, if there was one."""
        if self._error is not None:
            raise self._error
        if self._interrupted:
            raise KeyboardInterrupt

    # ------------------------------------------------------------------------------------------------- what is to be asked

    def _planned(self, start: int) -> Iterator[None]:
        """Take up the plan, a chunk at a step: record it, and line up what is open."""
        position = start
        while chunk := list(islice(self._plan, CHUNK)):
            self._writer.plan([Planned(ask, self._step, place) for place, ask in enumerate(chunk, position)])
            position += len(chunk)
            known = self._journal.known([ask.key for ask in chunk])
            for ask in chunk:
                self._take(ask, known.get(ask.key))
            yield

    def _take(self, ask: Ask, known: Known | None) -> None:
        """Line an ask up, unless it has an outcome that stays, is in a batch, or is on its way already."""
        if ask.key in self._live:
            return
        tally = self._tally(_group(ask))
        if known is not None and not self._again:
            if known.answered:
                tally.answered += 1
                return
            if known.reason is not None and known.reason not in RETRY_REASONS:
                tally.failed += 1
                return
            if known.batch is not None:
                return
        self._line_up(ask)

    def _line_up(self, ask: Ask, last: bool = False) -> None:
        queue = self._queues[ask.model]
        if len(queue.backlog) >= BACKLOG:
            queue.left = True
            return
        self._live[ask.key] = _group(ask)
        queue.backlog.append(_Try(ask, queue.answered, 0 if last else queue.retries, last))

    def _rest(self) -> Iterator[None]:
        """Take up what was left in the journal."""
        asks = self._journal.planned(self._step) if self._again else self._journal.pending(self._step)
        for ask in asks:
            if ask.key not in self._live:
                self._line_up(ask)
                yield

    def _last_tries(self) -> Iterator[None]:
        """Take up once more what was given up for a passing fault; it counts as failed no longer."""
        self._journal.reopen(self._step, RETRY_REASONS)
        for ask in self._journal.pending(self._step):
            self._tally(_group(ask)).failed -= 1
            self._line_up(ask, last=True)
            yield

    async def _next_pass(self, start: int) -> bool:
        """Whether there is more to ask once a pass is over: what did not fit into memory, then last tries."""
        await self._writer.flush()
        if self.stopping:
            return False
        self._journal.end_plan(self._step, start)
        if self.held:
            return False
        if any(queue.left for queue in self._queues.values()):
            for queue in self._queues.values():
                queue.left = False
            self._stream = self._rest()
            return True
        if self._gave_up and self._spare_tries:
            self._spare_tries = False
            self._stream = self._last_tries()
            return True
        return False

    # ---------------------------------------------------------------------------------------------------------- sending

    def _send_all(self) -> float | None:
        """Send what may be sent now; returns the moment at which more may be, None where only a landing helps."""
        if self.stopping:
            return None
        moments = [self._send_to(lane) for lane in self._lanes]
        return min((moment for moment in moments if moment is not None), default=None)

    def _send_to(self, lane: _Lane) -> float | None:
        while True:
            now = time.monotonic()
            if lane.breaker.given_up is not None:
                self.halt(
                    StopError(f"{lane.breaker.given_up}; mend the service, then run again: what was answered is kept")
                )
                return None
            if self._writer.unsaved + lane.limits.in_flight >= lane.limits.limit or not self._affords(lane):
                return None
            pause = lane.wait(now)
            if pause is None:
                return None
            if pause > 0:
                return now + pause
            attempt = lane.queue.next(now) or self._fresh(lane.queue, now)
            if attempt is None:
                return lane.queue.due()
            self._send(lane, attempt, now)

    def _fresh(self, queue: _Queue, now: float) -> _Try | None:
        """The next ask of the plan for ``queue``; those of other models are lined up on the way."""
        if len(queue.waiting) >= queue.slots * WAITING:
            return None
        while not queue.backlog and next(self._stream, _END) is not _END:
            pass
        return queue.next(now)

    def _affords(self, lane: _Lane) -> bool:
        if lane.spec.provider == "recorded" or self._purse.allows(lane.spec.model, self._by_model):
            return True
        if not self._flying:
            self.held = f"the budget is spent ({self._purse.says()})"
            for _ in self._stream:  # the plan is recorded to its end: what is not asked is pending
                pass
        return False

    def _send(self, lane: _Lane, attempt: _Try, now: float) -> None:
        attempt.began = attempt.began or now
        attempt.sent += 1
        self._by_model[lane.spec.model] += 1
        ticket = lane.sent(now)
        task = asyncio.get_running_loop().create_task(self._ask(lane, attempt, ticket))
        self._flying[task] = lane.spec.model
        task.add_done_callback(self._land)

    def _land(self, task: asyncio.Task[None]) -> None:
        self._by_model[self._flying.pop(task)] -= 1
        self._landed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self.halt(error)

    async def _something(self, moment: float | None) -> None:
        """Wait until something has landed, or until ``moment``."""
        self._landed.clear()
        if self.stopping or moment is None:
            await self._landed.wait()
            return
        timer = asyncio.get_running_loop().call_later(max(0.0, moment - time.monotonic()), self._landed.set)
        await self._landed.wait()
        timer.cancel()

    async def _ask(self, lane: _Lane, attempt: _Try, ticket: Ticket) -> None:
        landing: Landing = "dropped"
        headers, wait, tokens, told = None, None, 0.0, ""
        try:
            answer = await lane.chat.answer(attempt.ask)
        except RowError as error:
            landing = "answered"
            if error.paid:
                self._lose(attempt)
            self._keep(attempt, reason=error.reason, detail=str(error))
        except RetryError as error:
            landing = "limited" if error.reason == "rate_limit" else "faulty"
            headers, wait, told = error.headers, error.wait, str(error)
            self._fail(lane, attempt, error)
        except StopError:
            landing = "faulty"
            raise
        else:
            landing, headers = "answered", answer.headers
            tokens = self._answer(lane, attempt, answer)
        finally:
            now = time.monotonic()
            lane.limits.landed(ticket, now, landing, headers, wait, round(tokens))
            if landing != "dropped":
                lane.breaker.landed(now, landing == "answered", told, landing == "limited")

    # ---------------------------------------------------------------------------------------------------------- outcomes

    def _answer(self, lane: _Lane, attempt: _Try, answer: Answer) -> float:
        lane.queue.answered += 1
        tokens, usd = self._purse.pay(attempt.ask, answer)
        tally = self._tally(_group(attempt.ask))
        tally.tokens += tokens
        tally.usd += usd
        self._keep(attempt, answer)
        return tokens

    def _fail(self, lane: _Lane, attempt: _Try, error: RetryError) -> None:
        """Line up for another try, or give up when all are used.

        A rate limit is a matter of the pace and not of the request: it uses up a try only if the model answered nothing
        at all since the request's last fault. Nor is it the request's matter that a service is down as a whole; only where
        nothing was ever there the run does not wait for it.
        """
        queue = lane.queue
        served = queue.answered > attempt.answered_before
        attempt.answered_before = queue.answered
        if error.reason in LOST_REASONS:
            self._lose(attempt)
        nowhere = error.reason == "unreachable" and not queue.answered
        if (error.reason == "rate_limit" and served) or (lane.breaker.is_open and not nowhere):
            attempt.slowed += 1
        else:
            attempt.used += 1
        if error.wait is not None and error.wait > PATIENCE:
            told = f"{error}; it asks to wait {error.wait:.0f} s: run again then, what was answered is kept"
            self.halt(StopError(told))
        elif attempt.used <= attempt.retries:
            due = time.monotonic() + _wait(attempt, error.wait, served, lane.limits.usual_latency)
            heapq.heappush(queue.waiting, (due, next(self._number), attempt))
        elif nowhere:
            told = f"{error}; nothing answers there: start the server or correct 'base_url', and run again"
            self.halt(StopError(told))
        else:
            self._gave_up += 1
            tries = "a last try at the end of the run" if attempt.last else f"{attempt.sent} tries"
            self._keep(attempt, reason=error.reason, detail=f"gave up after {tries}: {error}")

    def _lose(self, attempt: _Try) -> None:
        """A try may have been paid, and nothing came of it."""
        attempt.lost += 1
        self._purse.lose(attempt.ask.model)

    def _keep(
        self, attempt: _Try, answer: Answer | None = None, reason: str | None = None, detail: str | None = None
    ) -> None:
        key, now = attempt.ask.key, time.time()
        asked_at = now - (time.monotonic() - attempt.began)  # the clock may have been set while it was on its way
        self._writer.add(Outcome(key, answer, reason, detail, attempt.sent, asked_at, now, attempt.lost))

    def _saved(self, outcomes: list[Outcome]) -> None:
        """Count what is on disk."""
        for outcome in outcomes:
            tally = self._tally(self._live.pop(outcome.key))
            if outcome.answer is None:
                tally.failed += 1
            else:
                tally.answered += 1
                self.answered += 1
        self._landed.set()

    def _tally(self, group: str) -> Tally:
        return self.tallies.setdefault(group, Tally())


_END = object()


def _model(spec: ModelSpec) -> str:
    return RECORDED if spec.provider == "recorded" else spec.model


def _group(ask: Ask) -> str:
    return ask.slice.partition("/")[0]


def _wait(attempt: _Try, asked: float | None, served: bool, latency: float) -> float:
    """Seconds until the next try: exponential with jitter, and never less than the service asked for.

    While the service answers others the fault came by chance, and the wait is about that of two answers.
    """
    if served:
        first = min(LONG_WAIT, max(SHORT_WAIT, 2 * latency))
        doublings = min(attempt.used + attempt.slowed - 1, SHORT_DOUBLINGS)
    else:
        first, doublings = FIRST_WAIT, min(max(0, attempt.used - 1), 30)  # what was refused beside answers says nothing
    backoff = min(LONGEST_WAIT, first * 2.0**doublings) * random.uniform(0.5, 1.0)  # noqa: S311  no secret
    return backoff if asked is None else asked + 0.1 * min(asked, backoff)
