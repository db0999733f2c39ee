"""Accepted pairs -> an immutable, versioned folder that ``datasets.load_dataset`` reads.

::

    releases/1.0.0/  data/<group>/<split>-00000-of-0000N.parquet  README.md  CHANGELOG.md  manifest.json

Cumulative: a release holds all accepted rows, those of its parent that stay among them. The same rows give the same
bytes: rows stand in the order of their ids and nothing in the folder depends on the time.
"""

import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.card import CardFacts, render_card, to_try
from pairsmith.curation.contents import Contents, commonest_first
from pairsmith.curation.release_files import read_index, row_set_hash, with_review, write_data
from pairsmith.curation.review_facts import ReviewFacts
from pairsmith.factory.accounts import Book, as_json
from pairsmith.factory.errors import RunError
from pairsmith.factory.folder import file_digest, to_disk
from pairsmith.factory.records import RELEASE
from pairsmith.factory.spec import ReleaseSpec
from pairsmith.factory.tables import TableFile

FORMAT_VERSION = 1
COMPARED = ["id", "content_hash", "split", "review"]
MANIFEST = "manifest.json"

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
    """What changes from the parent release: row counts, and whether a column or a row's split changed its meaning.

    ``reviewed``: rows with the same texts of which people's answers now say something else; ``new_columns``: the parent lacks
    some, which alone is no reason for a release.
    """

    added: int
    removed: int
    corrected: int
    breaking: bool
    reviewed: int = 0
    new_columns: bool = False

    @property
    def empty(self) -> bool:
        """Nothing changed: there is nothing to release."""
        return not (self.added or self.removed or self.corrected or self.reviewed or self.breaking)

    def bump(self, parent: Version) -> Version:
        """The least version that this change allows: MAJOR meaning, MINOR rows or columns added, PATCH anything less."""
        if self.breaking:
            return Version(parent.major + 1, 0, 0)
        if self.added or self.new_columns:
            return Version(parent.major, parent.minor + 1, 0)
        return Version(parent.major, parent.minor, parent.patch + 1)

    def __str__(self) -> str:
        said = f"{self.added} rows added, {self.removed} removed, {self.corrected} corrected"
        if self.reviewed:
            said += f"; the review of {self.reviewed} others changed"
        return said + ("; a column or a split changed its meaning" if self.breaking else "")


@dataclass(frozen=True)
class ReleaseFacts:
    """What a release says of its making beside its rows. ``book``: what was paid, beside the accepted rows; ``review``: by
    people, None where there was none."""

    name: str
    spec: ReleaseSpec
    funnel: dict[str, Any]
    thresholds: dict[str, Any]
    tool_versions: dict[str, str]
    book: Book = field(default_factory=Book)
    review: ReviewFacts | None = None


class Earlier(NamedTuple):
    """What is known of an earlier release: the columns :data:`COMPARED` of its rows, whether it has columns that RELEASE has
    not, and whether it lacks one that RELEASE has."""

    index: pa.Table
    other_columns: bool = False
    new_columns: bool = False


class Rows(NamedTuple):
    """The rows of a release: the file of accepted ones, its index and what is in it, see :func:`read_index`."""

    accepted: TableFile
    index: pa.Table
    contents: Contents

    def some(self, ids: list[str]) -> list[dict[str, Any]]:
        """The few rows ``ids``, in this order."""
        rows = self.accepted.rows(ids)
        return [rows[each] for each in ids]


def versions(releases: Path) -> list[Version]:
    """Versions that are there, the oldest first."""
    names = (_VERSION.fullmatch(path.name) for path in releases.iterdir()) if releases.is_dir() else ()
    return sorted(Version(*map(int, match.groups())) for match in names if match)


def read_release_index(release: Path) -> Earlier:
    """The index of all rows of a release, ``review`` null where it was made before there was such a column.

    Raises :class:`RunError` when the folder is no release or misses a file.
    """
    remedy = "take the release again from where it came"
    paths = [release / name for name in read_manifest(release)["files"]]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise RunError(f"{release}: {missing[0].relative_to(release)} is missing; {remedy}")
    files = [TableFile(path, RELEASE, remedy) for path in paths]
    known = {field.name: field.type for field in RELEASE}
    own = [file.columns() for file in files]
    rows = [file.read(*(name for name in COMPARED if name in has.names)) for file, has in zip(files, own, strict=True)]
    return Earlier(
        pa.concat_tables(map(with_review, rows)).select(COMPARED),
        other_columns=any(known.get(field.name) != field.type for has in own for field in has),
        new_columns=any(known.keys() - set(has.names) for has in own),
    )


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


def difference(parent: Earlier, rows: pa.Table) -> Difference:
    """What changes from ``parent`` to ``rows`` (columns :data:`COMPARED`).

    Another split is a correction like any other where the texts changed: it hangs on the query.
    """
    place = pc.index_in(rows["id"], value_set=parent.index["id"].combine_chunks())
    new = rows.filter(pc.is_valid(place))
    old = parent.index.take(place.drop_null())
    other = pc.not_equal(old["content_hash"], new["content_hash"])
    moved, reviewed = (_others(old[name], new[name]).filter(pc.invert(other)) for name in ("split", "review"))
    return Difference(
        added=rows.num_rows - new.num_rows,
        removed=parent.index.num_rows - new.num_rows,
        corrected=_count(other),
        breaking=parent.other_columns or _count(moved) > 0,
        reviewed=_count(reviewed),
        new_columns=parent.new_columns,
    )


def _others(old: pa.ChunkedArray, new: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which values differ; null is a value too."""
    return pc.not_equal(pc.fill_null(old, ""), pc.fill_null(new, ""))


def _count(flags: pa.ChunkedArray) -> int:
    return pc.sum(flags).as_py() or 0


def write_release(accepted: TableFile, facts: ReleaseFacts, releases: Path) -> tuple[Path, Difference | None]:
    """Write the ``accepted`` rows (PAIRS, or REVIEWED where people have judged some) as the next version below ``releases``.

    Returns its folder and what changed against its parent (None for the first one). Where nothing changed the newest
    release stays as it is. Raises :class:`RunError` when there is no row to release.
    """
    index, contents = read_index(accepted, facts.spec.splits)
    if not index.num_rows:
        raise RunError(
            f"{releases}: there is nothing to release: no row was accepted, or none is left after people's answers; see why"
            f" with 'pairsmith report {releases.parent}'"
        )
    rows = Rows(accepted, index, contents)
    known = versions(releases)
    if not known:
        return _write(rows, facts, releases, Version(1, 0, 0), None, "First release."), None
    parent = releases / str(known[-1])
    change = difference(read_release_index(parent), index)
    if change.empty:
        return parent, change
    return _write(rows, facts, releases, change.bump(known[-1]), known[-1], f"{change}."), change


def _write(
    rows: Rows, facts: ReleaseFacts, releases: Path, version: Version, parent: Version | None, changes: str
) -> Path:
    folder, beside = releases / str(version), releases / f".{version}.part"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    files = write_data(rows.accepted, rows.index, beside)
    older = (releases / str(parent) / "CHANGELOG.md").read_text(encoding="utf-8") if parent else ""
    changelog = f"## {version}\n\n{changes}\n" + (f"\n{older}" if older else "")
    (beside / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    models = commonest_first(rows.contents.models)
    card = CardFacts(
        name=facts.name,
        version=str(version),
        license=facts.spec.license,
        description=facts.spec.description,
        contents=rows.contents,
        tried=rows.some(to_try(rows.index)),
        files=_configs(files),
        funnel=facts.funnel,
        thresholds=facts.thresholds,
        models=models,
        book=facts.book,
        review=facts.review,
        tool_versions=facts.tool_versions,
        parent=str(parent) if parent else None,
        changelog=changelog,
        license_link=facts.spec.license_link,
        terms=facts.spec.terms,
    )
    (beside / "README.md").write_text(render_card(card), encoding="utf-8")
    manifest = {
        "format_version": FORMAT_VERSION,
        "name": facts.name,
        "version": str(version),
        "parent": str(parent) if parent else None,
        "row_set": row_set_hash(rows.index),
        "rows": rows.contents.rows,
        "counts": rows.contents.counts(),
        "models": models,
        "terms": {model: facts.spec.terms[model] for model in models if model in facts.spec.terms},
        "ledger": [as_json(one) for one in facts.book.by("model", "step")],
        "schema": {field.name: str(field.type) for field in RELEASE},
        "files": {name: {"rows": count, "sha256": file_digest(beside / name)} for name, count in files.items()},
        "gates": facts.funnel,
        "review": facts.review.as_json() if facts.review else None,
        "thresholds": facts.thresholds,
        "tools": facts.tool_versions,
    }
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (beside / MANIFEST).write_text(text, encoding="utf-8")
    for file in (path for path in beside.rglob("*") if path.is_file()):
        to_disk(file)
    beside.rename(folder)
    return folder


def _configs(files: dict[str, int]) -> dict[str, dict[str, list[str]]]:
    """Config -> split -> files. Config ``all`` has every group; each group is a config of its own."""
    configs: dict[str, dict[str, list[str]]] = {"all": {}}
    for name in files:
        _, group, file = name.split("/")
        split = file.split("-")[0]
        for config in ("all", group):
            configs.setdefault(config, {}).setdefault(split, []).append(name)
    return configs
