"""How many requests may be in flight, and how fast they may be sent: what the user, the service and its refusals say.

Without a clock of its own: every call is told the time (monotonic seconds), so that it can be tested in virtual time.
"""

from collections import deque
from collections.abc import Mapping

from pairsmith.factory.bucket import Bucket
from pairsmith.factory.judge import Judge, Mode
from pairsmith.factory.quota import News, Quota
from pairsmith.factory.ticket import Landing, Ticket

__all__ = ["Landing", "Limits", "Ticket"]

_LATE = 3.0  # times the latency that nine in ten keep: a request that takes longer is a straggler
_LATE_AT_LEAST = 0.1  # seconds; a shorter wait is not worth another request in flight
_KNOWN = 20  # requests landed before their latency says anything
_LATENCIES = 200  # of the last answers that the usual latency is read from
_REFRESH = 20  # answers between two readings of it: sorting at each would cost more than all the rest
_LENT = 1.0  # of the slots may be lent for stragglers: a service that hangs shall not be sent ever more
_SHORTEST = 0.001  # seconds; waits below what an event loop can do would only turn it
_BURST = 1.0  # seconds' worth of the user's caps that may go at once


class Limits:
    """Says when the next request may be sent; told of each that is sent and of what became of it.

    ``slots``: requests in flight that the user allows; ``requests_per_minute`` and ``tokens_per_minute``: his own caps.
    """

    def __init__(
        self, slots: int, requests_per_minute: float | None = None, tokens_per_minute: float | None = None
    ) -> None:
        self._slots = max(1, slots)
        self._judge = Judge(self._slots)
        self._request_cap = _cap(requests_per_minute)
        self._token_cap = _cap(tokens_per_minute)
        self._requests = Quota("requests")
        self._tokens = Quota("tokens")
        self._told = False  # some header told of a quota
        self._asked_until = 0.0  # Retry-After
        self._flying: dict[Ticket, None] = {}
        self._oldest: deque[Ticket] = deque()
        self._lent = 0
        self._latencies: deque[float] = deque(maxlen=_LATENCIES)
        self._answers = 0
        self._p90 = 0.0
        self._mean_tokens = 0.0
        self._weighed = 0
        self._now = 0.0

    @property
    def in_flight(self) -> int:
        """Requests sent that have not landed."""
        return len(self._flying)

    @property
    def limit(self) -> int:
        """Requests that may be in flight now, with the slots that stragglers lend."""
        return self._judge.allowed(self._now, self._p90) + self._spare

    @property
    def pace(self) -> float | None:
        """Requests a second at most, or None."""
        return self._judge.pace.rate

    @property
    def usual_latency(self) -> float:
        """Seconds that nine in ten of the last answers took; 0.0 before any is known."""
        return self._p90

    @property
    def _spare(self) -> int:
        return 0 if self._judge.room is not None else self._lent

    def wait(self, now: float) -> float | None:
        """0.0: send one now; more: seconds until it may be asked again; None: not before something lands."""
        self._now = now
        self._lend(now)
        judge = self._judge
        if len(self._flying) - self._spare >= judge.allowed(now, self._p90):
            return self._later(now)
        delay = max(self._asked_until - now, judge.wait(now, self._p90))
        if self._request_cap is not None:
            delay = max(delay, self._request_cap.wait(now))
        if self._token_cap is not None:
            if not self._answers and self._flying:
                return None  # what a request costs is seen from the first one
            delay = max(delay, self._token_cap.wait(now, self._mean_tokens))
        if self._told:
            delay = max(delay, self._requests.wait(now, 1.0), self._tokens.wait(now, self._mean_tokens))
        return delay if delay > 0 else 0.0

    def sent(self, now: float) -> Ticket:
        """One is sent."""
        self._now = now
        ticket = self._judge.sent(now, len(self._flying) + 1)
        self._flying[ticket] = None
        self._oldest.append(ticket)
        cost = ticket.cost = self._mean_tokens
        if self._request_cap is not None:
            self._request_cap.take(now)
        if self._token_cap is not None:
            self._token_cap.take(now, cost)
        ticket.told = self._told
        ticket.short = self._told and (self._requests.empty(now) or self._tokens.empty(now))
        ticket.marks = self._requests.sent(now, 1.0), self._tokens.sent(now, cost)
        return ticket

    def landed(
        self,
        ticket: Ticket,
        now: float,
        landing: Landing,
        headers: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        tokens: int = 0,
    ) -> None:
        """What became of one: ``headers`` with lower-case names, ``retry_after`` in seconds, ``tokens`` it has cost."""
        if ticket.landed:
            return
        self._now = now
        ticket.landed = True
        del self._flying[ticket]
        self._lent -= ticket.lent
        if landing == "limited":
            self._limited(ticket)
        elif landing == "answered":
            self._answered(ticket, now, tokens)
        if self._token_cap is not None:
            self._token_cap.take(now, tokens - ticket.cost)
        if headers:
            refused = landing == "limited"
            news = News(headers, ticket.sent, now, refused, refused and ticket.told and not ticket.short)
            self._requests.read(news, ticket.marks[0])
            self._tokens.read(news, ticket.marks[1])
            self._told = True
        asked = retry_after or 0.0
        explained = landing == "limited" and self._told and self._used_up(now)
        self._judge.landed(ticket, now, "dropped" if explained else landing, asked)
        if landing == "limited" and self._judge.follows_load:
            self._asked_until = max(self._asked_until, now + asked)

    def says(self) -> str | None:
        """What limits just now, in a few words, or None."""
        if self._asked_until > self._now:
            return f"service asks to wait {self._asked_until - self._now:.0f} s"
        judge = self._judge
        if judge.room is not None:
            return f"{judge.room.size} at once"
        if judge.mode is Mode.CHANCE:
            return f"ignoring random 429s ({judge.share.value:.0%})"
        if judge.pace.rate is not None:
            return _speed(judge.pace.rate)
        if judge.mode is Mode.SEARCH:
            return "finding out what the service allows"
        return self._budget()

    def _budget(self) -> str | None:
        """Which budget has nothing left, if one has none."""
        if self._told and self._used_up(self._now):
            return "service's quota is used up"
        if self._request_cap is not None and self._request_cap.wait(self._now) > 0:
            return f"{_speed(self._request_cap.rate)}, as requests_per_minute allows"
        if self._token_cap is not None and self._token_cap.wait(self._now, self._mean_tokens) > 0:
            return f"{self._token_cap.rate * 60:.0f} tokens a minute, as tokens_per_minute allows"
        return None

    def _limited(self, ticket: Ticket) -> None:
        """Those sent behind it met one less than was counted."""
        for other in reversed(self._flying):
            if other.number < ticket.number:
                break
            other.at = max(1, other.at - 1)

    def _answered(self, ticket: Ticket, now: float, tokens: int) -> None:
        self._latencies.append(now - ticket.sent)
        self._answers += 1
        if self._answers % _REFRESH == 0:
            self._p90 = sorted(self._latencies)[int(0.9 * len(self._latencies))]
        if tokens > 0:
            self._weighed += 1
            self._mean_tokens += (tokens - self._mean_tokens) / min(self._weighed, _LATENCIES)
        if ticket.short:
            self._requests.contradict()
            self._tokens.contradict()

    def _used_up(self, now: float) -> bool:
        """Whether the service's own headers say that it lets nothing more through."""
        return self._requests.short(now, 1.0) or self._tokens.short(now, self._mean_tokens)

    def _late(self) -> float:
        return max(_LATE_AT_LEAST, _LATE * self._p90)

    def _lend(self, now: float) -> None:
        oldest = self._oldest
        while oldest:
            first = oldest[0]
            if not first.landed:
                if self._answers < _KNOWN or now - first.sent <= self._late() or self._lent >= _LENT * self._slots:
                    return
                first.lent = True
                self._lent += 1
            oldest.popleft()

    def _later(self, now: float) -> float | None:
        """Seconds until a straggler lends its slot or one more is tried, if that can be."""
        tries = self._judge.tries_in(now, self._p90, len(self._flying))
        if tries is not None:
            return max(_SHORTEST, tries, self._asked_until - now)
        if self._judge.room is not None or self._answers < _KNOWN or self._lent >= _LENT * self._slots:
            return None
        return max(_SHORTEST, self._oldest[0].sent + self._late() - now) if self._oldest else None


def _cap(per_minute: float | None) -> Bucket | None:
    return None if per_minute is None else Bucket(per_minute / 60, max(1.0, _BURST * per_minute / 60))


def _speed(rate: float) -> str:
    if rate >= 10:
        return f"{rate:.0f} a second"
    return f"{rate:.1f} a second" if rate >= 1 else f"{rate * 60:.0f} a minute"
