import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import endpoint
import pytest
from endpoint import Endpoint, Reply
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.factory.chat import Answer, Ask, open_chat
from pairsmith.factory.errors import InputError, RetryError, RowError, RunError, StopError
from pairsmith.factory.generate import generate
from pairsmith.factory.journal import Journal
from pairsmith.factory.lanes import Member
from pairsmith.factory.spec import ModelSpec

HERE = Path(__file__).parent
STEP = "generate"
KEY = "sk-test-0123456789abcdef"

DRIVER = """
import sys
from pathlib import Path
from pairsmith.factory.chat import Ask, open_chat
from pairsmith.factory.generate import generate
from pairsmith.factory.journal import Journal
from pairsmith.factory.lanes import Member
from pairsmith.factory.spec import ModelSpec

url, path, number, slots = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
spec = ModelSpec(base_url=url, model="m", concurrency=slots)
asks = (Ask(f"r{i}", "m", {"max_tokens": 9}, f"prompt {i}", "v", None, "0") for i in range(number))
generate(asks, [Member(spec, open_chat(spec, path.parent))], Journal(path), "generate", {"": number})
"""


def plan(number):
    return [Ask(f"r{i}", "m", {"max_tokens": 9}, f"prompt {i}", "v", None, "0") for i in range(number)]


def spec_for(server, **options):
    return ModelSpec(base_url=server.base_url, model="m", api_key_env="PAIRSMITH_TEST_KEY", **options)


def run(server, journal, number, progress=None, **options):
    spec = spec_for(server, **options)
    members = [Member(spec, open_chat(spec, Path()))]
    return generate(iter(plan(number)), members, journal, STEP, {"": number}, progress=progress).counts


def start(server, path, number, slots):
    command = [sys.executable, "-c", DRIVER, server.base_url, str(path), str(number), str(slots)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("PAIRSMITH_TEST_KEY", KEY)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr("pairsmith.factory.lanes.FIRST_WAIT", 0.02)


def test_everything_is_asked_once_and_as_many_at_once_as_the_spec_allows(journal):
    with Endpoint(lambda number, request: Reply(delay=0.05)) as server:
        counts = run(server, journal, 100, concurrency=20)
    assert counts["asked"] == counts["answered"] == 100 and counts["tokens_out"] == 500
    assert server.most_at_once == 20
    assert set(server.paid.values()) == {1}
    texts = [(one.request_id, one.text) for one in journal.answers(STEP)]
    assert texts == [(f"r{i}", f"answer to prompt {i}") for i in range(100)]


def test_no_request_waits_for_a_connection_however_many_are_allowed_at_once(journal):
    with Endpoint(lambda number, request: Reply(delay=2.0)) as server:
        assert run(server, journal, 160, concurrency=150)["answered"] == 160
    assert server.most_at_once == 150


def test_nothing_is_asked_again(journal):
    with Endpoint() as server:
        run(server, journal, 10)
        counts = run(server, journal, 15)
    assert counts["answered"] == 15 and len(server.received) == 15


def test_one_slow_answer_holds_up_nothing_else(journal):
    slow = Reply(delay=1.0)
    with Endpoint(lambda number, request: slow if number == 0 else Reply(delay=0.01)) as server:
        run(server, journal, 60, concurrency=3)
        times = [one.at for one in server.received]
    assert times[-1] - times[0] < 1.0  # all the others were sent before the slow one was there


def test_passing_faults_pass(journal):
    def script(number, request):
        first_time = sum(one.prompt == request.prompt for one in server.received) == 1
        faults = [Reply(429), Reply(500), Reply(reset=True), Reply(200, b"<html>"), Reply(503), Reply(408), Reply()]
        return faults[int(request.prompt.split()[1]) % len(faults)] if first_time else Reply()

    with Endpoint(script) as server:
        counts = run(server, journal, 35, concurrency=5)
    assert counts["answered"] == 35 and not counts["failed"]
    assert sorted({one.attempts for one in journal.answers(STEP)}) == [1, 2]


def test_a_wait_that_a_faulty_service_asks_for_is_kept_and_leaves_the_slot_to_others(journal):
    def script(number, request):
        return Reply(503, headers={"Retry-After": "1"}) if number == 0 else Reply()

    with Endpoint(script) as server:
        run(server, journal, 6, concurrency=1)
        first = server.received[0]
        assert [one.prompt for one in server.received[1:-1]] == [f"prompt {i}" for i in range(1, 6)]
        assert server.received[-1].prompt == first.prompt
        assert server.received[-1].at - first.at >= 1.0
        assert server.received[-2].at - first.at < 0.9


def test_nothing_is_sent_before_the_wait_is_over_that_a_rate_limit_asks_for(journal):
    def script(number, request):
        return Reply(429, headers={"Retry-After": "1"}) if number == 3 else Reply()

    with Endpoint(script) as server:
        assert run(server, journal, 8, concurrency=1)["answered"] == 8
        assert server.received[4].at - server.received[3].at >= 1.0


def test_a_fault_of_one_request_costs_that_request_only_and_is_not_tried_again(journal):
    def script(number, request):
        bad = {"prompt 2": Reply(400), "prompt 4": Reply(400, endpoint.error("no", "content_filter"))}
        return bad.get(request.prompt, Reply())

    with Endpoint(script) as server:
        counts = run(server, journal, 10)
        assert counts["failed"] == {"bad_request": 1, "content_filter": 1} and counts["answered"] == 8
        run(server, journal, 10)
        assert len(server.received) == 10


def test_a_request_that_uses_up_its_tries_is_given_up_and_tried_again_by_the_next_run(journal):
    broken = True

    def script(number, request):
        return Reply(500, b"boom") if broken and request.prompt == "prompt 1" else Reply()

    with Endpoint(script) as server:
        counts = run(server, journal, 5, retries=2)
        assert counts["failed"] == {"server_error": 1} and counts["answered"] == 4
        (failure,) = journal.failures(STEP)
        assert failure.detail.startswith("gave up after a last try at the end of the run: ")
        assert failure.attempts == 4
        assert server.received[-1].prompt == "prompt 1" and len(server.received) == 8
        broken = False
        assert run(server, journal, 5, retries=2)["answered"] == 5
        assert len(server.received) == 9


def test_a_rate_limit_costs_no_request_its_tries_while_the_service_answers_others(journal):
    limiter = itertools.count()

    def script(number, request):
        return Reply(delay=0.005) if next(limiter) % 3 == 0 else Reply(429)

    with Endpoint(script) as server:
        counts = run(server, journal, 24, concurrency=8, retries=3)
    assert counts["answered"] >= 22  # the very last ones may find nothing answered beside them


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply(401, endpoint.error(f"Incorrect API key provided: {KEY}")), "PAIRSMITH_TEST_KEY"),
        (Reply(404, endpoint.error("no model m")), "'model' (now 'm')"),
        (Reply(429, endpoint.error("no credit", "insufficient_quota")), "add credit"),
        (Reply(429, headers={"Retry-After": "100000"}), "asks to wait 100000 s"),
    ],
)
def test_a_fault_that_all_would_meet_stops_the_run_and_keeps_what_is_in_flight(journal, reply, told):
    def script(number, request):
        return reply if number == 3 else Reply(delay=0.2)

    with Endpoint(script) as server:
        with pytest.raises(StopError) as caught:
            run(server, journal, 200, concurrency=4)
        assert told in str(caught.value) and KEY not in str(caught.value)
        counts = journal.counts(STEP)
        assert counts["answered"] == server.paid.total() == 3
        assert counts["pending"] == counts["asked"] - 3 > 0 and not counts["failed"]
        assert len(server.received) == 4


def test_a_service_that_is_not_there_stops_the_run_and_fails_no_request(journal):
    with Endpoint() as server:
        pass
    with pytest.raises(StopError, match="start the server"):
        run(server, journal, 30, concurrency=4, retries=1)
    assert journal.counts(STEP)["pending"] == 30


def test_progress_ends_at_the_whole_and_counts_earlier_runs(journal):
    with Endpoint(lambda number, request: Reply(400 if request.prompt == "prompt 3" else 200)) as server:
        run(server, journal, 10)
        seen = []
        run(server, journal, 30, progress=seen.append)
    assert seen[0].total == 30 and seen[0].done <= 10
    last = seen[-1]
    assert (last.done, last.total, last.failed, last.in_flight, last.waiting) == (30, 30, 1, 0, 0)
    assert last.tokens == 20 * 12 and last.rate > 0 and last.seconds_left == 0
    assert [one.done for one in seen] == sorted(one.done for one in seen)


def test_progress_that_raises_stops_the_run_but_loses_no_answer(journal):
    def progress(state):
        if state.in_flight:
            raise BrokenPipeError

    with Endpoint(lambda number, request: Reply(delay=0.3)) as server:
        with pytest.raises(BrokenPipeError):
            run(server, journal, 100, progress, concurrency=4)
        assert journal.counts(STEP)["answered"] == server.paid.total() > 0
    assert journal.counts(STEP)["pending"] > 0


def test_a_journal_that_cannot_be_written_stops_the_run(journal, tmp_path):
    with Endpoint() as server:
        journal.expect(plan(50), STEP)
        journal._db.execute("PRAGMA max_page_count = 1")
        big = endpoint.completion("x" * 200_000)
        server._script = lambda number, request: Reply(200, big)
        with pytest.raises(RunError, match="make room"):
            run(server, journal, 50, concurrency=2)
        assert len(server.received) < 50


def test_recorded_answers_are_read_again_at_each_run(journal, tmp_path):
    spec = ModelSpec(provider="recorded", answers="answers.jsonl")
    asks = [Ask(name, "recorded", {}, "", None, None, name) for name in "abc"]

    def with_answers(lines):
        (tmp_path / "answers.jsonl").write_text(lines)
        return generate(asks, [Member(spec, open_chat(spec, tmp_path))], journal, STEP, {"": 3}).counts

    counts = with_answers('{"id": "a", "completion": "1"}\n{"id": "b", "completion": "2"}\n')
    assert (counts["answered"], counts["failed"]) == (2, {"not_recorded": 1})
    counts = with_answers('{"id": "a", "completion": "1"}\n{"id": "c", "completion": "new"}\n')
    assert (counts["answered"], counts["failed"]) == (2, {"not_recorded": 1})
    assert [(one.request_id, one.text) for one in journal.answers(STEP)] == [("a", "1"), ("c", "new")]


def test_the_key_is_in_no_file_of_the_run(tmp_path):
    def script(number, request):
        return [Reply(), Reply(400, f"you sent {KEY}".encode()), Reply(500, KEY.encode())][number % 3]

    with Endpoint(script) as server, Journal(tmp_path / "journal.sqlite") as journal:
        run(server, journal, 12, retries=1)
        for file in tmp_path.iterdir():
            assert KEY.encode() not in file.read_bytes()


class Moody:
    """A model with a script of moods for each prompt: RetryError, RowError, or an answer."""

    def __init__(self, moods):
        self.moods = {prompt: iter(one) for prompt, one in moods.items()}
        self.paid = []

    async def answer(self, ask):
        mood = next(self.moods[ask.prompt], "answer")
        if mood == "retry":
            raise RetryError("later", "server_error", 0.0)
        if mood == "limit":
            raise RetryError("slower", "rate_limit", 0.0)
        if mood == "row":
            raise RowError("never", "bad_request")
        if mood == "stop":
            raise StopError("closed")
        self.paid.append(ask.key)
        return Answer("text", "stop")


@given(
    st.lists(st.lists(st.sampled_from(["retry", "limit", "row", "stop", "answer"]), max_size=4), max_size=12),
    st.integers(1, 4),
)
@settings(max_examples=30, deadline=None)
def test_whatever_the_service_does_every_ask_is_accounted_for_and_none_is_paid_twice(moods, slots):
    asks = plan(len(moods))
    chat = Moody({ask.prompt: one for ask, one in zip(asks, moods, strict=True)})
    spec = ModelSpec(model="m", concurrency=slots, retries=2)
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal.sqlite") as journal:
        for _ in range(60):
            try:
                counts = generate(asks, [Member(spec, chat)], journal, STEP, {"": len(asks)}).counts
            except StopError:
                counts = journal.counts(STEP)
            failed = sum(counts["failed"].values())
            assert counts["asked"] == len(asks) == counts["answered"] + failed + counts["pending"]
            if (
                counts["pending"] == 0
                and "server_error" not in counts["failed"]
                and "rate_limit" not in counts["failed"]
            ):
                break
        assert counts["pending"] == 0
        assert len(chat.paid) == len(set(chat.paid)) == counts["answered"]
        assert {entry.key for entry in journal.answers(STEP)} == set(chat.paid)


def interrupt_soon(server, requests, times=1):
    """Send SIGINT to this process once the endpoint has had so many requests, and again half a second later."""

    def work():
        server.wait_for(lambda one: len(one.received) >= requests)
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.5)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_the_first_interrupt_sends_nothing_more_and_stores_what_is_in_flight(journal):
    with Endpoint(lambda number, request: Reply(delay=0.2)) as server:
        thread = interrupt_soon(server, 8)
        with pytest.raises(KeyboardInterrupt):
            run(server, journal, 200, concurrency=4)
        thread.join()
        counts = journal.counts(STEP)
        assert 8 <= counts["answered"] == server.paid.total() == len(server.received) < 150
        assert run(server, journal, 20, concurrency=4)["answered"] == 20
        assert set(server.paid.values()) == {1}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_interrupt_leaves_at_once(journal):
    with Endpoint(lambda number, request: Reply(delay=0.01 if number < 4 else 20)) as server:
        thread = interrupt_soon(server, 8, times=2)
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            run(server, journal, 50, concurrency=4)
        assert time.monotonic() - start < 10
        thread.join()
    assert journal.counts(STEP)["answered"] == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_is_asked_to_end_loses_nothing_that_is_paid(tmp_path, number):
    path = tmp_path / "journal.sqlite"
    with Endpoint(lambda number, request: Reply(delay=0.1)) as server:
        process = start(server, path, 500, 8)
        server.wait_for(lambda one: one.paid.total() >= 20)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
        assert process.returncode != 0 and "KeyboardInterrupt" in errors
        with Journal(path) as journal:
            assert journal.counts(STEP)["answered"] == server.paid.total() == len(server.received) < 100


def kill_and_finish(folder, number, slots, kills):
    """Kill a run -9 at each number of payments of ``kills``, let it finish; the endpoint and the counts."""
    path = folder / "journal.sqlite"
    with Endpoint(lambda number, request: Reply(delay=0.03)) as server:
        for kill in kills:
            process = start(server, path, number, slots)
            server.wait_for(lambda one, kill=kill: one.paid.total() >= kill)
            process.kill()
            process.communicate()
            with Journal(path) as journal:
                stored = {entry.request_id: entry.text for entry in journal.answers(STEP)}
            assert server.paid.total() - len(server.paid) <= (slots + slots // 8) * len(kills)
            asked_before = len(server.received)
            assert len(server.paid) - len(stored) <= slots + slots // 8
            answered = {f"prompt {name[1:]}" for name in stored}
        with Journal(path) as journal:
            counts = run(server, journal, number, concurrency=slots)
            assert {entry.request_id for entry in journal.answers(STEP)} >= set(stored)
        again = {one.prompt for one in server.received[asked_before:]}
        assert not again & answered
        return server, counts


def test_a_killed_run_goes_on_where_it_was_and_asks_nothing_answered_again(tmp_path):
    server, counts = kill_and_finish(tmp_path, 300, 8, [100])
    assert counts["answered"] == 300
    assert server.paid.total() - 300 <= 9  # only what was in flight or being written is paid twice


@pytest.mark.slow
def test_many_kills_lose_nothing_that_was_stored(tmp_path):
    server, counts = kill_and_finish(tmp_path, 900, 16, [80 * number for number in range(1, 11)])
    assert counts["answered"] == 900
    assert server.paid.total() - 900 <= 18 * 10


def test_a_plan_that_fails_while_it_streams_loses_nothing_that_is_in_flight(journal):
    def broken():
        yield from plan(100)
        raise InputError("line 101: nothing of the kind")

    with Endpoint(lambda number, request: Reply(delay=0.3)) as server:
        members = [Member(spec_for(server, concurrency=40), open_chat(spec_for(server), Path()))]
        with pytest.raises(InputError, match="line 101"):
            generate(broken(), members, journal, STEP, {"": 200})
        assert journal.counts(STEP)["answered"] == server.paid.total() == len(server.received) > 0


def test_a_dead_endpoint_beside_a_good_one_costs_no_request(journal):
    with Endpoint() as gone:
        pass
    with Endpoint(lambda number, request: Reply(delay=0.02)) as server:
        members = [Member(one, open_chat(one, Path())) for one in (spec_for(gone, concurrency=4), spec_for(server))]
        counts = generate(iter(plan(200)), members, journal, STEP, {"": 200}).counts
    assert counts["answered"] == 200 and set(server.paid.values()) == {1}
    assert sum(entry.attempts for entry in journal.answers(STEP)) < 300


def test_stragglers_lend_their_slots_also_when_they_hold_them_all(journal):
    def script(number, request):
        return Reply(delay=5.0 if 30 <= number < 34 else 0.02)

    with Endpoint(script) as server:
        run(server, journal, 120, concurrency=4)
        late = server.received[33].at
        assert sum(one.at - late < 2.5 for one in server.received[34:]) > 20


def test_tries_that_were_lost_are_in_the_ledger_also_when_the_run_is_left_in_a_hurry(journal):
    with Endpoint(lambda number, request: Reply(delay=30)) as server:
        thread = interrupt_soon(server, 4, times=2)
        with pytest.raises(KeyboardInterrupt):
            run(server, journal, 50, concurrency=4)
        thread.join()
    (line,) = journal.spent()
    assert (line.answers, line.lost) == (0, 4) and line.most_lost > 0
