"""Topics: a balanced tree of three levels; draws that are pure, keep the shares, and come round before they repeat."""

import subprocess
import sys
import time
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.factory.lexicon import read_lexicon
from pairsmith.factory.text import fold, tokens
from pairsmith.factory.topics import default_weights, draw_topics, most_draws, read_topics

TREE = read_lexicon("pairsmith.factory", "topics.yml")
TOPICS = [topic for topics in read_topics().values() for topic in topics]
SETTINGS = 48  # lines of settings.txt


# ------------------------------------------------------------------------------------------------------------- the tree


def test_the_tree_has_three_levels_everywhere_and_no_empty_branch():
    assert 10 <= len(TREE) <= 14
    for fields in TREE.values():
        assert len(fields) >= 3
        assert all(isinstance(names, list) and len(names) >= 4 for names in fields.values())
        assert all(isinstance(name, str) and 1 <= len(name.split()) <= 4 for names in fields.values() for name in names)
    assert 300 <= len(TOPICS) <= 420
    assert all(topic.path == f"{topic.domain} / {topic.field} / {topic.name}" for topic in TOPICS)


def test_no_topic_or_field_stands_in_two_places_in_whatever_order_its_words_come():
    fields = [field for fields in TREE.values() for field in fields]
    words = Counter(" ".join(sorted(tokens(name))) for name in [*fields, *(topic.name for topic in TOPICS)])
    assert [name for name, times in words.items() if times > 1] == []


def test_every_level_is_in_alphabetical_order():
    assert list(TREE) == sorted(TREE)
    for fields in TREE.values():
        assert list(fields) == sorted(fields)
        assert all(names == sorted(names, key=fold) for names in fields.values())


def test_no_domain_is_more_than_half_again_as_large_as_another():
    sizes = default_weights().values()
    assert max(sizes) <= 1.5 * min(sizes)
    assert sum(sizes) == len(TOPICS)


# ------------------------------------------------------------------------------------------------------------ the draws

weights = st.dictionaries(
    st.sampled_from(list(TREE)), st.integers(0, 50) | st.floats(0, 1e9, allow_nan=False), min_size=1
).filter(lambda drawn: any(drawn.values()))
seeds = st.integers(0, 5)


@given(weights, seeds, st.integers(0, 600))
def test_after_any_number_of_draws_each_domain_has_its_share_rounded_up_or_down(drawn, seed, number):
    found = Counter(pick.topic.domain for pick in draw_topics(drawn, seed, "short_long", 0, number))
    total = sum(map(Fraction, drawn.values()))
    for domain in TREE:
        assert abs(found[domain] - number * Fraction(drawn.get(domain, 0)) / total) < 1 + 1e-9


@given(weights, seeds, st.integers(0, 600))
def test_within_a_domain_all_topics_come_before_any_comes_again(drawn, seed, number):
    names = {}
    for pick in draw_topics(drawn, seed, "long_long", 0, number):
        names.setdefault(pick.topic.domain, []).append(pick.topic)
    for domain, came in names.items():
        size = len(read_topics()[domain])
        for start in range(0, len(came), size):
            turn = came[start : start + size]
            assert len(set(turn)) == len(turn)


def test_by_default_every_topic_comes_once_before_any_comes_again():
    for turn in range(3):
        picks = draw_topics(default_weights(), 1, "short_short", turn * len(TOPICS), len(TOPICS))
        assert {pick.topic for pick in picks} == set(TOPICS)


@given(weights, seeds, st.lists(st.tuples(st.integers(0, 300), st.integers(0, 50)), max_size=5))
def test_a_draw_does_not_depend_on_what_was_drawn_before(drawn, seed, stretches):
    whole = draw_topics(drawn, seed, "sts", 0, 350)
    for start, number in stretches:
        assert draw_topics(dict(reversed(drawn.items())), seed, "sts", start, number) == whole[start : start + number]


def test_seed_and_group_each_change_the_draws():
    base = draw_topics(default_weights(), 0, "short_long", 0, 400)
    for seed, group in ((1, "short_long"), (0, "long_short")):
        other = draw_topics(default_weights(), seed, group, 0, 400)
        assert [pick.topic for pick in other] != [pick.topic for pick in base]
        assert sum(one.setting == two.setting for one, two in zip(sorted(base), sorted(other), strict=True)) < 50


@pytest.mark.parametrize("chosen", [{"law": 1}, {"science": 2, "law": 0.5, "daily life": 0}])
def test_a_topic_comes_in_another_setting_each_time_until_all_have_been(chosen):
    most = most_draws(chosen)
    picks = draw_topics(chosen, 0, "short_long", 0, most + len(TOPICS))
    assert len(set(picks[:most])) == most
    assert len(set(picks)) < len(picks)
    first = {
        topic: [pick.setting for pick in picks if pick.topic == topic][:SETTINGS] for topic in read_topics()["law"]
    }
    assert all(len(set(came)) == SETTINGS for came in first.values()), "single settings come first"


@settings(deadline=None, max_examples=20)
@given(weights)
def test_draws_that_bring_nothing_new_begin_where_most_draws_says(drawn):
    assert most_draws(drawn) >= min(len(topics) for topics in read_topics().values()) * SETTINGS


def test_weights_of_any_size_are_drawn_by():
    picks = draw_topics({"law": 1e308, "science": 1e308, "daily life": 5e-324}, 0, "sts", 0, 100)
    assert Counter(pick.topic.domain for pick in picks) == {"law": 50, "science": 50}


def test_another_process_draws_the_same():
    code = (
        "from pairsmith.factory.topics import *;"
        "print(hash('x')); print(draw_topics(default_weights(), 3, 'short_long', 380, 40))"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.split("\n", 1)
        for seed in ("1", "2")
    ]
    assert outputs[0][0] != outputs[1][0]
    assert outputs[0][1] == outputs[1][1]


def test_ten_thousand_calls_of_twenty_topics_are_drawn_in_seconds():
    start = time.perf_counter()
    for call in range(10_000):
        assert len(draw_topics(default_weights(), 9, "short_long", call * 20, 20)) == 20
    assert time.perf_counter() - start < 30
