"""A release as it is read for a check: its manifest, and its tables in batches, whatever became of their columns."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from pairsmith.curation.comparable import REMEDY, read_comparable, release_files
from pairsmith.curation.manifest import read_manifest
from pairsmith.curation.removed import read_removed
from pairsmith.factory.errors import RunError
from pairsmith.factory.folder import file_digest
from pairsmith.factory.records import RELEASE
from pairsmith.factory.tables import TableFile


@dataclass(frozen=True)
class Released:
    """The release in ``folder``."""

    folder: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What it says of itself."""
        return read_manifest(self.folder)

    @cached_property
    def files(self) -> list[TableFile]:
        """Its tables. :class:`RunError` where one that the manifest names is missing."""
        names = sorted(self.manifest["files"])
        missing = next((name for name in names if not (self.folder / name).is_file()), None)
        if missing:
            raise RunError(f"{self.folder}: {missing} is missing; {REMEDY}")
        return [TableFile(self.folder / name, RELEASE, REMEDY) for name in names]

    @cached_property
    def columns(self) -> dict[str, pa.DataType]:
        """The columns that its tables have, by name, with their type; where tables differ, a type that is not RELEASE's."""
        known = {field.name: field.type for field in RELEASE}
        found: dict[str, pa.DataType] = {}
        for file in self.files:
            for field in file.columns():
                if found.get(field.name, known.get(field.name)) == known.get(field.name):
                    found[field.name] = field.type
        return found

    @cached_property
    def index(self) -> pa.Table:
        """Id and content hash of every row."""
        return read_comparable(release_files(self.folder)).select(["id", "content_hash"])

    def explained(self, gone: set[str]) -> set[str]:
        """Which of the rows that are ``gone`` it gives a reason for."""
        lines = zip(*(read_removed(self.folder)[name].to_pylist() for name in ("id", "reasons")), strict=True)
        return {one for one, reasons in lines if reasons and one in gone}

    def altered(self) -> list[str]:
        """Names of files whose bytes are not those that the manifest names."""
        files = self.manifest["files"] | self.manifest.get("other_files", {})
        return [name for name, known in sorted(files.items()) if file_digest(self.folder / name) != known["sha256"]]

    def rows(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """A few rows by id."""
        wanted = set(ids)
        return {one: row for file in self.files for one, row in file.rows(wanted).items()}

    @property
    def name(self) -> str:
        """What it is called: ``demo 1.2.0``."""
        return f"{self.manifest['name']} {self.manifest['version']}"


class Between(NamedTuple):
    """Ids of rows that came, whose texts changed, and that went from one release to another."""

    added: set[str]
    corrected: set[str]
    gone: set[str]


def between(baseline: pa.Table, release: pa.Table) -> Between:
    """What changed from ``baseline`` to ``release`` (indexes)."""
    was, now = (
        dict(zip(index["id"].to_pylist(), index["content_hash"].to_pylist(), strict=True))
        for index in (baseline, release)
    )
    both = now.keys() & was.keys()
    return Between(
        set(now.keys() - was.keys()), {one for one in both if now[one] != was[one]}, set(was.keys() - now.keys())
    )
