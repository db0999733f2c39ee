"""Texts that explain why they are relevant, why they are not, or which class they belong to.

Prompts forbid it, models do it. What gives a sentence away is that several kinds of words meet in it, in any order
(``data/relevance.yml``): the text names itself, judges itself relevant or fitting, names the query or the class, and gives a
reason. One kind alone is ordinary prose: "this document is relevant to all employees" passes.
"""

import re
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from pairsmith.factory.lexicon import Phrases, plain, read_lexicon

_END = re.compile(r"(?<![.!?؟])[.!?؟]+[\"'”’»)\]]*(?=\s)|[。！？।॥۔።။]+")
_PHRASAL = re.compile(r"[\u0e00-\u0eff]")  # Thai, Lao
_SHORTEST = 12  # characters; what is shorter is no sentence but an abbreviation
_ABOUT_SEARCH = 4  # sentences about queries from which search itself is the text's subject


class Words(NamedTuple):
    """The kinds of words of one language."""

    self: Phrases
    relevant: Phrases
    fit: Phrases
    query: Phrases
    class_: Phrases
    why: Phrases


@cache
def _words(language: str) -> Words | None:
    words = _lexicon().get(language)
    return (
        Words(*(Phrases(words[name]) for name in ("self", "relevant", "fit", "query", "class", "why")))
        if words
        else None
    )


@cache
def _lexicon() -> dict[str, dict[str, str]]:
    lexicon: dict[str, dict[str, str]] = read_lexicon("pairsmith.validators", "relevance.yml")
    return lexicon


def explains_relevance(text: str, language: str, labels: tuple[str, ...] = ()) -> str | None:
    """The sentence with which ``text`` explains its own relevance or class, or None.

    ``language``: ISO 639-1 of the text (English is tried too). ``labels``: the row's own labels, for a text to classify.
    """
    stems = _label_stems(labels)
    for code in dict.fromkeys((language, "en")):
        words = _words(code)
        if words and (found := _explaining(text, words, stems, bool(labels))):
            return found.strip()
    return None


def sentences(text: str) -> list[str]:
    """The text cut after sentence ends and line breaks. Thai and Lao have no such marks: pairs of their phrases instead."""
    pieces: list[str] = []
    for line in text.split("\n"):
        if len(_PHRASAL.findall(line)) > len(line) / 2:
            phrases = line.split()
            pieces += [" ".join(pair) for pair in pairwise([*phrases, ""])]
            continue
        start = 0
        for match in _END.finditer(line):
            if match.end() - start > _SHORTEST:
                pieces.append(line[start : match.end()])
                start = match.end()
        pieces.append(line[start:])
    return [piece for piece in pieces if len(piece) > _SHORTEST]


def _explaining(text: str, words: Words, stems: re.Pattern[str] | None, classified: bool) -> str | None:
    folded = plain(text)
    if not (words.query.search(folded) or words.relevant.search(folded) or classified):
        return None
    hits, about = [], 0
    for sentence in sentences(text):
        line = plain(sentence)
        about += bool(words.query.search(line))
        if _explains(line, words) or (classified and _classifies(line, words, stems)):
            hits.append(sentence)
    return hits[0] if hits and about < _ABOUT_SEARCH else None


def _explains(line: str, words: Words) -> bool:
    """The text judges itself by the query, or calls itself relevant and says why."""
    query, itself = words.query.search(line), words.self.search(line)
    if query and words.fit.search(line) and (itself or words.why.search(line)):
        return True
    return bool(itself and words.relevant.search(line) and words.why.search(line))


def _classifies(line: str, words: Words, stems: re.Pattern[str] | None) -> bool:
    """The text or its author is put into a class, or named together with one of the row's own labels, for a reason."""
    if not (words.self.search(line) and words.why.search(line)):
        return False
    return bool(words.class_.search(line) or (stems and stems.search(line)))


def _label_stems(labels: tuple[str, ...]) -> re.Pattern[str] | None:
    """Matches the first letters of the labels' words: inflected labels are found, "in" and "of" are not."""
    stems = [w[: max(4, len(w) - 2)] for label in labels for w in re.findall(r"\w{2,}", plain(label)) if _telling(w)]
    return re.compile(rf"(?:{'|'.join(map(re.escape, stems))})") if stems else None


def _telling(word: str) -> bool:
    return len(word) > 3 or not word.isascii()
