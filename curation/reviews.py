"""``reviews.jsonl``: every response of every reviewer, as it came, and what several of them come to.

The file only grows: a response that changed is one more line, and the last line of a reviewer on a row counts. A response
belongs to the texts that were seen (``content_hash``): where they have changed since, it counts no longer and is still kept.
"""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pairsmith.curation.review_form import TEXTS, Answers, Decision
from pairsmith.factory.errors import InputError
from pairsmith.factory.json_lines import json_lines

FILE = "reviews.jsonl"

Short = Annotated[str, Field(min_length=1, max_length=200)]
Status = Literal["submitted", "draft", "discarded"]

_STRICTEST = (Decision.DROP, Decision.FIX, Decision.KEEP)


class Key(NamedTuple):
    """What a response is to: one reviewer, one row, as its texts were."""

    id: str
    content_hash: str
    reviewer: str


class Review(BaseModel):
    """One response. ``at``: when it was given, ISO 8601 in UTC; ``source``: where it was given, a server or a file; ``form``:
    see :func:`pairsmith.curation.review_form.form_version`. A ``discarded`` one says: not to be judged."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Short
    content_hash: Short
    reviewer: Short
    status: Status
    at: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)$")]
    source: Short
    form: Short
    answers: Answers = Answers()

    @property
    def key(self) -> Key:
        """What it is a response to."""
        return Key(self.id, self.content_hash, self.reviewer)

    @property
    def moment(self) -> datetime:
        """When it was given, to be compared: ``at`` may say it in more or fewer digits."""
        return datetime.fromisoformat(self.at)


def read_reviews(path: Path) -> list[Review]:
    """All lines of the file, the oldest first; none where there is no file. :class:`InputError` names a bad line."""
    if not path.exists():
        return []
    remedy = "mend or remove the line: it is the record of what people said"
    found = []
    for place, line in json_lines(path, remedy):
        if isinstance(line, InputError):
            raise line
        found.append(checked(line, place, remedy))
    return found


def checked(line: Mapping[str, Any], place: str, remedy: str) -> Review:
    """The response that a line of a file holds; :class:`InputError` in one line where it holds none."""
    try:
        return Review.model_validate(line)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise InputError(f"{place}: '{where}': {problem['msg']} ({problem['input']!r:.80}); {remedy}") from None


def append_reviews(path: Path, reviews: Iterable[Review]) -> int:
    """Append those that say something new; they are on disk when this returns. Returns how many.

    What its reviewer has replaced by a later answer, given elsewhere, is not new.
    """
    known = latest(read_reviews(whole_lines(path)))
    new = []
    for review in reviews:
        before = known.get(review.key)
        if before is None or (before != review and review.moment >= before.moment):
            known[review.key] = review
            new.append(review)
    if new:
        with path.open("a", encoding="utf-8") as file:
            for review in new:
                file.write(json.dumps(review.model_dump(mode="json"), ensure_ascii=False, sort_keys=True) + "\n")
            file.flush()
            os.fsync(file.fileno())
    return len(new)


def under_known_names(responses: Sequence[Review], known: Iterable[Review]) -> list[Review]:
    """The responses of a server, each of the reviewer who is known to have given it, whatever the server calls them by now.

    A reviewer who was renamed there, or whose name the key may not see, would count as one more person otherwise. Who once
    gave a response that is known, of the same row and moment, is known by its name.
    """
    givers: dict[tuple[str, str, datetime], set[str]] = defaultdict(set)
    for one in known:
        givers[one.id, one.content_hash, one.moment].add(one.reviewer)
    names: dict[str, set[str]] = defaultdict(set)
    for one in responses:
        names[one.reviewer] |= givers.get((one.id, one.content_hash, one.moment), set())
    now = {name: name if name in before or not before else min(before) for name, before in names.items()}
    return [one.model_copy(update={"reviewer": now[one.reviewer]}) for one in responses]


def whole_lines(path: Path) -> Path:
    """Cut off a last line that was not written whole: it was never counted, and comes again with the next pull.

    One that is whole and only lacks its line end, as an editor may leave it, gets that.
    """
    if path.exists():
        with path.open("rb+") as file:
            content = file.read()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                file.seek(whole)
                file.truncate()
                file.write(content[whole:] + b"\n" if _is_json(content[whole:]) else b"")
    return path


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def latest(reviews: Iterable[Review]) -> dict[Key, Review]:
    """What counts of each reviewer on each row: the last line."""
    return {review.key: review for review in reviews}


@dataclass(frozen=True)
class Resolved:
    """What the reviewers of one row come to. ``decision`` is None where all of them discarded it.

    ``corrections``: name of a text -> what it should be; only where the decision is to fix.
    """

    decision: Decision | None
    wrong: tuple[str, ...]
    positive_relevance: float | None
    negative_relevance: float | None
    corrections: dict[str, str]
    reviewers: tuple[str, ...]


def resolve(responses: Sequence[Review]) -> Resolved | None:
    """The rule for several reviewers of one row (one response each, of the same texts); None where none has finished.

    The decision of most of them; of equally many the strictest (drop before fix before keep). What half of them or more
    call wrong is wrong. Ratings: the median. Corrected texts: of those who chose to fix, the last answer.
    """
    done = [one for one in responses if one.status == "submitted" and one.answers.decision is not None]
    if not done:
        gone = tuple(sorted(one.reviewer for one in responses if one.status == "discarded"))
        return Resolved(None, (), None, None, {}, gone) if gone else None
    votes = Counter(one.answers.decision for one in done)
    decision = max(_STRICTEST, key=lambda each: votes[each])  # the first of equal ones
    named = Counter(code for one in done for code in one.answers.wrong)
    fixes = sorted(
        (one for one in done if one.answers.decision is Decision.FIX), key=lambda one: (one.moment, one.reviewer)
    )
    return Resolved(
        decision,
        tuple(sorted(code for code, count in named.items() if 2 * count >= len(done))),
        _median([one.answers.positive_relevance for one in done]),
        _median([one.answers.negative_relevance for one in done]),
        _corrections(fixes) if decision is Decision.FIX else {},
        tuple(sorted(one.reviewer for one in done)),
    )


def by_row(reviews: Iterable[Review]) -> Mapping[tuple[str, str], list[Review]]:
    """(row id, content hash) -> the response that counts of each reviewer, in the order of their names."""
    found: dict[tuple[str, str], list[Review]] = defaultdict(list)
    for key, review in sorted(latest(reviews).items()):
        found[key.id, key.content_hash].append(review)
    return found


def _median(ratings: Iterable[int | None]) -> float | None:
    given = [rating for rating in ratings if rating is not None]
    return float(median(given)) if given else None


def _corrections(fixes: Sequence[Review]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in TEXTS:
        for one in fixes:
            found |= {key: text for key, text in one.answers.corrections.items() if key == name}
    return found
