"""Gate ``length``: what was asked for against what was found, in words.

Words are counted where they are written apart. In Chinese, Japanese, Thai, Lao, Khmer and Burmese letters are counted
and divided by the letters that say what one English word says: the mean paragraph of the Universal Declaration of Human
Rights in that language over the mean English one (``data/languages.json``). Mixed texts add up, and code counts.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import regex

from pairsmith.factory.spec import LengthSpec
from pairsmith.factory.text import UNSPACED, unspaced_letters
from pairsmith.validators.claim import letters_per_word
from pairsmith.validators.gate import Findings, Reason, Scope, Texts, texts
from pairsmith.validators.word_counts import word_counts

Numbers = npt.NDArray[np.float64]

PASSAGE = 10  # words: no language says a passage in fewer; a sentence or phrase may be one word long

ASKED = ("group", "num_words", "query_length", "unit")
"""Columns that say how long the texts of a row were to be."""

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
        findings, fields = Findings(rows, self.name), texts(rows)
        low, high = _of_texts(bounds(fields.rows), fields)
        least, most = _of_texts(cuts(fields.rows, self._spec), fields)
        known = ~(np.isnan(low) & np.isnan(high))
        found = np.where(known, _words(fields), np.nan)
        too_short = found < least
        too_long = ~too_short & (found > most)
        for reason, bad, bound in ((Reason.TOO_SHORT, too_short, low), (Reason.TOO_LONG, too_long, high)):
            for place in np.flatnonzero(bad).tolist():
                where = int(fields.row[place]), fields.field[place]
                findings.drop(*where, reason, float(found[place]), float(bound[place]))
        findings.scores(_nullable(found), _nullable(np.where(np.isnan(low), high, low)))
        return findings.table()


def cuts(rows: pa.Table, spec: LengthSpec) -> Numbers:
    """Words below which, and above which, the query of each row is dropped, and its other texts: as :func:`bounds`."""
    shares = np.full((len(rows), 2, 2), (spec.at_least, spec.at_most))
    shares[pc.is_valid(rows["query_length"]).to_numpy(), 0] = 1 / spec.query_slack, spec.query_slack
    return shares * bounds(rows)


def _nullable(numbers: Numbers) -> pa.Array:
    return pa.array(numbers, from_pandas=True)  # not a number: null


def bounds(rows: pa.Table) -> Numbers:
    """Least and most words asked of the query of each row, and of its other texts: of shape (rows, 2, 2).

    Reads the columns :data:`ASKED`. Not a number where nothing was asked.
    """
    requests = zip(*(rows[name].to_pylist() for name in ASKED), strict=True)
    return np.array([_asked(*request) for request in requests], np.float64).reshape(-1, 2, 2)


def _of_texts(limits: Numbers, fields: Texts) -> tuple[Numbers, Numbers]:
    """Those of each text; of labels none."""
    low, high = limits[fields.row, (~fields.is_query).astype(int)].T
    low[fields.is_label] = high[fields.is_label] = np.nan
    return low, high


@lru_cache(maxsize=4096)
def _asked(
    group: str, num_words: str | None, query_length: str | None, unit: str | None
) -> tuple[tuple[float, float], ...]:
    """Bounds of the query and of the other texts. ``num_words`` is of documents, and of a query outside of short_long."""
    other = read_asked(num_words) if num_words is not None else Asked(PASSAGE if unit == "passage" else None, None)
    if query_length is not None:
        query = read_asked(query_length)
    elif group == "short_long":
        query = Asked(PASSAGE if unit == "passage" else None, None)
    else:
        query = other
    return tuple((_number(asked.low), _number(asked.high)) for asked in (query, other))


def _number(bound: int | None) -> float:
    return np.nan if bound is None else bound


def _words(fields: Texts) -> Numbers:
    """Length of each text, as :func:`words` has it."""
    counts = word_counts(fields.slices)
    found = counts.apart.astype(np.float64)
    for place in np.flatnonzero(counts.unspaced).tolist():
        letters = int(counts.unspaced[place]) / letters_per_word(fields.language[place])
        found[place] = round(int(counts.apart[place]) + letters, 1)
    return found


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
