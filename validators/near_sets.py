"""Which texts share at least so many of their shingles: all pairs, none is missed, however many texts are alike.

Two sets that are near share one of the rarest shingles of each (prefix filter; Chaudhuri, Ganti, Kaushik 2006, "A primitive
operator for similarity joins in data cleaning"), and where the first shared one stands bounds how many they can share
(position filter; Xiao, Wang, Lin, Yu 2008, "Efficient similarity joins for near duplicate detection"). Most other pairs are
told apart by a few bits of each set (:mod:`pairsmith.validators.parity`). Sketches by MinHash are faster for long texts, but
miss pairs among very many that begin alike.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from pairsmith.validators.characters import Offsets
from pairsmith.validators.clusters import Clusters
from pairsmith.validators.minhash import Words
from pairsmith.validators.parity import VALUES, differing, parities, words_for
from pairsmith.validators.runs import pieces
from pairsmith.validators.shared_keys import SharedKeys, least_shared
from pairsmith.validators.similarity import jaccards, sets, shingles
from pairsmith.validators.sketches import Ranks, Sketches
from pairsmith.validators.tokens import Ragged

Found = Callable[[Ranks, Ranks, npt.NDArray[np.float64]], object]
"""Is told of pairs that are near, and of their similarity."""

_COUNTERS = 1 << 22  # how common a shingle is, counted by the lower bits of its hash: any fixed order will do
_TOKENS = 1_000_000  # of the texts whose shingles are held at once: some 50 MB
_POSTINGS = 500_000  # that are put in order at once: some 100 MB
_SLACK = 1e-9  # a bound is a little too wide rather than too narrow; the exact similarity decides


class NearSets:
    """The sets of shingles of the texts of some rows. Keeps 8 bytes a row; on disk some 4 bits for each shingle of the chosen
    ones, and 12 bytes for each of their rarest shingles that another one may have."""

    def __init__(
        self,
        sketches: Sketches,
        counts: npt.NDArray[np.int32],
        threshold: float,
        scopes: npt.NDArray[np.uint64] | None = None,
    ) -> None:
        """``counts``: by rank, how many of its tokens make a row's text, 0 for one without shingles. Texts of two ``scopes``
        share none."""
        self._sketches = sketches
        self._counts = counts
        self._scopes = scopes
        self._threshold = threshold

    def link(self, chosen: Ranks, clusters: Clusters, found: Found) -> None:
        """Find pairs of ``chosen`` rows whose Jaccard similarity is the threshold or more, so many that joining them gives
        the clusters of all such pairs: ``found`` is told of them, and must join their ``clusters``."""
        chosen = chosen[self._counts[chosen] > 0]
        self._place = np.zeros(len(self._counts), np.uint32)  # by rank: where it stands among the chosen
        self._place[chosen] = np.arange(len(chosen), dtype=np.uint32)
        self._sizes = np.zeros(len(chosen), np.int64)
        common = np.zeros(_COUNTERS, np.int64)
        words = words_for(self._counts[chosen])
        bits = self._sketches.end_to_end(self._bits(chosen, words, common))
        self._parities = bits.view(np.uint64).reshape(-1, words)
        postings = self._sketches.end_to_end(self._postings(chosen, common)).reshape(-1, 3)
        parts = -(-len(postings) // _POSTINGS)
        for part in range(parts):
            keys, ranks, places = postings[postings[:, 0] % parts == part].T
            shared = SharedKeys(keys, ranks, self._sizes[self._place[ranks]], places.astype(np.int64), self._threshold)
            for left, right in shared.pairs(clusters):
                self._join(left, right, clusters, found)

    def _bits(self, chosen: Ranks, words: int, common: Offsets) -> Iterator[Words]:
        """The parities of all rows. On the way their ``_sizes`` are set and ``common`` counts how often shingles occur."""
        for ranks in self._slices(chosen, words * VALUES):
            of = self._sets(ranks)
            self._sizes[self._place[ranks]] = of.counts
            common += np.bincount(_counter(of.values), minlength=_COUNTERS)
            yield parities(of, words).view(np.uint32)

    def _postings(self, chosen: Ranks, common: Offsets) -> Iterator[Words]:
        """(postings, 3): key of a shingle, rank of the row, and the shingle's place among the row's, the rarest first.

        Only of the first places: two rows that are near share one of these. None that occurs once.
        """
        for ranks in self._slices(chosen):
            of = self._sets(ranks)
            often = common[_counter(of.values)]
            text = np.repeat(np.arange(len(ranks)), of.counts)
            order = np.lexsort((of.values, often, text))
            places = np.arange(len(text)) - of.starts[:-1][text]
            first = places <= (of.counts - np.ceil(self._threshold * of.counts - _SLACK))[text]
            first &= often[order] > 1
            keys = of.values[order[first]] % np.uint64(1 << 32)
            yield np.stack((keys, ranks[text[first]], places[first]), axis=1).astype(np.uint32)

    def _join(self, left: Ranks, right: Ranks, clusters: Clusters, found: Found) -> None:
        """Tell of those pairs that are near, piece by piece: many are of one cluster when their turn comes."""
        one, two = self._place[left], self._place[right]
        sizes = self._sizes[one], self._sizes[two]
        most = sizes[0] + sizes[1] - differing(self._parities, one, two)  # twice what both can share
        may = most >= 2 * least_shared(self._threshold, *sizes)
        left, right = left[may], right[may]
        for start, end in pieces(self._counts[left] + self._counts[right], _TOKENS):
            one, two = left[start:end], right[start:end]
            apart = clusters.find(one) != clusters.find(two)
            one, two = one[apart], two[apart]
            if len(one):
                score = self._similarity(one, two)
                near = score >= self._threshold
                found(one[near], two[near], score[near])

    def _similarity(self, left: Ranks, right: Ranks) -> npt.NDArray[np.float64]:
        ranks, places = np.unique(np.concatenate((left, right)), return_inverse=True)
        one, two = np.split(places, 2)
        return jaccards(self._sets(ranks), one, two)

    def _sets(self, ranks: Ranks) -> Ragged:
        counts = self._counts[ranks].astype(np.int64)
        of = shingles(self._sketches.tokens(ranks, counts), np.cumsum(counts) - counts, counts)
        if self._scopes is None:
            return sets(of)
        return sets(Ragged(of.values + np.repeat(self._scopes[ranks], of.counts), of.starts))

    def _slices(self, ranks: Ranks, least: int = 0) -> Iterator[Ranks]:
        """Pieces of so few rows that their tokens may be held, or so many numbers for each as ``least``."""
        return (ranks[start:end] for start, end in pieces(np.maximum(self._counts[ranks], least), _TOKENS))


def _counter(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    return (values % np.uint64(_COUNTERS)).astype(np.int64)
