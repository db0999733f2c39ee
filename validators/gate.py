"""What a gate is, what it may say, and the table in which it says it.

A gate takes a table of rows (schema :data:`pairsmith.factory.records.PAIRS`) and answers with a table of verdicts (schema
:data:`pairsmith.factory.records.VERDICTS`): for each row and text field one line ``keep``, ``drop`` or ``unverified``, and
one more for each further reason.

Row gates (``scope = "row"``) judge every parsed row, each alone. Gates of scope ``kept`` do so too, but only rows that the
row gates, and those of scope ``kept`` before them, kept. Corpus gates (``scope = "corpus"``) compare rows with each other:
they are given all rows that are still kept, at once, or, where they are :class:`Sketching`, what they noted of each row.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa

from pairsmith.factory.records import VERDICTS
from pairsmith.validators.texts import Text, Texts, field_names, texts

__all__ = [
    "UNNAMED",
    "Findings",
    "Gate",
    "Joining",
    "Preparing",
    "Reason",
    "Scope",
    "Share",
    "Sketching",
    "Text",
    "Texts",
    "Verdict",
    "texts",
]

Scope = Literal["row", "kept", "corpus"]

UNNAMED = "unnamed"
"""The reason where a gate of the user's own gives none."""

Share = Callable[[float], object]
"""Told how much of a work was done since the last call, as a share of the whole (0 to 1)."""


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
        """Verdicts on ``rows``: every row and text field of it gets at least one line. Must not depend on row order.

        ``texts(rows)`` gives the text fields, folded and cut into tokens once for all gates that judge the same table.
        """
        ...


@runtime_checkable
class Preparing(Gate, Protocol):
    """A gate that has something to do once in a run, before rows are judged, and leaves it in the run folder."""

    def prepare(self, progress: Callable[[int], object]) -> None:
        """Do it, unless it is done; ``progress`` is told how many texts were read since the last call."""
        ...


@runtime_checkable
class Sketching(Gate, Protocol):
    """A corpus gate for any number of rows: it notes of each what it needs, and judges by its notes, which lie on disk."""

    def sketch(self, rows: pa.Table) -> pa.Table:
        """One line for each of ``rows``: ``request_id``, ``id`` and whatever the gate compares. Each row alone."""
        ...

    def judge_sketches(self, sketches: Sequence[Path], progress: Share) -> Iterator[pa.Table]:
        """For each sketch file (Arrow IPC, not compressed: it can be mapped into memory), in order, the verdicts on its rows.

        Must depend neither on the order of the files nor on how the rows are spread over them.
        """
        ...


@runtime_checkable
class Joining(Gate, Protocol):
    """A corpus gate that can judge a few rows beside any number of others, which stay whatever the few are."""

    def judge_beside(self, rows: pa.Table, standing: Iterable[pa.Table]) -> pa.Table:
        """Verdicts on ``rows``. ``standing``: the others (PAIRS), piece by piece, with no id of ``rows``."""
        ...


class Findings:
    """Collects what one gate says of ``rows`` and hands it out as a table. A field of which nothing is said is kept."""

    def __init__(self, rows: pa.Table, gate: str) -> None:
        self._texts = texts(rows)
        self._gate = gate
        self._names = {
            name: number for number, name in enumerate(field_names(int(self._texts.number.max(initial=0)) + 1))
        }
        self._lines: list[tuple[int, int, str, str | None, float | None, float | None, str | None]] = []
        self._scores: pa.Array = pa.nulls(len(self._texts), pa.float64())
        self._thresholds: pa.Array = pa.nulls(len(self._texts), pa.float64())

    def scores(self, scores: pa.Array, thresholds: pa.Array) -> None:
        """Score and threshold of every text field (float64, null where there is none), shown where it is kept."""
        self._scores, self._thresholds = scores, thresholds

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

    def _add(self, row: int, field: str, verdict: Verdict, reason: str | None, *rest: Any) -> None:
        number = self._names.setdefault(field, len(self._names))  # "row", say, of a user's own gate
        self._lines.append((row, number, verdict.value, None if reason is None else str(reason), *rest))

    def table(self) -> pa.Table:
        """The verdicts, row by row and field by field; those on one field in the order in which they were added."""
        row, number, verdicts, reasons, scores, thresholds, related = (
            zip(*self._lines, strict=True) if self._lines else [()] * 7
        )
        place = np.array(row, np.int64) * len(self._names) + np.array(number, np.int64)
        every = self._texts.row * len(self._names) + self._texts.number
        silent = pa.array(np.flatnonzero(~np.isin(every, place)))
        place = np.concatenate((place, every[silent]))
        order = np.argsort(place, kind="stable")
        rows, numbers = (pa.array(part) for part in np.divmod(place[order], len(self._names)))
        said = {
            "verdict": _filled(verdicts, _repeated(Verdict.KEEP.value, len(silent))),
            "reason": _filled(reasons, pa.nulls(len(silent), pa.string())),
            "score": _filled(scores, self._scores.take(silent)),
            "threshold": _filled(thresholds, self._thresholds.take(silent)),
            "related": _filled(related, pa.nulls(len(silent), pa.string())),
        }
        head = {
            "request_id": self._texts.rows["request_id"].combine_chunks().take(rows),
            "id": self._texts.rows["id"].combine_chunks().take(rows),
            "gate": _repeated(self._gate, len(place)),
            "field": pa.array(list(self._names), pa.string()).take(numbers),
        }
        taken = pa.array(order)
        return pa.table(head | {name: column.take(taken) for name, column in said.items()}, schema=VERDICTS)


def _filled(said: Sequence[Any], rest: pa.Array) -> pa.Array:
    """What was said, and after it ``rest``, for what nothing was said of."""
    return pa.concat_arrays([pa.array(said, rest.type), rest])


def _repeated(value: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), count)
