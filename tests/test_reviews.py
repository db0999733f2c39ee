"""The file of people's answers: what is known stays, and nobody counts as two."""

import json
from pathlib import Path
from typing import Any

import pytest

from pairsmith.curation.review_form import form_version
from pairsmith.curation.reviews import (
    Review,
    append_reviews,
    latest,
    read_reviews,
    under_known_names,
    whole_lines,
)


def review(number: int = 1, reviewer: str = "ann", minute: int = 0, **more: Any) -> Review:
    said = {"id": f"row{number}", "content_hash": "c", "reviewer": reviewer, "status": "submitted", "source": "s"}
    at = f"2026-01-01T10:{minute:02}:00.{number:06}+00:00"
    return Review(**{**said, "at": at, "form": form_version(), "answers": {"decision": "keep"}, **more})


def test_a_reviewer_whom_a_server_calls_otherwise_by_now_is_still_one_person(tmp_path: Path) -> None:
    path = tmp_path / "reviews.jsonl"
    append_reviews(path, [review(1), review(2), review(1, "bob", 1)])
    changed = review(2, "anna", 5, answers={"decision": "drop"})
    there = [review(1, "anna"), changed, review(1, "bob", 1), review(3, "cid")]
    new = under_known_names(there, read_reviews(path))
    assert [one.reviewer for one in new] == ["ann", "ann", "bob", "cid"]
    assert append_reviews(path, new) == 2  # what she changed since, and the newcomer's
    assert {key.reviewer for key in latest(read_reviews(path))} == {"ann", "bob", "cid"}
    assert append_reviews(path, under_known_names(there, read_reviews(path))) == 0


def test_two_who_answered_at_the_same_moment_stay_two() -> None:
    both = [review(1), review(1, "bob")]
    assert under_known_names(both, both) == both


def test_a_last_line_is_kept_where_it_is_whole_and_cut_off_where_it_is_not(tmp_path: Path) -> None:
    path = tmp_path / "reviews.jsonl"
    append_reviews(path, [review(1), review(2)])
    content = path.read_bytes()
    for cut in range(1, len(content.splitlines(keepends=True)[-1])):
        path.write_bytes(content[:-cut])
        kept = read_reviews(whole_lines(path))
        assert kept == ([review(1), review(2)] if cut == 1 else [review(1)])
        assert path.read_bytes().endswith(b"\n")
    path.write_bytes(content)
    assert whole_lines(path).read_bytes() == content


@pytest.mark.parametrize("line", ["[1]", json.dumps({"id": "x"})])
def test_a_whole_line_that_is_no_answer_is_named_and_not_thrown_away(tmp_path: Path, line: str) -> None:
    path = tmp_path / "reviews.jsonl"
    path.write_text(line)
    with pytest.raises(Exception, match=r"reviews\.jsonl:1"):
        append_reviews(path, [review()])
    assert path.read_text() == f"{line}\n"
