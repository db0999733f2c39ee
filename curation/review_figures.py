"""What people's answers say: how far they are and agree, and what is told of the rows that they did not see."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from pairsmith.curation.acceptance import statement
from pairsmith.curation.agreement import agreement
from pairsmith.curation.answered import Shown, decided, once, shown
from pairsmith.curation.confusion import confusion, not_caught
from pairsmith.curation.gate_scores import read_lines
from pairsmith.curation.relevance import relevance
from pairsmith.curation.review_progress import progress
from pairsmith.curation.review_rates import defects, wrong_rejections
from pairsmith.curation.reviews import Review
from pairsmith.curation.suggested_thresholds import suggested_thresholds
from pairsmith.factory.errors import RunError
from pairsmith.factory.spec import GatesSpec, ReviewSpec
from pairsmith.factory.tables import TableFile

QUESTIONS = ("decision", "positive_relevance", "negative_relevance")
"""Those of which agreement is told in any case; of what is wrong, of each code that was named."""


def figures(
    sample: pa.Table, reviews: Sequence[Review], verdicts: TableFile, spec: ReviewSpec, gates: GatesSpec
) -> dict[str, Any]:
    """All that ``reviews`` say of the rows of ``sample`` (schema SAMPLE) and of those that they stand for, ready for JSON.

    Responses to other rows, or to other texts than these rows have now, count nowhere. Reads the ``verdicts`` once, unless
    nothing was answered.
    """
    rows = shown(sample, reviews)
    ids = [row.id for row in decided(rows)]
    return {
        "progress": progress(rows, reviews),
        "agreement": _agreement(rows),
        "defects": defects(rows),
        "wrong_rejections": wrong_rejections(rows),
        "confusion": confusion(rows),
        "not_caught": not_caught(rows),
        "relevance": relevance(rows),
        "thresholds": suggested_thresholds(rows, read_lines(verdicts, ids) if ids else {}, gates),
        "acceptance": statement(sample, reviews, spec).as_json(),
    }


def _agreement(rows: Sequence[Shown]) -> dict[str, Any]:
    """``questions``: how far reviewers agree on each; ``missing``: why nothing is told, where what computes it is not there."""
    shared = [row for row in once(rows) if sum(one.status == "submitted" for one in row.responses) > 1]
    responses = [one for row in shared for one in row.responses]
    codes = sorted({code for one in responses for code in one.answers.wrong})
    questions = (*QUESTIONS, *(f"wrong:{code}" for code in codes))
    try:
        return {"questions": {name: agreement(responses, name).as_json() for name in questions}, "missing": None}
    except RunError as error:  # all else can be told
        return {"questions": {}, "missing": str(error)}
