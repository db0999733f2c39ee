"""Pairs that are there already: Parquet files whose rows become rows of the line.

Columns count by their name: ``query`` and ``positive``, ``negatives`` (a list) or ``negative`` or neither, and any other
column of PAIRS. Strings of every Arrow type do; a column that PAIRS does not have is not read.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.factory.errors import InputError, nearest
from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.occurrences import Occurrences
from pairsmith.factory.records import PAIRS, content_hash, digest
from pairsmith.factory.spec import PairsSpec
from pairsmith.factory.tables import opened
from pairsmith.factory.taxonomy import GROUPS

READ = 1_000  # rows that are looked at together, but for long ones
READ_BYTES = 16_000_000  # after which rows are long: some 16 kB each, when a thousand of the method take 3 MB
DECODED = 50  # rows that are decoded at once: what they take is not known before; with a thousand it is a tenth faster
LONGEST_ID = 200  # characters, as of a request
UNKNOWN = "unknown"
"""The model of rows whose file does not say who wrote them."""

GIVEN = pa.schema([field.with_nullable(True) for field in PAIRS])
"""Rows as a file gives them: ``query`` and ``positive`` may be null, no other column that PAIRS always has."""

_REMEDY = "write it again, or take it out of 'pairs' in factory.yml"
_NEGATIVE = pa.field("negative", pa.string())
_NAMES = ("id", "request_id")  # which may be whole numbers too
_NEEDED = ("group", "query_language", "document_language", "instruction")
_CODES: dict[str, list[str]] = {
    "group": list(GROUPS),
    "query_language": list(LANGUAGES),
    "document_language": list(LANGUAGES),
}


class Seen(NamedTuple):
    """What was there before, in this file or an earlier one: 8 bytes of memory for each."""

    ids: Occurrences
    requests: Occurrences
    contents: Occurrences


def nothing_seen() -> Seen:
    """Before the first file."""
    return Seen(Occurrences(), Occurrences(), Occurrences())


class PairsFile:
    """A file of pairs. Raises :class:`InputError` in one line where it cannot be read, or is not as it should be."""

    def __init__(self, spec: PairsSpec, path: Path) -> None:
        self._path, self._name = path, spec.path
        self._said = {
            "group": spec.group,
            "instruction": spec.instruction,
            "query_language": spec.language,
            "document_language": spec.document_language or spec.language,
        }
        with opened(path, _REMEDY) as file:
            found = file.schema_arrow
            self.rows: int = file.metadata.num_rows
        self._columns = [field.name for field in (*PAIRS, _NEGATIVE) if field.name in found.names]
        self._check(found)

    def tables(self, seen: Seen) -> Iterator[pa.Table]:
        """The rows (schema GIVEN), some at a time, in their order: few where they are long."""
        start = 0
        for found in _together(self._decoded()):
            yield self._given(found, start, seen)
            start += len(found)

    # ------------------------------------------------------------------------------------------------ the columns

    def _check(self, found: pa.Schema) -> None:
        other = set(found.names) - set(PAIRS.names)
        for name in ("query", "positive"):
            if name not in found.names:
                near = nearest(name, other)
                raise self._error(f"the column '{name}' (string) is missing{near}; {_REMEDY}")
        for name in self._columns:
            kind, wanted = found.field(name).type, _wanted(name)
            if found.names.count(name) > 1:
                raise self._error(f"there are two columns '{name}'; {_REMEDY}")
            if not (reads_as(kind, wanted) or (name in _NAMES and pa.types.is_integer(kind))):
                raise self._error(f"the column '{name}' is {kind}, not {wanted}; {_REMEDY}")
        if {"negative", "negatives"} <= set(self._columns):
            raise self._error("there is a column 'negative' and a column 'negatives'; leave one of them out")
        if not self.rows:
            raise self._error(f"has no rows; {_REMEDY}")
        for name in _NEEDED:
            if name not in self._columns and self._said[name] is None and not self._has_instruction(name):
                near = nearest(name, other)
                raise self._error(f"the column '{name}' is missing{near}; add it, or {self._saying(name)}")

    def _has_instruction(self, name: str) -> bool:
        """Whether the group may say it; where the rows have groups of their own each row is looked at."""
        own = (facts.instruction for facts in GROUPS.values() if facts.name == self._said["group"])
        return name == "instruction" and ("group" in self._columns or any(own))

    @staticmethod
    def _saying(name: str) -> str:
        key, value = {
            "group": ("group", "short_long"),
            "instruction": ("instruction", "Find the answer."),
            "query_language": ("language", "en"),
            "document_language": ("document_language", "en"),
        }[name]
        return f"say it for all rows by '{key}: {value}' beside 'path' in 'pairs' of factory.yml"

    def _error(self, told: str) -> InputError:
        return InputError(f"{self._path}: {told}")

    # ------------------------------------------------------------------------------------------------ the rows

    def _decoded(self) -> Iterator[pa.Table]:
        """The columns as the file has them, but of the types that they have in PAIRS."""
        start = 0
        with opened(self._path, _REMEDY) as file:
            for batch in file.iter_batches(DECODED, columns=self._columns, use_threads=False):
                found = pa.Table.from_batches([batch])
                self._check_text(found, start)
                yield pa.table({name: found[name].cast(_wanted(name)) for name in found.column_names})
                start += batch.num_rows

    def _given(self, found: pa.Table, start: int, seen: Seen) -> pa.Table:
        columns = {name: found[name] for name in found.column_names if name != "negative"}
        blank = {name: pa.chunked_array([pa.nulls(len(found), GIVEN.field(name).type)]) for name in GIVEN.names}
        rows = blank | columns
        rows["negatives"] = negatives_of(found)
        rows["model"] = pc.fill_null(rows["model"], UNKNOWN)
        for name in _NEEDED:
            rows[name] = self._filled(name, rows, start)
            if name in _CODES:
                self._check_codes(name, rows[name], start)
        rows["content_hash"] = pa.chunked_array([_hashes(rows)])
        self._name_rows(rows, found.column_names, start, seen)
        return pa.table(rows).select(GIVEN.names).cast(GIVEN)

    def _check_text(self, found: pa.Table, start: int) -> None:
        for name in found.column_names:
            try:
                found[name].combine_chunks().validate(full=True)
            except pa.ArrowInvalid as error:
                where = f"rows {start:,} to {start + len(found) - 1:,}"
                raise self._error(f"{where}: the column '{name}' is damaged ({error}); {_REMEDY}") from None

    def _filled(self, name: str, rows: Mapping[str, pa.ChunkedArray], start: int) -> pa.ChunkedArray:
        """The column, its gaps filled with what the spec or, for an instruction, the group says."""
        column = rows[name]
        if self._said[name] is not None:
            column = pc.fill_null(column, self._said[name])
        elif name == "instruction":
            own = pa.array([group.instruction for group in GROUPS.values()], pa.string())
            place = pc.index_in(rows["group"], value_set=pa.array(list(GROUPS), pa.string()))
            column = pc.coalesce(column, own.take(place.combine_chunks()))
        if (row := _first(pc.is_null(column))) is not None:
            raise self._error(f"row {start + row:,}: there is no '{name}'; fill the column, or {self._saying(name)}")
        return column

    def _check_codes(self, name: str, column: pa.ChunkedArray, start: int) -> None:
        known = _CODES[name]
        odd = pc.invert(pc.is_in(column, value_set=pa.array(known, pa.string())))
        if (row := _first(odd)) is not None:
            value = column[row].as_py()
            of = ", ".join(known) if name == "group" else f"the {len(known)} ISO 639-1 codes of the method"
            near = nearest(value, known)
            raise self._error(f"row {start + row:,}: '{name}' is '{value}', which is none of {of}{near}")

    def _name_rows(self, rows: dict[str, pa.ChunkedArray], given: list[str], start: int, seen: Seen) -> None:
        """The columns ``id`` and ``request_id``: as they are, or made."""
        if "id" not in given:
            contents = rows["content_hash"].to_pylist()
            draws = seen.contents.earlier(hash((self._name, one)) for one in contents).tolist()
            made = [digest(self._name, one, draw) for one, draw in zip(contents, draws, strict=True)]
            rows["id"] = pa.chunked_array([pa.array(made, pa.string())])
        self._check_names("id", rows["id"], seen.ids, start)
        if "request_id" in given:
            self._check_names("request_id", rows["request_id"], seen.requests, start)
        else:
            rows["request_id"] = rows["id"]

    def _check_names(self, name: str, column: pa.ChunkedArray, seen: Occurrences, start: int) -> None:
        size = pc.fill_null(pc.utf8_length(column), 0)
        odd = pc.or_(pc.equal(size, 0), pc.greater(size, LONGEST_ID))
        if (row := _first(odd)) is not None:
            value = column[row].as_py()
            told = f"is {value[:LONGEST_ID]!r}..., longer than" if value else "is missing; it has 1 to"
            raise self._error(f"row {start + row:,}: its '{name}' {told} {LONGEST_ID} characters")
        again = pa.chunked_array([pa.array(seen.earlier(map(hash, column.to_pylist())) > 0)])
        if (row := _first(again)) is not None:
            told = f"'{name}' is '{column[row].as_py()}', as that of an earlier row; each row has its own"
            raise self._error(f"row {start + row:,}: {told}: change it, or leave the column out")


def _wanted(name: str) -> pa.DataType:
    """The type of a column that a file may have."""
    return _NEGATIVE.type if name == _NEGATIVE.name else GIVEN.field(name).type


def _together(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of :data:`READ` rows or :data:`READ_BYTES`, whichever is less, or little more."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(map(len, held)) >= READ or sum(one.nbytes for one in held) >= READ_BYTES:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def reads_as(kind: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether a column of type ``kind`` holds what one of type ``wanted`` does: strings of every Arrow type, lists of them."""
    types = pa.types
    if types.is_list(wanted):
        lists = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
        return bool(types.is_null(kind) or (lists and reads_as(kind.value_type, wanted.value_type)))
    if types.is_integer(wanted):
        return bool(types.is_null(kind) or types.is_integer(kind))
    if types.is_dictionary(kind):
        return reads_as(kind.value_type, wanted)
    return any(
        is_kind(kind) for is_kind in (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
    )


def negatives_of(found: pa.Table) -> pa.ChunkedArray:
    """The list of each row, without what is null in it; empty where there is none."""
    if "negative" in found.column_names:
        texts = found["negative"].combine_chunks()
        ends = pc.cumulative_sum(pc.cast(pc.is_valid(texts), pa.int32()))
        return _lists(ends, texts.drop_null())
    if "negatives" not in found.column_names:
        return pa.chunked_array([pa.array([[]] * len(found), _wanted("negatives"))])
    lists = found["negatives"].combine_chunks()
    texts = pc.list_flatten(lists)
    if not lists.null_count and not texts.null_count:
        return pa.chunked_array([lists])
    # Not by list_parent_indices: it counts what lies unseen in a null list, which a fixed-size one has.
    sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    parents = np.repeat(np.arange(len(lists)), sizes)[pc.is_valid(texts).to_numpy(zero_copy_only=False)]
    counts = np.bincount(parents, minlength=len(lists))
    return _lists(pa.array(np.cumsum(counts), pa.int32()), texts.drop_null())


def _lists(ends: pa.Array, texts: pa.Array) -> pa.ChunkedArray:
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    return pa.chunked_array([pa.ListArray.from_arrays(offsets, texts)])


def _hashes(rows: Mapping[str, pa.ChunkedArray]) -> pa.Array:
    texts = (rows[name].to_pylist() for name in ("query", "positive", "negatives"))
    return pa.array(
        (
            content_hash(query or "", positive or "", negatives)
            for query, positive, negatives in zip(*texts, strict=True)
        ),
        pa.string(),
    )


def _first(mask: pa.ChunkedArray) -> int | None:
    """Where the first true value is."""
    place: int = pc.index(mask, value=True).as_py()
    return None if place < 0 else place
