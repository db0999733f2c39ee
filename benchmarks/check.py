"""``pairsmith check`` against a release of 19 rows in 20: seconds and memory by rows. ``benchmarks/check.py [ROWS ...]``"""

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hub import FUNNEL
from pairsmith.curation.release import ReleaseFacts, write_release
from pairsmith.factory.records import PAIRS, content_hash
from pairsmith.factory.spec import ReleaseSpec
from pairsmith.factory.tables import TableFile

PART = 10_000  # rows that are made at once
OLD = 0.95
MEASURED = """
import json, re, sys, time
from pathlib import Path
from pairsmith.checking import check_release
started = time.time()
found = check_release(*sys.argv[1:], None, None)
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print(json.dumps([time.time() - started, time.process_time(), peak // 1024, found["metrics"]["rows.added"]]))
"""


def parts(count: int) -> Iterator[pa.Table]:
    """Rows of some 1.4 kB of random words; two have the same task."""
    draw, numbers = random.Random(1), np.random.default_rng(1)
    words = np.array(
        ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 10))) for _ in range(20_000)]
    )
    for start in range(0, count, PART):
        size = min(PART, count - start)
        texts = [
            [" ".join(line) for line in words[numbers.integers(0, len(words), (size, length))]]
            for length in (10, 120, 100)
        ]
        rows = [_row(start + place, *each) for place, each in enumerate(zip(*texts, strict=True))]
        yield pa.Table.from_pylist(rows, schema=PAIRS)


def _row(number: int, query: str, positive: str, negative: str) -> dict[str, object]:
    return {
        "id": f"{number:016x}",
        "request_id": f"r{number}",
        "content_hash": content_hash(query, positive, [negative]),
        "group": "short_long" if number % 2 else "sts",
        "instruction": f"Find {number // 2}.",
        "query": query,
        "positive": positive,
        "negatives": [negative],
        "query_language": "en",
        "document_language": "en",
        "model": "m",
    }


def releases(count: int, folder: Path) -> list[Path]:
    """Two versions, the first one without the last rows of the second."""
    facts = ReleaseFacts("bench", ReleaseSpec(license="cc0-1.0", terms={"m": "none"}), FUNNEL, {}, {})
    paths = [folder / "old.parquet", folder / "new.parquet"]
    with pq.ParquetWriter(paths[0], PAIRS) as old, pq.ParquetWriter(paths[1], PAIRS) as new:
        for number, part in enumerate(parts(count)):
            new.write_table(part)
            if (number + 1) * PART <= OLD * count:
                old.write_table(part)
    return [write_release(TableFile(path, PAIRS, "run again"), facts, folder / "releases")[0] for path in paths]


def main() -> None:
    """Check a release of each number of rows, in a process of its own."""
    for count in map(int, sys.argv[1:] or ("200000", "1000000")):
        with tempfile.TemporaryDirectory() as place:
            old, new = releases(count, Path(place))
            command = [sys.executable, "-c", MEASURED, str(new), str(old)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        wall, cpu, memory, added = json.loads(done.stdout.splitlines()[-1])
        print(f"{count:,} rows, {added:,} added: {wall:.1f} s, {cpu:.1f} s of CPU, {memory:,} MB", flush=True)


if __name__ == "__main__":
    main()
