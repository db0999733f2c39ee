"""Processes that judge parts: the same files from any number of them, whatever happens to one, and none is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts import rows

from pairsmith.factory.errors import PairsmithError
from pairsmith.factory.spec import CustomGateSpec, GatesSpec
from pairsmith.validators.build import build_gates
from pairsmith.validators.engine import LocalEngine
from pairsmith.validators.parts import Line, Part, judge_part, lay_out, read_table

OWN = """
import os, resource, signal, sys, time
from pathlib import Path
from pairsmith.validators.gate import Findings

class Faulty:
    name = "faulty"
    scope = "row"

    def __init__(self, folder):
        self.folder = Path(folder)

    def judge(self, rows):
        findings = Findings(rows, self.name)
        for row, query in enumerate(rows["query"].to_pylist()):
            self.do(query)
            if "a" in query:
                findings.drop(row, "query", "letter")
        with (self.folder / "pids").open("a") as file:
            file.write(f"{os.getpid()}\\n")
        return findings.table()

    def do(self, query):
        word, _, times = query.partition(" ")
        if word in ("kill", "exhaust"):
            with (self.folder / word).open("a") as file:
                file.write("x")
            if (self.folder / word).stat().st_size <= int(times):
                if word == "exhaust":
                    raise MemoryError
                os.kill(os.getpid(), signal.SIGKILL)
        elif word == "raise":
            raise KeyError("what a user's gate may raise")
        elif word == "sleep":
            (self.folder / "asleep").touch()
            time.sleep(float(times))
        elif word == "print":
            print("what a gate prints")
"""


def line(folder: Path) -> Line:
    """A gate of its own module in ``folder`` and none beside it: a worker starts in half a second."""
    (folder / "faulty_gates.py").write_text(OWN)
    off = {name: {"enabled": False} for name in GatesSpec.model_fields if name != "custom"}
    custom = CustomGateSpec(use="faulty_gates:Faulty", options={"folder": str(folder)})
    spec = GatesSpec(**off, custom=[custom])
    return Line(spec, folder, build_gates(spec, folder))


def parts(folder: Path, *queries: list[str]) -> Iterator[Part]:
    for number, some in enumerate(queries):
        yield lay_out(rows(*some, start=10 * number), "", folder / "parts")


def judged(folder: Path, workers: int, *queries: list[str]) -> list[bytes]:
    found = LocalEngine(workers).judge(line(folder), parts(folder, *queries))
    return [part.verdicts.read_bytes() for part in found]


def pids(folder: Path) -> list[int]:
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def wait_for(holds: object, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


MANY = [["a", "b"], ["c"], [], ["print x", "ab"], ["d"], ["e"], ["fa"]]


def test_any_number_of_workers_gives_the_same_bytes_in_the_order_of_the_parts(tmp_path: Path) -> None:
    found = {}
    for workers in (1, 2, 3):
        folder = tmp_path / str(workers)
        folder.mkdir()
        found[workers] = judged(folder, workers, *MANY)
        used = set(pids(folder))
        assert (used == {os.getpid()}) == (workers == 1) and len(used) <= workers
    assert found[1] == found[2] == found[3]
    dropped = [read_table(part.verdicts)["verdict"].to_pylist().count("drop") for part in parts(tmp_path / "1", *MANY)]
    assert dropped == [1, 0, 0, 1, 0, 0, 1]


def test_one_part_is_judged_here_and_what_is_finished_is_not_judged_again(tmp_path: Path) -> None:
    judged(tmp_path, 2, ["x"])
    assert pids(tmp_path) == [os.getpid()]
    before = judged(tmp_path, 2, ["x"], ["y"])
    assert pids(tmp_path) == [os.getpid()] * 2
    assert judged(tmp_path, 2, ["x"], ["y"]) == before
    assert len(pids(tmp_path)) == 2


def test_parts_without_rows_are_judged_once_whoever_judges_them(tmp_path: Path) -> None:
    queries = [["a"], [], [], ["b"], [], *[[]] * 12, ["c"], []]
    assert judged(tmp_path, 4, *queries) == judged(tmp_path, 1, *queries)
    assert len(judged(tmp_path, 4, *queries)) == len(queries)


def test_a_part_whose_worker_died_when_all_was_done_is_done(tmp_path: Path) -> None:
    (part,) = parts(tmp_path, ["a", "ab"])
    judge_part(line(tmp_path).gates, part)
    before = part.verdicts.read_bytes()
    judge_part(line(tmp_path).gates, part)
    (part.folder / "rows.arrow").write_bytes(b"left behind")
    (again,) = parts(tmp_path, ["a", "ab"])
    assert again.finished and not (part.folder / "rows.arrow").exists()
    assert part.verdicts.read_bytes() == before


@pytest.mark.parametrize("fault", ["kill 2", "exhaust 2"])
def test_a_worker_that_dies_costs_only_its_part(tmp_path: Path, fault: str) -> None:
    (tmp_path / "sound").mkdir()
    queries = [*MANY, [fault], ["g"]]
    found = judged(tmp_path, 2, *queries)
    assert len(found) == len(queries)
    (tmp_path / fault.split()[0]).unlink()
    assert found == judged_without_faults(tmp_path, queries)


def judged_without_faults(folder: Path, queries: list[list[str]]) -> list[bytes]:
    for word in ("kill", "exhaust"):
        (folder / "sound" / word).write_text("xxxx")  # as often as a fault may happen, and more
    return judged(folder / "sound", 1, *queries)


@pytest.mark.parametrize(("fault", "told"), [("kill 99", "SIGKILL"), ("exhaust 99", "out of memory")])
def test_rows_that_kill_each_worker_are_named_and_the_other_parts_stay_finished(
    tmp_path: Path, fault: str, told: str
) -> None:
    with pytest.raises(PairsmithError, match=f"rows 'k20' to 'k21' .2.: their worker died 3 times .{told}") as raised:
        judged(tmp_path, 2, ["x"], ["y"], ["z", fault], ["w"])
    assert "\n" not in str(raised.value)
    before = len(pids(tmp_path))
    judged(tmp_path, 1, ["x"], ["y"])
    assert len(pids(tmp_path)) == before


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_users_gate_raises_is_the_same_line_from_a_worker(tmp_path: Path, workers: int) -> None:
    with pytest.raises(PairsmithError) as raised:
        judged(tmp_path, workers, ["x"], ["raise"], ["y"])
    assert str(raised.value) == ("gate 'faulty': failed on 1 rows (KeyError: \"what a user's gate may raise\")")
    assert type(raised.value) is PairsmithError


@pytest.mark.parametrize("damage", [b"", b"half", None])
def test_a_part_whose_files_were_damaged_is_made_again(tmp_path: Path, damage: bytes | None) -> None:
    before = judged(tmp_path, 1, ["x"], ["a"])
    file = next(parts(tmp_path, ["x"])).verdicts
    file.unlink() if damage is None else file.write_bytes(damage)
    assert judged(tmp_path, 1, ["x"], ["a"]) == before


SCRIPT = """
import sys
from pathlib import Path
from test_engine import judged
judged(Path(sys.argv[1]), 2, ["x"], ["sleep 60"], ["sleep 60"], ["y"])
"""


def asleep(folder: Path) -> "subprocess.Popen[str]":
    """A process of which two workers are busy for a minute."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for((folder / "asleep").exists)
    return process


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_worker_outlives_the_one_who_asked(tmp_path: Path, stop: signal.Signals) -> None:
    process = asleep(tmp_path)
    workers = children(process.pid)
    assert len(workers) == 2
    process.send_signal(stop)
    _, errors = process.communicate(timeout=30)
    assert ("KeyboardInterrupt" in errors) == (stop == signal.SIGINT)
    wait_for(lambda: not any(map(alive, workers)))
