"""How many requests a service takes at once, learnt from the requests that it refused and how many were in flight then."""

_FIRST_INTERVAL = 0.5  # seconds between two tries of one more: a run of seconds shall not pay for many
_LONGEST_INTERVAL = 15.0  # seconds; tries that fail get rarer, but a limit that was raised is found again
_WORTH = 20.0  # times the silence that a refused try costs (Retry-After) lie between two of them: one part in twenty
_RARE = 100  # requests let through for each try that fails: a run of 2,000 slow ones then pays for twenty
_SURE = 2  # tries that held in a row before the next ones come at once and bolder
_BOLD = 0.25  # of the room is the boldest step


class Room:
    """``size`` at once are known to be let through; now and then a few more are tried."""

    def __init__(self, size: int, now: float) -> None:
        self.size = max(1, size)
        self._interval = _FIRST_INTERVAL
        self._next = now + _FIRST_INTERVAL
        self._step = 1
        self._sent = 0  # tries of this round
        self._flying = 0
        self._failed = False
        self._held = 0
        self._asked = 0.0
        self._latency = 0.0

    def try_at(self, last_sent: float, latency: float) -> float | None:
        """When one more than the size may be tried, or None while the last tries are on their way.

        A try goes alone, not right behind others: what was refused as one of a burst may be let through on its own.
        If there is never such a pause, it goes all the same after a while.
        """
        self._latency = latency
        if self._sent >= self._step:
            return None
        return min(max(self._next, last_sent + latency / (self.size + 1)), self._next + latency)

    def allowed(self, now: float, last_sent: float, latency: float) -> int:
        """Requests that may be in flight."""
        due = self.try_at(last_sent, latency)
        return self.size if due is None or now < due else self.size + self._step

    def tried(self) -> None:
        """A request was sent beyond the size."""
        self._sent += 1
        self._flying += 1

    def landed(self, at: int, accepted: bool | None, now: float, asked: float) -> None:
        """A try has landed: let through, refused, or cancelled (None). ``asked``: silence it cost, in seconds."""
        self._asked = max(self._asked, asked)
        self._flying -= 1
        if accepted:
            self.size = max(self.size, at)
        elif accepted is False:
            self._failed = True
            self._sent = self._step
        if self._flying == 0:
            self._judge(now)

    def shrink(self, size: int, now: float) -> None:
        """Fewer than thought are let through."""
        self.size = max(1, size)
        self._fail(now)

    def _judge(self, now: float) -> None:
        if self._failed:
            self._fail(now)
        elif self._sent:
            self._held += 1
            sure = self._held >= _SURE
            self._interval = _FIRST_INTERVAL
            if sure:
                self._step = min(self._step * 2, max(1, int(self.size * _BOLD)))
            self._next = now if sure else now + self._interval
        self._sent, self._failed = 0, False

    def _fail(self, now: float) -> None:
        self._held, self._step = 0, 1
        longest = max(_LONGEST_INTERVAL, _RARE * self._latency / self.size)
        self._interval = max(min(longest, self._interval * 2), _WORTH * self._asked)
        self._next = now + self._interval
