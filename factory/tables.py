"""Parquet files in batches: what is not as it should be is told in one line, and memory holds a batch, never the file."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pairsmith.factory.errors import InputError, nearest
from pairsmith.factory.folder import written_whole


def batches(path: Path, schema: pa.Schema, size: int, advice: str) -> Iterator[pa.Table]:
    """The columns of ``schema`` in the Parquet file at ``path``, ``size`` rows at a time; it may have other columns too.

    Raises :class:`InputError`, one line that ends with ``advice``, where it is none, is damaged, lacks a column or has one of
    another type.
    """
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:  # with it the whole file would be in memory
            _check(file.schema_arrow, schema, path, advice)
            for batch in file.iter_batches(size, columns=schema.names):
                yield pa.Table.from_batches([batch]).select(schema.names)
    except (pa.ArrowException, OSError) as error:
        told = " ".join(str(error).split())[:300]
        raise InputError(f"{path}: cannot be read as Parquet ({told}); {advice}") from None


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


def _check(found: pa.Schema, wanted: pa.Schema, path: Path, advice: str) -> None:
    for field in wanted:
        place = found.get_field_index(field.name)
        if place < 0:
            raise InputError(f"{path}: has no column '{field.name}'{nearest(field.name, found.names)}; {advice}")
        if found.field(place).type != field.type:
            raise InputError(
                f"{path}: column '{field.name}' holds {found.field(place).type}, wanted is {field.type}; {advice}"
            )
