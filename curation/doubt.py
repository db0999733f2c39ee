"""How unsure the gates were of each accepted row: one number, 0 to 1, that means the same for every gate.

A score alone is not comparable: 0.06 of a probability is near to its threshold of 0.05, and 79 words are far from 40. So a
line of the verdicts counts by its rank. Its doubt is 1 less the share of all lines, of this gate on this field, that are as
near to their threshold or nearer; what a gate could not verify, by 1 less the share that it could not verify for the same
reason. A gate that is unsure of nearly everything says little about one row. A row's doubt is the largest of its lines.
"""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.frame import Frame, Places
from pairsmith.factory.tables import TableFile
from pairsmith.validators.gate import Verdict

Doubts = npt.NDArray[np.float64]

COLUMNS = ("id", "gate", "field", "verdict", "reason", "score", "threshold")
CERTAIN = frozenset({"length"})
"""Gates whose scores tell no doubt: words are counted, not guessed, and the threshold in the verdict is what was asked for,
not where a text is dropped."""

_KIND = ("gate", "field", "verdict", "reason")
_BINS = 1 << 16


class Kind(NamedTuple):
    """Lines that are ranked among each other. ``reason`` is None for all lines that kept a field."""

    gate: str
    field: str  # all negatives are one
    reason: str | None
    kept: bool

    @classmethod
    def of(cls, gate: str, field: str, verdict: str, reason: str | None) -> "Kind":
        """The kind of such lines."""
        kept = verdict == Verdict.KEEP
        return cls(gate, "negative" if field.startswith("negative_") else field, None if kept else reason, kept)


class Ranks:
    """How near each line is to its threshold among all lines of accepted rows."""

    def __init__(self) -> None:
        self._lines: Counter[tuple[str, str]] = Counter()
        self._counts: dict[Kind, Places] = {}

    def add(self, lines: pa.Table) -> None:
        """Count lines (:data:`COLUMNS`) of accepted rows."""
        kinds, number = _kinds(lines)
        distance, told = _distances(lines)
        for place, kind in enumerate(kinds):
            mine = number == place
            self._lines[kind.gate, kind.field] += int(mine.sum())
            if not kind.kept:
                self._count(kind, np.zeros(int(mine.sum()), np.uint16))
            elif kind.gate not in CERTAIN:
                self._count(kind, distance[mine & told])

    def sum_up(self) -> None:
        """All lines are counted: from now on they can be ranked."""
        for counts in self._counts.values():
            np.cumsum(counts, out=counts)

    def doubts(self, lines: pa.Table) -> Doubts:
        """Of each line, which must have been counted; 0 for one that tells none."""
        kinds, number = _kinds(lines)
        distance, told = _distances(lines)
        found = np.zeros(len(lines))
        for place, kind in enumerate(kinds):
            if kind in self._counts:
                mine = np.flatnonzero((number == place) & (told | (not kind.kept)))
                as_near = self._counts[kind][distance[mine] if kind.kept else 0]
                found[mine] = 1 - as_near / self._lines[kind.gate, kind.field]
        return found

    def _count(self, kind: Kind, distance: npt.NDArray[np.uint16]) -> None:
        if kind not in self._counts:
            self._counts[kind] = np.zeros(_BINS, np.int64)
        np.add.at(self._counts[kind], distance, 1)


def read_doubts(verdicts: TableFile, accepted: Frame) -> tuple[npt.NDArray[np.float32], Ranks]:
    """The doubt of each row of the frame. Two passes over the verdicts: lines are counted, then ranked; none is kept."""
    ranks = Ranks()
    for batch in verdicts.batches(*COLUMNS):
        ranks.add(batch.filter(pa.array(accepted.find(batch["id"]) >= 0)))
    ranks.sum_up()
    found = np.zeros(len(accepted), np.float32)
    for batch in verdicts.batches(*COLUMNS):
        place = accepted.find(batch["id"])
        mine = place >= 0
        np.maximum.at(found, place[mine], ranks.doubts(batch.filter(pa.array(mine))).astype(np.float32))
    return found, ranks


def _kinds(lines: pa.Table) -> tuple[list[Kind], Places]:
    """The kinds of these lines, and which of them each line is of."""
    code = np.zeros(len(lines), np.int64)
    for name in _KIND:
        column = lines[name].combine_chunks().dictionary_encode(null_encoding="encode")
        code = code * len(column.dictionary) + column.indices.to_numpy()
    _, first, number = np.unique(code, return_index=True, return_inverse=True)
    examples: list[dict[str, Any]] = lines.select(_KIND).take(first).to_pylist()
    return [Kind.of(**example) for example in examples], number


def _distances(lines: pa.Table) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.bool_]]:
    """How far each score is from its threshold, in steps of 1 %, and whether there are both.

    The upper 16 bits of a float of 32 bits: they grow as it does, and 65,536 counters rank any number of lines.
    """
    both = pc.subtract(lines["score"], lines["threshold"])
    distance = np.abs(pc.fill_null(both, np.nan).to_numpy())
    told = np.isfinite(distance)
    with np.errstate(over="ignore"):
        bits = np.where(told, distance, 0).astype(np.float32).view(np.uint32)
    return (bits >> np.uint32(16)).astype(np.uint16), told
