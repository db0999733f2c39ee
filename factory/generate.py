"""Asks a language model for everything that a plan wants and the journal does not have yet.

A free-running pool: as many requests in flight as the spec allows, no batches. A request that met a passing fault waits
outside the pool for its next try, so that a slot is never idle while anything else can be asked.
"""

import asyncio
import heapq
import itertools
import random
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pairsmith.factory.chat import Answer, Ask, Chat
from pairsmith.factory.errors import RetryError, RowError, StopError
from pairsmith.factory.faults import RETRY_REASONS
from pairsmith.factory.journal import Counts, Journal, Outcome, Step
from pairsmith.factory.spec import ModelSpec

FIRST_WAIT = 0.5  # seconds before the second try; doubled for each further one
LONGEST_WAIT = 60.0  # seconds that a back-off of our own grows to
PATIENCE = 900.0  # seconds; a service that asks for a longer wait has closed for now, and the run stops
_WAITING = 16  # requests for each slot that may wait for their next try: a bound on memory in a long outage
_RECORDED_SLOTS = 1000  # recorded answers come at once: the slots are only how many share a commit
_SLOWED = 5  # rate limits that lengthen a request's waits while others are answered: to 8 s, not to a minute
_REPORT = 0.2  # seconds between two reports of progress
_RATE_WINDOW = 30.0  # seconds that the rate is measured over


@dataclass(frozen=True)
class Progress:
    """Where a run stands. ``done`` counts answered and failed asks of the plan, those of earlier runs too.

    ``rate``: answers a second over the last half minute; ``tokens``: paid in this run; ``seconds_left``: None while
    there is no rate; ``stopping``: nothing more is sent, what is in flight is waited for.
    """

    done: int
    total: int
    failed: int
    in_flight: int
    waiting: int
    rate: float
    tokens: int
    seconds_left: float | None
    stopping: bool


@runtime_checkable
class Closable(Protocol):
    """A chat that holds connections."""

    async def aclose(self) -> None:
        """Let go of them."""
        ...


def generate(
    asks: Iterable[Ask],
    chat: Chat,
    journal: Journal,
    step: Step,
    spec: ModelSpec,
    progress: Callable[[Progress], None] | None = None,
) -> Counts:
    """Make ``asks`` the plan of ``step``, ask ``chat`` for what ``journal`` lacks, and return how the plan stands then.

    Asks given up for a passing fault in an earlier run are tried again; those given up for a fault of their own are
    not. Recorded answers are all read again. The first Ctrl-C (or SIGTERM) sends nothing more, waits for what is in
    flight, since it is paid, stores it and raises ``KeyboardInterrupt``; the second leaves at once. A fault that every
    request would meet does the same and raises that :class:`StopError`. Called again, it goes on where it stopped.
    The caller sees to it that one process at a time works on a journal.
    """
    journal.expect(asks, step)
    if spec.provider == "recorded":
        slots, todo = _RECORDED_SLOTS, journal.planned(step)
    else:
        journal.reopen(step, RETRY_REASONS)
        slots, todo = spec.concurrency, journal.pending(step)
    before = journal.counts(step)
    pool = _Pool(todo, chat, journal, slots, spec.retries)
    meter = _Meter(pool, before, again=spec.provider == "recorded")
    asyncio.run(_run(pool, chat, meter, progress))
    return journal.counts(step)


async def _run(pool: "_Pool", chat: Chat, meter: "_Meter", progress: Callable[[Progress], None] | None) -> None:
    reporter = asyncio.create_task(_report(pool, meter, progress)) if progress else None
    try:
        with _signals(pool.interrupt):
            await pool.run()
    finally:
        if reporter:
            reporter.cancel()
        if isinstance(chat, Closable):
            await chat.aclose()
    if progress:
        progress(meter.read())
    pool.raise_what_stopped_it()


async def _report(pool: "_Pool", meter: "_Meter", progress: Callable[[Progress], None]) -> None:
    try:
        while True:
            progress(meter.read())
            await asyncio.sleep(_REPORT)
    except Exception as error:  # whoever watches must not cost a paid answer
        pool.halt(error)


@contextmanager
def _signals(interrupt: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM call ``interrupt`` in the event loop; only the main thread can take signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in former:
        loop.add_signal_handler(number, interrupt)
    try:
        yield
    finally:
        for number, handler in former.items():
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


@dataclass
class _Try:
    """An ask on its way."""

    ask: Ask
    asked_at: float
    answered_before: int  # answers that the pool had when this was taken up, or met its last fault
    sent: int = 0
    used: int = 0  # of its tries
    slowed: int = 0  # rate limits that used up none


class _Pool:
    """Keeps ``slots`` requests in flight until nothing is left to ask, or something stops it."""

    def __init__(self, todo: Iterator[Ask], chat: Chat, journal: Journal, slots: int, retries: int) -> None:
        self._todo = todo
        self._chat = chat
        self._journal = journal
        self._slots = slots
        self._retries = retries
        self._flying: set[asyncio.Task[None]] = set()
        self._waiting: list[tuple[float, int, _Try]] = []  # heap by the moment of the next try
        self._number = itertools.count()
        self._landed = asyncio.Event()
        self._unsaved: dict[str, Outcome] = {}
        self._turn = asyncio.Lock()
        self._interrupted = False
        self._error: BaseException | None = None
        self.answered = 0
        self.failed = 0
        self.tokens = 0

    @property
    def in_flight(self) -> int:
        return len(self._flying)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def stopping(self) -> bool:
        return self._interrupted or self._error is not None

    async def run(self) -> None:
        """Ask until all is asked; after a stop, until what is in flight has landed and is stored."""
        try:
            while True:
                if not self.stopping and len(self._flying) < self._slots and (attempt := self._next()) is not None:
                    self._send(attempt)
                elif self._flying or (self._waiting and not self.stopping):
                    await self._something()
                else:
                    return
        finally:
            if self._unsaved:  # left in a hurry: what has come in is paid
                self._journal.record(list(self._unsaved.values()))

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

    def _next(self) -> _Try | None:
        """The request whose wait is over, else a fresh one, else None."""
        if self._waiting and self._waiting[0][0] <= time.monotonic():
            return heapq.heappop(self._waiting)[2]
        if len(self._waiting) >= self._slots * _WAITING:
            return None
        fresh = next(self._todo, None)
        return None if fresh is None else _Try(fresh, time.time(), self.answered)

    async def _something(self) -> None:
        """Wait until a request has landed, or a slot is free and a wait is over."""
        self._landed.clear()
        due = self._waiting[0][0] if self._waiting and len(self._flying) < self._slots and not self.stopping else None
        try:
            async with asyncio.timeout(None if due is None else max(0.0, due - time.monotonic())):
                await self._landed.wait()
        except TimeoutError:
            pass

    def _send(self, attempt: _Try) -> None:
        attempt.sent += 1
        task = asyncio.create_task(self._ask(attempt))
        self._flying.add(task)
        task.add_done_callback(self._land)

    def _land(self, task: asyncio.Task[None]) -> None:
        self._flying.discard(task)
        self._landed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self.halt(error)

    async def _ask(self, attempt: _Try) -> None:
        try:
            answer = await self._chat.answer(attempt.ask)
        except RowError as error:
            await self._keep(attempt, reason=error.reason, detail=str(error))
        except RetryError as error:
            await self._again(attempt, error)
        else:
            await self._keep(attempt, answer)

    async def _again(self, attempt: _Try, error: RetryError) -> None:
        """Line up for another try, or give up when all are used.

        A rate limit is a matter of the pace and not of the request: it uses up a try only if the service answered
        nothing at all since the request's last fault.
        """
        served = self.answered > attempt.answered_before
        attempt.answered_before = self.answered
        if error.reason == "rate_limit" and served:
            attempt.slowed += 1
        else:
            attempt.used += 1
        if error.wait is not None and error.wait > PATIENCE:
            self.halt(
                StopError(f"{error}; it asks to wait {error.wait:.0f} s: run again then, what was answered is kept")
            )
        elif attempt.used <= self._retries:
            due = time.monotonic() + _wait(attempt, error.wait)
            heapq.heappush(self._waiting, (due, next(self._number), attempt))
        elif error.reason == "unreachable" and not served:
            self.halt(
                StopError(f"{error}; nothing answers there: start the server or correct 'base_url', and run again")
            )
        else:
            detail = f"gave up after {attempt.sent} tries: {error}"
            await self._keep(attempt, reason=error.reason, detail=detail)

    async def _keep(
        self, attempt: _Try, answer: Answer | None = None, reason: str | None = None, detail: str | None = None
    ) -> None:
        """Store an outcome; those that come in during one commit share the next. Counted when stored."""
        key = attempt.ask.key
        self._unsaved[key] = Outcome(key, answer, reason, detail, attempt.sent, attempt.asked_at, time.time())
        async with self._turn:
            if key in self._unsaved:
                batch = list(self._unsaved.values())
                await asyncio.to_thread(self._journal.record, batch)
                self._count(batch)

    def _count(self, batch: list[Outcome]) -> None:
        for outcome in batch:
            del self._unsaved[outcome.key]
            if outcome.answer is None:
                self.failed += 1
            else:
                self.answered += 1
                self.tokens += (outcome.answer.tokens_in or 0) + (outcome.answer.tokens_out or 0)


def _wait(attempt: _Try, asked: float | None) -> float:
    """Seconds until the next try: exponential with jitter, and never less than the service asked for."""
    doublings = min(attempt.used + min(attempt.slowed, _SLOWED) - 1, 30)
    backoff = min(LONGEST_WAIT, FIRST_WAIT * 2.0**doublings) * random.uniform(0.5, 1.0)  # noqa: S311  no secret
    return backoff if asked is None else asked + 0.1 * min(asked, backoff)


class _Meter:
    """Reads a pool's progress."""

    def __init__(self, pool: _Pool, before: Counts, again: bool) -> None:
        failed = sum(before["failed"].values())
        self._pool = pool
        self._total = before["asked"]
        self._done, self._failed = (0, 0) if again else (before["answered"] + failed, failed)
        self._marks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def read(self) -> Progress:
        """The state of this moment."""
        pool = self._pool
        done = self._done + pool.answered + pool.failed
        rate = self._rate(pool.answered)
        return Progress(
            done=done,
            total=self._total,
            failed=self._failed + pool.failed,
            in_flight=pool.in_flight,
            waiting=pool.waiting,
            rate=rate,
            tokens=pool.tokens,
            seconds_left=(self._total - done) / rate if rate > 0 else None,
            stopping=pool.stopping,
        )

    def _rate(self, answered: int) -> float:
        now = time.monotonic()
        self._marks.append((now, answered))
        while len(self._marks) > 2 and now - self._marks[1][0] >= _RATE_WINDOW:
            self._marks.popleft()
        since, then = self._marks[0]
        return (answered - then) / (now - since) if now > since else 0.0
