"""Which sets share a key, pair by pair, as few pairs as will do to find all clusters.

Of sets that share one key most may be of one cluster already. Then only pairs of two clusters are gone through: those of all
that are not in the largest cluster of the key, not those within it, however large it is.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from pairsmith.validators.characters import Offsets
from pairsmith.validators.clusters import Clusters
from pairsmith.validators.minhash import Words
from pairsmith.validators.runs import in_runs, pieces, run_starts
from pairsmith.validators.sketches import Ranks

NEIGHBOURS = 4  # sets after each that it is compared with first: what is alike comes into one cluster at small cost

_PAIRS = 500_000  # gone through at once: some 50 MB
_SLACK = 1e-9  # a bound is a little too wide rather than too narrow; the exact similarity decides

Pairs = Iterator[tuple[Ranks, Ranks]]


def least_shared(threshold: float, one: Offsets, two: Offsets) -> npt.NDArray[np.float64]:
    """How many values sets of two sizes share at least whose Jaccard similarity is the threshold or more."""
    return np.asarray((threshold / (1 + threshold) - _SLACK) * (one + two), np.float64)


class SharedKeys:
    """Entries of sets under some keys: :meth:`pairs` of those under one key that may be near.

    Entries stand in the order of their keys, under one key the smallest sets first. Keeps some 40 bytes an entry.
    """

    def __init__(self, keys: Words, rows: Ranks, sizes: Offsets, places: Offsets, threshold: float) -> None:
        """``sizes``: of the sets of ``rows``; ``places``: of the key among the values of the set, the rarest first."""
        order = np.lexsort((rows, sizes, keys))
        order = order[in_runs(run_starts(keys[order]))]
        self._threshold = threshold
        self._rows, self._sizes = rows[order], sizes[order]
        self._rest = self._sizes - places[order]  # values that a pair can share whose first shared one this is
        self._run = np.cumsum(run_starts(keys[order])) - 1
        most = int(self._sizes.max(initial=0)) + 1
        largest = np.minimum(self._sizes / threshold + _SLACK * most, most - 1).astype(np.int64)
        self._ends = np.searchsorted(self._run * most + self._sizes, self._run * most + largest, "right")

    def pairs(self, clusters: Clusters) -> Pairs:
        """Pairs of rows, the smaller set's first. Those that are near are to be joined before the next ones are asked for."""
        every = np.arange(len(self._rows))
        first = every[self._rest >= least_shared(self._threshold, self._sizes, self._sizes)]
        yield from self._beside(first, every, np.minimum(self._ends, every + 1 + NEIGHBOURS), lambda left: left > -1)
        largest = self._rows[self._largest(clusters)]

        def outside(entries: Offsets) -> npt.NDArray[np.bool_]:
            return np.asarray(
                clusters.find(self._rows[entries]) != clusters.find(largest[self._run[entries]]), np.bool_
            )

        yield from self._beside(first, every, self._ends, outside)
        within, others = first[~outside(first)], every[outside(every)]
        yield from self._beside(within, others, self._ends, lambda left: left > -1)

    def _largest(self, clusters: Clusters) -> Offsets:
        """Of each key an entry in the cluster that most of its entries are in."""
        roots = clusters.find(self._rows)
        order = np.lexsort((roots, self._run))
        heads = np.flatnonzero(run_starts(self._run[order], roots[order]))
        lengths, heads = np.diff(heads, append=len(order)), order[heads]
        heads = heads[np.lexsort((lengths, self._run[heads]))]
        largest: Offsets = heads[np.append(np.diff(self._run[heads]) > 0, np.ones(min(len(heads), 1), np.bool_))]
        return largest

    def _beside(
        self, left: Offsets, others: Offsets, ends: Offsets, wanted: Callable[[Offsets], npt.NDArray[np.bool_]]
    ) -> Pairs:
        """Pairs of each of ``left`` that is ``wanted`` when its turn comes and those of ``others`` after it, before its end."""
        begins = np.searchsorted(others, left, "right")
        counts = np.maximum(np.searchsorted(others, ends[left]) - begins, 0)
        some = counts > 0
        left, begins, counts = left[some], begins[some], counts[some]
        for start, end in pieces(counts, _PAIRS):
            mine = start + np.flatnonzero(wanted(left[start:end]))
            size = counts[mine]
            one = np.repeat(left[mine], size)
            two = others[np.repeat(begins[mine] - np.cumsum(size) + size, size) + np.arange(len(one))]
            least = least_shared(self._threshold, self._sizes[one], self._sizes[two])
            may = np.minimum(self._rest[one], self._rest[two]) >= least
            yield self._rows[one[may]], self._rows[two[may]]
