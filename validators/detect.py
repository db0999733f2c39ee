"""What two detectors and the scripts of its letters say about the language of a text.

First detector: fastText lid.176 (Joulin et al. 2016, "Bag of Tricks for Efficient Text Classification" and
"FastText.zip"), shipped as package data: a probability for each of 176 labels. Second: CLD2 (Chromium's compact
language detector), which covers languages that the first does not and errs in other places. Labels of both are given as
ISO 639-1 where it has one.
"""

import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import regex

MODEL = Path(__file__).parent / "data" / "lid.176.ftz"

SCRIPTS = (
    *("Latin", "Cyrillic", "Arabic", "Han", "Hiragana", "Katakana", "Hangul", "Devanagari", "Hebrew", "Greek", "Thai"),
    *("Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala", "Lao", "Khmer"),
    *("Myanmar", "Ethiopic", "Georgian", "Armenian", "Mongolian", "Tibetan", "Thaana", "Tifinagh"),
)
_SCRIPT = [(name, regex.compile(rf"\p{{Script={name}}}")) for name in SCRIPTS]
DENSE = {"Han": 3.0, "Hiragana": 2.0, "Katakana": 2.0, "Hangul": 2.5}

NOT_TEXT = regex.compile(r"[\p{N}\p{C}\s]++")
SHOUTED = 2000  # characters of a line by which it is told whether it shouts

_ISO = {
    "iw": "he",
    "jw": "jv",
    "nb": "no",
    "in": "id",
    "fil": "tl",
    "mo": "ro",
    "zh-Hant": "zh",  # other names
    "nn": "no",
    "ckb": "ku",
    "yue": "zh",
    "wuu": "zh",
    "als": "de",
    "arz": "ar",
    "azb": "az",  # written varieties
}


class Opinion(NamedTuple):
    """What CLD2 holds a text to be: label, its share of the text (0-1), and whether CLD2 calls its answer reliable."""

    language: str
    share: float
    reliable: bool


@cache
def script(letter: str) -> str:
    """Unicode script of a letter, ``Common`` where several scripts share it, ``Other`` outside :data:`SCRIPTS`."""
    for name, pattern in _SCRIPT:
        if pattern.match(letter):
            return name
    return "Common" if regex.match(r"\p{Script=Common}|\p{Script=Inherited}", letter) else "Other"


def scripts(text: str) -> Counter[str]:
    """How many letters of each script stand in ``text``, without those that scripts share (``ー``, ``𝐚``)."""
    found: Counter[str] = Counter()
    for character, count in Counter(text).items():
        if name := _letter(character):
            found[name] += count
    return found


@cache
def _letter(character: str) -> str | None:
    """Script of a letter; None of what is no letter or is shared by scripts."""
    name = script(character) if character.isalpha() else "Common"
    return None if name == "Common" else name


def extent(letters: Counter[str]) -> float:
    """Length of a text in letters of an alphabet; a Han, kana or Hangul letter stands for two to three.

    Measured on the Universal Declaration of Human Rights: English needs 6,658 letters where Korean needs 2,432 (2.7),
    Chinese about 2,400 (2.8) and Japanese about 3,500 (1.9).
    """
    return sum(DENSE.get(name, 1.0) * count for name, count in letters.items())


def bare(text: str) -> str:
    """The text as detectors get it: one line, without digits and control characters; shouting in lower case."""
    return quiet(NOT_TEXT.sub(" ", unicodedata.normalize("NFC", text)).strip())


def quiet(line: str) -> str:
    """``line`` in lower case where most letters at its beginning are capitals."""
    start = line[:SHOUTED]
    return line.lower() if 2 * sum(map(str.isupper, start)) > sum(map(str.isalpha, start)) else line


def canonical(label: str) -> str:
    """A detector's label as ISO 639-1, a written variety under its main language (``nn`` -> ``no``)."""
    return _ISO.get(label, label)


@cache
def _model() -> Any:
    """The first detector, loaded once in a process."""
    import fasttext

    return fasttext.load_model(str(MODEL))


def probabilities(text: str, least: float = 0.0) -> dict[str, float]:
    """fastText's probability of each language (sums to about 1); varieties of a language are added up.

    Labels under ``least`` are left out: most of the time goes into the many that have hardly any probability.
    """
    line = text.replace("\n", " ") + "\n"
    found: dict[str, float] = {}
    names = _names()
    for share, label in _model().f.predict(line, -1, least, "strict"):  # what wraps this takes as long again for arrays
        name = names[label]
        found[name] = found[name] + share if name in found else share
    return found


@cache
def labels(language: str) -> int:
    """How many labels fastText has for a language, written varieties included."""
    return list(_names().values()).count(language)


@cache
def _names() -> dict[str, str]:
    """The language that each label of fastText stands for."""
    return {label: canonical(label.removeprefix("__label__")) for label in _model().get_labels()}


@cache
def _second() -> Any:
    """The second detector's module: an import statement takes a tenth of the time of an answer."""
    import pycld2

    return pycld2


def second_opinion(text: str) -> Opinion | None:
    """CLD2's answer for a line of prose, or None where it has none (unknown language, text that it cannot read)."""
    detector = _second()
    try:
        reliable, _, found = detector.detect(text.encode("utf-8", "ignore"), isPlainText=True, bestEffort=True)
    except detector.error:
        return None
    _, label, percent, _ = found[0]
    return None if label == "un" else Opinion(_ISO.get(label, label), percent / 100, reliable)
