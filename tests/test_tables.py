"""Tables on disk: read in batches they are what was written, and a file that is not what it should be is named in one line."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored import stored

from pairsmith.factory.errors import InputError
from pairsmith.factory.tables import TableFile

SCHEMA = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("number", pa.int64())])


def table(size: int) -> pa.Table:
    return pa.table({"id": [f"r{n}" for n in range(size)], "number": range(size)}, schema=SCHEMA)


@given(st.integers(0, 20), st.integers(1, 7), st.integers(1, 7))
def test_batches_hold_every_row_once_and_in_order(size: int, batch: int, group: int) -> None:
    file = stored(table(size), batch, group)
    assert all(0 < part.num_rows <= batch for part in file.batches())
    assert pa.concat_tables([table(0), *file.batches()]).equals(table(size))
    assert file.read("number", "id").equals(table(size).select(["number", "id"]))


def test_rows_are_found_by_their_id() -> None:
    file = stored(table(9), batch=2)
    assert file.rows(["r7", "r1", "r1", "x"]) == {"r1": {"id": "r1", "number": 1}, "r7": {"id": "r7", "number": 7}}
    assert file.rows(iter(["r2"]), "id") == {"r2": {"id": "r2"}}
    assert file.rows([]) == {}


def written(path: Path, columns: dict[str, list[object]]) -> TableFile:
    pq.write_table(pa.table(columns), path)
    return TableFile(path, SCHEMA, "gate again")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"id": ["a"]}, r"t\.parquet: the column 'number' \(int64\) is missing; gate again"),
        ({"id": ["a"], "number": ["1"]}, r"t\.parquet: the column 'number' is string, not int64; gate again"),
    ],
)
def test_a_column_that_is_missing_or_of_another_type_is_named(
    tmp_path: Path, columns: dict[str, list[object]], said: str
) -> None:
    file = written(tmp_path / "t.parquet", columns)
    assert file.read("id")["id"].to_pylist() == ["a"], "what is not wanted does not matter"
    with pytest.raises(InputError, match=said):
        file.read("id", "number")


@pytest.mark.parametrize("damage", ["cut", "garbled", "empty", "gone"])
def test_a_damaged_file_is_one_clear_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "t.parquet"
    file = written(path, {"id": [f"r{n}" for n in range(999)], "number": list(range(999))})
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(
            {"cut": whole[:-9], "garbled": whole[:4] + b"\xff" * 2000 + whole[2004:], "empty": b""}[damage]
        )
    with pytest.raises(InputError, match=r"t\.parquet: not readable as Parquet \(.*\); gate again") as raised:
        file.read("id", "number")
    assert "\n" not in str(raised.value)
