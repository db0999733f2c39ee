"""MinHash signatures are datasketch's, with numba and without it; bands hardly miss a pair."""

from itertools import product

import numpy as np
import pytest
from datasketch import LeanMinHash, MinHash
from datasketch.lsh import _false_negative_probability, _optimal_param
from hypothesis import given
from hypothesis import strategies as st
from plain import without_numba

from pairsmith.factory.text import fold
from pairsmith.validators import minhash
from pairsmith.validators.characters import slices
from pairsmith.validators.minhash import AGREE, MISSED, Bands, band_keys, bands_for, missed, signatures
from pairsmith.validators.tokens import Tokens

TEXTS = st.lists(
    st.lists(st.sampled_from(["one", "two", "three", "漢", "字", "ไทย", "é"]), max_size=40).map(" ".join), max_size=8
)
SLOTS = st.integers(1, 150)


def shingles(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    found = Tokens(slices([fold(text) for text in texts])).shingles(3)
    return found.values.astype(np.uint32), found.starts


@given(st.one_of(TEXTS, st.lists(st.text(max_size=80), max_size=5)), SLOTS)
def test_signatures_are_those_of_datasketch(texts: list[str], slots: int) -> None:
    hashes, starts = shingles(texts)
    found = signatures(hashes, starts, slots)
    assert found.shape == (len(texts), slots)
    for text, signature in enumerate(found):
        reference = MinHash(num_perm=slots, seed=1, scheme="affine32", hashfunc=int)
        reference.update_batch(hashes[starts[text] : starts[text + 1]].tolist())
        lean = LeanMinHash(seed=1, hashvalues=signature, scheme="affine32")
        assert lean == LeanMinHash(reference)
        assert lean.jaccard(reference) == 1


@given(TEXTS, SLOTS, st.integers(1, 60))
def test_numba_and_numpy_give_the_same_signatures(texts: list[str], slots: int, at_once: int) -> None:
    hashes, starts = shingles(texts)
    found = signatures(hashes, starts, slots)
    with without_numba(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(minhash, "_SLICE", at_once)
        assert np.array_equal(signatures(hashes, starts, slots), found)


@given(st.lists(st.lists(st.integers(0, 2), min_size=6, max_size=6), min_size=1, max_size=8), st.data())
def test_keys_of_a_band_are_equal_where_its_slots_and_the_scopes_are(
    rows: list[list[int]], data: st.DataObject
) -> None:
    scopes = data.draw(st.lists(st.integers(0, 1), min_size=len(rows), max_size=len(rows)))
    keys = band_keys(np.array(rows, np.uint32), Bands(3, 2), np.array(scopes, np.uint64))
    for band in range(3):
        wanted = [(scope, *row[2 * band : 2 * band + 2]) for scope, row in zip(scopes, rows, strict=True)]
        assert (
            len(set(keys[band].tolist())) == len(set(wanted)) == len({*zip(wanted, keys[band].tolist(), strict=True)})
        )


@pytest.mark.parametrize("permutations", [64, 128, 256])
@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.99, 1.0])
def test_bands_miss_hardly_a_pair_and_no_slot_is_spent_beyond_that(threshold: float, permutations: int) -> None:
    bands = bands_for(threshold, permutations)
    assert bands.slots <= permutations
    if bands.size > 1:
        assert missed(threshold, bands) <= MISSED
        assert bands.number == AGREE or missed(threshold, Bands(bands.number - 1, bands.size)) > MISSED


@given(st.floats(0.01, 0.99), st.integers(2, 12), st.integers(1, 4))
def test_what_bands_miss_is_what_chance_leaves_to_fewer_than_two_of_them(share: float, number: int, size: int) -> None:
    each = share**size
    wanted = sum(
        np.prod([each if hit else 1 - each for hit in hits])
        for hits in product((False, True), repeat=number)
        if sum(hits) < AGREE
    )
    assert missed(share, Bands(number, size)) == pytest.approx(wanted)


@pytest.mark.parametrize("threshold", [0.7, 0.8, 0.9])
def test_bands_miss_fewer_pairs_than_those_that_datasketch_solves_for(threshold: float) -> None:
    """By datasketch's own measure: the area of what is missed above the threshold."""
    places = np.linspace(threshold, 1, 1001)
    ours = np.trapezoid([missed(place, bands_for(threshold, 128)) for place in places], places)
    theirs = _false_negative_probability(threshold, *_optimal_param(threshold, 128, 0.5, 0.5))
    assert ours < 0.05 * theirs
