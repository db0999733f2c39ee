"""Releases: immutable, cumulative, the same rows the same bytes, and read back by those who train."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.curation.release import (
    Difference,
    ReleaseFacts,
    Version,
    difference,
    read_manifest,
    read_rows,
    release_rows,
    row_set_hash,
    versions,
    write_release,
)
from pairsmith.factory.errors import InputError, RunError
from pairsmith.factory.records import PAIRS, content_hash
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


FUNNEL = {"asked": 3, "answered": 3, "failed": {}, "pending": 0, "rejected": 0, "accepted": 3, "gates": []}
FACTS = ReleaseFacts("demo", ReleaseSpec(license="cc0-1.0"), FUNNEL, {}, {"pairsmith": "0"})
ROWS = table(*(pair(n, group) for n in range(60) for group in ["sts" if n % 2 else "long_long"]))


def bytes_of(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_what_is_released_is_read_back(tmp_path: Path) -> None:
    folder, change = write_release(ROWS, FACTS, tmp_path)
    assert (folder.name, change) == ("1.0.0", None)
    back = read_rows(folder)
    assert back.sort_by("id").drop_columns("split").equals(ROWS.sort_by("id"))
    manifest = read_manifest(folder)
    assert manifest["row_set"] == row_set_hash(back)
    assert manifest["rows"] == sum(file["rows"] for file in manifest["files"].values()) == ROWS.num_rows
    for name, digest in bytes_of(folder).items():
        if name in manifest["files"]:
            assert manifest["files"][name]["sha256"] == digest


def test_the_same_rows_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    first, _ = write_release(ROWS, FACTS, tmp_path / "a")
    turned = ROWS.take(pa.array(list(range(ROWS.num_rows))[::-1]))
    second, _ = write_release(turned, FACTS, tmp_path / "b")
    assert bytes_of(first) == bytes_of(second)


def test_nothing_new_makes_no_new_version(tmp_path: Path) -> None:
    first, _ = write_release(ROWS, FACTS, tmp_path)
    before = bytes_of(first)
    again, change = write_release(ROWS, FACTS, tmp_path)
    assert again == first
    assert change is not None
    assert change.empty
    assert bytes_of(first) == before


def test_rows_added_are_a_minor_and_rows_removed_or_corrected_a_patch_version(tmp_path: Path) -> None:
    write_release(ROWS.slice(0, 50), FACTS, tmp_path)
    assert write_release(ROWS, FACTS, tmp_path)[0].name == "1.1.0"
    assert write_release(ROWS.slice(1), FACTS, tmp_path)[0].name == "1.1.1"
    corrected = [
        {**row, "content_hash": "f" * 16} if n == 3 else row for n, row in enumerate(ROWS.slice(1).to_pylist())
    ]
    folder, change = write_release(table(*corrected), FACTS, tmp_path)
    assert (folder.name, change) == ("1.1.2", Difference(0, 0, 1, False))
    assert versions(tmp_path) == [Version(1, 0, 0), Version(1, 1, 0), Version(1, 1, 1), Version(1, 1, 2)]
    changelog = (folder / "CHANGELOG.md").read_text()
    assert changelog.index("1.1.2") < changelog.index("1.1.1") < changelog.index("1.0.0")


def test_a_split_that_changes_is_a_major_version(tmp_path: Path) -> None:
    write_release(ROWS, FACTS, tmp_path)
    facts = ReleaseFacts("demo", ReleaseSpec(splits={"test": 0.5}), FUNNEL, {}, {})
    assert write_release(ROWS, facts, tmp_path)[0].name == "2.0.0"


def test_no_row_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no row was accepted"):
        write_release(table(), FACTS, tmp_path)


def test_a_missing_file_of_a_release_is_named(tmp_path: Path) -> None:
    folder, _ = write_release(ROWS, FACTS, tmp_path)
    name = next(iter(read_manifest(folder)["files"]))
    (folder / name).unlink()
    with pytest.raises(RunError, match=name):
        read_rows(folder)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=20), st.floats(0, 0.9))
def test_the_same_query_is_always_in_the_same_split(queries: list[str], share: float) -> None:
    rows = table(*(pair(n, query=query) for n, query in enumerate(queries + [query.upper() for query in queries])))
    splits: dict[str, set[str]] = {}
    for row in release_rows(rows, {"test": share}).to_pylist():
        splits.setdefault(fold(row["query"]), set()).add(row["split"])
    assert all(len(found) == 1 for found in splits.values())
    first = rows.slice(0, 1)
    alone = release_rows(first, {"test": share})["split"][0].as_py()
    assert splits[fold(first["query"][0].as_py())] == {alone}, "what else is in the release does not matter"


def test_the_held_out_share_is_what_was_asked() -> None:
    rows = table(*(pair(n) for n in range(4000)))
    held = pc.sum(pc.equal(release_rows(rows, {"test": 0.1})["split"], "test")).as_py()
    assert 320 < held < 480


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_a_difference_counts_every_row_once(old: set[int], new: set[int]) -> None:
    change = difference(*(release_rows(table(*map(pair, sorted(ids))), {}) for ids in (old, new)))
    assert (change.added, change.removed, change.corrected) == (len(new - old), len(old - new), 0)


def test_who_trains_gets_anchor_positive_negative_without_a_null(tmp_path: Path) -> None:
    facts = ReleaseFacts("demo", ReleaseSpec(splits={}), FUNNEL, {}, {})
    folder, _ = write_release(ROWS, facts, tmp_path)
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
    folder, _ = write_release(ROWS, FACTS, tmp_path)
    with pytest.raises(InputError, match="dev"):
        read_release(folder, "dev")
