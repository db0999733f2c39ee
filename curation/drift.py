"""Whether other rows come from another distribution than a baseline's: tests that hold at any number of rows.

What is found must be both surely there (all tests of a report together raise a false alarm with at most the chance
``alpha``) and large enough to matter (:data:`LEAST`): with few rows a bare threshold cries wolf, with many a bare test does.
Where rows are in both sets, as in the whole of two versions, their differences are smaller than chance alone would make
them, so that alarms only get rarer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import exp, log
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pairsmith.curation.drift_diversity import diversity_tests
from pairsmith.curation.drift_shapes import shape_tests
from pairsmith.curation.drift_tests import Least, Test, percent
from pairsmith.curation.finding import Finding
from pairsmith.curation.profile import EXAMPLES, Profile
from pairsmith.curation.two_samples import Counts, Floats, holm, least_chance, shares

ALPHA = 0.005
"""Chance of a false alarm of one report. A check makes two, of the whole and of the added rows alone: 1 % together."""

OF_SHARES = 0.25
"""Part of ``alpha`` for the tests of shares; the rest is for those of whole distributions. There are ten times as many shares,
and a quarter of the chance costs each of them 0.3 standard errors; few distributions need not pay for them."""

RARE = "(rare)"
"""The categories of a dimension that are too rare to be told apart, together."""

LEAST = {
    "": Least(
        0.001,
        1.25,
        0.05,
        "a category halved must always be found, so a quarter counts; 5 points of all rows count",
        True,
    ),
    "length": Least(
        0.01, 1.25, 0.05, "a bin is an arbitrary cut: below 1 % of the texts the shape of lengths tells more"
    ),
    **dict.fromkeys(
        ("opening", "ending"),
        Least(
            0.01, 1.5, 0.05, "openings and endings follow their tasks, which differ: only a habit of the writer matters"
        ),
    ),
    "contact": Least(0.01, 1.5, 0.05, "an address or number may be a person's: one text in a hundred is a habit"),
    **dict.fromkeys(
        ("first", "last", "case"),
        Least(
            0.02,
            1.5,
            0.1,
            "signs and case follow the kinds of texts, whose shares differ a little: a tenth of all counts",
        ),
    ),
}
"""By the first part of a dimension's name; "" for all others."""


@dataclass(frozen=True)
class DriftSettings:
    """``alpha``: the chance that a report raises a false alarm; ``least``: the effects that count, see :data:`LEAST`."""

    alpha: float = ALPHA
    least: tuple[tuple[str, Least], ...] = tuple(LEAST.items())

    def least_of(self, dimension: str) -> Least:
        """The effect that counts in a dimension."""
        known = dict(self.least)
        return known.get(dimension.partition(".")[0], known[""])


def drift(baseline: Profile, other: Profile, settings: DriftSettings | None = None) -> list[Finding]:
    """What differs between two sets of rows, that which is least likely to be chance first: the cause before what follows.

    Empty where one of them has no row.
    """
    settings = settings or DriftSettings()
    if not baseline.rows or not other.rows:
        return []
    whole = [*shape_tests(baseline, other), *diversity_tests(baseline, other)]
    tables = _pooled(_dimensions(baseline, other), settings)
    by_share = [test for table in tables for test in _share_tests(table, baseline, other, settings)]
    found = [*_sure(by_share, OF_SHARES, settings.alpha), *_sure(whole, 1 - OF_SHARES, settings.alpha)]
    findings = [finding for _, finding in sorted(found, key=_order)]
    explained = {metric for table in tables for metric in _explained(table, findings, settings)}
    return [finding for finding in findings if finding.metric not in explained]


def _order(found: tuple[float, Finding]) -> tuple[float, bool, bool, str]:
    """Of two parts of one whole, which are equally unlikely, that which has a name and that which comes or goes stand first."""
    log_chance, finding = found
    rare = finding.metric.endswith(f".{RARE}")
    return round(log_chance, 6), rare, bool(finding.value and finding.baseline), finding.metric


def _sure(tests: Sequence[Test], part: float, alpha: float) -> list[tuple[float, Finding]]:
    """The findings of a family of tests that has this part of ``alpha``, each with its log chance by its test alone."""
    corrected = np.minimum(0.0, holm(np.array([test.log_chance for test in tests])) - log(part))
    return [
        (test.log_chance, replace(test.told(), p=exp(chance)))
        for test, chance in zip(tests, corrected, strict=True)
        if test.counts and chance <= log(alpha)
    ]


class _Table(NamedTuple):
    """Rows by category of one dimension, in the two sets."""

    dimension: str
    names: list[str]
    counts: Counts  # (2, categories)

    @property
    def rows(self) -> Counts:
        """Of all categories, in each of the two sets."""
        found: Counts = self.counts.sum(axis=1)
        return found

    def metric(self, place: int) -> str:
        """The dotted name of a category's share."""
        return f"drift.{self.dimension}.{self.names[place]}"


def _dimensions(baseline: Profile, other: Profile) -> list[_Table]:
    """Those of which both sets have rows."""
    sides = [{name: counts for name, counts in one.shares.items() if counts} for one in (baseline, other)]
    found = []
    for name in sorted(sides[0].keys() & sides[1].keys()):
        names = sorted(sides[0][name].keys() | sides[1][name].keys())
        counts = np.array([[side[name].get(one, 0) for one in names] for side in sides], np.int64).reshape(2, -1)
        found.append(_Table(name, names, counts))
    return [table for table in found if table.rows.all()]


def _pooled(tables: Sequence[_Table], settings: DriftSettings) -> list[_Table]:
    """The tables with all categories that no outcome could make a finding pooled in one, :data:`RARE`.

    Which those are hangs on the rows of both sets together alone, so that leaving them out costs the others nothing, and
    they need not be corrected for (Tarone, "A modified Bonferroni method for discrete data", Biometrics 46, 1990).
    """
    least = [np.where(_can_count(table, settings), _least(table), 0.0) for table in tables]
    possible = np.sort(np.concatenate([*least, np.empty(0)]))
    fixed = len(tables)  # the pooled ones
    level = log(OF_SHARES * settings.alpha)
    tests = np.arange(1, len(possible) + fixed + 1)
    reached = np.searchsorted(possible, level - np.log(tests), side="right") + fixed <= tests
    level -= log(tests[reached.argmax()]) if len(tests) else 0.0
    return [_pool(table, chances <= level) for table, chances in zip(tables, least, strict=True)]


def _least(table: _Table) -> Floats:
    return least_chance(table.counts.sum(axis=0), *map(int, table.rows))


def _can_count(table: _Table, settings: DriftSettings) -> npt.NDArray[np.bool_]:
    """Which categories could differ by enough, given how many rows of them there are in the two sets together."""
    both, (rows, others) = table.counts.sum(axis=0), table.rows
    least = settings.least_of(table.dimension)
    most, fewest = np.minimum(both, rows), np.maximum(0, both - others)
    ends = [least.reached(hits / rows, (both - hits) / others) for hits in (most, fewest)]
    return ends[0] | ends[1]


def _pool(table: _Table, testable: npt.NDArray[np.bool_]) -> _Table:
    names = [name for name, kept in zip(table.names, testable, strict=True) if kept]
    if testable.all():
        return table
    rest = table.counts[:, ~testable].sum(axis=1, keepdims=True)
    return _Table(table.dimension, [*names, RARE], np.hstack([table.counts[:, testable], rest]))


def _share_tests(table: _Table, baseline: Profile, other: Profile, settings: DriftSettings) -> list[Test]:
    least = settings.least_of(table.dimension)
    rows, others = map(int, table.rows)
    chances = shares(table.counts[0], rows, table.counts[1], others)
    was, now = table.counts[0] / rows, table.counts[1] / others
    told = (partial(_told, table, place, baseline, other, least) for place in range(len(table.names)))
    return [Test(*each) for each in zip(chances.tolist(), least.reached(was, now).tolist(), told, strict=True)]


def _told(table: _Table, place: int, baseline: Profile, other: Profile, least: Least) -> Finding:
    was, now = (table.counts[:, place] / table.rows).tolist()
    return Finding(
        table.metric(place),
        _said(table.dimension, table.names[place], was, now),
        now,
        was,
        least.bound(was, now),
        least.reason,
        severity=least.times(was, now),
        examples=_examples(table.dimension, table.names[place], baseline, other),
    )


def _said(dimension: str, name: str, was: float, now: float) -> str:
    if not now:
        return f"{dimension} '{name}' is gone: it was {percent(was)}"
    if not was:
        return f"{dimension} '{name}' is new: it is {percent(now)}"
    return f"{dimension} '{name}' {'rose' if now > was else 'fell'} from {percent(was)} to {percent(now)}"


def _examples(dimension: str, name: str, baseline: Profile, other: Profile) -> tuple[str, ...]:
    """Of the other set, or of the baseline where that has none."""
    for one in (other, baseline):
        if ids := one.examples.get(dimension, {}).get(name):
            return tuple(ids[:EXAMPLES])
    return ()


def _explained(table: _Table, found: Sequence[Finding], settings: DriftSettings) -> list[str]:
    """The metrics of findings that those before them explain: where a category goes, the shares of all others rise.

    The worst one is set apart, then a further one is kept if it still differs among the rows that are left.
    """
    places = {table.metric(place): place for place in range(len(table.names))}
    left, explained = table.counts.copy(), []
    least = settings.least_of(table.dimension)
    for metric in (one.metric for one in found if one.metric in places):
        hits, rows = left[:, places[metric]], left.sum(axis=1)
        was, now = hits / np.maximum(rows, 1)
        chance = shares(hits[:1], int(rows[0]), hits[1:], int(rows[1]))[0] if rows.all() else 0.0
        if chance <= log(settings.alpha) and bool(least.reached(was, now)):
            left[:, places[metric]] = 0
        else:
            explained.append(metric)
    return explained
