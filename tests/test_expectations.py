"""The bounds as suites of Great Expectations: they say what the check says, whatever was asked and found."""

import json
import sys
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from regressed import Rows, next_version, read_rows
from stored import stored
from test_release import FACTS, ROWS

from pairsmith.cli import main
from pairsmith.curation.check import Report, check
from pairsmith.curation.expectations import great_expectations, write_expectations
from pairsmith.curation.quality import DriftBounds, Quality
from pairsmith.curation.release import write_release
from pairsmith.curation.suites import metric_line, metric_suite, row_suite

REASON = "most rows must have a hard negative"
BOUNDS = {
    "rows": {"min": 1, "max_drop": "10%", "reason": "a release has rows"},
    "negatives.coverage": {"min": 0.9, "reason": REASON},
}


def quality(bounds: dict[str, dict[str, Any]], **more: Any) -> Quality:
    return Quality.model_validate({"metrics": bounds, "drift": {"enabled": False}, "recheck": 0, **more})


QUALITY = quality(BOUNDS)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(stored(ROWS), FACTS, tmp_path_factory.mktemp("releases"))[0]


@pytest.fixture(scope="module")
def worse(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [{**row, "negatives": []} for row in read_rows(release)]
    return next_version(release, tmp_path_factory.mktemp("worse"), rows[3:])


def reported(release: Path, baseline: Path | None, asked: Quality = QUALITY) -> Report:
    return check(release, baseline, asked, release, date(2026, 11, 28))


def holds(suite: Any, table: Any) -> bool:
    """Whether the suite holds of the table, in Great Expectations as anybody runs it."""
    source = great_expectations().get_context(mode="ephemeral").data_sources.add_pandas("theirs")
    batch = source.add_dataframe_asset("table").add_batch_definition_whole_dataframe("all")
    return bool(batch.get_batch({"dataframe": table}).validate(suite).success)


def line_holds(report: Report, asked: Quality) -> bool:
    import pandas

    gx = great_expectations()
    gx.get_context(mode="ephemeral")
    line = pandas.DataFrame([metric_line(report, asked)], dtype="float64")
    return holds(metric_suite(gx, report, asked), line)


def test_without_great_expectations_one_line_says_so_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("great_expectations", "sqlalchemy"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            assert main(["check", str(tmp_path / "none"), "--expectations", str(tmp_path / "out")]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        assert "pip install 'pairsmith[check]'" in lines[0]


@pytest.mark.slow
def test_what_holds_and_what_fails_is_what_the_check_says(release: Path, worse: Path, tmp_path: Path) -> None:
    for one, well in ((release, True), (worse, False)):
        report = reported(one, release)
        assert report.holds is well
        told = write_expectations(one, report, QUALITY, tmp_path / f"expectations-{well}")
        assert told.as_json()["held"] == {"rows": True, "metrics": well}
    suite = json.loads((tmp_path / "expectations-False/metrics.json").read_text(encoding="utf-8"))
    bounds = {one["kwargs"]["column"]: (one["kwargs"].get("min_value"), one["notes"]) for one in suite["expectations"]}
    assert bounds == {"rows": (54.0, "a release has rows"), "negatives.coverage": (0.9, REASON)}


NAMES = [
    "rows",
    "rows.added",
    "negatives.coverage",
    "negatives.no_such_group.coverage",
    "added.negatives.coverage",
    "shares.group.sts",
    "diversity.distinct_ngrams",
    "loss.unexplained",
    "schema.missing",
]
_SIDES = st.fixed_dictionaries(
    {},
    optional={
        "min": st.sampled_from([0, 0.3, 1, 57]),
        "max": st.sampled_from([57, 60, 1000]),
        "max_drop": st.sampled_from(["0%", "10%", 2]),
        "max_rise": st.sampled_from(["0%", 5]),
    },
)
_ASKED = st.dictionaries(st.sampled_from(NAMES), _SIDES.filter(bool), min_size=1, max_size=4)
_LIVED_WITH = st.lists(st.sampled_from([*NAMES, "drift.group.sts"]), max_size=2, unique=True)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(asked=_ASKED, lived_with=_LIVED_WITH, other=st.booleans(), alone=st.booleans(), drift=st.booleans())
def test_the_suite_of_metrics_holds_just_where_the_check_does(
    release: Path,
    worse: Path,
    asked: dict[str, dict[str, Any]],
    lived_with: list[str],
    other: bool,
    alone: bool,
    drift: bool,
) -> None:
    known = [{"finding": name, "reason": "on purpose"} for name in lived_with]
    bounds = {name: {**sides, "reason": "why not"} for name, sides in asked.items()}
    wanted = quality(bounds, known_issues=known).model_copy(update={"drift": DriftBounds(enabled=drift)})
    report = reported(worse if other else release, None if alone else release, wanted)
    assert line_holds(report, wanted) is report.holds


@pytest.mark.slow
def test_a_bound_that_is_changed_changes_the_suite_of_rows(release: Path) -> None:
    gx = great_expectations()
    gx.get_context(mode="ephemeral")
    table = _table(release)
    share = sum(row["group"] == "sts" for row in read_rows(release)) / len(read_rows(release))
    assert 0 < share < 1

    def told(bounds: dict[str, dict[str, Any]]) -> bool:
        wanted = quality({name: {**sides, "reason": "why not"} for name, sides in bounds.items()})
        return holds(row_suite(gx, reported(release, release, wanted), wanted, table.columns), table)

    for name, least, most in (("rows", 60, 60), ("shares.group.sts", share, share)):
        assert told({name: {"min": least, "max": most}})
        assert not told({name: {"min": least + 0.01}})
        assert not told({name: {"max": most - 0.01}})
    assert told({"rows": {"max_drop": "5%"}})
    repeated = table.assign(content_hash=[table["content_hash"][0]] * 3 + list(table["content_hash"][3:]))
    for most, well in ((0, False), (2 / 60, True)):  # two of three that are alike repeat the first
        wanted = quality({"duplicates.rate": {"max": most, "reason": "why not"}})
        suite = row_suite(gx, reported(release, release, wanted), wanted, table.columns)
        assert holds(suite, table)
        assert holds(suite, repeated) is well


@pytest.mark.slow
def test_a_project_of_great_expectations_takes_the_suites_as_they_are(
    release: Path, worse: Path, tmp_path: Path
) -> None:
    import pandas

    gx = great_expectations()
    for one, well in ((release, True), (worse, False)):
        write_expectations(one, reported(one, release), QUALITY, tmp_path / one.name)
        context = gx.get_context(mode="file", project_root_dir=tmp_path / f"project-{one.name}")
        for name, table in (("rows", _table(one)), ("metrics", pandas.read_csv(tmp_path / one.name / "metrics.csv"))):
            data = json.loads((tmp_path / one.name / f"{name}.json").read_text(encoding="utf-8"))
            suite = context.suites.add(gx.ExpectationSuite(**data))
            assert holds(suite, table) is (well or name == "rows")


def _table(release: Path) -> Any:
    """The rows of a release as pandas reads them."""
    import pandas

    return pandas.concat([pandas.read_parquet(path) for path in sorted(release.glob("data/*/*"))], ignore_index=True)


def _first(rows: Rows, **changed: Any) -> Rows:
    return [{**rows[0], **changed}, *rows[1:]]


ODD: dict[str, tuple[Callable[[Rows], Rows], Callable[[pa.Table], pa.Table]]] = {
    "an id twice": (lambda rows: _first(rows, id=rows[1]["id"]), lambda table: table),
    "an empty query": (lambda rows: _first(rows, query=""), lambda table: table),
    "an unknown mark": (lambda rows: _first(rows, review="liked"), lambda table: table),
    "a column gone": (lambda rows: rows, lambda table: table.drop_columns(["query"])),
    "no column left": (lambda rows: rows, lambda table: table.select([]).append_column("x", table["split"])),
    "numbers for groups": (
        lambda rows: rows,
        lambda table: table.drop_columns(["group"]).append_column("group", pa.array(range(len(table)), pa.int64())),
    ),
    "lists for queries": (
        lambda rows: rows,
        lambda table: table.drop_columns(["group"]).append_column("group", table["negatives"]),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_rows_that_no_release_has_fail_the_suite_of_rows(name: str, release: Path, tmp_path: Path) -> None:
    change, reshape = ODD[name]
    odd = next_version(release, tmp_path, change(read_rows(release)), reshape)
    asked = quality({"schema.missing": {"max": 0, "reason": "they are read by name"}})
    told = write_expectations(odd, reported(odd, None, asked), asked, tmp_path / "out")
    assert told.as_json()["held"]["rows"] is False


@pytest.mark.slow
def test_texts_of_any_signs_are_no_empty_texts_and_names_of_releases_no_paths(release: Path, tmp_path: Path) -> None:
    rows = _first(read_rows(release), query="\0 then more", positive="‮\n")
    odd = next_version(release, tmp_path, rows, edit=lambda manifest: manifest.update(name="../../profiling/x"))
    out = tmp_path / "deep" / "out"
    told = write_expectations(odd, reported(odd, None), QUALITY, out)
    assert told.as_json()["held"]["rows"]
    assert all(Path(page).resolve().is_relative_to(out) for page in told.pages.values())
    assert [path.name for path in out.parent.iterdir()] == ["out"]


@pytest.mark.slow
def test_nothing_is_left_behind_but_the_folder(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "temporary"
    kept.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(kept))
    write_expectations(release, reported(release, release), QUALITY, tmp_path / "out")
    assert not list(kept.iterdir())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "data_docs",
        "metrics.csv",
        "metrics.json",
        "rows.json",
    ]


@pytest.mark.slow
def test_pages_of_an_earlier_check_go_and_what_is_not_ours_stays(
    release: Path, worse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    for one in (worse, release):
        write_expectations(one, reported(one, release), QUALITY, out)
    assert [path.name for path in out.glob("data_docs/validations/pairsmith-rows/*")] == ["demo-1.0.0"]
    theirs = tmp_path / "theirs/data_docs/validations/page.html"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    (tmp_path / "file").touch()
    before = sorted(release.iterdir())
    for folder in (release, tmp_path / "theirs", tmp_path / "file"):
        assert main(["check", str(release), "--expectations", str(folder)]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert theirs.read_text() == "theirs"
    assert sorted(release.iterdir()) == before


@pytest.mark.slow
def test_a_check_whose_suite_of_rows_fails_exits_as_regressed(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = next_version(release, tmp_path, _first(read_rows(release), review="liked"))
    bounds = tmp_path / "quality.yml"
    bounds.write_text("metrics: {rows: {min: 1, reason: a release has rows}}\n", encoding="utf-8")
    asked = ["check", str(odd), "--quality", str(bounds)]
    assert main(asked) == 0
    capsys.readouterr()
    for form in ("terminal", "markdown", "junit", "github", "json"):
        assert main([*asked, "--format", form, "--expectations", str(tmp_path / "out")]) == 1
        said = capsys.readouterr().out.replace("\\", "")
        assert "1 of the expectations of the rows fail: expect_column_values_to_be_in_set of review (1 row)" in said
