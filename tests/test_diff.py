"""``pairsmith diff``: rows, columns and distributions of two releases, wherever they lie."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored import stored
from test_release import FACTS, pair, table

from pairsmith.cli import main
from pairsmith.curation.comparison import compare
from pairsmith.curation.manifest import read_manifest
from pairsmith.curation.release import write_release
from pairsmith.factory.spec import ReleaseSpec

Rows = list[dict[str, Any]]
PLAIN = replace(FACTS, spec=ReleaseSpec(splits={}))


def release(rows: Rows, releases: Path) -> Path:
    return write_release(stored(table(*rows)), PLAIN, releases)[0]


def test_a_release_beside_itself_is_the_same(tmp_path: Path) -> None:
    folder = release([pair(n) for n in range(9)], tmp_path)
    found = compare(folder, folder)
    assert found["same"]
    assert found["bump"] is None
    assert (found["added"], found["removed"], found["changed"]) == ([], [], [])
    assert found["distributions"]["group"] == {"sts": [9, 9]}


@settings(max_examples=5)
@given(numbers=st.lists(st.sets(st.integers(0, 12), min_size=1), min_size=2, max_size=2), changed=st.integers(0, 12))
def test_every_row_is_named_once_as_added_removed_or_changed_or_is_the_same(
    numbers: list[set[int]], changed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("releases")
    old, new = (sorted(some) for some in numbers)
    one = release([pair(n) for n in old], folder / "a")
    two = release([{**pair(n), **({"model": "other"} if n == changed else {})} for n in new], folder / "b")
    found = compare(one, two)
    ids = {n: f"{n:016x}" for n in range(13)}
    assert found["added"] == [ids[n] for n in sorted(set(new) - set(old))]
    assert [row["id"] for row in found["removed"]] == [ids[n] for n in sorted(set(old) - set(new))]
    expected = [{"id": ids[changed], "fields": ["model"]}] if changed in set(old) & set(new) else []
    assert found["changed"] == expected
    assert found["distributions"]["split"] == {"train": [len(old), len(new)]}


def test_columns_that_differ_are_named_row_by_row_and_counted(tmp_path: Path) -> None:
    rows = [pair(n) for n in range(5)]
    one = release(rows, tmp_path)
    rows[1] |= {"positive": "another", "content_hash": "f" * 16}
    rows[2] |= {"instruction": "Find it again.", "negatives": ["one", "two"]}
    found = compare(one, release(rows, tmp_path))
    assert found["changed"] == [
        {"id": rows[1]["id"], "fields": ["positive"]},
        {"id": rows[2]["id"], "fields": ["instruction", "negatives"]},
    ]
    assert found["fields"] == {"instruction": 1, "negatives": 1, "positive": 1}
    assert (found["rows"]["corrected"], found["bump"]) == (2, "patch")


def test_a_row_that_is_gone_has_its_reason_from_any_later_release(tmp_path: Path) -> None:
    rows = [pair(n) for n in range(6)]
    first = release(rows, tmp_path)
    facts = replace(PLAIN, why=lambda _: {rows[0]["id"]: ["duplicates:query:near_duplicate"]})
    write_release(stored(table(*rows[1:])), facts, tmp_path)
    third = release(rows[2:], tmp_path)
    found = compare(first, third)
    assert found["removed"] == [
        {"id": rows[0]["id"], "reasons": ["duplicates:query:near_duplicate"]},
        {"id": rows[1]["id"], "reasons": []},
    ]
    assert found["reasons"] == {"duplicates:near_duplicate": 1, "unknown": 1}


def test_columns_of_one_release_alone_and_of_another_type_are_told(tmp_path: Path) -> None:
    one, two = (release([pair(n) for n in range(4)], tmp_path / name) for name in "ab")
    for name in read_manifest(two)["files"]:
        rows = pq.read_table(two / name).drop_columns(["unit"])
        place = rows.column_names.index("tokens_in")
        rows = rows.set_column(place, "tokens_in", rows["tokens_in"].cast(pa.string())).append_column(
            "mood", rows["id"]
        )
        pq.write_table(rows, two / name)
    found = compare(one, two)
    assert found["schema"] == {"added": ["mood"], "removed": ["unit"], "retyped": {"tokens_in": ["int64", "string"]}}
    assert found["bump"] == "major"


def test_the_command_names_ids_and_reasons_and_takes_a_run_for_its_newest_release(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = release([pair(n) for n in range(20)], tmp_path / "run" / "releases")
    release([pair(n) for n in range(9, 30)], tmp_path / "run" / "releases")
    assert main(["diff", str(first), str(tmp_path / "run")]) == 0
    shown = capsys.readouterr().out
    assert "demo 1.0.0 (20 rows) -> demo 1.1.0 (21 rows)" in shown
    assert "at least a minor version: 10 rows added" in shown
    assert f"removed  {0:016x} unknown" in shown
    assert "removed  and 4 more" in shown
    assert len(shown.splitlines()) < 50
    assert main(["diff", str(first), str(tmp_path / "run"), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["removed"]) == 9


def test_what_is_no_release_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = release([pair(1)], tmp_path)
    for wrong in ("nowhere", str(tmp_path / "1.0.0" / "data")):
        assert main(["diff", wrong, str(folder)]) == 2
        said = capsys.readouterr().err
        assert "no folder of a release or run" in said or "no release; make one" in said


def test_columns_of_types_that_cannot_be_compared_are_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = (release([pair(n) for n in range(4)], tmp_path / name) for name in "ab")
    for folder in (one, two):
        for name in read_manifest(folder)["files"]:
            rows = pq.read_table(folder / name)
            pq.write_table(rows.append_column("odd", pa.array([{"a": 1}] * len(rows))), folder / name)
    assert main(["diff", str(one), str(two)]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "take what is damaged again from where it came" in told
