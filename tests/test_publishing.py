"""The commands of publishing, with the real clients: what ``datasets`` loads at the tag is what was released."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_hub import OURS, LocalHub
from published import bounded, release

from pairsmith.curation.loaded import load
from pairsmith.curation.manifest import read_manifest
from pairsmith.curation.reference import opened
from pairsmith.diffing import diff
from pairsmith.publishing import publish_release, pull_version

pytestmark = pytest.mark.slow
PAIRSMITH = [sys.executable, "-m", "pairsmith"]


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Of a terminal in which a person has set what ``hub serve`` says."""
    serve = [*PAIRSMITH, "hub", "serve", str(tmp_path / "hub"), "--port", "0"]
    with subprocess.Popen(serve, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as server:
        assert server.stderr is not None
        told = "".join(server.stderr.readline() for _ in range(3))
        yield {**os.environ, "HF_HOME": str(tmp_path / "home"), **dict(re.findall(r"export (\w+)=(\S+)", told))}
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0


def run(environment: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*PAIRSMITH, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def test_a_release_is_published_loaded_yanked_and_pulled_by_its_commands(
    environment: dict[str, str], tmp_path: Path
) -> None:
    bounded(tmp_path)
    folder = release(tmp_path / "releases", *range(200))
    first = run(environment, "publish", folder, "--repo", "acme/pairs", "--json")
    assert first.returncode == 0, first.stderr
    again = run(environment, "publish", tmp_path, "--repo", "acme/pairs", "--json")
    told = [json.loads(one.stdout) for one in (first, again)]
    assert [one["new"] for one in told] == [True, False]
    assert {one["row_set"] for one in told} == {read_manifest(folder)["row_set"]}
    assert run(environment, "yank", "acme/pairs@v1.0.0", "--why", "a leak").returncode == 0
    pulled = run(environment, "pull", "acme/pairs@v1.0.0", "--to", tmp_path / "back")
    assert "warning: acme/pairs@v1.0.0 is yanked: a leak" in pulled.stderr
    assert (tmp_path / "back" / "manifest.json").read_bytes() == (folder / "manifest.json").read_bytes()
    for streamed in (False, True):
        code = f"from {load.__module__} import load; print(*load('acme/pairs', 'v1.0.0', {streamed}))"
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert done.stdout.split() == ["200", told[0]["row_set"]], done.stderr
    wrong = run({**environment, "HF_TOKEN": "hf_wrong00000"}, "publish", folder, "--repo", "acme/pairs")
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1
    assert "hf_wrong" not in wrong.stderr


def test_what_loads_as_other_rows_than_those_released_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    bounded(tmp_path)
    folder = release(tmp_path / "releases", *range(20))
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace(read_manifest(folder)["row_set"], "0" * 64))
    done = run(environment, "publish", folder, "--repo", "acme/pairs")
    assert done.returncode == 2
    assert "pairsmith yank acme/pairs@v1.0.0" in done.stderr
    assert opened(str(folder), tmp_path) == folder


def test_a_tag_is_compared_with_a_folder_and_the_commit_of_a_parent_is_told(
    our_hub: LocalHub, first: Path, tmp_path: Path
) -> None:
    bounded(tmp_path)
    commit = publish_release(first, OURS, public=False, quality=None)["commit"]
    second = release(tmp_path / "releases", *range(1, 42))
    assert read_manifest(second)["parent_commit"] == commit
    found = diff(f"{OURS}@v1.0.0", str(second))
    assert [row["id"] for row in found["removed"]] == [f"{0:016x}"]
    assert (found["rows"]["added"], found["bump"]) == (2, "minor")
    pulled = tmp_path / "elsewhere" / "1.0.0"
    pull_version(f"{OURS}@v1.0.0", pulled)
    assert read_manifest(release(tmp_path / "elsewhere", *range(1, 42)))["parent_commit"] == commit
