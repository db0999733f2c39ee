"""The whole gate stage at scale: builds a corpus, runs ``pairsmith gate`` on it, and says what that took and what it found.

    python benchmarks/scale.py                       # 500,000 rows on two processes
    python benchmarks/scale.py --rows 2000000 --slope
    python benchmarks/scale.py --rows 500000 --memory-limit 800

The command runs as a user's would, in a process of its own. ``--slope`` runs a quarter and a half of the rows too and says
how time and memory grow. Corpora are kept in the scratch folder; the results lie there in ``scale.json``.
"""

import argparse
import json
import math
import os
import shutil
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pairsmith.factory.spec import read_spec
from pairsmith.run import VERDICTS_FILE
from pairsmith.validators.build import build_gates
from rehearsal.corpus import PART, build, told
from rehearsal.markdown import table
from rehearsal.score import dropped, score
from rehearsal.watch import Watched, watch

ROOT = Path(__file__).parent.parent
EVALUATION = ROOT / "examples" / "recorded" / "evaluation" / "banking77_test.csv"
SPEC = {"name": "rehearsal", "pairs": ["corpus.parquet"], "gates": {"contamination": {"evaluation": [EVALUATION.name]}}}
SEED = 1


def prepared(scratch: Path, rows: int) -> Path:
    """A new run folder with the corpus of that size in it."""
    home = scratch / str(rows)
    corpus = build(home, rows, SEED, told(rows, "corpus"))
    run = home / "run"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    os.link(corpus, run / corpus.name)
    shutil.copy(EVALUATION, run)
    (run / "factory.yml").write_text(json.dumps(SPEC), encoding="utf-8")  # JSON is YAML
    return run


def measured(scratch: Path, rows: int, workers: int, limit_mb: int | None) -> dict[str, Any]:
    """Run the gate stage; its figures, or an end in one line."""
    run = prepared(scratch, rows)
    options = ["--workers", str(workers), "--json"]
    found = watch([sys.executable, "-m", "pairsmith", "gate", str(run), *options], limit_mb)
    if found.code != 0:
        raise SystemExit(f"scale.py: 'pairsmith gate {run}' ended with code {found.code}")
    truth = pq.read_table(run.parent / "truth.parquet").to_pylist()
    return {
        "rows": rows,
        "workers": workers,
        "memory_limit_mb": limit_mb,
        **figures(found, rows),
        "disk_mb": round(written(run) / 2**20, 1),
        "found": score(truth, dropped(run / VERDICTS_FILE), rows),
    }


def figures(found: Watched, rows: int) -> dict[str, Any]:
    """What a run took, of time in seconds."""
    return {
        "wall": round(found.wall, 2),
        "cpu": round(found.cpu, 2),
        "rows_per_second": round(rows / found.wall, 1),
        "us_cpu_per_row": round(found.cpu / rows * 1e6, 1),
        "peak_mb": round(found.peak_mb, 1),
        "processes": found.processes,
    }


def written(run: Path) -> int:
    """Bytes of all that the run wrote: links to what was there before do not count."""
    return sum(file.stat().st_size for file in run.rglob("*") if file.is_file() and file.stat().st_nlink == 1)


def by_gate(run: Path) -> dict[str, float]:
    """CPU of each gate on one part of the run's rows, in this process: us a row."""
    with pq.ParquetFile(run / "corpus.parquet") as file:
        rows = file.read_row_group(0)
    found = {}
    for gate in build_gates(read_spec(run / "factory.yml").gates, run):
        gate.judge(rows.slice(0, 10))  # models, lexicons and evaluation files are loaded once a process
        begun = time.process_time()
        gate.judge(rows)
        found[gate.name] = round((time.process_time() - begun) / rows.num_rows * 1e6, 1)
    return found


def slopes(runs: list[dict[str, Any]]) -> list[dict[str, float]]:
    """From each size to the next: how time grows (1 is in proportion), and bytes of memory and disk for one row more."""
    return [
        {
            "from": small["rows"],
            "to": large["rows"],
            **{
                f"{name}_exponent": round(math.log(large[name] / small[name], large["rows"] / small["rows"]), 3)
                for name in ("wall", "cpu")
            },
            **{
                f"{name}_bytes_per_row": round((large[f"{name}_mb"] - small[f"{name}_mb"]) * 2**20 / more, 1)
                for name in ("peak", "disk")
            },
        }
        for small, large in pairwise(runs)
        for more in [large["rows"] - small["rows"]]
    ]


def tell(runs: list[dict[str, Any]], gates: dict[str, float]) -> None:
    """Print all figures as Markdown."""
    names = ("rows", "workers", "wall", "cpu", "rows_per_second", "us_cpu_per_row", "peak_mb", "disk_mb")
    print(table(names, [[f"{run[name]:,}" for name in names] for run in runs]))
    rest = runs[-1]["us_cpu_per_row"] - sum(gates.values())
    print(table(("gate", "us of CPU a row"), [[name, f"{spent:g}"] for name, spent in gates.items()]))
    print(f"reading, writing, starting and all else: {rest:.0f} us of CPU a row\n")
    if len(runs) > 1:
        found = slopes(runs)
        print(table(tuple(found[0]), [[f"{value:,}" for value in line.values()] for line in found]))
    last = runs[-1]["found"]
    lines = [[name, *counts] for kind in ("defects", "duplicates") for name, counts in last[kind].items()]
    print(table(("planted", "found", "of"), lines))
    print(
        f"not planted and dropped: {last['sound'][0]:,} of {last['sound'][1]:,}; as duplicates: {last['chance'][0]:,}"
    )


def main() -> None:
    """Run it all, print the tables, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--memory-limit", type=int, metavar="MB", help="memory of its own that each process may take, as ulimit -d"
    )
    parser.add_argument("--slope", action="store_true", help="also a quarter and a half of the rows")
    parser.add_argument("--scratch", type=Path, default=ROOT / "runs" / "rehearsal")
    given = parser.parse_args()
    sizes = [given.rows // 4, given.rows // 2, given.rows] if given.slope else [given.rows]
    runs = [measured(given.scratch, rows, given.workers, given.memory_limit) for rows in sizes]
    gates = by_gate(given.scratch / str(given.rows) / "run")
    tell(runs, gates)
    found = {"runs": runs, "slopes": slopes(runs), "us_cpu_per_row_by_gate": gates, "part": PART}
    (given.scratch / "scale.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(f"all figures: {given.scratch / 'scale.json'}")


if __name__ == "__main__":
    main()
