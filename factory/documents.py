"""Reads documents out of Parquet and JSON lines, a batch or a line at a time, only the columns that are wanted."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pairsmith.factory.errors import InputError, nearest
from pairsmith.factory.spec import SourceSpec

BATCH = 500  # documents of a Parquet file that are in memory at once
LONGEST_ID = 1000  # characters; an id names a document, it is not one

Row = dict[str, Any]


class Document(NamedTuple):
    """``id``: the row's own, or its number in the file. ``text`` and ``language`` may be missing."""

    id: str
    text: str | None
    language: str | None


def read_documents(path: Path, name: str, source: SourceSpec) -> Iterator[Document]:
    """The documents of one file, in order.

    ``name`` is what the file is called in messages. Without a column of ids a document's id is its number in the file:
    the row, from 0, or the line, from 1. Raises :class:`InputError` in one line for the first fault: file, row, value.
    """
    read = _parquet if path.suffix == ".parquet" else _json_lines
    for number, place, row in read(path, name, source.columns):
        yield _document(number, place, row, source)


def _parquet(path: Path, name: str, columns: tuple[str, ...]) -> Iterator[tuple[int, str, Row]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:  # with it the whole file would come into memory
            _has(file.schema_arrow.names, columns, name)
            for batch in file.iter_batches(BATCH, columns=list(columns)):
                for row in batch.to_pylist():
                    yield number, f"{name}, row {number}", row
                    number += 1
    except UnicodeDecodeError as error:
        raise InputError(f"{name}, row {number} or one soon after: not UTF-8 ({error.reason}); write it anew") from None
    except (pa.ArrowException, OSError) as error:
        told = str(error).partition("\n")[0][:200]
        raise InputError(f"{name}: not readable as Parquet from row {number} on ({told}); write it anew") from None


def _json_lines(path: Path, name: str, columns: tuple[str, ...]) -> Iterator[tuple[int, str, Row]]:
    number = 0
    opened: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if text.strip():
                    row = _object(text, f"{name}:{number}")
                    _has(row, columns, f"{name}:{number}")
                    yield number, f"{name}:{number}", row
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: not readable after line {number} ({error}); take the file again") from None


def _object(line: bytes, place: str) -> Row:
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: not UTF-8 ({error.reason} at byte {error.start}); save the file in UTF-8") from None
    except (ValueError, RecursionError) as error:
        shown = line[:60].decode("utf-8", "replace")
        raise InputError(f"{place}: not JSON: {error} (found {shown!r}); write one object a line") from None
    if not isinstance(row, dict):
        raise InputError(f"{place}: not a JSON object (found {row!r:.60}); write one object a line")
    return row


def _has(present: Any, columns: tuple[str, ...], place: str) -> None:
    for column in columns:
        if column not in present:
            there = ", ".join(list(present)[:20])
            raise InputError(f"{place}: no column '{column}'{nearest(column, present)}; it has {there or 'none'}")


def _document(number: int, place: str, row: Row, source: SourceSpec) -> Document:
    text = _text(row[source.text], source.text, place)
    language = source.language
    if source.language_column is not None:
        language = _text(row[source.language_column], source.language_column, place)
    identity = str(number) if source.id is None else _identity(row[source.id], source.id, place)
    return Document(identity, text, language)


def _text(value: Any, column: str, place: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InputError(
            f"{place}: column '{column}' holds {type(value).__name__}, not a text (found {value!r:.60}); "
            "name the column that holds texts"
        )
    return value


def _identity(value: Any, column: str, place: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise InputError(
            f"{place}: column '{column}' holds no id (found {value!r:.60}); name a column of texts or whole numbers"
        )
    identity = " ".join(str(value).encode("utf-8", "replace").decode("utf-8").split())
    if len(identity) > LONGEST_ID:
        raise InputError(f"{place}: the id in column '{column}' has {len(identity)} characters; is it the text?")
    return identity
