"""A few bits of each set, so that two sets differ in at least as many values as their bits do.

Each bit says whether an odd number of the set's values fall to it. What two sets share falls to the same bits of both and
makes no difference, however much it is.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from pairsmith.validators.characters import Offsets
from pairsmith.validators.sketches import Ranks
from pairsmith.validators.tokens import Ragged

Bits = npt.NDArray[np.uint64]

VALUES = 16  # of a set for each word of 64 bits: of more that differ, many fall to one bit and are not seen
_MOST = 32  # words
_WORDS = 500_000  # that are compared at once: some 10 MB
_SKIPPED = np.uint64(22)  # lower bits of a value, by which other things are told apart


def words_for(sizes: npt.NDArray[np.integer[Any]]) -> int:
    """How many words of 64 bits do for sets of about these sizes."""
    return int(np.clip(np.median(sizes) // VALUES + 1, 1, _MOST)) if len(sizes) else 1


def parities(of: Ragged, words: int) -> Bits:
    """Bits, (sets, words), of sets of numbers of 44 random bits."""
    width = words * 64
    text = np.repeat(np.arange(len(of.counts), dtype=np.uint64), of.counts)
    places = text * np.uint64(width) + (of.values >> _SKIPPED) % np.uint64(width)
    odd = np.bincount(places.astype(np.int64), minlength=len(of.counts) * width) & 1
    return np.packbits(odd.astype(np.bool_)).view(np.uint64).reshape(-1, words)


def differing(bits: Bits, one: Ranks, two: Ranks) -> Offsets:
    """In how many bits the sets ``one[i]`` and ``two[i]`` differ."""
    found = np.empty(len(one), np.int64)
    step = _WORDS // bits.shape[1]
    for start in range(0, len(one), step):
        mine = slice(start, start + step)
        found[mine] = np.bitwise_count(bits[one[mine]] ^ bits[two[mine]]).sum(axis=1)
    return found
