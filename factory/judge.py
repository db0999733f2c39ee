"""What kind of limit stands behind a service's refusals (429), judged from what is let through beside them.

Four explanations, told apart by what each of them cannot do:

- *at once*: refused is what finds too many in flight, so nothing is refused with fewer in flight than others had;
- *by time*: refused is what finds the bucket empty, so a pace well below what was let through meets no refusal;
- *by chance*: refusals go on at the same share however far the load is lowered;
- no limit: none of them for a while.
"""

import math
from collections.abc import Callable
from enum import Enum, auto

from pairsmith.factory.chance import Behind, Share
from pairsmith.factory.pace import BELOW, Pace
from pairsmith.factory.room import Room
from pairsmith.factory.ticket import Landing, Ticket

_ENOUGH = 3  # cases against an explanation: one is chance, two may be the same burst
_TWICE = 2  # refusals shortly one after the other at a pace that was thought safe ask for a test
_FORGIVEN = 100  # requests let through make up for a refusal that the room in use did not explain
_BOUNDARY = 1.25  # of the room: answers on their way back are still counted here, so a few more seem to fit
_INSIDE = 0.8  # of the room: a refusal with fewer in flight is not one at its boundary
_COUNTED = 4  # accepted between two empty moments: the estimate is then right within a quarter or so
_TEST = 0.5  # of the rate: low enough that an estimate wrong by a half is still above it
_SPREAD = 0.25  # of the usual latency: what falls due in one moment leaves over this time, so that the first refusal
_SPREAD_AT_LEAST = 0.01  # seconds; is back before the last has left. Four times as fast as the slots can be used
_TEST_PASSED = 12  # let through in a row at the test's pace: by chance alone with one refused in five it is 7 %
_KNOWN = 20  # let through: enough to say what number in flight is let through
_SHORTLY = 40  # requests: refusals at a pace that come sooner, one after the other, ask for another test
_QUIET = 150  # requests at full speed without a refusal: whatever it was, it is gone
_FAR_BELOW = 0.25  # of what was let through before: refusals that still come so far below it do not follow load


class Mode(Enum):
    """What is believed."""

    FREE = auto()
    ROOM = auto()
    SEARCH = auto()
    TEST = auto()
    PACE = auto()
    CHANCE = auto()


class Judge:
    """Holds the explanation of the moment, and what may be sent under it."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self.mode = Mode.FREE
        self.pace = Pace()
        self.room: Room | None = None
        self.epoch = 0
        self._behind = Behind()
        self.share = Share(0.0)  # of chance refusals
        self.count = 0  # requests sent
        self._last_sent = -math.inf
        self._refused = 0
        self._fits = [0] * (2 * slots + 2)  # let through since the last change of mind, by number in flight
        self._strikes = 0
        self._since = 0  # in a room: let through since the last strike; else the number of the last request before it
        self._misses = 0
        self._tests = 0  # in a row, with no higher pace that held between them
        self._crowded = 0  # refusals in a row with more in flight than any request let through had
        self._top = 0.0  # requests a second that were let through when the tests began
        self._tested = 0  # requests sent before the test began
        self._on_refusal: dict[Mode, Callable[[Ticket, float, int], None]] = {
            Mode.FREE: self._first,
            Mode.ROOM: self._too_many,
            Mode.SEARCH: self._searching,
            Mode.TEST: self._testing,
            Mode.PACE: self._too_fast,
        }

    @property
    def follows_load(self) -> bool:
        """Whether a refusal is a reason to send less."""
        return self.mode is not Mode.CHANCE and not self._behind.by_chance

    def allowed(self, now: float, latency: float) -> int:
        """Requests that may be in flight, slots lent not counted."""
        if self.room is None:
            return self._slots
        return min(self._slots, self.room.allowed(now, self._last_sent, latency))

    def wait(self, now: float, latency: float) -> float:
        """Seconds until the next may be sent."""
        spread = max(_SPREAD_AT_LEAST, _SPREAD * latency) / self._slots
        delay = max(0.0, self._last_sent + spread - now)
        return delay if self.mode is Mode.FREE else max(delay, self.pace.wait(now))

    def tries_in(self, now: float, latency: float, in_flight: int) -> float | None:
        """Seconds until more than the room is tried, if nothing must land before."""
        if self.room is None or not in_flight <= self.room.size < self._slots:
            return None
        due = self.room.try_at(self._last_sent, latency)
        return None if due is None else max(0.0, due - now)

    def sent(self, now: float, in_flight: int) -> Ticket:
        """A request leaves as the ``in_flight``-th."""
        self.count += 1
        self._last_sent = now
        room = self.room if self.room is not None and in_flight > self.room.size else None
        if room is not None:
            room.tried()
        if self.mode is not Mode.FREE:
            self._look(now)
            self.pace.sent(now)
        return Ticket(self.count, now, in_flight, self.epoch, room)

    def landed(self, ticket: Ticket, now: float, landing: Landing, asked: float = 0.0) -> None:
        """Take in what became of a request. ``asked``: seconds of silence that it cost."""
        limited = landing == "limited"
        if ticket.room is not None:
            ticket.room.landed(ticket.at, None if landing == "dropped" else not limited, now, asked)
        if limited:
            accepted = ticket.number - 1 - self._refused
            self._refused += 1
            if ticket.room is None:
                self._behind.refused(ticket.number, self.count)
            if self.mode is Mode.CHANCE:
                self._watch(True)
            else:
                self._on_refusal[self.mode](ticket, now, accepted)
        elif landing != "dropped":
            self._passed(ticket)

    def _passed(self, ticket: Ticket) -> None:
        self._behind.passed(ticket.number)
        self._fits[min(ticket.at, len(self._fits) - 1)] += 1
        if self.mode is Mode.ROOM:
            self._since += 1
            if self._since > _FORGIVEN:
                self._strikes = 0
            self._fitted(ticket)
        elif self.mode is Mode.CHANCE:
            self._watch(False)

    # --- no limit known

    def _first(self, ticket: Ticket, now: float, accepted: int) -> None:
        if self._fit_at_least(ticket.at) < _ENOUGH and ticket.at > 1:
            self._become(Mode.ROOM)
            self.room = Room(ticket.at - 1, now)
        else:
            self._search(ticket, now, accepted)

    def _fit_at_least(self, at: int) -> int:
        return sum(self._fits[at:])

    # --- so many at once

    def _too_many(self, ticket: Ticket, now: float, accepted: int) -> None:
        room = self.room
        if room is None or ticket.at > room.size:
            return
        if ticket.epoch < self.epoch - 1 - self._strikes:
            return  # it left before the burst that showed the room
        fresh = ticket.epoch == self.epoch
        if fresh:
            self._strikes += 1
            self._since = 0
            self.epoch += 1
        inside = ticket.at <= _INSIDE * room.size and self._fit_at_least(ticket.at) >= _ENOUGH
        if self._strikes >= _ENOUGH or ticket.at == 1 or inside:
            self._search(ticket, now, accepted)
        elif fresh:
            room.shrink(max(ticket.at - 1, int(_INSIDE * room.size)), now)
        else:
            room.size = max(1, ticket.at - 1)

    def _fitted(self, ticket: Ticket) -> None:
        """More were in flight than the room holds, and it was let through all the same."""
        room = self.room
        if room is None:
            return
        if ticket.room is None and ticket.at > _BOUNDARY * room.size + 2:
            self._misses += 1
            if self._misses >= _ENOUGH:
                self._become(Mode.SEARCH)
        elif room.size >= self._slots:
            self._become(Mode.FREE)

    # --- so many by time

    def _search(self, ticket: Ticket, now: float, accepted: int) -> None:
        self._become(Mode.SEARCH)
        self.pace.refused(now, ticket.sent, accepted)

    def _searching(self, ticket: Ticket, now: float, accepted: int) -> None:
        if ticket.epoch != self.epoch:
            return
        self._pause(ticket, now, accepted)
        if self.pace.counted >= _COUNTED and self.pace.estimate:
            self._become(Mode.TEST)
            self._top = self.pace.estimate
            self._slow(now)

    def _pause(self, ticket: Ticket, now: float, accepted: int) -> bool:
        news = self.pace.refused(now, ticket.sent, accepted)
        self.epoch += 1
        self._since = self.count
        return news

    def _slow(self, now: float) -> None:
        estimate = self.pace.estimate or 1.0
        rate = estimate if self.pace.rate is None else min(self.pace.rate, estimate)
        self.pace.set(_TEST * rate, now, self.count)

    def _testing(self, ticket: Ticket, now: float, accepted: int) -> None:
        if ticket.epoch != self.epoch or not self._pause(ticket, now, accepted):
            return
        self._strikes += 1
        if self._behind.by_chance or self._strikes > max(0, _ENOUGH - self._tests):
            self._ignore()
        else:
            self._slow(now)

    def _ignore(self) -> None:
        """Refusals do not follow load: full speed."""
        self.share = Share(self._strikes / max(1, self.count - self._tested))
        self._become(Mode.CHANCE)

    def _watch(self, refused: bool) -> None:
        if not self.share.stays(refused):
            self._become(Mode.FREE)

    def _too_fast(self, ticket: Ticket, now: float, accepted: int) -> None:
        if ticket.epoch != self.epoch:
            return
        shortly = self.count - self._since < _SHORTLY
        if not self._pause(ticket, now, accepted):
            return
        self._strikes = self._strikes + 1 if shortly else 0
        crowded = ticket.at > 1 and not self._fit_at_least(ticket.at) and sum(self._fits) >= _KNOWN
        self._crowded = self._crowded + 1 if crowded else 0
        if self._crowded > 1:
            self._become(Mode.ROOM)
            self.room = Room(ticket.at - 1, now)
            return
        self.pace.back_off(now, self.count, shortly)
        if self._strikes < (_ENOUGH if self._tests < _TWICE else _TWICE):
            return
        if (self.pace.rate or 0.0) < _FAR_BELOW * self._top:
            self._ignore()
        else:
            self._become(Mode.TEST)
            self._slow(now)

    def _look(self, now: float) -> None:
        """Has the time come to believe that a test is passed, a pace holds, or a limit is gone?"""
        quiet = self.count - self._since
        if self.mode is Mode.TEST and quiet > _TEST_PASSED:
            self._become(Mode.PACE)
            self.pace.set(BELOW * (self.pace.estimate or 1.0), now, self.count)
        elif self.mode is Mode.PACE:
            if self.pace.holds:
                self._tests = 0
            if not self.pace.grow(now, self.count):
                self._become(Mode.FREE)
        elif self.mode is Mode.SEARCH and quiet > _QUIET:
            self._become(Mode.FREE)

    def _become(self, mode: Mode) -> None:
        """Change the mind."""
        if mode in (Mode.CHANCE, Mode.ROOM) or (mode is Mode.FREE and self.mode is not Mode.SEARCH):
            self.pace = Pace()  # a search that ended for the time being goes on where it was
        if mode is not Mode.ROOM:
            self.room = None
        if mode in (Mode.FREE, Mode.ROOM, Mode.SEARCH):
            self._fits = [0] * len(self._fits)
        if mode is Mode.TEST:
            self._tests += 1
        elif mode is not Mode.PACE:
            self._tests = 0
        self.mode = mode
        self.epoch += 1
        self._strikes = self._misses = 0
        self._since = 0 if mode is Mode.ROOM else self.count
        self._tested = self.count
