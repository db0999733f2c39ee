"""What became of the requests that were sent right behind a refused one, before its refusal was back.

A service that is full, or has no request left in its bucket, refuses these as well: nothing has changed in the few
milliseconds between. One that refuses by chance lets most of them through, and does not mean the pause it asks for.
"""

_ENOUGH = 5  # let through: fewer may be what flowed into a bucket meanwhile
_MOST = 3  # times as many let through as refused: what chance does up to one refusal in four
_MEMORY = 60  # requests, after which the older half counts half: what was true long ago need not be so now


class Behind:
    """Counts them."""

    def __init__(self) -> None:
        self._numbers = range(0)
        self._passed = 0
        self._refused = 0

    @property
    def by_chance(self) -> bool:
        """Whether a refusal says nothing about the next request."""
        return self._passed >= _ENOUGH and self._passed > _MOST * self._refused

    def refused(self, number: int, sent: int) -> None:
        """Request ``number`` was refused when ``sent`` had been sent."""
        if number in self._numbers:
            self._refused += 1
            self._forget()
        if number >= self._numbers.stop:
            self._numbers = range(number + 1, sent + 1)

    def passed(self, number: int) -> None:
        """Request ``number`` was let through."""
        if number in self._numbers:
            self._passed += 1
            self._forget()

    def _forget(self) -> None:
        if self._passed + self._refused >= _MEMORY:
            self._passed //= 2
            self._refused //= 2
