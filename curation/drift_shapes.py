"""Drift of what is measured in numbers: lengths of texts and scores of gates, by field and group."""

from collections.abc import Iterator
from functools import partial
from math import inf, log

from pairsmith.curation.drift_tests import Test
from pairsmith.curation.finding import Finding
from pairsmith.curation.profile import EXAMPLES, Profile, bin_of
from pairsmith.curation.two_samples import Histogram, Shape, shape

SHIFT = 0.04
"""Change of the median that counts: so far below the 10 % that must always be found that chance cannot hide those."""
DISTANCE = 0.015
"""Distance of the distributions that must be there beside it: a median alone leaps where few values are near it."""
APART = 0.1
"""Distance that counts whatever the median does: a tenth of all texts is elsewhere."""
REASON = (
    "a median 4 % off is well below the 10 % that must be found; apart by 0.1 means that a tenth of all is elsewhere"
)


def shape_tests(baseline: Profile, other: Profile) -> Iterator[Test]:
    """A test for each field and group, or gate, field and group, of which both sets have numbers."""
    for kind, was, now in (
        ("length", baseline.lengths, other.lengths),
        ("score", baseline.scores, other.scores),
    ):
        for name in sorted(was.keys() & now.keys()):
            if was[name] and now[name]:
                yield _test(f"{kind}.{name}", was[name], now[name], other)


def _test(name: str, was: Histogram, now: Histogram, other: Profile) -> Test:
    found = shape(was, now)
    shifted = _times(found) >= 1 and found.distance >= DISTANCE
    return Test(found.log_chance, shifted or found.distance >= APART, partial(_told, name, found, other))


def _told(name: str, found: Shape, other: Profile) -> Finding:
    return Finding(
        f"drift.{name}",
        f"{name.replace('.', ' of ', 1)}: the median went from {found.median:.3g} to {found.other_median:.3g} "
        f"({found.shift:+.1%}); at {found.at:.3g} the distributions are {found.distance:.2f} apart",
        found.other_median,
        found.median,
        found.median * (1 + SHIFT if found.shift > 0 else 1 / (1 + SHIFT)),
        REASON,
        severity=max(found.distance / APART, min(_times(found), found.distance / DISTANCE)),
        examples=_examples(name, found, other),
    )


def _times(found: Shape) -> float:
    """How many times the shift is the least one that counts, the same whichever set is the first one."""
    low, high = sorted((found.median, found.other_median))
    return log(high / low) / log(1 + SHIFT) if low > 0 else inf


def _examples(name: str, found: Shape, other: Profile) -> tuple[str, ...]:
    """Texts as long as where the distributions are furthest apart; there are none for scores."""
    kind, field, *_ = name.split(".")
    if kind != "length":
        return ()
    bins = other.examples.get(f"length.{field}", {})
    return tuple(bins.get(bin_of(int(found.at)), ())[:EXAMPLES])
