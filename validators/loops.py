"""Which of many texts may loop: those that repeat more word 4-grams, or characters in a row, than the others.

The two conditions under which :func:`pairsmith.validators.repetition.repetition` looks for a loop, for all texts at once.
"""

from collections.abc import Iterable
from functools import cache

import numpy as np
import numpy.typing as npt

from pairsmith.validators.characters import CODES, Characters, changed
from pairsmith.validators.repetition import FEWEST, LETTERS_A_WORD, REPEATED, RUN
from pairsmith.validators.tokens import Hashes, mixed

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

_GRAM = 4  # units
_PERIODS = range(1, 21)
_SPACES_END = 0x3001  # no space has a higher code point
_BASE = np.uint64(0x9E3779B97F4A7C15)


def loops(slices: Iterable[Characters]) -> Flags:
    """Whether each text may loop; surely not where False."""
    return np.concatenate(list(map(_loops, slices)))


def _loops(chars: Characters) -> Flags:
    values, lengths = _folded()
    hashes, sizes = values[chars.codes], lengths[chars.codes]
    black = sizes > 0
    starts = np.flatnonzero(black & ~np.concatenate(([False], black[:-1])))
    ends = np.flatnonzero(black & ~np.append(black[1:], False)) + 1
    if not len(starts):
        return np.zeros(len(chars.starts) - 1, np.bool_)
    words = np.diff(np.searchsorted(starts, chars.starts))
    letters = np.diff(np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))[chars.starts])
    by_letter = letters > LETTERS_A_WORD * words
    found = _repeat(np.add.reduceat(hashes, starts), chars.texts_at(starts), words) & ~by_letter
    single = np.flatnonzero(black & np.repeat(by_letter, np.diff(chars.starts)))
    if len(single):
        texts = chars.texts_at(single)
        found |= _repeat(chars.codes[single].astype(np.uint64), texts, np.bincount(texts, minlength=len(words)))
    return found | _runs(chars, starts, ends)


def _repeat(units: Hashes, texts: Numbers, counts: Numbers) -> Flags:
    """Texts in which enough runs of four units are repeated. ``units``: of all texts in order, ``counts`` for each."""
    grams = units[: 1 - _GRAM]
    for step in range(1, _GRAM):
        grams = grams * _BASE + units[step : len(units) - _GRAM + 1 + step]
    own = texts[: 1 - _GRAM] == texts[_GRAM - 1 :]
    text = texts[: 1 - _GRAM][own]
    keys = np.sort((text.astype(np.uint64) << np.uint64(44)) | (mixed(grams[own]) >> np.uint64(20)))
    different = keys[np.diff(keys, prepend=~np.uint64(0)) != 0] >> np.uint64(44)
    distinct = np.bincount(different.astype(np.int64), minlength=len(counts))
    all_of_them = np.maximum(counts - _GRAM + 1, 1)
    return (counts >= FEWEST) & (1 - distinct / all_of_them >= REPEATED)


def _runs(chars: Characters, starts: Numbers, ends: Numbers) -> Flags:
    """Texts with a long word in which characters come back after a short while, many in a row."""
    found = np.zeros(len(chars.starts) - 1, np.bool_)
    long = ends - starts >= RUN
    edges = np.zeros(len(chars.codes) + 1, np.int8)
    edges[starts[long]], edges[ends[long]] = 1, -1
    places = np.flatnonzero(np.cumsum(edges))
    codes = chars.codes[places]
    for period in _PERIODS:
        same = codes[:-period] == codes[period:]
        for step in (1, 2, 4, 3):  # 2, 4, 8, 11 in a row
            same = same[:-step] & same[step:]
        found[chars.texts_at(places[np.flatnonzero(same)])] = True
    return found


@cache
def _folded() -> tuple[Hashes, npt.NDArray[np.uint8]]:
    """Of each character, folded: a value that adds up to that of a word, and its length; both 0 for white space."""
    values, lengths = mixed(np.arange(1, CODES + 1, dtype=np.uint64)), np.ones(CODES, np.uint8)
    folded = changed(str.casefold)
    places, sizes = list(folded), list(map(len, folded.values()))
    codes = np.array(list(map(ord, "".join(folded.values()))), np.uint64)
    values[places] = np.add.reduceat(mixed(codes + np.uint64(1)), np.cumsum([0, *sizes[:-1]]))
    lengths[places] = sizes
    blank = [code for code in range(_SPACES_END) if chr(code).isspace()]
    values[blank] = lengths[blank] = 0
    return values, lengths
