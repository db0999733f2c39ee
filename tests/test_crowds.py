"""Gate ``duplicates`` where very many texts agree in their bands, most often since they were made from one template."""

import random
from itertools import combinations
from string import ascii_lowercase

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.factory.records import PAIRS
from pairsmith.factory.spec import DuplicatesSpec
from pairsmith.factory.text import jaccard, shingles, tokens
from pairsmith.validators import near_sets, shared_keys, twins
from pairsmith.validators.duplicates import DuplicatesGate
from pairsmith.validators.minhash import AGREE, bands_for
from pairsmith.validators.sketch import band_name, sketch

THRESHOLD = 0.7
HAN = [chr(code) for code in range(0x4E00, 0x4E00 + 6_000)]
THAI = [chr(code) + mark for code in range(0xE01, 0xE2F) for mark in ("", "\u0e31", "\u0e34", "\u0e49")]
SCRIPTS = {"spaced": (ascii_lowercase, " ", 5), "han": (HAN, "", 2), "thai": (THAI, "", 4)}
"""Letters, what stands between words, letters of a word."""


def table(view: str, texts: list[str]) -> pa.Table:
    """Rows that are alike in one view only: in the query within one task, or in the pair."""
    fixed = {"content_hash": "h", "group": "short_long", "model": "m", "negatives": []}
    languages = {"query_language": "en", "document_language": "en"}
    rows = []
    for number, text in enumerate(texts):
        name = f"{number:05d}"
        mine = {"query": text, "positive": f"answer {name}", "instruction": "task"}
        if view == "pair":
            mine = {"query": "q", "positive": text, "instruction": name}
        rows.append({"id": name, "request_id": name, **fixed, **languages, **mine})
    return pa.Table.from_pylist(rows, schema=PAIRS)


def clusters(rows: pa.Table) -> list[int]:
    """The number of each row's survivor."""
    names = list(range(len(rows)))
    for line in DuplicatesGate(DuplicatesSpec(threshold=THRESHOLD)).judge(rows).to_pylist():
        if line["verdict"] == "drop":
            assert line["score"] >= THRESHOLD
            names[int(line["id"])] = int(line["related"])
    return names


def word(script: str, rng: random.Random) -> str:
    letters, _, size = SCRIPTS[script]
    return "".join(rng.choices(letters, k=size))


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(("view", "drawn"), [("query", 5), ("pair", 4)])
def test_no_twin_is_missed_among_many_texts_that_end_alike(script: str, view: str, drawn: int) -> None:
    """All share 20 words at their end, hardly too few to be twins; each of the first ones and its twin a word more."""
    rng = random.Random(3)
    frame = [word(script, rng) for _ in range(20)]
    begins = [[word(script, rng) for _ in range(drawn)] for _ in range(1_500)]
    begins += [[*(word(script, rng) for _ in range(drawn - 1)), begin[-1]] for begin in begins[:300]]
    found = clusters(table(view, [SCRIPTS[script][1].join([*begin, *frame]) for begin in begins]))
    assert [found[number] == found[1_500 + number] for number in range(300)] == [True] * 300


def grams(row: dict[str, str], view: str) -> set[str]:
    return shingles(tokens(row["query"] if view == "query" else f"{row['query']}\n{row['positive']}"), 3)


def connected(size: int, pairs: set[tuple[int, int]]) -> list[int]:
    names = list(range(size))
    for one, two in pairs:
        names = [names[one] if name == names[two] else name for name in names]
    return names


@settings(max_examples=10)
@given(
    st.randoms(use_true_random=False),
    st.sampled_from(["query", "pair"]),
    st.tuples(st.integers(12, 40), st.integers(1, 6), st.integers(2, 30)),
    st.integers(1, 4),
)
def test_near_pairs_that_agree_in_two_bands_are_in_one_cluster_and_no_others_are(
    rng: random.Random, view: str, template: tuple[int, int, int], close: int
) -> None:
    """Of two templates of ``frame`` words, with ``drawn`` others of ``vocabulary`` words in their middle."""
    frame, drawn, vocabulary = template
    texts = []
    for number in range(40):
        words = [f"{number % 2}-{place}" for place in range(frame)]
        words[frame // 2 : frame // 2] = [f"w{rng.randrange(vocabulary)}" for _ in range(drawn)]
        texts.append(" ".join(words))
    rows = table(view, texts)
    with pytest.MonkeyPatch.context() as patch:  # so few are many, and so little is held at once
        patch.setattr(twins, "CLOSE", close)
        patch.setattr(twins, "_CROWD", 17)
        patch.setattr(twins, "_TOKENS", 300)
        patch.setattr(near_sets, "_TOKENS", 300)
        patch.setattr(near_sets, "_POSTINGS", 50)
        patch.setattr(shared_keys, "_PAIRS", 20)
        found = clusters(rows)
    bands = bands_for(THRESHOLD, 128)
    signed = sketch(rows, bands)
    near, sure = set(), set()
    for looked in ("query", "pair"):
        keys = np.stack([signed[band_name(looked, band)].to_numpy() for band in range(bands.number)], axis=1)
        sets = [grams(row, looked) for row in rows.to_pylist()]
        for one, two in combinations(range(len(texts)), 2):
            agree = np.count_nonzero(keys[one] == keys[two])
            if signed[f"{looked}_tokens"][one].as_py() and jaccard(sets[one], sets[two]) >= THRESHOLD:
                near.add((one, two))
                if agree >= AGREE:
                    sure.add((one, two))
    assert all(found[one] == found[two] for one, two in sure)
    allowed = connected(len(texts), near)
    assert all(allowed[number] == allowed[name] for number, name in enumerate(found))
