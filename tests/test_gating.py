"""The gate stage as a whole: any number of workers, any end in the middle, files that are not as they should be."""

import hashlib
import json
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from recordings import answer, finish, parts_of, record, start, written

from pairsmith.asking import generate
from pairsmith.factory.errors import InputError, RunError
from pairsmith.factory.records import REQUESTS
from pairsmith.gating import gate
from pairsmith.run import open_run

ROWS, SIZE = 90, 20
SLOW = """
import time
from pairsmith.validators.gate import Findings

class Slow:
    name, scope = "slow", "row"

    def judge(self, rows):
        time.sleep(0.4)
        return Findings(rows, self.name).table()
"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose answers are there."""
    folder = record(tmp_path_factory.mktemp("asked"), [answer(n) for n in range(ROWS)])
    generate(open_run(folder))
    return folder


@pytest.fixture(scope="module")
def gated(asked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That run, gated by one worker."""
    folder = tmp_path_factory.mktemp("gated") / "run"
    shutil.copytree(asked, folder)
    gate_here(folder)
    return folder


def gate_here(folder: Path, size: int = SIZE, workers: int = 1) -> dict[str, Any]:
    """Gate in this process, with parts of ``size`` requests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pairsmith.parsing.PART", size)
        return gate(open_run(folder, workers))


@pytest.fixture
def run(asked: Path, tmp_path: Path) -> Path:
    shutil.copytree(asked, tmp_path / "run")
    return tmp_path / "run"


def test_the_files_are_the_same_from_any_number_of_workers(run: Path, gated: Path) -> None:
    gate_here(run, workers=3)
    assert written(run) == written(gated)
    assert len(parts_of(run)) == -(-ROWS // SIZE)


@pytest.mark.parametrize("size", [7, 1000])
def test_how_many_requests_make_a_part_changes_no_row(run: Path, gated: Path, size: int) -> None:
    gate_here(run, size)
    for name in ("candidates", "accepted", "rejected"):
        assert pq.read_table(run / f"{name}.parquet").equals(pq.read_table(gated / f"{name}.parquet"))
    order = [(name, "ascending") for name in ("id", "gate", "field")]
    said = [pq.read_table(folder / "verdicts.parquet").sort_by(order) for folder in (run, gated)]
    assert said[0].equals(said[1])


def test_every_answer_is_accepted_or_rejected_with_its_reasons_and_its_text(gated: Path) -> None:
    accepted, rejected = (pq.read_table(gated / f"{name}.parquet") for name in ("accepted", "rejected"))
    assert sorted(accepted["request_id"].to_pylist() + rejected["request_id"].to_pylist()) == sorted(
        f"r{number}" for number in range(ROWS)
    )
    for row in rejected.to_pylist():
        number = int(row["request_id"][1:])
        assert row["raw"] == answer(number)
        assert row["reasons"] and (row["query"] is None) == (row["reasons"] == ["parse:row:truncated"]) == (
            number % 7 == 6
        )


@pytest.fixture(scope="module")
def slow(asked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That run with a gate that takes its time, gated by one worker."""
    folder = tmp_path_factory.mktemp("slow") / "run"
    shutil.copytree(asked, folder)
    (folder / "slow_gates.py").write_text(SLOW)
    spec = (folder / "factory.yml").read_text()
    (folder / "factory.yml").write_text(
        spec.replace('"gates": {', '"gates": {"custom": [{"use": "slow_gates:Slow"}], ')
    )
    shutil.copytree(folder, folder.with_name("open"))
    gate_here(folder)
    return folder


@pytest.mark.parametrize(
    ("workers", "stop", "code"), [(1, signal.SIGKILL, -9), (2, signal.SIGKILL, -9), (2, signal.SIGINT, 130)]
)
def test_a_command_that_is_stopped_goes_on_where_it_was(
    slow: Path, tmp_path: Path, workers: int, stop: signal.Signals, code: int
) -> None:
    run = tmp_path / "run"
    shutil.copytree(slow.with_name("open"), run)
    process = start(SIZE, "gate", run, "--workers", workers)
    end = time.monotonic() + 60
    while len(parts_of(run)) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(stop)
    _, told = process.communicate(timeout=60)
    assert process.returncode == code
    assert stop == signal.SIGKILL or told.startswith("pairsmith: stopped; go on with 'pairsmith gate")
    before = parts_of(run)
    assert 2 <= len(before) < 5 and not (run / "verdicts.parquet").exists()
    gate_here(run, workers=workers)
    assert before.items() < parts_of(run).items()
    assert written(run) == written(slow)


def test_more_answers_leave_what_was_judged_as_it_is(run: Path) -> None:
    gate_here(run)
    before = parts_of(run)
    record(run, [answer(n) for n in range(2 * ROWS)])
    generate(open_run(run))
    found = gate_here(run)
    whole_ones = ROWS // SIZE
    assert len(before.items() & parts_of(run).items()) == whole_ones
    assert len(parts_of(run)) == 2 * ROWS // SIZE
    assert found["answered"] == found["accepted"] + found["rejected"] == 2 * ROWS


def replaced(column: str, values: pa.Array) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(table.schema.get_field_index(column), column, values)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (None, "not readable as Parquet"),
        (lambda table: table.drop_columns("language"), "the column 'language' (string) is missing"),
        (replaced("draw", pa.array(["x"] * ROWS)), "the column 'draw' is string, not int32"),
    ],
)
def test_a_plan_that_is_not_as_it_should_be_is_one_line_and_nothing_is_lost(
    run: Path, damage: Callable[[pa.Table], pa.Table] | None, told: str
) -> None:
    file = run / "requests.parquet"
    if damage is None:
        content = bytearray(file.read_bytes())
        content[4:200] = bytes(196)
        file.write_bytes(content)
    else:
        pq.write_table(damage(pq.read_table(file)), file)
    with pytest.raises(InputError) as raised:
        gate_here(run)
    said = str(raised.value)
    assert told in said and str(file) in said and "pairsmith generate" in said and "\n" not in said
    file.unlink()
    generate(open_run(run))
    assert gate_here(run)["answered"] == ROWS


def test_a_journal_of_another_plan_is_one_line(run: Path) -> None:
    file = run / "requests.parquet"
    table = pq.read_table(file)
    renamed = pc.replace_substring(table["id"], "r70", "other")
    pq.write_table(table.set_column(0, REQUESTS.field("id"), renamed), file)
    with pytest.raises(RunError, match="'r70' belongs to another plan"):
        gate_here(run)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_one_line_and_what_was_judged_stays_judged(tmp_path: Path, workers: int) -> None:
    run, whole = record(tmp_path / "run", [random_answer(n) for n in range(300)]), tmp_path / "whole"
    generate(open_run(run))
    shutil.copytree(run, whole)
    gate_here(whole)
    largest = 100_000  # bytes: more than a part, less than the candidates
    assert (whole / "candidates.parquet").stat().st_size > largest

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    code, said = finish(SIZE, "gate", run, "--workers", workers, preexec_fn=limit)
    assert code == 2 and said.count("\n") == 1
    assert f"{run}/candidates.parquet: no room for it" in said and "bytes are free" in said and "journal.sqlite" in said
    assert not list(run.rglob(".*.part")) and not (run / "candidates.parquet").exists()
    before = parts_of(run)
    assert before or workers == 2  # workers may not have started when the file is too large already
    gate_here(run, workers=workers)
    assert before.items() <= parts_of(run).items()
    assert written(run) == written(whole)


def random_answer(number: int) -> str:
    """A kilobyte that cannot be made smaller than half of it."""
    text = " ".join(hashlib.sha256(f"{number}/{word}".encode()).hexdigest() for word in range(15))
    return json.dumps({"S1": text, "S2": text, "S3": text})


def test_memory_that_does_not_do_is_one_line(run: Path) -> None:
    (run / "own_gates.py").write_text(SLOW.replace("time.sleep(0.4)", "raise MemoryError"))
    spec = (run / "factory.yml").read_text()
    (run / "factory.yml").write_text(spec.replace('"gates": {', '"gates": {"custom": [{"use": "own_gates:Slow"}], '))
    code, said = finish(SIZE, "gate", run, "--workers", 1)
    assert code == 2 and said.count("\n") == 1 and "out of memory" in said and "'--workers'" in said


@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_a_number_of_workers_that_is_none_is_told(run: Path, number: str) -> None:
    code, said = finish(SIZE, "gate", run, f"--workers={number}")
    assert code == 2 and f"'{number}' is no number of processes" in said
