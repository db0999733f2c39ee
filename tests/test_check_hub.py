"""``pairsmith check`` of published versions, by the real clients, and the workflow that is copied into projects."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from local_hub import OURS, LocalHub
from test_publish import release, sent

from pairsmith.cli import main

WORKFLOW = Path(__file__).parents[1] / "examples" / "github-action.yml"


def quality(folder: Path) -> Path:
    path = folder / "quality.yml"
    path.write_text("metrics: {rows: {max_drop: 0, reason: rows stay}, splits.moved: {max: 0, reason: they stay}}")
    return path


def test_two_published_versions_are_compared_and_nothing_is_left_of_them(
    our_hub: LocalHub, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    first = release(tmp_path / "releases", *range(60))
    sent(first)
    second = release(tmp_path / "releases", *range(90))
    sent(second)
    options = ["--quality", str(quality(tmp_path)), "--format", "json"]
    found = {}
    for new, old, code in (("v1.1.0", "v1.0.0", 0), ("v1.0.0", "v1.1.0", 1)):
        assert main(["check", f"{OURS}@{new}", "--against", f"{OURS}@{old}", *options]) == code
        found[new] = json.loads(capsys.readouterr().out)
    assert found["v1.1.0"]["metrics"]["rows.added"] == 30
    assert [one["metric"] for one in found["v1.0.0"]["findings"]] == ["rows"]
    assert main(["check", str(second), "--against", f"{OURS}@v1.0.0", *options]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == found["v1.1.0"]["metrics"]
    assert not list((tmp_path / "scratch").iterdir())


@pytest.mark.parametrize("name", [f"{OURS}@v9.9.9", "acme/nothing@v1.0.0", OURS, "acme/pairs@main"])
def test_a_baseline_that_is_not_there_is_one_line_and_no_pass(
    our_hub: LocalHub, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = release(tmp_path / "releases", *range(60))
    sent(folder)
    assert main(["check", str(folder), "--against", name, "--quality", str(quality(tmp_path))]) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["check"]["steps"]
    return found


def test_the_workflow_is_one_that_github_takes() -> None:
    workflow = yaml.load(WORKFLOW.read_text(encoding="utf-8"), yaml.BaseLoader)
    assert set(workflow) == {"name", "on", "permissions", "jobs"} and "pull_request" in workflow["on"]
    for step in steps():
        assert ("uses" in step) != ("run" in step)
        assert set(step) <= {"uses", "with", "run", "name", "if", "env"}


@pytest.mark.slow
@pytest.mark.parametrize(("numbers", "code"), [(range(90), 0), (range(30), 1)])
def test_the_commands_of_the_workflow_run(tmp_path: Path, numbers: range, code: int) -> None:
    baseline = release(tmp_path / "old", *range(60))
    checked = release(tmp_path / "new", *numbers)
    quality(tmp_path)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "RELEASE": str(checked),
        "BASELINE": str(baseline),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }
    ours = {step["name"]: step["run"] for step in steps() if "pairsmith check" in step.get("run", "")}
    done = {
        name: subprocess.run(["bash", "-e", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True)
        for name, line in ours.items()
    }
    assert {name: one.returncode for name, one in done.items()} == {"Annotations": code, "Report": 0}
    assert ("::error title=rows::" in done["Annotations"].stdout) == bool(code)
    assert (tmp_path / "summary.md").read_text(encoding="utf-8").startswith("### ❌" if code else "### ✅")
    assert "<testsuites>" in (tmp_path / "check.xml").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_comment_says_what_kept_the_workflow_from_checking(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "RELEASE": "runs/mine",
        "BASELINE": "",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }
    report = next(step["run"] for step in steps() if step.get("name") == "Report")
    subprocess.run(["bash", "-e", "-c", report], cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert (tmp_path / "check.md").read_text(encoding="utf-8").startswith("pairsmith: ")
