"""Sentences, clauses and runs of letters inside a text that are plainly in another language than the claimed one.

Quotations, titles, names, terms, references and code are left out (:mod:`pairsmith.validators.prose`); what remains is
judged block by block, and must look like a sentence to both detectors, by its letter case and by its small words.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pairsmith.factory.languages import LANGUAGES
from pairsmith.validators import detect, spans
from pairsmith.validators.characters import CAPITAL, HALVES, LETTER, NOT_TEXT, Characters, Flags, bare, cleared, running
from pairsmith.validators.claim import (
    ENOUGH,
    SURE,
    Reading,
    agreed,
    bin_of,
    family,
    has_words_of,
    is_sentence,
    known_of,
    p_claim,
)
from pairsmith.validators.spans import Spans

LATIN = detect.SCRIPTS.index("Latin")
BLOCK = 45  # letters from which a block is judged by itself: what is shorter is a name, a term or an idiom
LONG_BLOCK = 60  # letters from which one small word is enough (agglutinative languages have few)


class Block(NamedTuple):
    """A stretch of a text that can be judged alone."""

    text: int  # number of the text
    line: str
    bare: str
    extent: float
    in_another_script: bool  # without a letter of the claim's scripts, and Latin ones in the minority

    def is_foreign(self, claim: str, strictness: float = 1.0) -> bool:
        """Whether it is plainly a sentence of one other language.

        Latin letters may be names and terms, in a text of any language; so many of another script are a sentence.
        """
        return self.in_another_script or is_foreign(Reading(self.line, self.bare, self.extent), claim, strictness)


def excerpts(texts: Characters, languages: Sequence[str], wanted: Flags, strictness: float = 1.0) -> list[list[str]]:
    """For each text (prose without quotations) that is ``wanted``: its blocks that are plainly in another language."""
    found: list[dict[str, bool]] = [{} for _ in languages]
    for block in blocks(texts, languages, wanted):
        own = found[block.text]
        if block.line not in own:
            own[block.line] = block.is_foreign(languages[block.text], strictness)
    return [[line for line, foreign in own.items() if foreign] for own in found]


def blocks(texts: Characters, languages: Sequence[str], wanted: Flags) -> Iterator[Block]:
    """Sentences, clauses, short sentences in pairs, runs of other scripts: those of :data:`BLOCK` letters and more."""
    found = _long(texts, languages, wanted)
    counts = _counts(texts, languages, found)
    number = texts.text_of(found.starts).tolist()
    string, clear = texts.string, cleared(texts.codes, texts.has(NOT_TEXT))
    columns = (column.tolist() for column in (*found, *counts))
    for text, start, end, extent, in_another_script, shouted in zip(number, *columns, strict=True):
        line = string[start:end].strip()
        if texts.normal[text]:
            yield Block(text, line, bare(clear[start:end], shouted), extent, in_another_script)
        else:
            yield _recounted(text, line, languages[text])


class _Counts(NamedTuple):
    extents: npt.NDArray[np.float64]
    in_another_script: Flags
    shouted: Flags


def _long(texts: Characters, languages: Sequence[str], wanted: Flags) -> Spans:
    """The spans to be judged, text by text, in each its sentences first."""
    found = spans.sentences(texts)
    kinds = (
        found,
        spans.clauses(texts, found),
        spans.pairs(texts, found, 2 * BLOCK),
        spans.runs(texts, languages, BLOCK // 3),  # no letter stands for more than three
    )
    every = Spans(*map(np.concatenate, zip(*kinds, strict=True)))
    every = every.where(_sums(texts.halves, every) >= HALVES * BLOCK)
    text = texts.text_of(every.starts)
    order = np.argsort(text, kind="stable")
    return Spans(every.starts[order], every.ends[order]).where(wanted[text[order]])


def _counts(texts: Characters, languages: Sequence[str], found: Spans) -> _Counts:
    own = _sums(texts.own(languages) & texts.letters, found)
    latin = _sums((texts.scripts == LATIN) & texts.letters, found)
    letters = _sums(texts.letters, found)
    shouted = 2 * _sums(texts.has(CAPITAL), found) > _sums(texts.has(LETTER), found)
    return _Counts(_sums(texts.halves, found) / HALVES, (own == 0) & (2 * latin < letters), shouted)


def _sums(values: npt.NDArray[np.uint8] | Flags, found: Spans) -> npt.NDArray[np.int32]:
    sums = running(values)
    return sums[found.ends] - sums[found.starts]


def _recounted(text: int, line: str, claim: str) -> Block:
    """A block of a text whose letters are composed (NFC) before they are counted."""
    reading = Reading(line)
    in_another_script = not _own(reading, claim) and 2 * reading.letters["Latin"] < reading.letters.total()
    return Block(text, line, reading.bare, reading.extent, in_another_script)


def is_foreign(reading: Reading, claim: str, strictness: float = 1.0) -> bool:
    """Whether a block is plainly a sentence of one other language; what asks the first detector comes last."""
    second = reading.second
    if second is None or second.language in family(claim):
        return False
    known = known_of(reading, claim)
    if second.language in known.close_short or not is_sentence(reading.line):
        return False
    p = p_claim(reading, claim)
    if p >= min(1.0, strictness * ENOUGH) or reading.first in known.close_short:
        return False
    alone = second.reliable and second.share >= SURE and p < known.doubt[bin_of(reading)]
    return (alone or agreed(reading) is not None) and _has_words(reading, second.language, claim)


def _has_words(reading: Reading, language: str, claim: str) -> bool:
    """Whether there are as many small words as make a sentence.

    English words, as terms and brands, stand in texts of every language; a script that is not the claim's needs none.
    """
    needed = 2 if language == "en" or reading.extent < LONG_BLOCK else 1
    if has_words_of(language, reading, claim, needed):
        return True
    return language != "en" and not _own(reading, claim) and agreed(reading) is not None


def _own(reading: Reading, claim: str) -> int:
    return sum(reading.letters[name] for name in LANGUAGES[claim].scripts)


