"""How fast answers come, beside the bare transport and the peers, and what limits and faults of a service cost.

    python benchmarks/generate.py [--pairs N] [--without-peers]

Everything asks the same kind of endpoint on the loopback device (``tests/endpoint.py``, a process of its own): 2,000 rows,
50 at a time, 50 ms an answer. All figures of a run are taken in that run; read ratios.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks" / "peers")]

from endpoint import Concurrency, EndpointProcess, Rate  # noqa: E402
from environments import measured, run, run_bare  # noqa: E402

ROWS, SLOTS, LATENCY = 2000, 50, 0.05
OURS = str(ROOT / "benchmarks" / "peers" / "ours.py")
BARE = ("openai-aiohttp-post", "openai-aiohttp-create")
PEERS = ("distilabel", "curator", "data_designer")
PATIENCE = 150.0  # seconds for one run


class Fault(NamedTuple):
    """A service that limits or fails. ``ideal``: seconds that a client would take that knew it."""

    name: str
    settings: dict[str, Any]
    ideal: float


FREE = ROWS / SLOTS * LATENCY
FAULTS = (
    Fault("20 at once", {"gateway": Concurrency(20)}, ROWS / 20 * LATENCY),
    Fault("100 a second, burst 50", {"gateway": Rate(100, 50)}, (ROWS - 50) / 100),
    Fault("20 % 429 + 10 % 500 by chance", {"faults": {429: 0.2, 500: 0.1}}, FREE / 0.7),
    Fault("2 % of answers take 3 s", {"tail": (0.02, 3.0)}, FREE + 3.0),
)


def ours(base_url: str, rows: int = ROWS) -> dict[str, Any] | str:
    """The whole generate stage of this project, in a process of its own."""
    options = ["--base-url", base_url, "--rows", str(rows), "--concurrency", str(SLOTS)]
    return measured([sys.executable, OURS, *options], PATIENCE)


def rate(found: dict[str, Any] | str) -> float:
    """Rows a second; a run that failed ends the benchmark."""
    if isinstance(found, str):
        raise SystemExit(f"generate.py: {found}")
    return float(found["rows"] / found["seconds"])


def pairs(number: int) -> Iterator[dict[str, dict[str, Any]]]:
    """Bare loops and the whole stage in turn, ``number`` times."""
    for _ in range(number):
        with endpoint() as server:
            results = {name: run_bare(name, server.base_url, ROWS, SLOTS, PATIENCE) for name in BARE}
            results["pairsmith"] = ours(server.base_url)
            for found in results.values():
                rate(found)
            yield results  # type: ignore[misc]  # a string has ended the benchmark


def endpoint(**settings: Any) -> EndpointProcess:
    """The service, its counts fresh."""
    return EndpointProcess(**{"latency": LATENCY, "answers": "json", "keep": False, **settings})


def tell(name: str, found: dict[str, Any]) -> None:
    """A line of the first table."""
    cpu = 1000 * found["cpu_generating"] / found["rows"]
    print(f"{name:<28}{rate(found):>8.0f}{cpu:>12.2f}{found['peak_rss_mb']:>9.0f}", flush=True)


def throughput(number: int, with_peers: bool) -> None:
    """Rows a second beside the bare transport and the peers."""
    print(f"{ROWS} rows, {SLOTS} at once, {LATENCY * 1000:.0f} ms an answer (ideal {ROWS / FREE:.0f} rows/s)")
    print(f"{'':<28}{'rows/s':>8}{'CPU ms/row':>12}{'peak MB':>9}")
    runs = list(pairs(number))
    for name in (*BARE, "pairsmith"):
        tell(name, sorted((one[name] for one in runs), key=rate)[len(runs) // 2])
    for name in BARE:
        shares = sorted(rate(one["pairsmith"]) / rate(one[name]) for one in runs)
        middle, least, most = statistics.median(shares), shares[0], shares[-1]
        print(f"  pairsmith / {name}: median {middle:.2f} of {len(shares)} ({least:.2f} to {most:.2f})")
    mine = statistics.median(rate(one["pairsmith"]) for one in runs)
    for peer in PEERS if with_peers else ():
        with endpoint() as server:
            found = run(peer, server.base_url, ROWS, SLOTS, PATIENCE)
        if isinstance(found, str):
            print(f"{peer:<28}{found}")
        else:
            tell(f"{peer} {found['version']}", found)
            print(f"  pairsmith / {peer}: {mine / rate(found):.1f}")


def faults() -> None:
    """What limits and faults of the service cost: share of the ideal rate, requests that were refused."""
    print(f"\n{'service':<32}{'rows/s':>8}{'ideal':>8}{'share':>8}{'refused':>9}{'paid beyond the rows':>22}")
    for name, settings, ideal in FAULTS:
        with endpoint(**settings) as server:
            found = ours(server.base_url)
            stats = server.stats()
        share = ideal * rate(found) / ROWS
        refused = sum(stats["refused"].values())
        beyond = stats["answered"] - found["rows"]
        print(f"{name:<32}{rate(found):>8.0f}{ROWS / ideal:>8.0f}{share:>8.2f}{refused:>9}{beyond:>22}", flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5, help="runs of each, in turn")
    parser.add_argument("--without-peers", action="store_true", help="do not install and run the peers")
    given = parser.parse_args()
    throughput(given.pairs, not given.without_peers)
    faults()


if __name__ == "__main__":
    main()
