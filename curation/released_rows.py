"""A release as it is read for a check: its manifest, and its tables in batches, whatever became of their columns."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.comparable import APART, CONTENT, REMEDY, content_digests
from pairsmith.curation.manifest import read_manifest
from pairsmith.curation.readable import NEEDED, ReadableFile, nulls, unreadable
from pairsmith.curation.removed import read_removed
from pairsmith.factory.errors import RunError
from pairsmith.factory.folder import file_digest
from pairsmith.factory.records import RELEASE
from pairsmith.factory.tables import opened

INDEX = ("id", "content_hash", "split")


@dataclass(frozen=True)
class Released:
    """The release in ``folder``."""

    folder: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What it says of itself."""
        return read_manifest(self.folder)

    @cached_property
    def files(self) -> list[ReadableFile]:
        """Its tables. :class:`RunError` where one that the manifest names is missing."""
        names = sorted(self.manifest["files"])
        missing = next((name for name in names if not (self.folder / name).is_file()), None)
        if missing:
            raise RunError(f"{self.folder}: {missing} is missing; {REMEDY}")
        return [ReadableFile(self.folder / name, RELEASE, REMEDY) for name in names]

    @cached_property
    def unreadable(self) -> str | None:
        """Why its rows cannot be measured, if they cannot."""
        return unreadable(self.files)

    @cached_property
    def columns(self) -> dict[str, pa.DataType]:
        """The columns that all its tables have, by name, with their type; where tables differ, a type that is not RELEASE's."""
        known = {field.name: field.type for field in RELEASE}
        schemas = [file.columns() for file in self.files]
        found: dict[str, pa.DataType] = {}
        for field in (field for schema in schemas for field in schema):
            if found.get(field.name, known.get(field.name)) == known.get(field.name):
                found[field.name] = field.type
        return {name: kind for name, kind in found.items() if all(name in schema.names for schema in schemas)}

    @cached_property
    def index(self) -> pa.Table:
        """Id, content hash and split of every row. Only where its rows can be read."""
        empty = pa.schema([RELEASE.field(name) for name in INDEX]).empty_table()
        return pa.concat_tables([empty, *(rows for file in self.files for rows in file.batches(*INDEX))])

    def contents(self, names: Sequence[str]) -> pa.Table:
        """The index, and in :data:`~pairsmith.curation.comparable.CONTENT` a digest of the columns ``names`` of every row."""
        parts = [content_digests(rows, names) for file in self.files for rows in file.batches(*names) if rows.num_rows]
        return self.index.append_column(CONTENT, pa.array(np.concatenate([np.empty(0, np.uint64), *parts])))

    def nulls(self) -> dict[str, int]:
        """By column how many nulls stand in what a release knows of every row."""
        found: Counter[str] = Counter()
        for path in (file.path for file in self.files):
            with opened(path, REMEDY) as file:
                wanted = [
                    field.name for field in RELEASE if not field.nullable and field.name in file.schema_arrow.names
                ]
                for batch in file.iter_batches(self.files[0].batch, columns=wanted, use_threads=False):
                    found.update(nulls(batch))
        return dict(found)

    def explained(self, gone: set[str]) -> set[str]:
        """Which of the rows that are ``gone`` it gives a reason for."""
        lines = zip(*(read_removed(self.folder)[name].to_pylist() for name in ("id", "reasons")), strict=True)
        return {one for one, reasons in lines if reasons and one in gone}

    def altered(self) -> list[str]:
        """What became of files whose bytes are not those that the manifest names."""
        files = self.manifest["files"] | self.manifest.get("other_files", {})
        there = {name: (self.folder / name).is_file() for name in sorted(files)}
        return [
            name if found else f"{name} (gone)"
            for name, found in there.items()
            if not found or file_digest(self.folder / name) != files[name]["sha256"]
        ]

    def rows(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """A few rows by id."""
        wanted = set(ids)
        return {one: row for file in self.files for one, row in file.rows(wanted).items()}

    @property
    def name(self) -> str:
        """What it is called: ``demo 1.2.0``."""
        return f"{self.manifest['name']} {self.manifest['version']}"


class Between(NamedTuple):
    """Ids of rows that came, whose content changed, that stand in another split, and that went from one release to another."""

    added: set[str]
    corrected: set[str]
    moved: set[str]
    gone: set[str]


NOTHING = Between(set(), set(), set(), set())


def between(baseline: Released, release: Released) -> Between:
    """What changed from ``baseline`` to ``release``: some 100 bytes a row, and the ids that are told."""
    names = _shared(baseline.columns, release.columns)
    old, new = baseline.contents(names), release.contents(names)
    places = pc.index_in(new["id"], value_set=old["id"].combine_chunks())
    same = new.filter(pc.is_valid(places))
    was = old.take(pc.drop_null(places))
    return Between(
        _ids(new.filter(pc.is_null(places))["id"]),
        _ids(same.filter(pc.not_equal(same[CONTENT], was[CONTENT]))["id"]),
        _ids(same.filter(pc.not_equal(same["split"], was["split"]))["id"]),
        _ids(old.filter(pc.invert(pc.is_in(old["id"], value_set=new["id"].combine_chunks())))["id"]),
    )


def _shared(old: Mapping[str, pa.DataType], new: Mapping[str, pa.DataType]) -> list[str]:
    """The columns of a row's content that both have. Texts may be kept in another way; else another type is a finding of
    its own."""
    both = [name for name in RELEASE.names if name in old and name in new and name not in APART]
    return [name for name in both if name in NEEDED or old[name] == new[name]]


def _ids(column: pa.ChunkedArray) -> set[str]:
    return set(column.to_pylist())


def repeated(ids: pa.ChunkedArray) -> Sequence[str]:
    """Ids that several rows have."""
    counts = pc.value_counts(ids)
    found: Sequence[str] = counts.field("values").filter(pc.greater(counts.field("counts"), 1)).to_pylist()
    return found
