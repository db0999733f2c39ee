"""Peak memory while so many requests are asked, prompts and answers of 800 characters: it must not grow
with their number.

    python benchmarks/memory.py            # 20,000 and 200,000 requests: some minutes
    python benchmarks/memory.py 2000 20000

Each number runs in a process of its own against one endpoint process; the plan streams, as that of a run does.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pairsmith.factory.chat import Ask, open_chat
from pairsmith.factory.generate import Progress, generate
from pairsmith.factory.journal import Journal
from pairsmith.factory.lanes import Member
from pairsmith.factory.spec import ModelSpec

TESTS = Path(__file__).parent.parent / "tests"
CONCURRENCY = 50
SHOWN = 10.0  # seconds between two lines of progress


def measure(base_url: str, number: int) -> dict[str, float]:
    """Ask ``number`` requests in this process; returns its peak resident memory in MB and the seconds taken."""
    spec = ModelSpec(base_url=base_url, model="m", concurrency=CONCURRENCY)
    text = "x" * 800
    asks = (Ask(f"r{n}", "m", {"max_tokens": 99}, f"prompt {n} {text}", "v", None, "0") for n in range(number))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal.sqlite") as journal:
        members = [Member(spec, open_chat(spec, Path(folder)))]
        made = generate(asks, members, journal, "generate", {"": number}, progress=_told())
    assert made.counts["answered"] == number
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {"requests": number, "peak_mb": round(peak, 1), "seconds": round(time.monotonic() - begun, 1)}


def _told() -> Callable[[Progress], None]:
    """A line of progress on stderr now and then."""
    last = time.monotonic()

    def show(state: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= SHOWN:
            last = time.monotonic()
            print(f"{state.done:,} of {state.total:,}, {state.rate:.0f} a second", file=sys.stderr, flush=True)

    return show


def peak_of(number: int) -> dict[str, float]:
    """:func:`measure` in a process of its own, against an endpoint that is another."""
    sys.path.insert(0, str(TESTS))
    from endpoint import EndpointProcess

    with EndpointProcess(keep=False) as server:
        command = [sys.executable, __file__, "--measure", server.base_url, str(number)]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main(arguments: list[str]) -> None:
    """Print a line for each number of requests."""
    if arguments[:1] == ["--measure"]:
        print(json.dumps(measure(arguments[1], int(arguments[2]))))
        return
    for number in map(int, arguments or ["20000", "200000"]):
        print(json.dumps(peak_of(number)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
