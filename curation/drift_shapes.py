"""Drift of what is measured in numbers: lengths of texts and scores of gates, by field and group.

Lengths are compared as they are, and among texts that were asked for alike: see :mod:`pairsmith.curation.strata`.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from math import inf, log
from typing import NamedTuple

from pairsmith.curation.drift_tests import Test
from pairsmith.curation.finding import Finding
from pairsmith.curation.profile import EXAMPLES, Profile, bin_of
from pairsmith.curation.strata import Alike, Strata, alike
from pairsmith.curation.two_samples import Shape, shape

SHIFT = 0.04
"""Change of the median that counts: so far below the 10 % that must always be found that chance cannot hide those."""
DISTANCE = 0.015
"""Distance of the distributions that must be there beside it: a median alone leaps where few values are near it."""
MORE = 0.01
"""The same of texts asked for alike: one of two, one from each set, is the longer one 51 times of a hundred."""
APART = 0.1
"""Distance that counts whatever the median does: a tenth of all texts is elsewhere."""
REASON = (
    "a median 4 % off is well below the 10 % that must be found; apart by 0.1 means that a tenth of all is elsewhere"
)
_NONE = Alike(0.0, 0.0, 0.0)


def shape_tests(baseline: Profile, other: Profile) -> Iterator[Test]:
    """A test for each field and group, or gate, field and group, of which both sets have numbers."""
    for name in sorted(baseline.lengths.keys() & other.lengths.keys()):
        strata = baseline.lengths[name], other.lengths[name]
        was, now = (sum(one.values(), Counter()) for one in strata)
        if was and now:
            yield _test(_Differences(f"length.{name}", shape(was, now), _alike(*strata)), other)
    for name in sorted(baseline.scores.keys() & other.scores.keys()):
        if baseline.scores[name] and other.scores[name]:
            found = shape(baseline.scores[name], other.scores[name])
            yield _test(_Differences(f"score.{name}", found, _NONE), other)


def _alike(was: Strata, now: Strata) -> Alike:
    """Nothing where all was asked for alike: that is what the shape of all tells."""
    return alike(was, now) if len(was.keys() | now.keys()) > 1 else _NONE


class _Differences(NamedTuple):
    """How the numbers of a field differ: all of them, and those asked for alike."""

    name: str
    all: Shape
    alike: Alike

    @property
    def shifted(self) -> float:
        """How many times the shift of the median is the least one that counts."""
        low, high = sorted((self.all.median, self.all.other_median))
        times = log(high / low) / log(1 + SHIFT) if low > 0 else inf if low < high else 0.0
        return min(times, self.all.distance / DISTANCE)

    @property
    def alike_shifted(self) -> float:
        """The same of what was asked for alike; nothing where more of it is longer and the median is smaller."""
        if self.alike.shift * self.alike.more <= 0:
            return 0.0
        return min(abs(log(1 + self.alike.shift)) / log(1 + SHIFT), abs(self.alike.more) / MORE)

    @property
    def apart(self) -> float:
        """How many times the distance is the one that counts whatever the median does."""
        return self.all.distance / APART

    @property
    def log_chance(self) -> float:
        """Of the two, each counted twice."""
        if self.alike == _NONE:
            return self.all.log_chance
        return min(0.0, min(self.all.log_chance, self.alike.log_chance) + log(2))


def _test(found: _Differences, other: Profile) -> Test:
    counts = max(found.shifted, found.alike_shifted, found.apart) >= 1
    return Test(found.log_chance, counts, partial(_told, found, other))


def _told(found: _Differences, other: Profile) -> Finding:
    whole, shift = found.all, found.alike.shift
    value, baseline = whole.other_median, whole.median
    what = f"the median went from {baseline:.3g} to {value:.3g} ({whole.shift:+.1%})"
    if found.alike_shifted > found.shifted:
        value = baseline * (1 + shift)
        what += f", {shift:+.1%} among texts asked for alike"
    what += f"; at {whole.at:.3g} the distributions are {whole.distance:.2f} apart"
    bound = baseline * (1 + SHIFT if value > baseline else 1 / (1 + SHIFT))
    if found.apart >= 1 > max(found.shifted, found.alike_shifted):
        value, baseline, bound = whole.distance, 0.0, APART
    return Finding(
        f"drift.{found.name}",
        f"{found.name.replace('.', ' of ', 1)}: {what}",
        value,
        baseline,
        bound,
        REASON,
        severity=max(1.0, found.shifted, found.alike_shifted, found.apart),
        examples=_examples(found.name, whole, other),
    )


def _examples(name: str, found: Shape, other: Profile) -> tuple[str, ...]:
    """Texts as long as where the distributions are furthest apart; there are none for scores."""
    kind, field, *_ = name.split(".")
    if kind != "length":
        return ()
    bins = other.examples.get(f"length.{field}", {})
    return tuple(bins.get(bin_of(int(found.at)), ())[:EXAMPLES])
