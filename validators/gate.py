"""What a gate is, what it may say, and the table in which it says it.

A gate takes a table of rows (schema :data:`pairsmith.factory.records.PAIRS`) and answers with a table of verdicts (schema
:data:`pairsmith.factory.records.VERDICTS`): for each row and text field one line ``keep``, ``drop`` or ``unverified``, and
one more for each further reason. Row gates (``scope = "row"``) judge every parsed row, each alone; corpus gates
(``scope = "corpus"``) are given all rows that the row gates kept, at once.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol

import pyarrow as pa

from pairsmith.factory.records import VERDICTS

Scope = Literal["row", "corpus"]


class Verdict(StrEnum):
    """What a gate says of one text field."""

    KEEP = "keep"
    DROP = "drop"
    UNVERIFIED = "unverified"


class Reason(StrEnum):
    """Why a gate dropped a row, or could not verify it. The value is what is counted and stored."""

    # format
    REFUSAL = "refusal"
    META_TALK = "meta_talk"
    EXPLAINS_RELEVANCE = "explains_relevance"
    PLACEHOLDER = "placeholder"
    MARKUP_LEAK = "markup_leak"
    ROLE_LEAK = "role_leak"
    MOJIBAKE = "mojibake"
    CONTROL_CHARACTERS = "control_characters"
    REPETITION = "repetition"
    SERVICE_RESIDUE = "service_residue"
    INSTRUCTION_ECHO = "instruction_echo"
    # length
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    # language
    WRONG_LANGUAGE = "wrong_language"
    WRONG_SCRIPT = "wrong_script"
    MIXED_LANGUAGE = "mixed_language"
    NO_DETECTOR = "no_detector"
    TOO_SHORT_TO_TELL = "too_short_to_tell"
    DETECTORS_DISAGREE = "detectors_disagree"
    NOT_PROSE = "not_prose"
    # leakage
    QUERY_COPIED = "query_copied"
    LABEL_LEAK = "label_leak"
    IDENTICAL_TEXTS = "identical_texts"
    POSITIVE_EQUALS_NEGATIVE = "positive_equals_negative"
    # duplicates
    EXACT_DUPLICATE = "exact_duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    # contamination
    CONTAMINATION = "contamination"
    # target
    SURPLUS = "surplus"
    # privacy
    SECRET = "secret"  # noqa: S105  a reason code
    CARD_NUMBER = "card_number"
    EMAIL = "email"
    PHONE = "phone"


class Gate(Protocol):
    """Judges rows. ``name`` is unique among the gates of a run and stands in the verdicts."""

    name: str
    scope: Scope

    def judge(self, rows: pa.Table) -> pa.Table:
        """Verdicts on ``rows``: every row and text field of it gets at least one line. Must not depend on row order."""
        ...


class Text(NamedTuple):
    """One text field of one row."""

    row: int  # position in the table
    field: str  # query | positive | negative (negative_2, ... where a row has several)
    text: str
    language: str  # claimed, ISO 639-1
    is_label: bool  # a class label of group long_short, not a document


def texts(rows: pa.Table) -> Iterator[Text]:
    """Every text field of every row, row by row: query, positive, negatives."""
    columns = ("group", "query", "positive", "negatives", "query_language", "document_language")
    values = zip(*(rows[name].to_pylist() for name in columns), strict=True)
    for row, (group, query, positive, negatives, query_language, document_language) in enumerate(values):
        label = group == "long_short"
        yield Text(row, "query", query, query_language, False)
        yield Text(row, "positive", positive, document_language, label)
        for number, negative in enumerate(negatives, start=1):
            field = "negative" if number == 1 else f"negative_{number}"
            yield Text(row, field, negative, document_language, label)


class Findings:
    """Collects one gate's verdicts and hands them out as a table."""

    def __init__(self, rows: pa.Table, gate: str) -> None:
        self._gate = gate
        self._ids = rows["id"].to_pylist()
        self._request_ids = rows["request_id"].to_pylist()
        self._lines: list[tuple[object, ...]] = []

    def keep(self, row: int, field: str, score: float | None = None, threshold: float | None = None) -> None:
        """Nothing is wrong with this field as far as this gate can tell."""
        self._add(row, field, Verdict.KEEP, None, score, threshold, None)

    def drop(
        self,
        row: int,
        field: str,
        reason: str,
        score: float | None = None,
        threshold: float | None = None,
        related: str | None = None,
    ) -> None:
        """The row must go. ``related``: the twin's id, the evaluation text or the offending excerpt."""
        self._add(row, field, Verdict.DROP, reason, score, threshold, related)

    def unverified(
        self,
        row: int,
        field: str,
        reason: str,
        score: float | None = None,
        threshold: float | None = None,
        related: str | None = None,
    ) -> None:
        """The row stays, but this gate cannot vouch for the field, or reports what a person should see."""
        self._add(row, field, Verdict.UNVERIFIED, reason, score, threshold, related)

    def _add(self, row: int, field: str, verdict: Verdict, reason: str | None, *rest: object) -> None:
        head = (self._request_ids[row], self._ids[row], self._gate, field, verdict.value)
        self._lines.append((*head, None if reason is None else str(reason), *rest))

    def table(self) -> pa.Table:
        """The verdicts, in the order in which they were added."""
        columns = list(zip(*self._lines, strict=True)) or [()] * len(VERDICTS)
        return pa.Table.from_arrays(
            [pa.array(column, type=field.type) for column, field in zip(columns, VERDICTS, strict=True)],
            schema=VERDICTS,
        )
