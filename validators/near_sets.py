"""Which texts share at least so many of their shingles: all pairs, none is missed, however many texts are alike.

Two sets that are near share one of the rarest shingles of each (prefix filter; Chaudhuri, Ganti, Kaushik 2006, "A primitive
operator for similarity joins in data cleaning"), and where the first shared one stands bounds how many they can share
(position filter; Xiao, Wang, Lin, Yu 2008, "Efficient similarity joins for near duplicate detection"). Sketches by MinHash
are faster for long texts, but miss pairs among very many that begin alike: good enough to drop duplicates, not to keep
splits apart.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pairsmith.validators.characters import Offsets
from pairsmith.validators.clusters import Clusters
from pairsmith.validators.minhash import Words
from pairsmith.validators.runs import pieces, run_starts
from pairsmith.validators.similarity import jaccards, sets, shingles
from pairsmith.validators.sketches import Ranks, Sketches
from pairsmith.validators.tokens import Ragged

_COUNTERS = 1 << 22  # how common a shingle is, counted by the lower bits of its hash: any fixed order will do
_TOKENS = 1_000_000  # of the texts whose shingles are held at once: some 50 MB
_POSTINGS = 2_000_000  # that are put in order at once: some 100 MB
_SLACK = 1e-9  # a bound is a little too wide rather than too narrow; the exact similarity decides


class NearSets:
    """The sets of shingles of the texts of some rows. Keeps 30 bytes a row, and on disk 12 for each of its rarest shingles."""

    def __init__(self, sketches: Sketches, tokens: str, threshold: float) -> None:
        """``tokens``: the column that says how many of its tokens make a row's text, 0 for one without shingles."""
        self._sketches = sketches
        self._counts = sketches.by_rank(tokens, np.int32)
        self._threshold = threshold
        self._sizes = np.zeros(len(sketches), np.int64)
        self._bits = np.zeros(len(sketches), np.uint64)  # one for each shingle: sets with other bits share less

    def link(self, chosen: Ranks, clusters: Clusters) -> None:
        """Join the clusters of all pairs of ``chosen`` rows whose Jaccard similarity is the threshold or more."""
        chosen = chosen[self._counts[chosen] > 0]
        postings = self._sketches.end_to_end(self._postings(chosen)).reshape(-1, 3)
        parts = -(-len(postings) // _POSTINGS)
        for part in range(parts):
            keys, ranks, places = postings[postings[:, 0] % parts == part].T
            order = np.lexsort((self._sizes[ranks], keys))
            for left, right in self._candidates(keys[order], ranks[order], places[order].astype(np.int64), clusters):
                self._join(left, right, clusters)

    def _postings(self, chosen: Ranks) -> Iterator[Words]:
        """(postings, 3): key of a shingle, rank of the row, and the shingle's place among the row's, the rarest first.

        Only of the first places: two rows that are near share one of these.
        """
        common = self._common(chosen)
        for ranks in self._slices(chosen):
            of = self._sets(ranks)
            self._sizes[ranks] = of.counts
            self._bits[ranks] = np.bitwise_or.reduceat(np.uint64(1) << of.values % np.uint64(64), of.starts[:-1])
            text = np.repeat(np.arange(len(ranks)), of.counts)
            order = np.lexsort((of.values, common[_counter(of.values)], text))
            places = np.arange(len(text)) - of.starts[:-1][text]
            first = places <= (of.counts - np.ceil(self._threshold * of.counts - _SLACK))[text]
            keys = of.values[order[first]] % np.uint64(1 << 32)
            yield np.stack((keys, ranks[text[first]], places[first]), axis=1).astype(np.uint32)

    def _common(self, chosen: Ranks) -> Offsets:
        """How often the shingles of each counter occur."""
        found = np.zeros(_COUNTERS, np.int64)
        for ranks in self._slices(chosen):
            found += np.bincount(_counter(self._sets(ranks).values), minlength=_COUNTERS)
        return found

    def _candidates(
        self, keys: Words, ranks: Ranks, places: Offsets, clusters: Clusters
    ) -> Iterator[tuple[Ranks, Ranks]]:
        """Pairs that share a key and may be near, of two clusters. Of one key the smallest sets come first."""
        sizes, starts = self._sizes[ranks], run_starts(keys)
        rest = sizes - places  # shingles that a pair can share whose first shared one this is
        left = np.flatnonzero(rest >= self._least(sizes, sizes))
        apart = 1
        while len(left := left[left < len(keys) - apart]):
            right = left + apart
            left = left[(keys[left] == keys[right]) & (sizes[left] >= self._threshold * sizes[right] - _SLACK)]
            right = left + apart
            least = self._least(sizes[left], sizes[right])
            may = np.minimum(rest[left], rest[right]) >= least
            yield ranks[left[may]], ranks[right[may]]
            if apart & (apart - 1) == 0:  # now and then
                left = left[_open(starts, clusters.find(ranks))[left]]
            apart += 1

    def _least(self, one: Offsets, two: Offsets) -> npt.NDArray[np.float64]:
        """How many shingles sets of two sizes share at least that are near."""
        return np.asarray(self._threshold / (1 + self._threshold) * (one + two) - _SLACK * (one + two), np.float64)

    def _join(self, left: Ranks, right: Ranks, clusters: Clusters) -> None:
        """Join those pairs that are near, piece by piece: many are of one cluster when their turn comes."""
        other = np.bitwise_count(self._bits[left] ^ self._bits[right])
        both = self._sizes[left] + self._sizes[right]
        may = both - other >= 2 * self._least(self._sizes[left], self._sizes[right])
        left, right = left[may], right[may]
        for start, end in pieces(self._counts[left] + self._counts[right], _TOKENS):
            one, two = left[start:end], right[start:end]
            apart = clusters.find(one) != clusters.find(two)
            one, two = one[apart], two[apart]
            if len(one):
                near = self._similarity(one, two) >= self._threshold
                clusters.join(one[near], two[near])

    def _similarity(self, left: Ranks, right: Ranks) -> npt.NDArray[np.float64]:
        ranks, places = np.unique(np.concatenate((left, right)), return_inverse=True)
        one, two = np.split(places, 2)
        return jaccards(self._sets(ranks), one, two)

    def _sets(self, ranks: Ranks) -> Ragged:
        counts = self._counts[ranks].astype(np.int64)
        return sets(shingles(self._sketches.tokens(ranks, counts), np.cumsum(counts) - counts, counts))

    def _slices(self, ranks: Ranks) -> Iterator[Ranks]:
        return (ranks[start:end] for start, end in pieces(self._counts[ranks], _TOKENS))


def _counter(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    return (values % np.uint64(_COUNTERS)).astype(np.int64)


def _open(starts: npt.NDArray[np.bool_], names: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Which entries stand in a run of several clusters."""
    first = np.flatnonzero(starts)
    several = np.minimum.reduceat(names, first) != np.maximum.reduceat(names, first)
    return np.asarray(several[np.cumsum(starts) - 1], np.bool_)
