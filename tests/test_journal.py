import sqlite3
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from outcomes import give_up, store

from pairsmith.factory.chat import Answer, Ask
from pairsmith.factory.errors import InputError, RunError
from pairsmith.factory.journal import Journal, Known, Outcome, Planned, Spent
from pairsmith.factory.journal_format import _SCHEMA, FORMAT_VERSION

STEP = "generate"


def ask(number, prompt=None, model="m", version="v1", schema=None, identity=None):
    return Ask(
        identity or f"r{number}", model, {"temperature": 1.0}, prompt or f"prompt {number}", version, schema, "0"
    )


def test_every_commit_is_on_disk_in_a_new_file_and_in_one_opened_again(tmp_path):
    for _ in range(2):
        with Journal(tmp_path / "journal.sqlite") as journal:
            assert journal.select("PRAGMA synchronous") == [(2,)]  # FULL: the log is synced at each commit
            assert journal.select("PRAGMA journal_mode") == [("wal",)]


def test_what_is_expected_is_pending_in_order_and_as_it_was(journal):
    asks = [ask(3, schema={"b": 1, "a": [2.0]}), ask(1), ask(2, prompt="ʻ\x00\u2028 \"'")]
    journal.expect(iter(asks), STEP)
    assert list(journal.pending(STEP)) == asks
    assert [one.key for one in journal.pending(STEP)] == [one.key for one in asks]
    assert journal.counts(STEP)["pending"] == 3 and journal.counts("brainstorm")["asked"] == 0


def test_an_answer_survives_closing_and_comes_in_plan_order(tmp_path):
    path = tmp_path / "journal.sqlite"
    asks = [ask(number) for number in range(3)]
    with Journal(path) as journal:
        journal.expect(asks, STEP)
        store(journal, asks[2].key, Answer("second", "length", 7, 5, 1), attempts=2)
        store(journal, asks[0].key, Answer("first", "stop"))
        give_up(journal, asks[1].key, "content_filter", "the service said no")
    with Journal(path) as journal:
        first, second = journal.answers(STEP)
        assert (first.request_id, first.text, first.tokens_in) == ("r0", "first", None)
        assert (second.key, second.text, second.finish_reason, second.model) == (asks[2].key, "second", "length", "m")
        assert (second.prompt_version, second.attempts, second.tokens_cached) == ("v1", 2, 1)
        assert second.asked_at <= second.answered_at
        (failure,) = journal.failures(STEP)
        assert (failure.request_id, failure.reason, failure.detail) == ("r1", "content_filter", "the service said no")
        counts = {"asked": 3, "answered": 2, "failed": {"content_filter": 1}, "pending": 0}
        assert journal.counts(STEP) == {**counts, "in_batch": 0, "tokens_in": 7, "tokens_out": 5}


def test_a_paid_answer_is_never_overwritten(journal):
    journal.expect([ask(1)], STEP)
    store(journal, ask(1).key, Answer("paid", "stop"))
    store(journal, ask(1).key, Answer("again", "stop"))
    give_up(journal, ask(1).key, "timeout", "too late")
    assert [one.text for one in journal.answers(STEP)] == ["paid"]


def test_a_recorded_answer_follows_its_file(journal):
    one = ask(1, model="recorded")
    journal.expect([one], STEP)
    for answer in (Answer("old", "stop"), Answer("new", "stop"), Answer("new", "length")):
        store(journal, one.key, answer)
        assert [(entry.text, entry.finish_reason) for entry in journal.answers(STEP)] == [
            (answer.text, answer.finish_reason)
        ]
    give_up(journal, one.key, "not_recorded", "gone")
    assert journal.counts(STEP)["failed"] == {"not_recorded": 1} and not list(journal.answers(STEP))
    store(journal, one.key, Answer("back", "stop"))
    assert journal.counts(STEP)["answered"] == 1


def test_an_answer_outlives_a_plan_without_it(journal):
    journal.expect([ask(1), ask(2)], STEP)
    store(journal, ask(1).key, Answer("paid", "stop"))
    journal.expect([ask(2), ask(3)], STEP)
    assert journal.counts(STEP)["asked"] == 2 and not list(journal.answers(STEP))
    journal.expect([ask(3), ask(1)], STEP)
    assert [one.text for one in journal.answers(STEP)] == ["paid"]
    assert list(journal.pending(STEP)) == [ask(3)]


def test_names_and_versions_outside_the_key_follow_the_plan(journal):
    journal.expect([ask(1), ask(2)], STEP)
    store(journal, ask(1).key, Answer("paid", "stop"))
    renamed = [ask(number, version="v2", identity=f"n{number}", schema={"x": 1}) for number in (1, 2)]
    journal.expect(renamed, STEP)
    (entry,) = journal.answers(STEP)
    assert (entry.request_id, entry.prompt_version) == ("n1", "v1")  # the version that it was asked with
    assert list(journal.pending(STEP)) == [renamed[1]]


def test_the_same_key_counts_once(journal):
    journal.expect([ask(1), ask(2), ask(1)], STEP)
    assert [one.id for one in journal.pending(STEP)] == ["r1", "r2"]


def test_steps_have_plans_of_their_own(journal):
    journal.expect([ask(1)], "brainstorm")
    journal.expect([ask(2)], STEP)
    assert [one.id for one in journal.pending("brainstorm")] == ["r1"]
    assert [one.id for one in journal.pending(STEP)] == ["r2"]


def test_only_asks_given_up_for_the_named_reasons_are_opened_again(journal):
    asks = [ask(number) for number in range(3)]
    journal.expect(asks, STEP)
    for one, reason in zip(asks, ("timeout", "content_filter", "server_error"), strict=True):
        give_up(journal, one.key, reason, "why")
    assert journal.reopen(STEP, {"timeout", "server_error"}) == 2
    assert [one.id for one in journal.pending(STEP)] == ["r0", "r2"]
    assert journal.counts(STEP)["failed"] == {"content_filter": 1}


def test_an_unknown_key_is_an_error_and_nothing_of_its_batch_is_kept(journal):
    journal.expect([ask(1)], STEP)
    with pytest.raises(KeyError):
        journal.record([Outcome(key, Answer("x", "stop"), None, None, 1, 0, 0) for key in (ask(1).key, "unknown")])
    assert journal.counts(STEP)["pending"] == 1


def test_a_plan_that_breaks_off_harms_no_later_one(journal):
    journal.expect([ask(1)], STEP)

    def broken():
        yield ask(2)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        journal.expect(broken(), STEP)
    journal.expect([ask(1)], STEP)
    assert [one.id for one in journal.pending(STEP)] == ["r1"]


def test_a_plan_that_is_gone_over_again_stays_whole_meanwhile(journal):
    start = journal.begin_plan(STEP, "one")
    journal.record((), [Planned(ask(number), STEP, start + number) for number in range(3)])
    journal.end_plan(STEP, start)
    store(journal, ask(2).key, Answer("paid", "stop"))
    assert journal.begin_plan(STEP, "one") == start
    journal.record((), [Planned(ask(0), STEP, start)])
    assert (journal.counts(STEP)["asked"], journal.counts(STEP)["answered"]) == (3, 1)


def test_another_plan_takes_the_place_of_the_former_one_at_once_and_answers_stay(journal):
    journal.expect([ask(1), ask(2), ask(3)], STEP)
    store(journal, ask(3).key, Answer("paid", "stop"))
    start = journal.begin_plan(STEP, "other")
    assert journal.counts(STEP)["asked"] == 0 and not list(journal.answers(STEP))
    journal.record((), [Planned(ask(4), STEP, start), Planned(ask(3), STEP, start + 1)])
    assert [one.id for one in journal.pending(STEP)] == ["r4"]
    assert [one.text for one in journal.answers(STEP)] == ["paid"]
    journal.end_plan(STEP, start)
    assert journal.counts(STEP)["asked"] == 2


def test_what_is_known_of_an_ask_is_what_is_on_disk(journal):
    journal.expect([ask(1), ask(2), ask(3)], STEP)
    store(journal, ask(1).key, Answer("paid", "stop"))
    give_up(journal, ask(2).key, "content_filter", "no")
    found = journal.known([ask(number).key for number in range(1, 5)])
    assert found == {
        ask(1).key: Known(True, None, None),
        ask(2).key: Known(False, "content_filter", None),
        ask(3).key: Known(False, None, None),
    }


def test_an_ask_and_its_answer_may_be_kept_in_one_commit(journal):
    start = journal.begin_plan(STEP)
    outcome = Outcome(ask(1).key, Answer("paid", "stop", 3, 4), None, None, 1, 0.0, 1.0, lost=2)
    journal.record([outcome], [Planned(ask(1), STEP, start)])
    assert journal.counts(STEP)["answered"] == 1
    assert [(one.answers, one.tokens_in, one.lost) for one in journal.spent()] == [(1, 3, 2)]


def test_tries_that_were_lost_are_kept_without_an_outcome(journal):
    capped = Ask("r1", "m", {"max_tokens": 100}, "x" * 410, None, None, "0")
    journal.expect([capped, ask(2)], STEP)
    journal.lose({capped.key: 3})
    (line,) = journal.spent()
    assert (line.answers, line.lost, line.most_lost) == (0, 3, 3 * 200)
    assert journal.counts(STEP)["pending"] == 2


def test_everything_ever_paid_is_in_the_ledger_planned_or_not(journal):
    def sliced(number, part, model="m"):
        return Ask(f"r{number}", model, {}, f"prompt {number}", None, None, "0", part)

    asks = [sliced(1, "sts/en"), sliced(2, "sts/en"), sliced(3, "sts/de"), sliced(4, "sts/de", "recorded")]
    journal.expect(asks, STEP)
    for one in asks:
        store(journal, one.key, Answer("text", "stop", 10, 5, 2))
    journal.expect([asks[0]], STEP)
    assert journal.spent() == [
        Spent("m", STEP, "sts/de", "chat", 1, 10, 5, 2, 0, 0),
        Spent("m", STEP, "sts/en", "chat", 2, 20, 10, 4, 0, 0),
    ]


def test_the_asks_that_repair_an_answer_are_found_from_it(journal):
    first = ask(1)
    second = Ask("r1", "m", {}, "mend it", None, None, "0", parent=first.key)
    third = Ask("r1", "m", {}, "mend it again", None, None, "0", parent=second.key)
    journal.expect([first], STEP)
    journal.expect([second, third], "repair")
    for one in (first, second, third):
        store(journal, one.key, Answer(one.prompt, "stop"))
    assert [one.text for one in journal.revisions(first.key)] == ["mend it", "mend it again"]
    assert journal.revisions(third.key) == [] and journal.ask(third.key) == third
    assert list(journal.planned("repair")) == [second, third]


def test_a_journal_of_format_1_is_taken_over_with_its_answers(tmp_path):
    path = tmp_path / "journal.sqlite"
    db = sqlite3.connect(path)
    db.executescript(_SCHEMA + "CREATE INDEX outcome ON asks (id, answered_at, reason, tokens_in, tokens_out);")
    db.execute(
        "INSERT INTO asks (key, request_id, step, model, draw, params, prompt, answer, finish_reason, answered_at, asked_at)"
        " VALUES (?, 'r1', 'generate', 'm', '0', '{\"temperature\":1.0}', 'prompt 1', 'paid', 'stop', 1.0, 0.5)",
        (ask(1).key,),
    )
    db.execute("INSERT INTO plan VALUES ('generate', 0, 1)")
    db.execute(f"PRAGMA application_id = {0x50534A4C}")
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.close()
    with Journal(path) as journal:
        assert [one.text for one in journal.answers(STEP)] == ["paid"]
        journal.expect([ask(1), ask(2)], STEP)
        assert [one.id for one in journal.pending(STEP)] == ["r2"]
    with Journal(path) as journal:
        assert journal.counts(STEP)["answered"] == 1


def test_a_prompt_with_half_a_character_is_named(journal):
    with pytest.raises(InputError, match="'r1'"):
        journal.expect([ask(1, prompt="\ud83d")], STEP)


@given(st.text(st.characters(exclude_categories=())))
@settings(max_examples=40, deadline=None)
def test_any_text_is_kept(tmp_path_factory, text):
    with Journal(tmp_path_factory.mktemp("j") / "journal.sqlite") as journal:
        journal.expect([ask(1)], STEP)
        store(journal, ask(1).key, Answer(text, "stop"))
        (entry,) = journal.answers(STEP)
        assert entry.text == "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


def test_pages_hide_nothing_while_answers_are_written(journal):
    asks = [ask(number) for number in range(1100)]
    journal.expect(asks, STEP)
    seen = []
    for one in journal.pending(STEP):
        seen.append(one)
        store(journal, one.key, Answer("x", "stop"))
    assert seen == asks and journal.counts(STEP)["pending"] == 0


def test_the_state_changes_with_the_plan_its_answers_and_its_failures_only(tmp_path):
    asks = [ask(1, model="recorded"), ask(2), ask(3)]
    with Journal(tmp_path / "journal.sqlite") as journal:
        states = [journal.state(STEP)]

        def changes():
            states.append(journal.state(STEP))
            return states[-1] != states[-2]

        journal.expect(asks, STEP)
        assert changes()
        store(journal, asks[0].key, Answer("a", "stop"))
        assert changes()
        store(journal, asks[0].key, Answer("a", "stop"))
        journal.expect(asks, STEP)
        assert not changes()
        give_up(journal, asks[2].key, "timeout", "")
        assert changes()
        store(journal, asks[0].key, Answer("b", "stop"))
        assert changes()
        store(journal, asks[1].key, Answer("c", "stop"))
        assert changes()
        journal.expect(asks[::-1], STEP)
        assert changes()
        journal.expect(asks[:1], STEP)
        assert changes()
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert not changes()


def test_a_newer_format_is_refused_in_one_line_and_left_alone(tmp_path):
    path = tmp_path / "journal.sqlite"
    Journal(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {FORMAT_VERSION + 1}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(RunError, match=rf"journal\.sqlite: journal of format {FORMAT_VERSION + 1}") as caught:
        Journal(path)
    assert "\n" not in str(caught.value) and path.read_bytes() == before


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be seen as such", None])
def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "journal.sqlite"
    if content is None:
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE other (x)")
        db.close()
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(RunError, match=r"journal\.sqlite"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_missing_folder_is_one_line(tmp_path):
    with pytest.raises(RunError, match="nowhere"):
        Journal(tmp_path / "nowhere/journal.sqlite")


def test_a_full_disk_is_one_line_and_loses_nothing_stored(journal):
    asks = [ask(number) for number in range(40)]
    journal.expect(asks, STEP)
    store(journal, asks[0].key, Answer("paid", "stop"))
    journal._db.execute("PRAGMA max_page_count = 1")  # the file may not grow: what a full disk does
    with pytest.raises(RunError, match="make room"):
        store(journal, asks[1].key, Answer("x" * 100_000, "stop"))
    assert [one.text for one in journal.answers(STEP)] == ["paid"]
    journal._db.execute("PRAGMA max_page_count = 1000000")
    store(journal, asks[1].key, Answer("x" * 100_000, "stop"))
    assert journal.counts(STEP)["answered"] == 2


def test_threads_and_a_second_reader_share_a_journal(tmp_path):
    path = tmp_path / "journal.sqlite"
    asks = [ask(number) for number in range(60)]
    with Journal(path) as journal, Journal(path) as reader:
        journal.expect(asks, STEP)

        def work(part):
            for one in part:
                store(journal, one.key, Answer("x", "stop"))

        threads = [threading.Thread(target=work, args=(asks[start : start + 20],)) for start in (0, 20, 40)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            counts = reader.counts(STEP)
            assert counts["answered"] + counts["pending"] == 60
        for thread in threads:
            thread.join()
        assert reader.counts(STEP)["answered"] == 60


class JournalMachine(RuleBasedStateMachine):
    """Random plans, answers, failures and reopenings, against a dictionary that does the same."""

    @initialize(folder=st.uuids())
    def start(self, folder):
        self.journal = Journal(self.root.mktemp(str(folder)) / "journal.sqlite")
        self.plan: list[Ask] = []
        self.known: set[str] = set()
        self.answered: dict[str, str] = {}
        self.failed: dict[str, str] = {}

    @rule(numbers=st.lists(st.integers(0, 8), max_size=9))
    def expect(self, numbers):
        self.journal.expect((ask(number) for number in numbers), STEP)
        self.plan = [ask(number) for number in dict.fromkeys(numbers)]
        self.known |= {one.key for one in self.plan}

    @rule(number=st.integers(0, 8), text=st.text(max_size=3))
    def store(self, number, text):
        key = ask(number).key
        if key in self.known:
            store(self.journal, key, Answer(text, "stop"))
            self.answered.setdefault(key, text)
            self.failed.pop(key, None)

    @rule(number=st.integers(0, 8), reason=st.sampled_from(["timeout", "bad_request"]))
    def give_up(self, number, reason):
        key = ask(number).key
        if key in self.known:
            give_up(self.journal, key, reason, "")
            if key not in self.answered:
                self.failed[key] = reason

    @rule()
    def reopen(self):
        self.journal.reopen(STEP, {"timeout"})
        planned = {one.key for one in self.plan}
        self.failed = {k: r for k, r in self.failed.items() if r != "timeout" or k not in planned}

    @rule()
    def close_and_open(self):
        self.journal.close()
        self.journal = Journal(self.journal._path)

    @invariant()
    def every_ask_is_answered_failed_or_pending(self):
        counts = self.journal.counts(STEP)
        assert counts["asked"] == counts["answered"] + sum(counts["failed"].values()) + counts["pending"]
        assert counts["asked"] == len(self.plan)

    @invariant()
    def the_journal_says_what_happened(self):
        planned = [one.key for one in self.plan]
        done = {entry.key: entry.text for entry in self.journal.answers(STEP)}
        assert list(done.items()) == [(key, self.answered[key]) for key in planned if key in self.answered]
        lost = [(failure.key, failure.reason) for failure in self.journal.failures(STEP)]
        assert lost == [(key, self.failed[key]) for key in planned if key in self.failed]
        waiting = [one.key for one in self.journal.pending(STEP)]
        assert waiting == [key for key in planned if key not in self.answered and key not in self.failed]

    def teardown(self):
        if hasattr(self, "journal"):
            self.journal.close()


def test_asked_is_answered_and_failed_and_pending_whatever_happens(tmp_path_factory):
    JournalMachine.root = tmp_path_factory
    several = settings(max_examples=60, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(JournalMachine, settings=several)
