import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_samples import line, sample, shown

from pairsmith.curation.gate_scores import Line
from pairsmith.curation.review_records import Suggestion, deal, records
from pairsmith.curation.review_rows import Part
from pairsmith.factory.spec import ReviewSpec


def test_a_row_of_two_parts_is_shown_once_and_without_a_suggestion():
    doubted = ["language:query:mixed_language"]
    rows = shown(line(1, Part.DOUBTFUL, reasons=doubted), line(1, Part.RANDOM, reasons=doubted))
    assert [record.parts for record in rows] == [(Part.DOUBTFUL, Part.RANDOM)]
    assert rows[0].suggestion == Suggestion()


def test_rejected_rows_come_with_what_the_gates_said_and_their_scores():
    said = ["language:positive:wrong_language", "mine:row:says: nothing", "duplicates:query:near_duplicate"]
    lines = [Line("language", "positive", "drop", "wrong_language", 0.012, 0.05)]
    [rejected] = records(sample(line(1, Part.REJECTED, reasons=said)), {"row1": lines}, ReviewSpec())
    assert rejected.suggestion.decision == "drop" and rejected.suggestion.wrong == ("wrong_language",)
    assert rejected.suggestion.sureness == (pytest.approx(0.76),) and rejected.suggestion.gates == ("language",)
    assert rejected.suggestion.because == (
        "language, positive: In another language than it says (score 0.012, limit 0.05)",
        "mine, row: says: nothing",
        "duplicates, query: near duplicate",
    )


@pytest.mark.parametrize(
    ("doubt", "suggestion"),
    [
        (
            {"reasons": ["language:query:mixed_language"]},
            ("mixed_language", "language, query: Two languages in one text"),
        ),
        (
            {"doubt_gate": "length:positive", "doubt_score": 41.0, "doubt_threshold": 40.0},
            ("too_short", "length, positive: close to its limit (score 41, limit 40)"),
        ),
        (
            {"doubt_gate": "length:query", "doubt_score": 29.0, "doubt_threshold": 30.0},
            ("too_long", "length, query: close to its limit (score 29, limit 30)"),
        ),
        (  # the least that is kept, or the most
            {"doubt_gate": "length:query", "doubt_score": 30.0, "doubt_threshold": 30.0},
            (None, "length, query: close to its limit (score 30, limit 30)"),
        ),
        ({"doubt_gate": "mine:row"}, (None, "mine, row: close to its limit")),
        ({}, (None, None)),
    ],
)
def test_doubtful_rows_come_with_the_doubt_and_no_decision(doubt, suggestion):
    [row] = shown(line(1, Part.DOUBTFUL, **doubt))
    wrong, because = suggestion
    found = row.suggestion
    assert (found.decision, found.wrong, found.because) == (
        None,
        (wrong,) if wrong else (),
        (because,) if because else (),
    )
    assert len(found.sureness) == len(found.gates) == len(found.wrong)


@given(st.integers(1, 60), st.floats(0, 0.45), st.floats(0, 0.45), st.randoms())
def test_every_part_is_seen_in_the_order_of_its_draws_and_by_its_share(count, doubtful, rejected, random):
    spec = ReviewSpec(doubtful=doubtful, rejected=rejected)
    shares = {Part.DOUBTFUL: doubtful, Part.REJECTED: rejected, Part.RANDOM: 1 - doubtful - rejected}
    drawn = [(part, place) for part, share in shares.items() for place in range(round(count * share))]
    lines = [line(number, part, place=place) for number, (part, place) in enumerate(drawn)]
    rows = records(sample(*lines), {}, spec)
    assert rows == records(sample(*random.sample(lines, len(lines))), {}, spec)
    order = [drawn[int(row.id.removeprefix("row"))] for row in rows]
    for part, share in shares.items():
        assert [place for one, place in order if one is part] == list(range(round(count * share)))
        for seen in range(len(order)):
            assert abs(sum(one is part for one, _ in order[:seen]) - seen * share) <= 3


@given(st.sets(st.integers(0, 10_000), max_size=60), st.integers(1, 5), st.integers(0, 9))
def test_each_row_is_dealt_to_one_reviewer_and_those_of_the_overlap_to_two(numbers, count, seed):
    rows = shown(*(line(number, overlap=number % 3 == 0) for number in sorted(numbers)))
    names = [f"r{number}" for number in range(count)]
    hands = deal(rows, names, seed)
    for record in rows:
        having = [name for name in names if record in hands[name]]
        assert len(having) == (min(2, count) if record.overlap else 1)
    fewer = deal(rows[::2], names, seed)
    assert all(set(fewer[name]) <= set(hands[name]) for name in names), "more rows take none from anybody"
    more = deal(rows, [*names, "new"], seed)
    assert all(set(more[name]) <= set(hands[name]) for name in names), "a new reviewer gives none to the others"


def test_reviewers_get_about_as_many_rows_each():
    hands = deal(shown(*(line(number) for number in range(900))), ["a", "b", "c"], 0)
    assert all(240 <= len(hand) <= 360 for hand in hands.values())
