"""What is known of every character once in a process."""

import unicodedata
from functools import partial

import numpy as np
import pytest
import regex

from pairsmith.validators.characters import CODES, changed, kind_table

EVERY = "".join(map(chr, range(CODES)))


@pytest.mark.parametrize(
    "pattern", [r"\p{L}", r"[\p{M}\p{N}]", r"\s", r"\p{Cf}", r"[\U000f0000-\U0010ffff\ue000-\uf8ff]"]
)
def test_a_table_says_of_each_character_whether_the_pattern_matches_it(pattern: str) -> None:
    matched = {found.start() for found in regex.finditer(pattern, EVERY)}
    assert set(np.flatnonzero(kind_table({4: pattern}, np.uint8)).tolist()) == matched


@pytest.mark.parametrize("read", [str.casefold, partial(unicodedata.normalize, "NFKC")])
def test_all_characters_that_a_folding_changes_are_known(read: partial[str]) -> None:
    assert changed(read) == {code: read(char) for code, char in enumerate(EVERY) if read(char) != char}
