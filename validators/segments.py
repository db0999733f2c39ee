"""Hashes of any run of tokens at the same price, however long: from prefix sums of a polynomial in the token hashes.

The polynomial is taken modulo 2^64 in an odd base, which has an inverse, so that equal runs have equal hashes wherever they
stand. Two different runs share one with odds of about 1 in 10^19, for all that people and models write: who builds runs for
it can make two that share one, see :mod:`pairsmith.validators.digests`.
"""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from pairsmith.validators.characters import Offsets
from pairsmith.validators.tokens import Hashes, Tokens, mixed

_BASE = np.uint64(0x9FB21C651E98DF25)  # odd
_INVERSE = np.uint64(pow(int(_BASE), -1, 2**64))
_LENGTH = np.uint64(0xA24BAED4963EE407)


class Segments:
    """Hashes of the segments of some texts."""

    def __init__(self, tokens: Tokens, first: int, last: int) -> None:
        """Of the texts ``first`` to ``last`` (without it) of ``tokens``: here they are numbered from 0."""
        self.starts: Offsets = tokens.starts[first : last + 1] - tokens.starts[first]
        self.counts: Offsets = np.diff(self.starts)
        hashes = tokens.hashes[tokens.starts[first] : tokens.starts[last]]
        powers, self._inverses = _powers(len(hashes) + 1)
        self._sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(hashes * powers[:-1])))

    @cached_property
    def text(self) -> Offsets:
        """The text of each token."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def of(self, starts: Offsets, lengths: Offsets) -> Hashes:
        """Hashes of the runs of ``lengths`` tokens from ``starts`` on (counted over all texts)."""
        sums = (self._sums[starts + lengths] - self._sums[starts]) * self._inverses[starts]
        return mixed(sums + lengths.astype(np.uint64) * _LENGTH)

    def whole(self) -> Hashes:
        """A hash of each text, never that of a run."""
        return ~self.of(self.starts[:-1], self.counts)

    def rolling(self, size: int) -> Hashes:
        """The hash of the run of ``size`` tokens from each token on, those that reach into the next text too."""
        sums = self._sums[size:] - self._sums[: max(len(self._sums) - size, 0)]
        return mixed(sums * self._inverses[: len(sums)] + np.full(1, size, np.uint64) * _LENGTH)

    def heads(self, size: int, among: npt.NDArray[np.bool_]) -> Offsets:
        """The tokens from which on a run of ``size`` tokens lies within one of the texts ``among``."""
        last = np.where(among, self.starts[1:] - size, -1)
        return np.flatnonzero(np.arange(len(self.text)) <= last[self.text])

    def place(self, heads: Offsets) -> Offsets:
        """At which token of its text each of the tokens ``heads`` stands."""
        return heads - self.starts[self.text[heads]]


def places(counts: Offsets) -> Offsets:
    """0 up to each count, one after the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)


_known = (np.ones(1, np.uint64), np.ones(1, np.uint64))


def _powers(count: int) -> tuple[Hashes, Hashes]:
    """The first ``count`` powers of the base and of its inverse."""
    global _known  # they are the same for all texts
    if len(_known[0]) < count:
        _known = _cumulated(_BASE, 2 * count), _cumulated(_INVERSE, 2 * count)
    return _known[0][:count], _known[1][:count]


def _cumulated(base: np.uint64, count: int) -> Hashes:
    return np.concatenate((np.ones(1, np.uint64), np.cumprod(np.full(count - 1, base))))
