"""What each gate costs on the shipped recordings, as a ratio to a floor measured in the same run.

The floor of a row gate is reading the texts once (``str.casefold`` of every text); that of duplicates is datasketch's own
loop over the same shingles (``update`` for each, ``MinHashLSH`` for the index). CPU seconds of this process.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from datasketch import MinHash, MinHashLSH

from pairsmith.asking import generate
from pairsmith.factory.text import shingles, tokens
from pairsmith.gating import gate
from pairsmith.releasing import release, report
from pairsmith.run import CANDIDATES, open_run
from pairsmith.validators.build import build_gates
from pairsmith.validators.gate import Gate, texts

RECORDED = Path(__file__).parent.parent / "examples" / "recorded"


def timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def read_once(rows: pa.Table) -> None:
    for text in texts(rows):
        text.text.casefold()


def datasketch_loop(rows: pa.Table) -> None:
    index = MinHashLSH(threshold=0.7, num_perm=128)
    for key, query, positive in zip(*(rows[name].to_pylist() for name in ("id", "query", "positive")), strict=True):
        signature = MinHash(num_perm=128)
        for shingle in shingles(tokens(f"{query} {positive}"), 3):
            signature.update(shingle.encode())
        index.query(signature)
        index.insert(key, signature)


def compare(rows: pa.Table, gates: list[Gate]) -> None:
    print(f"{rows.num_rows} rows, us of CPU a row")
    floor = timed(lambda: read_once(rows))
    loop = timed(lambda: datasketch_loop(rows))
    for one in gates:
        one.judge(rows.slice(0, 1))  # models, lexicons and evaluation files are loaded once a process
        spent = timed(lambda one=one: one.judge(rows))
        peer, name = (loop, "datasketch loop") if one.name == "duplicates" else (floor, "reading once")
        print(f"{one.name:<14}{spent / rows.num_rows * 1e6:>9.0f}  {spent / peer:>9.2f} x {name}")


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        shutil.copytree(RECORDED, folder)
        run = open_run(folder)
        wall = time.perf_counter()
        spent = {stage.__name__: timed(lambda stage=stage: stage(run)) for stage in (generate, gate, release, report)}
        wall = time.perf_counter() - wall
        stages = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in spent.items())
        print(f"the line on the recordings, imports done: {wall:.2f} s wall; CPU: {stages}")
        compare(pq.read_table(folder / CANDIDATES), build_gates(run.spec.gates, folder))


if __name__ == "__main__":
    main()
