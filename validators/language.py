"""Gate ``language``: is every text in the language that was asked for?

The question is never "which language is it?" but "is it the claimed one?": a text is dropped when its letters, or two
detectors, speak against the claim more clearly than they do for all but 0.5 % of true texts of that language and length
(:mod:`pairsmith.validators.claim`), or when whole sentences of it are in another language
(:mod:`pairsmith.validators.foreign`). What is too short, not prose, in a language that no detector knows, or in dispute
between the detectors, stays as ``unverified``. docs/language.md has the rules and the figures.
"""

from collections import Counter
from functools import cache
from itertools import chain

import pyarrow as pa
import regex

from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.spec import LanguageSpec
from pairsmith.factory.text import excerpt
from pairsmith.validators import claim, detect, foreign
from pairsmith.validators.claim import BINS, Call, Reading
from pairsmith.validators.gate import Findings, Reason, Scope, Text, Verdict, texts
from pairsmith.validators.prose import prose, unquoted

NOT_PROSE = Call(Verdict.UNVERIFIED, Reason.NOT_PROSE)
OWN_SCRIPT = 0.2  # share of letters in the claim's scripts under which a text counts as written in another script


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
        bodies = [prose(item.text) for item in fields]
        plain = [without_quotations(body, item.language) for item, body in zip(fields, bodies, strict=True)]
        readings = claim.read([own_letters(body, item.language) for item, body in zip(fields, plain, strict=True)])
        excerpts = self._foreign(fields, bodies)
        for item, body, rest, reading, found in zip(fields, bodies, plain, readings, excerpts, strict=True):
            call = self._whole(item, rest, reading) if is_prose(item.text, body) else NOT_PROSE
            _add(findings, item, _mixed(call, body, found))
        return findings.table()

    def _whole(self, item: Text, body: str, reading: Reading) -> Call:
        letters = detect.scripts(body)
        extent = detect.extent(letters)
        own = sum(letters[name] for name in LANGUAGES[item.language].scripts) / letters.total()
        call = (
            _other_script(body, letters, own)
            if own < OWN_SCRIPT
            else claim.judge(reading, item.language, self._strictness)
        )
        if (
            item.is_label and extent < BINS[1] and call.verdict is Verdict.DROP
        ):  # names, codes and English are good labels
            return Call(Verdict.UNVERIFIED, Reason.TOO_SHORT_TO_TELL, call.score, call.threshold)
        return call

    def _foreign(self, fields: list[Text], bodies: list[str]) -> list[list[str]]:
        """For each field the blocks that are plainly in another language; both detectors are asked in one batch."""
        blocks = [
            [] if item.is_label else foreign.blocks(body, item.language)
            for item, body in zip(fields, bodies, strict=True)
        ]
        readings = iter(claim.read(list(chain.from_iterable(blocks))))
        return [
            [block for block in own if foreign.is_foreign(next(readings), item.language, self._strictness)]
            for item, own in zip(fields, blocks, strict=True)
        ]


def is_prose(text: str, body: str) -> bool:
    """Whether something is left to judge once code, formulas and the like are out of the text."""
    extent = detect.extent(detect.scripts(body))
    return extent >= BINS[0] or (extent > 0 and extent >= detect.extent(detect.scripts(text)))


def without_quotations(body: str, language: str) -> str:
    """Prose without what it quotes, unless that is nearly all there is; a word or two in its own script are enough."""
    rest = unquoted(body)
    letters = detect.scripts(rest)
    own = sum(letters[name] for name in LANGUAGES[language].scripts)
    latin = "Latin" in LANGUAGES[language].scripts
    return rest if detect.extent(letters) >= BINS[0] / 2 or (own >= 4 and not latin) else body


def own_letters(text: str, language: str) -> str:
    """The text without words in Latin letters where the claim is written in others (names, terms), and the reverse.

    Unchanged where that would leave hardly anything: such a text is in another script, not one with foreign words.
    """
    letters = detect.scripts(text)
    scripts = LANGUAGES[language].scripts
    if sum(letters[name] for name in scripts) < OWN_SCRIPT * letters.total():
        return text
    return _visiting("Latin" in scripts, scripts).sub(" ", text)


@cache
def _visiting(latin: bool, scripts: tuple[str, ...]) -> regex.Pattern[str]:
    own = "".join(rf"\p{{Script={name}}}" for name in scripts)
    letters = rf"[\p{{L}}--[{own}\p{{Script=Common}}\p{{Script=Inherited}}]]" if latin else r"\p{Script=Latin}"
    return regex.compile(rf"(?V1){letters}\p{{M}}*+")


def _other_script(body: str, letters: Counter[str], own: float) -> Call:
    """Almost no letter is of the claim's scripts. Latin ones may be names and terms: they must be a sentence."""
    extent = detect.extent(letters)
    ((main, _),) = letters.most_common(1)
    enough = extent >= BINS[0] / 2
    if main == "Latin":
        words = claim.small_words(body)
        english = len(claim.common_words("en").intersection(words)) >= 2
        enough = len(words) >= 4 and (english or (extent >= BINS[1] and claim.is_sentence(body)))
    if enough:
        return Call(Verdict.DROP, Reason.WRONG_SCRIPT, own, OWN_SCRIPT, main)
    return Call(Verdict.UNVERIFIED, Reason.TOO_SHORT_TO_TELL, own, OWN_SCRIPT)


def _mixed(call: Call, body: str, excerpts: list[str]) -> Call:
    """A text that fails as a whole keeps its reason, unless less than half of it is in another language."""
    covered = sum(map(len, excerpts))
    if not excerpts or (call.verdict is Verdict.DROP and 2 * covered > len(body.strip())):
        return call
    return Call(Verdict.DROP, Reason.MIXED_LANGUAGE, call.score, call.threshold, excerpt(max(excerpts, key=len)))


def _add(findings: Findings, item: Text, call: Call) -> None:
    if call.reason is None:
        findings.keep(item.row, item.field, call.score, call.threshold)
        return
    add = findings.drop if call.verdict is Verdict.DROP else findings.unverified
    add(item.row, item.field, call.reason, call.score, call.threshold, call.related)
