"""Degenerate loops: a model that says the same words over and over.

A refrain comes back, a loop does not leave: what counts is the same unit many times in direct succession, or hardly anything
but repeated word 4-grams (Rae et al. 2021, "Scaling Language Models", table A1, drops documents by repeated n-grams).
"""

import re
from itertools import groupby

import numpy as np

_COPIES = 5  # the same unit this often in direct succession
_SHARE = 0.35  # of the text that the loop must cover, where it is not long in itself
_LONG = 60  # tokens in a loop from which it counts whatever else the text holds
_LONGEST = 60  # tokens in the longest unit looked for
REPEATED = 0.15  # share of repeated 4-grams below which no loop is looked for
FEWEST = 8  # units below which no loop of them is looked for
LETTERS_A_WORD = 12  # from which words are not set apart
RUN = 60  # characters of a word in which a loop is looked for
_NOTHING_ELSE = 0.75  # share of repeated 4-grams from which the text is one loop, however it is ordered
_MOANS = 4  # letters: "ha ha ha", "no no no" are said by people

_RUN = re.compile(r"(\S{1,20}?)\1{11,}")
_ROW = re.compile(r"[^\w\s]{3,}|\d")


def repetition(text: str) -> tuple[str, float] | None:
    """(the unit that comes back, share of the text in the loop), or None.

    Lyrics, lists, tables and code come back to their words without looping.
    """
    units = _units(text)
    if len(units) < FEWEST:
        return _run(text)
    repeated = _repeated(units)
    if repeated < REPEATED:
        return _run(text)
    start, period, length = _longest_loop(units)
    unit = (" " if " " in text.strip() else "").join(units[start : start + period])
    if (
        length >= _COPIES * period
        and (length >= _LONG or length >= _SHARE * len(units))
        and _is_loop(unit, length // period)
    ):
        return unit, length / len(units)
    if repeated >= _NOTHING_ELSE and len(units) >= 40 and not _is_table(text):
        return unit, repeated
    return _run(text)


def _units(text: str) -> list[str]:
    """Words; characters, where words are not set apart."""
    words = text.casefold().split()
    return (
        words if sum(map(len, words)) <= LETTERS_A_WORD * len(words) else [char for char in text if not char.isspace()]
    )


def _repeated(units: list[str]) -> float:
    grams = list(zip(units, units[1:], units[2:], units[3:], strict=False))
    return 1 - len(set(grams)) / len(grams)


def _longest_loop(units: list[str]) -> tuple[int, int, int]:
    """(start, period, length) of the longest run in which every unit equals the one ``period`` before it."""
    best = (0, 1, 0)
    known: dict[str, int] = {}
    codes = np.array([known.setdefault(unit, len(known)) for unit in units])
    for period in range(1, min(_LONGEST, len(units) // _COPIES) + 1):
        equal = codes[:-period] == codes[period:]
        if np.count_nonzero(equal) < max(best[2] - period + 1, (_COPIES - 1) * period):
            continue
        position = 0
        for same, group in groupby(equal.tolist()):
            size = len(list(group))
            if same and size + period > best[2] and size >= (_COPIES - 1) * period:
                best = (position, period, size + period)
            position += size
    return best


def _is_loop(unit: str, copies: int) -> bool:
    if not any(char.isalpha() for char in unit):
        return False  # rules, empty table cells, zeros
    return len(unit) > _MOANS or copies >= 40


def _is_table(text: str) -> bool:
    return len(_ROW.findall(text)) > len(text) / 20


def _run(text: str) -> tuple[str, float] | None:
    """A loop inside one word: letters without spaces."""
    for word in text.split():
        if len(word) >= RUN and (match := _RUN.search(word)) and any(c.isalpha() for c in match.group(1)):
            return match.group(1), (match.end() - match.start()) / len(text)
    return None
