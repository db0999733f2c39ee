"""Runs a command and watches it: wall time, CPU, and the memory of it and all processes that it started, together (Linux)."""

import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

SAMPLED = 0.2  # seconds between two looks at the memory


class Watched(NamedTuple):
    """What a command took. ``peak_mb``: memory of all its processes at one moment, pages that they share counted once."""

    code: int
    wall: float
    cpu: float
    peak_mb: float
    processes: int


def watch(command: Sequence[str], limit_mb: int | None = None) -> Watched:
    """Run ``command`` to its end; its stdout is not shown.

    ``limit_mb``: memory of its own that each process may take (``ulimit -d``).
    """
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=_limited(limit_mb))
    peak = most = 0
    while True:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        sizes = [size for one in tree(process.pid) if (size := resident_kb(one))]
        peak, most = max(peak, sum(sizes)), max(most, len(sizes))
        time.sleep(SAMPLED)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - begun
    return Watched(process.returncode, wall, usage.ru_utime + usage.ru_stime, peak / 1024, most)


def _limited(limit_mb: int | None) -> Callable[[], None] | None:
    if limit_mb is None:
        return None
    limit = limit_mb * 2**20
    return lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def tree(process: int) -> Iterator[int]:
    """The process and all that it started, directly or not."""
    yield process
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:  # it has ended
            continue
        for child in found:
            yield from tree(int(child))


def resident_kb(process: int) -> int:
    """Resident memory of a process in kB, its part of shared pages only (PSS); 0 when it has ended."""
    try:
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
