"""Publishing to a Hub on this machine and loading back: seconds and memory by rows. ``benchmarks/hub.py [ROWS ...]``

``check`` is the check alone, by the bounds that come with Pairsmith; ``publish`` is all that is done up to the tag, with the
check and without the loading back that the command does after it; ``load`` is that.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pairsmith.curation.release import ReleaseFacts, write_release
from pairsmith.factory.records import PAIRS, content_hash
from pairsmith.factory.spec import ReleaseSpec
from pairsmith.factory.tables import TableFile

MEASURED = """
import json, re, sys, time
from pathlib import Path
started, action, given = time.time(), sys.argv[1], sys.argv[2:]
if action in ("check", "publish"):
    from datetime import date
    from pairsmith.curation.check import check
    from pairsmith.curation.publish import publish
    from pairsmith.curation.publish_check import Bounds
    from pairsmith.curation.quality import SHIPPED, read_quality
    quality = read_quality(SHIPPED)
    del quality.metrics["recheck.language.failing_rate"]  # words of random letters are looked at, and are of no language
    if action == "publish":
        publish(Path(given[0]), given[1], False, Bounds(SHIPPED, quality), print)
    else:
        assert check(Path(given[0]), None, quality, SHIPPED.parent, date.today()).holds
else:
    from pairsmith.curation.loaded import load
    load(given[0], "v1.0.0", action == "load streamed")
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])  # rusage counts the parent's too
print(json.dumps([time.time() - started, time.process_time(), peak // 1024]))
"""


def rows(count: int) -> pa.Table:
    """Rows of some 1.4 kB of random words."""
    draw = random.Random(1)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 10))) for _ in range(20_000)]
    found = []
    for number in range(count):
        query, positive, negative = (" ".join(draw.choices(words, k=length)) for length in (10, 120, 100))
        found.append(
            {
                "id": f"{number:016x}",
                "request_id": f"r{number}",
                "content_hash": content_hash(query, positive, [negative]),
                "group": "short_long" if number % 2 else "sts",
                "instruction": "Find it.",
                "query": query,
                "positive": positive,
                "negatives": [negative],
                "query_language": "en",
                "document_language": "en",
                "model": "m",
            }
        )
    return pa.Table.from_pylist(found, schema=PAIRS)


def released(count: int, folder: Path) -> Path:
    """A release of so many rows."""
    folder.mkdir()
    pq.write_table(rows(count), folder / "accepted.parquet", row_group_size=10_000)
    asked = {
        "asked": count,
        "answered": count,
        "accepted": count,
        "failed": {},
        "pending": 0,
        "rejected": 0,
        "gates": [],
    }
    facts = ReleaseFacts("bench", ReleaseSpec(license="cc0-1.0", terms={"m": "none"}), asked, {}, {})
    return write_release(TableFile(folder / "accepted.parquet", PAIRS, "run again"), facts, folder / "releases")[0]


@contextmanager
def served(folder: Path) -> Iterator[dict[str, str]]:
    """What to set to talk to a Hub that runs now."""
    command = [sys.executable, "-m", "pairsmith", "hub", "serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as server:
        told = "".join(server.stderr.readline() for _ in range(3))
        yield {**os.environ, "HF_HUB_DISABLE_XET": "1", **dict(re.findall(r"export (\w+)=(\S+)", told))}
        memory = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{server.pid}/status").read_text())
        print(f"server: {int(memory[1]) // 1024} MB")
        server.send_signal(signal.SIGTERM)


def measure(environment: dict[str, str], home: Path, *arguments: str) -> None:
    """Run one thing in a process of its own, with empty caches."""
    command = [sys.executable, "-c", MEASURED, *arguments]
    done = subprocess.run(
        command, env={**environment, "HF_HOME": str(home)}, stdout=subprocess.PIPE, text=True, check=True
    )
    wall, cpu, memory = json.loads(done.stdout.splitlines()[-1])
    print(f"  {arguments[0]:<14}{wall:>8.1f} s {cpu:>8.1f} s of CPU {memory:>8,} MB", flush=True)


def main() -> None:
    """Publish, load whole, load as a stream, for each number of rows."""
    started = time.time()
    with tempfile.TemporaryDirectory() as place, served(Path(place, "hub")) as environment:
        for count in map(int, sys.argv[1:] or ("100000", "400000")):
            release = released(count, Path(place, str(count)))
            print(f"{count:,} rows, {sum(file.stat().st_size for file in release.rglob('*.parquet')) / 1e6:,.0f} MB")
            name = f"acme/rows{count}"
            for action in ("check", "publish"):
                measure(environment, Path(place, "home"), action, str(release), name)
            for way in ("load whole", "load streamed"):
                measure(environment, Path(place, f"{way} {count}"), way, name)
    print(f"{time.time() - started:.0f} s in all")


if __name__ == "__main__":
    main()
