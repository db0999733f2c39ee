"""A check of small releases: exit codes, missing metrics, known issues, and what is said without a baseline."""

import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from regressed import again, next_version, read_rows
from stored import stored
from test_release import FACTS, ROWS

from pairsmith.cli import main
from pairsmith.curation.check import Report, check
from pairsmith.curation.quality import KnownIssue, Quality
from pairsmith.curation.release import write_release

TODAY = date(2026, 11, 28)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(stored(ROWS), FACTS, tmp_path_factory.mktemp("releases"))[0]


@pytest.fixture(scope="module")
def worse(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half of the rows are gone."""
    return next_version(release, tmp_path_factory.mktemp("worse"), read_rows(release)[:30])


def quality(known: list[KnownIssue] | None = None, **metrics: dict[str, object]) -> Quality:
    bounds = {name.replace("__", "."): {"reason": "it must", **bound} for name, bound in metrics.items()}
    return Quality.model_validate({"metrics": bounds, "recheck": 0, "known_issues": known or []})


def checked(release: Path, baseline: Path | None, asked: Quality) -> Report:
    return check(release, baseline, asked, release, TODAY)


def names(report: Report) -> list[str]:
    return [finding.metric for finding in report.findings]


def test_exit_codes_are_0_holds_1_regressed_2_something_to_do(
    release: Path, worse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "quality.yml"
    path.write_text("metrics: {rows: {max_drop: 10%, reason: rows stay}}")
    options = ["--against", str(release), "--quality", str(path), "--format", "json"]
    assert main(["check", str(release), *options]) == 0
    assert json.loads(capsys.readouterr().out)["holds"] is True
    assert main(["check", str(worse), *options]) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["metric"] == "rows"
    assert main(["check", str(tmp_path), *options]) == 2
    assert capsys.readouterr().err.startswith("pairsmith: ")


def test_a_metric_that_was_not_measured_fails_with_the_nearest_one(release: Path) -> None:
    report = checked(release, release, quality(duplicate__rate={"max": 0}))
    assert names(report) == ["duplicate.rate"] and "did you mean 'duplicates.rate'?" in report.findings[0].what


def test_without_a_baseline_what_takes_one_is_named_and_the_rest_is_held_to(release: Path) -> None:
    asked = quality(rows={"min": 61, "max_drop": 1}, loss__unexplained={"max": 0}, rows__added={"min": 1})
    report = checked(release, None, asked)
    assert names(report) == ["rows"]
    assert report.skipped == ["loss.unexplained", "rows.added"]


def test_a_baseline_of_an_earlier_pairsmith_that_lacks_a_column_is_compared_with(release: Path, tmp_path: Path) -> None:
    earlier = next_version(release, tmp_path, read_rows(release), reshape=lambda table: table.drop_columns(["review"]))
    assert checked(release, earlier, quality(rows={"max_drop": 0}, schema__missing={"max": 0})).holds


def test_what_is_known_does_not_fail_until_its_day_is_past(release: Path, worse: Path) -> None:
    for until, found in ((None, []), (TODAY, []), (date(2026, 11, 27), ["rows"])):
        issue = KnownIssue(finding="rows", reason="we know", until=until)
        report = checked(worse, release, quality([issue], rows={"max_drop": 0}))
        assert names(report) == found and len(report.known) == 1 - len(found)


def test_a_known_issue_that_is_not_found_any_more_fails(release: Path) -> None:
    report = checked(release, release, quality([KnownIssue(finding="rows", reason="we know")], rows={"max_drop": 0}))
    assert names(report) == ["known_issues.rows"] and "take it out" in report.findings[0].what


def test_rows_of_a_finding_are_shown(release: Path, worse: Path) -> None:
    report = checked(worse, release, quality(loss__unexplained={"max": 0}))
    shown = report.as_json()["findings"][0]["examples"]
    assert len(shown) == 5 and all(row["query"].startswith("Query number") for row in shown)


def test_added_rows_are_held_to_bounds_of_their_own(release: Path, tmp_path: Path) -> None:
    rows = read_rows(release)
    more = [
        again(next(row for row in rows if row["group"] == "sts"), number, query=f"Another {number}", negatives=[])
        for number in range(900, 903)
    ]
    larger = next_version(release, tmp_path, rows + more)
    asked = quality(added__negatives__sts__coverage={"min": 0.5}, negatives__sts__coverage={"min": 0.5})
    assert names(checked(larger, release, asked))[0] == "added.negatives.sts.coverage"
    assert checked(release, release, asked).holds  # where none was added


def test_a_row_whose_content_changed_is_corrected_whatever_its_hash_says(release: Path, tmp_path: Path) -> None:
    rows = read_rows(release)
    hashes = {row["id"]: row["content_hash"] for row in rows}
    rows[0] |= {"query": f"{rows[0]['query']} again"}
    rows[1] |= {"instruction": "Find another text."}
    rows[2] |= {"query_language": "fr", "document_language": "fr"}
    rows[3] |= {"group": "sts" if rows[3]["group"] != "sts" else "short_short"}
    rows[4] |= {"split": "test" if rows[4]["split"] != "test" else "train"}

    def with_old_hashes(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index("content_hash")
        return table.set_column(place, "content_hash", [[hashes[one] for one in table["id"].to_pylist()]])

    other = next_version(release, tmp_path, rows, reshape=with_old_hashes)
    found = checked(other, release, quality()).metrics
    assert (found["rows.corrected"], found["splits.moved"]) == (4, 1)


def test_texts_that_are_kept_in_another_way_are_not_corrected(release: Path, tmp_path: Path) -> None:
    def encoded(table: pa.Table) -> pa.Table:
        for name, kind in (("query", pa.large_string()), ("instruction", pa.dictionary(pa.int32(), pa.string()))):
            table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(kind))
        return table.drop_columns(["tokens_in"])

    other = next_version(release, tmp_path, read_rows(release), reshape=encoded)
    assert checked(other, release, quality()).metrics["rows.corrected"] == 0
