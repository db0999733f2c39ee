"""Whether a release holds what ``quality.yml`` asks, and whether it is like the baseline: the whole, and what was added.

In cumulative versions a bad five per cent hides in the mass, and rows that both versions have make them more alike than
chance would: so the added rows alone are compared with the baseline too, and corrected ones with what they were. All findings
are told at once: causes before what follows from them, and of those of one kind the worst first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from pairsmith.curation.drift import DriftSettings, drift
from pairsmith.curation.drift_vanished import vanished
from pairsmith.curation.finding import Finding
from pairsmith.curation.measured import Looked, Measured, measure, profiled
from pairsmith.curation.metrics import ADDED, Metrics
from pairsmith.curation.profile import CATEGORIES, EXAMPLES, Profile, profile
from pairsmith.curation.quality import Bound, DriftBounds, KnownIssue, Quality
from pairsmith.curation.released_rows import NOTHING, Between, Released, between
from pairsmith.factory.errors import nearest
from pairsmith.factory.text import excerpt

CAUSES = ("schema", "files", "loss", "splits", "contamination", "pairing", "recheck", "duplicates", "negatives")
"""First words of metrics whose findings come first, in this order: each may be why those after it are found. Then all other
bounds, then drift, then what is said of known issues."""

OF_BOTH = (
    "rows.added",
    "rows.corrected",
    "rows.removed",
    "loss.unexplained",
    "splits.moved",
    "schema.changed",
    "duplicates.across_versions",
)
"""Metrics that take a baseline to tell."""

CORRECTED = "corrected."
"""Begins the names of findings of corrected rows alone."""

SHARED = 0.9
"""Share of the rows that are gone which must have a value in common for it to be named as what they share."""


@dataclass(frozen=True)
class Report:
    """What a check found. ``findings`` make it fail, ``known`` are lived with; ``held``: bounds that hold; ``skipped``: metrics
    that take a baseline, where there is none; ``rows``: those that findings name, by id."""

    release: str
    baseline: str | None
    findings: list[Finding]
    known: list[tuple[Finding, KnownIssue]]
    held: int
    skipped: list[str]
    metrics: Metrics
    baseline_metrics: Metrics
    rows: dict[str, dict[str, Any]]
    note: str = ""

    @property
    def holds(self) -> bool:
        """Nothing was found but what is known."""
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        """As plain data: each finding with the rows that it names; what is no number is null."""
        return {
            "release": self.release,
            "baseline": self.baseline,
            "holds": self.holds,
            "note": self.note,
            "findings": [self._finding(one) for one in self.findings],
            "known": [{**self._finding(one), "known": issue.reason} for one, issue in self.known],
            "held": self.held,
            "skipped": self.skipped,
            "metrics": dict(sorted(self.metrics.items())),
            "baseline_metrics": dict(sorted(self.baseline_metrics.items())),
        }

    def _finding(self, finding: Finding) -> dict[str, Any]:
        data = {name: None if value != value else value for name, value in finding.as_json().items()}  # NaN
        return {**data, "examples": [_example(one, self.rows.get(one)) for one in finding.examples]}


def check(release: Path, baseline: Path | None, quality: Quality, home: Path, today: date) -> Report:
    """Check the release in a folder. ``home``: the folder that evaluation files are looked for in.

    Raises an error of :mod:`pairsmith.factory.errors` where one of the two is no release that can be read.
    """
    new, old = Released(release), Released(baseline) if baseline else None
    readable = not new.unreadable and (old is None or not old.unreadable)
    moved = between(old, new) if old and readable else NOTHING
    found = measure(new, old, moved.added, Looked(quality, home, (old or new).manifest["thresholds"]))
    was = measure(old, None, set(), _looked_at(old, quality, home)) if old else None
    findings: list[Finding] = []
    if old and was and readable:
        _compare_rows(found, was, new, old, moved)
        findings += _drifted(found, was, quality.drift)
        findings += _drifted_by_correction(new, old, moved.corrected, quality.drift) if found.whole else []
    findings += _unread(found)
    bounded, held, skipped = _bounds(quality.metrics, found, was)
    findings = sorted([*bounded, *_once(findings)], key=_order)
    failing, known, stale = _sorted_out(findings, quality.known_issues, today)
    if was and readable:  # else they may not be found because they cannot be told
        failing += stale
    wanted = {one for finding in [*failing, *(one for one, _ in known)] for one in finding.examples}
    rows = {**(old.rows(wanted) if old else {}), **(new.rows(wanted) if found.whole else {})}
    return Report(
        new.name,
        old.name if old else None,
        failing,
        known,
        held,
        skipped,
        found.metrics,
        was.metrics if was else {},
        rows,
        _note(was),
    )


def _unread(found: Measured) -> list[Finding]:
    """What cannot be measured does not hold, whatever is bounded."""
    if not found.unread:
        return []
    what = f"its rows cannot be measured, and nothing else is told of them: {found.unread}"
    return [Finding("schema.unreadable", what, 1.0, None, 0.0, "what cannot be read cannot be trained on either")]


def _note(was: Measured | None) -> str:
    """Why less is told than was asked for."""
    return (
        f"rows of the baseline cannot be measured, so that none is compared: {was.unread}" if was and was.unread else ""
    )


def _looked_at(baseline: Released, quality: Quality, home: Path) -> Looked | None:
    """Rows of the baseline are judged only where a bound compares what comes of it."""
    compared = (name for name, bound in quality.metrics.items() if bound.compares)
    if any(name.split(".")[0] in ("recheck", "contamination", "duplicates") for name in compared):
        return Looked(quality, home, baseline.manifest["thresholds"])
    return None


def _compare_rows(found: Measured, was: Measured, new: Released, old: Released, moved: Between) -> None:
    """How many rows came, went and changed splits, and for how many of those that went there is no reason."""
    lost = moved.gone - new.explained(moved.gone)
    unexplained = len(lost)
    found.metrics |= {
        f"rows.{name}": len(ids) for name, ids in (("added", moved.added), ("corrected", moved.corrected))
    }
    found.metrics |= {"rows.removed": len(moved.gone), "loss.unexplained": unexplained}
    found.metrics["splits.moved"] = len(moved.moved)
    found.said["splits.moved"] = f"of {len(old.index):,} rows of {old.name} they stand in another split now"
    found.examples["splits.moved"] = sorted(moved.moved)[:EXAMPLES]
    if unexplained and was.whole:
        shared = _shared(profile(old.files, lost), was.whole)
        found.said["loss.unexplained"] = (
            f"{unexplained:,} of {len(old.index):,} rows of {old.name} are gone without a reason"
            + (f"; what they share: {shared}" if shared else "")
        )
        found.examples["loss.unexplained"] = sorted(lost)[:EXAMPLES]


def _shared(lost: Profile, whole: Profile) -> str:
    """The values that nearly all of the lost rows have, and not nearly all of the whole."""
    named = []
    for dimension in CATEGORIES:
        for value, count in lost.shares[dimension].items():
            share = whole.shares[dimension][value] / whole.rows
            if count >= SHARED * lost.rows and share < SHARED:
                all_of = "all" if count == whole.shares[dimension][value] else f"{count:,}"
                named.append(f"{dimension} '{value}' ({all_of} of its {whole.shares[dimension][value]:,} rows)")
    return ", ".join(named)


def _bounds(
    metrics: Mapping[str, Bound], found: Measured, was: Measured | None
) -> tuple[list[Finding], int, list[str]]:
    """Findings of the bounds; how many hold; and those that cannot be told without a baseline, or without added rows."""
    findings, held, skipped = [], 0, []
    for name, bound in metrics.items():
        value = found.metrics.get(name)
        if value is None and (not was and (name in OF_BOTH or name.startswith(ADDED))):
            skipped.append(name)
        elif value is None and was and name.startswith(ADDED) and found.metrics.get("rows.added") == 0:
            held += 1
        elif value is None:
            if not found.unread:
                findings.append(_missing(name, bound, found.metrics))
        elif bound.compares and was is not None and was.metrics.get(name) is None:
            what = f"{name} is {_number(value)}, and the baseline has no such metric to compare it with"
            findings.append(Finding(name, what, value, None, float("nan"), bound.reason))
        elif broken := _broken(name, bound, value, found, was.metrics.get(name) if was else None):
            findings.append(broken)
        else:
            held += 1
            if bound.compares and was is None:
                skipped.append(name)
    return findings, held, skipped


def _missing(name: str, bound: Bound, known: Iterable[str]) -> Finding:
    what = f"{name} was not measured{nearest(name, known)}; name a metric that is, or take the bound out"
    return Finding(name, what, float("nan"), None, float("nan"), bound.reason)


def _broken(name: str, bound: Bound, value: float, found: Measured, baseline: float | None) -> Finding | None:
    low, high = bound.limits(baseline)
    if low <= value <= high:
        return None
    limit, side = (low, "least") if value < low else (high, "most")
    was = f", it was {_number(baseline)}" if baseline is not None else ""
    said = found.said.get(name)
    what = f"{name} is {_number(value)}{was}; at {side} {_number(limit)} holds" + (f": {said}" if said else "")
    severity = 1 + abs(value - limit) / (abs(limit) or 1)
    return Finding(
        name, what, value, baseline, limit, bound.reason, severity, examples=tuple(found.examples.get(name, ()))
    )


def _drifted(found: Measured, was: Measured, bounds: DriftBounds) -> list[Finding]:
    """The whole against the baseline's whole, kinds of rows that were taken out whole, then the added rows alone."""
    if not bounds.enabled or was.whole is None or found.whole is None:
        return []
    settings = DriftSettings(alpha=bounds.alpha)
    alone = drift(was.whole, found.added, settings) if found.added is not None else []
    shares_rows = found.added is None or found.added.rows < found.whole.rows
    gone = vanished(was.whole, found.whole) if shares_rows else []
    return [*drift(was.whole, found.whole, settings), *gone, *(_of(ADDED, "added rows", one) for one in alone)]


def _drifted_by_correction(new: Released, old: Released, corrected: set[str], bounds: DriftBounds) -> list[Finding]:
    """Corrected rows against what they were."""
    if not bounds.enabled or not corrected:
        return []
    found = drift(profiled(old, corrected)[0], profiled(new, corrected)[0], DriftSettings(alpha=bounds.alpha))
    return [_of(CORRECTED, "corrected rows", one) for one in found]


def _of(prefix: str, words: str, finding: Finding) -> Finding:
    return replace(finding, metric=f"{prefix}{finding.metric}", what=f"of the {words}: {finding.what}")


def _once(findings: Iterable[Finding]) -> list[Finding]:
    """Of findings of one metric, in the whole and in some of its rows, the first one."""
    return list({_plain(finding.metric): finding for finding in reversed(list(findings))}.values())


def _plain(metric: str) -> str:
    return metric.removeprefix(ADDED).removeprefix(CORRECTED)


def _order(finding: Finding) -> tuple[int, float, float, str]:
    """Causes first; of a kind what is least likely to be chance, then what is furthest beyond its bound."""
    kind = _plain(finding.metric).split(".")[0]
    place = CAUSES.index(kind) if kind in CAUSES else len(CAUSES) + (kind == "drift")
    return place, finding.p if finding.p is not None else 0.0, -finding.severity, finding.metric


def _sorted_out(
    findings: list[Finding], issues: Iterable[KnownIssue], today: date
) -> tuple[list[Finding], list[tuple[Finding, KnownIssue]], list[Finding]]:
    """What fails, what is known, and a finding for each known issue that is none any more."""
    by_name = {issue.finding: issue for issue in issues}
    lived_with = {name for name, issue in by_name.items() if issue.until is None or today <= issue.until}
    failing = [finding for finding in findings if finding.metric not in lived_with]
    known = [(finding, by_name[finding.metric]) for finding in findings if finding.metric in lived_with]
    stale = [_stale(issue) for name, issue in by_name.items() if name not in {one.metric for one in findings}]
    return failing, known, stale


def _stale(issue: KnownIssue) -> Finding:
    what = f"known issue '{issue.finding}' is not found any more; take it out of known_issues"
    reason = "an exemption that nobody needs hides the next regression"
    return Finding(f"known_issues.{issue.finding}", what, 0.0, None, 1.0, reason)


def _example(one: str, row: Mapping[str, Any] | None) -> dict[str, Any]:
    """A row as it is shown: its texts cut short."""
    if row is None:
        return {"id": one}
    negative = row["negatives"][0] if row["negatives"] else None
    texts = {"query": row["query"], "positive": row["positive"], "negative": negative}
    languages = dict.fromkeys((row["query_language"], row["document_language"]))
    return {
        "id": one,
        "group": row["group"],
        "language": "-".join(languages),
        **{name: excerpt(text) if text is not None else None for name, text in texts.items()},
    }


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"
