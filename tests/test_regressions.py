"""A release of the demo is changed for the worse in twenty ways and more, and the check's first finding names the cause.

The untouched release holds, and so does one to which sound rows were added.
"""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from mannered import MANNERED
from regressed import Manifest, Rows, next_version, read_rows
from worsened import EXAMPLES, LATER, MANIFESTS, ROWS, TABLES, drop_a_language

from pairsmith.cli import main

Checked = Callable[[Path, Path], tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 1.0.0 of the demo, made by its recorded run."""
    run = tmp_path_factory.mktemp("regressions") / "demo"
    shutil.copytree(EXAMPLES / "recorded", run)
    assert main(["run", str(run)]) == 0
    return run / "releases/1.0.0"


@pytest.fixture
def checked(capsys: pytest.CaptureFixture[str]) -> Checked:
    """The command, as CI runs it: its exit code, and what it prints."""

    def run(release: Path, baseline: Path) -> tuple[int, dict[str, Any]]:
        code = main(command(release, baseline))
        return code, json.loads(capsys.readouterr().out)

    return run


def command(release: Path, baseline: Path) -> list[str]:
    quality = str(EXAMPLES / "quality.yml")
    return ["check", str(release), "--against", str(baseline), "--quality", quality, "--format", "json"]


def first_names(found: tuple[int, dict[str, Any]], metric: str, word: str) -> None:
    code, report = found
    assert code == 1
    first = report["findings"][0]
    assert first["metric"].removeprefix("added.").removeprefix("corrected.").startswith(metric), [
        f"{one['metric']}: {one['what']}" for one in report["findings"]
    ]
    assert word in first["what"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "metric", "word"), [*ROWS, *LATER, *MANNERED], ids=lambda value: getattr(value, "__name__", "")
)
def test_rows_that_are_worse_are_found_and_the_cause_stands_first(
    release: Path, checked: Checked, tmp_path: Path, change: Callable[[Rows], Rows], metric: str, word: str
) -> None:
    worse = next_version(release, tmp_path, change(read_rows(release)))
    first_names(checked(worse, release), metric, word)


@pytest.mark.parametrize(("change", "metric", "word"), TABLES, ids=lambda value: getattr(value, "__name__", ""))
def test_columns_that_are_others_are_found_first(
    release: Path, checked: Checked, tmp_path: Path, change: Callable[[pa.Table], pa.Table], metric: str, word: str
) -> None:
    worse = next_version(release, tmp_path, read_rows(release), reshape=change)
    first_names(checked(worse, release), metric, word)


@pytest.mark.parametrize(("change", "metric", "word"), MANIFESTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_manifest_that_does_not_add_up_is_found_first(
    release: Path, checked: Checked, tmp_path: Path, change: Callable[[Manifest], None], metric: str, word: str
) -> None:
    worse = next_version(release, tmp_path, read_rows(release), edit=change)
    first_names(checked(worse, release), metric, word)


@pytest.mark.slow
def test_a_process_of_its_own_exits_like_that(release: Path, tmp_path: Path) -> None:
    worse = next_version(release, tmp_path, drop_a_language(read_rows(release)))
    for one, code in ((release, 0), (worse, 1), (tmp_path / "none", 2)):
        done = subprocess.run(
            [sys.executable, "-m", "pairsmith", *command(one, release)], capture_output=True, text=True
        )
        assert done.returncode == code, done.stderr
        assert code != 2 or (done.stdout, done.stderr.count("\n")) == ("", 1)


def test_the_untouched_release_holds(release: Path, checked: Checked, tmp_path: Path) -> None:
    run = release.parents[1]
    for one in (release, run, next_version(release, tmp_path, read_rows(release))):
        code, report = checked(one, release)
        assert code == 0, [finding["what"] for finding in report["findings"]]


def test_sound_rows_may_be_added(release: Path, checked: Checked, tmp_path: Path) -> None:
    rows = read_rows(release)
    smaller = next_version(release, tmp_path / "old", random.Random(1).sample(rows, 400))
    code, report = checked(release, smaller)
    assert code == 0, [finding["what"] for finding in report["findings"]]
    assert report["metrics"]["rows.added"] == 121
