"""How varied rows are, against slow counts and known texts."""

from collections import Counter
from itertools import combinations
from math import comb, log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_drift import lines

from pairsmith.curation.diversity import (
    BLOCK,
    distinct,
    diversity,
    lacking_bits,
    repeated_share,
    repeats,
    sample,
    size_of,
)

SPECTRA = st.dictionaries(st.integers(1, 6), st.integers(1, 3), min_size=1, max_size=3)


def things(spectrum) -> list[int]:
    """The things that a spectrum counts, each as often as it occurs."""
    kinds = [times for times, number in spectrum.items() for _ in range(number)]
    return [kind for kind, times in enumerate(kinds) for _ in range(times)]


@given(st.dictionaries(st.integers(1, 3), st.integers(1, 2), min_size=1), st.data())
def test_distinct_things_of_a_smaller_number_are_the_mean_of_all_choices(spectrum, data):
    all_things = things(spectrum)
    size = data.draw(st.integers(0, len(all_things)))
    found = [len(set(chosen)) for chosen in combinations(all_things, size)]
    assert len(found) == comb(len(all_things), size)
    assert distinct(spectrum, size) == pytest.approx(np.mean(found))


@given(SPECTRA)
def test_all_of_a_set_are_as_many_different_things_as_there_are(spectrum):
    assert distinct(spectrum, size_of(spectrum)) == pytest.approx(sum(spectrum.values()))
    assert repeated_share(spectrum) == pytest.approx(1 - sum(spectrum.values()) / size_of(spectrum))


@given(SPECTRA)
def test_lacking_bits_are_what_entropy_lacks(spectrum):
    shares = np.unique(things(spectrum), return_counts=True)[1] / size_of(spectrum)
    entropy = -(shares * np.log2(shares)).sum()
    found = lacking_bits(spectrum)
    assert found.mean == pytest.approx(log2(size_of(spectrum)) - entropy)
    assert lacking_bits({times: number * 7 for times, number in spectrum.items()}).mean == pytest.approx(found.mean)


def test_thinned_bits_are_those_of_a_thinned_set():
    spectrum, random = {1: 400, 2: 300, 5: 100, 40: 5}, np.random.default_rng(0)
    every = np.array(things(spectrum))
    drawn = []
    for _ in range(300):
        counts = np.unique(every[random.random(len(every)) < 0.3], return_counts=True)[1]
        drawn.append((counts * np.log2(counts)).sum() / counts.sum())
    assert lacking_bits(spectrum, 0.3).mean == pytest.approx(np.mean(drawn), abs=0.02)
    assert lacking_bits({5000: 2}, 0.5).mean == pytest.approx(log2(2500))


@given(SPECTRA)
def test_repeats_are_the_share_that_comes_again(spectrum):
    assert repeats(spectrum).mean == pytest.approx(repeated_share(spectrum))


@pytest.mark.parametrize("figure", [repeats, lacking_bits])
@pytest.mark.parametrize("kept", [1.0, 0.3])
def test_the_variance_of_a_figure_is_that_of_sets_of_things_drawn_anew(figure, kept):
    random = np.random.default_rng(0)
    every = np.concatenate([np.ones(1500, int), random.poisson(3, 600) + 1, random.poisson(25, 20) + 1])
    told = []
    for _ in range(300):
        times = random.choice(every, len(every))
        times = random.binomial(times, kept)
        told.append(figure(dict(Counter(times[times > 0].tolist()))).mean)
    found = figure(dict(Counter(every.tolist())), kept)
    assert found.mean == pytest.approx(np.mean(told), rel=0.02)
    assert 0.8 < found.variance / np.var(told) < 1.4


def test_more_than_there_is_cannot_be_drawn():
    with pytest.raises(ValueError, match="5 of 3"):
        distinct({3: 1}, 5)


def test_the_figures_of_known_rows():
    rows = [
        {"group": "short_long", "instruction": f"Find {word}.", "query": f"How do I {word}?", "positive": "Like this."}
        for word in ("read a b c d e f g", "read a b c d e f h", "swim")
    ] + [{"group": "sts", "instruction": "one", "query": "?", "positive": "a b"}]
    found = sample(rows)
    assert (found.tasks, found.near, found.ngrams) == (3, 1, [])
    assert diversity(found, Counter({"how do i": 3}), {1: 1, 2: 1}) == {
        "commonest_opening": 1.0,
        "task_entropy": pytest.approx(log2(3) - 2 / 3),
        "distinct_tasks": pytest.approx(2 / 3),
        "near_duplicate_tasks": pytest.approx(1 / 3),
    }


def test_ngrams_are_counted_in_whole_blocks_and_texts_that_repeat_have_fewer():
    rows = lines(2 * BLOCK + 30)
    varied = sample(rows)
    assert len(varied.ngrams) == 2
    dull = sample([row | {"positive": "the same words as ever " * 8} for row in rows])
    assert diversity(dull, Counter(), {})["distinct_ngrams"] < 0.8 * diversity(varied, Counter(), {})["distinct_ngrams"]


def test_no_rows_have_no_figures():
    assert diversity(sample([]), Counter(), {}) == {}
