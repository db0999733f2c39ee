"""The inverted index on disk finds every entry that holds a hash, and hardly any other."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.validators.postings import Postings, PostingsWriter

HASHES = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 3), st.integers(2**64 - 3, 2**64 - 1))


def written(folder, check, first_only, *slices):
    writer = PostingsWriter(folder, "some", check, first_only=first_only)
    for hashes, entries in slices:
        writer.add(np.array(hashes, np.uint64), np.array(entries, np.int64))
    writer.finish()
    return Postings(folder, "some")


def pairs(postings, hashes):
    number, entry = postings.find(np.array(hashes, np.uint64))
    assert np.array_equal(number, np.sort(number))
    return {(hashes[place], found) for place, found in zip(number.tolist(), entry.tolist(), strict=True)}


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(HASHES, max_size=30), max_size=4), st.lists(HASHES, max_size=10))
def test_every_entry_that_holds_a_hash_is_found(slices, others):
    entries = [[10 * number + place // 3 for place in range(len(hashes))] for number, hashes in enumerate(slices)]
    held = [pair for hashes, those in zip(slices, entries, strict=True) for pair in zip(hashes, those, strict=True)]
    first: dict[int, int] = {}
    for one, entry in held:
        first.setdefault(one, entry)
    asked = [*others, *first]
    with tempfile.TemporaryDirectory() as folder:
        every = pairs(written(Path(folder), np.uint8, False, *zip(slices, entries, strict=True)), asked)
        firsts = pairs(written(Path(folder), np.uint16, True, *zip(slices, entries, strict=True)), asked)
        assert len(np.load(Path(folder) / "some.entries.npy")) == len(first)
    assert set(held) <= every
    assert set(first.items()) <= firsts


@pytest.mark.parametrize(("check", "at_most"), [(np.uint8, 0.01), (np.uint16, 0.0001)])
def test_hardly_an_entry_is_named_that_does_not_hold_the_hash(tmp_path, check, at_most):
    rng = np.random.default_rng(7)
    held, others = rng.integers(0, 2**64, (2, 100_000), np.uint64)
    found = written(tmp_path, check, False, (held, range(len(held))))
    assert len(found.find(others).number) <= at_most * len(others)


def test_what_was_collected_is_removed(tmp_path):
    written(tmp_path, np.uint8, False, ([1, 2, 3], [0, 0, 1]))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"some.{part}.npy" for part in ("checks", "entries", "marks", "starts")
    ]
