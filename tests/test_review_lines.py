import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_samples import line, shown

from pairsmith.curation.review_form import WRONG, Answers, Decision, form_version
from pairsmith.curation.review_lines import Filled, Unanswered, empty_line, news, of_run, read_lines
from pairsmith.curation.reviews import Review, append_reviews, latest, read_reviews
from pairsmith.factory.errors import InputError

WRITTEN = "2026-02-03T04:05:06.000000Z"
ROW = {"content_hash": "hash1", "query": "question 1", "positive": "answer 1", "negatives": ["no answer 1"]}


def filled_in(**more):
    """The line of a row as it is exported, with what a person wrote into it."""
    [record] = shown(line(1))
    return json.loads(empty_line(record, "ann", None)) | more


def read(folder, *lines):
    """What a file of such lines holds; each may be text."""
    path = folder / "export-ann.jsonl"
    path.write_text("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in lines))
    os.utime(path, (0, 1770091506))  # WRITTEN
    return list(read_lines(path))


def review(hour, decision="keep", **more):
    given = {"id": "row1", "content_hash": "hash1", "reviewer": "ann", "status": "submitted", "source": "x"}
    at = f"2026-01-01T{hour:02}:00:00Z"
    return Review(**given | {"form": form_version(), "at": at, "answers": {"decision": decision}} | more)


def dated(one):
    return Filled("f:1", one, dated=True)


answers = st.builds(
    Answers,
    decision=st.sampled_from(Decision),
    wrong=st.sets(st.sampled_from(sorted(WRONG)), max_size=4).map(tuple),
    positive_relevance=st.none() | st.integers(1, 5),
    negative_relevance=st.none() | st.integers(1, 5),
    query=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
    positive=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
)


@given(answers)
def test_what_was_filled_into_an_exported_line_is_read(tmp_path_factory, said):
    line = filled_in(answers=said.model_dump(mode="json"))
    [found] = read(tmp_path_factory.mktemp("lines"), line)
    assert isinstance(found, Filled) and found.review.answers == said
    assert found.review.key == ("row1", "hash1", "ann") and found.review.form == form_version()
    assert (found.review.status, found.review.at, found.review.source) == ("submitted", WRITTEN, "export-ann.jsonl")


def test_a_line_left_empty_holds_no_answer_and_one_without_a_decision_is_a_draft(tmp_path):
    rated = filled_in(answers={"positive_relevance": 3})
    discarded = filled_in(status="discarded")
    untouched, draft, gone = read(tmp_path, filled_in(), rated, discarded)
    assert isinstance(untouched, Unanswered)
    assert (draft.review.status, gone.review.status) == ("draft", "discarded")


def test_an_answer_that_stands_in_the_export_is_read_as_what_it_was(tmp_path):
    said = review(1, "drop", answers={"decision": "drop", "wrong": ["off_task"]})
    [record] = shown(line(1))
    [found] = read(tmp_path, json.loads(empty_line(record, "ann", said)))
    assert news([found], {said.key: said}).reviews == []


def test_an_answer_that_was_changed_elsewhere_since_the_export_is_not_brought_back_by_it(tmp_path):
    exported, since = review(1, "drop", source="http://server"), review(3, "keep", source="http://server")
    [record] = shown(line(1))
    left = json.loads(empty_line(record, "ann", exported))
    [found] = read(tmp_path, left)
    assert found == Filled(found.place, exported, dated=True)
    assert news([found], latest([exported, since])) == ([], 0, 1)
    [changed] = read(tmp_path, left | {"answers": {"decision": "fix", "query": "x"}})
    assert (changed.dated, changed.review.at) == (False, WRITTEN)
    assert news([changed], latest([exported, since])).reviews == [changed.review]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ('{"id": "row1", ', "not JSON"),
        ("[1]", "not an object"),
        (filled_in(answer={}), "'answer': unknown key (did you mean 'answers'?)"),
        (
            filled_in(answers={"decision": "Keep"}),
            "'answers.decision': Input should be 'keep', 'fix' or 'drop' ('Keep')",
        ),
        (filled_in(answers={"wrong": ["of_task"]}), "unknown label 'of_task' (did you mean 'off_task'?)"),
        (filled_in(answers={"decision": "keep", "positive_relevance": 6}), "'answers.positive_relevance'"),
        (filled_in(answers={"decision": "fix", "query": "a\ud800"}), "'answers.query'"),
        (filled_in(answers={"note": "x"}), "'answers.note'"),
        (filled_in(answers="keep"), "'answers'"),
        (filled_in(status="submitted"), "'answers.decision': is missing"),
        (filled_in(status="done", answers={"decision": "keep"}), "'status'"),
        (filled_in(at="yesterday", answers={"decision": "keep"}), "'at'"),
        (filled_in(at="2026-13-01T00:00:00Z", answers={"decision": "keep"}), "'at'"),
        (filled_in(at="2999-01-01T00:00:00Z", answers={"decision": "keep"}), "'at': lies in the future"),
        (filled_in(id=None, answers={"decision": "keep"}), "'id': Field required"),
        (filled_in(reviewer=7, answers={"decision": "keep"}), "'reviewer'"),
    ],
)
def test_a_bad_line_is_named_with_what_to_do_and_the_others_are_read(tmp_path, bad, says):
    good = filled_in(answers={"decision": "keep"})
    before, refused, after = read(tmp_path, good, bad, good)
    assert isinstance(refused, InputError) and isinstance(before, Filled) and isinstance(after, Filled)
    message = str(refused)
    assert message.startswith(f"{tmp_path / 'export-ann.jsonl'}:2: ") and says in message and "\n" not in message
    assert message.endswith("mend the line and import the file again: what was taken is not taken twice")
    message.encode("utf-8")


def test_a_file_may_be_called_anything(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff answers.jsonl")
    path.write_text(json.dumps(filled_in(answers={"decision": "keep"})))
    [found] = read_lines(path)
    append_reviews(tmp_path / "reviews.jsonl", [found.review])
    assert read_reviews(tmp_path / "reviews.jsonl")[0].source == "\ufffd answers.jsonl"


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        list(read_lines(tmp_path / "none.jsonl"))


def test_a_text_left_as_it_was_is_no_correction_unless_the_row_has_changed_since():
    said = {"decision": "fix", "query": "question 1", "positive": "better", "negative": "no answer 1"}
    given = review(1, answers=said)
    found = of_run(dated(given), {"row1": ROW})
    assert found.review.answers.corrections == {"positive": "better"}
    assert of_run(dated(given), {"row1": ROW | {"content_hash": "new"}}) == dated(given)
    alone = of_run(dated(given), {"row1": ROW | {"negatives": []}})
    assert alone.review.answers.corrections == {"positive": "better", "negative": "no answer 1"}


def test_an_answer_to_a_row_of_another_run_is_refused():
    with pytest.raises(InputError, match=r"f:1: 'id': this run has no row 'row1'"):
        of_run(dated(review(1)), {})


@given(st.permutations([review(1), review(2, "drop"), review(3), review(3), review(2, "fix", reviewer="bob")]))
def test_the_last_answer_counts_in_whatever_order_files_are_imported_and_nothing_is_doubled(tmp_path_factory, order):
    path = tmp_path_factory.mktemp("run") / "reviews.jsonl"
    for one in order:
        append_reviews(path, news([dated(one)], latest(read_reviews(path))).reviews)
    written = read_reviews(path)
    counts = latest(written)
    assert {key.reviewer: one.at for key, one in counts.items()} == {"ann": review(3).at, "bob": review(2).at}
    for one in order:
        assert not news([dated(one)], counts).reviews
    together = news(map(dated, [*order, *order]), {})
    assert latest(together.reviews) == counts and len(together.reviews) == 4


def test_a_file_that_was_mended_and_so_written_again_brings_only_what_is_new():
    known = latest([review(2), review(2, "drop", reviewer="bob")])
    again = [review(5), review(5, "fix", reviewer="bob"), review(1, "fix")]
    found = news([Filled("f:1", one, dated=False) for one in again], known)
    assert found == ([again[1]], 1, 1)
