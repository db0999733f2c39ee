"""A release measured: all its metrics, what they were found in, and the profiles that drift is told from."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from pairsmith.curation.metrics import (
    ADDED,
    LATER,
    Metrics,
    look_metrics,
    manifest_metrics,
    profile_metrics,
    read_scores,
    schema_metrics,
)
from pairsmith.curation.nearness import COLUMNS as OF_NEARNESS
from pairsmith.curation.nearness import Nearness
from pairsmith.curation.profile import EXAMPLES, Profile, profile
from pairsmith.curation.quality import Quality
from pairsmith.curation.recheck import Recheck, place_of
from pairsmith.curation.release_files import row_set_hash
from pairsmith.curation.released_rows import Released, repeated
from pairsmith.curation.twin_rows import TwinRows
from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.records import RELEASE
from pairsmith.factory.taxonomy import GROUPS

NEAR_ROWS = 50_000
"""Rows whose nearness is told, at most, drawn by a digest of their ids: as many as the gates see, at a fifth of a
millisecond each."""


@dataclass
class Measured:
    """``metrics`` by name; ``said`` and ``examples`` of some of them: a sentence, ids of rows.

    ``whole`` and ``added``: profiles, None where the tables could not be read; ``unread``: why they could not.
    """

    metrics: Metrics
    said: dict[str, str] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    whole: Profile | None = None
    added: Profile | None = None
    unread: str = ""


@dataclass(frozen=True)
class Looked:
    """How closely rows are looked at: put to the gates of ``thresholds`` again, and compared with each other."""

    quality: Quality
    home: Path
    thresholds: dict[str, Any]


def measure(release: Released, baseline: Released | None, added: set[str], looked: Looked | None) -> Measured:
    """Measure ``release``; its schema and files against those of ``baseline``. Without ``looked`` no row is judged."""
    found = Measured(schema_metrics(release.columns, baseline.columns if baseline else None))
    _say_schema(found, release, baseline)
    altered = release.altered()
    found.metrics["files.altered"] = len(altered)
    if altered:
        found.said["files.altered"] = f"bytes changed since the release: {', '.join(altered[:5])}"
    found.unread = release.unreadable or ""
    rows = release.manifest["rows"] if found.unread else len(release.index)
    found.metrics |= manifest_metrics(release.manifest, rows) | read_scores(release.folder)
    if found.unread:
        return found
    found.whole, metrics = profiled(release)
    found.metrics |= metrics
    _hold_to_contract(found, release, found.whole)
    if added:
        found.added, metrics = profiled(release, added)
        found.metrics |= {f"{ADDED}{name}": value for name, value in metrics.items()}
    if looked is not None:
        _look(found, release, added, looked)
    return found


def _hold_to_contract(found: Measured, release: Released, whole: Profile) -> None:
    """What whoever reads rows relies on: no nulls, known groups and languages, ids once each, and the rows of the manifest."""
    strange = {
        f"{name} '{value}'": count
        for name, known in (("group", GROUPS), ("query_language", LANGUAGES), ("document_language", LANGUAGES))
        for value, count in whole.shares[name].items()
        if value not in known
    }
    found.metrics["schema.strange_values"] = sum(strange.values())
    found.said["schema.strange_values"] = ", ".join(f"{value} of {count:,} rows" for value, count in strange.items())
    missing, twice = release.nulls(), repeated(release.index["id"])
    found.metrics["schema.nulls"] = sum(missing.values())
    found.said["schema.nulls"] = ", ".join(f"{count:,} in column '{name}'" for name, count in missing.items())
    found.metrics["schema.repeated_ids"] = len(twice)
    found.said["schema.repeated_ids"] = "several rows have one id"
    found.examples["schema.repeated_ids"] = sorted(twice)[:EXAMPLES]
    known, rows = release.manifest, len(release.index)
    same = known["rows"] == rows and known.get("row_set") == row_set_hash(release.index)
    found.metrics["files.other_rows"] = int(not same)
    found.said["files.other_rows"] = f"its {rows:,} rows are not the {known['rows']:,} whose hash the manifest names"


def _say_schema(found: Measured, release: Released, baseline: Released | None) -> None:
    columns, wanted = release.columns, {field.name: field.type for field in RELEASE}
    lines = {
        "schema.missing": [f"column '{name}' is gone" for name in wanted if name not in columns and name not in LATER],
        "schema.retyped": [
            f"column '{name}' is {columns[name]}, not {kind}"
            for name, kind in wanted.items()
            if columns.get(name, kind) != kind
        ],
        "schema.unknown": [f"column '{name}' is none of a release" for name in columns if name not in wanted],
        "schema.changed": [
            f"column '{name}' was {kind} and is {columns.get(name, 'gone')}"
            for name, kind in (baseline.columns if baseline else {}).items()
            if columns.get(name) != kind and (name not in wanted or name in LATER)
        ],
    }
    found.said |= {name: "; ".join(said) for name, said in lines.items() if said}


def profiled(release: Released, ids: set[str] | None = None) -> tuple[Profile, Metrics]:
    """The profile of the rows, or of those among ``ids``, with how near the texts of some are; and the metrics of both."""
    made, near = profile(release.files, ids), Nearness()
    share = NEAR_ROWS / max(made.rows, 1)
    for rows in _batches(release, "id", *OF_NEARNESS):
        near.add(
            rows.filter(
                pa.array([(ids is None or one in ids) and place_of(one) < share for one in rows["id"].to_pylist()])
            )
        )
    made.scores |= near.scores
    lift = {} if near.lift is None else {"pairing.lift": near.lift}
    return made, profile_metrics(made) | lift


def _look(found: Measured, release: Released, added: set[str], looked: Looked) -> None:
    rows, limit = len(release.index), looked.quality.recheck
    recheck = Recheck(
        looked.thresholds,
        looked.quality.evaluation,
        looked.home,
        limit / max(rows, 1),
        limit / max(len(added), 1),
    )
    with TemporaryDirectory(prefix="pairsmith-check-") as folder:
        twins = TwinRows(looked.thresholds, Path(folder))
        for batch in _batches(release):
            recheck.add(batch, added)
            twins.add(batch, added)
        counts = twins.counts()
    found.metrics |= look_metrics(recheck.failing, counts)
    for gate, tally in recheck.failing.items():
        name = "contamination.rows" if gate == "contamination" else f"recheck.{gate}.failing_rate"
        found.said[name] = f"gate {gate} drops {tally.said()}"
        found.examples[name] = tally.examples
    for name, metric, words in _TWINS:
        found.said[metric] = f"{getattr(counts, name):,} of {counts.rows:,} rows {words}"
        found.examples[metric] = list(counts.examples.get(name, ()))


_TWINS = (
    ("repeated", "duplicates.rate", "say what another row says, exactly or nearly"),
    ("across_splits", "duplicates.across_splits", "say what a row of another split says"),
    ("across_versions", "duplicates.across_versions", "were added and say what an earlier row says"),
)


def _batches(release: Released, *names: str) -> Iterator[pa.Table]:
    for file in release.files:
        yield from file.batches(*names)
