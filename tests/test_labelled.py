"""Labelled rows beside a release: Parquet or JSON lines, and one clear line for what does not fit."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pairsmith.factory.errors import InputError
from pairsmith.trainer.data import TRAINING
from pairsmith.trainer.labelled import is_labelled, read_labelled, row_set

ROW = {"query": "q", "positive": "p", "group": "short_long", "instruction": "Find it.", "negatives": ["n", "m"]}


def lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_parquet_and_json_lines_of_the_same_rows_are_the_same_rows(tmp_path: Path) -> None:
    rows = [
        ROW | {"id": "a", "label": "x", "document": "d#1", "more": 1},
        ROW | {"id": "b", "query": "r", "negatives": []},
    ]
    table = pa.Table.from_pylist(rows, schema=pa.schema([*TRAINING, pa.field("more", pa.int64())]))
    pq.write_table(table, tmp_path / "rows.parquet")
    one, other = read_labelled(tmp_path / "rows.parquet"), read_labelled(lines(tmp_path / "rows.jsonl", *rows))
    assert one.schema == TRAINING
    assert one.equals(other)
    assert row_set(one) == row_set(other.take([1, 0])) != row_set(one.slice(1))


def test_a_folder_is_all_its_files_and_what_is_not_said_is_made_or_null(tmp_path: Path) -> None:
    lines(tmp_path / "b.jsonl", {"query": "q", "positive": "p", "group": "sts", "negative": "n", "label": 3})
    lines(tmp_path / "a.jsonl", {**ROW, "instruction": ""}, {**ROW, "query": "other"})
    (tmp_path / "README.md").write_text("not rows")
    assert is_labelled(tmp_path)
    rows = read_labelled(tmp_path).to_pylist()
    assert [row["id"] for row in rows] == ["a.jsonl:1", "a.jsonl:2", "b.jsonl:1"]
    assert [row["instruction"] for row in rows] == ["", "Find it.", "Retrieve semantically similar text."]
    assert [row["negatives"] for row in rows] == [["n", "m"], ["n", "m"], ["n"]]
    assert [row["label"] for row in rows] == [None, None, "3"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"query": None}, r"row 2: there is no 'query'"),
        ({"positive": ""}, r"row 2: there is no 'positive'"),
        ({"group": "stss"}, r"row 2: 'group' is 'stss', which is none of .* \(did you mean 'sts'\?\)"),
        ({"instruction": None}, r"row 2: there is no 'instruction'; fill the column"),
        ({"negatives": "n"}, r"lines disagree on what a column holds"),
        ({"query": 7}, r"lines disagree on what a column holds"),
    ],
)
def test_a_row_that_does_not_fit_is_one_line_that_names_it(tmp_path: Path, row: dict[str, Any], told: str) -> None:
    path = lines(tmp_path / "rows.jsonl", ROW, ROW | row)
    with pytest.raises(InputError, match=rf"^[^\n]*rows\.jsonl: {told}[^\n]*$"):
        read_labelled(path)


def test_a_file_that_does_not_fit_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the column 'positive' is missing \(did you mean 'positives'\?\)"):
        read_labelled(lines(tmp_path / "a.jsonl", {"query": "q", "positives": "p"}))
    with pytest.raises(InputError, match=r"the column 'query' is int64, not string"):
        read_labelled(lines(tmp_path / "b.jsonl", {**ROW, "query": 1}))
    broken = tmp_path / "c.jsonl"
    broken.write_text("{")
    with pytest.raises(InputError, match=r"c\.jsonl:1: not JSON"):
        read_labelled(broken)
    pq.write_table(TRAINING.empty_table(), tmp_path / "d.parquet")
    with pytest.raises(InputError, match=r"d\.parquet: has no rows"):
        read_labelled(tmp_path / "d.parquet")
    (tmp_path / "e.csv").write_text("query,positive")
    with pytest.raises(InputError, match=r"e\.csv: rows are read from files that end in \.parquet or \.jsonl"):
        read_labelled(tmp_path / "e.csv")
