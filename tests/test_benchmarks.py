"""The peers' side of the benchmarks: what is measured is what was asked for, and a failure is a reason."""

import sys
from pathlib import Path

import environments
import pytest
from bare import TRANSPORTS
from endpoint import Endpoint, Reply


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_bare_transport_asks_once_for_each_row_and_never_more_at_once_than_told(transport):
    with Endpoint() as server:
        found = environments.run_bare(transport, server.base_url, rows=20, concurrency=5, timeout=60)
    assert found["peer"] == transport and found["rows"] == 20
    assert len(server.paid) == len(server.received) == 20
    assert 1 <= server.most_at_once <= 5
    assert 0 < found["seconds"] <= found["wall"] and 0 < found["cpu_generating"] <= found["cpu_seconds"]
    assert 10 < found["peak_rss_mb"] < 1000


def test_what_fails_is_a_reason_in_one_line():
    with Endpoint(lambda number, request: Reply(500)) as server:
        found = environments.run_bare("openai-httpx-post", server.base_url, rows=20, concurrency=5, timeout=60)
    assert isinstance(found, str) and found.startswith("exit code 1: ") and "\n" not in found


def test_what_finds_no_end_is_killed_and_said():
    with Endpoint(lambda number, request: Reply(delay=30)) as server:
        found = environments.run_bare("openai-httpx-post", server.base_url, rows=1, concurrency=1, timeout=2)
    assert found == "no end in 2 s"


def test_a_script_sees_no_keys(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    shown = "import os, json; print(json.dumps({'key': os.environ.get('OPENAI_API_KEY')}))"
    assert environments.measured([sys.executable, "-c", shown], timeout=60) == {"key": None}


@pytest.mark.slow
def test_a_peer_that_does_not_install_is_a_reason_in_one_line(tmp_path):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"nowhere @ file://{tmp_path}/nowhere\n", encoding="utf-8")
    found = environments.environment(requirements, tmp_path / "environment")
    assert isinstance(found, str) and found.startswith("does not install: ") and "\n" not in found


@pytest.mark.slow
def test_an_environment_is_made_once_and_again_when_its_pins_change(tmp_path):
    requirements, folder = tmp_path / "requirements.txt", tmp_path / "environment"
    requirements.write_text("# nothing\n", encoding="utf-8")
    python = environments.environment(requirements, folder)
    assert isinstance(python, Path) and python.exists()
    (folder / "left").touch()
    assert environments.environment(requirements, folder) == python and (folder / "left").exists()
    requirements.write_text("# nothing else\n", encoding="utf-8")
    assert environments.environment(requirements, folder) == python and not (folder / "left").exists()
