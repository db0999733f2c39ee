"""Refusals by chance: those that do not follow load, at a share that is watched from then on."""

_PASSED = 5  # let through: fewer may be what flowed into a bucket meanwhile
_MOST = 3  # times as many let through as refused: what chance does up to one refusal in four
_MEMORY = 60  # requests, after which the older half counts half: what was true long ago need not be so now
_WINDOW = 100  # landings over which the share of chance refusals is watched
_QUIET = 3  # windows without a refusal: it is over
_LEAST = 0.2  # share at first: a test is too short to tell a smaller one
_LARGEST = 0.4  # share at first: a larger one would let what follows load pass for chance
_RISEN = 2.0  # times the share so far, and ...
_RISEN_BY = 0.15  # ... this much more: then something else has come on top
_FOLLOWS = 0.2  # of the way to the latest share: a slow drift is followed, a rise is not


class Behind:
    """What became of the requests that were sent right behind a refused one, before its refusal was back.

    A service that is full, or has no request left in its bucket, refuses these as well: nothing has changed in the few
    milliseconds between. One that refuses by chance lets most of them through, and does not mean the pause it asks for.
    """

    def __init__(self) -> None:
        self._numbers = range(0)
        self._passed = 0
        self._refused = 0

    @property
    def by_chance(self) -> bool:
        """Whether a refusal says nothing about the next request."""
        return self._passed >= _PASSED and self._passed > _MOST * self._refused

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


class Share:
    """The share of requests that are refused by chance."""

    def __init__(self, share: float) -> None:
        self.value = min(max(share, _LEAST), _LARGEST)
        self._landed = 0
        self._refused = 0
        self._quiet = 0

    def stays(self, refused: bool) -> bool:
        """Count a landing. False when the share has risen clearly or has gone: then it must be judged anew."""
        self._landed += 1
        self._refused += refused
        if self._landed < _WINDOW:
            return True
        share = self._refused / self._landed
        self._landed = self._refused = 0
        self._quiet = 0 if share else self._quiet + 1
        if self._quiet >= _QUIET or share > _RISEN * self.value + _RISEN_BY:
            return False
        self.value += _FOLLOWS * (share - self.value)
        return True
