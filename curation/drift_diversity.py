"""Drift of how varied rows are: repeated queries and tasks, the commonest of them, distinct n-grams.

Only what gets worse counts: a set that repeats itself less is no regression. What repeats by chance does so more often the
more rows there are, so a larger second set is thinned to the size of the first one. A larger first one is not: its rows may be
alike in pairs that were made together, which thinning would part, and then a second one made the same way would seem worse.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from math import log

import numpy as np

from pairsmith.curation.diversity import Spectrum, distinct_shares, lacking_bits, repeats, size_of
from pairsmith.curation.drift_tests import Least, Test, percent
from pairsmith.curation.finding import Finding
from pairsmith.curation.profile import Profile
from pairsmith.curation.two_samples import shares, two_sided

REPEATED = {
    "query": Least(0.005, 1.25, 0.05, "a repeated query weighs twice; 3 % for 1 % must be found, so a quarter counts"),
    "task": Least(0.02, 1.1, 0.1, "several rows a task cost a point of the benchmark; 2 points of the rows count"),
}
COMMONEST = Least(0.1, 5, 0.2, "a tenth of all rows, and five times as many as were: one query or task takes over")
BITS = 0.25
BITS_REASON = "a quarter of a bit is as if a sixth of the tasks were gone"
NGRAMS = 0.05
NGRAMS_REASON = "5 % is as if every twentieth pair of tokens were the same phrase in all rows"


def diversity_tests(baseline: Profile, other: Profile) -> Iterator[Test]:
    """A test for each figure that both sets tell."""
    for name in REPEATED:
        was, now = baseline.repeated.get(name), other.repeated.get(name)
        if was and now:
            yield _repeated(name, was, now)
            yield _commonest(name, was, now)
            if name == "task":
                yield _entropy(was, now)
    if len(baseline.sample.ngrams) > 1 and len(other.sample.ngrams) > 1:
        yield _ngrams(baseline.sample.ngrams, other.sample.ngrams)


def _repeated(name: str, was: Spectrum, now: Spectrum) -> Test:
    """Rows whose query or task stands in another row too, above one each.

    Surely more only if it is so for rows and for things: some that come a hundred times each are not hundreds of chances.
    """
    rows, kept = size_of(was), min(size_of(was), size_of(now))
    (before, variance), (after, other_variance) = repeats(was), repeats(now, kept / size_of(now))
    hits = [np.array([round(share * of)]) for share, of in ((before, rows), (after, kept))]
    by_rows = float(shares(hits[0], rows, hits[1], kept)[0])
    by_things = _by_spread(after - before, variance + other_variance)
    least = REPEATED[name]
    told = partial(
        Finding,
        f"drift.repeated.{name}",
        f"rows that repeat a {name}, of {kept:,}, went from {percent(before)} to {percent(after)}",
        after,
        before,
        least.bound(before, after),
        least.reason,
        least.times(before, after),
    )
    return Test(max(by_rows, by_things), after > before and bool(least.reached(before, after)), told)


def _commonest(name: str, was: Spectrum, now: Spectrum) -> Test:
    """Rows of the one query or task that most rows have; it counts as often as it would occur in as many rows as ``was``.

    As a share alone it would be the larger the fewer rows there are, where rows of one task are made together.
    """
    rows, hits = [size_of(one) for one in (was, now)], [max(one) for one in (was, now)]
    before, after = (most / of for most, of in zip(hits, rows, strict=True))
    chance = shares(np.array(hits[:1]), rows[0], np.array(hits[1:]), rows[1])[0]
    told = partial(
        Finding,
        f"drift.commonest.{name}",
        f"rows of the commonest {name} went from {percent(before)} to {percent(after)}",
        after,
        before,
        COMMONEST.bound(before, after),
        COMMONEST.reason,
        COMMONEST.times(before, after),
    )
    oftener = hits[1] * min(1.0, rows[0] / rows[1]) >= COMMONEST.ratio * hits[0]
    return Test(float(chance), oftener and after > before and bool(COMMONEST.reached(before, after)), told)


def _entropy(was: Spectrum, now: Spectrum) -> Test:
    """Of tasks, by what it lacks of its most: how many bits that is hangs on the number of rows."""
    kept = min(1.0, size_of(was) / size_of(now))
    (before, variance), (after, other_variance) = lacking_bits(was), lacking_bits(now, kept)
    told = partial(
        Finding,
        "drift.diversity.task_entropy",
        f"the entropy of tasks lacks {after:.2f} bits of its most, where it lacked {before:.2f}",
        after,
        before,
        before + BITS,
        BITS_REASON,
        (after - before) / BITS,
    )
    return Test(_by_spread(after - before, variance + other_variance), after - before >= BITS, told)


def _by_spread(difference: float, variance: float) -> float:
    """Log chance of a normal number as far from 0."""
    return float(two_sided(difference / variance**0.5)) if variance else 0.0


def _ngrams(was: Sequence[Spectrum], now: Sequence[Spectrum]) -> Test:
    """Student's test of the shares in blocks of rows, their variance pooled."""
    from scipy.special import stdtr

    size = min(map(size_of, (*was, *now)))
    first, second = (np.array(distinct_shares(one, size)) if size else np.ones(2) for one in (was, now))
    before, after = float(first.mean()), float(second.mean())
    free = len(first) + len(second) - 2
    spread = (first.var() * len(first) + second.var() * len(second)) / free * (1 / len(first) + 1 / len(second))
    chance = 2 * stdtr(free, -abs(after - before) / np.sqrt(spread)) if spread else 1.0
    told = partial(
        Finding,
        "drift.diversity.distinct_ngrams",
        f"distinct n-grams, of {size:,}, went from {percent(before)} to {percent(after)}",
        after,
        before,
        before * (1 - NGRAMS),
        NGRAMS_REASON,
        (1 - after / before) / NGRAMS,
    )
    return Test(log(max(chance, 1e-300)), 1 - after / before >= NGRAMS, told)
