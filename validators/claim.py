"""Is a piece of prose in the language claimed for it? The rule on what the two detectors say, and its thresholds.

The thresholds are measured on true text of each language, script and length (``data/languages.json``, written by
``benchmarks/calibrate_language.py``); docs/language.md explains the rule step by step.
"""

import json
from collections import Counter
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import regex

from pairsmith.factory.languages import LANGUAGES
from pairsmith.validators import detect
from pairsmith.validators.detect import Opinion
from pairsmith.validators.gate import Reason, Verdict

DATA = Path(__file__).parent / "data" / "languages.json"

BINS = (20, 40, 80)
"""Bounds of the four classes of length (see :func:`detect.extent`) that have thresholds of their own."""

ENOUGH = (
    0.05  # p(claim) that is not doubted alone: 96-98 % of true and 0.4 % of other texts reach it from 40 letters on
)
SURE = 0.8  # p of the first detector's own answer that is believed without the second one's
LIKELY = 0.3  # the same where the second one agrees and calls itself reliable
LIKELY_LABEL = 0.01  # p of a label under which the first detector is not asked for it, until small ones matter
_ROUNDING = 0.001  # by which probabilities may sum to more than 1
HAN_ONLY = 60  # letters (20 Han) under which a Japanese or Korean text may well hold no kana or Hangul, as headings do
INSEPARABLE = (frozenset({"bs", "hr", "sr", "sh"}), frozenset({"id", "ms"}))
"""Standards of one language, or nearly: calibration finds both detectors confusing them at every length."""
UNKNOWN = frozenset({"ha", "om", "xh"})  # the first detector has no label for them

_WORD = regex.compile(r"[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*")
_KANA, _HANGUL = ("Hiragana", "Katakana"), ("Hangul",)


class Calibration(NamedTuple):
    """What was measured on true texts of one language in one script.

    ``doubt``: for each class of length, the p(claim) that 99.5 % of them reach (at most .5). ``close_short``,
    ``close_long``: languages that both detectors take some of them for, under and from 40 letters on.
    """

    doubt: tuple[float, ...]
    close_short: frozenset[str]
    close_long: frozenset[str]

    def close(self, reading: "Reading") -> frozenset[str]:
        """Languages whose mention says nothing against the claim at this length."""
        return self.close_long if reading.extent >= BINS[1] else self.close_short


class Reading:
    """What is known of a piece of prose before its claim is judged. A detector is asked when a rule needs its answer.

    ``bare``: the line as detectors get it, ``extent``: of the letters in that, both where they are known already.
    """

    def __init__(self, line: str, bare: str | None = None, extent: float | None = None) -> None:
        """A line may hold line breaks; code and quotations must be out already."""
        self.line = line
        self.bare = detect.bare(line) if bare is None else bare
        self.extent = detect.extent(self.letters) if extent is None else extent

    @cached_property
    def letters(self) -> Counter[str]:
        """Letters of each script."""
        return detect.scripts(self.bare)

    @cached_property
    def shares(self) -> dict[str, float]:
        """The first detector's probability of each language."""
        return detect.probabilities(self.bare)

    @cached_property
    def likely(self) -> dict[str, float]:
        """Those of its probabilities that are not small, without those of the varieties of a language that are."""
        return self.__dict__.get("shares") or detect.probabilities(self.bare, LIKELY_LABEL)

    @cached_property
    def first(self) -> str:
        """The first detector's own answer."""
        likely = max(self.likely, key=self.likely.__getitem__, default=None)
        if likely is not None and self.likely[likely] > 0.5:
            return likely
        return max(self.shares, key=self.shares.__getitem__)

    def reaches(self, language: str, share: float) -> bool:
        """Whether the first detector gives a language at least this probability."""
        return self.likely.get(language, 0.0) >= share or self.shares.get(language, 0.0) >= share

    @cached_property
    def second(self) -> Opinion | None:
        """The second detector's answer."""
        return detect.second_opinion(self.bare)


class Call(NamedTuple):
    """The verdict on one text field."""

    verdict: Verdict
    reason: Reason | None = None
    score: float | None = None
    threshold: float | None = None
    related: str | None = None


@cache
def _data() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return found


@cache
def calibration(language: str, script: str) -> Calibration:
    """Thresholds for a claimed language; in a script without calibration text p(claim) alone never drops."""
    found = _data()["languages"].get(language if script == LANGUAGES[language].scripts[0] else f"{language}-{script}")
    if found is None:
        return Calibration((0.0,) * (len(BINS) + 1), family(language), family(language))
    close_long = family(language) | frozenset(found["close_long"])
    return Calibration(tuple(found["doubt"]), close_long | frozenset(found["close_short"]), close_long)


@cache
def family(language: str) -> frozenset[str]:
    """Languages that no detector separates from ``language`` at any length, itself included."""
    return frozenset({language}).union(*(group for group in INSEPARABLE if language in group))


@cache
def common_words(language: str) -> frozenset[str]:
    """The most frequent words of a language that is written with spaces; empty where none are known."""
    return frozenset(_data()["common_words"].get(language, "").split())


def letters_per_word(language: str) -> float:
    """Letters of a script without spaces that say what one English word says; the least known for other claims."""
    known: dict[str, float] = _data()["letters_per_word"]
    return known.get(language, min(known.values()))


@cache
def _has_parts(claim: str) -> bool:
    """Whether p(claim) is a sum, of which any part may be small."""
    return len(family(claim)) > 1 or claim == "zh" or detect.labels(claim) > 1


def judge(reading: Reading, claim: str, strictness: float = 1.0) -> Call:
    """Keep, drop or unverified. ``score``: p(claim) of the first detector; ``threshold``: its bound."""
    known, p = known_of(reading, claim), p_claim(reading, claim)
    doubt, enough = (min(1.0, strictness * bound) for bound in (known.doubt[bin_of(reading)], ENOUGH))
    long = reading.extent >= BINS[1]
    if p >= enough and not (long and p < doubt):
        return Call(Verdict.KEEP, None, p, enough)
    second = reading.second
    against = second is not None and second.language not in known.close(reading)
    both = (
        against and second is not None and agreed(reading) and (long or has_words_of(second.language, reading, claim))
    )
    if p >= enough and not (against and second is not None and second.reliable):
        return Call(Verdict.KEEP, None, p, enough)
    if claim in UNKNOWN and not both:
        return Call(Verdict.UNVERIFIED, Reason.NO_DETECTOR, p, enough)
    if second is not None and second.language in allied(reading, claim):
        return Call(Verdict.KEEP, None, p, enough)
    if reading.extent < BINS[0] or is_undecided_han(reading, claim):
        return Call(Verdict.UNVERIFIED, Reason.TOO_SHORT_TO_TELL, p, enough)
    alone = long and p < doubt and (against or (second is None and reading.reaches(reading.first, SURE)))
    if not (alone or both):
        return Call(Verdict.UNVERIFIED, Reason.DETECTORS_DISAGREE if long else Reason.TOO_SHORT_TO_TELL, p, enough)
    if not is_sentence(reading.line):
        return Call(Verdict.UNVERIFIED, Reason.NOT_PROSE, p, enough)
    return Call(
        Verdict.DROP, Reason.WRONG_LANGUAGE, p, max(doubt, enough), second.language if second else reading.first
    )


def p_claim(reading: Reading, claim: str) -> float:
    """p(claim) of the first detector, with the languages that can't be told from it."""
    if not _has_parts(claim) and claim in reading.likely:
        return reading.likely[claim]
    return sum(reading.shares.get(name, 0.0) for name in allied(reading, claim))


def is_under(reading: Reading, claim: str, bound: float) -> bool:
    """Whether p(claim) is under a bound; mostly the large probabilities leave no doubt."""
    names = allied(reading, claim)
    least = sum(reading.likely.get(name, 0.0) for name in names)
    small = min(1 - sum(reading.likely.values()), LIKELY_LABEL * sum(map(detect.labels, names)))
    most = least + small + _ROUNDING
    return least < bound and (most < bound or p_claim(reading, claim) < bound)


def allied(reading: Reading, claim: str) -> frozenset[str]:
    """The claim and what no detector tells from it; Han letters without kana are Chinese, whatever detectors say."""
    if claim == "zh" and not any(reading.letters[name] for name in _KANA):
        return family(claim) | {"ja"}
    return family(claim)


def is_undecided_han(reading: Reading, claim: str) -> bool:
    """A short Japanese or Korean text in Han letters alone, which Chinese could be as well."""
    own = {"ja": _KANA, "ko": _HANGUL}.get(claim, ())
    return bool(own) and reading.extent < HAN_ONLY and not any(reading.letters[name] for name in own)


def agreed(reading: Reading) -> str | None:
    """The language that both detectors name (or can't tell from the one they name) while one of them is sure."""
    second, first = reading.second, reading.first
    if second is None or second.language not in family(first):
        return None
    return second.language if reading.reaches(first, LIKELY if second.reliable else SURE) else None


def known_of(reading: Reading, claim: str) -> Calibration:
    """The calibration of the claim in the script in which most of the text is written."""
    own = LANGUAGES[claim].scripts
    return calibration(claim, own[0] if len(own) == 1 else max(own, key=lambda name: reading.letters[name]))


def bin_of(reading: Reading) -> int:
    """Class of length, 0 to 3."""
    return sum(reading.extent >= bound for bound in BINS)


def is_sentence(text: str) -> bool:
    """Whether small letters prevail among the longer words: names and titles tell nothing of a language."""
    cased = [word for word in _WORD.findall(text) if word[0].isupper() or word[0].islower()]
    longer = [word for word in cased if len(word) >= 4] or cased
    return text.upper() == text or 2.5 * sum(word[0].islower() for word in longer) >= len(longer)


def has_words_of(language: str, reading: Reading, claim: str, needed: int = 2) -> bool:
    """Whether frequent words of ``language``, none of ``claim``'s, stand in the text; yes where none are known."""
    known = common_words(language)
    return not known or len((known - common_words(claim)).intersection(small_words(reading.line))) >= needed


def small_words(text: str) -> list[str]:
    """Words that do not begin with a capital letter, and the first one; in scripts with and without letter case."""
    words = _WORD.findall(text)
    return [word.lower() for word in words[:1]] + [word for word in words[1:] if not word[0].isupper()]
