"""Notices that a service is down as a whole, keeps requests back until it answers again, and says what is wrong."""

from collections import Counter

_FAILURES = 20  # in a row, with no answer between: far more than chance gives, even if four in five requests fail (1 %)
_FIRST_FAILURES = 5  # in a row when nothing was ever answered: a service that was never seen up gets less credit
_SECONDS = 3.0  # without an answer before it counts as down: a burst of resets while a gateway restarts is over by then
_REFUSALS_COUNT = 120.0  # seconds without an answer until a 429 counts too: a limit by the minute may refuse for one
_FIRST_PROBE = 1.0  # seconds until the first probe, doubled for each further one ...
_LONGEST_PROBE = 30.0  # ... up to this: a service that is back is found within half a minute
_KINDS = 50  # different messages that are counted: with a request's number in each there is no end of them
_SHOWN = 2  # most frequent messages that the last line tells
_LENGTH = 160  # characters of a message


class Breaker:
    """Closed while the service answers; opened by a row of failures; closed by the first answer.

    While it is open only a probe is sent now and then, and a failure should use up no try of its request. When it has
    been open for ``patience`` seconds, ``given_up`` says what is wrong. One that is not ``alone`` opens at once: others
    serve its requests meanwhile. Without a clock of its own, as the limits are.
    """

    def __init__(self, patience: float = 600.0, *, alone: bool = True) -> None:
        self._patience = patience
        self._seconds = _SECONDS if alone else 0.0
        self._now = 0.0
        self._ever = False
        self._good: float | None = None  # when something was answered last, or sent or failed first
        self._failures = 0
        self._kinds: Counter[str] = Counter()
        self._last = ""
        self._opened: float | None = None
        self._interval = _FIRST_PROBE
        self._probe_at = 0.0

    @property
    def doubtful(self) -> bool:
        """Whether the last few requests all failed."""
        return self._failures >= _FIRST_FAILURES

    @property
    def is_open(self) -> bool:
        """Whether the service counts as down."""
        return self._opened is not None

    def wait(self, now: float) -> float:
        """Seconds until a request may be sent: 0.0 while the service is up or a probe is due."""
        self._now = max(now, self._now)
        return 0.0 if self._opened is None else max(0.0, self._probe_at - now)

    def sent(self, now: float) -> None:
        """A request leaves; while the service is down it is the probe."""
        self._now = max(now, self._now)
        if self._good is None:
            self._good = now
        if self._opened is not None:
            self._interval = min(_LONGEST_PROBE, self._interval * 2)
            self._probe_at = now + self._interval

    def landed(self, now: float, ok: bool, message: str = "", limited: bool = False) -> None:
        """What became of a request: ``ok`` if the service answered it, if only to say that this row is at fault.

        ``message``: what went wrong, in one line. ``limited``: it was refused (429), which a service does that is up.
        """
        self._now = max(now, self._now)
        if ok:
            self._close(now)
            return
        good = self._good = now if self._good is None else self._good
        self._count(message)
        if not limited or now - good >= _REFUSALS_COUNT:
            self._failures += 1
        enough = _FAILURES if self._ever else _FIRST_FAILURES
        if self._opened is None and self._failures >= enough and now - good >= self._seconds:
            self._opened = now
            self._interval, self._probe_at = _FIRST_PROBE, now + _FIRST_PROBE

    @property
    def given_up(self) -> str | None:
        """When the patience is over: what is wrong, in one line; else None."""
        if self._opened is None or self._now - self._opened < self._patience:
            return None
        common = self._kinds.most_common(_SHOWN)
        told = ", ".join(f"{count} times '{kind}'" for kind, count in common)
        rest = sum(self._kinds.values()) - sum(count for _, count in common)
        last = "" if self._last in dict(common) else f", last '{self._last}'"
        return f"nothing was answered for {self._down():.0f} s ({told}{f', {rest} others' if rest else ''}{last})"

    def says(self) -> str | None:
        """The state of a service that is down, in a few words; else None."""
        if self._opened is None:
            return None
        wait = max(0.0, self._probe_at - self._now)
        return f"service down for {self._down():.0f} s: {self._last}; next try {f'in {wait:.0f} s' if wait else 'now'}"

    def _down(self) -> float:
        return self._now - (self._now if self._good is None else self._good)

    def _count(self, message: str) -> None:
        self._last = message if len(message) <= _LENGTH else f"{message[:_LENGTH]}..."
        if self._last in self._kinds or len(self._kinds) < _KINDS:
            self._kinds[self._last] += 1
        else:
            self._kinds["other faults"] += 1

    def _close(self, now: float) -> None:
        self._ever = True
        self._good = now
        self._opened = None
        if self._failures or self._kinds:
            self._failures = 0
            self._kinds.clear()
