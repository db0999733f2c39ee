"""How far people are: rows of each part that are answered and that wait, and how fast each reviewer goes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from pairsmith.curation.answered import Shown, of_part, once
from pairsmith.curation.review_rows import Part
from pairsmith.curation.reviews import Review, latest

BREAK = 300
"""Seconds between two answers above which the reviewer did something else: three long texts take one or two minutes."""


def progress(rows: Sequence[Shown], reviews: Sequence[Review]) -> dict[str, Any]:
    """Rows ``shown`` in all and by part (``parts``), and by reviewer (``reviewers``).

    drawn = answered + discarded + drafts + pending. ``answered``: there is a decision; ``second_missing``: answered rows
    that a second reviewer is still to answer; ``drafts``: begun, and finished by nobody; ``not_in_sample``: responses to
    rows that are not in the sample, or have other texts by now.
    """
    responses = [one for row in once(rows) for one in row.responses]
    return {
        "shown": _counts(once(rows)),
        "parts": {part.value: _counts(of_part(rows, part)) for part in Part},
        "reviewers": _reviewers(responses),
        "not_in_sample": len(latest(reviews)) - len(responses),
    }


def _counts(rows: Sequence[Shown]) -> dict[str, int]:
    states = Counter(map(_state, rows))
    counts = {state: states[state] for state in ("answered", "discarded", "drafts", "pending")}
    missing = sum(row.decision is not None and row.overlap and _finished(row) < 2 for row in rows)
    return {"drawn": len(rows), **counts, "second_missing": missing}


def _state(row: Shown) -> str:
    if row.resolved is None:
        return "drafts" if row.responses else "pending"
    return "discarded" if row.decision is None else "answered"


def _finished(row: Shown) -> int:
    return sum(one.status != "draft" for one in row.responses)


def _reviewers(responses: Iterable[Review]) -> dict[str, dict[str, Any]]:
    by_name: dict[str, list[Review]] = defaultdict(list)
    for one in responses:
        by_name[one.reviewer].append(one)
    return {name: _reviewer(mine) for name, mine in sorted(by_name.items())}


def _reviewer(responses: Sequence[Review]) -> dict[str, Any]:
    states = Counter(one.status for one in responses)
    return {
        "submitted": states["submitted"],
        "discarded": states["discarded"],
        "drafts": states["draft"],
        "rows_an_hour": _pace(sorted(datetime.fromisoformat(one.at) for one in responses if one.status != "draft")),
    }


def _pace(times: Sequence[datetime]) -> float | None:
    """Rows an hour without breaks; None where the times do not tell (fewer than two rows, or all at once)."""
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    worked = [gap for gap in gaps if gap <= BREAK]
    return round(3600 * len(worked) / sum(worked), 1) if sum(worked) else None
