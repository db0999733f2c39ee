from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.factory.chat import Answer, Ask
from pairsmith.factory.journal import Spent
from pairsmith.factory.ledger import Purse, ledger
from pairsmith.factory.spec import BudgetSpec, Price

PRICES = {"m": Price(input=1.0, output=4.0, cached=0.5), "n": Price(input=10.0, output=10.0)}


def ask(model="m", prompt="x" * 410):
    return Ask("r", model, {}, prompt, None, None, "0")


def test_cached_tokens_and_batches_are_cheaper():
    price = PRICES["m"]
    assert price.cost(1e6, 1e6) == 5.0
    assert price.cost(1e6, 1e6, tokens_cached=5e5) == 4.75
    assert price.cost(1e6, 1e6, via="batch") == 2.5
    assert PRICES["n"].cost(1e6, 0, tokens_cached=1e6) == 10.0


def test_what_was_lost_is_counted_like_the_mean_answer_of_its_model():
    spent = [
        Spent("m", "generate", "sts/en", "chat", 4, 400, 800, 0, 1, 2, 9999),
        Spent("m", "generate", "sts/de", "chat", 0, 0, 0, 0, 0, 1, 9999),
    ]
    line, other = ledger(spent, PRICES)
    assert (line.requests, line.tokens_in, line.tokens_out, line.estimated, line.lost) == (6, 600, 1200, 1, 2)
    assert line.usd == pytest.approx(600e-6 + 4 * 1200e-6)
    assert (other.requests, other.tokens_in, other.tokens_out) == (1, 100, 200)


def test_what_was_lost_while_nothing_was_answered_counts_as_the_most_that_it_can_have_taken():
    (line,) = ledger([Spent("m", "generate", "sts/en", "chat", 0, 0, 0, 0, 0, 2, 250)], PRICES)
    assert (line.tokens_in + line.tokens_out, line.lost) == (250, 2)
    purse = Purse(BudgetSpec(tokens=300), PRICES)
    lost = Ask("r", "m", {"max_tokens": 100}, "x" * 410, None, None, "0")
    purse.lose(lost)
    assert purse.tokens == 200 and purse.allows("m", Counter())
    purse.lose(lost)
    assert not purse.allows("m", Counter())
    purse.pay(lost, Answer("y", "stop", 6, 4))
    assert purse.tokens == 410
    purse.lose(lost)
    assert purse.tokens == 420

    (unpriced,) = ledger([Spent("q", "generate", "sts/en", "chat", 1, 1, 1, 0, 0, 0)], PRICES)
    assert unpriced.usd is None


def test_an_answer_without_usage_is_counted_by_its_texts():
    purse = Purse(BudgetSpec(), PRICES)
    tokens, usd = purse.pay(ask(), Answer("y" * 820, "stop"))
    assert (tokens, usd) == (300, pytest.approx(100e-6 + 4 * 200e-6))


def test_what_earlier_runs_paid_counts():
    purse = Purse(BudgetSpec(tokens=1000), PRICES, [Spent("m", "generate", "", "chat", 9, 500, 499, 0, 0, 0)])
    assert purse.tokens == 999 and purse.allows("m", Counter())
    purse.pay(ask(), Answer("y", "stop", 1, 0))
    assert not purse.allows("m", Counter())
    assert purse.says() == "1,000 of 1,000 tokens"


@given(
    st.integers(1, 5000),
    st.lists(st.tuples(st.sampled_from(["m", "n"]), st.integers(1, 200)), min_size=1, max_size=200),
    st.integers(1, 20),
)
def test_a_cap_is_never_exceeded_by_more_than_what_is_in_flight(cap, requests, slots):
    purse = Purse(BudgetSpec(tokens=cap), PRICES)
    flying: list[tuple[str, int]] = []
    for model, tokens in requests:
        if len(flying) == slots:
            name, size = flying.pop(0)
            purse.pay(ask(name), Answer("", "stop", size, 0))
        if purse.allows(model, Counter(name for name, _ in flying)):
            assert purse.tokens < cap  # whatever is over the cap in the end was in flight when it was reached
            flying.append((model, tokens))


def test_without_a_cap_everything_is_allowed_and_recorded_answers_cost_nothing():
    purse = Purse(BudgetSpec(), {})
    assert purse.pay(Ask("r", "recorded", {}, "", None, None, "r"), Answer("long text", "stop")) == (0.0, 0.0)
    assert purse.allows("m", Counter(m=10**6)) and purse.says() == ""
