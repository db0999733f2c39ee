"""Folding of many texts at once: character by character, wherever that is what folding a text comes to.

In nearly all texts each character is normalised and folded whatever stands beside it, to one character, to several or to
none, which a table says. Texts in which characters compose, or marks change places, are folded one by one.
"""

import unicodedata
from functools import cache
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pairsmith.factory.text import fold
from pairsmith.validators import compiled
from pairsmith.validators.characters import CODES, Characters, Offsets, characters, strings

_SPACE = " "
# Code points that are looked at one by one; then Han letters and Hangul syllables, which folding leaves as they are and all
# of which are assigned. Texts with others are rare enough to be folded one by one.
_LOOKED_AT = (
    range(0x3400),
    range(0xA000, 0xAC00),
    range(0xF900, 0x10000),
    range(0x1F000, 0x1FB00),
    range(0xE0100, 0xE01F0),
)
_THEMSELVES = (range(0x3400, 0x4DB6), range(0x4E00, 0x9FD6), range(0xAC00, 0xD7A4), range(0x20000, 0x2A6D7))
_JAMO, _SYLLABLES = (range(0x1161, 0x1176), range(0x11A8, 0x11C3)), range(0xAC00, 0xD7A4)
_INITIALS = range(0x1100, 0x1113)

# What a character does to those beside it. Letters compose with what stands directly before, marks with the last letter.
UNKNOWN, JOINS_LETTER, JOINED_BY_LETTER, JOINS_MARK, JOINED_BY_MARK = 1, 2, 4, 8, 16


class Table(NamedTuple):
    """For each code point what it folds to: ``counts`` characters of ``folded`` from ``begins`` on; and its ``conduct``.

    ``single``: that character, where it is one and the code point changes with none before it, else 0. ``orders``: canonical
    combining class of what it begins with (low byte) and ends with (high byte).
    """

    single: npt.NDArray[np.uint32]
    folded: npt.NDArray[np.uint32]
    begins: npt.NDArray[np.uint32]
    counts: npt.NDArray[np.uint8]
    conduct: npt.NDArray[np.uint8]
    orders: npt.NDArray[np.uint16]


class Folded(NamedTuple):
    """Folded texts, and which of them could be folded character by character. The others are empty here."""

    texts: Characters
    alone: npt.NDArray[np.bool_]


def folded(texts: Characters) -> Characters:
    """Each text as :func:`pairsmith.factory.text.fold` leaves it."""
    found, alone = fold_characters(texts)
    others = np.flatnonzero(~alone)
    if not len(others):
        return found
    own = characters([fold(text) for text in strings(texts.at(others))])
    pieces, lengths, end = [], np.diff(found.starts), 0
    for number, place in enumerate(others.tolist()):
        pieces += [found.codes[end : found.starts[place]], own.codes[own.starts[number] : own.starts[number + 1]]]
        end = found.starts[place + 1]
    lengths[others] = np.diff(own.starts)
    return Characters(np.concatenate([*pieces, found.codes[end:]]), np.concatenate(([0], np.cumsum(lengths))))


def fold_characters(texts: Characters) -> Folded:
    """Fold all texts whose characters can be folded one by one."""
    table = folding_table()
    if fast := compiled.kernels():
        codes, starts, alone = fast.fold(*texts, tuple(table), ord(_SPACE))
        return Folded(Characters(codes, starts), alone)
    codes, starts = texts
    alone = ~np.logical_or.reduceat(_meet(codes, table), starts[:-1]) if len(starts) > 1 else np.zeros(0, np.bool_)
    counts = np.where(np.repeat(alone, np.diff(starts)), table.counts[codes], 0).astype(np.int64)
    counts[starts[1:] - 1] = 1  # the line break after each text
    ends = np.cumsum(counts)
    place = np.arange(len(codes) and ends[-1]) - np.repeat(ends - counts, counts)
    found = table.folded[np.repeat(table.begins[codes], counts) + place]
    return Folded(_one_space(found, ends[starts[1:] - 1] - 1), alone)


def _one_space(codes: npt.NDArray[np.uint32], breaks: Offsets) -> Characters:
    """One space where there are several, none at the beginning and the end of a text, and a line break in place of each of
    ``breaks``, which are spaces too.
    """
    blank = codes == ord(_SPACE)
    kept = ~(blank & np.concatenate(([True], blank[:-1])))
    codes[breaks], kept[breaks] = ord("\n"), True
    places = np.flatnonzero(kept)
    before_break = (codes[places[:-1]] == ord(_SPACE)) & (codes[places[1:]] == ord("\n"))
    kept[places[:-1][before_break]] = False
    return Characters(codes[kept], np.concatenate(([0], np.cumsum(kept)[breaks])))


def _meet(codes: npt.NDArray[np.uint32], table: Table) -> npt.NDArray[np.bool_]:
    """Characters that are unknown, or change with those before them."""
    conduct, orders = table.conduct[codes], table.orders[codes]
    first, last = orders & 0xFF, orders >> 8
    letter = np.maximum.accumulate(
        np.where(first == 0, np.arange(len(codes)), 0)
    )  # the last one, itself where it is one
    before = np.concatenate(([0], conduct[:-1]))
    found = conduct & UNKNOWN > 0
    found |= (conduct & JOINS_LETTER > 0) & (before & JOINED_BY_LETTER > 0)
    found |= (conduct & JOINS_MARK > 0) & (conduct[letter] & JOINED_BY_MARK > 0)
    found[1:] |= (first[1:] > 0) & (first[1:] < last[:-1])
    return found


@cache
def folding_table() -> Table:
    """The table of this Python's Unicode version."""
    begins, counts = np.arange(CODES, dtype=np.uint32), np.ones(CODES, np.uint8)
    conduct, orders = np.full(CODES, UNKNOWN, np.uint8), np.zeros(CODES, np.uint16)
    for span in _THEMSELVES:
        conduct[span.start : span.stop] = 0
    composing, found = _Composing(), [np.arange(CODES, dtype=np.uint32)]
    size = CODES
    for code in chain.from_iterable(_LOOKED_AT):
        normal = unicodedata.normalize("NFKC", chr(code))
        shown = _shown(normal.casefold())
        if shown is None:
            continue
        begins[code], counts[code] = size, len(shown)
        found.append(np.array(list(map(ord, shown)), np.uint32))
        size += len(shown)
        conduct[code] = composing.conduct(normal)
        orders[code] = unicodedata.combining(normal[0]) | unicodedata.combining(normal[-1]) << 8
    conduct[_SYLLABLES.start : _SYLLABLES.stop] = JOINED_BY_LETTER
    folded = np.concatenate(found)
    free = (counts == 1) & (conduct & (UNKNOWN | JOINS_LETTER | JOINS_MARK) == 0) & (orders == 0)
    return Table(np.where(free, folded[begins], 0), folded, begins, counts, conduct, orders)


def _shown(folded: str) -> str | None:
    """What is left of a folded character: format characters go, white space is a space; None where one is not assigned."""
    kinds = [unicodedata.category(char) for char in folded]
    kept = (_SPACE if char.isspace() else char for char, kind in zip(folded, kinds, strict=True) if kind != "Cf")
    return None if "Cn" in kinds else "".join(kept)


class _Composing:
    """Which characters compose (Unicode Standard Annex 15, canonical composition)."""

    def __init__(self) -> None:
        pairs = [
            (chr(int(pair[0], 16)), chr(int(pair[1], 16)))
            for pair in (unicodedata.decomposition(chr(code)).split() for code in chain.from_iterable(_LOOKED_AT))
            if len(pair) == 2 and not pair[0].startswith("<")
        ]
        pairs = [pair for pair in pairs if len(unicodedata.normalize("NFC", "".join(pair))) == 1]  # some never compose
        self._letters = {two for _, two in pairs if not unicodedata.combining(two)} | set(map(chr, chain(*_JAMO)))
        self._marks = {two for _, two in pairs if unicodedata.combining(two)}
        self._before_letters = {one for one, two in pairs if two in self._letters}
        self._before_letters |= set(map(chr, chain(_INITIALS, _SYLLABLES)))
        self._before_marks = {one for one, two in pairs if two in self._marks}

    def conduct(self, normal: str) -> int:
        """Of a normalised character."""
        first, last = normal[0], normal[-1]
        # One that comes apart may take a mark between its own.
        marked = any(map(unicodedata.combining, normal[1:])) or any(map(unicodedata.decomposition, normal))
        return (
            JOINS_LETTER * (first in self._letters)
            | JOINS_MARK * (first in self._marks)
            | JOINED_BY_LETTER * (last in self._before_letters)
            | JOINED_BY_MARK * (marked or last in self._before_marks)
        )
