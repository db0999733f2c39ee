"""Parquet files in batches: a table of any size takes the memory of a batch, and of the columns that are kept."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pairsmith.factory.errors import InputError, nearest
from pairsmith.factory.folder import written_whole

BATCH = 4_000
"""Rows that are in memory at once: some 12 MB with all their texts. More take more, fewer no less time."""


@dataclass(frozen=True)
class TableFile:
    """A Parquet file that has the columns of ``schema``; further ones are not read.

    ``remedy`` says what to do where it has not. Every method raises :class:`InputError` in one line where the file cannot
    be read, or a column that is wanted is missing or of another type. ``batch``: rows of a batch, at most.
    """

    path: Path
    schema: pa.Schema
    remedy: str
    batch: int = BATCH

    def batches(self, *names: str) -> Iterator[pa.Table]:
        """The columns ``names`` (default: all), batch by batch, in the order of the rows."""
        wanted = self._only(names or self.schema.names)
        with opened(self.path, self.remedy) as file:
            self._check(file.schema_arrow, wanted)
            # In one thread, which takes no more CPU time, and less memory.
            for batch in file.iter_batches(self.batch, columns=wanted.names, use_threads=False):
                yield pa.Table.from_batches([batch]).select(wanted.names).cast(wanted)

    def read(self, name: str, *more: str) -> pa.Table:
        """The columns named, of all rows: for narrow columns, some bytes a row."""
        names = (name, *more)
        return pa.concat_tables([self._only(names).empty_table(), *self.batches(*names)])

    def columns(self) -> pa.Schema:
        """The columns that the file itself has."""
        with opened(self.path, self.remedy) as file:
            return file.schema_arrow

    def rows(self, ids: Iterable[str], *names: str) -> dict[str, dict[str, Any]]:
        """The few rows whose ``id`` is among ``ids``, by id; the columns ``names``, ``id`` among them (default: all)."""
        wanted = pa.array(sorted(set(ids)), pa.string())
        batches = self.batches(*names) if len(wanted) else ()
        found = (rows.filter(pc.is_in(rows["id"], value_set=wanted)) for rows in batches)
        return {row["id"]: row for rows in found for row in rows.to_pylist()}

    def _only(self, names: Iterable[str]) -> pa.Schema:
        return pa.schema([self.schema.field(name) for name in names])

    def _check(self, found: pa.Schema, wanted: pa.Schema) -> None:
        for name, kind in zip(wanted.names, wanted.types, strict=True):
            if name not in found.names:
                near = nearest(name, found.names)
                raise InputError(f"{self.path}: the column '{name}' ({kind}) is missing{near}; {self.remedy}")
            if found.field(name).type != kind:
                raise InputError(
                    f"{self.path}: the column '{name}' is {found.field(name).type}, not {kind}; {self.remedy}"
                )


@contextmanager
def opened(path: Path, remedy: str) -> Iterator[pq.ParquetFile]:
    """A Parquet file to read from; :class:`InputError` in one line, with the ``remedy``, where it cannot be read."""
    try:
        # Without pre_buffer: with it all that is wanted of the file would be in memory.
        with pq.ParquetFile(path, pre_buffer=False, page_checksum_verification=True) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        said = " ".join(str(error).split())
        raise InputError(f"{path}: not readable as Parquet ({said}); {remedy}") from None


@contextmanager
def new_table(path: Path, schema: pa.Schema) -> Iterator["TableWriter"]:
    """A Parquet file to write piece by piece; it is at ``path`` whole, or not at all."""
    with written_whole(path) as beside:
        # Statistics hold the least and the greatest text of each column: of a long file they would fill memory.
        writer = pq.ParquetWriter(beside, schema, compression="zstd", write_statistics=False)
        try:
            yield TableWriter(writer)
        except BaseException:
            with suppress(OSError):  # on a full disk the end cannot be written either
                writer.close()
            raise
        writer.close()


class TableWriter:
    """Writes tables, each as a row group of its own."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer
        self.groups = 0
        """Row groups so far."""

    def write(self, table: pa.Table) -> None:
        """Append the rows of ``table``, if it has any."""
        if table.num_rows:
            self._writer.write_table(table, row_group_size=table.num_rows)
            self.groups += 1
