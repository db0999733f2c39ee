"""What is compared of the rows of two releases: some 100 bytes a row, and no text."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.manifest import read_manifest
from pairsmith.factory.errors import RunError
from pairsmith.factory.records import RELEASE
from pairsmith.factory.tables import TableFile
from pairsmith.validators.characters import decoded
from pairsmith.validators.digests import digests

REMEDY = "take the release again from where it came"
COMPARED = ["id", "content_hash", "group", "query_language", "document_language", "split", "review"]
COUNTED = ["model", "document", "query", "positive"]
"""Further columns that a release is never without, of which its distributions are told."""
CONTENT = "content"
"""The column that holds a digest of all else that two releases have of a row."""

APART = ("id", "split", "review")
"""Columns that are no part of a row's content: its name, and what people or the release say of it."""

_NULL, _BETWEEN, _WITHIN = "\x00", "\x1e", "\x1f"


def type_name(kind: pa.DataType) -> str:
    """A type in words; the name that a writer gives to the elements of a list is no part of it."""
    return f"list of {kind.value_type}" if pa.types.is_list(kind) else str(kind)


class Columns(NamedTuple):
    """Column -> type in words, of any file of a release; ``whole``: the columns that all of its files have."""

    types: dict[str, str]
    whole: frozenset[str]

    def shared(self, other: "Columns") -> list[str]:
        """The columns of a row's content that all files of both have."""
        return sorted((self.whole & other.whole).difference(APART))


COLUMNS = Columns({field.name: type_name(field.type) for field in RELEASE}, frozenset(RELEASE.names))
"""Those of the releases that are written now."""


def release_files(release: Path) -> list[TableFile]:
    """The data files of a release; further columns than it has now can be read from them too.

    Raises :class:`RunError` when the folder is no release or misses a file.
    """
    paths = [release / name for name in sorted(read_manifest(release)["files"])]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise RunError(f"{release}: {missing[0].relative_to(release)} is missing; {REMEDY}")
    return [TableFile(path, _schema(TableFile(path, RELEASE, REMEDY).columns()), REMEDY) for path in paths]


def _schema(own: pa.Schema) -> pa.Schema:
    """What is wanted of a file with columns ``own``: those, but what is compared as Pairsmith has it, so that reading says
    where it is not."""
    needed = [*(name for name in COMPARED if name != "review" or name in own.names), *COUNTED]
    return pa.schema([*map(RELEASE.field, needed), *(field for field in own if field.name not in needed)])


def columns_of(files: Sequence[TableFile]) -> Columns:
    """The columns of a release."""
    schemas = [file.columns() for file in files]
    types: dict[str, set[str]] = {}
    for field in (field for schema in schemas for field in schema):
        types.setdefault(field.name, set()).add(type_name(field.type))
    whole = frozenset.intersection(*(frozenset(schema.names) for schema in schemas)) if schemas else frozenset()
    return Columns({name: " or ".join(sorted(kinds)) for name, kinds in types.items()}, whole)


def read_comparable(files: Iterable[TableFile], content: Sequence[str] = ()) -> pa.Table:
    """The columns :data:`COMPARED` of all rows, ``review`` null where there is no such column, and :data:`CONTENT`.

    ``content``: the columns that the digest is of; where none is named there is no such column.
    """
    return pa.concat_tables([_empty(bool(content)), *_parts(files, content)])


def _empty(content: bool) -> pa.Table:
    fields = [RELEASE.field(name) for name in COMPARED]
    return pa.schema([*fields, *([pa.field(CONTENT, pa.uint64())] if content else [])]).empty_table()


def _parts(files: Iterable[TableFile], content: Sequence[str]) -> Iterator[pa.Table]:
    for file in files:
        wanted = {*COMPARED, *content}
        for rows in file.batches(*(name for name in file.schema.names if name in wanted)):
            yield comparable(with_review(rows), content)


def comparable(rows: pa.Table, content: Sequence[str]) -> pa.Table:
    """The columns :data:`COMPARED` of ``rows``, and :data:`CONTENT` of the columns ``content``, if any."""
    narrow = rows.select(COMPARED)
    return narrow.append_column(CONTENT, pa.array(content_digests(rows, content))) if content else narrow


def with_review(rows: pa.Table) -> pa.Table:
    """The rows with the column ``review``: null where nobody has judged any."""
    field = RELEASE.field("review")
    return rows if field.name in rows.column_names else rows.append_column(field, pa.nulls(len(rows), field.type))


def content_digests(rows: pa.Table, names: Sequence[str]) -> npt.NDArray[np.uint64]:
    """A digest of the columns ``names`` of each row; null is a value too."""
    texts = [_text(rows[name]) for name in names]
    return digests(decoded(pc.binary_join_element_wise(*texts, _BETWEEN)))[:, 0]


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_list(column.type):
        column = pc.binary_join(column.cast(pa.list_(pa.string())), _WITHIN)
    return pc.fill_null(column.cast(pa.string()), _NULL)
