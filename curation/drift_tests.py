"""One test of a drift report, and the effect from which a difference matters."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pairsmith.curation.finding import Finding


class Test(NamedTuple):
    """``log_chance``: of a difference like this without any change, by this test alone; ``counts``: whether the effect is large
    enough to be a finding; ``told``: what to say then, without ``p``, which hangs on all tests of the report."""

    log_chance: float
    counts: bool
    told: Callable[[], Finding]


class Least(NamedTuple):
    """Which change of a share counts: one of ``points`` of all rows that is also one by the factor ``ratio``, either way, or
    one of ``outright`` points alone; and, with ``presence``, that a category comes or goes, whatever its share."""

    points: float
    ratio: float
    outright: float
    reason: str
    presence: bool = False

    def reached(self, was: npt.ArrayLike, now: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether shares that ``was`` and are ``now`` differ by as much; the same with the two in each other's place."""
        was, now = np.asarray(was, np.float64), np.asarray(now, np.float64)
        low, high = np.minimum(was, now), np.maximum(was, now)
        by_ratio = (high - low >= self.points) & (high >= low * self.ratio)
        found: npt.NDArray[np.bool_] = (
            by_ratio | (high - low >= self.outright) | (self.presence & (low == 0) & (high > 0))
        )
        return found

    def bound(self, was: float, now: float) -> float:
        """What the share may be, on the side to which it moved, before it counts."""
        if now >= was:
            return min(max(was + self.points, was * self.ratio), was + self.outright)
        return max(min(was - self.points, was / self.ratio), was - self.outright, 0.0)

    def times(self, was: float, now: float) -> float:
        """How many times the change, seen from the smaller share, is the least one that counts; 1 at least."""
        low, high = sorted((was, now))
        return max(1.0, (high - low) / (self.bound(low, high) - low)) if high > low else 1.0


def percent(share: float) -> str:
    """A share as it is read: two digits that tell."""
    return f"{100 * share:.2g}%" if share < 0.1 else f"{100 * share:.1f}%"
