"""Releases: immutable, cumulative, the same rows the same bytes, and read back by those who train."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored import stored

from pairsmith.curation import release_files
from pairsmith.curation.comparable import columns_of, read_comparable
from pairsmith.curation.comparable import release_files as files_of
from pairsmith.curation.difference import Difference, SchemaChange, difference
from pairsmith.curation.front_matter import front_matter
from pairsmith.curation.manifest import Version, note_commit, read_manifest, versions
from pairsmith.curation.release import write_release
from pairsmith.curation.release_facts import ReleaseFacts
from pairsmith.curation.release_files import row_set_hash
from pairsmith.curation.removed import read_removed
from pairsmith.factory.errors import InputError, RunError
from pairsmith.factory.records import PAIRS, RELEASE, REVIEWED, content_hash
from pairsmith.factory.spec import ReleaseSpec
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


def counts(change: Difference | None) -> tuple[int, int, int, int, int]:
    assert change is not None
    return change.added, change.removed, change.corrected, change.moved, change.reviewed


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
    assert "document" not in columns_of(files_of(folder)).whole, "a column that came later"
    pq.write_table(rows.append_column("mood", rows["id"]), name)
    newer, change = released(ROWS, FACTS, tmp_path)
    assert newer.name == "2.0.0"
    assert change is not None
    assert change.columns == SchemaChange(removed=("mood",))


def test_a_column_of_another_type_is_a_major_version(tmp_path: Path) -> None:
    folder, _ = released(ROWS, FACTS, tmp_path)
    for name in read_manifest(folder)["files"]:
        rows = pq.read_table(folder / name)
        place = rows.column_names.index("tokens_in")
        pq.write_table(rows.set_column(place, "tokens_in", rows["tokens_in"].cast(pa.string())), folder / name)
    newer, change = released(ROWS, FACTS, tmp_path)
    assert newer.name == "2.0.0"
    assert change is not None
    assert change.columns == SchemaChange(retyped={"tokens_in": ("string", "int64")})
    assert "Column `tokens_in` was string and is int64." in (newer / "CHANGELOG.md").read_text()


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
    assert (folder.name, counts(change)) == ("1.1.2", (0, 0, 1, 0, 0))
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
    assert (folder.name, counts(change)) == ("1.0.1", (0, 0, 0, 0, 2))
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
    assert (newer.name, counts(change)) == ("1.1.0", (0, 1, 0, 0, 0))
    assert change is not None
    assert change.columns.added == ("review",)


def test_what_is_said_on_the_card_alone_is_a_patch_version_of_the_same_rows(tmp_path: Path) -> None:
    first, _ = released(ROWS, FACTS, tmp_path)
    facts = replace(FACTS, spec=ReleaseSpec(license="mit", description="Pairs.", terms={"m": "free", "other": "none"}))
    second, change = released(ROWS, facts, tmp_path)
    assert second.name == "1.0.1"
    assert change is not None
    assert change.card == ("license", "description", "terms")
    assert read_manifest(first)["row_set"] == read_manifest(second)["row_set"]
    assert "Changed on the card: license, description, terms." in (second / "CHANGELOG.md").read_text()
    unused = replace(facts, spec=facts.spec.model_copy(update={"terms": {"m": "free", "another": "none"}}))
    assert released(ROWS, unused, tmp_path)[0] == second, "terms of a model that wrote no row are not on the card"


@pytest.mark.parametrize("column", ["instruction", "model", "difficulty", "tokens_in"])
def test_a_row_is_corrected_where_any_of_its_columns_changed(tmp_path: Path, column: str) -> None:
    released(ROWS, FACTS, tmp_path)
    other: dict[str, object] = {"tokens_in": 7}
    changed = [{**row, column: other.get(column, "new")} if n == 3 else row for n, row in enumerate(ROWS.to_pylist())]
    folder, change = released(table(*changed), FACTS, tmp_path)
    assert (folder.name, counts(change)) == ("1.0.1", (0, 0, 1, 0, 0))


def test_a_smaller_version_than_the_change_allows_is_refused_and_a_larger_one_is_made(tmp_path: Path) -> None:
    halved = replace(FACTS, spec=ReleaseSpec(splits={"test": 0.5}))
    write_release(stored(ROWS.slice(0, 50)), FACTS, tmp_path)
    for bump, rows, facts, least in (("patch", ROWS, FACTS, "minor"), ("minor", ROWS, halved, "major")):
        with pytest.raises(
            RunError, match=rf"--bump {bump} is too small: .* makes it a {least} version, (1.1.0|2.0.0);"
        ):
            write_release(stored(rows), facts, tmp_path, bump)
    assert [str(version) for version in versions(tmp_path)] == ["1.0.0"], "nothing was written"
    folder, _ = write_release(stored(ROWS), FACTS, tmp_path, "major")
    assert folder.name == "2.0.0"
    assert "Major version by choice, at least minor: 10 rows added." in (folder / "CHANGELOG.md").read_text()


def test_the_changelog_counts_what_changed_by_group_and_language_and_says_why_rows_are_gone(tmp_path: Path) -> None:
    released(ROWS.slice(0, 50), FACTS, tmp_path)
    gone = [f"{n:016x}" for n in range(3)]
    facts = replace(FACTS, why=lambda ids: {gone[0]: ["review:row:dropped"], gone[1]: ["format:query:empty"]})
    folder, _ = released(table(*ROWS.slice(3).to_pylist(), pair(70, language="de")), facts, tmp_path)
    assert folder.name == "1.1.0"
    text = (folder / "CHANGELOG.md").read_text()
    assert "Minor version: 11 rows added." in text
    assert "11 rows added: by group sts 6, long long 5; by language no 10, de 1." in text
    assert "3 rows removed: by group long long 2, sts 1; by language no 3." in text
    assert "Reasons of removal: format empty 1, review dropped 1, unknown 1." in text
    assert read_removed(folder).to_pylist() == [
        {"id": gone[0], "version": "1.1.0", "reasons": ["review:row:dropped"]},
        {"id": gone[1], "version": "1.1.0", "reasons": ["format:query:empty"]},
        {"id": gone[2], "version": "1.1.0", "reasons": []},
    ]
    later, _ = released(table(*ROWS.slice(1, 55).to_pylist()), FACTS, tmp_path)
    told = {row["id"]: row["version"] for row in read_removed(later).to_pylist()}
    assert told.pop(gone[0]) == "1.1.0", "it is told of in every later version"
    assert set(told.values()) == {"1.2.0"}
    assert gone[1] not in told, "a row that is back is not"


def test_the_manifest_names_every_file_and_what_the_release_was_made_of(tmp_path: Path) -> None:
    first, _ = released(ROWS, replace(FACTS, revision="abc-dirty"), tmp_path)
    manifest = read_manifest(first)
    named = {**manifest["files"], **manifest["other_files"]}
    assert {name: file["sha256"] for name, file in named.items()} | {"manifest.json": ""} == {
        **bytes_of(first),
        "manifest.json": "",
    }
    assert (manifest["parent"], manifest["parent_commit"], manifest["revision"]) == (None, None, "abc-dirty")
    text = (first / "manifest.json").read_text()
    assert text == json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    note_commit(first, "acme/pairs", "c0ffee")
    second, _ = released(ROWS.slice(1), FACTS, tmp_path)
    manifest = read_manifest(second)
    assert (manifest["parent"], manifest["parent_commit"]) == ("1.0.0", "c0ffee")
    assert manifest["removed"] == {"unknown": 1}
    assert "removed.parquet" in manifest["other_files"]


def test_configs_and_splits_without_a_row_are_neither_written_nor_named_on_the_card(tmp_path: Path) -> None:
    rows = table(pair(1, "sts"), pair(2, "long_long"))
    folder, _ = released(rows, replace(FACTS, spec=ReleaseSpec(splits={"test": 0.0, "dev": 0.9999})), tmp_path)
    files = set(read_manifest(folder)["files"])
    assert files == {f"data/{group}/dev-00000-of-00001.parquet" for group in ("sts", "long_long")}
    configs = front_matter((folder / "README.md").read_text())["configs"]
    assert {config["config_name"] for config in configs} == {"all", "sts", "long_long"}
    named = [data for config in configs for data in config["data_files"]]
    assert {data["split"] for data in named} == {"dev"}
    assert {path for data in named for path in data["path"]} == files


def test_no_row_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no row was accepted"):
        released(table(), FACTS, tmp_path)


def test_a_missing_file_of_a_release_is_named(tmp_path: Path) -> None:
    folder, _ = released(ROWS, FACTS, tmp_path)
    name = next(iter(read_manifest(folder)["files"]))
    (folder / name).unlink()
    with pytest.raises(RunError, match=name):
        released(ROWS, FACTS, tmp_path)


def compared(rows: pa.Table) -> pa.Table:
    rows = rows.append_column(RELEASE.field("split"), pa.array(["train"] * len(rows), pa.string()))
    return read_comparable([stored(rows)], ["content_hash", "model"])


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_a_difference_counts_every_row_once(old: set[int], new: set[int]) -> None:
    one, two = (compared(table(*map(pair, sorted(numbers)))) for numbers in (old, new))
    change = difference(one, two)
    assert counts(change) == (len(new - old), len(old - new), 0, 0, 0)
    assert sum(change.added_by.get("group", {}).values()) == len(new - old)


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
