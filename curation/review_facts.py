"""What card and manifest of a release say of its review by people. Reviewers are counted there, and none is named."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from pairsmith.curation.acceptance import Statement, statement
from pairsmith.curation.agreement import agreement, shared
from pairsmith.curation.answered import once, shown
from pairsmith.curation.review_form import guidelines
from pairsmith.curation.review_progress import progress
from pairsmith.curation.reviews import Review, latest
from pairsmith.factory.errors import RunError
from pairsmith.factory.records import digest
from pairsmith.factory.spec import ReviewSpec

NOT_INSTALLED = "the package that computes it was not installed"


@dataclass(frozen=True)
class PartFacts:
    """Rows of a part of the sample, and those of them on which people have decided."""

    rows: int
    answered: int


@dataclass(frozen=True)
class AgreementFacts:
    """Krippendorff's alpha of the decisions with its interval, on so many ``rows``; None where ``undefined`` says why."""

    rows: int
    alpha: float | None
    low: float | None
    high: float | None
    undefined: str | None


@dataclass(frozen=True)
class ReviewFacts:
    """``decisions``: accepted rows by what became of them, see :mod:`pairsmith.deciding`; ``reviewers``: people who have
    answered; ``parts``: of the sample that was drawn for them, by name; ``statement``: what their answers support, None where
    no sample was drawn; ``agreement``: None where no row has two answers; ``guidelines``: digest of those of this Pairsmith;
    ``forms``: digests of the forms that were answered."""

    decisions: dict[str, Any]
    reviewers: int
    parts: dict[str, PartFacts]
    statement: Statement | None
    agreement: AgreementFacts | None
    guidelines: str
    forms: list[str]

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def review_facts(
    decisions: dict[str, Any], reviews: Sequence[Review], sample: pa.Table | None, spec: ReviewSpec
) -> ReviewFacts:
    """All that is said of ``reviews``. ``sample``: what was drawn (schema SAMPLE), if anything was: then agreement is that of
    the answers to it, as in :func:`pairsmith.curation.review_figures.figures`, and else of all."""
    finished = [one for one in latest(reviews).values() if one.status != "draft"]
    rows = shown(sample, reviews) if sample is not None else []
    parts = progress(rows, reviews)["parts"] if sample is not None else {}
    counted = [one for row in once(rows) for one in row.responses] if sample is not None else reviews
    return ReviewFacts(
        decisions=decisions,
        reviewers=len({one.reviewer for one in finished}),
        parts={name: PartFacts(of["drawn"], of["answered"]) for name, of in parts.items()},
        statement=statement(sample, reviews, spec) if sample is not None else None,
        agreement=_agreement(counted),
        guidelines=digest(guidelines()),
        forms=sorted({one.form for one in finished}),
    )


def _agreement(reviews: Sequence[Review]) -> AgreementFacts | None:
    rows = len(shared(reviews, "decision"))
    if not rows:
        return None
    try:
        found = agreement(reviews, "decision")
    except RunError:  # a release is made without the extra `review` too
        return AgreementFacts(rows, None, None, None, NOT_INSTALLED)
    why = found.undefined.get("alpha") or found.undefined.get("alpha interval")
    return AgreementFacts(rows, found.alpha, found.alpha_low, found.alpha_high, why)
