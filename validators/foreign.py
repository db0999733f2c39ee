"""Sentences, clauses and runs of letters inside a text that are plainly in another language than the claimed one.

Quotations, titles, names, terms, references and code are left out (:mod:`pairsmith.validators.prose`); what remains is
judged block by block, and must look like a sentence to both detectors, by its letter case and by its small words.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise

import regex

from pairsmith.factory.languages import LANGUAGES
from pairsmith.validators import detect
from pairsmith.validators.claim import (
    ENOUGH,
    SURE,
    Reading,
    agreed,
    bin_of,
    has_words_of,
    is_sentence,
    known_of,
    p_claim,
)
from pairsmith.validators.prose import Span, clauses, sentences, unquoted

BLOCK = 45  # letters from which a block is judged by itself: what is shorter is a name, a term or an idiom
LONG_BLOCK = 60  # letters from which one small word is enough (agglutinative languages have few)


def blocks(body: str, language: str) -> list[str]:
    """Stretches of ``body`` (prose) that can be judged alone: sentences, clauses, short sentences in pairs, runs."""
    text = unquoted(body)
    found = list(sentences(text))
    spans = [*found, *(clause for sentence in found for clause in clauses(text, sentence))]
    spans += [Span(one.start, two.end) for one, two in pairwise(found) if _are_short(one, two)]
    runs = _other_run(LANGUAGES[language].scripts).finditer(text)
    spans += [Span(run.start(), run.end()) for run in runs]
    return list(dict.fromkeys(_long_enough(text, spans)))


def is_foreign(reading: Reading, claim: str, strictness: float = 1.0) -> bool:
    """Whether a block is plainly a sentence of one other language."""
    if _in_another_script(reading, claim):
        return True
    known, second = known_of(reading, claim), reading.second
    if second is None or second.language in known.close_short or reading.first in known.close_short:
        return False
    p = p_claim(reading, claim)
    alone = second.reliable and second.share >= SURE and p < known.doubt[bin_of(reading)]
    if p >= min(1.0, strictness * ENOUGH) or not (alone or agreed(reading)) or not is_sentence(reading.line):
        return False
    return has_words_of(second.language, reading, claim, _needed(reading, second.language, claim))


def _needed(reading: Reading, language: str, claim: str) -> int:
    """How many small words make a sentence. English words, as terms and brands, stand in texts of every language."""
    if language == "en":
        return 2
    if not _own(reading, claim) and agreed(reading):
        return 0
    return 1 if reading.extent >= LONG_BLOCK else 2


def _own(reading: Reading, claim: str) -> int:
    return sum(reading.letters[name] for name in LANGUAGES[claim].scripts)


def _in_another_script(reading: Reading, claim: str) -> bool:
    """Latin letters may be names and terms, in a text of any language; so many of another script are a sentence."""
    return not _own(reading, claim) and reading.letters["Latin"] < reading.letters.total() / 2


def _are_short(one: Span, two: Span) -> bool:
    return max(one.end - one.start, two.end - two.start) < 2 * BLOCK


@cache
def _other_run(scripts: tuple[str, ...]) -> regex.Pattern[str]:
    own = "".join(rf"\p{{Script={name}}}" for name in scripts)
    return regex.compile(rf"[^{own}\n]+")


def _long_enough(text: str, spans: Iterable[Span]) -> Iterator[str]:
    for start, end in spans:
        block = text[start:end].strip()
        if 3 * len(block) >= BLOCK and detect.extent(detect.scripts(block)) >= BLOCK:
            yield block
