"""Everything that is measured of a release, by dotted name: what ``quality.yml`` may bound.

::

    rows, rows.added, rows.corrected, rows.removed   counts; all but the first need a baseline
    schema.missing|retyped|unknown             columns, against those that a release has
    schema.changed                             further columns, gone or of another type than in the baseline
    schema.nulls, schema.repeated_ids          nulls in what every row has; ids that several rows have
    schema.strange_values                      rows whose group or language is none of Pairsmith's
    files.altered                              files whose bytes are not those of the manifest
    files.other_rows                           1 where the rows are not those whose hash the manifest names
    splits.moved                               rows that stand in another split than in the baseline
    loss.unaccounted                           |asked - accepted - rejected - failed - pending|
    loss.unreleased                            accepted rows that are neither released nor dropped by people
    loss.unexplained                           rows of the baseline that are gone without a reason
    gates.accepted_rate, gates.<gate>.dropped_rate, gates.<gate>.<reason>_rate     when the rows were made
    recheck.rows, recheck.<gate>.failing_rate  released rows put to the gates again
    contamination.rows                         rows that hold a text of an evaluation file
    duplicates.rate, duplicates.across_splits, duplicates.across_versions
    shares.<dimension>.<value>                 group, query_language, document_language, model
    length.<field>.<group>.median              characters
    negatives.coverage, negatives.<group>.coverage   rows with a hard negative, where the group has any
    nearness.positive.<group>, nearness.margin.<group>   means, see nearness.py
    pairing.lift                               how much nearer a query is to its own positive than to another row's
    diversity.<figure>                         see diversity.py; of a sample of the rows
    review.<...>, scores.<...>                 numbers of the manifest's review, and of scores.json
    added.<any of the figures of rows>         of the added rows alone
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from sys import float_info
from typing import Any

import pyarrow as pa

from pairsmith.curation.diversity import diversity
from pairsmith.curation.profile import CATEGORIES, Profile
from pairsmith.curation.recheck import Failing
from pairsmith.curation.twin_rows import TwinCounts
from pairsmith.factory.errors import InputError
from pairsmith.factory.records import RELEASE
from pairsmith.factory.taxonomy import GROUPS

SCORES = "scores.json"
ADDED = "added."

Metrics = dict[str, float]
Columns = Mapping[str, pa.DataType]

LATER = {"review"}
"""Columns that releases of earlier versions of Pairsmith lack."""


def schema_metrics(columns: Columns, baseline: Columns | None) -> Metrics:
    """Columns as they are, against what a release has and against a baseline's."""
    wanted = {field.name: field.type for field in RELEASE}
    found: Metrics = {
        "schema.missing": len(wanted.keys() - columns.keys() - LATER),
        "schema.retyped": sum(columns[name] != kind for name, kind in wanted.items() if name in columns),
        "schema.unknown": len(columns.keys() - wanted.keys()),
    }
    if baseline is not None:
        found["schema.changed"] = sum(
            columns.get(name) != kind for name, kind in baseline.items() if name not in wanted or name in LATER
        )
    return found


def manifest_metrics(manifest: Mapping[str, Any], rows: int) -> Metrics:
    """What the release says of the making of its ``rows``: the funnel, people's review, and whether all are accounted for."""
    funnel, review = manifest.get("gates") or {}, manifest.get("review") or {}
    found: Metrics = {"rows": rows}
    if funnel.get("answered"):
        found["gates.accepted_rate"] = funnel["accepted"] / funnel["answered"]
        found["loss.unaccounted"] = abs(
            funnel["asked"]
            - funnel["accepted"]
            - funnel["rejected"]
            - sum(funnel["failed"].values())
            - funnel["pending"]
        )
        found["loss.unreleased"] = abs(funnel["accepted"] - rows - _kept_back(manifest))
    for gate in funnel.get("gates", ()):
        if gate["judged"]:
            found[f"gates.{gate['gate']}.dropped_rate"] = gate["dropped"] / gate["judged"]
            for reason, count in gate["reasons"].items():
                found[f"gates.{gate['gate']}.{reason}_rate"] = count / gate["judged"]
    return found | dict(_numbers("review", review))


def _kept_back(manifest: Mapping[str, Any]) -> int:
    """Accepted rows that are not released: dropped by people, or by a gate after a correction, or left out by the splits."""
    decisions = (manifest.get("review") or {}).get("decisions") or {}
    dropped = (decisions.get(name, 0) for name in ("dropped", "not_corrected", "failed"))
    return sum(map(int, (*dropped, *manifest.get("left_out", {}).values())))


def read_scores(release: Path) -> Metrics:
    """Numbers of ``scores.json`` in the release or, since that never changes, beside it as ``<version>.scores.json``."""
    for path in (release / SCORES, release.with_name(f"{release.name}.{SCORES}")):
        if path.is_file():
            try:
                return dict(_numbers("scores", json.loads(path.read_text(encoding="utf-8"))))
            except (ValueError, RecursionError) as error:
                raise InputError(f"{path}: no JSON ({error}); write it again or take it away") from None
    return {}


def _numbers(name: str, value: Any) -> Iterator[tuple[str, float]]:
    """The finite numbers in nested objects, by dotted name: no bound could hold another one."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(f"{name}.{key}", inner)
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= float_info.max:
        yield name, float(value)


def profile_metrics(profile: Profile) -> Metrics:
    """The figures of rows that a profile tells."""
    found: Metrics = {}
    for dimension in CATEGORIES:
        counts = profile.shares.get(dimension, Counter())
        found |= {f"shares.{dimension}.{name}": count / profile.rows for name, count in counts.items()}
    for name, lengths in profile.lengths.items():
        found[f"length.{name}.median"] = _median(sum(lengths.values(), Counter()))
    for name, scores in profile.scores.items():
        if name.startswith("nearness."):
            found[name] = sum(score * count for score, count in scores.items()) / scores.total()
    openings, tasks = profile.shares.get("opening.query", Counter()), profile.repeated.get("task", {})
    varied = diversity(profile.sample, openings, tasks)
    return found | _coverage(profile) | {f"diversity.{name}": value for name, value in varied.items()}


def _coverage(profile: Profile) -> Metrics:
    """Rows that have a hard negative, of those whose group has them."""
    found: Metrics = {}
    covered = rows = 0
    for group, facts in GROUPS.items():
        counts = profile.shares.get(f"negatives.{group}")
        if counts and "negative" in facts.keys:
            mine = counts.total() - counts.get("0", 0)
            found[f"negatives.{group}.coverage"] = mine / counts.total()
            covered, rows = covered + mine, rows + counts.total()
    return found | ({"negatives.coverage": covered / rows} if rows else {})


def _median(counts: Mapping[int, int]) -> float:
    """The lower median of numbers that are kept as counts."""
    left = (sum(counts.values()) + 1) // 2
    for value in sorted(counts):
        left -= counts[value]
        if left <= 0:
            return float(value)
    return 0.0


def look_metrics(failing: Mapping[str, Failing], twins: TwinCounts | None) -> Metrics:
    """What the gates say of released rows today."""
    found: Metrics = {}
    for gate, tally in failing.items():
        if gate == "contamination":
            found["contamination.rows"] = tally.dropped
        elif tally.judged:
            found[f"recheck.{gate}.failing_rate"] = tally.rate
    found["recheck.rows"] = max((tally.judged for tally in failing.values()), default=0)
    if twins is not None and twins.rows:
        found["duplicates.rate"] = twins.repeated / twins.rows
        found["duplicates.across_splits"] = twins.across_splits
        found["duplicates.across_versions"] = twins.across_versions
    return found
