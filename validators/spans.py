"""Sentences, clauses and runs of letters of many texts at once, as positions in :class:`Letters`.

:func:`sentences` and :func:`clauses` give what :func:`prose.sentences` and :func:`prose.clauses` give for each text.
"""

from typing import NamedTuple

import numpy as np

from pairsmith.validators import prose
from pairsmith.validators.letters import BREAK, CLAUSE_SIGN, ENDER, GOES_ON, SPACE, STOP, Flags, Letters, Places

_FULL_STOP = ord(".")


class Spans(NamedTuple):
    """Stretches of texts, each within one text: places of their first characters, and of those after their last ones."""

    starts: Places
    ends: Places

    def where(self, wanted: Flags) -> "Spans":
        """Some of them."""
        return Spans(self.starts[wanted], self.ends[wanted])


def sentences(texts: Letters) -> Spans:
    """Sentences and lines, in order."""
    stops, odd = _stops(texts)
    limits = texts.has(BREAK)
    limits[stops] = True
    ends = np.flatnonzero(limits)
    starts = np.concatenate(([0], ends[:-1] + texts.has(BREAK)[ends[:-1]]))
    found = Spans(starts, ends).where(starts < ends)
    return _with_odd(texts, found, odd) if len(odd) else found


def _stops(texts: Letters) -> tuple[Places, Places]:
    """Places after signs at which a sentence ends, and the numbers of texts in which such signs begin a line."""
    marks = np.flatnonzero(texts.has(STOP))
    if not len(marks):
        return marks, marks
    first = np.concatenate(([True], np.diff(marks) > 1))
    begin = marks[first]
    end = marks[np.concatenate((first[1:], [True]))] + 1
    inside = np.logical_and.reduceat(texts.has(ENDER)[marks], np.flatnonzero(first)) & ~texts.has(SPACE)[end]
    lone = (end - begin == 1) & (texts.codes[begin] == _FULL_STOP) & texts.has(SPACE)[end]
    inside[lone] = _goes_on(texts, end[lone])
    begin, end = begin[~inside], end[~inside]
    odd = (begin == 0) | texts.has(BREAK)[begin - 1]
    return end, np.unique(texts.text_of(begin[odd]))


def _goes_on(texts: Letters, spaces: Places) -> Flags:
    """Whether what follows the white space at a place, in the same text, does not look like a new sentence."""
    visible = np.flatnonzero(~texts.has(SPACE))
    after = np.searchsorted(visible, spaces)
    found = after < len(visible)
    place = visible[after[found]]
    found[found] = texts.has(GOES_ON)[place] & (place < texts.starts[texts.text_of(spaces[found]) + 1])
    return found


def _with_odd(texts: Letters, found: Spans, odd: Places) -> Spans:
    """Sentences, those of ``odd`` texts one by one: what a sign at the beginning of a line is hangs on what follows."""
    kept = found.where(~np.isin(texts.text_of(found.starts), odd))
    own = [
        (texts.starts[text] + span.start, texts.starts[text] + span.end)
        for text in odd
        for span in prose.sentences(texts.texts[text])
    ]
    starts, ends = np.array(own, np.int64).reshape(-1, 2).T
    starts, ends = np.concatenate((kept.starts, starts)), np.concatenate((kept.ends, ends))
    order = np.argsort(starts)
    return Spans(starts[order], ends[order])


def clauses(texts: Letters, found: Spans) -> Spans:
    """Parts of the sentences ``found`` between commas and the like, in order; none of a sentence of only one part."""
    if not len(found.starts):
        return found
    signs = np.flatnonzero(texts.has(CLAUSE_SIGN))
    ends = np.concatenate((found.ends, signs))
    after = np.concatenate((found.starts[1:], found.starts[:1], signs + 1))
    order = np.argsort(ends, kind="stable")
    starts = np.concatenate((found.starts[:1], after[order][:-1]))
    parts = Spans(starts, ends[order]).where(starts < ends[order])
    sentence = np.searchsorted(found.starts, parts.starts, "right") - 1
    return parts.where(np.bincount(sentence, minlength=len(found.starts))[sentence] > 1)


def pairs(texts: Letters, found: Spans, length: int) -> Spans:
    """Each two sentences of a text that follow each other, both shorter than ``length``."""
    short = found.ends - found.starts < length
    text = texts.text_of(found.starts)
    together = short[:-1] & short[1:] & (text[:-1] == text[1:])
    return Spans(found.starts[:-1][together], found.ends[1:][together])


def runs(texts: Letters, length: int) -> Spans:
    """Longest runs without a letter of the scripts of a text's claimed language, of at least ``length``, within a line."""
    limits = np.flatnonzero(texts.own | texts.has(BREAK))
    starts = np.concatenate(([0], limits[:-1] + 1))
    return Spans(starts, limits).where(limits - starts >= length)
