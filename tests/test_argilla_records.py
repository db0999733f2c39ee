"""Rows as Argilla shows them, and its responses as reviews, without a server."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.curation.argilla_records import Shown, external_id, in_batches, name_there, to_shown
from pairsmith.curation.argilla_responses import Reading, to_review
from pairsmith.curation.gate_scores import Line, nearest_scores
from pairsmith.curation.review_form import QUESTIONS, Decision
from pairsmith.curation.review_rows import SAMPLE
from pairsmith.curation.reviews import Review
from pairsmith.factory.errors import InputError
from pairsmith.factory.spec import ReviewSpec

TEXT = st.text(st.characters(codec="utf-8"), max_size=80)
IDS = {name_there(question.name): f"q-{question.name}" for question in QUESTIONS}
READING = Reading(
    "http://server", "form", {"u1": "ann"}, {f"q-{question.name}": question.name for question in QUESTIONS}
)
BROKEN = Line("language", "query", "drop", "wrong_language", 0.1, 0.4)


def line(**changes: Any) -> dict[str, Any]:
    """One line of a sample: a row of the random part."""
    row: dict[str, Any] = {
        "id": "a1",
        "request_id": "r1",
        "content_hash": "c1",
        "part": "random",
        "place": 0,
        "stratum": "short_long/sw",
        "stratum_rows": 10,
        "population": 10,
        "overlap": False,
        "group": "short_long",
        "query_language": "sw",
        "document_language": "sw",
        "model": "m",
        "instruction": "Find the answer.",
        "query": "one two",
        "positive": "three four five",
        "negatives": ["six"],
        "reasons": [],
        "doubt": None,
        "doubt_gate": None,
        "doubt_score": None,
        "doubt_threshold": None,
    }
    return row | changes


def shown(*rows: dict[str, Any], lines: tuple[Line, ...] = (), spec: ReviewSpec | None = None) -> list[Shown]:
    return to_shown(pa.Table.from_pylist(list(rows), schema=SAMPLE), {"a1": lines}, spec or ReviewSpec())


def suggested(one: Shown) -> dict[str, Any]:
    return {suggestion.question: suggestion.value for suggestion in one.suggestions}


def record(one: Shown) -> dict[str, Any]:
    """What the server has of a row that was pushed."""
    return {"id": "uuid", **one.payload(IDS)}


def response(status: str = "submitted", user: str = "u1", **values: Any) -> dict[str, Any]:
    named = {name_there(name): {"value": value} for name, value in values.items()}
    return {"user_id": user, "status": status, "updated_at": "2026-01-02T03:04:05.678", "values": named}


def review(given: dict[str, Any], one: Shown | None = None) -> Review:
    found = to_review(record(one or shown(line())[0]), given, READING)
    assert isinstance(found, Review), found
    return found


@given(query=TEXT, positive=TEXT, negatives=st.lists(TEXT, max_size=3))
def test_no_text_of_a_field_can_act_in_the_page(query: str, positive: str, negatives: list[str]) -> None:
    one = shown(line(query=query, positive=positive, negatives=negatives))[0]
    for text in one.fields.values():
        assert "<" not in text
        assert "&" not in text.replace("&lt;", "").replace("&amp;", "")
        assert not any(ord(sign) < 32 and sign not in "\t\n\r" for sign in text)


def test_markup_is_shown_as_it_stands() -> None:
    assert shown(line(query="a <b>&lt;</b>"))[0].fields["query"] == "a &lt;b>&amp;lt;&lt;/b>"


def test_the_task_says_in_which_languages_the_texts_should_be() -> None:
    assert shown(line())[0].fields["task"].endswith("(short_long: Swahili)")
    pair = shown(line(group="bitext", query_language="fr", document_language="en"))[0]
    assert pair.fields["task"].endswith("(bitext: French → English)")


def test_rows_with_no_or_several_negatives_have_fields_for_what_is_there() -> None:
    assert "negative" not in shown(line(negatives=[]))[0].fields
    several = shown(line(negatives=["x", "y", "z"]))[0].fields
    assert several["negative"] == "x"
    assert several["further_negatives"].split() == ["y", "———", "z"]


def test_a_random_row_carries_no_suggestion_that_would_lead_the_reviewer() -> None:
    doubted = line(part="doubtful", reasons=["language:query:wrong_language"], doubt=0.9, doubt_gate="language:query")
    for rows in ([line()], [line(), doubted]):
        assert set(suggested(shown(*rows)[0])) == {"query", "positive", "negative"}


def test_of_a_rejected_row_the_gates_reasons_are_suggested_with_their_scores_and_no_decision() -> None:
    reasons = ["format:positive:refusal", "language:query:wrong_language", "duplicates:row:near_duplicate"]
    lines = (
        BROKEN,
        Line("format", "positive", "drop", "refusal", None, None),
        Line("length", "query", "keep", None, 9, 5),
    )
    one = shown(line(part="rejected", reasons=reasons), lines=lines)[0]
    by_name = {each.question: each for each in one.suggestions}
    assert "decision" not in by_name
    assert by_name["wrong"].value == ["wrong_language", "refusal"]
    assert by_name["wrong"].score == [pytest.approx(0.75), 1.0]
    assert by_name["wrong"].agent == "format language"


def test_a_doubtful_row_names_what_the_gate_doubted_and_suggests_no_decision() -> None:
    near = {"part": "doubtful", "doubt": 0.8, "doubt_score": 5.5, "doubt_threshold": 5.0}
    one = shown(line(**near, doubt_gate="length:query"))[0]
    assert suggested(one)["wrong"] == ["too_short"]
    assert "decision" not in suggested(one)
    unsure = shown(line(**near, doubt_gate="language:row", reasons=["language:query:too_short_to_tell"]))[0]
    assert suggested(unsure)["wrong"] == ["wrong_language"]
    assert "wrong" not in suggested(shown(line(**near, doubt_gate="my_own:query"))[0])


def test_a_row_of_two_parts_is_shown_once_and_filtered_by_both() -> None:
    both = shown(line(place=7), line(part="doubtful", place=1, overlap=True))
    assert [one.external_id for one in both] == [external_id("a1", "c1")]
    assert both[0].metadata["part"] == ["doubtful", "random"]
    assert both[0].twice


@given(count=st.integers(1, 60), more=st.integers(0, 60))
def test_a_larger_sample_leaves_the_order_of_a_smaller_one(count: int, more: int) -> None:
    rows = [line(id=f"i{place}", place=place, part=("random", "rejected")[place % 2]) for place in range(count + more)]
    few, many = shown(*rows[:count]), shown(*rows)
    kept = [one for one in many if one in few]
    assert kept == few


def test_whenever_a_reviewer_stops_the_parts_were_seen_by_their_shares() -> None:
    rows = [line(id=f"r{place}", place=place) for place in range(100)]
    rows += [line(id=f"d{place}", place=place, part="doubtful") for place in range(50)]
    rows += [line(id=f"x{place}", place=place, part="rejected") for place in range(50)]
    for stop in (20, 80, 140):
        seen = [one.metadata["part"][0] for one in shown(*rows)[:stop]]
        assert abs(seen.count("random") - stop / 2) <= 3
        assert abs(seen.count("rejected") - stop / 4) <= 3


@given(sizes=st.lists(st.integers(0, 40), max_size=30), rows=st.integers(1, 7), characters=st.integers(1, 100))
def test_batches_hold_all_rows_once_and_are_no_larger_than_allowed(
    sizes: list[int], rows: int, characters: int
) -> None:
    each = [Shown(str(n), False, n, {"query": "x" * size}, {}, ()) for n, size in enumerate(sizes)]
    batches = list(in_batches(each, rows, characters))
    assert [one for batch in batches for one in batch] == each
    assert all(len(batch) <= rows for batch in batches)
    assert all(len(batch) == 1 or sum(one.size for one in batch) <= characters for batch in batches)


def test_an_answer_comes_back_as_it_was_given() -> None:
    found = review(response(decision="fix", wrong=["refusal"], positive_relevance=4, query=" one three "))
    assert (found.id, found.content_hash, found.reviewer, found.status) == ("a1", "c1", "ann", "submitted")
    assert (found.source, found.form, found.at) == ("http://server", "form", "2026-01-02T03:04:05.678000+00:00")
    assert found.answers.decision is Decision.FIX
    assert found.answers.corrections == {"query": "one three"}


@given(query=TEXT, positive=TEXT, negatives=st.lists(TEXT, max_size=2))
def test_texts_that_were_filled_in_and_left_are_no_corrections(query: str, positive: str, negatives: list[str]) -> None:
    one = shown(line(query=query, positive=positive, negatives=negatives))[0]
    texts = {each.question: f"{each.value}\n" for each in one.suggestions}
    assert review(response(decision="fix", **texts), one).answers.corrections == {}


def test_an_emptied_text_is_no_correction() -> None:
    assert review(response(decision="fix", query="", positive="  \n")).answers.corrections == {}


def test_a_flaw_that_was_filled_in_and_left_is_none_of_a_row_that_is_kept() -> None:
    one = shown(line(part="rejected", reasons=[BROKEN.code]), lines=(BROKEN,))[0]
    kept = review(response(decision="keep", wrong=["wrong_language"]), one)
    assert (kept.answers.decision, kept.answers.wrong) == (Decision.KEEP, ())
    changed = review(response(decision="keep", wrong=["wrong_language", "unnatural"]), one)
    assert changed.answers.wrong == ("unnatural", "wrong_language")
    dropped = review(response(decision="drop", wrong=["wrong_language"]), one)
    assert dropped.answers.wrong == ("wrong_language",)


def test_what_was_filled_in_is_no_answer_of_who_discards_the_row() -> None:
    one = shown(line(part="rejected", reasons=[BROKEN.code]), lines=(BROKEN,))[0]
    gone = review(response("discarded", wrong=["wrong_language"], positive_relevance=1), one)
    assert (gone.status, gone.answers.decision, gone.answers.wrong) == ("discarded", None, ())
    assert gone.answers.positive_relevance == 1


def test_drafts_and_responses_without_values_are_kept_with_their_status() -> None:
    assert review(response("draft", positive_relevance=2)).answers.decision is None
    empty = response("discarded") | {"values": None}
    assert review(empty).status == "discarded"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"decision": "perhaps"}, "'decision'"),
        ({"decision": "drop", "wrong": ["wrong_lagnuage"]}, "unknown label 'wrong_lagnuage' (did you mean"),
        ({"decision": "keep", "positive_relevance": 9}, "'positive_relevance'"),
        ({"decision": "fix", "query": "x\n" * 60_000}, "'query'"),
    ],
)
def test_a_response_that_cannot_be_used_is_left_out_in_one_line(values: dict[str, Any], said: str) -> None:
    found = to_review(record(shown(line())[0]), response(**values), READING)
    assert isinstance(found, InputError)
    assert said in str(found)
    assert "record a1-c1: the response of ann" in str(found)
    assert len(str(found)) < 400 and "\n" not in str(found)


def test_a_record_of_someone_else_is_left_out_in_one_line() -> None:
    found = to_review({"id": "uuid", "external_id": "7", "fields": {}}, response(decision="keep"), READING)
    assert isinstance(found, InputError)
    assert "none that Pairsmith made" in str(found)


def test_a_reviewer_whom_nobody_knows_any_more_is_named_by_id() -> None:
    assert review(response(user="u9", decision="keep")).reviewer == "u9"


def test_a_gates_sureness_grows_with_the_distance_to_its_threshold_on_either_side() -> None:
    def sureness(score: float | None, threshold: float | None) -> float:
        return Line("g", "row", "drop", "r", score, threshold).sureness

    assert sureness(0.0, 0.4) > sureness(0.2, 0.4) > sureness(0.39, 0.4) > 0  # below is bad
    assert sureness(5, 50) > sureness(40, 50)
    assert sureness(1.0, 1.0) == 1.0  # above is bad
    assert sureness(0.9, 0.7) > sureness(0.75, 0.7)
    assert sureness(20, 5) > sureness(6, 5)
    assert sureness(None, None) == sureness(float("nan"), 1.0) == 1.0


@given(score=st.floats(), threshold=st.floats())
def test_sureness_and_scores_are_numbers_that_json_knows(score: float, threshold: float) -> None:
    line = Line("g", "row", "drop", "r", score, threshold)
    assert 0 <= line.sureness <= 1
    assert all(abs(number) < float("inf") for number in nearest_scores([line]).values())


def test_of_several_scores_of_a_gate_the_one_nearest_to_its_threshold_is_shown() -> None:
    lines = [Line("g", "query", "keep", None, 0.9, 0.4), Line("g", "positive", "keep", None, 0.5, 0.4)]
    assert nearest_scores(lines) == nearest_scores(lines[::-1]) == {"g": 0.5}
