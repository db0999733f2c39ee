"""Accepted pairs -> an immutable, versioned folder that ``datasets.load_dataset`` reads.

::

    releases/1.0.0/  data/<group>/<split>-00000-of-0000N.parquet  README.md  CHANGELOG.md  manifest.json

Cumulative: a release holds all accepted rows, those of its parent that stay among them. The same rows give the same
bytes: rows stand in the order of their ids and nothing in the folder depends on the time.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pairsmith.curation.card import CardFacts, render_card
from pairsmith.factory.accounts import Book, as_json
from pairsmith.factory.errors import RunError
from pairsmith.factory.folder import file_digest, to_disk
from pairsmith.factory.records import RELEASE, digest
from pairsmith.factory.spec import ReleaseSpec
from pairsmith.factory.text import fold

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
ROWS_PER_FILE = 100_000  # some 100 MB: the Hub streams and previews files of this size well

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


class Version(NamedTuple):
    """A semantic version of a dataset."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True)
class Difference:
    """What changes from the parent release: row counts, and whether a column or a row's split changed its meaning."""

    added: int
    removed: int
    corrected: int
    breaking: bool

    @property
    def empty(self) -> bool:
        """Nothing changed: there is nothing to release."""
        return not (self.added or self.removed or self.corrected or self.breaking)

    def bump(self, parent: Version) -> Version:
        """The least version that this change allows: MAJOR meaning, MINOR rows added, PATCH rows removed or corrected."""
        if self.breaking:
            return Version(parent.major + 1, 0, 0)
        if self.added:
            return Version(parent.major, parent.minor + 1, 0)
        return Version(parent.major, parent.minor, parent.patch + 1)

    def __str__(self) -> str:
        return f"{self.added} rows added, {self.removed} removed, {self.corrected} corrected" + (
            "; a column or a split changed its meaning" if self.breaking else ""
        )


@dataclass(frozen=True)
class ReleaseFacts:
    """What a release says of its making beside its rows. ``book``: what was paid, beside the accepted rows."""

    name: str
    spec: ReleaseSpec
    funnel: dict[str, Any]
    thresholds: dict[str, Any]
    tool_versions: dict[str, str]
    book: Book = field(default_factory=Book)


def release_rows(accepted: pa.Table, splits: dict[str, float]) -> pa.Table:
    """Accepted rows (PAIRS) with their split (RELEASE), ordered by id.

    The split hangs on the folded query alone: the same query is in the same split, in this and in every later version.
    """
    names = [_split(query, splits) for query in accepted["query"].to_pylist()]
    rows = accepted.append_column(RELEASE.field("split"), pa.array(names, pa.string()))
    return rows.cast(RELEASE).sort_by("id")


def _split(query: str, splits: dict[str, float]) -> str:
    place = int(digest("split", fold(query)), 16) / 2**64
    for name, share in sorted(splits.items()):
        if place < share:
            return name
        place -= share
    return "train"


def row_set_hash(rows: pa.Table) -> str:
    """SHA-256 over the sorted (id, content hash, split) of the rows: the identity of a release, whatever wrote the files."""
    lines = zip(*(rows[name].to_pylist() for name in ("id", "content_hash", "split")), strict=True)
    text = "\n".join("\t".join(line) for line in sorted(lines))
    return hashlib.sha256(text.encode()).hexdigest()


def versions(releases: Path) -> list[Version]:
    """Versions that are there, the oldest first."""
    names = (_VERSION.fullmatch(path.name) for path in releases.iterdir()) if releases.is_dir() else ()
    return sorted(Version(*map(int, match.groups())) for match in names if match)


def read_rows(release: Path) -> pa.Table:
    """All rows of a release (RELEASE). Raises :class:`RunError` when the folder is no release or misses a file."""
    manifest = read_manifest(release)
    missing = [name for name in manifest["files"] if not (release / name).is_file()]
    if missing:
        raise RunError(f"{release}: {missing[0]} is missing; take the release again from where it came")
    tables = [RELEASE.empty_table(), *(pq.read_table(release / name) for name in manifest["files"])]
    return pa.concat_tables(tables, promote_options="default")  # columns that came later are null in older releases


def read_manifest(release: Path) -> dict[str, Any]:
    """The manifest of a release."""
    path = release / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: not readable ({error}); is {release} a release of Pairsmith?") from None
    if manifest.get("format_version") != FORMAT_VERSION:
        raise RunError(
            f"{path}: format {manifest.get('format_version')}, this Pairsmith reads {FORMAT_VERSION}; upgrade it"
        )
    return manifest


def difference(parent: pa.Table, rows: pa.Table) -> Difference:
    """What changes from ``parent`` to ``rows`` (both RELEASE)."""
    columns = ("content_hash", "split")
    old, new = (
        dict(zip(t["id"].to_pylist(), zip(*(t[c].to_pylist() for c in columns), strict=True), strict=True))
        for t in (parent, rows)
    )
    both = old.keys() & new.keys()
    return Difference(
        added=len(new.keys() - old.keys()),
        removed=len(old.keys() - new.keys()),
        corrected=sum(old[key][0] != new[key][0] for key in both),
        breaking=parent.schema != rows.schema or any(old[key][1] != new[key][1] for key in both),
    )


def write_release(accepted: pa.Table, facts: ReleaseFacts, releases: Path) -> tuple[Path, Difference | None]:
    """Write the next version below ``releases``.

    Returns its folder and what changed against its parent (None for the first one). Where nothing changed the newest
    release stays as it is. Raises :class:`RunError` when there is no row to release.
    """
    if accepted.num_rows == 0:
        raise RunError(
            f"{releases}: no row was accepted, so there is nothing to release; see why with 'pairsmith report'"
        )
    rows = release_rows(accepted, facts.spec.splits)
    known = versions(releases)
    if not known:
        return _write(rows, facts, releases, Version(1, 0, 0), None, "First release."), None
    parent = releases / str(known[-1])
    change = difference(read_rows(parent), rows)
    if change.empty:
        return parent, change
    return _write(rows, facts, releases, change.bump(known[-1]), known[-1], f"{change}."), change


def _write(
    rows: pa.Table, facts: ReleaseFacts, releases: Path, version: Version, parent: Version | None, changes: str
) -> Path:
    folder, beside = releases / str(version), releases / f".{version}.part"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    files = dict(_write_data(rows, beside))
    older = (releases / str(parent) / "CHANGELOG.md").read_text(encoding="utf-8") if parent else ""
    changelog = f"## {version}\n\n{changes}\n" + (f"\n{older}" if older else "")
    (beside / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    models = _counts(rows, "model")
    card = CardFacts(
        name=facts.name,
        version=str(version),
        license=facts.spec.license,
        description=facts.spec.description,
        rows=rows,
        files=_configs(files),
        funnel=facts.funnel,
        thresholds=facts.thresholds,
        models=models,
        book=facts.book,
        tool_versions=facts.tool_versions,
        parent=str(parent) if parent else None,
        changelog=changelog,
    )
    (beside / "README.md").write_text(render_card(card), encoding="utf-8")
    manifest = {
        "format_version": FORMAT_VERSION,
        "name": facts.name,
        "version": str(version),
        "parent": str(parent) if parent else None,
        "row_set": row_set_hash(rows),
        "rows": rows.num_rows,
        "counts": {name: _counts(rows, name) for name in ("group", "split", "query_language", "document_language")},
        "models": models,
        "ledger": [as_json(one) for one in facts.book.by("model", "step")],
        "schema": {field.name: str(field.type) for field in RELEASE},
        "files": {name: {"rows": count, "sha256": file_digest(beside / name)} for name, count in files.items()},
        "gates": facts.funnel,
        "thresholds": facts.thresholds,
        "tools": facts.tool_versions,
    }
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (beside / MANIFEST).write_text(text, encoding="utf-8")
    for file in (path for path in beside.rglob("*") if path.is_file()):
        to_disk(file)
    beside.rename(folder)
    return folder


def _write_data(rows: pa.Table, folder: Path) -> Iterator[tuple[str, int]]:
    """Write ``data/<group>/<split>-*.parquet``; yields (relative path, rows). A split without rows has no file: an empty
    one can't be loaded."""
    for group in sorted(pc.unique(rows["group"]).to_pylist()):
        of_group = rows.filter(pc.equal(rows["group"], group))
        for split in sorted(pc.unique(of_group["split"]).to_pylist()):
            part = of_group.filter(pc.equal(of_group["split"], split))
            count = -(-part.num_rows // ROWS_PER_FILE)
            (folder / "data" / group).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                piece = part.slice(number * ROWS_PER_FILE, ROWS_PER_FILE)
                name = f"data/{group}/{split}-{number:05}-of-{count:05}.parquet"
                pq.write_table(piece, folder / name, compression="zstd")
                yield name, piece.num_rows


def _configs(files: dict[str, int]) -> dict[str, dict[str, list[str]]]:
    """Config -> split -> files. Config ``all`` has every group; each group is a config of its own."""
    configs: dict[str, dict[str, list[str]]] = {"all": {}}
    for name in files:
        _, group, file = name.split("/")
        split = file.split("-")[0]
        for config in ("all", group):
            configs.setdefault(config, {}).setdefault(split, []).append(name)
    return configs


def _counts(rows: pa.Table, column: str) -> dict[str, int]:
    counted = rows.group_by(column).aggregate([("id", "count")])
    pairs = zip(counted[column].to_pylist(), counted["id_count"].to_pylist(), strict=True)
    return dict(sorted(pairs, key=lambda item: (-item[1], item[0])))
