"""The peers' side of the benchmarks: what is measured is what was asked for, and a failure is a reason."""

import json
import sys
from pathlib import Path

import environments
import pytest
from bare import TRANSPORTS
from endpoint import Endpoint, Reply

import drift
import peers
from rehearsal.score import score
from rehearsal.watch import watch
from scale import slopes


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


def test_a_watched_command_is_measured_with_all_that_it_started(tmp_path):
    eats = "import time; held = b'x' * 100_000_000; time.sleep(1.5)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {eats!r}], check=True); sum(range(10**7))"
    found = watch([sys.executable, "-c", parent])
    assert found.code == 0 and found.processes >= 2
    assert 95 < found.peak_mb < 500
    assert found.cpu > 0.05 and found.wall >= 1.5


def test_a_memory_limit_holds_for_the_watched_command():
    assert watch([sys.executable, "-c", "b'x' * 2_000_000_000"], limit_mb=1000).code == 1


def test_what_was_planted_is_found_when_one_row_is_dropped_for_the_other_or_both_for_a_third():
    twins = [
        {"planted": "near_duplicate", "original": "o", "level": 0.7, "unspaced": False, "id": name} for name in "abcd"
    ]
    truth = [
        {"planted": "original", "original": None, "level": 0.7, "unspaced": False, "id": "o"},
        *twins,
        {"planted": "refusal", "original": None, "level": None, "unspaced": None, "id": "r"},
        {"planted": "refusal", "original": None, "level": None, "unspaced": None, "id": "s"},
    ]
    drops = [
        {"id": "o", "gate": "duplicates", "related": "a"},
        {"id": "b", "gate": "duplicates", "related": "a"},
        {"id": "c", "gate": "format", "related": None},
        {"id": "r", "gate": "format", "related": None},
        {"id": "x", "gate": "length", "related": None},
        {"id": "s", "gate": "duplicates", "related": "y"},
    ]
    found = score(truth, drops, rows=10)
    assert found["duplicates"] == {"0.7 spaced": [2, 3]}  # a and b, not d; c is lost
    assert found["defects"] == {"refusal": [1, 2]}
    assert found["sound"] == [1, 3] and found["chance"] == [0, 3]


def test_time_in_proportion_to_the_rows_has_the_exponent_1():
    runs = [{"rows": n, "wall": n / 10, "cpu": n**2, "peak_mb": 100 + n, "disk_mb": n} for n in (1000, 2000)]
    (found,) = slopes(runs)
    assert found["wall_exponent"] == 1 and found["cpu_exponent"] == 2
    assert found["peak_bytes_per_row"] == found["disk_bytes_per_row"] == 2**20


def test_recall_counts_pairs_by_script_and_precision_what_is_removed():
    truth = peers.Truth(
        {(0, 1): 0.9, (2, 3): 0.75, (4, 5): 1.0}, [False, False, False, False, True, True, False, False]
    )
    clusters = {"clusters": [0, 0, 2, 3, 4, 4, 6, 6]}
    assert peers.quality(clusters, truth, 0.7) == {"spaced": [1, 2], "unspaced": [1, 1], "precision": [2, 3]}
    assert peers.quality(clusters, truth, 0.8) == {"spaced": [1, 1], "unspaced": [1, 1], "precision": [2, 3]}
    removed = {"removed": [False, True, False, False, False, False, False, False]}
    assert peers.quality(removed, truth, 0.7) == {"spaced": [1, 2], "unspaced": [0, 1], "precision": [1, 1]}


@pytest.mark.parametrize("tool", [tool for tool in peers.TOOLS if not tool.environment], ids=lambda tool: tool.name)
def test_each_way_finds_equal_texts_and_tells_what_it_took(tool, tmp_path):
    texts = [f"{word} one two three four five six seven eight nine ten eleven twelve" for word in ("a", "b", "c")]
    rows = [
        {"id": str(n), "query": "which is it", "positive": f"{text} {text[::-1]}"}
        for n, text in enumerate([*texts, texts[0]])
    ]
    file = tmp_path / "documents.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    figures = peers.run(tool, file, 0.9, tmp_path / "found.json")
    assert figures["rows"] == 4 and figures["cpu_generating"] > 0
    labels = json.loads((tmp_path / "found.json").read_text())["clusters"]
    assert labels[0] == labels[3]


@pytest.mark.slow
@pytest.mark.parametrize("tool", [tool for tool in peers.TOOLS if tool.environment], ids=lambda tool: tool.name)
def test_each_peer_with_an_environment_of_its_own_finds_equal_texts(tool, tmp_path):
    rows = [{"id": str(n), "query": "which", "positive": " ".join(f"{n % 3}x{m}" for m in range(60))} for n in range(4)]
    file = tmp_path / "documents.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    figures = peers.run(tool, file, 0.9, tmp_path / "found.json")
    assert isinstance(figures, dict), figures
    found = json.loads((tmp_path / "found.json").read_text())
    assert peers.quality(found, peers.Truth({(0, 3): 1.0}, [False] * 4), 0.9)["spaced"] == [1, 1]


def hits(told: str) -> float:
    return float(told.split("%")[0]) / 100


def world() -> drift.World:
    return drift.World(drift.default_weights(), drift.as_asked(drift.NOISES[0]), drift.Habits())


def test_simulated_drift_is_found_and_none_where_there_is_none():
    same, *_ = cases = drift.cases(world())
    assert hits(drift.rates(same, 20)["drift"]) <= 0.05
    halved = next(case for case in cases if "halved" in case.name)
    assert hits(drift.rates(halved, 4)["drift"]) == 1
    twice = next(case for case in cases if "twice" in case.name)
    assert hits(drift.rates(twice, 4)["drift"]) == 1


def test_a_simulated_profile_counts_each_row_once_in_every_dimension():
    made = drift.draw(world(), 1000, drift.np.random.default_rng(0))
    for name in ("group", "query_language", "model"):
        assert made.shares[name].total() == 1000
    assert made.shares["document_language"].total() == made.shares["group"]["bitext"]
    for of in ("query", "positive"):
        kinds = (strata.values() for name, strata in made.lengths.items() if name.startswith(of))
        lengths = sum(counts.total() for strata in kinds for counts in strata)
        assert made.shares[f"length.{of}"].total() == lengths == 1000
