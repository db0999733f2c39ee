"""``kill -9`` and power cuts: whatever moment they come at, nothing that was received is lost and the dataset is the same.

Whole command lines, each a process group of its own, against an endpoint that is a process too and counts what it was
paid for. The moments are drawn with a seed and spread over the run by how much of it is left; the endpoint answers no
more before a kill than its share, so that they are spread alike on a fast machine and on a slow or busy one.
"""

import json
import math
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from endpoint import Endpoint, EndpointProcess, Reply
from test_generate import run, start

from pairsmith.curation.manifest import read_manifest
from pairsmith.factory.chat import Entry
from pairsmith.factory.journal import Journal
from pairsmith.factory.rounds import read_rounds

pytestmark = pytest.mark.slow

SLOTS = 16
KILLS = 100
START_UPS = 15  # of the kills come while the command starts, reads the spec and plans
SIZE = 1500  # accepted rows; with what is rejected and repaired some 2,000 requests
STAGE_KILLS, STAGE_SIZE = 10, 200
ROUND_KILLS, ROUND_SIZE = 30, 260
POWER_CUTS = 30
ASKS = 1500  # of the run whose journal is copied


@pytest.fixture(scope="module")
def server() -> Iterator[EndpointProcess]:
    with EndpointProcess(latency=0.03, answers="json", malformed=0.1) as server:
        yield server


def undisturbed(folder: Path, server: EndpointProcess, size: int) -> Path:
    """A run that nothing happens to: ``generate``, a copy of the folder in that state beside it, then the whole line."""
    write_spec(folder, server, size)
    finish("generate", folder, server)
    shutil.copytree(folder, folder.with_name("generated"))
    finish("run", folder, server)
    return folder


def write_spec(folder: Path, server: EndpointProcess, size: int, **more: Any) -> Path:
    model = {"base_url": server.base_url, "model": "m", "concurrency": SLOTS}
    spec = {
        "size": size,
        "groups": {"sts": 2, "short_short": 1},
        "languages": {"en": 1},
        "models": {"brainstorm": model, "generate": model},
        **more,
    }
    folder.mkdir(parents=True)
    (folder / "factory.yml").write_text(json.dumps(spec))  # JSON is YAML
    return folder


def begin(command: str, folder: Path) -> "subprocess.Popen[str]":
    line = [sys.executable, "-m", "pairsmith", command, str(folder)]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)


def finish(command: str, folder: Path, server: EndpointProcess) -> None:
    server.allow(math.inf)
    _, errors = (process := begin(command, folder)).communicate(timeout=300)
    assert process.returncode == 0, errors


def kill(process: "subprocess.Popen[str]") -> bool:
    """Kill the process and all its children; whether it was still alive."""
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return alive


def answers(journal: Path) -> dict[str, tuple[str, float]]:
    """Every answer in the file, with the moment it came."""
    if not journal.exists():
        return {}
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
        if "asks" not in tables:
            return {}  # killed before the first commit
        found = db.execute("SELECT key, answer, answered_at FROM asks WHERE answer IS NOT NULL")
        return {key: (text, at) for key, text, at in found}


def settled(server: EndpointProcess) -> dict[str, Any]:
    """The counts once the endpoint has answered all it was asked, what nobody waits for any more included."""
    end = time.monotonic() + 30
    while (stats := server.stats())["answered"] < stats["received"]:
        assert time.monotonic() < end
        time.sleep(0.01)
    return stats


def rows(folder: Path, name: str) -> set[tuple[object, ...]]:
    table = pq.read_table(folder / name, columns=["id", "query", "positive", "negatives"]).to_pylist()
    found = {(row["id"], row["query"], row["positive"], tuple(row["negatives"])) for row in table}
    assert len(found) == len(table)
    return found


def row_sets(folder: Path) -> list[str]:
    return [read_manifest(release)["row_set"] for release in sorted((folder / "releases").glob("*/"))]


def assert_same_dataset(folder: Path, other: Path) -> None:
    for name in ("candidates.parquet", "accepted.parquet"):
        assert rows(folder, name) == rows(other, name) != set()
    assert row_sets(folder) == row_sets(other)
    assert not [path for path in folder.rglob("*") if path.name.endswith(".part")]


def share(draw: random.Random, size: int, left: int) -> int:
    """How much of what is missing may come before the next kill, so that ``left`` kills are spread over ``size``."""
    return draw.randint(1, max(1, 2 * size // left))


def live_until(process: "subprocess.Popen[str]", server: EndpointProcess, requests: int, pause: float) -> None:
    """Let the process work until the endpoint has had so many requests, and so many seconds longer."""
    end = time.monotonic() + 120
    while process.poll() is None and server.stats()["received"] < requests:
        assert time.monotonic() < end
        time.sleep(0.002)
    time.sleep(pause)


def test_a_hundred_kills_lose_no_answer_pay_no_answer_twice_and_change_no_row(
    tmp_path: Path, server: EndpointProcess
) -> None:
    other = undisturbed(tmp_path / "undisturbed", server, SIZE)
    whole = len(answers(other.with_name("generated") / "journal.sqlite"))
    folder, draw = write_spec(tmp_path / "run", server, SIZE), random.Random(3)
    moments = ["start-up"] * START_UPS + ["work"] * (KILLS - START_UPS)
    draw.shuffle(moments)
    server.reset()
    stored, paid, lost, delivered = {}, 0, 0, 0
    for left, moment in zip(range(KILLS, 0, -1), moments, strict=True):
        more, before = share(draw, whole - len(stored), left), server.stats()
        server.allow(before["answered"] + more)
        process = begin("generate", folder)
        if moment == "start-up":
            time.sleep(draw.uniform(0, 1.5))
        else:
            live_until(process, server, before["received"] + more, draw.uniform(0, 0.05))
        delivered += kill(process)
        paid_now, stored_now = settled(server)["answered"], answers(folder / "journal.sqlite")
        assert stored_now.items() >= stored.items(), "an answer that was on disk is gone or has changed"
        cost = (paid_now - paid) - (len(stored_now) - len(stored))
        assert 0 <= cost <= SLOTS + SLOTS // 8, "more was paid and not stored than was in flight or being written"
        stored, paid, lost = stored_now, paid_now, lost + cost
    assert delivered >= KILLS * 0.95
    assert 0.7 * whole < len(stored), "the moments are spread over the whole run"
    finish("generate", folder, server)
    final = answers(folder / "journal.sqlite")
    assert final.items() >= stored.items()
    assert len(final) == whole
    assert settled(server)["answered"] - whole == lost, "paid twice is what was in flight at a kill, and nothing else"
    finish("run", folder, server)
    assert_same_dataset(folder, other)


def ended_cpu_seconds() -> float:
    """CPU time of all processes that were begun here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def work_for(process: "subprocess.Popen[str]", seconds: float) -> None:
    """Let the process use so many seconds of CPU time: other than by the clock it is at the same place then under any load."""
    own = Path(f"/proc/{process.pid}/stat")
    while process.poll() is None:
        user, system = own.read_text().rpartition(")")[2].split()[11:13]
        if (int(user) + int(system)) / os.sysconf("SC_CLK_TCK") >= seconds:
            break
        time.sleep(0.002)


def test_kills_while_rows_are_judged_and_released_change_no_row_and_leave_nothing_behind(
    tmp_path: Path, server: EndpointProcess
) -> None:
    other = undisturbed(tmp_path / "undisturbed", server, STAGE_SIZE)
    generated, draw = other.with_name("generated"), random.Random(4)
    before = ended_cpu_seconds()
    finish("run", shutil.copytree(generated, tmp_path / "timed"), server)
    length = ended_cpu_seconds() - before
    delivered = 0
    for number in range(STAGE_KILLS):
        folder = shutil.copytree(generated, tmp_path / f"run-{number}")
        before = ended_cpu_seconds()
        process = begin("run", folder)
        work_for(process, draw.uniform(0.2, 1.0) * length)
        if kill(process):
            delivered += 1
        else:
            length = min(length, ended_cpu_seconds() - before)
        finish("run", folder, server)
        assert_same_dataset(folder, other)
    assert delivered >= STAGE_KILLS // 2


def test_kills_over_rounds_and_repairs_change_no_row(tmp_path: Path, server: EndpointProcess) -> None:
    """Long texts of the endpoint are often of another length than was asked: a third round is needed, and ends at a cap."""
    groups = {"sts": 2, "short_long": 1, "long_short": 1}
    quiet, folder = (
        write_spec(tmp_path / name, server, ROUND_SIZE, groups=groups, repair={"attempts": 2})
        for name in ("undisturbed", "killed")
    )
    finish("run", quiet, server)
    whole, draw = len(answers(quiet / "journal.sqlite")), random.Random(11)
    kills = 0
    for left in range(ROUND_KILLS, 0, -1):
        missing = whole - len(answers(folder / "journal.sqlite"))
        server.allow(settled(server)["answered"] + share(draw, missing, left))
        process = begin("run", folder)
        time.sleep(draw.uniform(0.5, 2.0))
        kills += kill(process)
    finish("run", folder, server)
    assert kills > ROUND_KILLS * 0.8
    assert {again.round for again in read_rounds(folder / "rounds.jsonl")} >= {2, 3}
    with Journal(folder / "journal.sqlite") as journal:
        assert journal.counts("repair")["answered"]
    assert_same_dataset(folder, quiet)


def copy(journal: Path, to: Path, draw: random.Random, way: str, process: "subprocess.Popen[str]") -> None:
    """The two files as a power cut leaves them, without the shared memory beside them.

    'stopped': at one moment. 'cut': the log ends anywhere, as when its end never reached the disk. 'running': one file
    after the other while the run goes on; an open read keeps the log from being begun anew in between, as with any backup.
    """
    to.parent.mkdir()
    with closing(sqlite3.connect(journal)) as reader:
        if way == "running":
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM asks").fetchone()
        else:
            os.kill(process.pid, signal.SIGSTOP)
        shutil.copy(journal, to)
        log = journal.with_name(journal.name + "-wal").read_bytes()
        os.kill(process.pid, signal.SIGCONT)
    to.with_name(to.name + "-wal").write_bytes(log[: draw.randint(0, len(log))] if way == "cut" else log)


def test_a_power_cut_at_any_moment_leaves_a_journal_with_all_that_was_committed_and_the_run_goes_on(
    tmp_path: Path,
) -> None:
    path, draw = tmp_path / "run" / "journal.sqlite", random.Random(5)
    path.parent.mkdir()
    whole = {f"r{n}": f"answer to prompt {n}" for n in range(ASKS)}
    copies: list[tuple[str, dict[str, tuple[str, float]], Path]] = []
    with Endpoint(lambda number, request: Reply(delay=0.03)) as server:
        process = start(server, path, ASKS, SLOTS)
        for number in range(POWER_CUTS):
            moment = round((number + draw.random()) * 0.8 * ASKS / POWER_CUTS)  # well before its end
            server.allow(moment + 2 * ASKS // POWER_CUTS)  # or all would be over on a busy machine
            server.wait_for(lambda one, moment=moment: one.paid.total() >= moment)
            time.sleep(draw.uniform(0, 0.02))
            seen, to = answers(path), tmp_path / f"copy-{number}" / "journal.sqlite"
            way = ("stopped", "cut", "running")[number % 3]
            copy(path, to, draw, way, process)
            copies.append((way, seen, to))
        server.allow(math.inf)
        process.communicate(timeout=120)
        final = answers(path)
    assert len(copies[POWER_CUTS // 2][1]) > ASKS // 4, "the copies are spread over the run"
    for way, seen, to in copies:
        with closing(sqlite3.connect(to)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        kept = answers(to)
        assert kept.items() <= final.items(), "no answer is half there"
        assert way == "cut" or kept.items() >= seen.items(), "what was seen as committed is there"
        with Endpoint() as again, Journal(to) as journal:
            missing = {f"prompt {name[1:]}" for name in whole.keys() - {one.request_id for one in stored(journal)}}
            assert run(again, journal, ASKS, concurrency=SLOTS)["answered"] == ASKS
            assert {one.request_id: one.text for one in stored(journal)} == whole
            assert Counter(one.prompt for one in again.received) == Counter(missing)


def stored(journal: Journal) -> list[Entry]:
    return list(journal.answers("generate"))
