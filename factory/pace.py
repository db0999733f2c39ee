"""How many requests a second a service lets through, learnt from the moments when it had none left.

A service that counts requests by time has a bucket. A refusal (429) says that it is empty. Between two such moments it
accepted exactly what flowed in, so accepted / seconds is its rate: no model of its size or of its clock is needed.
"""

from collections import deque

from pairsmith.factory.quota import FLOOR

BELOW = 0.97  # of the estimate: a bucket that is drained a little slower than it fills gathers what jitter takes
SLACK = 0.01  # seconds that a send may make up for when it was late: what an event loop is late by
_FIRST_GAP = 0.003  # seconds of silence after a refusal: less than a token of any rate worth pacing takes
_LONGEST_GAP = 1 / FLOOR
_ABREAST = 3  # requests on their way in the time that a refusal takes: what a dry bucket may cost at most
_SPEED_UP = 10  # requests let through in a row after which the search goes twice as fast
_MEMORY = 5  # refusals that an estimate looks back over: enough for precision, soon forgotten when the limit changes
_STEADY = 20  # requests at one pace without a refusal before a higher one is tried
_SHORTEST_TRIAL = 1.0  # seconds, the same for high rates: a bucket must have time to run dry
_LONGEST_TRIAL = 15.0  # seconds; trials that fail get rarer, but a limit that was raised is found again
_STEPS = (1.05, 1.1, 1.25, 1.5)  # the first try is careful; each that holds makes the next one bolder
_USED = 0.8  # of the pace was really sent: else its holding says nothing


class Pace:
    """Even sending at ``rate`` requests a second (None: as fast as can be), with a silence after each refusal."""

    def __init__(self) -> None:
        self.rate: float | None = None
        self.estimate: float | None = None
        self.silent_until = 0.0
        self._due = 0.0
        self._empty: deque[tuple[float, int]] = deque(maxlen=_MEMORY)
        self._dry = 0
        self._trial_at = 0.0
        self._trial_sent = 0
        self._trial = _SHORTEST_TRIAL
        self._held = 0
        self._safe = 0.0  # the last pace that held before a higher one was tried
        self._settled = False  # a pace that held was corrected by the estimate
        self._run = 0  # requests sent since the last silence
        self._echo = _FIRST_GAP  # seconds that a refusal takes to come back

    @property
    def counted(self) -> int:
        """Requests accepted between the first and the last moment that the estimate looks back to."""
        return self._empty[-1][1] - self._empty[0][1] if self._empty else 0

    @property
    def holds(self) -> bool:
        """A higher pace than the one first found was tried and was not refused."""
        return self._held > 1

    def wait(self, now: float) -> float:
        """Seconds until the next request is due."""
        return max(0.0, self._due - now, self.silent_until - now)

    def sent(self, now: float) -> None:
        """A request leaves."""
        if self.rate is None:
            self._run += 1
            abreast = 1 if self._run == 1 else _ABREAST  # the first after a silence goes alone
            self._due = now + self._echo / abreast * 0.5 ** min(self._run // _SPEED_UP, 30)
        else:
            self._due = max(self._due, now - SLACK) + 1 / self.rate

    def set(self, rate: float | None, now: float, sent: int) -> None:
        """From now on send at ``rate``; ``sent`` requests were sent so far."""
        self.rate = None if rate is None else max(rate, FLOOR)
        self._due = now if self.rate is None else now + 1 / self.rate
        self._trial_at, self._trial_sent = now, sent

    def refused(self, now: float, sent_at: float, accepted: int) -> bool:
        """The bucket was empty when a request was sent at ``sent_at``, after ``accepted`` that were let through.

        False if nothing was let through since the last time: the same drought, which gets a longer silence each time.
        """
        self._run = 0
        self._echo += 0.3 * (now - sent_at - self._echo)
        news = not self._empty or accepted > self._empty[-1][1]
        self._dry = 0 if news else self._dry + 1
        if news:
            self._empty.append((sent_at, accepted))
            self._learn()
        gap = max(_FIRST_GAP, 1 / self.estimate if self.estimate else 0.0)
        self.silent_until = max(self.silent_until, now + min(_LONGEST_GAP, gap * 2.0 ** min(self._dry, 30)))
        return news

    def back_off(self, now: float, sent: int, shortly: bool) -> None:
        """The pace was refused: back to the one that held before, else just below the estimate if it was ``shortly``.

        A refusal now and then corrects a pace that held only once: were it by chance, each would lower it a little.
        The next trial of a higher one comes later and is careful.
        """
        rate = self.rate or FLOOR
        lower = min(self.estimate or rate, rate)
        if shortly:
            rate = max(BELOW * lower, self._safe)
        elif self._safe:
            rate = self._safe
        elif not self._settled:
            rate, self._settled = lower, True
        self.set(rate, now, sent)
        self._safe = 0.0
        self._trial = min(_LONGEST_TRIAL, self._trial * 2)
        self._held = 0

    def grow(self, now: float, sent: int) -> bool:
        """Try a higher pace when this one has held for a while. False when the pace no longer limits anything."""
        if self.rate is None or now - self._trial_at < max(self._trial, _STEADY / self.rate):
            return True
        reached = (sent - self._trial_sent) / (now - self._trial_at)
        if reached >= _USED * self.rate:
            self._safe = self.rate
            self._settled = False
            self.set(self.rate * _STEPS[min(self._held, len(_STEPS) - 1)], now, sent)
            self._held += 1
            if self._held > 1:
                self._trial = _SHORTEST_TRIAL
            return True
        self._trial_at, self._trial_sent = now, sent
        return self._held < len(_STEPS)

    def _learn(self) -> None:
        (since, before), (until, after) = self._empty[0], self._empty[-1]
        if after > before and until > since:
            self.estimate = (after - before) / (until - since)
