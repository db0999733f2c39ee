"""How many words many texts have, counted at once: those of :func:`pairsmith.validators.length.words`, without a pattern.

A word is a letter or digit of a script written with spaces, and all that follows of letters, marks, digits, apostrophes and
joiners, and of single hyphens, points and commas between those. Letters of scripts without spaces are counted one by one.
"""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pairsmith.factory.text import UNSPACED
from pairsmith.validators.characters import Characters, kind_table

_APART, _INSIDE, _LINK, _UNSPACED_LETTER = 1, 2, 4, 8  # bits of a character's kind


class WordCounts(NamedTuple):
    """Of each text: words that are written apart, and letters of scripts without spaces."""

    apart: npt.NDArray[np.int64]
    unspaced: npt.NDArray[np.int64]


def word_counts(slices: Iterable[Characters]) -> WordCounts:
    """The counts of all texts of ``slices``."""
    apart, unspaced = zip(*map(_counts, slices), strict=True)
    return WordCounts(np.concatenate(apart), np.concatenate(unspaced))


def _counts(chars: Characters) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    kinds = _kinds()[chars.codes]
    inside = kinds & _INSIDE > 0
    joined = inside.copy()
    joined[1:-1] |= (kinds[1:-1] & _LINK > 0) & inside[:-2] & inside[2:]
    stretches = np.flatnonzero(np.diff(joined, prepend=False))[::2]  # where what hangs together begins
    letters = np.flatnonzero(kinds & _APART)
    stretch = np.searchsorted(stretches, letters, side="right")
    words = letters[np.diff(stretch, prepend=0) > 0]  # a stretch with such a letter is one word
    return _per_text(words, chars), _per_text(np.flatnonzero(kinds & _UNSPACED_LETTER), chars)


def _per_text(places: npt.NDArray[np.int64], chars: Characters) -> npt.NDArray[np.int64]:
    return np.diff(np.searchsorted(places, chars.starts))


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    return kind_table(
        {
            _APART: rf"[[\p{{L}}\p{{N}}]--[{UNSPACED}]]",
            _INSIDE: rf"[[\p{{L}}\p{{M}}\p{{N}}\p{{Cf}}_'’]--[{UNSPACED}]]",
            _LINK: "[-.,‐]",
            _UNSPACED_LETTER: rf"[[{UNSPACED}]&&[\p{{L}}\p{{N}}]]",
        },
        np.uint8,
    )
