"""How unsure the gates were of each accepted row: one number, 0 to 1, that means the same for every gate.

A score alone is not comparable: 0.06 of a probability is near to its threshold of 0.05, and 79 words are far from 40. So a
line of the verdicts counts by its rank. Its doubt is 1 less the number of lines, of this gate on this field, that are as near
to their threshold or nearer, for each accepted row. What a gate could not verify is doubtful in any case, the more so the
rarer its reason is in the run. The doubt of a row is the largest of its lines.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.frame import Frame, Places
from pairsmith.factory.tables import TableFile
from pairsmith.validators.gate import Verdict

Doubts = npt.NDArray[np.float64]

COLUMNS = ("id", "gate", "field", "verdict", "reason", "score", "threshold")
DOUBTFUL = 0.9
"""Doubt from which people are shown a row for it: nearer to a threshold than nine in ten, or not verified. Below, a language
of which all rows are sound would have its seats all the same."""

CERTAIN = ("length",)
"""Gates whose scores tell no doubt: words are counted, not guessed, and the threshold in the verdict is what was asked for,
not where a text is dropped."""

_KIND = ("gate", "field", "verdict", "reason")
_NUMBER = re.compile(r"_\d+$")
_BINS = 1 << 16


class Kind(NamedTuple):
    """Lines that are ranked among each other."""

    gate: str
    field: str  # without a number: all negatives of a row are one
    verdict: str
    reason: str | None


class Ranks:
    """How near each line is to its threshold, among all lines of so many accepted rows."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._counts: dict[Kind, Places] = {}

    def add(self, lines: pa.Table) -> None:
        """Count lines (:data:`COLUMNS`) of accepted rows that are :func:`telling`."""
        distance = _distances(lines)
        for kind, mine in _kinds(lines):
            if kind not in self._counts:  # a user's gate may name as many reasons as there are rows: one counter each
                self._counts[kind] = np.zeros(1 if kind.verdict == Verdict.UNVERIFIED else _BINS, np.int64)
            np.add.at(self._counts[kind], distance[mine], 1)

    def sum_up(self) -> None:
        """All lines are counted: from now on they can be ranked."""
        for counts in self._counts.values():
            np.cumsum(counts, out=counts)

    def doubts(self, lines: pa.Table) -> Doubts:
        """Of each line; all were counted."""
        distance = _distances(lines)
        found = np.zeros(len(lines))
        for kind, mine in _kinds(lines):
            least = DOUBTFUL if kind.verdict == Verdict.UNVERIFIED else 0.0
            found[mine] = np.maximum(1 - self._counts[kind][distance[mine]] / self._rows, least)
        return found


def telling(lines: pa.Table) -> pa.Table:
    """The lines that tell a doubt: those not verified, and those kept with a score and a threshold."""
    scored = pc.and_(pc.is_finite(lines["score"]), pc.is_finite(lines["threshold"]))
    scored = pc.and_(scored, pc.invert(pc.is_in(lines["gate"], value_set=pa.array(CERTAIN))))
    kept = pc.and_(pc.equal(lines["verdict"], Verdict.KEEP.value), pc.fill_null(scored, False))
    return lines.filter(pc.or_(kept, pc.equal(lines["verdict"], Verdict.UNVERIFIED.value)))


def read_doubts(verdicts: TableFile, accepted: Frame) -> tuple[npt.NDArray[np.float32], Ranks]:
    """The doubt of each row of the frame. Two passes over the verdicts: lines are counted, then ranked; none is kept."""
    ranks = Ranks(len(accepted))
    for _, lines in _lines(verdicts, accepted):
        ranks.add(lines)
    ranks.sum_up()
    found = np.zeros(len(accepted), np.float32)
    for place, lines in _lines(verdicts, accepted):
        np.maximum.at(found, place, ranks.doubts(lines).astype(np.float32))
    return found, ranks


def _lines(verdicts: TableFile, accepted: Frame) -> Iterator[tuple[Places, pa.Table]]:
    """Telling lines of accepted rows, with the place of each one's row in the frame."""
    for batch in verdicts.batches(*COLUMNS):
        lines = telling(batch)
        place = accepted.find(lines["id"])
        yield place[place >= 0], lines.filter(pa.array(place >= 0))


def _kinds(lines: pa.Table) -> Iterator[tuple[Kind, Places]]:
    """The kinds of these lines, and where the lines of each stand."""
    code = np.zeros(len(lines), np.int64)
    for name in _KIND:
        column = lines[name].combine_chunks().dictionary_encode(null_encoding="encode")
        code = code * len(column.dictionary) + column.indices.to_numpy()
    _, first, number = np.unique(code, return_index=True, return_inverse=True)
    ends = np.cumsum(np.bincount(number, minlength=len(first)))
    places = np.split(np.argsort(number, kind="stable"), ends[:-1])
    for example, mine in zip(lines.select(_KIND).take(first).to_pylist(), places, strict=False):  # no line: one place
        kind = Kind(**example)
        yield kind._replace(field=_NUMBER.sub("", kind.field)), mine


def _distances(lines: pa.Table) -> npt.NDArray[np.uint16]:
    """How far each score is from its threshold, in steps of 1 %; 0 for what was not verified.

    The upper 16 bits of a float of 32 bits: they grow as it does, and 65,536 counters rank any number of lines.
    """
    kept = pc.equal(lines["verdict"], Verdict.KEEP.value)
    distance = pc.if_else(kept, pc.abs(pc.subtract(lines["score"], lines["threshold"])), 0.0).to_numpy()
    with np.errstate(over="ignore"):
        bits = np.asarray(distance, np.float32).view(np.uint32)
    return (bits >> np.uint32(16)).astype(np.uint16)
