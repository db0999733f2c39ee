"""Argilla's responses as reviews: plain data, no server."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from pairsmith.curation.argilla_records import bare, our_name
from pairsmith.curation.review_form import QUESTIONS, TEXTS, Answers, Decision
from pairsmith.curation.reviews import Review
from pairsmith.factory.errors import InputError


class Reading(NamedTuple):
    """What responses are read with. ``source``: the server; ``form``: version of what was asked; ``users``: user id -> name;
    ``questions``: question id -> our name of it."""

    source: str
    form: str
    users: Mapping[str, str]
    questions: Mapping[str, str]


def to_review(record: Mapping[str, Any], response: Mapping[str, Any], reading: Reading) -> Review | InputError:
    """A response of the server as a review, or why it is none. ``record``, ``response``: as the API has them."""
    name = record.get("external_id") or record["id"]
    reviewer = reading.users.get(response["user_id"], str(response["user_id"]))
    where = f"record {name}: the response of {reviewer}"
    row_id, _, content_hash = str(record.get("external_id") or "").rpartition("-")
    if not row_id:
        return InputError(f"{where}: the record is none that Pairsmith made, left out")
    given = {our_name(key): value.get("value") for key, value in (response.get("values") or {}).items()}
    try:
        return Review(
            id=row_id,
            content_hash=content_hash,
            reviewer=reviewer,
            status=response["status"],
            at=_utc(response["updated_at"]),
            source=reading.source,
            form=reading.form,
            answers=Answers(**_answers(given, _filled_in(record, reading), response["status"])),
        )
    except ValidationError as error:
        problem = error.errors()[0]
        question = ".".join(map(str, problem["loc"])) or "answers"
        said = problem["msg"].removeprefix("Value error, ")
        answer = " ".join(str(problem["input"])[:80].split())
        return InputError(f"{where}: '{question}': {said} ({answer}), left out")


def _answers(given: Mapping[str, Any], filled_in: Mapping[str, Any], status: str) -> dict[str, Any]:
    """The answers to our questions that are a person's own.

    What was filled in and left as it was is none: not as a corrected text (spaces apart), not as a flaw of a row that is
    kept, and not at all where the row is discarded.
    """
    found = {question.name: given[question.name] for question in QUESTIONS if given.get(question.name) is not None}
    for name in TEXTS:
        text = bare(str(found.pop(name, "")))
        if text and text.split() != str(filled_in.get(name, "")).split():
            found[name] = text
    left = {name for name in found if name in filled_in and _same(found[name], filled_in[name])}
    if status == "discarded":
        return {name: value for name, value in found.items() if name not in left}
    if "wrong" in left and found.get("decision") == Decision.KEEP:
        del found["wrong"]
    return found


def _same(given: Any, filled_in: Any) -> bool:
    both_lists = isinstance(given, list) and isinstance(filled_in, list)
    return sorted(given) == sorted(filled_in) if both_lists else bool(given == filled_in)


def _filled_in(record: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    suggested = record.get("suggestions") or ()
    return {reading.questions[one["question_id"]]: one["value"] for one in suggested}


def _utc(time: str) -> str:
    """The server's time, which is in UTC and does not say so, as one that does."""
    given = datetime.fromisoformat(time)
    return (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
