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


def test_an_empty_negative_is_none(tmp_path: Path) -> None:
    lines(tmp_path / "a.jsonl", ROW | {"negatives": ["", "n", None, ""]}, ROW | {"negatives": []}, ROW)
    assert [row["negatives"] for row in read_labelled(tmp_path / "a.jsonl").to_pylist()] == [["n"], [], ["n", "m"]]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_strings_and_lists_of_every_arrow_type_are_read(tmp_path: Path, kind: pa.DataType) -> None:
    texts = {name: pa.array([text] * 3).cast(kind) for name, text in ROW.items() if name != "negatives"}
    for lists in (pa.list_(pa.string(), 2), pa.large_list(pa.large_string())):
        table = pa.table({**texts, "negatives": pa.array([["n", "m"], None, ["n", ""]], lists)})
        pq.write_table(table, tmp_path / "rows.parquet", row_group_size=2)
        rows = read_labelled(tmp_path / "rows.parquet")
        assert rows.schema == TRAINING
        assert rows["query"].to_pylist() == ["q"] * 3
        assert rows["negatives"].to_pylist() == [["n", "m"], [], ["n"]]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"query": None}, r"row 2: there is no 'query'"),
        ({"positive": ""}, r"row 2: there is no 'positive'"),
        ({"group": "stss"}, r"row 2: 'group' is 'stss', which is none of .* \(did you mean 'sts'\?\)"),
        ({"instruction": None}, r"row 2: there is no 'instruction'; fill the column"),
        ({"negatives": "n"}, r"lines disagree on what the column 'negatives' holds"),
        ({"query": 7}, r"lines disagree on what the column 'query' holds"),
        ({"label": 10**30}, r"lines disagree on what the column 'label' holds"),
        ({"positive": "half \ud83d"}, r"the column 'positive' holds half a character, '\\ud83d'"),
        ({"negative": "m"}, r"there is a column 'negative' and a column 'negatives'; leave one of them out"),
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
    damaged = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff"))
    one = {name: pa.array([ROW[name]]) for name in ("positive", "group", "instruction")}
    pq.write_table(pa.table({"query": damaged, **one}), tmp_path / "f.parquet")
    with pytest.raises(
        InputError, match=r"f\.parquet: the column 'query' is damaged \([^\n]*\); write the file again$"
    ):
        read_labelled(tmp_path / "f.parquet")
    twice = pa.Table.from_arrays([pa.array(["q"])] * 2 + list(one.values()), ["query", "query", *one])
    pq.write_table(twice, tmp_path / "g.parquet")
    with pytest.raises(InputError, match=r"g\.parquet: there are two columns 'query'; leave one of them out"):
        read_labelled(tmp_path / "g.parquet")
    (tmp_path / "e.csv").write_text("query,positive")
    with pytest.raises(InputError, match=r"e\.csv: rows are read from files that end in \.parquet or \.jsonl"):
        read_labelled(tmp_path / "e.csv")
