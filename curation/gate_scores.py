"""What the gates measured of the few rows that people are shown."""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.factory.tables import TableFile


class Line(NamedTuple):
    """One verdict on a row, see :data:`pairsmith.factory.records.VERDICTS`."""

    gate: str
    field: str
    verdict: str
    reason: str | None
    score: float | None
    threshold: float | None

    @property
    def code(self) -> str:
        """``gate:field:reason``, as the reasons of a row are written."""
        return f"{self.gate}:{self.field}:{self.reason}"

    @property
    def measured(self) -> bool:
        """Whether there are a score and a threshold, both of them numbers: a user's own gate may say anything."""
        return all(number is not None and math.isfinite(number) for number in (self.score, self.threshold))

    @property
    def sureness(self) -> float:
        """How sure the gate was of what it found, 0 to 1, whichever side of its threshold is the bad one.

        A score from its threshold on: the score itself, or the share by which it exceeds a threshold above 1. One below:
        the share of the threshold that it lacks. 1 where a rule saw it that knows no score.
        """
        if self.score is None or self.threshold is None or not self.measured:
            return 1.0
        if self.score < self.threshold:
            sure = 1 - self.score / self.threshold if self.threshold > 0 else 1.0
        else:
            sure = 1 - self.threshold / self.score if self.threshold > 1 else self.score
        return min(1.0, max(0.0, sure))

    @property
    def distance(self) -> float:
        """How far the score is from its threshold, as a share of the threshold; infinite where there is no telling."""
        if self.score is None or not self.threshold or not self.measured:
            return math.inf
        return abs(self.score - self.threshold) / abs(self.threshold)


def read_lines(verdicts: TableFile, ids: Iterable[str]) -> dict[str, list[Line]]:
    """Row id -> its verdicts, of the rows ``ids``, in one pass over the table."""
    wanted = pa.array(sorted(set(ids)), pa.string())
    found: dict[str, list[Line]] = defaultdict(list)
    for batch in verdicts.batches("id", *Line._fields):
        for row in batch.filter(pc.is_in(batch["id"], value_set=wanted)).to_pylist():
            found[row.pop("id")].append(Line(**row))
    return found


def nearest_scores(lines: Iterable[Line]) -> dict[str, float]:
    """Gate -> the score of a row that is nearest to its threshold."""
    found: dict[str, float] = {}
    for line in sorted((line for line in lines if line.measured), key=lambda line: line.distance, reverse=True):
        found[line.gate] = float(line.score or 0.0)
    return found
