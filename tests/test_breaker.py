"""The breaker: opens on a service that is down as a whole, never on one that answers, and says what is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.factory.breaker import Breaker

DOWN = "503 Service Unavailable: overloaded"


def failed(breaker: Breaker, times: int, start: float, every: float = 0.5, message: str = DOWN, **how: bool) -> float:
    """``times`` failures in a row; when the last one landed."""
    for i in range(times):
        breaker.sent(start + i * every)
        breaker.landed(start + i * every, False, message, **how)
    return start + (times - 1) * every


def test_it_opens_after_a_row_of_failures_and_the_first_answer_closes_it() -> None:
    breaker = Breaker()
    breaker.landed(0.0, True)
    now = failed(breaker, 19, 1.0)
    assert not breaker.is_open
    assert breaker.says() is None
    now = failed(breaker, 1, now + 0.5)
    assert breaker.is_open
    assert breaker.wait(now) == pytest.approx(1.0)
    breaker.landed(now + 1.5, True)
    assert not breaker.is_open
    assert breaker.wait(now + 1.5) == 0.0


def test_a_burst_of_resets_does_not_open_it() -> None:
    breaker = Breaker()
    breaker.landed(0.0, True)
    failed(breaker, 50, 0.1, every=0.01, message="connection reset")
    assert not breaker.is_open


def test_a_service_that_never_answered_gets_less_credit() -> None:
    breaker = Breaker()
    failed(breaker, 5, 0.0, every=1.0)
    assert breaker.is_open


def test_probes_come_at_growing_intervals_up_to_half_a_minute() -> None:
    breaker = Breaker()
    now = failed(breaker, 5, 0.0, every=1.0)
    waits = []
    for _ in range(8):
        waits.append(breaker.wait(now))
        now += waits[-1]
        breaker.sent(now)
        assert breaker.wait(now) > 0  # one probe alone
        breaker.landed(now, False, DOWN)
    assert waits == pytest.approx([1, 2, 4, 8, 16, 30, 30, 30])


def test_a_service_that_refuses_is_up_unless_it_answers_nothing_for_long() -> None:
    breaker = Breaker()
    breaker.landed(0.0, True)
    failed(breaker, 200, 0.0, every=0.5, message="429", limited=True)
    assert not breaker.is_open
    failed(breaker, 30, 121.0, every=1.0, message="429", limited=True)
    assert breaker.is_open


def test_it_gives_up_when_patience_is_over_and_says_what_is_wrong() -> None:
    breaker = Breaker(patience=600)
    breaker.landed(0.0, True)
    now = failed(breaker, 20, 10.0)
    breaker.landed(now, False, "no answer within 120 s")
    assert breaker.given_up is None
    assert breaker.says() == "service down for 20 s: no answer within 120 s; next try in 1 s"
    breaker.wait(now + 599)
    assert breaker.given_up is None
    breaker.landed(now + 600.5, False, "connection reset")
    assert breaker.given_up == (
        "nothing was answered for 620 s (20 times '503 Service Unavailable: overloaded', "
        "1 times 'no answer within 120 s', 1 others, last 'connection reset')"
    )
    assert breaker.says() == "service down for 620 s: connection reset; next try now"


def test_messages_that_all_differ_take_no_more_memory() -> None:
    breaker = Breaker(patience=0)
    for i in range(5000):
        breaker.landed(i * 0.01, False, f"500: request {i} failed " + "x" * 1000)
    assert breaker.given_up is not None
    assert len(breaker.given_up) < 1000
    assert len(breaker._kinds) <= 51


@given(
    st.lists(st.tuples(st.floats(0, 20), st.booleans(), st.booleans(), st.booleans(), st.text(max_size=5)), max_size=80)
)
def test_an_answer_always_closes_it_and_a_wait_is_never_longer_than_half_a_minute(
    steps: list[tuple[float, bool, bool, bool, str]],
) -> None:
    breaker, now = Breaker(), 1000.0
    for passed, send, ok, limited, message in steps:
        now += passed
        if send:
            breaker.sent(now)
        else:
            breaker.landed(now, ok, message, limited)
            assert not (ok and breaker.is_open)
        assert 0 <= breaker.wait(now) <= 30
        assert breaker.is_open or breaker.wait(now) == 0
        assert (breaker.says() is None) == (not breaker.is_open)
        assert breaker.is_open or breaker.given_up is None
