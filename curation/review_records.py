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
    """What the gates would answer. ``wrong``: codes of :data:`WRONG`; ``sureness``: of each of them, 0 to 1; ``gates``: which
    found them; ``because``: what all gates said, in words, a line each."""

    decision: Decision | None = None
    wrong: tuple[str, ...] = ()
    sureness: tuple[float, ...] = ()
    gates: tuple[str, ...] = ()
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
        suggestion=suggest(rows, lines),
    )


def suggest(rows: Sequence[Mapping[str, Any]], lines: Sequence[Line]) -> Suggestion:
    """What the gates would answer; ``rows``, ``lines``: of one row, those of the sample and its verdicts.

    Nothing of a random row, in whatever other part it is: whoever sees it would be led, and the rates are told from those.
    """
    parts = {row["part"] for row in rows}
    if Part.RANDOM in parts:
        return Suggestion()
    return _found(rows[0], lines) if Part.REJECTED in parts else _feared(rows[0], lines)


def _found(row: Mapping[str, Any], lines: Sequence[Line]) -> Suggestion:
    """Of a rejected row: why it was."""
    sureness = {line.code: line.sureness for line in sorted(lines, key=lambda line: line.sureness)}
    surest: dict[str, float] = {}
    gates = set()
    for gate, field, reason in _reasons(row):
        if reason in WRONG:
            surest[reason] = max(surest.get(reason, 0.0), sureness.get(f"{gate}:{field}:{reason}", 1.0))
            gates.add(gate)
    wrong = tuple(str(code) for code in WRONG if code in surest)
    return Suggestion(
        Decision.DROP, wrong, tuple(surest[code] for code in wrong), tuple(sorted(gates)), _because(row, lines)
    )


def _feared(row: Mapping[str, Any], lines: Sequence[Line]) -> Suggestion:
    """Of a doubtful row: what the doubt is."""
    because = _because(row, lines)
    if not because and row["doubt_gate"]:
        score = _scored(row["doubt_score"], row["doubt_threshold"])
        because = (f"{row['doubt_gate'].replace(':', ', ')}: close to its limit{score}",)
    if (code := _doubted(row)) is None:
        return Suggestion(because=because)
    gates = {gate for gate, _, reason in _reasons(row) if reason == code} or {str(row["doubt_gate"]).partition(":")[0]}
    return Suggestion(None, (code,), (row["doubt"] or 0.0,), tuple(sorted(gates)), because)


def _doubted(row: Mapping[str, Any]) -> str | None:
    """What would be wrong with an accepted row, were the gates' doubt justified; None where no label says it."""
    for *_, reason in _reasons(row):
        if reason in WRONG:
            return reason
    gate = (row["doubt_gate"] or "").partition(":")[0]
    # A text with just as many words as are kept may stand at either end: nothing is said of it.
    if gate == "length" and row["doubt_score"] != row["doubt_threshold"]:
        return str(Reason.TOO_SHORT if row["doubt_score"] > row["doubt_threshold"] else Reason.TOO_LONG)
    return str(Reason.WRONG_LANGUAGE) if gate == "language" else None


def _reasons(row: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Gate, field and reason of each; a gate of the user's own may give any words."""
    return [tuple(reason.split(":", 2)) for reason in row["reasons"]]


def _because(row: Mapping[str, Any], lines: Sequence[Line]) -> tuple[str, ...]:
    scores = {line.code: _scored(line.score, line.threshold) for line in lines}
    return tuple(
        f"{gate}, {field}: {WRONG.get(reason, reason.replace('_', ' '))}{scores.get(f'{gate}:{field}:{reason}', '')}"
        for gate, field, reason in _reasons(row)
    )


def _scored(score: float | None, threshold: float | None) -> str:
    limit = "" if threshold is None else f", limit {threshold:.3g}"
    return "" if score is None else f" (score {score:.3g}{limit})"
