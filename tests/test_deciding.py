"""What people decided is applied at release, on the shipped recordings: nothing half, nothing lost, nothing unjudged."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_line import RECORDED, call, refused

from pairsmith.cli import main
from pairsmith.curation.manifest import read_manifest
from pairsmith.curation.reviews import Review
from pairsmith.factory.records import REVIEWED
from pairsmith.reviewed import reviewed
from pairsmith.reviewing import draw_sample
from pairsmith.run import open_run

ENGLISH = (
    "The river runs through many old towns, and on its banks there are churches that people come to see every year."
)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The shipped recordings, run once to the end."""
    folder = tmp_path_factory.mktemp("runs") / "demo"
    shutil.copytree(RECORDED, folder)
    assert main(["run", str(folder)]) == 0
    yield folder


@pytest.fixture
def run(judged: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(judged, tmp_path / "demo"))


def rows_of(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


def accepted(run: Path, group: str, language: str) -> list[dict[str, Any]]:
    """Accepted rows of a group and language, by id."""
    rows = rows_of(run / "accepted.parquet")
    return sorted((r for r in rows if (r["group"], r["document_language"]) == (group, language)), key=lambda r: r["id"])


def answer(row: dict[str, Any], decision: str, reviewer: str = "ada", at: int = 0, **more: Any) -> str:
    line = {
        "id": row["id"], "content_hash": more.pop("hash", row["content_hash"]), "reviewer": reviewer, "source": "test",
        "status": "submitted", "at": f"2026-01-01T00:00:{at:02}Z", "form": "f", "answers": {"decision": decision, **more},
    }  # fmt: skip
    return Review.model_validate(line).model_dump_json()


def say(run: Path, *lines: str) -> None:
    (run / "reviews.jsonl").write_text("".join(f"{line}\n" for line in lines))


def released(run: Path, version: str) -> dict[str, dict[str, Any]]:
    folder = run / "releases" / version
    rows = pa.concat_tables(pq.read_table(folder / name) for name in read_manifest(folder)["files"])
    return {row["id"]: row for row in rows.to_pylist()}


def balanced(decisions: dict[str, Any]) -> bool:
    gone = decisions["dropped"] + decisions["not_corrected"] + decisions["failed"]
    return bool(decisions["accepted"] == decisions["released"] + gone)


def test_what_people_decided_is_in_the_next_version_and_each_corrected_text_was_judged(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    english, untrue = accepted(run, "short_long", "en"), accepted(run, "sts", "de")[0]
    dropped, unmended, disputed, kept, mended, emptied, stale = english[:7]
    copied, model = accepted(run, "sts", "en")[:2]
    better = mended["positive"] + " This sentence was written by a person."
    negative = copied["negatives"][0] + " It is another one."
    say(
        run,
        answer(dropped, "drop", wrong=["wrong_answer"]),
        answer(unmended, "fix", wrong=["unnatural"]),
        answer(disputed, "keep", "ada"),
        answer(disputed, "drop", "bo"),
        answer(kept, "keep"),
        answer(mended, "fix", positive=better),
        answer(untrue, "fix", positive=ENGLISH),
        answer(copied, "fix", query=model["query"], positive=model["positive"], negative=negative),
        answer(emptied, "fix", query="..."),
        answer(stale, "drop", hash="of other texts"),
    )
    result = call(capsys, "run", run)
    decisions = result["release"]["review"]
    assert balanced(decisions)
    assert {name: decisions[name] for name in ("kept", "corrected", "dropped", "not_corrected", "failed", "outdated")} == {
        "kept": 1, "corrected": 1, "dropped": 2, "not_corrected": 1, "failed": 3, "outdated": 1,
    }  # fmt: skip
    assert result["funnel"]["accepted"] == decisions["accepted"]
    reasons = decisions["reasons"]
    assert (
        reasons["review:row:wrong_answer"]
        == reasons["review:row:unnatural"]
        == reasons["review:row:not_corrected"]
        == 1
    )
    assert reasons["language:positive:wrong_language"] == 1
    assert any(name.startswith("duplicates:") for name in reasons)
    assert any(name.startswith("parse:row:") for name in reasons)

    before, after = released(run, "1.0.0"), released(run, result["release"]["version"])
    gone = {row["id"] for row in (dropped, unmended, disputed, untrue, copied, emptied)}
    assert before.keys() - after.keys() == gone
    assert after.keys() <= before.keys()
    marks = {id: row["review"] for id, row in after.items() if row["review"]}
    assert marks == {kept["id"]: "kept", mended["id"]: "corrected"}
    assert after[mended["id"]]["positive"] == better
    assert all(after[id] == before[id] for id in after.keys() - marks.keys())
    assert result["release"]["version"] == "1.0.1"

    manifest = read_manifest(run / "releases" / "1.0.1")
    assert manifest["rows"] == decisions["released"] == len(after)
    assert manifest["review"]["decisions"] == decisions
    assert manifest["gates"]["accepted"] == decisions["accepted"]
    verdicts = rows_of(run / "review_verdicts.parquet")
    assert {line["id"] for line in verdicts if line["verdict"] == "drop"} == gone
    assert {line["gate"] for line in verdicts if line["id"] == mended["id"]} >= {
        "review",
        "parse",
        "format",
        "duplicates",
    }
    (twin,) = {line["related"] for line in verdicts if line["gate"] == "duplicates" and line["verdict"] == "drop"}
    assert twin == model["id"]


def test_card_and_manifest_count_reviewers_and_name_none(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = accepted(run, "short_long", "en")
    lines = [answer(row, "keep", "grace.hopper") for row in rows[:6]]
    say(run, *lines, answer(rows[0], "keep", "ada.lovelace"), answer(rows[1], "drop", "ada.lovelace"),
        answer(rows[7], "fix", positive=rows[7]["positive"] + " A person wrote this sentence."))  # fmt: skip
    folder = run / call(capsys, "release", run)["path"]
    card = (folder / "README.md").read_text()
    assert "## Reviewed by people" in card
    assert "Reviewers: 3." in card
    assert "In 1 row people wrote" in card
    assert "Krippendorff" in card
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"hopper" not in content
            assert b"lovelace" not in content
    assert not list(folder.rglob("reviews.jsonl"))
    capsys.readouterr()
    assert main(["report", str(run)]) == 0
    assert "Review by people" in (run / "report.html").read_text()


def test_without_answers_nothing_is_copied_and_no_stage_is_shown(
    judged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not (judged / "reviewed.parquet").exists()
    assert "decide" not in call(capsys, "status", judged)["stages"]
    assert call(capsys, "run", judged)["release"]["review"] == {}
    assert read_manifest(judged / "releases" / "1.0.0")["review"] is None
    assert "Reviewed by people" not in (judged / "releases" / "1.0.0" / "README.md").read_text()


def test_the_same_answers_in_any_order_of_lines_give_the_same_bytes(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = accepted(run, "short_long", "en")
    lines = [
        *(answer(row, "keep" if n % 2 else "drop") for n, row in enumerate(rows[:6])),
        answer(rows[6], "fix", "ada", 1, query="What is it that a person asks first?"),
        answer(rows[6], "fix", "bo", 2, query="What is it that a person asks last?"),
    ]
    say(run, *lines)
    call(capsys, "run", run)
    names = ("reviewed.parquet", "review_verdicts.parquet", "report.html")
    first = {name: (run / name).read_bytes() for name in names}
    say(run, *reversed(lines))
    assert call(capsys, "status", run)["stages"]["decide"] == "stale"
    result = call(capsys, "run", run)
    assert result["release"]["version"] == "1.0.1"
    assert {name: (run / name).read_bytes() for name in names} == first
    assert set(call(capsys, "status", run)["stages"].values()) == {"done"}


def test_more_answers_make_one_more_version_and_none_that_people_take_back_is_lost(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row, other = accepted(run, "short_long", "en")[:2]
    say(run, answer(row, "drop"))
    assert call(capsys, "release", run)["version"] == "1.0.1"
    say(run, answer(row, "drop"), answer(row, "keep"), answer(other, "keep"))
    result = call(capsys, "release", run)
    assert result["version"] == "1.1.0", "the row is there again"
    assert result["change"].startswith("1 row added, people's answers to 1 row changed")
    (run / "reviews.jsonl").unlink()
    assert call(capsys, "release", run)["version"] == "1.1.1"
    assert {row["review"] for row in released(run, "1.1.1").values()} == {None}


def test_a_report_tells_of_the_answers_that_came_after_the_last_release(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row, other = accepted(run, "short_long", "en")[:2]
    say(run, answer(row, "drop"))
    call(capsys, "run", run)
    say(run, answer(row, "drop"), answer(other, "drop"))
    call(capsys, "report", run)
    assert "519 to be released + 2 dropped by people" in (run / "report.html").read_text()
    assert call(capsys, "status", run)["stages"]["release"] == "stale"


KILLED = """
import os, sys
import pairsmith.deciding as deciding
real, seen = deciding.new_table, []
def new_table(path, schema):
    seen.append(path)
    if len(seen) > int(sys.argv[1]):
        os.kill(os.getpid(), 9)
    return real(path, schema)
deciding.new_table = new_table
from pairsmith.cli import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("tables", [0, 1])
def test_a_kill_leaves_nothing_half_and_the_next_run_completes(
    run: Path, tables: int, capsys: pytest.CaptureFixture[str]
) -> None:
    say(run, answer(accepted(run, "short_long", "en")[0], "drop"))
    command = [sys.executable, "-c", KILLED, str(tables), "release", str(run)]
    assert subprocess.run(command, env=os.environ, capture_output=True, check=False).returncode == -9
    assert sorted(path.name for path in (run / "releases").iterdir() if path.is_dir()) == ["1.0.0"]
    assert call(capsys, "status", run)["stages"]["decide"] == "missing"
    assert call(capsys, "release", run)["version"] == "1.0.1"
    assert pq.read_schema(run / "reviewed.parquet").remove_metadata() == REVIEWED
    assert not list(run.rglob("*.part"))


def test_a_bad_line_of_the_answers_is_named_and_nothing_is_released(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    say(run, answer(accepted(run, "short_long", "en")[0], "drop"), json.dumps({"id": "x"}))
    assert "reviews.jsonl:2: 'content_hash'" in refused(capsys, "release", run)
    assert [path.name for path in (run / "releases").iterdir() if path.is_dir()] == ["1.0.0"]


def test_card_report_and_figures_count_the_same_answers(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opened = open_run(run)
    draw_sample(opened, 20)
    drawn = rows_of(run / "review" / "sample.parquet")
    other = next(row for row in rows_of(run / "accepted.parquet") if row["id"] not in {row["id"] for row in drawn})
    say(
        run,
        *(answer(row, "keep" if place % 3 else "drop") for place, row in enumerate(drawn)),
        *(answer(row, "keep" if place % 4 else "drop", "bo") for place, row in enumerate(drawn[:12])),
        answer(other, "keep"),
        answer(other, "drop", "bo"),
        answer(drawn[0], "keep", "cy").replace("submitted", "draft"),
        answer(drawn[1], "keep", "dee").replace("submitted", "discarded"),
    )
    review = read_manifest(run / call(capsys, "release", run)["path"])["review"]
    found = reviewed(opened)
    decision, parts = found["agreement"]["questions"]["decision"], found["progress"]["parts"]
    assert review["agreement"] == {
        "rows": decision["rows"], "alpha": decision["alpha"], "low": decision["alpha_low"],
        "high": decision["alpha_high"], "undefined": None,
    }  # fmt: skip
    assert review["parts"] == {name: {"rows": of["drawn"], "answered": of["answered"]} for name, of in parts.items()}
    assert review["statement"] == found["acceptance"]
    assert review["reviewers"] == 3, "a draft is no answer"
    assert review["forms"] == ["f"], "what was answered, not what is asked now"
    call(capsys, "report", run)
    assert "3 people have answered" in (run / "report.html").read_text()


def test_without_the_packages_for_agreement_the_release_says_that_it_is_not_told(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "krippendorff", None)
    row = accepted(run, "short_long", "en")[0]
    say(run, answer(row, "keep"), answer(row, "drop", "bo"))
    assert main(["release", str(run)]) == 0
    assert "pip install 'pairsmith[review]'" in capsys.readouterr().err
    assert main(["release", str(run)]) == 0
    assert "pip install" not in capsys.readouterr().err, "nothing was written"
    folder = run / "releases" / "1.0.1"
    assert "alpha: not told (the package that computes it was not installed)." in (folder / "README.md").read_text()
    assert read_manifest(folder)["review"]["agreement"]["rows"] == 1


def test_where_people_drop_every_row_there_is_nothing_to_release_and_that_is_said(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    say(run, *(answer(row, "drop") for row in rows_of(run / "accepted.parquet")))
    assert "none is left after people's answers" in refused(capsys, "release", run)
