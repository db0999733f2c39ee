"""A budget that refills evenly: what the user's own caps and the pace that a service allows are kept with."""


class Bucket:
    """``rate`` units a second flow in, up to ``burst``; what is sent takes some out, and may leave a debt behind."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._level = burst
        self._at: float | None = None

    def wait(self, now: float, cost: float = 1.0) -> float:
        """Seconds until ``cost`` may be taken. What costs more than the bucket holds waits until it is full."""
        missing = min(cost, self.burst) - self._refill(now)
        return max(0.0, missing / self.rate) if missing > _ROUNDING * self.burst else 0.0

    def take(self, now: float, cost: float = 1.0) -> None:
        """Take ``cost`` out; a negative one gives back what was not used after all."""
        self._level = min(self.burst, self._refill(now) - cost)

    def _refill(self, now: float) -> float:
        if self._at is not None and now > self._at:
            self._level = min(self.burst, self._level + (now - self._at) * self.rate)
        self._at = now if self._at is None else max(now, self._at)
        return self._level


_ROUNDING = 1e-9  # of the burst: what adding up many small refills may lose
