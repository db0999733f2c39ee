"""The sample as people are shown it: each row once, in the order of its draws, with what the gates suggest, dealt to reviewers.

A random row carries no suggestion: the rate of defects is told from what people find in it, not from what they were told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pairsmith.curation.gate_scores import Line
from pairsmith.curation.review_form import WRONG, Decision
from pairsmith.curation.review_rows import Part
from pairsmith.factory.records import digest
from pairsmith.factory.spec import ReviewSpec
from pairsmith.validators.gate import Reason

LEAST_SHARE = 0.01  # of a part that has none and was given seats of another: as if it were drawn last


@dataclass(frozen=True)
class Suggestion:
    """What the gates would answer. ``wrong``: codes of :data:`WRONG`; ``because``: what they said, in words, a line each."""

    decision: Decision | None = None
    wrong: tuple[str, ...] = ()
    because: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """A row to be judged. ``parts``: why it is shown, which reviewers are not told; ``overlap``: two of them answer it."""

    id: str
    content_hash: str
    parts: tuple[Part, ...]
    overlap: bool
    group: str
    query_language: str
    document_language: str
    instruction: str
    query: str
    positive: str
    negatives: tuple[str, ...]
    suggestion: Suggestion

    @property
    def key(self) -> str:
        """The row and its texts as they are now: an answer to other texts is none to these."""
        return f"{self.id}-{self.content_hash}"


def records(sample: pa.Table, lines: Mapping[str, Sequence[Line]], spec: ReviewSpec) -> list[Record]:
    """The rows of a sample (schema :data:`pairsmith.curation.review_rows.SAMPLE`) in the order of their turns, each once.

    ``lines``: verdicts by row id.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(sample.to_pylist(), key=lambda row: (turn(row, spec), row["id"])):
        found.setdefault(row["id"], []).append(row)
    return [_record(rows, lines.get(name, ())) for name, rows in found.items()]


def turn(row: Mapping[str, Any], spec: ReviewSpec) -> int:
    """When a line of the sample is shown. The parts take turns by their shares, each in the order in which it was drawn.

    Whoever stops early has seen all parts in proportion, and of the random one a beginning, which the bound on all defects
    is told from. A larger sample leaves the order of its rows as it was.
    """
    shares = {Part.DOUBTFUL: spec.doubtful, Part.REJECTED: spec.rejected}
    share = shares.get(row["part"], 1 - spec.doubtful - spec.rejected)
    return int(row["place"] / max(share, LEAST_SHARE))


def doubted(row: Mapping[str, Any]) -> str | None:
    """What would be wrong with an accepted row, were the gates' doubt justified; None where no label says it."""
    for reason in row["reasons"]:
        if (code := reason.split(":", 2)[2]) in WRONG:
            return str(code)
    gate = (row["doubt_gate"] or "").partition(":")[0]
    # A text with just as many words as are kept may stand at either end: nothing is said of it.
    if gate == "length" and row["doubt_score"] != row["doubt_threshold"]:
        return Reason.TOO_SHORT if row["doubt_score"] > row["doubt_threshold"] else Reason.TOO_LONG
    return Reason.WRONG_LANGUAGE if gate == "language" else None


def deal(shown: Sequence[Record], reviewers: Sequence[str], seed: int) -> dict[str, list[Record]]:
    """Reviewer -> what is theirs: a row of the overlap goes to two of them, another one to one.

    Who gets a row depends on the row alone: more rows change nothing for those dealt before, and a new reviewer only takes.
    """
    hands: dict[str, list[Record]] = {name: [] for name in reviewers}
    for record in shown:
        turn = sorted(reviewers, key=lambda name: digest(seed, record.id, name))
        for name in turn[: 2 if record.overlap else 1]:
            hands[name].append(record)
    return hands


def _record(rows: Sequence[dict[str, Any]], lines: Sequence[Line]) -> Record:
    """``rows``: the lines of one row in the sample, one for each part that it is in; ``lines``: its verdicts."""
    first, parts = rows[0], tuple(sorted(Part(row["part"]) for row in rows))
    names = ("id", "content_hash", "group", "query_language", "document_language", "instruction", "query", "positive")
    return Record(
        **{name: first[name] for name in names},
        parts=parts,
        overlap=any(row["overlap"] for row in rows),
        negatives=tuple(first["negatives"]),
        suggestion=Suggestion() if Part.RANDOM in parts else _suggestion(first, lines),
    )


def _suggestion(row: Mapping[str, Any], lines: Sequence[Line]) -> Suggestion:
    """A reason is ``gate:field:reason``, of which a gate of the user's own may give any words."""
    scores = {line.code: _scored(line.score, line.threshold) for line in lines}
    said = {reason: reason.split(":", 2) for reason in row["reasons"]}
    because = [
        f"{gate}, {field}: {WRONG.get(reason, reason.replace('_', ' '))}{scores.get(code, '')}"
        for code, (gate, field, reason) in said.items()
    ]
    if row["part"] == Part.REJECTED:
        codes = {reason for *_, reason in said.values()}
        return Suggestion(Decision.DROP, tuple(code for code in WRONG if code in codes), tuple(because))
    if not because and row["doubt_gate"]:
        because = [
            f"{row['doubt_gate'].replace(':', ', ')}: close to its limit{_scored(row['doubt_score'], row['doubt_threshold'])}"
        ]
    code = doubted(row)
    return Suggestion(None, (code,) if code else (), tuple(because))


def _scored(score: float | None, threshold: float | None) -> str:
    limit = "" if threshold is None else f", limit {threshold:.3g}"
    return "" if score is None else f" (score {score:.3g}{limit})"
