"""Releasing a run: the level of the version, why rows are gone, and the revision of the project around it."""

import subprocess
from pathlib import Path

import pyarrow as pa
import pytest
from test_pairs import call, rows, run_of

from pairsmith.cli import main
from pairsmith.curation.manifest import read_manifest
from pairsmith.curation.removed import read_removed
from pairsmith.revision import revision


def written(run: Path, numbers: list[int], copied: int | None = None) -> None:
    """The rows ``numbers`` as the run's file of pairs; the positive of ``copied`` is its query."""
    table = rows(40, id=[f"row{n:02}" for n in range(40)]).take(pa.array(numbers))
    positives = [
        query if number == copied else text
        for number, query, text in zip(numbers, table["query"].to_pylist(), table["positive"].to_pylist(), strict=True)
    ]
    run_of(run, table.set_column(table.column_names.index("positive"), "positive", pa.array(positives)))


def test_a_version_says_why_each_row_is_gone_and_a_bump_that_is_too_small_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, [1, 2, 3, 4, 6, 7])
    call(capsys, "run", tmp_path, "--workers", 1)
    written(tmp_path, [1, 3, 4, 6, 7], copied=1)
    call(capsys, "gate", tmp_path, "--workers", 1)
    assert call(capsys, "release", tmp_path, "--bump", "auto")["version"] == "1.0.1"
    removed = {row["id"]: row["reasons"] for row in read_removed(tmp_path / "releases/1.0.1").to_pylist()}
    assert removed["row02"] == ["run:row:absent"]
    assert removed["row01"]
    assert all(reason.startswith("leakage:positive:") for reason in removed["row01"])
    written(tmp_path, [1, 3, 4, 6, 7, 8], copied=1)
    call(capsys, "gate", tmp_path, "--workers", 1)
    assert main(["release", str(tmp_path), "--bump", "patch"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "1 row added, which makes it a minor version, 1.1.0; leave --bump out, or give '--bump minor'" in told
    assert sorted(path.name for path in (tmp_path / "releases").glob("*/")) == ["1.0.0", "1.0.1"]
    assert call(capsys, "release", tmp_path, "--bump", "major")["version"] == "2.0.0"
    assert call(capsys, "release", tmp_path, "--bump", "major")["version"] == "2.0.0", "there is nothing new"


def git(folder: Path, *arguments: str) -> str:
    name = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(["git", "-C", str(folder), *name, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_revision_of_the_project_is_told_where_there_is_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert revision(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert revision(tmp_path) is None, "no commit yet"
    (tmp_path / "notes.txt").write_text("one")
    git(tmp_path, "add", "notes.txt")
    git(tmp_path, "commit", "-qm", "First")
    commit = git(tmp_path, "rev-parse", "HEAD")
    git(tmp_path, "tag", "v9.9.9")
    written(tmp_path / "run", [1, 2, 3])
    call(capsys, "run", tmp_path / "run", "--workers", 1)
    assert read_manifest(tmp_path / "run/releases/1.0.0")["revision"] == commit
    (tmp_path / "notes.txt").write_text("two")
    assert revision(tmp_path / "run") == f"{commit}-dirty"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert revision(tmp_path) is None, "no git"
