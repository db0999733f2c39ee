"""What people think of the relevance of positives and hard negatives, by group, and negatives that seem to be none."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from pairsmith.curation.answered import Shown, decided, grouped, of_part, once
from pairsmith.curation.review_rows import Part


def relevance(rows: Sequence[Shown]) -> dict[str, dict[str, Any]]:
    """By group: the median rating (1 to 5) of positives and of hard negatives, and how many were rated, in the random part.

    ``possible_false_negatives``: ids of accepted rows, in whichever part, whose negative is rated as high as the positive.
    """
    accepted = once(row for row in rows if row.part is not Part.REJECTED)
    random = {row.id for row in of_part(rows, Part.RANDOM)}
    return {
        group: {
            **_medians([row for row in mine if row.id in random]),
            "possible_false_negatives": sorted(row.id for row in mine if _false_negative(row)),
        }
        for group, mine in grouped(decided(accepted), lambda row: [row.group]).items()
    }


def _medians(rows: Sequence[Shown]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for side in ("positive", "negative"):
        given = [getattr(row.resolved, f"{side}_relevance") for row in rows]
        rated = [rating for rating in given if rating is not None]
        found |= {side: median(rated) if rated else None, f"{side}s_rated": len(rated)}
    return found


def _false_negative(row: Shown) -> bool:
    """Whether its negative is rated as high as its positive, or higher."""
    said = row.resolved
    if said is None or said.positive_relevance is None or said.negative_relevance is None:
        return False
    return said.negative_relevance >= said.positive_relevance
