"""The tokens of many texts as numbers: one pass over the folded characters, no Python object a token.

The tokens are those of :func:`pairsmith.factory.text.tokens`; here each is a 64-bit hash of its characters. Runs of tokens
(shingles, n-grams) are hashed from those. Hashes are the same on every machine and in every version that says the same
:data:`HASHING`; that two different tokens of a comparison share one has odds of about 1 in 10^19, for all
that people and models write: who builds tokens for it can make two that share one, see :mod:`pairsmith.validators.digests`.
"""

from collections.abc import Iterable
from functools import cache, cached_property
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from pairsmith.factory.text import UNSPACED
from pairsmith.validators import compiled
from pairsmith.validators.characters import Characters, Offsets, kind_table

HASHING = 1
"""Version of the hash functions: what was stored under another one cannot be compared."""

Hashes = npt.NDArray[np.uint64]
Words = npt.NDArray[np.float64]

_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplication loses no bit: 2^64 over the golden ratio
_RUN_BASE = np.uint64(0xD6E8FEB86659FD93)
_SPACED, _EXTENDS, _UNSPACED_LETTER, _IDEOGRAPH = 1, 2, 4, 8  # bits of a character's kind
_WEIGHTS = np.array([0.5 if kind & _IDEOGRAPH else 0.25 if kind & _UNSPACED_LETTER else 1 for kind in range(16)])


class Ragged(NamedTuple):
    """Values of many texts end to end: those of text ``i`` are ``values[starts[i]:starts[i + 1]]``."""

    values: Hashes
    starts: Offsets  # one more than there are texts

    def of(self, text: int) -> Hashes:
        """The values of one text."""
        return self.values[self.starts[text] : self.starts[text + 1]]

    @property
    def counts(self) -> Offsets:
        """How many values each text has."""
        return np.diff(self.starts)


class Tokens:
    """Tokens of texts. ``hashes``: one for each token.

    ``words``: how many each text has, as ``text.words`` counts: a token each; two Han or kana, or four Thai, Lao, Khmer,
    Myanmar letters for one.
    """

    def __init__(self, folded: Iterable[Characters]) -> None:
        """``folded``: texts as :func:`pairsmith.factory.text.fold` leaves them, in slices."""
        self._set(*map(np.concatenate, zip(*map(_cut, folded), strict=True)))

    def _set(self, hashes: Hashes, kinds: npt.NDArray[np.uint8], counts: Offsets, words: Words) -> None:
        self.hashes = hashes
        self.words = words
        self._kinds = kinds
        self.starts: Offsets = np.concatenate(([0], np.cumsum(counts)))

    def chosen(self, texts: Offsets) -> "Tokens":
        """The tokens of some of the texts, in the order in which those are named."""
        counts = np.diff(self.starts)[texts]
        ends = np.cumsum(counts)
        places = np.repeat(self.starts[texts] - ends + counts, counts) + np.arange(counts.sum())
        found = Tokens.__new__(Tokens)
        found._set(self.hashes[places], self._kinds[places], counts, self.words[texts])
        return found

    @cached_property
    def unspaced(self) -> npt.NDArray[np.bool_]:
        """Whether each token is one letter of a script that is written without spaces."""
        return self._kinds & _UNSPACED_LETTER > 0

    def runs(self, size: int, texts: Offsets | slice = slice(None)) -> Ragged:
        """Hashes of all runs of exactly ``size`` tokens of ``texts`` (all texts), in order; a shorter text has none."""
        counts = np.maximum(np.diff(self.starts)[texts] - size + 1, 0)
        starts = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        return Ragged(run_hashes(self.hashes, self.starts[:-1][texts], starts, size), starts)

    def shingles(self, size: int) -> Ragged:
        """As :meth:`runs`, but a text of fewer tokens (not none) is one run: see :func:`pairsmith.factory.text.shingles`."""
        counts = np.diff(self.starts)
        runs = self.runs(size)
        short = np.flatnonzero((counts > 0) & (counts < size))
        values = np.empty(len(short), np.uint64)
        for length in range(1, size):
            these = counts[short] == length
            begins = self.starts[short[these]]
            values[these] = run_hashes(self.hashes, begins, np.arange(len(begins) + 1), length)
        starts = runs.starts + np.searchsorted(short, np.arange(len(runs.starts)))
        return Ragged(np.insert(runs.values, runs.starts[short], values), starts)


def run_hashes(hashes: npt.NDArray[np.unsignedinteger], begins: Offsets, starts: Offsets, size: int) -> Hashes:
    """Hashes of runs of ``size`` tokens, each from the hashes of its tokens.

    Those of text ``i`` begin at each token from ``begins[i]`` on and are ``starts[i]`` to ``starts[i + 1]`` of the result.
    """
    if fast := compiled.kernels():
        return cast(Hashes, fast.runs(hashes, begins, starts, size, _RUN_BASE))
    heads = np.repeat(begins - starts[:-1], np.diff(starts)) + np.arange(starts[-1])
    found = np.full(len(heads), np.uint64(size))
    for step in range(size):
        found = found * _RUN_BASE + hashes[heads + step]
    return mixed(found)


class _Cut(NamedTuple):
    hashes: Hashes
    kinds: npt.NDArray[np.uint8]  # of the first character of each token
    counts: Offsets  # tokens of each text
    words: Words


def _cut(folded: Characters) -> _Cut:
    codes, limits = folded
    if fast := compiled.kernels():
        return _Cut(*fast.cut(codes, limits, _kinds(), (_SPACED, _EXTENDS, _UNSPACED_LETTER), _WEIGHTS, _BASE))
    kinds = _kinds()[codes]
    first, inside = _boundaries(kinds)
    places = np.flatnonzero(first)
    kinds, starts = kinds[places], np.searchsorted(places, limits)
    sums = np.concatenate(([0.0], np.cumsum(_WEIGHTS[kinds])))  # exact: the weights are quarters
    return _Cut(_token_hashes(codes, first, inside), kinds, np.diff(starts), np.diff(sums[starts]))


def mixed(values: Hashes) -> Hashes:
    """Every bit of the result hangs on every bit of the value (finalizer of SplitMix64; Steele, Lea, Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """For each code point what it is to a token (the classes of ``text._TOKEN``)."""
    return kind_table(
        {
            _SPACED: rf"[[\p{{L}}\p{{N}}\p{{M}}]--[{UNSPACED}]]",
            _EXTENDS: r"[\p{M}ー]",
            _UNSPACED_LETTER: rf"[[{UNSPACED}]&&[\p{{L}}\p{{N}}]]",
            _IDEOGRAPH: r"[[\p{Han}\p{Hiragana}\p{Katakana}]&&[\p{L}\p{N}]]",
        },
        np.uint8,
    )


def _boundaries(kinds: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which characters begin a token, and which belong to one."""
    unspaced = kinds & _UNSPACED_LETTER > 0
    extends = kinds & _EXTENDS > 0
    last = np.maximum.accumulate(np.where(extends, 0, np.arange(len(kinds))))
    tail = extends & unspaced[last]
    spaced = (kinds & _SPACED > 0) & ~tail
    first = unspaced | (spaced & ~np.concatenate(([False], spaced[:-1])))
    return first, unspaced | tail | spaced


def _token_hashes(codes: npt.NDArray[np.uint32], first: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_]) -> Hashes:
    """A polynomial in the characters of each token, mixed."""
    values = codes[inside].astype(np.uint64) + np.uint64(1)
    begins = np.flatnonzero(first[inside])
    if not len(begins):
        return np.empty(0, np.uint64)
    lengths = np.diff(begins, append=len(values))
    powers = np.cumprod(np.full(int(lengths.max()), _BASE), dtype=np.uint64)
    place = np.arange(len(values)) - np.repeat(begins, lengths)
    return mixed(np.add.reduceat(values * powers[place], begins))
