"""Answers as JSON lines: what is written for those who fill them in by hand, and what is read, of theirs or of the page's.

A line has the keys of :class:`pairsmith.curation.reviews.Review`; beside them, not to be changed, ``row`` and
``suggestion`` for people to read, and ``answered``: what stood in the line when it was written.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from pairsmith.curation.review_form import TEXTS, Answers, form_version
from pairsmith.curation.review_records import Record
from pairsmith.curation.reviews import Key, Review, checked
from pairsmith.factory.errors import InputError, nearest
from pairsmith.factory.json_lines import json_lines

REMEDY = "mend the line and import the file again: what was taken is not taken twice"
CLOCKS = timedelta(days=1)  # by which the clock of a reviewer may be ahead of ours
_TO_READ = ("row", "suggestion", "answered")


class Filled(NamedTuple):
    """A line of a file: its place (``file:line``), the response that it holds, and whether it says itself when it was given."""

    place: str
    review: Review
    dated: bool


class Unanswered(NamedTuple):
    """A line of a file that was not filled in."""

    place: str


class News(NamedTuple):
    """What is new among responses. ``known``: how many say what was known; ``older``: how many are older than what was."""

    reviews: list[Review]
    known: int
    older: int


def empty_line(record: Record, reviewer: str, review: Review | None) -> str:
    """The line to fill in for a record, with what the reviewer has answered so far."""
    line = {
        "id": record.id,
        "content_hash": record.content_hash,
        "row": {
            "group": record.group,
            "query_language": record.query_language,
            "document_language": record.document_language,
            "task": record.instruction,
            "query": record.query,
            "positive": record.positive,
            "negatives": record.negatives,
        },
        "suggestion": asdict(record.suggestion),
        "answers": (review.answers if review else Answers()).model_dump(mode="json"),
        "status": review.status if review else None,
        "at": None,
        "reviewer": reviewer,
        "source": None,
        "form": form_version(),
        "answered": review and review.model_dump(mode="json", include={"status", "at", "source", "form", "answers"}),
    }
    return json.dumps(line, ensure_ascii=False) + "\n"


def read_lines(path: Path) -> Iterator[Filled | Unanswered | InputError]:
    """What each line of a file holds, or what is wrong with it. Raises :class:`InputError` where there is no such file.

    A line that does not say when it was answered was so when the file was written last.
    """
    for place, line in json_lines(path, REMEDY):
        if isinstance(line, InputError):
            yield line
            continue
        try:
            line = _as_answered(line)
            review = _review(line, place, path)
        except InputError as error:
            yield error
        else:
            yield Filled(place, review, bool(line.get("at"))) if review else Unanswered(place)


def of_run(filled: Filled, rows: Mapping[str, Mapping[str, Any]]) -> Filled:
    """The same, without texts that are what they were. :class:`InputError` where it is to a row that is not among ``rows``.

    ``rows``: id -> ``content_hash``, ``query``, ``positive``, ``negatives`` of the run as it is now.
    """
    review = filled.review
    if review.id not in rows:
        raise InputError(f"{filled.place}: 'id': this run has no row {review.id!r}; import it into the run it is from")
    row = rows[review.id]
    if row["content_hash"] != review.content_hash:
        return filled
    texts = {"query": row["query"], "positive": row["positive"], "negative": next(iter(row["negatives"]), None)}
    same = {name: None for name in TEXTS if getattr(review.answers, name) == texts[name]}
    answers = review.answers.model_copy(update=same)
    return filled._replace(review=review.model_copy(update={"answers": answers}))


def news(filled: Iterable[Filled], known: Mapping[Key, Review]) -> News:
    """What is not ``known``, the oldest first: the same from the same files, in whatever order and how often they come.

    What a line without a time says is known where the reviewer's last answer says it: its file may have been written since.
    """
    last, new = dict(known), []
    same = older = 0
    for review, dated in sorted(((one.review, one.dated) for one in filled), key=lambda one: one[0].moment):
        before = last.get(review.key)
        if before and (before == review if dated else _said(before) == _said(review)):
            same += 1
        elif before and review.moment < before.moment:
            older += 1
        else:
            last[review.key] = review
            new.append(review)
    return News(new, same, older)


def _as_answered(line: dict[str, Any]) -> dict[str, Any]:
    """A line in which nothing was changed says what was known when it was written, and nothing newer."""
    was = line.get("answered")
    if isinstance(was, dict) and all(line.get(key) == was.get(key) for key in ("status", "answers")):
        return {**line, **was}
    return line


def _review(line: Mapping[str, Any], place: str, path: Path) -> Review | None:
    names = (*Review.model_fields, *_TO_READ)
    for name in line:
        if name not in names:
            raise InputError(f"{place}: {name!r:.80}: unknown key{nearest(name, names)}; {REMEDY}")
    given = {name: line[name] for name in Review.model_fields if line.get(name) is not None}
    if isinstance(answers := given.get("answers"), dict):
        given["answers"] = {name: answer for name, answer in answers.items() if answer is not None}
    status = given.setdefault("status", "draft")
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    name = os.fsencode(path.name).decode("utf-8", "replace")
    review = checked({"at": written, "source": name[-200:], **given}, place, REMEDY)
    try:
        if review.moment > datetime.now(UTC) + CLOCKS:
            raise ValueError("lies in the future, where no later answer could replace it")
    except ValueError as error:
        raise InputError(f"{place}: 'at': {error} ({review.at}); {REMEDY}") from None
    if line.get("status") is None:
        if review.answers == Answers():
            return None
        return review.model_copy(update={"status": "submitted" if review.answers.decision else "draft"})
    if status == "submitted" and review.answers.decision is None:
        raise InputError(
            f"{place}: 'answers.decision': is missing; say keep, fix or drop, or make it a draft; {REMEDY}"
        )
    return review


def _said(review: Review) -> tuple[object, ...]:
    return review.status, review.form, review.answers
