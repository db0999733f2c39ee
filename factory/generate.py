"""Asks language models for everything that a plan wants and the journal does not have yet."""

import asyncio
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, runtime_checkable

from pairsmith.factory.chat import Answer, Ask
from pairsmith.factory.faults import RETRY_REASONS
from pairsmith.factory.journal import Counts, Journal, Step
from pairsmith.factory.lanes import Member
from pairsmith.factory.ledger import Purse
from pairsmith.factory.pool import REPAIR, Pool, Tally
from pairsmith.factory.spec import BudgetSpec

_REPORT = 0.2  # seconds between two reports of progress
_RATE_WINDOW = 30.0  # seconds that the rate is measured over


@dataclass(frozen=True)
class Progress:
    """Where a step stands.

    ``asked``: planned requests by group, and repairs so far (group ``repair``), which are planned as they come; ``groups``:
    what became of them, in this run and before; ``rate``: answers a
    second over the last half minute; ``tokens`` and ``usd``: paid in this run; ``seconds_left``: None while there is no
    rate; ``stopping``: nothing more is sent, what is in flight is waited for; ``says``: what holds an endpoint up.
    """

    step: Step
    asked: Mapping[str, int]
    groups: Mapping[str, Tally]
    in_flight: int
    waiting: int
    rate: float
    tokens: float
    usd: float
    seconds_left: float | None
    stopping: bool
    says: Sequence[str]

    @property
    def total(self) -> int:
        """All planned requests."""
        return sum(self.asked.values())

    @property
    def failed(self) -> int:
        """Requests that were given up."""
        return sum(tally.failed for tally in self.groups.values())

    @property
    def done(self) -> int:
        """Answered and failed requests, those of earlier runs included."""
        return self.failed + sum(tally.answered for tally in self.groups.values())


class Generated(NamedTuple):
    """How the plan stands after asking. ``held``: what keeps the rest from being asked (a budget), in one clause."""

    counts: Counts
    held: str | None


@runtime_checkable
class Closable(Protocol):
    """A chat that holds connections."""

    async def aclose(self) -> None:
        """Let go of them."""
        ...


def generate(
    asks: Iterable[Ask],
    members: Sequence[Member],
    journal: Journal,
    step: Step,
    asked: Mapping[str, int],
    purse: Purse | None = None,
    progress: Callable[[Progress], None] | None = None,
    repair: Callable[[Ask, Answer], Ask | None] = lambda _ask, _answer: None,
    label: str = "",
) -> Generated:
    """Make ``asks`` the plan of ``step``, ask ``members`` for what ``journal`` lacks, and return how the plan stands then.

    ``asked``: how many asks there are by group, for the progress; ``repair``: is shown every answer and may give an ask
    that is to follow at once; ``label`` names the plan, so that one that broke off is known again. Asks given up for a
    passing fault in an earlier run are
    tried again, and once more at the end of this one; those given up for a fault of their own are not. Recorded answers
    are all read again. The first Ctrl-C (or SIGTERM) sends nothing more, waits for what is in flight, since it is paid,
    stores it and raises ``KeyboardInterrupt``; the second leaves at once. A fault that every request would meet does the
    same and raises that :class:`~pairsmith.factory.errors.StopError`. Where ``purse`` is empty the rest stays pending.
    Called again, it goes on where it stopped. The caller sees to it that one process at a time works on a journal.
    """
    journal.reopen(step, RETRY_REASONS)
    purse = purse or Purse(BudgetSpec(), {})
    pool = Pool(iter(asks), members, journal, step, purse, repair, label)
    meter = _Meter(pool, step, asked)
    asyncio.run(_run(pool, members, meter, progress))
    return Generated(journal.counts(step), pool.held)


async def _run(
    pool: Pool, members: Sequence[Member], meter: "_Meter", progress: Callable[[Progress], None] | None
) -> None:
    reporter = asyncio.create_task(_report(pool, meter, progress)) if progress else None
    try:
        with _signals(pool.interrupt):
            await pool.run()
    finally:
        if reporter:
            reporter.cancel()
        for member in members:
            if isinstance(member.chat, Closable):
                await member.chat.aclose()
    if progress:
        progress(meter.read())
    pool.raise_what_stopped_it()


async def _report(pool: Pool, meter: "_Meter", progress: Callable[[Progress], None]) -> None:
    stop = asyncio.create_task(pool.stops.wait())
    try:
        while True:
            progress(meter.read())
            if stop.done():
                await asyncio.sleep(_REPORT)
            else:
                await asyncio.wait([stop], timeout=_REPORT)  # a stop is told at once
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


class _Meter:
    """Reads a pool's progress."""

    def __init__(self, pool: Pool, step: Step, asked: Mapping[str, int]) -> None:
        self._pool = pool
        self._step: Step = step
        self._asked = asked
        self._marks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def read(self) -> Progress:
        """The state of this moment."""
        pool = self._pool
        rate = self._rate(pool.answered)
        groups = {name: replace(tally) for name, tally in pool.tallies.items()}
        tallies = groups.values()
        done = sum(tally.answered + tally.failed for tally in tallies)
        asked = {**self._asked, REPAIR: pool.repairs} if pool.repairs else self._asked
        return Progress(
            step=self._step,
            asked=asked,
            groups=groups,
            in_flight=pool.in_flight,
            waiting=pool.waiting,
            rate=rate,
            tokens=sum(tally.tokens for tally in tallies),
            usd=sum(tally.usd for tally in tallies),
            seconds_left=(sum(asked.values()) - done) / rate if rate > 0 else None,
            stopping=pool.stopping,
            says=pool.says(),
        )

    def _rate(self, answered: int) -> float:
        now = time.monotonic()
        self._marks.append((now, answered))
        while len(self._marks) > 2 and now - self._marks[1][0] >= _RATE_WINDOW:
            self._marks.popleft()
        since, then = self._marks[0]
        return (answered - then) / (now - since) if now > since else 0.0
