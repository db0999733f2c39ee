import random
import tracemalloc
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.factory.errors import RunError
from pairsmith.factory.fates import Fates
from pairsmith.factory.plan import draw_requests, expected_tasks
from pairsmith.factory.records import Request
from pairsmith.factory.rounds import Again, Seats, Surplus, read_rounds, with_replacements, write_rounds
from pairsmith.factory.spec import Spec

SPEC = Spec(size=120, groups={"sts": 2, "short_short": 1, "bitext": 1}, languages={"en": 3, "de": 1, "sw": 1}, seed=3)


def drawn(spec=SPEC):
    return list(draw_requests(spec, expected_tasks(spec)))


def play(plan, chances, cap, seed=0, rounds=40):
    """Ask and judge by chance until no round is left; the whole plan, its fate, and the rounds."""
    dice = random.Random(seed)
    fate: dict[str, bool] = {}
    again: list[Again] = []
    seats = plan
    for number in range(2, rounds):
        for request in plan:
            fate.setdefault(request.id, dice.random() < chances.get(request.slice, 0.7))
        found = Seats(plan, fate.get).next_round(number, cap)
        if not found.again:
            break
        again += found.again
        plan = list(with_replacements(SPEC, seats, again))
    return plan, fate, again


def surplus(plan, accepted):
    """Ids of accepted requests beyond what their slice wants."""
    found = Surplus(Counter(one.slice for one in plan if one.parent is None))
    good = [one for one in plan if one.id in accepted]
    return {one.id for one, beyond in zip(good, found.beyond(one.slice for one in good), strict=True) if beyond}


@given(st.dictionaries(st.text(), st.booleans()), st.text())
def test_fates_are_told_as_they_are_known(known, other):
    fates = Fates(known.items())
    assert {name: fates.get(name) for name in known} == known
    assert fates.get(other) == known.get(other)


def test_a_request_of_which_one_row_was_not_accepted_was_not():
    assert Fates([("a", True), ("a", False), ("b", True)]).get("a") is False


def test_what_is_kept_of_a_plan_is_some_bytes_a_request():
    def plan(size):
        return (Request(id=f"{n:016x}", group="sts", language="en") for n in range(size))

    def kept(size):
        tracemalloc.start()
        fates = Fates((f"{n:016x}", n % 2 == 0) for n in range(size))
        seats = Seats(plan(size), fates.get)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(seats.next_round(2, 2.0).again) >= size // 2
        return found

    assert (kept(6_000) - kept(2_000)) / 4_000 < 50  # a set of their ids alone takes more than 100


@given(st.dictionaries(st.sampled_from(["sts/en", "sts/sw", "bitext/en-de", "short_short/de"]), st.floats(0, 1)),
       st.sampled_from([1.0, 1.5, 3.0, 10.0]), st.integers(0, 99))  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_every_slice_ends_with_what_it_wants_or_at_its_cap(chances, cap, seed):
    seats = drawn()
    plan, fate, _ = play(seats, chances, cap, seed)
    wanted, asked = Counter(one.slice for one in seats), Counter(one.slice for one in plan)
    accepted = Counter(one.slice for one in plan if fate[one.id])
    beyond = surplus(plan, {name for name, good in fate.items() if good})
    kept = Counter(one.slice for one in plan if fate[one.id] and one.id not in beyond)
    for name in wanted:
        assert kept[name] == min(wanted[name], accepted[name])
        assert asked[name] <= max(int(cap * wanted[name]), wanted[name] + (cap > 1))
        assert kept[name] == wanted[name] or asked[name] == max(int(cap * wanted[name]), wanted[name] + (cap > 1))


def test_few_rounds_bring_what_is_missing_and_little_is_left_over():
    seats = drawn(Spec(**{**SPEC.model_dump(), "size": 3000}))
    plan, fate, again = play(seats, {"sts/sw": 0.2}, 10.0)
    assert again[-1].round <= 12
    assert len(surplus(plan, {name for name, good in fate.items() if good})) < 0.02 * len(seats)


def test_a_slice_of_low_acceptance_is_asked_for_more_at_once_and_named():
    requests = [Request(id=f"{code}{n}", group="sts", language=code) for code in ("en", "sw") for n in range(100)]
    fate = {one.id: int(one.id[2:]) % 10 < (6 if one.language == "en" else 1) for one in requests}
    found = Seats(requests, Fates(fate.items()).get).next_round(2, 100.0)
    count = Counter(one.seat[:2] for one in found.again)
    assert count["en"] == pytest.approx(40 / 0.6, abs=8) and count["sw"] > 600
    assert list(found.low) == ["sts/sw"]
    share, each = found.low["sts/sw"]
    assert share == 0.1 and each > 6


def test_only_empty_seats_are_asked_again_each_time_under_a_new_number():
    seats = drawn()
    _, fate, again = play(seats, {}, 5.0)
    assert not {one.seat for one in again if one.round == 2} & {one.id for one in seats if fate[one.id]}
    assert len({(one.seat, one.attempt) for one in again}) == len(again)


def test_what_takes_a_seat_is_in_its_slice_and_no_two_requests_are_the_same():
    seats = drawn()
    plan, _, again = play(seats, {"sts/en": 0.1}, 6.0)
    by_id = {one.id: one for one in plan}
    assert len(by_id) == len(plan) and plan[: len(seats)] == seats and len(plan) == len(seats) + len(again)
    for one in plan[len(seats) :]:
        assert one.slice == by_id[one.parent].slice and one.attempt >= 1
        assert one.task == by_id[one.parent].task or one.attempt > 1
    drawn_as = [one.model_dump_json(exclude={"id", "parent", "attempt"}) for one in plan]
    assert len(set(drawn_as)) == len(plan)


def test_a_larger_size_leaves_the_replacements_as_they_are():
    seats = drawn()
    plan, _, again = play(seats, {}, 3.0)
    larger = drawn(Spec(**{**SPEC.model_dump(), "size": 300}))
    grown = list(with_replacements(SPEC, larger, again))
    assert grown[:300] == larger and grown[300:] == plan[120:]


def test_seats_that_the_plan_no_longer_has_are_passed_over():
    seats = drawn()
    again = [Again(2, "gone", 1), Again(2, seats[5].id, 1)]
    assert [one.parent for one in with_replacements(SPEC, seats, again)][120:] == [seats[5].id]


def test_rounds_are_read_as_they_were_written_and_damage_is_one_line(tmp_path):
    path = tmp_path / "rounds.jsonl"
    assert read_rounds(path) == []
    again = [Again(2, "a", 1), Again(3, "ü", 2)]
    write_rounds(path, again)
    assert read_rounds(path) == again
    path.write_text("{}\n[1, ")
    with pytest.raises(RunError, match="delete it"):
        read_rounds(path)
