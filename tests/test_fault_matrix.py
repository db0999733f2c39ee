"""The fault matrix: whatever a service does, what becomes of the request, of the others, and of the money is as stated.

Each case goes through the whole pool with the real client to a real server, with sound requests beside the faulty one.
docs/faults.md shows the same table; a test holds the two together.
"""

from pathlib import Path

import pytest
from endpoint import Endpoint, Received, Reply
from fault_cases import CASES, Case, Fails, Stops
from fault_runs import ASKS, FAULTY, STEP, ask, assert_accounts, tries
from test_fault_scenes import SCENES

from pairsmith.factory.errors import StopError
from pairsmith.factory.journal import Journal

PAGE = Path(__file__).parent.parent / "docs/faults.md"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pairsmith.factory.lanes.FIRST_WAIT", 0.02)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_service_does_to_one_request_has_the_stated_outcome(case: Case, journal: Journal) -> None:
    def script(number: int, request: Received) -> Reply:
        faulty = request.prompt == FAULTY and (case.always or len(tries(server, FAULTY)) == 1)
        return case.reply() if faulty else case.others()

    with Endpoint(script) as server:
        if isinstance(case.outcome, Stops):
            with pytest.raises(StopError) as caught:
                ask(server, journal, timeout=case.timeout)
            assert case.outcome.told in str(caught.value)
            assert "\n" not in str(caught.value)
        else:
            ask(server, journal, timeout=case.timeout)
        judge(case, server, journal)
        if case.wait:
            first, second = tries(server, FAULTY)
            assert second.at - first.at >= case.wait


def judge(case: Case, server: Endpoint, journal: Journal) -> None:
    outcome, counts = case.outcome, journal.counts(STEP)
    theirs = {n: "an answer" if case.others is case.reply else f"answer to prompt {n}" for n in range(ASKS)}
    sound = {f"r{n}": text for n, text in theirs.items() if f"prompt {n}" != FAULTY}
    answers = {one.request_id: one for one in journal.answers(STEP)}
    mine = answers.pop("r3", None)
    assert_accounts(server, journal, case.free)
    assert {name: one.text for name, one in answers.items()}.items() <= sound.items()
    if isinstance(outcome, Stops):
        assert not counts["failed"] and mine is None and len(tries(server, FAULTY)) == 1
        return
    assert len(answers) == len(sound), "the others are answered"
    assert len(tries(server, FAULTY)) == outcome.tries
    if isinstance(outcome, Fails):
        assert counts["failed"] == {outcome.reason: 1} and mine is None
        assert next(journal.failures(STEP)).attempts == outcome.tries
        return
    assert mine is not None and mine.attempts == outcome.tries
    assert mine.text == (f"answer to {FAULTY}" if outcome.text is None else outcome.text)
    assert (mine.finish_reason, mine.tokens_in, mine.tokens_out) == (outcome.finish, *outcome.tokens)


def test_what_is_given_up_for_a_passing_fault_is_asked_again_by_the_next_run_and_nothing_else(journal: Journal) -> None:
    faults = {"prompt 1": Reply(500), "prompt 2": Reply(400)}
    with Endpoint(lambda number, request: faults.get(request.prompt, Reply())) as server:
        ask(server, journal)
        faults.clear()
        before = len(server.received)
        assert ask(server, journal).counts["failed"] == {"bad_request": 1}
        assert [one.prompt for one in server.received[before:]] == ["prompt 1"]


def table() -> str:
    """The table of docs/faults.md."""
    lines = [(case.name, str(case.outcome)) for case in CASES] + list(SCENES.items())
    return "\n".join(
        ["| what happens | what becomes of it |", "|---|---|", *(f"| {name} | {said} |" for name, said in lines)]
    )


def test_the_page_shows_every_case_with_its_outcome() -> None:
    names = [case.name for case in CASES] + list(SCENES)
    assert len(names) == len(set(names)) >= 25
    page = PAGE.read_text(encoding="utf-8")
    shown = "\n".join(line for line in page.splitlines() if line.startswith("|"))
    assert shown == table()


if __name__ == "__main__":
    print(table())
