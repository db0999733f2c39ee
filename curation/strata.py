"""Whether numbers of two samples differ from each other where both are of one kind: lengths of texts that were to be as long.

What was asked for says most of how long a text is. Among texts that were asked for alike chance is half as large, and a shift
of all is seen in a quarter of the rows; how often what was asked for makes no difference to it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pairsmith.curation.two_samples import Histogram, RankSum, aligned, median_of, rank_sum

Strata = Mapping[str, Mapping[int, int]]
"""Kind -> value -> how often it occurs."""

_LEAST = 0.5  # median of which a factor is told: lengths are whole numbers


class Alike(NamedTuple):
    """How numbers of the second sample differ from those of the first one that are of their kind.

    ``shift``: by which share the medians are larger; ``more``: how much oftener than every other time a number of the second
    is larger than one of the first, -0.5 to 0.5; both the mean of the kinds. ``log_chance``: van Elteren's test.
    """

    shift: float
    more: float
    log_chance: float


def alike(sample: Strata, other: Strata) -> Alike:
    """Compare the kinds that both samples have; where there is none, nothing differs.

    The sum of ranks of each kind counts by the inverse of its rows (van Elteren, "On the combination of independent two
    sample tests of Wilcoxon", Bulletin of the International Statistical Institute 37, 1960): with the rarer of the two.
    """
    total, rows, shift, more = RankSum(0.0, 0.0, 0.0), 0.0, 0.0, 0.0
    for kind in sorted(sample.keys() & other.keys()):
        if sample[kind] and other[kind]:
            one = _Kind.of(sample[kind], other[kind])
            total = total.plus(one.ranks, 1 / (one.rows + 1))
            rows, shift, more = rows + one.weight, shift + one.weight * one.shift, more + one.weight * one.more
    return Alike(float(np.expm1(shift / rows)), more / rows, total.log_chance) if rows else Alike(0.0, 0.0, 0.0)


class _Kind(NamedTuple):
    rows: float
    weight: float
    shift: float
    more: float
    ranks: RankSum

    @classmethod
    def of(cls, sample: Histogram, other: Histogram) -> "_Kind":
        values, first, second = aligned(sample, other)
        n, m, ranks = first.sum(), second.sum(), rank_sum(first, second)
        medians = [max(median_of(values, counts), _LEAST) for counts in (first, second)]
        return cls(n + m, n * m / (n + m), float(np.log(medians[1] / medians[0])), ranks.excess / (n * m), ranks)
