"""Gate ``language``: is every text in the language that was asked for?

The question is never "which language is it?" but "is it the claimed one?": a text is dropped when its letters, or two
detectors, speak against the claim more clearly than they do for all but 0.5 % of true texts of that language and length
(:mod:`pairsmith.validators.claim`), or when whole sentences of it are in another language
(:mod:`pairsmith.validators.foreign`). What is too short, not prose, in a language that no detector knows, or in dispute
between the detectors, stays as ``unverified``. docs/language.md has the rules and the figures.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.spec import LanguageSpec
from pairsmith.factory.text import excerpt
from pairsmith.validators import claim, detect, foreign
from pairsmith.validators.claim import BINS, Call, Reading
from pairsmith.validators.gate import Findings, Reason, Scope, Text, Verdict, texts
from pairsmith.validators.letters import CAPITAL, HALVES, LETTER, NOT_TEXT, Cleared, Flags, Letters, cleared
from pairsmith.validators.prose import prose, unquoted

NOT_PROSE = Call(Verdict.UNVERIFIED, Reason.NOT_PROSE)
OWN_SCRIPT = 0.2  # share of letters in the claim's scripts under which a text counts as written in another script
_SLICE = 700  # texts judged at once: few enough that the arrays of their characters stay in the processor's cache


class LanguageGate:
    """Judges each text field against the language claimed for it; ``spec.strictness`` multiplies the thresholds."""

    name = "language"
    scope: Scope = "row"

    def __init__(self, spec: LanguageSpec) -> None:
        self._strictness = spec.strictness

    def judge(self, rows: pa.Table) -> pa.Table:
        """Verdicts on ``rows`` (schema ``PAIRS``), one for each text field.

        ``score`` is p(claim) of the first detector, or the share of letters in the claim's scripts; ``related`` the
        language or script found instead, or the excerpt in another language.
        """
        findings = Findings(rows, self.name)
        fields = list(texts(rows))
        calls = [
            call for start in range(0, len(fields), _SLICE) for call in self._calls(fields[start : start + _SLICE])
        ]
        scores, thresholds = (
            pa.array([getattr(call, name) for call in calls], pa.float64()) for name in ("score", "threshold")
        )
        findings.scores(scores, thresholds)
        for item, call in zip(fields, calls, strict=True):
            if call.reason is not None:
                add = findings.drop if call.verdict is Verdict.DROP else findings.unverified
                add(item.row, item.field, call.reason, call.score, call.threshold, call.related)
        return findings.table()

    def _calls(self, fields: Sequence[Text]) -> Iterator[Call]:
        written = Letters([item.text for item in fields], [item.language for item in fields])
        body = written.instead([prose(text) for text in written.texts])
        rest = body.instead([unquoted(text) for text in body.texts])
        left = is_prose(written, body).tolist()
        plain = list(_plain(without_quotations(body, rest)))
        calls = [
            self._whole(item, text) if judged else NOT_PROSE
            for item, judged, text in zip(fields, left, plain, strict=True)
        ]
        documents = np.array([not item.is_label for item in fields])
        enough = [_enough(call, text) for call, text in zip(calls, body.texts, strict=True)]
        found = foreign.excerpts(rest, documents, enough, self._strictness)
        yield from map(_mixed, calls, enough, found)

    def _whole(self, item: Text, plain: "_Plain") -> Call:
        native = plain.own >= OWN_SCRIPT
        call = claim.judge(plain.reading, item.language, self._strictness) if native else _other_script(plain)
        if item.is_label and plain.extent < BINS[1] and call.verdict is Verdict.DROP:
            # names, codes and English are good labels
            return Call(Verdict.UNVERIFIED, Reason.TOO_SHORT_TO_TELL, call.score, call.threshold)
        return call


class _Plain(NamedTuple):
    """A text as it is judged as a whole: its prose without quotations."""

    text: str
    extent: float
    own: float  # share of its letters that are of the claim's scripts
    reading: Reading  # of its own words, without those in other scripts


def is_prose(written: Letters, body: Letters) -> Flags:
    """Whether something is left of each text to judge once code, formulas and the like are out of it."""
    extents = body.extents
    return (extents >= BINS[0]) | ((extents > 0) & (extents >= written.extents))


def without_quotations(body: Letters, rest: Letters) -> Letters:
    """Prose without what it quotes, unless that is nearly all there is; a word or two in its own script are enough."""
    latin = np.array(["Latin" in LANGUAGES[language].scripts for language in body.languages])
    enough = (rest.extents >= BINS[0] / 2) | ((rest.own_letters >= 4) & ~latin)
    chosen = zip(body.texts, rest.texts, enough.tolist(), strict=True)
    return rest.instead([other if good else whole for whole, other, good in chosen])


def _plain(texts: Letters) -> Iterator[_Plain]:
    letters, own = texts.sums(texts.letters), texts.own_letters
    readings = own_words(texts, own >= OWN_SCRIPT * letters)
    shares = own / np.maximum(letters, 1)
    yield from map(_Plain, texts.texts, texts.extents.tolist(), shares.tolist(), readings)


def own_words(texts: Letters, native: Flags) -> Iterator[Reading]:
    """Texts without words in Latin letters where the claim is written in others (names, terms), and the reverse.

    Unchanged where a text is not ``native``: that would leave hardly anything of it, it is in another script.
    """
    out = texts.visiting() & np.repeat(native, texts.lengths)
    extents = (texts.extents - texts.sums(np.where(out, texts.halves, 0)) / HALVES).tolist()
    shouted = 2 * texts.sums(texts.has(CAPITAL) & ~out) > texts.sums(texts.has(LETTER) & ~out)
    starts, ends = texts.starts[:-1], texts.starts[1:] - 1
    bare = Cleared(texts, out | texts.has(NOT_TEXT)).bare(starts, ends, shouted)
    string = cleared(texts.codes, out)
    for start, end, normal, line, extent in zip(
        starts.tolist(), ends.tolist(), texts.normal, bare, extents, strict=True
    ):
        own = string[start:end]
        yield Reading(own, line, extent) if normal else Reading(own)


def _other_script(plain: _Plain) -> Call:
    """Almost no letter is of the claim's scripts. Latin ones may be names and terms: they must be a sentence."""
    ((main, _),) = detect.scripts(plain.text).most_common(1)
    enough = plain.extent >= BINS[0] / 2
    if main == "Latin":
        words = claim.small_words(plain.text)
        english = len(claim.common_words("en").intersection(words)) >= 2
        enough = len(words) >= 4 and (english or (plain.extent >= BINS[1] and claim.is_sentence(plain.text)))
    if enough:
        return Call(Verdict.DROP, Reason.WRONG_SCRIPT, plain.own, OWN_SCRIPT, main)
    return Call(Verdict.UNVERIFIED, Reason.TOO_SHORT_TO_TELL, plain.own, OWN_SCRIPT)


def _enough(call: Call, body: str) -> float:
    """Characters in another language above which nothing changes any more: half of a text that fails as a whole."""
    return len(body.strip()) / 2 if call.verdict is Verdict.DROP else math.inf


def _mixed(call: Call, enough: float, excerpts: list[str]) -> Call:
    """A text that fails as a whole keeps its reason, unless less than half of it is in another language."""
    if not excerpts or sum(map(len, excerpts)) > enough:
        return call
    return Call(Verdict.DROP, Reason.MIXED_LANGUAGE, call.score, call.threshold, excerpt(max(excerpts, key=len)))
