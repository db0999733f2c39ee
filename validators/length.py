"""Gate ``length``: what was asked for against what was found, in words.

Words are counted where they are written apart. In Chinese, Japanese, Thai, Lao, Khmer and Burmese letters are counted
and divided by the letters that say what one English word says: the mean paragraph of the Universal Declaration of Human
Rights in that language over the mean English one (``data/languages.json``). Mixed texts add up, and code counts.
"""

from typing import NamedTuple

import pyarrow as pa
import regex

from pairsmith.factory.spec import LengthSpec
from pairsmith.factory.text import UNSPACED, unspaced_letters
from pairsmith.validators.claim import letters_per_word
from pairsmith.validators.gate import Findings, Reason, Scope, Text, texts

PASSAGE = 10  # words: no language says a passage in fewer; a sentence or phrase may be one word long

_APART = rf"[\p{{L}}\p{{N}}--[{UNSPACED}]]"
_INSIDE = rf"[\p{{L}}\p{{M}}\p{{N}}\p{{Cf}}_'’--[{UNSPACED}]]"
_WORD = regex.compile(rf"(?V1){_APART}{_INSIDE}*+(?:[-.,‐]{_INSIDE}++)*+")

_LOW = r"(?:at least|more than|over|minimum(?: of)?|>=?|≥)"
_HIGH = r"(?:less than|fewer than|under|below|at most|up to|no more than|maximum(?: of)?|<=?|≤)"
_ABOUT = r"(?:about|around|approximately|exactly|~)"
_GRAMMAR = regex.compile(
    rf"(?:{_HIGH}\s*(?P<most>\d{{1,6}})"
    r"|(?:between|from)?\s*(?P<low>\d{1,6})\s*(?:to|and|[-–—])\s*(?P<high>\d{1,6})"
    rf"|(?:{_LOW}|{_ABOUT})?\s*(?P<least>\d{{1,6}})\+?)"
    r"(?:\s*words?)?",
    regex.I,
)


class Asked(NamedTuple):
    """Bounds in words; None where nothing was asked."""

    low: int | None
    high: int | None


class LengthGate:
    """Judges texts against ``num_words``, ``query_length`` and ``unit`` of their own request; labels have no length."""

    name = "length"
    scope: Scope = "row"

    def __init__(self, spec: LengthSpec) -> None:
        self._spec = spec

    def judge(self, rows: pa.Table) -> pa.Table:
        """Verdicts on ``rows`` (schema ``PAIRS``), one for each text field.

        ``score`` is the length found and ``threshold`` the bound asked for, both in words, where anything was asked.
        """
        findings = Findings(rows, self.name)
        columns = {name: rows[name].to_pylist() for name in ("group", "num_words", "query_length", "unit")}
        for item in texts(rows):
            request = {name: values[item.row] for name, values in columns.items()}
            asked = asked_of(item, request)
            self._compare(findings, item, asked, is_query=item.field == "query" and request["query_length"] is not None)
        return findings.table()

    def _compare(self, findings: Findings, item: Text, asked: Asked, is_query: bool) -> None:
        if asked == Asked(None, None):
            return findings.keep(item.row, item.field)
        found = words(item.text, item.language)
        shortest = 1 / self._spec.query_slack if is_query else self._spec.at_least
        longest = self._spec.query_slack if is_query else self._spec.at_most
        if asked.low is not None and found < shortest * asked.low:
            return findings.drop(item.row, item.field, Reason.TOO_SHORT, found, asked.low)
        if asked.high is not None and found > longest * asked.high:
            return findings.drop(item.row, item.field, Reason.TOO_LONG, found, asked.high)
        return findings.keep(item.row, item.field, found, asked.low if asked.low is not None else asked.high)


def asked_of(item: Text, request: dict[str, str | None]) -> Asked:
    """What the request asked of this field. ``num_words`` is of documents, and of a query outside of short_long."""
    if item.is_label:
        return Asked(None, None)
    if item.field == "query" and request["query_length"] is not None:
        return read_asked(request["query_length"])
    if request["num_words"] is not None and not (item.field == "query" and request["group"] == "short_long"):
        return read_asked(request["num_words"])
    return Asked(PASSAGE if request["unit"] == "passage" else None, None)


def read_asked(value: str) -> Asked:
    """``100``, ``at least 50``, ``less than 10``, ``5 to 15 words``, ``between 20 and 40``; None where unreadable.

    >>> read_asked("5 to 15 words")
    Asked(low=5, high=15)
    >>> read_asked("a few paragraphs")
    Asked(low=None, high=None)
    """
    found = _GRAMMAR.fullmatch(" ".join(value.split()))
    if found is None:
        return Asked(None, None)
    low, high = found["least"] or found["low"], found["most"] or found["high"]
    return Asked(int(low) if low else None, int(high) if high else None)


def words(text: str, language: str) -> float:
    """Length in words, ``language`` being the one claimed (ISO 639-1); a fraction where letters are counted.

    >>> words("It isn't a well-known word.", "en")
    5.0
    """
    return round(len(_WORD.findall(text)) + unspaced_letters(text) / letters_per_word(language), 1)
