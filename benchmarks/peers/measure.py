"""What every script of this folder shares: its arguments, its prompts, and the one JSON line that it prints.

Only the standard library: each script runs with the Python of its own environment.
"""

import argparse
import json
import resource
import time
from collections.abc import Iterable
from pathlib import Path

STARTED = time.perf_counter()
"""When the script began: it imports this file first."""

_SENTENCE = "Write one search query that a careful reader of this passage would type, and nothing else. "


def prompts(rows: int) -> list[str]:
    """``rows`` distinct prompts of about 800 characters."""
    return [f"Passage {number}. {_SENTENCE * 8}" for number in range(rows)]


def parser(description: str | None) -> argparse.ArgumentParser:
    """The arguments that all scripts take."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", required=True, help="OpenAI-compatible endpoint, ending in /v1")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=50)
    return parser


class Stopwatch:
    """Started where generating begins: imports, clients and prompts are ready."""

    def __init__(self) -> None:
        self._at, self._cpu = time.time(), _cpu_seconds()

    def begin_at(self, at: float) -> None:
        """Set-up went on until ``at`` (seconds since 1970) in another process."""
        self._at = at

    def tell(self, peer: str, version: str, answers: Iterable[str | None]) -> None:
        """Print the result.

        ``rows``: answers that arrived. ``seconds`` and ``cpu_generating``: since the stopwatch was started; ``wall``
        and ``cpu_seconds``: since the script was. CPU is that of this process and its children; ``peak_rss_mb`` that of
        the largest one of them.
        """
        result = {
            "peer": peer,
            "version": version,
            "rows": sum(bool(answer) for answer in answers),
            "seconds": round(time.time() - self._at, 3),
            "wall": round(time.perf_counter() - STARTED, 3),
            "cpu_seconds": round(_cpu_seconds(), 3),
            "cpu_generating": round(_cpu_seconds() - self._cpu, 3),
            "peak_rss_mb": round(max(_own_peak_kb(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024, 1),
        }
        print(json.dumps(result), flush=True)


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _own_peak_kb() -> int:
    """Peak memory of this program alone; ``ru_maxrss`` starts with that of the program that started it (Linux)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
