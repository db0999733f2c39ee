"""All pairs of sets that are at least so similar, exactly: what approximate methods are held against.

Prefix filter (Bayardo, Ma, Srikant 2007, "Scaling up all pairs similarity search"; Xiao et al. 2008): two sets that are that
similar share one of the few rarest elements of either, so that only sets which do are compared.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain

from pairsmith.factory.text import jaccard

Pairs = dict[tuple[int, int], float]
"""(smaller number, larger number) -> Jaccard similarity."""


def similar_pairs(sets: Sequence[set[str]], least: float) -> Pairs:
    """Pairs of ``sets`` (by their numbers) with a Jaccard similarity of at least ``least`` (above 0); empty ones have none."""
    often = Counter(chain.from_iterable(sets))
    by_element: defaultdict[str, list[int]] = defaultdict(list)
    pairs: Pairs = {}
    for number, one in enumerate(sets):
        rarest = sorted(one, key=lambda element: (often[element], element))
        prefix = rarest[: len(one) - math.ceil(least * len(one)) + 1]
        for other in set(chain.from_iterable(by_element[element] for element in prefix)):
            smaller, larger = sorted((len(one), len(sets[other])))
            if smaller >= least * larger and (found := jaccard(one, sets[other])) >= least:
                pairs[other, number] = found
        for element in prefix:
            by_element[element].append(number)
    return pairs
