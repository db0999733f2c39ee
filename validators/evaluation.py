"""Evaluation texts out of files: every string of a csv, tsv, jsonl, parquet or txt file (each also as ``.gz``).

Nothing is assumed of columns or a header: a cell that is no text is too short to count.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from pairsmith.factory.errors import InputError, nearest

LARGEST_CELL = 2**31 - 1  # characters; the csv module's own limit is 131,072


def evaluation_file(name: str, folder: Path) -> Path:
    """Where an evaluation file lies in the run folder. :class:`InputError` if it is no file of a known kind there."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"evaluation: '{name}' lies outside the folder {folder}; copy it in")
    if not path.is_file():
        present = [str(other.relative_to(folder)) for other in folder.rglob("*") if other.is_file()]
        raise InputError(f"evaluation: no file '{name}' in {folder}{nearest(name, present)}")
    if _suffix(path) not in _READERS:
        known = ", ".join(_READERS)
        raise InputError(f"evaluation: '{name}' is none of {known} (each also .gz); convert it")
    return path


def evaluation_texts(path: Path) -> Iterator[str]:
    """Every string in the file, in its order. :class:`InputError`, one line, where it cannot be read or holds none."""
    empty = True
    try:
        with _open(path) as file:
            for text in _READERS[_suffix(path)](file):
                empty = False
                yield text
    except (OSError, EOFError, zlib.error, ValueError, RecursionError, csv.Error, pa.ArrowException) as error:
        raise InputError(f"evaluation file {path}: {_said(error)}; repair it or take it out of the list") from None
    if empty:
        raise InputError(f"evaluation file {path}: holds no text; take it out of the list or name another file")


def _open(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb")


def _suffix(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _lines(file: BinaryIO) -> Iterator[str]:
    return io.TextIOWrapper(file, encoding="utf-8-sig", newline="")


def _table(delimiter: str) -> Callable[[BinaryIO], Iterator[str]]:
    def read(file: BinaryIO) -> Iterator[str]:
        csv.field_size_limit(LARGEST_CELL)
        for row in csv.reader(_lines(file), delimiter=delimiter):
            yield from filter(None, row)

    return read


def _text(file: BinaryIO) -> Iterator[str]:
    return (line.strip() for line in _lines(file) if line.strip())


def _json_lines(file: BinaryIO) -> Iterator[str]:
    for number, line in enumerate(_lines(file), start=1):
        if line.strip():
            try:
                value = json.loads(line)
            except ValueError as error:
                raise ValueError(f"line {number} is no JSON ({error})") from None
            yield from _strings(value)


def _parquet(file: BinaryIO) -> Iterator[str]:
    for batch in pq.ParquetFile(file).iter_batches():
        for row in batch.to_pylist():
            yield from _strings(row)


def _strings(value: Any) -> Iterator[str]:
    """Every non-empty string in nested lists and objects; the names of an object's keys are none."""
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


_READERS: dict[str, Callable[[BinaryIO], Iterator[str]]] = {
    ".csv": _table(","),
    ".tsv": _table("\t"),
    ".jsonl": _json_lines,
    ".parquet": _parquet,
    ".txt": _text,
}
