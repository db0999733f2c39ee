"""Cuts a document into passages: whole paragraphs where they fit, else whole sentences, else whole words.

A passage is a piece of the document, byte for byte. Words are counted as in :mod:`pairsmith.factory.text`.
"""

from collections.abc import Iterator
from typing import NamedTuple

import regex

from pairsmith.factory.text import tokens, words

LONGEST_WORD = 20  # characters; more for each word allowed, and it is no running text (encoded data, rules of dashes)
_HEAD = 12  # characters for each word wanted, in which nearly every text shows that it has so many

# A sentence ends with a stop before white space, with a full-width stop, or with its line.
_SENTENCE = regex.compile(r".*?(?:[.!?…։؟۔।॥။።៕]+[\"'”’»)\]]*(?=\s)|[。！？｡]+[」』”’）]*|(?=\n)|\Z)\s*", regex.DOTALL)
_WORD = regex.compile(r"\S+\s*|\s+")
_PARAGRAPH_END = regex.compile(r"\n[^\S\n]*\n\s*\Z")


class _Piece(NamedTuple):
    """``text[start:end]``, which is not cut."""

    start: int
    end: int
    words: float
    ends_paragraph: bool


def passages(text: str, most: int, least: int) -> list[str]:
    """The passages of ``text``, each of ``least`` to ``most`` words, in order and without overlap.

    What is shorter, or cannot be cut short enough, is left out.
    """
    found: list[list[_Piece]] = []
    held: list[_Piece] = []
    for piece in _pieces(text, most):
        while held and not _fits([*held, piece], most):
            kept = _good_end(held, most)
            found.append(held[:kept])
            held = held[kept:]
        if _fits([piece], most):
            held.append(piece)
    found.append(held)
    enough = (part for part in found if sum(piece.words for piece in part) >= least)
    return [text[part[0].start : part[-1].end].strip() for part in enough]


def long_enough(text: str, least: int) -> bool:
    """Whether the text has ``least`` words; of a long text mostly its head is counted."""
    head = text[: _HEAD * least]
    return words(tokens(head)) >= least or (len(text) > len(head) and words(tokens(text)) >= least)


def _pieces(text: str, most: int) -> Iterator[_Piece]:
    """Sentences and lines; the words of a sentence that is too long for a passage."""
    for sentence in _SENTENCE.finditer(text):
        piece = _piece(text, sentence.start(), sentence.end())
        if _fits([piece], most):
            yield piece
        else:
            for word in _WORD.finditer(text, piece.start, piece.end):
                yield _piece(text, word.start(), word.end())


def _piece(text: str, start: int, end: int) -> _Piece:
    part = text[start:end]
    return _Piece(start, end, words(tokens(part)), _PARAGRAPH_END.search(part) is not None)


def _fits(part: list[_Piece], most: int) -> bool:
    return sum(piece.words for piece in part) <= most and part[-1].end - part[0].start <= most * LONGEST_WORD


def _good_end(part: list[_Piece], most: int) -> int:
    """How many pieces make the passage: up to the last end of a paragraph that leaves it half full, else all."""
    ends = [number for number, piece in enumerate(part, start=1) if piece.ends_paragraph]
    return next((end for end in reversed(ends) if sum(piece.words for piece in part[:end]) >= most / 2), len(part))
