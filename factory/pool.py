"""The pool: keeps the requests of a plan in flight, over one or several endpoints, with no barrier between them.

The plan streams in and is recorded while it is asked. Each endpoint has its own limits and its own circuit breaker; all
endpoints of one model share its requests. A request that met a passing fault waits outside the pool for its next try.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from pairsmith.factory import lanes
from pairsmith.factory.chat import Answer, Ask
from pairsmith.factory.errors import RetryError, RowError, StopError
from pairsmith.factory.faults import LOST_REASONS, RETRY_REASONS
from pairsmith.factory.journal import Journal, Known, Outcome, Planned, Step
from pairsmith.factory.lanes import BACKLOG, Lane, Member, Queue, Try
from pairsmith.factory.ledger import Purse
from pairsmith.factory.limits import Landing, Ticket
from pairsmith.factory.writer import Writer

PATIENCE = 900.0  # seconds; a service that asks for a longer wait has closed for now, and the run stops
UNSAVED = 0.125  # of the slots: answers that may be on their way to the disk without holding one, for 1 to 5 ms
CHUNK = 32  # asks that are rendered at once: some milliseconds, in which nothing else happens
CHUNKS = 4  # that are looked through in one go for something to ask; then answers that came have their turn
REPAIR = "repair"
"""What repairs are counted under, beside the groups."""


@dataclass
class Tally:
    """Where the requests of one group stand, those of earlier runs included; tokens and dollars of this run."""

    answered: int = 0
    failed: int = 0
    tokens: float = 0
    usd: float = 0


class _Live(NamedTuple):
    """An ask whose outcome is not on disk yet, and the group that it is counted under."""

    ask: Ask
    group: str


class Pool:
    """Asks ``plan`` of the ``members`` and keeps every outcome in ``journal``; :mod:`pairsmith.factory.generate` runs it."""

    def __init__(
        self,
        plan: Iterator[Ask],
        members: Sequence[Member],
        journal: Journal,
        step: Step,
        purse: Purse,
        repair: Callable[[Ask, Answer], Ask | None],
        label: str,
    ) -> None:
        self._plan = plan
        self._journal = journal
        self._step: Step = step
        self._purse = purse
        self._repair = repair
        self._label = label
        self._first_repair = journal.next_position("repair")
        self.repairs = 0
        self._queues: dict[str, Queue] = {one.model: Queue() for one in members}
        shared = Counter(one.model for one in members)
        self._lanes = [Lane(one, self._queues[one.model], alone=shared[one.model] == 1) for one in members]
        self._again = any(one.spec.provider == "recorded" for one in members)
        self._writer = Writer(journal, self._saved, self.halt)
        self._live: dict[str, _Live] = {}  # by key, from taking an ask up until its outcome is on disk
        self._flying: dict[asyncio.Task[None], str] = {}
        self._by_model: Counter[str] = Counter()  # of those in flight
        self._dropped: list[Try] = []  # left in a hurry
        self._landed = asyncio.Event()
        self.stops = asyncio.Event()
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
        said = [(lane.name, lane.says()) for lane in self._lanes]
        return [f"{name}: {text}" if named else text for name, text in said if text]

    async def run(self) -> None:
        """Ask until all is asked; after a stop, until what is in flight has landed and is stored."""
        start = self._journal.begin_plan(self._step, self._label)
        self._stream = self._planned(start)
        try:
            while not (self.stopping and not self._flying):
                moment = self._send_all()
                if self._flying or self._writer.busy or (moment is not None and not self.stopping):
                    await self._something(moment)
                elif not await self._next_pass(start):
                    break
            await self._writer.flush()
        finally:
            self._writer.close(self._lost())

    def _lost(self) -> dict[str, int]:
        """Tries that may have been paid, of requests that have no outcome now that the run ends, by key."""
        waiting = [attempt for queue in self._queues.values() for _, _, attempt in queue.waiting]
        return {attempt.ask.key: attempt.lost for attempt in (*waiting, *self._dropped) if attempt.lost}

    def interrupt(self) -> None:
        """Stop; called again, drop what is in flight too."""
        if self._interrupted:
            for task in self._flying:
                task.cancel()
        self._interrupted = True
        self._landed.set()
        self.stops.set()

    def halt(self, error: BaseException) -> None:
        """Stop because of ``error``; the first one counts."""
        self._error = self._error or error
        self._landed.set()
        self.stops.set()

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
        group = _group(ask)
        tally = self._tally(group)
        if known is not None and not self._again:
            if known.answered:
                tally.answered += 1
                return
            if known.reason is not None and known.reason not in RETRY_REASONS:
                tally.failed += 1
                return
            if known.batch is not None:
                return
        self._line_up(ask, group)

    def _line_up(self, ask: Ask, group: str, last: bool = False) -> None:
        queue = self._queues[ask.model]
        if len(queue.backlog) >= BACKLOG and group != REPAIR:
            queue.left = True
            return
        self._live[ask.key] = _Live(ask, group)
        attempt = Try(ask, queue.answered, 0 if last else queue.retries, last)
        if last:
            queue.later(attempt, time.monotonic() + queue.last_wait)
        else:
            queue.backlog.append(attempt)

    def _rest(self) -> Iterator[None]:
        """Take up what was left in the journal."""
        asks = self._journal.planned(self._step) if self._again else self._journal.pending(self._step)
        for ask in asks:
            if ask.key not in self._live:
                self._line_up(ask, _group(ask))
                yield

    def _last_tries(self) -> Iterator[None]:
        """Take up once more what was given up for a passing fault; it counts as failed no longer."""
        self._journal.reopen(self._step, RETRY_REASONS)
        for ask in self._journal.pending(self._step):
            self._tally(_group(ask)).failed -= 1
            self._line_up(ask, _group(ask), last=True)
            yield

    async def _next_pass(self, start: int) -> bool:
        """Whether there is more to ask once a pass is over: what did not fit into memory, then last tries."""
        await self._writer.flush()
        if self.stopping:
            return False
        if self.held:
            if self._take_up(None):
                return True  # the plan is recorded to its end: what is not asked is pending
            self._journal.end_plan(self._step, start)
            return False
        if any(queue.backlog for queue in self._queues.values()):
            return True  # repairs of what was saved last
        self._journal.end_plan(self._step, start)
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
        if self.stopping or self.held:
            return None
        try:
            moments = [self._send_to(lane) for lane in self._lanes]
        except Exception as error:  # of the plan, as it streams in: what is in flight is paid, and is waited for
            self.halt(error)
            return None
        return min((moment for moment in moments if moment is not None), default=None)

    def _send_to(self, lane: Lane) -> float | None:
        while True:
            now = time.monotonic()
            if (told := lane.given_up) is not None:
                self.halt(StopError(f"{told}; mend the service, then run again: what was answered is kept"))
                return None
            pause = lane.wait(now)
            if pause is None:
                return None
            if pause > 0:
                return now + pause
            if lane.limits.in_flight + self._unsaved_beyond(lane) >= lane.limits.limit or not self._affords(lane):
                return None
            attempt = lane.queue.next(now)
            if attempt is None and not lane.queue.crowded and self._take_up(lane.queue):
                attempt = lane.queue.next(now)
                if attempt is None:  # there is more of the plan, but others have their turn first
                    return None if self._writer.behind else now
            if attempt is None:
                return lane.queue.due()
            self._send(lane, attempt, now)

    def _unsaved_beyond(self, lane: Lane) -> int:
        """Answers that are not on disk yet and hold slots as if they were in flight: those beyond a small share."""
        return max(0, self._writer.unsaved - int(UNSAVED * lane.slots))

    def _take_up(self, queue: Queue | None) -> bool:
        """Take up more of the plan until ``queue`` has something to ask; asks of other models are lined up on the way.

        Looks no further than some chunks, nor while the writer is behind. False where the plan is at its end.
        """
        for _ in range(CHUNKS):
            if self._writer.behind or (queue is not None and queue.backlog):
                return True
            if next(self._stream, _END) is _END:
                return bool(queue is not None and queue.backlog)
        return True

    def _affords(self, lane: Lane) -> bool:
        if lane.spec.provider == "recorded" or self._purse.allows(lane.spec.model, self._by_model):
            return True
        if not self._flying:
            self.held = f"the budget is spent ({self._purse.says()})"
        return False

    def _send(self, lane: Lane, attempt: Try, now: float) -> None:
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

    async def _ask(self, lane: Lane, attempt: Try, ticket: Ticket) -> None:
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
        except asyncio.CancelledError:
            self._lose(attempt)  # what was asked may be paid all the same
            self._dropped.append(attempt)
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

    def _answer(self, lane: Lane, attempt: Try, answer: Answer) -> float:
        lane.queue.answered += 1
        tokens, usd = self._purse.pay(attempt.ask, answer)
        tally = self._tally(self._live[attempt.ask.key].group)
        tally.tokens += tokens
        tally.usd += usd
        self._keep(attempt, answer)
        return tokens

    def _fail(self, lane: Lane, attempt: Try, error: RetryError) -> None:
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
            pause = lanes.wait_for(attempt, error.wait, served, lane.limits.usual_latency)
            queue.later(attempt, time.monotonic() + pause)
        elif nowhere:
            told = f"{error}; nothing answers there: start the server or correct 'base_url', and run again"
            self.halt(StopError(told))
        else:
            self._gave_up += 1
            tries = "a last try at the end of the run" if attempt.last else f"{attempt.sent} tries"
            self._keep(attempt, reason=error.reason, detail=f"gave up after {tries}: {error}")

    def _lose(self, attempt: Try) -> None:
        """A try may have been paid, and nothing came of it."""
        attempt.lost += 1
        self._purse.lose(attempt.ask)

    def _keep(
        self, attempt: Try, answer: Answer | None = None, reason: str | None = None, detail: str | None = None
    ) -> None:
        key, now = attempt.ask.key, time.time()
        asked_at = now - (time.monotonic() - attempt.began)  # the clock may have been set while it was on its way
        self._writer.add(Outcome(key, answer, reason, detail, attempt.sent, asked_at, now, attempt.lost))

    def _saved(self, outcomes: list[Outcome]) -> None:
        """Count what is on disk; only then is an answer looked at, and repaired if need be."""
        for outcome in outcomes:
            ask, group = self._live.pop(outcome.key)
            if outcome.answer is None:
                self._tally(group).failed += 1
                continue
            self._tally(group).answered += 1
            self.answered += 1
            again = self._repair(ask, outcome.answer)
            if again is not None and again.key not in self._live:
                self._writer.plan([Planned(again, "repair", self._first_repair + self.repairs)])
                self.repairs += 1
                self._line_up(again, REPAIR)
        self._landed.set()

    def _tally(self, group: str) -> Tally:
        return self.tallies.setdefault(group, Tally())


_END = object()


def _group(ask: Ask) -> str:
    return ask.slice.partition("/")[0]
