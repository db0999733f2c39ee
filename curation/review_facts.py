"""What card and manifest of a release say of its review by people. Reviewers are counted there, and none is named."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from pairsmith.curation.acceptance import Statement, statement
from pairsmith.curation.agreement import agreement
from pairsmith.curation.review_form import form_version, guidelines
from pairsmith.curation.review_rows import Part
from pairsmith.curation.reviews import Review, by_row, resolve
from pairsmith.factory.records import digest
from pairsmith.factory.spec import ReviewSpec


@dataclass(frozen=True)
class PartFacts:
    """Rows of a part of the sample, and those of them that are answered."""

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
    no sample was drawn; ``agreement``: None where no row has two answers; ``guidelines`` and ``form``: digests of what they
    were told and asked."""

    decisions: dict[str, Any]
    reviewers: int
    parts: dict[str, PartFacts]
    statement: Statement | None
    agreement: AgreementFacts | None
    guidelines: str
    form: str

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def review_facts(
    decisions: dict[str, Any], reviews: Sequence[Review], sample: pa.Table | None, spec: ReviewSpec
) -> ReviewFacts:
    """All that is said of ``reviews``. ``sample``: what was drawn (schema SAMPLE), if anything was."""
    return ReviewFacts(
        decisions=decisions,
        reviewers=len({one.reviewer for one in reviews if one.status != "draft"}),
        parts=_parts(sample, reviews) if sample is not None else {},
        statement=statement(sample, reviews, spec) if sample is not None else None,
        agreement=_agreement(reviews),
        guidelines=digest(guidelines()),
        form=form_version(),
    )


def _parts(sample: pa.Table, reviews: Sequence[Review]) -> dict[str, PartFacts]:
    answers = by_row(reviews)
    found: dict[str, list[bool]] = {part.value: [] for part in Part}
    for row in sample.select(["part", "id", "content_hash"]).to_pylist():
        found[row["part"]].append(resolve(answers.get((row["id"], row["content_hash"]), ())) is not None)
    return {part: PartFacts(len(answered), sum(answered)) for part, answered in found.items()}


def _agreement(reviews: Sequence[Review]) -> AgreementFacts | None:
    found = agreement(reviews, "decision")
    if not found.rows:
        return None
    why = found.undefined.get("alpha") or found.undefined.get("alpha interval")
    return AgreementFacts(found.rows, found.alpha, found.alpha_low, found.alpha_high, why)
