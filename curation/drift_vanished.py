"""Categories of a baseline of which nothing is left in the version that goes on from it.

For versions that share rows only: there a row that is gone was taken out, and chance has no part in it, so that nothing is
tested. Between sets of different rows a rare category may be missing by chance; see :mod:`pairsmith.curation.drift` for those.
"""

from collections import Counter

from pairsmith.curation.drift_tests import percent
from pairsmith.curation.finding import Finding
from pairsmith.curation.profile import CATEGORIES, Profile

FEWEST = 5
"""Rows of a category that must have been there: the last one or two may go because they were wrong."""
REASON = f"{FEWEST} rows of a kind are not all wrong by chance: who takes out a kind should know it"


def vanished(baseline: Profile, other: Profile) -> list[Finding]:
    """The groups, languages and models of at least :data:`FEWEST` rows that are gone, those with the most rows first."""
    gone = [
        (count, dimension, name)
        for dimension in CATEGORIES
        for name, count in baseline.shares.get(dimension, Counter()).items()
        if count >= FEWEST and not other.shares.get(dimension, Counter())[name]
    ]
    return [_told(baseline, *each) for each in sorted(gone, key=lambda one: (-one[0], *one[1:]))]


def _told(baseline: Profile, count: int, dimension: str, name: str) -> Finding:
    was = count / baseline.rows
    return Finding(
        f"drift.{dimension}.{name}",
        f"{dimension} '{name}' is gone with all its {count:,} rows, {percent(was)} of the baseline",
        0.0,
        was,
        1 / baseline.rows,
        REASON,
        severity=count / FEWEST,
        examples=tuple(baseline.examples.get(dimension, {}).get(name, ())),
    )
