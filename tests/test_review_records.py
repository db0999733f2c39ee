from hypothesis import given
from hypothesis import strategies as st
from review_samples import line, sample

from pairsmith.curation.review_records import Suggestion, deal, records
from pairsmith.curation.review_rows import Part


def test_a_row_of_two_parts_is_shown_once_and_without_a_suggestion():
    doubted = ["language:query:mixed_language"]
    shown = records(sample(line(1, Part.DOUBTFUL, reasons=doubted), line(1, Part.RANDOM, reasons=doubted)))
    assert [record.parts for record in shown] == [(Part.DOUBTFUL, Part.RANDOM)]
    assert shown[0].suggestion == Suggestion()


def test_rejected_rows_come_with_what_the_gates_said_and_doubtful_ones_with_no_decision():
    said = ["language:positive:wrong_language", "mine:row:says: nothing", "duplicates:query:near_duplicate"]
    rejected, doubtful = records(sample(line(1, Part.REJECTED, reasons=said), line(2, Part.DOUBTFUL, reasons=said[:1])))
    assert rejected.suggestion.decision == "drop" and rejected.suggestion.wrong == ("wrong_language",)
    assert rejected.suggestion.because == (
        "language, positive: In another language than it says",
        "mine, row: says: nothing",
        "duplicates, query: near duplicate",
    )
    assert doubtful.suggestion.decision is None and doubtful.suggestion.wrong == ("wrong_language",)


@given(st.lists(st.sampled_from(Part), max_size=60), st.randoms())
def test_every_part_is_seen_in_the_order_of_its_draws_and_evenly(parts, random):
    places = [parts[:number].count(part) for number, part in enumerate(parts)]
    lines = [line(number, part, place=place) for number, (part, place) in enumerate(zip(parts, places, strict=True))]
    shuffled = random.sample(lines, len(lines))
    shown = records(sample(*shuffled))
    assert shown == records(sample(*lines))
    number_of = {f"row{number}": number for number in range(len(parts))}
    for part in Part:
        mine = [number_of[record.id] for record in shown if part in record.parts]
        assert [places[number] for number in mine] == list(range(len(mine)))
        for seen in range(len(shown)):
            share = sum(part in record.parts for record in shown[:seen])
            assert abs(share - seen * len(mine) / max(len(shown), 1)) <= 2


@given(st.sets(st.integers(0, 10_000), max_size=60), st.integers(1, 5), st.integers(0, 9))
def test_each_row_is_dealt_to_one_reviewer_and_those_of_the_overlap_to_two(numbers, count, seed):
    shown = records(sample(*(line(number, overlap=number % 3 == 0) for number in sorted(numbers))))
    names = [f"r{number}" for number in range(count)]
    hands = deal(shown, names, seed)
    for record in shown:
        having = [name for name in names if record in hands[name]]
        assert len(having) == (min(2, count) if record.overlap else 1)
    fewer = deal(shown[::2], names, seed)
    assert all(set(fewer[name]) <= set(hands[name]) for name in names), "more rows take none from anybody"
    more = deal(shown, [*names, "new"], seed)
    assert all(set(more[name]) <= set(hands[name]) for name in names), "a new reviewer gives none to the others"


def test_reviewers_get_about_as_many_rows_each():
    hands = deal(records(sample(*(line(number) for number in range(900)))), ["a", "b", "c"], 0)
    assert all(240 <= len(hand) <= 360 for hand in hands.values())
