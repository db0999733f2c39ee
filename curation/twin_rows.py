"""Rows of a release that say the same: among themselves, across its splits, and across versions.

By the measure of the gate ``duplicates``: exact after folding or near by Jaccard similarity, in the query within its task, and
in query and positive anywhere. Sketches lie in files while they are compared, so that memory grows by some 80 bytes a row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pairsmith.curation.profile import EXAMPLES
from pairsmith.factory.records import PAIRS
from pairsmith.factory.spec import DuplicatesSpec
from pairsmith.validators.clusters import Clusters
from pairsmith.validators.minhash import bands_for
from pairsmith.validators.parts import write_table
from pairsmith.validators.sketch import VIEWS, sketch
from pairsmith.validators.sketches import Sketches
from pairsmith.validators.twins import Twins

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TwinCounts:
    """``repeated``: rows beyond the first one of each cluster; ``across_splits``: rows whose cluster is in two splits or more;
    ``across_versions``: added rows that are twins of earlier ones. With ids of some of each."""

    rows: int
    repeated: int
    across_splits: int
    across_versions: int
    examples: Mapping[str, list[str]]


class TwinRows:
    """Notes rows piece by piece in ``folder``, then compares all of them."""

    def __init__(self, thresholds: Mapping[str, Any], folder: Path) -> None:
        spec = DuplicatesSpec(**{**thresholds.get("duplicates", {}), "against": []})
        self._threshold = spec.threshold
        self._bands = bands_for(spec.threshold, spec.permutations)
        self._folder = folder
        self._parts: list[Path] = []
        self._splits: list[str] = []
        self._added: list[bool] = []

    def add(self, rows: pa.Table, added: set[str]) -> None:
        """Note ``rows`` (RELEASE) and which of them are ``added``."""
        if not len(rows):
            return
        self._parts.append(self._folder / f"{len(self._parts):06}.arrow")
        write_table(self._parts[-1], sketch(rows.select(PAIRS.names).cast(PAIRS), self._bands).combine_chunks())
        self._splits += rows["split"].to_pylist()
        self._added += [one in added for one in rows["id"].to_pylist()]

    def counts(self) -> TwinCounts:
        """What all rows come to."""
        if not self._parts:
            return TwinCounts(0, 0, 0, 0, {})
        sketches = Sketches(self._parts, len(self._parts))
        best = self._clusters(sketches)
        ranks = np.concatenate([places for _, places in sketches])
        of_row = np.empty(len(sketches), np.uint32)  # by rank, the place of the row
        of_row[ranks] = np.arange(len(ranks), dtype=np.uint32)
        splits = np.unique(np.array(self._splits), return_inverse=True)[1][of_row]
        added = np.array(self._added, np.bool_)[of_row]
        found = {
            "repeated": best != np.arange(len(best)),
            "across_splits": _mixed(best, splits),
            "across_versions": added & _mixed(best, added),
        }
        counts = {name: int(flags.sum()) for name, flags in found.items()}
        examples = {name: _some(sketches, flags, best) for name, flags in found.items()}
        return TwinCounts(rows=len(best), **counts, examples=examples)

    def _clusters(self, sketches: Sketches) -> npt.NDArray[np.uint32]:
        """By rank: the first rank of the row's cluster."""
        clusters, every = Clusters(len(sketches)), np.arange(len(sketches), dtype=np.uint32)
        for view in VIEWS:
            twins = Twins(sketches, view, self._threshold)
            twins.find_equal()
            twins.find_near(self._bands.number, lambda: None)
            clusters.join(every, twins.clusters.find(every))
        return clusters.find(every)


def _mixed(best: npt.NDArray[np.uint32], values: npt.NDArray[Any]) -> Flags:
    """Which rows are of a cluster whose members differ in ``values``."""
    size = len(best)
    low, high = np.full(size, np.iinfo(np.int64).max), np.full(size, -1, np.int64)
    np.minimum.at(low, best, values.astype(np.int64))
    np.maximum.at(high, best, values.astype(np.int64))
    return np.asarray((low != high)[best], np.bool_)


def _some(sketches: Sketches, flags: Flags, best: npt.NDArray[np.uint32]) -> list[str]:
    """Ids of a few rows, each beside the one it repeats."""
    places: Sequence[int] = np.flatnonzero(flags)[:EXAMPLES].tolist()
    both = dict.fromkeys(each for place in places for each in (place, int(best[place])))
    return list(sketches.ids(np.array(list(both)[:EXAMPLES], np.uint32)).to_pylist())
