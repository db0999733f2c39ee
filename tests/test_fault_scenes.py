"""Faults of a whole service or machine, each with its stated outcome: outages, hangs, clocks, full disks."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from endpoint import Endpoint, Received, Reply, completion
from fault_cases import TIMEOUT
from fault_runs import SLOTS, STEP, ask, assert_accounts

from pairsmith.factory.breaker import Breaker
from pairsmith.factory.errors import RunError, StopError
from pairsmith.factory.journal import Journal

SCENES: dict[str, str] = {}
"""What the cases say that are tests of their own: what happens, and the outcome."""


def scene(name: str, outcome: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Put a test into the table."""
    SCENES[name] = outcome
    return lambda test: test


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pairsmith.factory.lanes.FIRST_WAIT", 0.02)


@scene(
    "the clock of this machine jumps by an hour, to and fro",
    "nothing: waits and timeouts go by a clock that is never set, and no answer seems older than its question",
)
def test_a_clock_that_jumps_changes_nothing(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    real, begun = time.time, time.time()
    readings = iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: real() + (3600, -3600, 0)[next(readings) % 3])
    with Endpoint(lambda number, request: Reply(503) if number % 5 == 1 else Reply(delay=0.02)) as server:
        start = time.monotonic()
        assert ask(server, journal, 60, retries=6).counts["answered"] == 60
        took = time.monotonic() - start
    assert_accounts(server, journal)
    for one in journal.answers(STEP):
        assert 0 < one.answered_at - one.asked_at < took
        assert abs(one.answered_at - begun) < 3600 + took + 1


@scene(
    "the disk is full",
    "the run stops and says: make room; what was stored before is safe, and the next run goes on from there",
)
def test_a_full_disk_stops_the_run_and_costs_no_more_than_what_is_in_flight(journal: Journal) -> None:
    with Endpoint(lambda number, request: Reply(body=completion("x" * 50_000))) as server:
        ask(server, journal, 20)
        (pages,) = journal.select("PRAGMA page_count")[0]
        journal._db.execute(f"PRAGMA max_page_count = {pages + 100}")
        with pytest.raises(RunError, match="make room"):
            ask(server, journal, 60)
        stored = journal.counts(STEP)["answered"]
        assert 20 <= stored < 60
        assert len(server.paid) - stored <= SLOTS
        journal._db.execute("PRAGMA max_page_count = 1000000")
        assert ask(server, journal, 60).counts["answered"] == 60
        assert server.paid.total() - 60 <= SLOTS


LIMITED = """
import resource, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from pairsmith.cli import main
sys.exit(main(sys.argv[1:]))
"""


@scene(
    "a file may not grow any more (quota, `ulimit -f`)",
    "as a full disk: one line, exit code 2, and the next run goes on",
)
def test_a_file_that_may_not_grow_ends_the_command_in_one_line(tmp_path: Path) -> None:
    def command(limit: int) -> "subprocess.CompletedProcess[str]":
        line = [sys.executable, "-c", LIMITED, str(limit), "generate", str(tmp_path)]
        return subprocess.run(line, capture_output=True, text=True, timeout=120)

    with Endpoint(answers="json") as server:
        model = {"base_url": server.base_url, "model": "m", "concurrency": SLOTS}
        spec = {
            "size": 400,
            "groups": {"sts": 1},
            "languages": {"en": 1},
            "models": {"brainstorm": model, "generate": model},
        }
        (tmp_path / "factory.yml").write_text(json.dumps(spec))
        broken = command(700_000)
        line = broken.stderr.strip().splitlines()[-1]
        assert broken.returncode == 2, broken.stderr
        assert line.startswith("pairsmith: ") and "make room" in line and "Traceback" not in broken.stderr
        assert server.paid
        assert command(10**9).returncode == 0
        with Journal(tmp_path / "journal.sqlite") as journal:
            (stored,) = journal.select("SELECT count(answer) FROM asks")[0]
        assert 400 <= stored <= server.paid.total() <= stored + SLOTS


@pytest.fixture
def quick_breaker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A breaker and waits in small: a fault uses up its tries within a second, and half of it is down for good."""
    for name, seconds in {"_SECONDS": 0.2, "_FIRST_PROBE": 0.1, "_LONGEST_PROBE": 0.2}.items():
        monkeypatch.setattr(f"pairsmith.factory.breaker.{name}", seconds)
    monkeypatch.setattr("pairsmith.factory.lanes.FIRST_WAIT", 0.1)


DOWN = 2.5  # seconds; without the breaker every request would have used up its tries by then
UNHURT = "nothing is given up and no try is used: one request now and then looks whether it is back"


@scene("every request meets 503 for a while", UNHURT)
def test_a_service_that_fails_for_a_while_costs_no_request(journal: Journal, quick_breaker: None) -> None:
    def script(number: int, request: Received) -> Reply:
        since = request.at - server.received[0].at
        return Reply(503) if number >= 30 and since < DOWN else Reply(delay=0.02)

    with Endpoint(script) as server:
        counts = ask(server, journal, 150, retries=3, concurrency=8).counts
        assert counts["answered"] == 150 and not counts["failed"]
        assert server.received[-1].at - server.received[0].at >= DOWN
        down = [one.at - server.received[0].at for one in server.received]
        assert sum(1.0 < at < DOWN for at in down) < 20, "a service that is down is asked now and then only"
        assert_accounts(server, journal)


@scene("the service is restarted: no connection for a while", UNHURT)
def test_a_service_that_is_restarted_costs_no_request(journal: Journal, quick_breaker: None) -> None:
    first = Endpoint(lambda number, request: Reply(delay=0.02)).__enter__()
    close = restart_after(first, 40)
    counts = ask(first, journal, 150, retries=3, concurrency=8).counts
    second = close()
    assert counts["answered"] == 150 and not counts["failed"]
    assert set(first.paid) | set(second.paid) == {f"prompt {n}" for n in range(150)}
    assert len(set(first.paid) & set(second.paid)) <= 8, "only what was in flight is paid twice"


def restart_after(first: Endpoint, answers: int) -> Callable[[], Endpoint]:
    """Close ``first`` after so many answers and open another one at its port later; call the result to close that one."""

    def work() -> Endpoint:
        first.wait_for(lambda one: one.paid.total() >= answers)
        first.__exit__()
        time.sleep(DOWN)
        return Endpoint(lambda number, request: Reply(delay=0.02), port=first.port).__enter__()

    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)

    def close() -> Endpoint:
        second = future.result()
        second.__exit__()
        pool.shutdown()
        return second

    return close


@scene(
    "the service goes down and does not come back",
    "after 10 minutes the run stops and says for how long nothing was answered and what came instead",
)
def test_a_service_that_never_comes_back_ends_the_run_and_fails_no_request(
    journal: Journal, quick_breaker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pairsmith.factory.lanes.Breaker", partial(Breaker, patience=1.5))
    with Endpoint(lambda number, request: Reply(503) if number >= 30 else Reply(delay=0.02)) as server:
        with pytest.raises(StopError, match=r"nothing was answered for \d+ s \(.*503.*mend the service"):
            ask(server, journal, 150, retries=3, concurrency=8)
        counts = journal.counts(STEP)
        assert counts["answered"] == 30 and not counts["failed"]
        assert_accounts(server, journal)


@scene("nothing answers at the address", "the run stops and says: start the server or correct 'base_url'")
def test_a_service_that_is_not_there_ends_the_run_and_fails_no_request(journal: Journal) -> None:
    with Endpoint() as server:
        pass
    with pytest.raises(StopError, match="start the server or correct 'base_url'"):
        ask(server, journal)
    counts = journal.counts(STEP)
    assert not counts["failed"] and not counts["answered"]


@scene(
    "one request meets 429 at every try, the others none",
    "asked again, at waits of up to a minute; once nothing else is answered its tries are used up: `rate_limit`",
)
def test_a_request_that_is_always_refused_is_given_up_in_the_end(journal: Journal) -> None:
    with Endpoint(lambda number, request: Reply(429 if request.prompt == "prompt 3" else 200, delay=0.02)) as server:
        counts = ask(server, journal, 300).counts
    assert counts["failed"] == {"rate_limit": 1} and counts["answered"] == 299
    assert server.refused[429] < 30
    assert_accounts(server, journal)


@scene("all slots hang at once", "each is a timeout and is asked again; the others go on meanwhile")
def test_requests_that_all_hang_are_asked_again(journal: Journal) -> None:
    with Endpoint(lambda number, request: Reply(delay=60 if 4 <= number < 8 else 0)) as server:
        start = time.monotonic()
        assert ask(server, journal, 40, timeout=TIMEOUT).counts["answered"] == 40
        assert time.monotonic() - start < 30
    hung = [one.prompt for one in server.received[4:8]]
    assert {one.attempts for one in journal.answers(STEP)} == {1, 2}
    lost = {prompt for (prompt,) in journal.select("SELECT prompt FROM asks WHERE lost > 0")}
    assert lost == set(hung), "what the service may bill is noted"


@scene("a 401 while others are in flight", "nothing more is sent; what is in flight is waited for and kept")
def test_what_is_in_flight_when_the_run_stops_is_kept(journal: Journal) -> None:
    with Endpoint(lambda number, request: Reply(401) if number == 3 else Reply(delay=0.5)) as server:
        with pytest.raises(StopError):
            ask(server, journal)
        assert journal.counts(STEP)["answered"] == server.paid.total() == 3
        assert len(server.received) == SLOTS
