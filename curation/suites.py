"""What ``quality.yml`` bounds, as expectations: of a release's metrics, and of its rows as far as a table of them can tell.

=======================  =========================================================================================
bound                    expectation of the rows
=======================  =========================================================================================
``schema.missing``       the columns of a release are there, where none may be missing
``rows``                 so many rows
``duplicates.rate``      texts once each, up to twice the rate: of two rows that are alike, one counts as repeated
``shares.<column>.<x>``  at least, at most that share of the rows has the value; not of ``document_language``
=======================  =========================================================================================

What else holds of each row is no matter of a bound: it is what a release is. Bounds whose findings are lived with are left
out.
"""

import json
from collections.abc import Iterable, Iterator
from math import ceil, floor, isfinite, nextafter
from typing import Any

from pairsmith.curation.check import Report
from pairsmith.curation.metrics import ADDED, LATER
from pairsmith.curation.quality import Bound, Quality
from pairsmith.factory.records import RELEASE, Mark
from pairsmith.factory.taxonomy import GROUPS

DRIFT, STALE = "drift.findings", "known_issues.not_found"
"""Metrics that only the suite has: how many findings of the check are of drift, and of known issues that are none any more."""

_TEXTS = ("query", "positive")
_SHARED = ("group", "query_language", "model")  # shares.document_language counts rows in two languages alone
_TWICE = 2  # rows that are alike are unexpected all of them, and repeated all but one: at most twice as many


def row_suite(gx: Any, report: Report, quality: Quality, columns: Iterable[str]) -> Any:
    """What holds of the table of rows, which has ``columns``."""
    suite = gx.ExpectationSuite(name="pairsmith-rows")
    for one in (*_of_release(gx.expectations, set(columns)), *_of_bounds(gx.expectations, report, quality)):
        suite.add_expectation(one)
    return suite


def metric_suite(gx: Any, report: Report, quality: Quality) -> Any:
    """What holds of the line of metrics: it holds where the check does. Bounds against the baseline are the numbers that they
    come to."""
    suite = gx.ExpectationSuite(name="pairsmith-metrics")
    for name, bound in _asked(report, quality):
        limits = _limits(*bound.limits(report.baseline_metrics.get(name)))
        if limits:
            one = gx.expectations.ExpectColumnMaxToBeBetween(column=name, notes=bound.reason, **limits)
        else:  # it would move against a baseline: without one it has to be there
            one = gx.expectations.ExpectColumnValuesToNotBeNull(column=name, notes=bound.reason)
        suite.add_expectation(one)
    for name, reason in _counted(report, quality).items():
        suite.add_expectation(gx.expectations.ExpectColumnMaxToBeBetween(column=name, max_value=0, notes=reason))
    return suite


def metric_line(report: Report, quality: Quality) -> dict[str, float | None]:
    """The metrics that :func:`metric_suite` speaks of; None where one was not measured, or not in the baseline it is put to."""
    found = {name: _told(report, name, bound) for name, bound in _asked(report, quality)}
    others = [one.metric for one in report.findings if one.metric not in quality.metrics]
    stale = sum(name.startswith("known_issues.") for name in others)
    return found | {name: float(stale if name == STALE else len(others) - stale) for name in _counted(report, quality)}


def as_text(suite: Any) -> str:
    """The suite as Great Expectations reads it, sorted, without the names that it makes up anew each time."""
    data = suite.to_json_dict()
    data.pop("id", None)
    for one in data["expectations"]:
        one.pop("id", None)
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _asked(report: Report, quality: Quality) -> Iterator[tuple[str, Bound]]:
    """Bounds that the check put to the release, and whose findings are not lived with."""
    known = {finding.metric for finding, _ in report.known}
    for name, bound in quality.metrics.items():
        measured = name in report.metrics
        none_added = name.startswith(ADDED) and report.metrics.get("rows.added") == 0
        untold = name in report.skipped or none_added or report.note
        if name not in known and (measured or not untold):
            yield name, bound


def _told(report: Report, name: str, bound: Bound) -> float | None:
    compared = report.baseline is None or not bound.compares or name in report.baseline_metrics
    return report.metrics.get(name) if compared else None


def _counted(report: Report, quality: Quality) -> dict[str, str]:
    """Metrics that only the suite has, with the reason for their bound, which is 0."""
    found = {}
    if report.baseline and quality.drift.enabled:
        found[DRIFT] = (
            f"rows are like the baseline's; by chance a comparison finds something in {quality.drift.alpha:.1%}"
        )
    if report.baseline and quality.known_issues:
        found[STALE] = "an exemption that nobody needs hides the next regression"
    return found


def _limits(low: float, high: float) -> dict[str, float]:
    both = {"min_value": low, "max_value": high}
    return {name: value for name, value in both.items() if isfinite(value)}


def _of_release(expect: Any, columns: set[str]) -> Iterator[Any]:
    """What each release is: ids once each, no text missing or empty, known groups and marks."""
    if "id" in columns:
        yield expect.ExpectColumnValuesToBeUnique(column="id", notes="a row keeps its id for life")
    for field in RELEASE:
        if not field.nullable and field.name in columns:
            yield expect.ExpectColumnValuesToNotBeNull(column=field.name, notes="of every row it is known")
    for name in columns.intersection(_TEXTS):
        reason = "an empty text teaches nothing"
        yield expect.ExpectColumnValueLengthsToBeBetween(column=name, min_value=1, notes=reason)
    for name, known in (("group", sorted(GROUPS)), ("review", [mark.value for mark in Mark])):
        if name in columns:
            reason = "another value is of another version of Pairsmith"
            yield expect.ExpectColumnValuesToBeInSet(column=name, value_set=known, notes=reason)


def _of_bounds(expect: Any, report: Report, quality: Quality) -> Iterator[Any]:
    """Bounds that can be said of the table of rows."""
    for name, bound in _asked(report, quality):
        low, high = bound.limits(report.baseline_metrics.get(name))
        if name == "schema.missing" and high == 0:
            wanted = [column for column in RELEASE.names if column not in LATER]
            yield expect.ExpectTableColumnsToMatchSet(column_set=wanted, exact_match=False, notes=bound.reason)
        elif name == "rows" and (limits := _limits(low, high)):
            whole = {side: ceil(limit) if side == "min_value" else floor(limit) for side, limit in limits.items()}
            yield expect.ExpectTableRowCountToBeBetween(notes=bound.reason, **whole)
        elif name == "duplicates.rate" and 0 <= high < 1 / _TWICE:
            mostly = _rest(_TWICE * high)
            yield expect.ExpectColumnValuesToBeUnique(column="content_hash", mostly=mostly, notes=bound.reason)
        elif name.startswith("shares."):
            yield from _share(expect, name, low, high, bound.reason)


def _share(expect: Any, name: str, low: float, high: float, reason: str) -> Iterator[Any]:
    """A share between ``low`` and ``high`` of the rows has the value that the metric ``name`` ends in."""
    _, column, value = name.split(".", 2)
    if column not in _SHARED:
        return
    if 0 < low <= 1:
        yield expect.ExpectColumnValuesToBeInSet(column=column, value_set=[value], mostly=low, notes=reason)
    if 0 <= high < 1:
        yield expect.ExpectColumnValuesToNotBeInSet(column=column, value_set=[value], mostly=_rest(high), notes=reason)


def _rest(share: float) -> float:
    """What is left of all rows; a hair less, so that what is rounded does not fail."""
    return nextafter(1 - share, 0) if share else 1.0
