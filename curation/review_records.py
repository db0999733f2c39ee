"""The sample as people are shown it: each row once, in the order of its draws, with what the gates suggest, dealt to reviewers.

A random row carries no suggestion: the rate of defects is told from what people find in it, not from what they were told.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pairsmith.curation.review_form import WRONG, Decision
from pairsmith.curation.review_rows import Part
from pairsmith.factory.records import digest


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


def records(sample: pa.Table) -> list[Record]:
    """The rows of a sample (schema :data:`pairsmith.curation.review_rows.SAMPLE`), each once.

    The parts are shuffled like cards, each in the order in which it was drawn: whoever stops early has seen the same share of
    each, and of the random part a beginning, which is what the bound on its defects is told from.
    """
    sizes = Counter(sample["part"].to_pylist())
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(sample.to_pylist(), key=lambda row: ((row["place"] + 0.5) / sizes[row["part"]], row["id"])):
        found.setdefault(row["id"], []).append(row)
    return [_record(rows) for rows in found.values()]


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


def _record(rows: Sequence[dict[str, Any]]) -> Record:
    """``rows``: the lines of one row, one for each part that it is in."""
    first, parts = rows[0], tuple(sorted(Part(row["part"]) for row in rows))
    names = ("id", "content_hash", "group", "query_language", "document_language", "instruction", "query", "positive")
    return Record(
        **{name: first[name] for name in names},
        parts=parts,
        overlap=any(row["overlap"] for row in rows),
        negatives=tuple(first["negatives"]),
        suggestion=Suggestion() if Part.RANDOM in parts else _suggestion(first["reasons"], Part.REJECTED in parts),
    )


def _suggestion(reasons: Sequence[str], rejected: bool) -> Suggestion:
    """``reasons``: ``gate:field:reason``, of which a gate of the user's own may be any words."""
    said = [reason.split(":", 2) for reason in reasons]
    wrong = tuple(code for code in WRONG if any(reason == code for *_, reason in said))
    because = tuple(f"{gate}, {field}: {WRONG.get(reason, reason.replace('_', ' '))}" for gate, field, reason in said)
    return Suggestion(Decision.DROP if rejected else None, wrong, because)
