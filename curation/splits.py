"""Which split each row of a release belongs to, so that no split knows the queries of another, in any version.

Queries are put into clusters of near-duplicates (:mod:`pairsmith.validators.query_clusters`), and a cluster is in one split:

1. A row that was released as it is keeps its split, always.
2. Any other row joins the released rows of its cluster, those that a later version dropped or corrected among them: who holds
   an earlier test set may train on the new version. A corrected row is in one cluster with what it was.
3. Where a cluster holds released rows of several splits, because new rows link them, the new rows are left out: they would
   bring a query of one split into another, and to move what is released would change what others have measured on.
4. A cluster without released rows goes by a hash of the query that it is named by, whatever else is in the release.

Splits begin anew where their shares or the threshold change, which is a MAJOR version.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.factory.records import digest
from pairsmith.factory.tables import TableFile
from pairsmith.factory.text import fold
from pairsmith.validators.characters import decoded
from pairsmith.validators.clusters import Clusters
from pairsmith.validators.digests import digests
from pairsmith.validators.parts import write_table
from pairsmith.validators.query_clusters import cluster_queries, sketch_queries
from pairsmith.validators.sketches import Ranks

REST = "train"
_NEW, _TORN = -1, -2  # in place of the number of a split: no released row says which; several say different ones

Codes = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Splitting:
    """How rows are split. ``shares``: held-out split -> share, the rest is ``train``; ``threshold``: Jaccard from which two
    queries are near-duplicates."""

    shares: dict[str, float]
    threshold: float

    @property
    def names(self) -> list[str]:
        """The splits, each at the place of its number."""
        return [*sorted(self.shares), REST]

    def as_json(self) -> dict[str, Any]:
        """What decides the splits, ready for JSON."""
        return {"by": "query cluster", "shares": dict(sorted(self.shares.items())), "threshold": self.threshold}

    def of_places(self, places: npt.NDArray[np.float64]) -> Codes:
        """The numbers of the splits at places from 0 to below 1."""
        bounds = np.cumsum([self.shares[name] for name in sorted(self.shares)])
        return np.searchsorted(bounds, places, side="right").astype(np.int8)


def assign_splits(
    accepted: TableFile, earlier: Sequence[Iterable[TableFile]], how: Splitting, folder: Path
) -> pa.Array:
    """The split of each accepted row, in their order; null for a row that is left out (rule 3).

    ``earlier``: the files of releases that were split in the same way, the newest first; ``folder``: for what is compared of
    all queries, some 400 bytes of disk for each. In memory some 150 bytes a row are held.
    """
    rows = _Rows(accepted, how, folder)
    for release in earlier:
        for file in release:
            rows.add_earlier(file)
    clusters = cluster_queries(rows.sketches, how.threshold)
    own, (corrected, before) = len(rows.places), rows.corrected()
    linked, every = Clusters(len(rows.codes)), np.arange(len(rows.codes), dtype=np.uint32)
    linked.join(every, clusters.near)
    linked.join(corrected, before)
    found, equal = rows.codes[:own], _agreed(clusters.same, rows.codes)[:own]
    equal[corrected[equal[corrected] != rows.codes[before]]] = _NEW  # its texts would change their split
    near = _agreed(linked.find(every), rows.codes)[:own]
    found = np.where(found >= 0, found, np.where(equal >= 0, equal, near))
    new = np.flatnonzero(found == _NEW)  # the queries that name their clusters are accepted rows' too
    found[new] = how.of_places(rows.places[clusters.near[new]])
    return pa.array(how.names, pa.string()).take(pa.array(found, mask=found == _TORN))


def _agreed(clusters: Ranks, codes: Codes) -> Codes:
    """For each row the split that the released rows of its cluster are in."""
    low, high = np.full(len(codes), np.iinfo(np.int8).max, np.int8), np.full(len(codes), _NEW, np.int8)
    known = codes >= 0
    np.minimum.at(low, clusters[known], codes[known])
    np.maximum.at(high, clusters[known], codes[known])
    return np.where((high == _NEW) | (low == high), high, np.int8(_TORN))[clusters]


@dataclass
class _Rows:
    """The accepted rows, and after them those rows of releases that are not among them any more as they were."""

    accepted: TableFile
    how: Splitting
    folder: Path
    sketches: list[Path] = field(default_factory=list)
    _others: set[int] = field(default_factory=set)
    _ids: list[pa.Array] = field(default_factory=list)

    def __post_init__(self) -> None:
        keys, places = [np.empty(0, np.uint64)], [np.empty(0)]
        for batch in self.accepted.batches("id", "content_hash", "query"):
            keys.append(_keys(batch))
            places.append(_places(batch["query"]))
            self._sketch(batch)
        self.places: npt.NDArray[np.float64] = np.concatenate(places)
        """Of each accepted row, from 0 to below 1: it hangs on the query alone."""
        self._keys = np.concatenate(keys)
        self._order = np.argsort(self._keys)
        self.codes: Codes = np.full(len(self._keys), _NEW, np.int8)
        """The split in which a row was released, or :data:`_NEW`."""

    def add_earlier(self, file: TableFile) -> None:
        """Rows of a release; of newer ones than it all have been added."""
        for batch in file.batches("id", "content_hash", "query", "split"):
            keys = _keys(batch)
            codes = pc.index_in(batch["split"], value_set=pa.array(self.how.names)).to_numpy().astype(np.int8)
            place = self._order[np.minimum(np.searchsorted(self._keys, keys, sorter=self._order), len(self._order) - 1)]
            stays = self._keys[place] == keys
            first = stays & (self.codes[place] == _NEW)
            self.codes[place[first]] = codes[first]
            other = ~stays & np.array([key not in self._others for key in keys.tolist()], np.bool_)
            self._others.update(keys[other].tolist())
            if other.any():
                rest = batch.filter(pa.array(other))
                self._sketch(rest)
                self._ids.append(rest["id"].combine_chunks())
                self.codes = np.concatenate((self.codes, codes[other]))

    def corrected(self) -> tuple[Ranks, Ranks]:
        """Accepted rows that were released with other texts, and beside each the newest of its earlier selves."""
        own, ids = len(self.places), self.accepted.read("id")["id"]
        others = pa.concat_arrays([pa.array([], pa.string()), *self._ids])
        earlier = pc.index_in(ids, value_set=others).fill_null(_NEW).to_numpy()
        rows = np.flatnonzero((earlier >= 0) & (self.codes[:own] == _NEW))
        return rows.astype(np.uint32), (own + earlier[rows]).astype(np.uint32)

    def _sketch(self, batch: pa.Table) -> None:
        path = self.folder / f"{len(self.sketches):06}.arrow"
        write_table(path, sketch_queries(batch).combine_chunks())
        self.sketches.append(path)


def _keys(rows: pa.Table) -> npt.NDArray[np.uint64]:
    """What names each row with its texts."""
    return digests(decoded(pc.binary_join_element_wise(rows["id"], rows["content_hash"], "\t")))[:, 0]


def _places(queries: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    return np.array([int(digest("split", fold(query)), 16) / 2**64 for query in queries.to_pylist()], np.float64)
