"""Does a document copy the query? By runs of tokens: words alone tell nothing, a document that answers uses them.

Thresholds are in words (:func:`pairsmith.factory.text.words`), so that they hold in scripts without spaces too.
Measured on questions that people wrote for given paragraphs (XQuAD, 14,280 pairs in 12 languages): see docs/gates.md.
"""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import regex

from pairsmith.factory.text import bag_jaccard, excerpt, shingles, tokens, tokens_for, words

OWN_SENTENCE = 3  # words of a query that is copied when it stands as a sentence or line of its own
OPENING = 4  # ... when the document begins with it
ANYWHERE = 6  # ... when it stands anywhere
NAME = 6  # a longer query is no name, however it is capitalised
SHINGLE = 3  # words
EDITED = 0.8  # bag Jaccard of a sentence that is the query, lightly edited: one word in nine exchanged
EDITED_CONTAINMENT = 0.5  # ... while this share of its word 3-grams is left, so that the order is that of the query

_BREAK = regex.compile(r"[.!?。！？…।॥؟۔։።၊။។\n:;：；|—–]+")
_CASED = regex.compile(r"\p{L}*(?:\p{Lu}|\p{Ll})\p{L}*")
_CODE = regex.compile(
    r"[_{}\[\]<>=\\`]|::|\w\(\w*\)|\p{Ll}\p{Lu}\p{Ll}|\b0x\p{N}|\p{L}\.\p{L}+\(|(?:Error|Exception)\b"
)
_QUOTED = regex.compile(r"\s*[\"'“”„«»「『‘].{3,}[\"'“”«»」』’]\s*", regex.DOTALL)


class Copy(NamedTuple):
    """``score``: share of the query's word 3-grams in the passage, or bag Jaccard with it; ``excerpt``: it, folded."""

    score: float
    threshold: float
    excerpt: str


class _Document(NamedTuple):
    units: list[str]
    breaks: set[int]  # positions in ``units`` at which a sentence or line begins or ends


def copied(query: str, document: str, containment: float) -> Copy | None:
    """How ``document`` copies ``query``, or None.

    Verbatim copies are runs of all tokens of the query, not counting names, code and quotations: a document holds those
    because it is about them. Near copies (``containment``: share of word 3-grams) are sentences that say little else,
    lightly edited ones, or an opening that uses every word of the query.
    """
    asked = tokens(query)
    length = words(asked)
    if length < OWN_SENTENCE or (length <= NAME and _is_name(query)) or _QUOTED.fullmatch(query):
        return None
    units = tokens(document)
    if next(_runs(asked, units), None) is not None and _stands_out(query, asked, length, _read(document)):
        return Copy(1.0, containment, excerpt(" ".join(asked)))
    return _near(asked, units, document, containment) if length >= ANYWHERE else None


def _read(document: str) -> _Document:
    units: list[str] = []
    breaks = {0}
    for segment in _BREAK.split(document):
        units += tokens(segment)
        breaks.add(len(units))
    return _Document(units, breaks)


def _stands_out(query: str, asked: list[str], length: float, read: _Document) -> bool:
    """One of the verbatim runs is more than a phrase that the document happens to use."""
    if length >= ANYWHERE and not _CODE.search(query):
        return True
    for start in _runs(asked, read.units):
        if start in read.breaks and start + len(asked) in read.breaks:
            return True
        if length >= OPENING and start <= 2:
            return True
    return False


def _runs(needle: list[str], units: list[str], most: int = 20) -> Iterator[int]:
    """Positions at which ``needle`` stands in ``units`` (the first ``most``)."""
    text, wanted = f" {' '.join(units)} ", f" {' '.join(needle)} "
    place, position = -1, 0
    for _ in range(most):
        found = text.find(wanted, place + 1)
        if found < 0:
            return
        position += text.count(" ", place + 1, found + 1)
        yield position - 1
        place = found


def _near(asked: list[str], units: list[str], document: str, containment: float) -> Copy | None:
    size = tokens_for(asked, SHINGLE)
    grams = shingles(asked, size)
    if len(grams & shingles(units, size)) < min(containment, EDITED_CONTAINMENT) * len(grams):
        return None
    opening = units[: len(asked) * 3 // 2 + size]
    share = len(grams & shingles(opening, size)) / len(grams)
    if share >= containment and set(asked) <= set(opening):
        return Copy(share, containment, excerpt(" ".join(opening)))
    read = _read(document)
    for start, end in itertools.pairwise(sorted(read.breaks)):
        sentence = read.units[start:end]
        shared = len(grams & (said := shingles(sentence, size)))
        if shared and shared >= containment * max(len(grams), len(said)):
            return Copy(shared / len(grams), containment, excerpt(" ".join(sentence)))
        if shared >= EDITED_CONTAINMENT * len(grams) and (bag := bag_jaccard(asked, sentence)) >= EDITED:
            return Copy(bag, EDITED, excerpt(" ".join(sentence)))
    return None


def _is_name(query: str) -> bool:
    """Most words of four letters and more are capitalised, or it is code: a title, a product, an error message."""
    if _CODE.search(query):
        return True
    cased = [word for word in _CASED.findall(query) if len(word) >= 4]
    return bool(cased) and sum(word[0].isupper() for word in cased) >= 0.6 * len(cased)
