"""Releases: immutable, cumulative, the same rows the same bytes, and read back by those who train."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored import stored

from pairsmith.curation import release_files
from pairsmith.curation.release import (
    Difference,
    Earlier,
    ReleaseFacts,
    Version,
    difference,
    read_manifest,
    read_release_index,
    versions,
    write_release,
)
from pairsmith.curation.release_files import read_index, row_set_hash, split_of
from pairsmith.factory.errors import InputError, RunError
from pairsmith.factory.records import PAIRS, REVIEWED, content_hash
from pairsmith.factory.spec import ReleaseSpec
from pairsmith.factory.text import fold
from pairsmith.trainer.data import columns, read_release


def pair(number: int, group: str = "sts", query: str | None = None, language: str = "no") -> dict[str, object]:
    query = query or f"Query number {number}"
    negatives = [] if group == "long_long" else [f"negative {number}"]
    return {
        "id": f"{number:016x}",
        "request_id": f"r{number}",
        "content_hash": content_hash(query, f"positive {number}", negatives),
        "group": group,
        "instruction": "Retrieve semantically similar text." if group == "sts" else "Find it.",
        "query": query,
        "positive": f"positive {number}",
        "negatives": negatives,
        "query_language": language,
        "document_language": language,
        "model": "m",
    }


def table(*pairs: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist(list(pairs), schema=PAIRS)


def released(rows: pa.Table, facts: ReleaseFacts, releases: Path) -> tuple[Path, Difference | None]:
    return write_release(stored(rows), facts, releases)


def read_rows(release: Path) -> pa.Table:
    return pa.concat_tables(pq.read_table(release / name) for name in read_manifest(release)["files"])


def index(rows: pa.Table, splits: dict[str, float]) -> pa.Table:
    return read_index(stored(rows), splits)[0]


FUNNEL = {"asked": 3, "answered": 3, "failed": {}, "pending": 0, "rejected": 0, "accepted": 3, "gates": []}
FACTS = ReleaseFacts("demo", ReleaseSpec(license="cc0-1.0"), FUNNEL, {}, {"pairsmith": "0"})
ROWS = table(*(pair(n, group) for n in range(60) for group in ["sts" if n % 2 else "long_long"]))


def bytes_of(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_what_is_released_is_read_back(tmp_path: Path) -> None:
    folder, change = released(ROWS, FACTS, tmp_path)
    assert (folder.name, change) == ("1.0.0", None)
    back = read_rows(folder)
    assert back.sort_by("id").drop_columns(["review", "split"]).equals(ROWS.sort_by("id"))
    manifest = read_manifest(folder)
    assert manifest["row_set"] == row_set_hash(back) == row_set_hash(back.take(list(range(back.num_rows))[::-1]))
    lines = sorted(zip(*(back[name].to_pylist() for name in ("id", "content_hash", "split")), strict=True))
    assert manifest["row_set"] == hashlib.sha256("\n".join(map("\t".join, lines)).encode()).hexdigest()
    assert manifest["rows"] == sum(file["rows"] for file in manifest["files"].values()) == ROWS.num_rows
    for name, digest in bytes_of(folder).items():
        if name in manifest["files"]:
            assert manifest["files"][name]["sha256"] == digest


def test_the_same_rows_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    first, _ = released(ROWS, FACTS, tmp_path / "a")
    turned = ROWS.take(pa.array(list(range(ROWS.num_rows))[::-1]))
    second, _ = released(turned, FACTS, tmp_path / "b")
    assert bytes_of(first) == bytes_of(second)


@pytest.mark.parametrize(("batch", "group", "file"), [(1, 4, 7), (13, 60, 4), (1000, 9, 5)])
def test_the_files_are_the_same_for_any_size_of_batch_and_row_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int, group: int, file: int
) -> None:
    monkeypatch.setattr(release_files, "ROWS_PER_FILE", file)
    whole, _ = released(ROWS, FACTS, tmp_path / "whole")
    pieces, _ = write_release(stored(ROWS, batch, group), FACTS, tmp_path / "pieces")
    assert bytes_of(whole) == bytes_of(pieces)
    kinds: dict[str, list[list[str]]] = {}
    for name in read_manifest(whole)["files"]:
        kinds.setdefault(name.partition("-")[0], []).append(pq.read_table(whole / name)["id"].to_pylist())
    for parts in kinds.values():
        ids = [each for part in parts for each in part]
        assert ids == sorted(ids)
        assert all(len(part) == file for part in parts[:-1])
        assert 0 < len(parts[-1]) <= file
    assert read_rows(whole).sort_by("id").drop_columns(["review", "split"]).equals(ROWS.sort_by("id"))


def test_nothing_is_left_of_what_was_sorted(tmp_path: Path) -> None:
    folder, _ = released(ROWS, FACTS, tmp_path)
    assert {path.name for path in folder.iterdir()} == {"data", "README.md", "CHANGELOG.md", "manifest.json"}


def test_a_column_that_pairsmith_does_not_know_is_a_major_version(tmp_path: Path) -> None:
    folder, _ = released(ROWS, FACTS, tmp_path)
    name = folder / next(iter(read_manifest(folder)["files"]))
    rows = pq.read_table(name)
    pq.write_table(rows.drop_columns("document"), name)
    assert not read_release_index(folder).other_columns, "a column that came later"
    pq.write_table(rows.append_column("mood", rows["id"]), name)
    assert released(ROWS, FACTS, tmp_path)[0].name == "2.0.0"


def test_nothing_new_makes_no_new_version(tmp_path: Path) -> None:
    first, _ = released(ROWS, FACTS, tmp_path)
    before = bytes_of(first)
    again, change = released(ROWS, FACTS, tmp_path)
    assert again == first
    assert change is not None
    assert change.empty
    assert bytes_of(first) == before


def test_rows_added_are_a_minor_and_rows_removed_or_corrected_a_patch_version(tmp_path: Path) -> None:
    released(ROWS.slice(0, 50), FACTS, tmp_path)
    assert released(ROWS, FACTS, tmp_path)[0].name == "1.1.0"
    assert released(ROWS.slice(1), FACTS, tmp_path)[0].name == "1.1.1"
    corrected = [
        {**row, "content_hash": "f" * 16} if n == 3 else row for n, row in enumerate(ROWS.slice(1).to_pylist())
    ]
    folder, change = released(table(*corrected), FACTS, tmp_path)
    assert (folder.name, change) == ("1.1.2", Difference(0, 0, 1, False))
    assert versions(tmp_path) == [Version(1, 0, 0), Version(1, 1, 0), Version(1, 1, 1), Version(1, 1, 2)]
    changelog = (folder / "CHANGELOG.md").read_text()
    assert changelog.index("1.1.2") < changelog.index("1.1.1") < changelog.index("1.0.0")


def test_a_split_that_changes_is_a_major_version(tmp_path: Path) -> None:
    released(ROWS, FACTS, tmp_path)
    facts = ReleaseFacts("demo", ReleaseSpec(splits={"test": 0.5}), FUNNEL, {}, {})
    assert released(ROWS, facts, tmp_path)[0].name == "2.0.0"


def reviewed(rows: pa.Table, marks: dict[int, str]) -> pa.Table:
    column = pa.array([marks.get(number) for number in range(len(rows))], pa.string())
    return rows.append_column(REVIEWED.field("review"), column)


def test_what_people_came_to_is_a_column_of_the_release_and_a_change_of_it_a_patch_version(tmp_path: Path) -> None:
    released(ROWS, FACTS, tmp_path)
    folder, change = released(reviewed(ROWS, {3: "kept", 4: "corrected"}), FACTS, tmp_path)
    assert (folder.name, change) == ("1.0.1", Difference(0, 0, 0, False, reviewed=2))
    marks = {row["id"]: row["review"] for row in read_rows(folder).to_pylist() if row["review"]}
    assert marks == {ROWS["id"][3].as_py(): "kept", ROWS["id"][4].as_py(): "corrected"}
    assert released(reviewed(ROWS, {3: "kept", 4: "corrected"}), FACTS, tmp_path)[0] == folder
    assert released(ROWS, FACTS, tmp_path)[0].name == "1.0.2"


def test_a_release_without_the_column_review_is_still_read_and_the_next_one_is_a_minor_version(tmp_path: Path) -> None:
    folder, _ = released(ROWS, FACTS, tmp_path)
    for name in read_manifest(folder)["files"]:
        pq.write_table(pq.read_table(folder / name).drop_columns("review"), folder / name)
    assert read_release(folder)["review"].null_count == read_release(folder).num_rows
    assert released(ROWS, FACTS, tmp_path)[0] == folder, "a column alone is no reason for a release"
    newer, change = released(ROWS.slice(1), FACTS, tmp_path)
    assert (newer.name, change) == ("1.1.0", Difference(0, 1, 0, False, new_columns=True))


def test_a_corrected_query_may_move_its_row_to_another_split_in_a_patch_version(tmp_path: Path) -> None:
    facts = ReleaseFacts("demo", ReleaseSpec(splits={"test": 0.5}), FUNNEL, {}, {})
    released(ROWS, facts, tmp_path)
    corrected = [
        pair(n, row["group"], f"Another query {n}") | {"id": row["id"]} for n, row in enumerate(ROWS.to_pylist())
    ]
    moved = pc.sum(pc.not_equal(*(index(rows, {"test": 0.5})["split"] for rows in (ROWS, table(*corrected))))).as_py()
    folder, change = released(table(*corrected), facts, tmp_path)
    assert moved > 10
    assert (folder.name, change) == ("1.0.1", Difference(0, 0, 60, False))


def test_no_row_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no row was accepted"):
        released(table(), FACTS, tmp_path)


def test_a_missing_file_of_a_release_is_named(tmp_path: Path) -> None:
    folder, _ = released(ROWS, FACTS, tmp_path)
    name = next(iter(read_manifest(folder)["files"]))
    (folder / name).unlink()
    with pytest.raises(RunError, match=name):
        released(ROWS, FACTS, tmp_path)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=20), st.floats(0, 0.9))
def test_the_same_query_is_always_in_the_same_split(queries: list[str], share: float) -> None:
    rows = table(*(pair(n, query=query) for n, query in enumerate(queries + [query.upper() for query in queries])))
    splits: dict[str, set[str]] = {}
    for query, split in zip(
        rows["query"].to_pylist(), split_of(rows["query"], {"test": share}).to_pylist(), strict=True
    ):
        splits.setdefault(fold(query), set()).add(split)
    assert all(len(found) == 1 for found in splits.values())
    first = rows.slice(0, 1)["query"]
    alone = split_of(first, {"test": share})[0].as_py()
    assert splits[fold(first[0].as_py())] == {alone}, "what else is in the release does not matter"


def test_the_held_out_share_is_what_was_asked() -> None:
    queries = pa.chunked_array([[f"Query number {n}" for n in range(4000)]])
    held = pc.sum(pc.equal(split_of(queries, {"test": 0.1}), "test")).as_py()
    assert 320 < held < 480


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_a_difference_counts_every_row_once(old: set[int], new: set[int]) -> None:
    change = difference(Earlier(index(table(*map(pair, sorted(old))), {})), index(table(*map(pair, sorted(new))), {}))
    assert (change.added, change.removed, change.corrected) == (len(new - old), len(old - new), 0)


def test_who_trains_gets_anchor_positive_negative_without_a_null(tmp_path: Path) -> None:
    facts = ReleaseFacts("demo", ReleaseSpec(splits={}), FUNNEL, {}, {})
    folder, _ = released(ROWS, facts, tmp_path)
    rows = read_release(folder)
    triplets = columns(rows)
    assert triplets.column_names == ["anchor", "positive", "negative"]
    assert triplets.num_rows == 30, "long_long has no negatives"
    assert all(column.null_count == 0 for column in triplets.columns)
    assert all(text.startswith("Instruct: ") for name in triplets.column_names for text in triplets[name].to_pylist())
    pairs = columns(rows, negatives=0)
    assert (pairs.column_names, pairs.num_rows) == (["anchor", "positive"], 60)
    documents = [text for text in pairs["positive"].to_pylist() if not text.startswith("Instruct: ")]
    assert len(documents) == 30, "documents of asymmetric groups carry no instruction"
    assert columns(rows, negatives=0, instructions=False)["anchor"].to_pylist() == rows["query"].to_pylist()


def test_an_unknown_split_is_one_clear_line(tmp_path: Path) -> None:
    folder, _ = released(ROWS, FACTS, tmp_path)
    with pytest.raises(InputError, match="dev"):
        read_release(folder, "dev")
