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
from pairsmith.validators.claim import (
    ENOUGH,
    SURE,
    Reading,
    agreed,
    bin_of,
    family,
    has_words_of,
    is_sentence,
    is_under,
    known_of,
    p_claim,
)
from pairsmith.validators.letters import CAPITAL, HALVES, LETTER, NOT_TEXT, Cleared, Flags, Letters, running
from pairsmith.validators.spans import Spans

LATIN = detect.SCRIPTS.index("Latin")
BLOCK = 45  # letters from which a block is judged by itself: what is shorter is a name, a term or an idiom
LONG_BLOCK = 60  # letters from which one small word is enough (agglutinative languages have few)


def excerpts(texts: Letters, wanted: Flags, enough: Sequence[float], strictness: float = 1.0) -> list[list[str]]:
    """For each text (prose without quotations) that is ``wanted``: its blocks that are plainly in another language.

    Blocks are sentences, clauses, short sentences in pairs, runs of other scripts: those of :data:`BLOCK` letters and more.
    Where those that were found have together more than ``enough`` characters, the rest of the text is not looked at.
    """
    found: list[dict[str, None]] = [{} for _ in texts.texts]
    done: set[int] = set()
    for text, block in _foreign(texts, _long(texts, wanted), done, strictness):
        found[text][block.strip()] = None
        if sum(map(len, found[text])) > enough[text]:
            done.add(text)
    return [list(own) for own in found]


def _foreign(texts: Letters, blocks: Spans, done: set[int], strictness: float) -> Iterator[tuple[int, str]]:
    """The number of the text and the block, text by text; of those that are ``done`` by then no more."""
    counts = _counts(texts, blocks)
    bare = Cleared(texts, texts.has(NOT_TEXT)).bare(*blocks, counts.shouted)
    numbers = texts.text_of(blocks.starts).tolist()
    columns = (column.tolist() for column in (*blocks, counts.extents, counts.in_another_script))
    families = [family(language) for language in texts.languages]
    normal = texts.normal
    for line, text, start, end, extent, in_another_script in zip(bare, numbers, *columns, strict=True):
        if text in done:
            continue
        second = detect.second_opinion(line)
        if normal[text] and not in_another_script and (second is None or second.language in families[text]):
            continue  # nearly all of them
        block, claim = texts.string[start:end], texts.languages[text]
        if normal[text]:
            reading = Reading(block, line, extent)
            reading.second = second
            foreign = in_another_script or is_another_language(reading, claim, strictness)
        else:
            foreign = is_foreign(Reading(block), claim, strictness)  # its letters are counted when they are composed
        if foreign:
            yield text, block


class _Counts(NamedTuple):
    """Of each block."""

    extents: npt.NDArray[np.float64]
    in_another_script: Flags
    shouted: Flags


def _long(texts: Letters, wanted: Flags) -> Spans:
    """The spans to be judged, text by text, in each its sentences first."""
    found = spans.sentences(texts)
    kinds = (
        found,
        spans.clauses(texts, found),
        spans.pairs(texts, found, 2 * BLOCK),
        spans.runs(texts, BLOCK // 3),  # no letter stands for more than three
    )
    every = Spans(*map(np.concatenate, zip(*kinds, strict=True)))
    every = every.where(_sums(texts.halves, every) >= HALVES * BLOCK)
    text = texts.text_of(every.starts)
    order = np.argsort(text, kind="stable")
    return Spans(every.starts[order], every.ends[order]).where(wanted[text[order]])


def _counts(texts: Letters, found: Spans) -> _Counts:
    own = _sums(texts.own & texts.letters, found)
    latin = _sums((texts.scripts == LATIN) & texts.letters, found)
    letters = _sums(texts.letters, found)
    shouted = 2 * _sums(texts.has(CAPITAL), found) > _sums(texts.has(LETTER), found)
    return _Counts(_sums(texts.halves, found) / HALVES, (own == 0) & (2 * latin < letters), shouted)


def _sums(values: npt.NDArray[np.uint8] | Flags, found: Spans) -> npt.NDArray[np.int32]:
    sums = running(values)
    return sums[found.ends] - sums[found.starts]


def is_foreign(reading: Reading, claim: str, strictness: float = 1.0) -> bool:
    """Whether a block is plainly a sentence of one other language.

    Latin letters may be names and terms, in a text of any language; so many of another script are a sentence.
    """
    if not _own(reading, claim) and 2 * reading.letters["Latin"] < reading.letters.total():
        return True
    return is_another_language(reading, claim, strictness)


def is_another_language(reading: Reading, claim: str, strictness: float = 1.0) -> bool:
    """Whether a block in the claim's scripts, or mostly in Latin letters, is plainly a sentence of one other language."""
    second = reading.second
    if second is None or second.language in family(claim):
        return False
    known = known_of(reading, claim)
    if second.language in known.close_short or not is_sentence(reading.line):
        return False
    if not is_under(reading, claim, min(1.0, strictness * ENOUGH)) or reading.first in known.close_short:
        return False
    alone = second.reliable and second.share >= SURE
    if agreed(reading) or (alone and p_claim(reading, claim) < known.doubt[bin_of(reading)]):
        return _has_words(reading, second.language, claim)
    return False


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
