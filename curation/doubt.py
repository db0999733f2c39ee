"""How unsure the gates were of each accepted row: one number, 0 to 1, that means the same for every gate.

A score alone is not comparable: 0.06 of a probability is near to its threshold of 0.05, and 79 words are far from 40. So a
line of the verdicts counts by its rank. Its doubt is 1 less the number of lines, of this gate on this field, that are as near
to their threshold or nearer, for each accepted row. Words are counted, not guessed: a text that is as long as was asked for
leaves no doubt; another one is as near as its share of the length at which it would be dropped. What a gate could not verify is
doubtful in any case, the more so the rarer its reason is in the run. The doubt of a row is the largest of its lines.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.frame import Frame, Places
from pairsmith.curation.length_cuts import Cuts
from pairsmith.factory.spec import LengthSpec
from pairsmith.factory.tables import TableFile
from pairsmith.validators.gate import Verdict

Doubts = npt.NDArray[np.float64]

COLUMNS = ("id", "gate", "field", "verdict", "reason", "score", "threshold")
DOUBTFUL = 0.9
"""Doubt from which people are shown a row for it: nearer to a threshold than nine in ten, or not verified. Below, a language
of which all rows are sound would have its seats all the same."""

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
    """How near each line is to its threshold, among all lines of the accepted rows. ``length``: what that gate went by."""

    def __init__(self, accepted: Frame, length: LengthSpec) -> None:
        self._accepted = accepted
        self._cuts = Cuts(accepted, length)
        self._counts: dict[Kind, Places] = {}

    def telling(self, lines: pa.Table) -> tuple[pa.Table, Places]:
        """Those of the ``lines`` (:data:`COLUMNS`) that tell a doubt of an accepted row, and its place in the frame.

        They are those not verified, and those kept with a score and a threshold; of lengths, only such as were not asked for.
        """
        scored = pc.and_(pc.is_finite(lines["score"]), pc.is_finite(lines["threshold"]))
        kept = pc.and_(pc.equal(lines["verdict"], Verdict.KEEP.value), pc.fill_null(scored, False))
        lines = lines.filter(pc.or_(kept, pc.equal(lines["verdict"], Verdict.UNVERIFIED.value)))
        place = self._accepted.find(lines["id"])
        mine = place >= 0
        return self._cuts.told(lines.filter(pa.array(mine)), place[mine])

    def add(self, lines: pa.Table) -> None:
        """Count lines that are :meth:`telling`."""
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
            found[mine] = np.maximum(1 - self._counts[kind][distance[mine]] / len(self._accepted), least)
        return found


def read_doubts(verdicts: TableFile, accepted: Frame, length: LengthSpec) -> tuple[npt.NDArray[np.float32], Ranks]:
    """The doubt of each row of the frame. Two passes over the verdicts: lines are counted, then ranked; none is kept."""
    ranks = Ranks(accepted, length)
    for batch in verdicts.batches(*COLUMNS):
        ranks.add(ranks.telling(batch)[0])
    ranks.sum_up()
    found = np.zeros(len(accepted), np.float32)
    for batch in verdicts.batches(*COLUMNS):
        lines, place = ranks.telling(batch)
        np.maximum.at(found, place, ranks.doubts(lines).astype(np.float32))
    return found, ranks


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
    """How far each score is from its threshold, in steps of 1 %; 0 for what was not verified. Counts, which have thresholds
    above 1, by their share of it.

    The upper 16 bits of a float of 32 bits: they grow as it does, and 65,536 counters rank any number of lines.
    """
    kept = pc.equal(lines["verdict"], Verdict.KEEP.value)
    apart = pc.abs(pc.subtract(lines["score"], lines["threshold"]))
    share = pc.divide(apart, pc.max_element_wise(lines["threshold"], 1.0))
    distance = pc.if_else(kept, share, 0.0).to_numpy()
    with np.errstate(over="ignore"):
        bits = np.asarray(distance, np.float32).view(np.uint32)
    return (bits >> np.uint32(16)).astype(np.uint16)
