"""Counts and spans over many texts at once are those of the definitions for one text."""

import unicodedata
from itertools import pairwise

import numpy as np
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.factory.languages import LANGUAGES
from pairsmith.validators import detect, prose, spans
from pairsmith.validators.foreign import BLOCK
from pairsmith.validators.letters import CAPITAL, LETTER, NOT_TEXT, Cleared, Letters, running

PIECES = st.sampled_from(
    ["the ", "THE ", "Der ", "слово ", "ЛЮДИ", "漢字", "かな", "カー", "한국", "각", "ไทย", "हिन्दी", "עברית", "Ωμέγα", "ª",
     "Ⅷ", "ⅷ", "Ⓐ", "𝐚", "😀", "é", "é", "İ", "ß", "ʼ", "\u200c", "\u00ad", "\ue000", "\U000e0101", "7", "٣", "²", "\x1c",
     "\x85", "\u2028", "\u00a0", " ", "\n", "\t", ".", "..", ". ", "! ", "?", "…", "。", "।", "؟", "(", ", ", ",", ": ", "—"]
)  # fmt: skip
TEXTS = st.lists(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=40).map("".join)), min_size=1, max_size=5)
LANGUAGE = st.sampled_from(sorted(LANGUAGES))


def own_words(text: str, language: str) -> str:
    """The definition: without Latin letters where the claim is written in others, and the reverse."""
    scripts = LANGUAGES[language].scripts
    own = "".join(rf"\p{{Script={name}}}" for name in scripts)
    other = (
        rf"[\p{{L}}--[{own}\p{{Script=Common}}\p{{Script=Inherited}}]]" if "Latin" in scripts else r"\p{Script=Latin}"
    )
    return regex.sub(rf"(?V1){other}\p{{M}}*+", " ", text)


def placed(texts: Letters, found: list[list[prose.Span]]) -> list[tuple[int, int]]:
    """Spans of each text as places among all."""
    offsets = zip(texts.starts.tolist(), found, strict=False)
    return [(start + span.start, start + span.end) for start, own in offsets for span in own]


def pairs_of(found: spans.Spans) -> list[tuple[int, int]]:
    return list(zip(found.starts.tolist(), found.ends.tolist(), strict=True))


@given(TEXTS, LANGUAGE)
def test_letters_are_counted_as_one_by_one(texts: list[str], language: str) -> None:
    found = Letters(texts, [language] * len(texts))
    letters = [detect.scripts(text) for text in texts]
    assert found.extents.tolist() == [detect.extent(own) for own in letters]
    assert found.sums(found.letters).tolist() == [own.total() for own in letters]
    assert found.own_letters.tolist() == [sum(own[name] for name in LANGUAGES[language].scripts) for own in letters]


@given(TEXTS, LANGUAGE, st.data())
def test_a_span_of_a_composed_text_is_cleared_as_detectors_get_it(
    texts: list[str], language: str, data: st.DataObject
) -> None:
    texts = [unicodedata.normalize("NFC", text) for text in texts]
    found = Letters(texts, [language] * len(texts))
    assert all(found.normal)
    spans_of = [sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2))) for text in texts]
    starts, ends = (found.starts[:-1, None] + np.array(spans_of)).T
    capitals, letters = (running(found.has(bit)) for bit in (CAPITAL, LETTER))
    shouted = 2 * (capitals[ends] - capitals[starts]) > letters[ends] - letters[starts]
    lines = list(Cleared(found, found.has(NOT_TEXT)).bare(starts, ends, shouted))
    assert lines == [detect.bare(text[start:end]) for text, (start, end) in zip(texts, spans_of, strict=True)]


def test_whether_a_long_text_shouts_is_told_by_its_beginning() -> None:
    text = "a" * detect.SHOUTED + "B" * 2 * detect.SHOUTED
    found = Letters([text, text[::-1]], ["en", "en"])
    lines = Cleared(found, found.has(NOT_TEXT)).bare(found.starts[:-1], found.starts[1:] - 1, np.array([True, True]))
    assert list(lines) == [detect.bare(text), detect.bare(text[::-1])] == [text, text[::-1].lower()]


@given(TEXTS, LANGUAGE)
def test_words_from_other_scripts_are_those_of_the_definition(texts: list[str], language: str) -> None:
    found = Letters(texts, [language] * len(texts))
    out = found.visiting()
    for text, start in zip(texts, found.starts.tolist(), strict=False):
        rest = "".join(" " if gone else character for character, gone in zip(text, out[start:].tolist(), strict=False))
        assert rest.split() == own_words(text, language).split()


@settings(max_examples=300)
@given(TEXTS, LANGUAGE)
def test_sentences_clauses_pairs_and_runs_are_those_of_each_text(texts: list[str], language: str) -> None:
    found = Letters(texts, [language] * len(texts))
    sentences = spans.sentences(found)
    one_by_one = [list(prose.sentences(text)) for text in texts]
    assert pairs_of(sentences) == placed(found, one_by_one)
    parts = [
        [part for sentence in own for part in prose.clauses(text, sentence)]
        for text, own in zip(texts, one_by_one, strict=True)
    ]
    assert pairs_of(spans.clauses(found, sentences)) == placed(found, parts)
    couples = [
        [prose.Span(a.start, b.end) for a, b in pairwise(own) if max(a.end - a.start, b.end - b.start) < BLOCK]
        for own in one_by_one
    ]
    assert pairs_of(spans.pairs(found, sentences, BLOCK)) == placed(found, couples)
    own_script = "".join(rf"\p{{Script={name}}}" for name in LANGUAGES[language].scripts)
    runs = [[prose.Span(*run.span()) for run in regex.finditer(rf"[^{own_script}\n]{{3,}}", text)] for text in texts]
    assert pairs_of(spans.runs(found, 3)) == placed(found, runs)


@given(TEXTS)
def test_texts_that_stay_are_not_read_again(texts: list[str]) -> None:
    found = Letters(texts, ["en"] * len(texts))
    assert found.instead(list(texts)) is found
    assert found.instead([*texts[1:], texts[0] + "a"]).texts == [*texts[1:], texts[0] + "a"]
