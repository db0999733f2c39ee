"""Texts that explain why they are relevant, why they are not, or which class they belong to.

Prompts forbid it, models do it. What gives a sentence away is that several kinds of words meet in it, in any order
(``data/relevance.yml``): the text is named, judged fitting, similar or chosen, beside a query, another text or a label, and a
reason is given. One kind alone is ordinary prose: "this document is relevant to all employees" passes. The more ordinary
the words, the more kinds must meet: "the question" is telling only beside a text, a verb of answering and a reason.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from pairsmith.factory.lexicon import Phrases, plain, read_lexicon

_STOPS, _WIDE_STOPS = ".!?؟", "。！？।॥۔።။"  # with a space after them, and without
_END = re.compile(rf"(?<![{_STOPS}])[{_STOPS}]+[\"'”’»)\]]*(?=\s)|[{_WIDE_STOPS}]+")
_STOP = re.compile(f"[{_STOPS}{_WIDE_STOPS}]")  # a single class is searched for fast
_PHRASAL = re.compile(r"[\u0e00-\u0eff]")  # Thai, Lao
_SHORTEST = 12  # characters; what is shorter is no sentence but an abbreviation
_LONGEST = 1000  # characters; in what is longer, a list or text without stops, kinds of words meet by chance
_IDEOGRAPHS = "\u2e80"  # from here on two characters make a word
_JOINED = "\u0590"  # Hebrew, the first script after those whose words stand alone
_QUESTION = re.compile(r"[?;؟][\"'”’»)\]]*\s*$")
_NEAR = 40  # characters between a label and the verb of choosing it
_ABOUT_SEARCH = 4  # sentences about queries from which search itself is the text's subject


class Words(NamedTuple):
    """The kinds of words of one language; see the head of ``data/relevance.yml``."""

    self: Phrases
    relevant: Phrases
    fit: Phrases
    query: Phrases
    class_: Phrases
    why: Phrases
    text: Phrases
    asked: Phrases
    need: Phrases
    like: Phrases
    other: Phrases
    label: Phrases
    chosen: Phrases


@cache
def kinds_of_words(language: str) -> Words | None:
    """The words of one language (ISO 639-1), compiled; None where none are known."""
    words = _lexicon().get(language)
    return Words(*(Phrases(words[name.rstrip("_")]) for name in Words._fields)) if words else None


@cache
def _lexicon() -> dict[str, dict[str, str]]:
    lexicon: dict[str, dict[str, str]] = read_lexicon("pairsmith.validators", "relevance.yml")
    return lexicon


def explains_relevance(text: str, language: str, labels: tuple[str, ...] = ()) -> str | None:
    """The sentence with which ``text`` explains its own relevance or class, or None.

    ``language``: ISO 639-1 of the text (English is tried too). ``labels``: the row's own labels, for a text to classify.
    """
    own = _label_stems(labels)
    for code in dict.fromkeys((language, "en")):
        words = kinds_of_words(code)
        if words and (found := _explaining(text, words, own, bool(labels))):
            return found.strip()
    return None


def gives_away(line: str, language: str, labels: tuple[str, ...] = ()) -> bool:
    """Whether one plain sentence explains the relevance or class of its text, see :func:`explains_relevance`."""
    own = _label_stems(labels)
    known = map(kinds_of_words, dict.fromkeys((language, "en")))
    return any(words is not None and _gives_away(line, words, own, bool(labels)) for words in known)


def sentences(text: str) -> list[str]:
    """The text cut after sentence ends and line breaks. Thai and Lao have no such marks: pairs of their phrases instead."""
    pieces: list[str] = []
    for line in text.split("\n"):
        if not line.isascii() and len(_PHRASAL.findall(line)) > len(line) / 2:
            phrases = line.split()
            pieces += [" ".join(pair) for pair in pairwise([*phrases, ""])]
            continue
        start = 0
        for end in _ends(line):
            if end - start > _SHORTEST:
                pieces.append(line[start:end])
                start = end
        pieces.append(line[start:])
    return [piece for piece in pieces if len(piece) > _SHORTEST]


def _ends(line: str) -> Iterator[int]:
    """Where sentences end in a line."""
    end = 0
    for stop in _STOP.finditer(line):
        match = _END.match(line, stop.start()) if stop.start() >= end else None
        if match is not None:
            end = match.end()
            yield end


def _explaining(text: str, words: Words, own: re.Pattern[str] | None, classified: bool) -> str | None:
    pieces = sentences(text)
    lines = list(map(plain, pieces))
    hit = next(
        (piece for piece, line in zip(pieces, lines, strict=True) if _gives_away(line, words, own, classified)), None
    )
    if hit is None or sum(words.query.search(line) is not None for line in lines) >= _ABOUT_SEARCH:
        return None
    folded = plain(text)
    hints = (words.query, words.relevant, words.asked, words.other)
    return hit if classified or any(kind.search(folded) for kind in hints) else None


def _gives_away(line: str, words: Words, own: re.Pattern[str] | None, classified: bool) -> bool:
    """One sentence says why the text is relevant or belongs to its class. Questions do not."""
    if len(line) > _LONGEST or _QUESTION.search(line):
        return False
    return _explains(line, words) or (classified and _classifies(line, words, own))


def _explains(line: str, words: Words) -> bool:
    """The text is judged by the query or beside another text, or called relevant, with a reason.

    ``fit`` and ``why`` have the most and the most ordinary words: they are looked for last.
    """

    def said(kind: Phrases) -> bool:
        return kind.search(line) is not None

    itself = said(words.self)
    if not itself and not said(words.text):
        return False
    query, compared = said(words.query), said(words.other) and said(words.like)
    if itself:
        if query and (said(words.fit) or (said(words.need) and said(words.why))):
            return True
        return (compared or said(words.relevant) or said(words.asked)) and said(words.why)
    fits = compared or (query and said(words.need)) or ((query or said(words.asked)) and said(words.fit))
    return fits and said(words.why)


def _classifies(line: str, words: Words, own: re.Pattern[str] | None) -> bool:
    """The text is put into a class, or a label is named with it or called chosen, for a reason."""
    return _in_class(line, words, own) and words.why.search(line) is not None


def _in_class(line: str, words: Words, own: re.Pattern[str] | None) -> bool:
    itself, named = words.self.search(line), bool(own and own.search(line))
    if itself and (named or words.class_.search(line)):
        return True
    if named and any(kind.search(line) for kind in (words.label, words.text, words.chosen)):
        return True
    return _chosen(line, words)


def _chosen(line: str, words: Words) -> bool:
    """A verb of choosing stands near a label."""
    label = words.label.search(line)
    while label:
        before, after = label.span()
        if words.chosen.search(line, max(0, before - _NEAR), before) or words.chosen.search(line, after, after + _NEAR):
            return True
        label = words.label.search(line, after)
    return False


@lru_cache(maxsize=64)
def _label_stems(labels: tuple[str, ...]) -> re.Pattern[str] | None:
    """Matches the beginnings of the labels' words: inflected labels are found, "in" and "of" are not."""
    words = (word.strip("\"'.,;:!?()«»“”„") for label in labels for word in plain(label).split())
    stems = [_stem(word) for word in words if len(word) > (1 if word > _IDEOGRAPHS else 3)]
    return re.compile("|".join(stems)) if stems else None


def _stem(word: str) -> str:
    """The word less its ending. Scripts from Hebrew on put articles and prepositions, or no space, before a word."""
    stem = re.escape(word[: max(4, len(word) - 2)])
    return stem if word > _JOINED else rf"\b{stem}"
