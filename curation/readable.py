"""Tables of a release read as far as they can be: a column that is gone or of another type hides no finding but its own."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.factory.errors import InputError
from pairsmith.factory.records import PAIRS, RELEASE
from pairsmith.factory.tables import TableFile, opened

NEEDED = (*(field.name for field in PAIRS if not field.nullable and field.name != "request_id"), "split")
"""Columns that rows are measured by: without one of them, or with one that is no text, they cannot be."""


@dataclass(frozen=True)
class ReadableFile(TableFile):
    """A table of a release whose columns may be others. What can be made a release's type is; of all else nothing is known,
    and a text that is null is read as an empty one."""

    def batches(self, *names: str) -> Iterator[pa.Table]:
        """The columns ``names`` (default: all) as a release has them. :class:`InputError` where one that is needed is not."""
        wanted = pa.schema([self.schema.field(name) for name in names or self.schema.names])
        with opened(self.path, self.remedy) as file:
            own = [name for name in wanted.names if name in file.schema_arrow.names]
            for batch in file.iter_batches(self.batch, columns=own, use_threads=False):
                columns = [self._column(batch, field) for field in wanted]
                yield pa.Table.from_arrays(columns, schema=wanted)

    def _column(self, batch: pa.RecordBatch, field: pa.Field) -> pa.Array:
        column = batch.column(field.name) if field.name in batch.schema.names else pa.nulls(len(batch))
        try:
            column = column.cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            if field.name in NEEDED:
                said = " ".join(str(error).split())
                raise InputError(f"{self.path}: the column '{field.name}' is no {field.type} ({said})") from None
            column = pa.nulls(len(batch), field.type)
        return column if field.nullable else _without_nulls(column)


def unreadable(files: list[ReadableFile]) -> str | None:
    """Why the rows of a release cannot be measured, if they cannot: the first column that would be needed for it."""
    for file in files:
        own = file.columns()
        for name in NEEDED:
            if name not in own.names:
                return f"{file.path.name} has no column '{name}'"
            if not _convertible(own.field(name).type, RELEASE.field(name).type):
                return f"the column '{name}' of {file.path.name} is {own.field(name).type}"
    return None


def _convertible(kind: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values can be read as others without becoming other ones: numbers are no texts."""
    if pa.types.is_dictionary(kind):
        return _convertible(kind.value_type, wanted)
    if pa.types.is_string(wanted):
        return _is_text(kind)
    return _is_list(kind) and _is_text(kind.value_type)


def _is_text(kind: pa.DataType) -> bool:
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary)
    return any(is_one(kind) for is_one in (*texts, pa.types.is_large_binary))


def _is_list(kind: pa.DataType) -> bool:
    return any(is_one(kind) for is_one in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list))


def nulls(rows: pa.RecordBatch) -> dict[str, int]:
    """By column the nulls in what a release knows of every row, those in lists of texts included."""
    found = {}
    for field in RELEASE:
        if not field.nullable and field.name in rows.schema.names:
            column = rows.column(field.name)
            inner = pc.list_flatten(column).null_count if _is_list(column.type) else 0
            if column.null_count or inner:
                found[field.name] = column.null_count + inner
    return found


def _without_nulls(column: pa.Array) -> pa.Array:
    """Empty texts, lists and zeros in the place of nulls."""
    if pa.types.is_list(column.type):
        if not column.null_count and not pc.list_flatten(column).null_count:
            return column
        return pa.array([[text or "" for text in texts or ()] for texts in column.to_pylist()], column.type)
    return pc.fill_null(column, pa.scalar("" if pa.types.is_string(column.type) else 0, column.type))
