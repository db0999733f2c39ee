"""What people's answers come to for the accepted rows, whatever they answer and in whatever order."""

from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.curation.decisions import Decisions, decide, reasons
from pairsmith.curation.review_form import WRONG, Answers
from pairsmith.curation.reviews import Review
from pairsmith.factory.records import PAIRS, REVIEWED, content_hash
from pairsmith.validators.judging import dropped_ids, without

NOBODY = pa.array([], pa.string())


def row(number: int, negatives: int = 1) -> dict[str, Any]:
    texts = f"query {number}", f"positive {number}", [f"negative {number}.{n}" for n in range(negatives)]
    return dict.fromkeys(PAIRS.names) | {
        "id": f"row{number}", "request_id": f"r{number}", "content_hash": content_hash(*texts), "group": "sts",
        "instruction": "Find it.", "query": texts[0], "positive": texts[1], "negatives": texts[2],
        "query_language": "en", "document_language": "en", "model": "m",
    }  # fmt: skip


ROWS = [row(number, number % 3) for number in range(8)]
TABLE = pa.Table.from_pylist(ROWS, PAIRS)


def review(number: int, decision: str | None, reviewer: str = "ada", at: int = 0, **more: Any) -> Review:
    """An answer to a row of :data:`ROWS`; ``hash`` and ``status`` may be others."""
    given = {
        "id": f"row{number}", "content_hash": more.pop("hash", ROWS[number]["content_hash"]), "reviewer": reviewer,
        "status": more.pop("status", "submitted"), "at": f"2026-01-01T00:00:{at:02}Z", "source": "test", "form": "f",
        "answers": Answers(decision=decision, **more),
    }  # fmt: skip
    return Review.model_validate(given)


def decided(*reviews: Review) -> Decisions:
    return decide([TABLE.slice(0, 3), TABLE.slice(3)], reviews)


def after(decisions: Decisions) -> dict[str, dict[str, Any]]:
    """The rows that stay, by id."""
    pieces = [decisions.applied(TABLE.slice(start, 3), dropped_ids(decisions.verdicts)) for start in (0, 3, 6)]
    rows = pa.concat_tables(pieces)
    assert rows.schema == REVIEWED
    return {each["id"]: each for each in rows.to_pylist()}


def test_a_dropped_row_goes_with_what_people_said_and_a_kept_one_says_that_it_was_looked_at() -> None:
    found = decided(review(1, "drop", wrong=("false_negative", "email")), review(2, "keep"), review(4, "drop"))
    rows = after(found)
    assert rows.keys() == {f"row{n}" for n in (0, 2, 3, 5, 6, 7)}
    assert {id: each["review"] for id, each in rows.items() if each["review"]} == {"row2": "kept"}
    assert reasons(found.verdicts) == {
        "review:row:email": 1, "review:row:false_negative": 1, "review:row:no_reason_given": 1,
    }  # fmt: skip
    assert found.dropped() == {"dropped": 2, "not_corrected": 0}


def test_a_corrected_row_keeps_its_id_and_all_but_the_corrected_texts() -> None:
    found = decided(review(2, "fix", query="a better query", negative="a better negative", wrong=("unnatural",)))
    new, old = after(found)["row2"], ROWS[2]
    assert (new["query"], new["positive"]) == ("a better query", old["positive"])
    assert new["negatives"] == ["a better negative", old["negatives"][1]], "the first of them"
    assert new["content_hash"] == content_hash(new["query"], new["positive"], new["negatives"]) != old["content_hash"]
    assert new["review"] == "corrected"
    changed = {"query", "negatives", "content_hash", "review"}
    assert {name: new[name] for name in PAIRS.names if name not in changed} == {
        name: value for name, value in old.items() if name not in changed
    }
    assert [row["verdict"] for row in found.verdicts.to_pylist()] == ["keep"]


def test_a_row_to_be_fixed_that_nobody_corrected_is_not_released_as_it_is() -> None:
    same = ROWS[3]["query"]
    found = decided(
        review(1, "fix", wrong=("off_task",)), review(3, "fix", query=same, negative="there is none to correct")
    )
    assert after(found).keys() == {f"row{n}" for n in (0, 2, 4, 5, 6, 7)}
    assert reasons(found.verdicts) == {"review:row:not_corrected": 2, "review:row:off_task": 1}
    assert found.dropped() == {"dropped": 0, "not_corrected": 2}


def test_what_does_not_count_leaves_the_row_as_if_nobody_had_judged_it() -> None:
    found = decided(
        review(0, "drop", hash="of other texts"),
        review(1, "drop", status="draft"),
        review(2, None, status="discarded"),
        review(3, "drop").model_copy(update={"id": "a rejected row"}),
    )
    assert list(after(found).values()) == [each | {"review": None} for each in ROWS]
    assert not len(found.verdicts)
    assert found.outdated == 1


def test_several_reviewers_are_one_voice() -> None:
    found = decided(
        review(0, "keep", "ada"), review(0, "drop", "bo"),  # equally many: the strictest
        review(1, "keep", "ada"), review(1, "keep", "bo"), review(1, "drop", "cy"),
        review(2, "fix", "ada", 1, query="first"), review(2, "fix", "bo", 2, query="last"),
        review(4, "drop", "ada", 1), review(4, "keep", "ada", 2),  # the same person: the last line
    )  # fmt: skip
    rows = after(found)
    assert "row0" not in rows
    assert (rows["row1"]["review"], rows["row2"]["query"], rows["row4"]["review"]) == ("kept", "last", "kept")


def test_of_two_corrections_the_later_one_counts_however_finely_its_time_is_told() -> None:
    first = review(2, "fix", "ada", query="first")  # at 00:00:00Z
    last = review(2, "fix", "bo", query="last").model_copy(update={"at": "2026-01-01T00:00:00.5+00:00"})
    assert after(decided(first, last))["row2"]["query"] == after(decided(last, first))["row2"]["query"] == "last"


ANSWERS = st.builds(
    lambda number, reviewer, decision, texts, wrong, stale: review(
        number, decision, reviewer, wrong=tuple(wrong), **({"hash": "other"} if stale else {}), **texts
    ),
    st.integers(0, len(ROWS) - 1),
    st.sampled_from("abc"),
    st.sampled_from(["keep", "fix", "drop"]),
    st.dictionaries(st.sampled_from(["query", "positive", "negative"]), st.text(max_size=5)),
    st.lists(st.sampled_from(sorted(WRONG)), max_size=2),
    st.booleans(),
)


@given(st.lists(ANSWERS, max_size=12, unique_by=lambda one: one.key), st.randoms(use_true_random=False))
def test_each_row_stays_as_it_is_is_corrected_or_goes_whatever_the_order_of_the_answers(reviews, random) -> None:
    found, counts = decided(*reviews), decided(*reviews).dropped()
    rows = after(found)
    assert len(rows) + counts["dropped"] + counts["not_corrected"] == len(ROWS)
    marks = [each["review"] for each in rows.values()]
    assert (marks.count("kept"), marks.count("corrected")) == (len(found.kept), len(found.corrected))
    for old in ROWS:
        new = rows.get(old["id"])
        if new and new["review"] != "corrected":
            assert new == old | {"review": new["review"]}
    assert list(rows) == without(TABLE, dropped_ids(found.verdicts))["id"].to_pylist(), "in the order of the rows"
    shuffled = random.sample(reviews, len(reviews))
    again = decided(*shuffled)
    assert again.verdicts.equals(found.verdicts)
    assert (again.corrected.equals(found.corrected), again.kept.equals(found.kept)) == (True, True)
