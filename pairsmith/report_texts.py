"""Texts in a report: clipped, folded behind a lead where they are long, and with what matters in them marked."""

import difflib
from dataclasses import dataclass

import regex

from pairsmith.curation.visible import clip, visible
from pairsmith.factory.text import UNSPACED

SHOWN = 2_000  # characters of one text
SHORT = 320  # a longer text is folded behind its lead
BEFORE = 90  # characters shown before a mark in that lead
LEAST = 4  # characters of an excerpt that is marked: a shorter one may be a code, and stands in any text
COMPARED = 400  # units of a text that are compared with its twin
UNIT = regex.compile(rf"[{UNSPACED}]|[\p{{L}}\p{{M}}\p{{N}}]+|\s+|.", regex.DOTALL)

Piece = tuple[str, bool]
"""A part of a text, and whether it is marked."""


@dataclass(frozen=True)
class Shown:
    """One text. ``lead``: the beginning, or the surroundings of the first mark, of a long text; else empty."""

    field: str
    language: str
    pieces: list[Piece]
    lead: list[Piece]
    cut: int  # characters left out


def shown(name: str, language: str, text: str, excerpts: list[str]) -> Shown:
    """A text with the excerpts that stand in it marked; long ones get a lead, endless ones are cut."""
    text, cut = clip(visible(text), SHOWN)
    pieces = _marked(text, [visible(excerpt) for excerpt in excerpts])
    return Shown(name, language, pieces, _lead(pieces) if len(text) > SHORT else [], cut)


def told(excerpt: str, texts: list[Shown]) -> bool:
    """Whether the excerpt can be read in one of the texts as they are shown."""
    bare = excerpt.strip("… \n")
    return len(bare) >= LEAST and any(bare in _whole(text) for text in texts)


def differences(text: Shown, other: str) -> Shown:
    """The text with the parts marked that its twin ``other`` does not have there."""
    mine = UNIT.findall(_whole(text))
    head, rest = mine[:COMPARED], "".join(mine[COMPARED:])
    theirs = UNIT.findall(clip(visible(other), SHOWN)[0])[:COMPARED]
    matcher = difflib.SequenceMatcher(None, theirs, head, autojunk=False)
    pieces = [("".join(head[b0:b1]), kind != "equal") for kind, _, _, b0, b1 in matcher.get_opcodes() if b1 > b0]
    if rest:
        pieces.append((rest, False))
    return Shown(text.field, text.language, pieces, _lead(pieces) if text.lead else [], text.cut)


def _whole(text: Shown) -> str:
    return "".join(piece for piece, _ in text.pieces)


def _marked(text: str, excerpts: list[str]) -> list[Piece]:
    """Cut the text at the excerpts (an ellipsis at their ends is no part of them)."""
    pieces: list[Piece] = [(text, False)]
    for excerpt in (excerpt.strip("… \n") for excerpt in excerpts):
        if len(excerpt) < LEAST:
            continue
        pieces = [part for piece in pieces for part in (_split(piece[0], excerpt) if not piece[1] else [piece])]
    return pieces


def _split(text: str, excerpt: str) -> list[Piece]:
    start = text.find(excerpt)
    if start < 0:
        return [(text, False)]
    end = start + len(excerpt)
    return [piece for piece in ((text[:start], False), (excerpt, True), (text[end:], False)) if piece[0]]


def _lead(pieces: list[Piece]) -> list[Piece]:
    """About ``SHORT`` characters: from the beginning, or from shortly before the first mark."""
    first = next((number for number, piece in enumerate(pieces) if piece[1]), 0)
    before = "".join(text for text, _ in pieces[:first])
    head: list[Piece] = [("…" + before[-BEFORE:] if len(before) > BEFORE else before, False)] if before else []
    room = SHORT - sum(len(text) for text, _ in head)
    for text, mark in pieces[first:]:
        if room <= 0:
            break
        head.append((text[:room] + ("…" if len(text) > room else ""), mark))
        room -= len(text)
    return head
