"""Without an extra, each command that needs one says in a single line which, before it does anything."""

import sys
import tomllib
from pathlib import Path

import pytest

from pairsmith.cli import main
from pairsmith.factory.errors import RunError
from pairsmith.factory.extras import TRAINS, need_extra

ROOT = Path(__file__).parent.parent
NEEDS = [
    ("train", "torch", ["train", "{here}", "--model", "m", "--out", "{here}/out"]),
    ("train", "peft", ["embed", "{here}/texts.txt", "--model", "m", "--out", "{here}/v.npy"]),
    ("hub", "datasets", ["publish", "{here}", "--repo", "acme/pairs"]),
    ("hub", "uvicorn", ["hub", "serve", "{here}/hub", "--port", "0"]),
    ("check", "sqlalchemy", ["check", "{here}", "--expectations", "{here}/out"]),
]


@pytest.mark.parametrize(("extra", "package", "command"), NEEDS, ids=[f"{one[2][0]}-{one[1]}" for one in NEEDS])
def test_a_missing_package_is_one_line_that_names_its_extra(
    extra: str,
    package: str,
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "texts.txt").write_text("a\n")
    monkeypatch.setitem(sys.modules, package, None)  # as Python marks what cannot be imported
    assert main([part.format(here=tmp_path) for part in command]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert f"'{package}'; pip install 'pairsmith[{extra}]'" in told[0]


def test_what_trains_is_in_the_extra_that_is_named() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    listed = {package.partition(">")[0].replace("-", "_") for package in extras["train"]}
    assert set(TRAINS) <= listed


def test_what_is_there_is_not_asked_for() -> None:
    need_extra("train", "to train", "json", "tomllib")
    with pytest.raises(RunError, match=r"to train takes the package 'no_such_package'"):
        need_extra("train", "to train", "json", "no_such_package")
