"""Labelled rows that stand beside a release: a Parquet file or JSON lines of the same columns, or a folder of such files.

``query``, ``positive`` and ``group`` are needed, and ``instruction`` but in the symmetric groups, which have their own.
``negatives`` (a list) or ``negative``, ``label``, ``document`` and ``id`` may be there; other columns are not read.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.factory.errors import InputError, nearest
from pairsmith.factory.json_lines import json_lines
from pairsmith.factory.pairs import negatives_of, reads_as
from pairsmith.factory.records import digest
from pairsmith.factory.tables import opened
from pairsmith.factory.taxonomy import GROUPS
from pairsmith.trainer.data import training

_SUFFIXES = (".parquet", ".jsonl")
_REMEDY = "see docs/train.md for the columns of labelled rows"
_TEXTS = ("id", "group", "instruction", "query", "positive", "negative", "label", "document")
_NEEDED = ("query", "positive", "group")
_TEXT = pa.large_string()  # plain strings end at 2 GB a column, which some millions of passages take
_LIST = pa.list_(_TEXT)


def is_labelled(path: Path) -> bool:
    """Whether ``path`` is a file of labelled rows or a folder that holds some."""
    return path.is_file() or (path.is_dir() and bool(_files(path)))


def read_labelled(path: Path) -> pa.Table:
    """All rows (schema :data:`~pairsmith.trainer.data.TRAINING`), in the order of the files' names and their own.

    Raises :class:`InputError` in one line where a file cannot be read, lacks a column or has no row, or a row lacks a text.
    """
    return pa.concat_tables([training(_read(file)) for file in _files(path)]).combine_chunks()


def row_set(rows: pa.Table) -> str:
    """SHA-256 over the sorted digests of the rows: the identity of what is trained on, whatever files it is in."""
    lines = sorted(digest(row) for batch in rows.to_batches(max_chunksize=1_000) for row in batch.to_pylist())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _files(path: Path) -> list[Path]:
    found = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES)
    odd = next((file for file in found if file.suffix not in _SUFFIXES), None)
    if odd:
        raise InputError(f"{odd}: rows are read from files that end in .parquet or .jsonl; {_REMEDY}")
    return found


def _read(file: Path) -> pa.Table:
    given, names = _parquet(file) if file.suffix == ".parquet" else _lines(file)
    _check(file, given, names)
    if not len(given):
        raise InputError(f"{file}: has no rows; take it out or fill it")
    rows = {name: given[name].cast(_TEXT) for name in _TEXTS if name in given.column_names and name != "negative"}
    lists = {name: given[name].cast(kind) for name, kind in _wanted(given).items() if name.startswith("negative")}
    rows["negatives"] = _filled(negatives_of(pa.table(lists) if lists else given.select(["query"])))
    rows["instruction"] = _instructions(file, rows)
    rows.setdefault("id", pa.chunked_array([[f"{file.name}:{number}" for number in range(1, len(given) + 1)]]))
    for name in (*_NEEDED, "id"):
        _whole(file, name, rows[name])
    _known(file, rows["group"])
    return pa.table(rows)


def _parquet(file: Path) -> tuple[pa.Table, set[str]]:
    """The columns that are read, and the names of all."""
    with opened(file, _REMEDY) as source:
        names = source.schema_arrow.names
        wanted = [name for name in (*_TEXTS, "negatives") if name in names]
        twice = next((name for name in wanted if names.count(name) > 1), None)
        if twice:
            raise InputError(f"{file}: there are two columns '{twice}'; leave one of them out")
        found = source.read(columns=wanted)
    for name in wanted:
        try:
            found[name].validate(full=True)
        except pa.ArrowInvalid as error:
            raise InputError(f"{file}: the column '{name}' is damaged ({error}); write the file again") from None
    return found, set(names)


def _lines(file: Path) -> tuple[pa.Table, set[str]]:
    """The columns that are read, and the names of all."""
    found = list(_records(file))
    names = {name for record in found for name in record}
    wanted = [name for name in (*_TEXTS, "negatives") if name in names]
    return pa.table({name: _column(file, name, [record.get(name) for record in found]) for name in wanted}), names


def _column(file: Path, name: str, values: list[object]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError) as error:
        told = f"lines disagree on what the column '{name}' holds ({' '.join(str(error).split())})"
    except UnicodeEncodeError as error:
        told = f"the column '{name}' holds half a character, {error.object[error.start : error.end]!r}"
    raise InputError(f"{file}: {told}; {_REMEDY}")


def _records(file: Path) -> Iterator[dict[str, object]]:
    for _, record in json_lines(file, _REMEDY):
        if isinstance(record, InputError):
            raise record
        yield record


def _wanted(given: pa.Table) -> dict[str, pa.DataType]:
    return {name: _LIST if name == "negatives" else _TEXT for name in given.column_names}


def _check(file: Path, given: pa.Table, names: set[str]) -> None:
    for name in _NEEDED:
        if name not in names:
            raise InputError(f"{file}: the column '{name}' is missing{nearest(name, names - {*_TEXTS})}; {_REMEDY}")
    if {"negative", "negatives"} <= names:
        raise InputError(f"{file}: there is a column 'negative' and a column 'negatives'; leave one of them out")
    for name, wanted in _wanted(given).items():
        kind = given[name].type
        number = name in ("id", "label", "document") and pa.types.is_integer(kind)
        if not (number or reads_as(kind, wanted)):
            told = "a list of strings" if wanted == _LIST else "string"
            raise InputError(f"{file}: the column '{name}' is {kind}, not {told}; {_REMEDY}")


def _filled(lists: pa.ChunkedArray) -> pa.ChunkedArray:
    """The lists without empty texts, which stand for none where a table has no nulls."""
    if not pc.any(pc.equal(pc.binary_length(pc.list_flatten(lists)), 0)).as_py():
        return lists
    whole = lists.combine_chunks()
    texts = pc.if_else(pc.equal(pc.binary_length(whole.values), 0), None, whole.values)
    return negatives_of(pa.table({"negatives": pa.ListArray.from_arrays(whole.offsets, texts)}))


def _instructions(file: Path, rows: dict[str, pa.ChunkedArray]) -> pa.ChunkedArray:
    """The instruction of each row; in a symmetric group that of the group, where the row says none."""
    own = pa.array([facts.instruction for facts in GROUPS.values()], _TEXT)
    place = pc.index_in(rows["group"], value_set=pa.array(list(GROUPS), _TEXT))
    fixed = own.take(place.combine_chunks())
    told = pc.coalesce(rows["instruction"], fixed) if "instruction" in rows else pa.chunked_array([fixed])
    if told.null_count:
        row = pc.index(pc.is_null(told), value=True).as_py() + 1
        raise InputError(
            f"{file}: row {row:,}: there is no 'instruction'; fill the column, with \"\" where none is meant"
        )
    return told


def _whole(file: Path, name: str, column: pa.ChunkedArray) -> None:
    row: int = pc.index(pc.equal(pc.fill_null(pc.binary_length(column), 0), 0), value=True).as_py()
    if row >= 0:
        raise InputError(f"{file}: row {row + 1:,}: there is no '{name}'; fill the column or leave the row out")


def _known(file: Path, column: pa.ChunkedArray) -> None:
    odd = pc.invert(pc.is_in(column, value_set=pa.array(list(GROUPS), _TEXT)))
    row: int = pc.index(odd, value=True).as_py()
    if row >= 0:
        value = column[row].as_py()
        raise InputError(
            f"{file}: row {row + 1:,}: 'group' is '{value}', which is none of {', '.join(GROUPS)}{nearest(value, GROUPS)}"
        )
