"""A run several times larger than the memory that its gating is allowed, with all gates on as they are by default."""

import json
import lzma
import os
import random
import resource
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from recordings import finish

ROWS, PART = 50_000, 100
AGAIN = 50  # one row of so many is the one that came 49 before it
LIMIT = 384 * 2**20
"""Bytes of memory of its own for each process: a worker takes up to 350 MB with its models, compiled code and one part."""
SOLE = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "1000000",
}
"""Allocators that hold nothing in reserve and give back what is freed: the limit counts what was asked for, used or not.

A lower threshold would take the language detector, which allocates for each text, six times its time.
"""
PARAGRAPHS = Path(__file__).parent.parent / "benchmarks" / "data" / "udhr.jsonl.xz"


def fill(file: Path) -> int:
    """Rows of Georgian, 3 bytes a letter, in which no two but the planted are alike; returns how many bytes they are."""
    dice, size = random.Random(0), 0
    with lzma.open(PARAGRAPHS, "rt", encoding="utf-8") as lines:
        paragraphs = [line["text"] for line in map(json.loads, lines) if line["language"] == "ka"]
    words = sorted({word for text in paragraphs for word in text.split() if word.isalpha()})
    pieces = [" ".join(dice.choices(words, k=8)) for _ in range(20_000)]

    def text(count: int) -> str:
        return " ".join(dice.sample(pieces, count))

    schema = pa.schema({"query": pa.string(), "positive": pa.string(), "negatives": pa.list_(pa.string())})
    with pq.ParquetWriter(file, schema) as writer:
        for _ in range(ROWS // AGAIN):
            rows = [
                {"query": text(2) + "?", "positive": text(20), "negatives": [text(20) for _ in range(4)]}
                for _ in range(AGAIN - 1)
            ]
            table = pa.Table.from_pylist([*rows, rows[0]], schema)
            writer.write_table(table)
            size += table.nbytes
    return size


@pytest.mark.slow
def test_a_run_several_times_as_large_as_the_memory_goes_through_all_gates_in_it(tmp_path: Path) -> None:
    entry = {"path": "mine.parquet", "group": "short_long", "language": "ka", "instruction": "Find the answer."}
    (tmp_path / "factory.yml").write_text(json.dumps({"pairs": [entry]}))  # JSON is YAML
    assert fill(tmp_path / "mine.parquet") > 2.5 * LIMIT

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))

    code, said = finish(PART, "gate", tmp_path, "--workers", 2, preexec_fn=limit, env={**os.environ, **SOLE})
    assert code == 0, said
    names = ("candidates", "accepted", "rejected")
    candidates, accepted, rejected = (pq.read_metadata(tmp_path / f"{name}.parquet").num_rows for name in names)
    assert candidates == ROWS == accepted + rejected
    planted = ROWS // AGAIN
    assert planted <= rejected < 1.01 * planted, "of random words a few may read as something else"
