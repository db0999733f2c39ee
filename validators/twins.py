"""Which rows are twins in one view, and how alike: exactly equal ones, and near ones by bands, each pair checked exactly.

Two texts that agree in two bands of their signatures are compared. Of very many that agree in a band the one that would survive
is compared with all, and the others where they agree in a second one, too. Where very many agree in both, most often since
they were made from one template, the near ones are found by their rarest shingles
(:mod:`pairsmith.validators.near_sets`): to compare all would take the square of their number.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from pairsmith.validators.clusters import Clusters
from pairsmith.validators.minhash import AGREE
from pairsmith.validators.near_sets import NearSets
from pairsmith.validators.runs import in_runs, pieces, run_starts
from pairsmith.validators.similarity import jaccards, sets, shingles
from pairsmith.validators.sketch import band_name
from pairsmith.validators.sketches import Ranks, Sketches

CLOSE = 64  # rows that agree in a band: each is compared with this many after it, so with all where there are no more
STARS = (
    2  # of more rows that agree in a band, in turn, each is compared with all: a large cluster costs no more than that
)

_CROWD = 100_000  # rows whose keys of all bands are held at once: some 30 MB
_PAIRS = 50_000  # of which the keys of all bands are compared at once: some 15 MB
_TOKENS = 1_000_000  # of the texts that are compared at once: some 50 MB

Keys = npt.NDArray[np.unsignedinteger]


class Twins:
    """The twins of one ``view`` ("query" or "pair"). Keeps 14 bytes a row, and 21 more while they are looked for."""

    def __init__(self, sketches: Sketches, view: str, threshold: float) -> None:
        self.clusters = Clusters(len(sketches))
        self.exact = np.zeros(len(sketches), np.bool_)
        """By rank: whether another row has the same folded text."""
        self.score = np.zeros(len(sketches))
        """By rank: similarity of its nearest twin that was found, 0 where there is none."""
        self._sketches = sketches
        self._view = view
        self._threshold = threshold
        self._first = ~sketches.out  # of rows with one and the same text the first one

    def find_equal(self) -> None:
        """Find rows whose folded texts are equal. Of these only the one that would survive is compared further."""
        _, ranks = self._sketches.repeated(f"{self._view}_exact", self._first)
        digests = self._sketches.digests(f"{self._view}_exact", ranks)
        order = np.lexsort((ranks, *digests.T))
        ranks, digests = ranks[order], digests[order]
        starts = run_starts(*digests.T)
        first, others = ranks[starts][np.cumsum(starts) - 1][~starts], ranks[~starts]
        self._link(first, others, np.ones(len(others)))
        self.exact[first] = self.exact[others] = True
        self._first[others] = False

    def find_near(self, bands: int, done: Callable[[], object]) -> None:
        """Find rows whose texts are nearly equal. ``done`` is called after each band."""
        self._counts = self._sketches.by_rank(f"{self._view}_tokens", np.int32)
        self._scopes = self._sketches.by_rank("scope", np.uint64)
        self._keys = self._sketches.bands([band_name(self._view, band) for band in range(bands)])
        self._first &= self._counts > 0
        self._crowded = np.zeros(len(self._sketches), np.bool_)
        for band in range(bands):
            keys, ranks = self._sketches.repeated(band_name(self._view, band), self._first)
            many = in_runs(run_starts(keys), longer_than=CLOSE + 1)
            self._close_by(keys[~many], ranks[~many], (band,))
            self._crowd(keys[many], ranks[many], band)
            done()
        scopes = self._scopes if self._view == "query" else None
        near = NearSets(self._sketches, self._counts, self._threshold, scopes)
        near.link(np.flatnonzero(self._crowded).astype(np.uint32), self.clusters, self._link)
        del self._counts, self._scopes, self._keys, self._crowded

    def _slices(self, ranks: Ranks) -> Iterator[tuple[int, int]]:
        """Pieces of so few rows that their tokens may be held."""
        return pieces(self._counts[ranks], _TOKENS)

    def _crowd(self, keys: Keys, ranks: Ranks, band: int) -> None:
        """Compare rows of which very many agree in ``band`` where they agree in a later one, too. Where very many do, note them
        as crowded: those are compared all together at last."""
        self._stars(keys, ranks)
        keys, ranks = self._open(keys, ranks)
        starts = np.append(np.flatnonzero(run_starts(keys)), len(keys))
        for start, end in pieces(np.diff(starts), _CROWD):
            mine = slice(starts[start], starts[end])
            self._seconds(keys[mine].astype(np.uint64) << np.uint64(32), ranks[mine], band)

    def _seconds(self, keys: Keys, ranks: Ranks, band: int) -> None:
        """``keys``: of ``band``, in the upper half."""
        others = self._keys[self._sketches.rows(ranks)].T[band + 1 :]
        for later, other in enumerate(others, band + 1):
            both = keys | other
            order = np.argsort(both, kind="stable")
            both, mine = both[order], ranks[order]
            starts = run_starts(both)
            many = in_runs(starts, longer_than=CLOSE + 1)
            few = in_runs(starts) & ~many
            self._close_by(both[few], mine[few], (band, later))
            self._crowded[self._open(both[many], mine[many])[1]] = True

    def _open(self, keys: Keys, ranks: Ranks) -> tuple[Keys, Ranks]:
        """The rows of those keys that several clusters have, unless all of them are crowded."""
        if not len(keys):
            return keys, ranks
        starts = run_starts(keys)
        first = np.flatnonzero(starts)
        names = self.clusters.find(ranks)
        wanted = np.minimum.reduceat(names, first) != np.maximum.reduceat(names, first)
        wanted &= ~np.logical_and.reduceat(self._crowded[ranks], first)
        these = wanted[np.cumsum(starts) - 1]
        return keys[these], ranks[these]

    def _stars(self, keys: Keys, ranks: Ranks) -> None:
        """Compare the first row that has a key with all that do, then the first of those that are no twins of that one."""
        alone = np.ones(len(ranks), np.bool_)  # no twin of a row that was compared with all
        for _ in range(STARS):
            going = np.isin(keys, keys[alone])
            keys, ranks, alone = keys[going], ranks[going], alone[going]
            if not len(ranks):
                break
            _, number = np.unique(keys, return_inverse=True)
            center = ranks[alone][np.unique(keys[alone], return_index=True)[1]][number]
            for start, end in self._slices(ranks):
                self._compare(center[start:end], ranks[start:end])
            alone &= self.clusters.find(center) != self.clusters.find(ranks)

    def _close_by(self, keys: Keys, ranks: Ranks, bands: tuple[int, ...]) -> None:
        """Compare all rows that have the same key, which few have: that of one of the ``bands``, or of two."""
        for start, end in self._slices(ranks):
            self._close(keys[start : end + CLOSE], ranks[start : end + CLOSE], end - start, bands)

    def _close(self, keys: Keys, ranks: Ranks, size: int, bands: tuple[int, ...]) -> None:
        """Compare the first ``size`` rows with those after them that have the same key."""
        left, right = [], []
        agree = np.arange(size)  # with the row so far after it: nearer ones have the key of both
        for apart in range(1, CLOSE + 1):
            agree = agree[agree < len(keys) - apart]
            agree = agree[keys[agree] == keys[agree + apart]]
            if not len(agree):
                break
            left.append(ranks[agree])
            right.append(ranks[agree + apart])
        if left:
            self._compare(np.concatenate(left), np.concatenate(right), bands)

    def _compare(self, left: Ranks, right: Ranks, bands: tuple[int, ...] = ()) -> None:
        """Link those pairs that are twins, unless they are of one cluster already. All of them agree in the ``bands``; one that
        agrees in others before is left out, since it was compared there, or is crowded."""
        apart = self.clusters.find(left) != self.clusters.find(right)
        left, right = left[apart], right[apart]
        pieces = range(0, len(left), _PAIRS)
        likely = [self._likely(left[start : start + _PAIRS], right[start : start + _PAIRS], bands) for start in pieces]
        if not any(piece.any() for piece in likely):
            return
        left, right = left[np.concatenate(likely)], right[np.concatenate(likely)]
        score = self._similarity(left, right)
        near = score >= self._threshold
        self._link(left[near], right[near], score[near])

    def _likely(self, left: Ranks, right: Ranks, bands: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """Which pairs agree in so many bands as twins do, and of those up to the last of ``bands`` in no others."""
        one, two = (self._keys[self._sketches.rows(side)] for side in (left, right))
        agree = one == two
        likely = np.count_nonzero(agree, axis=1) >= AGREE
        if bands:
            likely &= np.count_nonzero(agree[:, : bands[-1] + 1], axis=1) == len(bands)
        return np.asarray(likely, np.bool_)

    def _link(self, left: Ranks, right: Ranks, score: npt.NDArray[np.float64]) -> None:
        self.clusters.join(left, right)
        np.maximum.at(self.score, left, score)
        np.maximum.at(self.score, right, score)

    def _similarity(self, left: Ranks, right: Ranks) -> npt.NDArray[np.float64]:
        """Exact Jaccard similarity of pairs of rows; 0 for those of two scopes."""
        rows, places = np.unique(np.concatenate((left, right)), return_inverse=True)
        counts = self._counts[rows].astype(np.int64)
        tokens = self._sketches.tokens(rows, counts)
        of = sets(shingles(tokens, np.cumsum(counts) - counts, counts))
        one, two = np.split(places, 2)
        found = jaccards(of, one, two)
        if self._view == "query":
            found[self._scopes[rows[one]] != self._scopes[rows[two]]] = 0
        return found
