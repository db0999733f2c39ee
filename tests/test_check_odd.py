"""A check of releases that are not as they should be: all findings at once, one clear line, and never a silent pass."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from regressed import again, next_version, read_rows
from stored import stored
from test_release import FACTS, ROWS

from pairsmith.cli import main
from pairsmith.curation.check import Report, check
from pairsmith.curation.quality import SHIPPED, Quality, read_quality
from pairsmith.curation.release import write_release
from pairsmith.factory.errors import RunError

TODAY = date(2026, 11, 28)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(stored(ROWS), FACTS, tmp_path_factory.mktemp("releases"))[0]


@pytest.fixture(scope="module")
def quality() -> Quality:
    """The bounds of schema, files, splits and duplicates that are shipped; these rows say too little for gates."""
    shipped = read_quality(SHIPPED)
    kept = {name: bound for name, bound in shipped.metrics.items() if name.split(".")[0] in KINDS}
    return shipped.model_copy(update={"metrics": kept, "recheck": 0})


KINDS = ("schema", "files", "splits", "duplicates", "rows")


def found(release: Path, baseline: Path | None, asked: Quality) -> dict[str, str]:
    report: Report = check(release, baseline, asked, release, TODAY)
    return {finding.metric: finding.what for finding in report.findings}


def retyped(name: str, kind: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(table.schema.get_field_index(name), name, table[name].cast(kind))


def with_null(name: str) -> Callable[[pa.Table], pa.Table]:
    def reshape(table: pa.Table) -> pa.Table:
        place, kind = table.schema.get_field_index(name), table.schema.field(name).type
        values = [None, *table[name].to_pylist()[1:]]
        return table.set_column(place, pa.field(name, kind), pa.array(values, kind))

    return reshape


KINDS_OF_TEXT = [
    ("tokens_in", pa.string()),
    ("query", pa.large_string()),
    ("positive", pa.binary()),
    ("negatives", pa.large_list(pa.string())),
    ("group", pa.dictionary(pa.int32(), pa.string())),
]


@pytest.mark.parametrize(("name", "kind"), KINDS_OF_TEXT)
def test_a_column_of_another_type_hides_no_finding_of_rows(
    release: Path, quality: Quality, tmp_path: Path, name: str, kind: pa.DataType
) -> None:
    rows = read_rows(release)
    worse = next_version(release, tmp_path, [*rows, again(rows[0], 7_000)], reshape=retyped(name, kind))
    told = found(worse, release, quality)
    assert next(iter(told)) == "schema.retyped" and "duplicates.rate" in told


def test_a_column_that_one_table_lacks_is_gone_and_hides_nothing(
    release: Path, quality: Quality, tmp_path: Path
) -> None:
    rows, seen = read_rows(release), []

    def lacks(table: pa.Table) -> pa.Table:
        seen.append(table)
        return table.drop_columns(["prompt_version"]) if len(seen) == 1 else table

    told = found(next_version(release, tmp_path, [*rows, again(rows[0], 7_000)], reshape=lacks), release, quality)
    assert told["schema.missing"].endswith("column 'prompt_version' is gone") and "duplicates.rate" in told


@pytest.mark.parametrize(
    "name", ["id", "query", "negatives", "group", "query_language", "model", "split", "instruction"]
)
def test_nulls_are_counted_by_column(release: Path, quality: Quality, tmp_path: Path, name: str) -> None:
    told = found(next_version(release, tmp_path, read_rows(release), reshape=with_null(name)), release, quality)
    assert f"in column '{name}'" in told["schema.nulls"]


@pytest.mark.parametrize("name", ["query", "group", "content_hash"])
def test_what_cannot_be_measured_fails_whatever_is_bounded(release: Path, tmp_path: Path, name: str) -> None:
    asked = Quality.model_validate({"metrics": {"duplicates.rate": {"max": 0, "reason": "none twice"}}})
    gone = next_version(release, tmp_path, read_rows(release), reshape=lambda table: table.drop_columns([name]))
    for baseline in (release, None):
        told = found(gone, baseline, asked)
        assert list(told) == ["schema.unreadable"] and f"'{name}'" in told["schema.unreadable"]
    assert "baseline" in check(release, gone, asked, release, TODAY).note


def test_numbers_are_no_texts(release: Path, quality: Quality, tmp_path: Path) -> None:
    def counted(table: pa.Table) -> pa.Table:
        return table.set_column(table.schema.get_field_index("query"), "query", pa.array(range(len(table))))

    told = found(next_version(release, tmp_path, read_rows(release), reshape=counted), release, quality)
    assert "query" in told["schema.retyped"] and "'query' of" in told["schema.unreadable"]


def test_a_row_that_changes_splits_is_found(release: Path, quality: Quality, tmp_path: Path) -> None:
    rows = read_rows(release)
    held_out = next(row for row in rows if row["split"] == "test")
    moved = [{**row, "split": "train"} if row["id"] == held_out["id"] else row for row in rows]
    told = found(next_version(release, tmp_path, moved), release, quality)
    assert next(iter(told)) == "splits.moved" and "is 1;" in told["splits.moved"]


def test_two_rows_of_one_id_are_found(release: Path, quality: Quality, tmp_path: Path) -> None:
    rows = read_rows(release)
    twice = {**rows[1], "id": rows[0]["id"]}
    assert "schema.repeated_ids" in found(next_version(release, tmp_path, [*rows, twice]), None, quality)


@pytest.mark.parametrize("facts", [{"rows": 7}, {"row_set": "0" * 64}])
def test_rows_that_the_manifest_does_not_name_are_found(
    release: Path, quality: Quality, tmp_path: Path, facts: dict[str, Any]
) -> None:
    other = next_version(release, tmp_path, read_rows(release), edit=lambda manifest: manifest.update(facts))
    assert list(found(other, release, quality)) == ["files.other_rows"]


def test_a_language_that_is_none_is_a_finding_and_no_end(release: Path, tmp_path: Path) -> None:
    rows = [{**row, "query_language": "xx"} if place < 3 else row for place, row in enumerate(read_rows(release))]
    told = found(next_version(release, tmp_path, rows), None, read_quality(SHIPPED))
    assert (
        next(iter(told)) == "schema.strange_values" and "query_language 'xx' of 3 rows" in told["schema.strange_values"]
    )


def test_a_file_that_is_gone_is_a_finding(release: Path, quality: Quality, tmp_path: Path) -> None:
    less = next_version(release, tmp_path, read_rows(release))
    (less / "README.md").unlink()
    assert "README.md (gone)" in found(less, release, quality)["files.altered"]


BROKEN: list[tuple[str, Any]] = [
    ("files", []),
    ("files", {"../outside.parquet": {"rows": 1, "sha256": "0"}}),
    ("files", {"data/x.parquet": 5}),
    ("rows", "many"),
    ("name", ["x"]),
    ("thresholds", None),
    ("gates", {"answered": 5}),
    ("review", "good"),
    ("left_out", 5),
]


@pytest.mark.parametrize(("name", "value"), BROKEN)
def test_a_manifest_that_is_none_is_one_line_with_the_place(
    release: Path, quality: Quality, tmp_path: Path, name: str, value: Any
) -> None:
    broken = next_version(release, tmp_path, read_rows(release), edit=lambda manifest: manifest.update({name: value}))
    with pytest.raises(RunError, match=f"manifest.json: {name}"):
        check(broken, release, quality, release, TODAY)


@pytest.mark.parametrize("text", ['{"a": 1e400}', '{"a": NaN}', f'{{"a": {"9" * 400}}}'])
def test_scores_that_are_no_numbers_are_not_measured(release: Path, tmp_path: Path, text: str) -> None:
    scored = next_version(release, tmp_path, read_rows(release))
    (scored / "scores.json").write_text(text)
    asked = Quality.model_validate({"metrics": {"scores.a": {"min": 0, "reason": "it must"}}, "recheck": 0})
    report = check(scored, None, asked, release, TODAY)
    assert "was not measured" in report.findings[0].what
    assert json.dumps(report.as_json(), allow_nan=False)


def test_an_empty_name_of_a_baseline_is_no_check_without_one(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(release), "--against", ""]) == 2
    assert capsys.readouterr().err.count("\n") == 1
