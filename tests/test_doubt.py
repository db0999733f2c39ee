"""The doubt of a row: comparable between gates, and of nothing but what the gates said of accepted rows."""

import tracemalloc
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from drawn import Row, row_id, tables
from hypothesis import given, settings
from hypothesis import strategies as st
from stored import stored

from pairsmith.curation.doubt import DOUBTFUL, read_doubts
from pairsmith.curation.frame import read_frame
from pairsmith.factory.records import PAIRS, VERDICTS
from pairsmith.factory.spec import LengthSpec
from pairsmith.validators.length import LengthGate

THRESHOLD = 0.5
Said = tuple[int, str, str, str, str | None, float | None]  # row, gate, field, verdict, reason, score

ROWS = 12
scores = st.sampled_from((None, 0.5, 0.53, 0.6, 0.3, 0.9, 1.0))
kept = st.tuples(
    st.integers(0, ROWS - 1), st.sampled_from(("language", "own")), st.sampled_from(("query", "negative", "negative_2")),
    st.just("keep"), st.none(), scores,
)  # fmt: skip
unverified = st.tuples(
    st.integers(0, ROWS - 1), st.sampled_from(("language", "privacy")), st.just("query"), st.just("unverified"),
    st.sampled_from(("no_detector", "not_prose")), scores,
)  # fmt: skip


def doubts(lines: Sequence[Said], scale: float = 1, accepted: int = ROWS) -> list[float]:
    """Of the rows 0, 1, ..., of which so many are accepted."""
    table = [
        {
            "request_id": "r", "id": row_id(row), "gate": gate, "field": field, "verdict": verdict, "reason": reason,
            "score": None if score is None else scale * score, "threshold": scale * THRESHOLD,
        }
        for row, gate, field, verdict, reason, score in lines
    ]  # fmt: skip
    frame = read_frame(tables([Row()] * accepted).accepted, 0)
    found, _ = read_doubts(stored(pa.Table.from_pylist(table, schema=VERDICTS), batch=5), frame, LengthSpec())
    return found[frame.find(pa.chunked_array([[row_id(row) for row in range(accepted)]]))].tolist()


def by_hand(lines: Sequence[Said]) -> list[float]:
    """The definition, line by line."""
    known = [
        (row, (gate, field.partition("_")[0], verdict, reason), abs(score - THRESHOLD) if verdict == "keep" else 0)
        for row, gate, field, verdict, reason, score in lines
        if verdict == "unverified" or score is not None
    ]
    found = [0.0] * ROWS
    for row, kind, distance in known:
        nearer = sum(other == kind and far <= distance + 1e-9 for _, other, far in known)
        found[row] = max(found[row], 1 - nearer / ROWS, DOUBTFUL if kind[2] == "unverified" else 0)
    return found


@given(st.lists(kept | unverified, max_size=40))
@settings(max_examples=60)
def test_the_doubt_is_the_share_that_is_farther_from_its_threshold(lines):
    # Scores of 0.3 and 0.53 stand well apart from others, 0.3 on the other side: 0.2 is farther than 0.1 and 0.03.
    assert doubts(lines) == pytest.approx(by_hand(lines), abs=1e-6)


@given(st.lists(kept, max_size=40), st.sampled_from((0.25, 8.0, 2.0**40)))
@settings(max_examples=30)
def test_the_scale_of_a_score_plays_no_part(lines, scale):
    assert doubts(lines, scale) == doubts(lines)


def test_what_no_gate_could_verify_is_doubtful_and_the_more_the_rarer_it_is():
    of_all = [(row, "language", "query", "unverified", "no_detector", None) for row in range(ROWS)]
    assert doubts(of_all) == pytest.approx([DOUBTFUL] * ROWS)
    found = doubts([*of_all, (3, "privacy", "query", "unverified", "phone", 1.0)])
    assert found == pytest.approx([1 - 1 / ROWS if row == 3 else DOUBTFUL for row in range(ROWS)])


def test_a_gate_that_gives_each_row_a_reason_of_its_own_takes_no_memory_for_it():
    rows = 600
    lines = [(row, "own", "query", "unverified", f"odd: {row}", None) for row in range(rows)]
    tracemalloc.start()
    found = doubts(lines, accepted=rows)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == pytest.approx([1 - 1 / rows] * rows)
    assert most < 2**26  # 65,536 counters for each reason would be 2**28


def test_lines_of_rejected_rows_count_for_nothing():
    mine = [(row, "language", "query", "keep", None, 0.6 + row / 20) for row in range(4)]
    others = [(row, "language", "query", "keep", None, 0.51) for row in range(4, ROWS)]
    assert doubts([*mine, *others], accepted=4) == doubts(mine, accepted=4) == pytest.approx([0.75, 0.5, 0.25, 0.0])


def test_a_text_that_is_not_as_long_as_was_asked_is_doubtful_the_more_the_nearer_it_is_to_being_dropped():
    """Documents of at least 50 words are dropped below 40; queries of 5 to 15 words below 2.5 and above 30."""
    asked = {"group": "short_long", "num_words": "at least 50", "query_length": "5 to 15 words"}
    documents, queries = (41, 49, 50, 400), (3, 29, 20, 9)
    rows = pa.Table.from_pylist(
        [
            dict.fromkeys(PAIRS.names)
            | {
                "id": row_id(row),
                "request_id": "r",
                "content_hash": "",
                "instruction": "",
                "model": "m",
                "negatives": [],
            }
            | {"query_language": "en", "document_language": "en", **asked}
            | {"query": "w " * query, "positive": "w " * document}
            for row, (document, query) in enumerate(zip(documents, queries, strict=True))
        ],
        schema=PAIRS,
    )
    spec = LengthSpec()
    verdicts = LengthGate(spec).judge(rows)
    frame = read_frame(stored(rows, batch=3), 0)
    found, ranks = read_doubts(stored(verdicts, batch=3), frame, spec)
    lines, place = ranks.telling(verdicts)
    assert [(line["field"], line["score"], line["threshold"]) for line in lines.to_pylist()] == [
        ("query", 3, 2.5), ("positive", 41, 40), ("query", 29, 30), ("positive", 49, 40), ("query", 20, 30),
    ]  # fmt: skip
    assert frame.ids(place) == [row_id(row) for row in (0, 0, 1, 1, 2)]
    assert ranks.doubts(lines).tolist() == [0.5, 0.75, 0.75, 0.5, 0.25]  # a sixth, a 40th; a 30th, a quarter, a third
    assert found[frame.find(lines["id"])].tolist() == [0.75, 0.75, 0.75, 0.75, 0.25]


@pytest.mark.parametrize("score", [float("nan"), float("inf"), 1e308])
def test_a_score_that_is_no_number_or_beyond_all_bounds_does_no_harm(score):
    lines = [(0, "own", "query", "keep", None, score), (1, "own", "query", "keep", None, 0.6)]
    found = doubts([*lines, (2, "own", "query", "unverified", "odd", score)])
    assert np.isfinite(found).all()
    assert found[1] == found[2] == pytest.approx(1 - 1 / ROWS)
