"""A run several times larger than the memory that its gating is allowed."""

import json
import os
import random
import resource
import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from recordings import QUICK, answer, finish, record

from pairsmith.asking import generate
from pairsmith.run import open_run

ROWS, PART = 45_000, 400
TEXT = 5_000  # characters of each of the three texts of a row
LIMIT = 256 * 2**20  # bytes of memory of its own for the process, of which it needs 160 MB for one row
SOLE = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "262144",
}
"""Allocators that hold nothing in reserve and give back what is freed: the limit counts what was asked for, used or not."""

OWN = """
import numpy as np
import pyarrow as pa
from pairsmith.factory.records import VERDICTS
from pairsmith.validators.gate import Findings
from pairsmith.validators.parts import read_table

class First:
    '''Drops rows whose query begins as that of an earlier row does.'''

    name, scope = "first", "corpus"

    def judge(self, rows):
        raise AssertionError("all rows at once would not fit")

    def sketch(self, rows):
        begins = [query[:4] for query in rows["query"].to_pylist()]
        return rows.select(["request_id", "id"]).append_column("begins", pa.array(begins, pa.string()))

    def judge_sketches(self, sketches, progress):
        seen = set()
        for path in sketches:
            lines = []
            for line in read_table(path).to_pylist():
                begins = line.pop("begins")
                said = {"verdict": "drop", "reason": "again"} if begins in seen else {"verdict": "keep"}
                lines.append({**line, "gate": self.name, "field": "query", **said})
                seen.add(begins)
            progress(1 / len(sketches))
            yield pa.Table.from_pylist(lines, schema=VERDICTS)
"""


def fill(journal: Path) -> int:
    """Give each request a long answer; returns how many bytes they are."""
    dice = random.Random(0)
    with closing(sqlite3.connect(journal)) as db, db:
        for (row,) in db.execute("SELECT id FROM asks WHERE answer IS NOT NULL").fetchall():
            number = dice.randbytes(TEXT // 2).hex()
            text = " ".join(number[at : at + 7] for at in range(0, len(number), 7))[:TEXT]
            texts = json.dumps({"S1": text, "S2": text[::-1], "S3": text[1:]})
            db.execute("UPDATE asks SET answer = ? WHERE id = ?", (texts, row))
    return ROWS * 3 * TEXT


@pytest.mark.slow
def test_a_run_three_times_as_large_as_the_memory_is_gated_in_it(tmp_path: Path) -> None:
    (tmp_path / "own_gates.py").write_text(OWN)
    gates = {**QUICK, "custom": [{"use": "own_gates:First"}], "length": {"enabled": False}}
    run = record(tmp_path, [answer(1)] * ROWS, gates)
    generate(open_run(run))
    assert fill(run / "journal.sqlite") > 2.5 * LIMIT

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))

    code, said = finish(PART, "gate", run, "--workers", 1, preexec_fn=limit, env={**os.environ, **SOLE})
    assert code == 0, said
    counted = [pq.read_metadata(run / f"{name}.parquet").num_rows for name in ("candidates", "accepted", "rejected")]
    begins = 16**4
    assert counted[0] == ROWS == counted[1] + counted[2]
    assert counted[1] == pytest.approx(begins * (1 - (1 - 1 / begins) ** ROWS), rel=0.02)
