"""The rows of a release as a table of SQLite, whatever became of their columns."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.released_rows import Released
from pairsmith.factory.records import RELEASE
from pairsmith.factory.tables import TableFile

SHOWN = 200
"""Characters that are kept of a text: it is asked whether there is one, and shown where it is wrong."""


def write_rows(release: Released, path: Path, columns: Iterable[str]) -> None:
    """Write table ``rows`` to a new database: the columns that a release has, filled for those among ``columns``."""
    names = [name for name in RELEASE.names if name in release.columns]
    filled = [name for name in names if name in set(columns)]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA synchronous = OFF")  # the file is gone when it has been read
        listed = ", ".join(f"{_quoted(name)} TEXT" for name in names) or "row TEXT"  # a table has a column
        database.execute(f"CREATE TABLE rows ({listed})")
        for file in release.files:
            for batch in _batches(file, filled):
                database.executemany(_insert(batch.column_names), zip(*map(_cells, batch.columns), strict=True))


def _batches(file: TableFile, names: list[str]) -> Iterator[pa.Table]:
    """The columns ``names``, as far as the file has them, in the types that they have there."""
    schema = file.columns()
    found = [name for name in names if name in schema.names]
    if found:
        yield from TableFile(file.path, schema, file.remedy).batches(*found)


def _insert(names: Iterable[str]) -> str:
    listed = list(names)
    return f"INSERT INTO rows ({', '.join(map(_quoted, listed))}) VALUES ({', '.join('?' * len(listed))})"  # noqa: S608


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _cells(column: pa.ChunkedArray) -> list[str | None]:
    """Texts as they begin, all else as text; what is null stays null."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        whole = pc.replace_substring(column, "\0", "\u2400")  # where SQLite ends a text
        texts: list[str | None] = pc.utf8_slice_codeunits(whole, 0, SHOWN).to_pylist()
        return texts
    return [None if one is None else str(one)[:SHOWN] for one in column.to_pylist()]
