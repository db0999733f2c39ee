"""How many rows of a run people must look at until they may say that fewer than a given share of all are defective."""

from math import ceil
from typing import Any

from pairsmith.curation.sample_size import CHANCES, Planned, any_time, planned
from pairsmith.factory.errors import InputError, RunError
from pairsmith.gating import GATE
from pairsmith.run import ACCEPTED, Run

LIMIT = 0.05
"""Where neither the spec nor the command says one. Test sets in wide use hold some 3 % of wrong labels (Northcutt et
al., 2021): not far above that."""

EXPECTED = 0.25
"""Of the limit, where the command says nothing: nearer to it, the number of rows grows beyond what anybody looks at."""

SECONDS_A_ROW = 20
"""What a reviewer takes for a row: to read three short texts, and one key."""


def plan_review(
    run: Run, limit: float | None = None, confidence: float | None = None, expected: float | None = None
) -> dict[str, Any]:
    """Rows that a planned sample and the always-valid bound need, for what the spec says where an argument is None."""
    run.folder.need(ACCEPTED, "gate")
    population = run.folder.facts(GATE.name)["accepted"]
    review = run.spec.review
    limit = limit if limit is not None else review.max_defect_rate or LIMIT
    confidence = confidence if confidence is not None else review.confidence
    expected = expected if expected is not None else EXPECTED * limit
    _check(run, population, limit, confidence, expected)
    needed = any_time(population, limit, confidence, expected)
    random = 1 - review.doubtful - review.rejected
    sample = None if needed[-1] is None else ceil(needed[-1] / random)
    return {
        "population": population,
        "limit": limit,
        "confidence": confidence,
        "expected": expected,
        "planned": _sized(planned(population, limit, confidence, expected)),
        "planned_of_any_population": _sized(planned(None, limit, confidence, expected)),
        "any_time": [
            {"chance": chance, "rows": rows, "hours": _hours(rows)}
            for chance, rows in zip(CHANCES, needed, strict=True)
        ],
        "seconds_a_row": SECONDS_A_ROW,
        "random": random,
        "sample": sample,
        "next": _next(run, sample),
    }


def _check(run: Run, population: int, limit: float, confidence: float, expected: float) -> None:
    if not population:
        raise RunError(
            f"{run.path}: no row was accepted, so there is nothing to review; see 'pairsmith report {run.path}'"
        )
    if not limit:
        raise InputError(
            "--max-defect-rate 0: that none is defective only looking at all rows can show; give a share above 0"
        )
    if confidence <= 0.5:
        raise InputError(f"--confidence {confidence:g}: give a share above 0.5, such as 0.95")
    if expected >= limit:
        raise InputError(
            f"--expected {expected:g} is not below --max-defect-rate {limit:g}: no sample shows what is not so; expect fewer"
        )


def _sized(found: Planned | None) -> dict[str, Any] | None:
    return None if found is None else {**found._asdict(), "hours": _hours(found.rows)}


def _hours(rows: int | None) -> float | None:
    return None if rows is None else round(rows * SECONDS_A_ROW / 3600, 2)


def _next(run: Run, sample: int | None) -> str:
    if sample is None:
        return "mend what is defective first, or allow more: the limit is too near to what you expect"
    return f"pairsmith review push {run.path} --sample {sample}"
