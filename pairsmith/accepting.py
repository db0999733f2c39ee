"""Whether a release may be written: where ``review.max_defect_rate`` is set, people's answers must support it first."""

from math import ceil
from pathlib import Path

from pairsmith.curation.acceptance import Statement, upper_bound
from pairsmith.factory.errors import RunError
from pairsmith.factory.spec import ReviewSpec


def need_acceptance(run: Path, spec: ReviewSpec, statement: Statement | None) -> None:
    """Nothing where no limit is set, or the ``statement`` holds; :class:`RunError` says else what is missing.

    ``statement``: what people's answers support; None where no row was drawn for them.
    """
    limit = spec.max_defect_rate
    if limit is None or (statement is not None and statement.holds):
        return
    head = f"{run}: not released, for review.max_defect_rate is {limit:.4g}"
    if statement is None:
        raise RunError(
            f"{head} and people have been shown no row yet; 'pairsmith review plan {run}' says how many they must see, and"
            f" 'pairsmith review push {run}', or 'review export' without a server, shows them"
        )
    seen = (
        f"{head} and up to {statement.bound:.2%} of {statement.population:,} accepted rows may be defective by what people"
        f" answered ({statement.prefix:,} random rows in the order drawn, {statement.defects:,} of them defective)"
    )
    more = rows_missing(statement, limit)
    if more is None:
        raise RunError(
            f"{seen}; at this rate no number of answers will do: mend in factory.yml what brings the defects, or raise the"
            f" limit, and run 'pairsmith run {run}' again"
        )
    raise RunError(f"{seen}; about {more:,} more answers are needed: {_next(run, spec, statement, more)}")


def rows_missing(statement: Statement, limit: float) -> int | None:
    """About how many more rows must be answered until the bound is below ``limit``, if they are as those before them were.

    None where those before them have as many defects as the limit, or more.
    """
    seen = max(statement.prefix, 1)
    if statement.defects / seen >= limit:
        return None
    few, enough = statement.prefix, statement.population
    while enough - few > 1:
        rows = (few + enough) // 2
        hits = statement.defects * rows // seen
        if upper_bound(statement.population, rows, hits, statement.confidence) < limit:
            enough = rows
        else:
            few = rows
    return enough - statement.prefix


def _next(run: Path, spec: ReviewSpec, statement: Statement, more: int) -> str:
    pull = f"bring them in with 'pairsmith review pull {run}' or 'review import'"
    if statement.prefix + more <= statement.drawn:
        return f"the first of the {statement.pending:,} random rows that are shown and not answered; {pull}"
    sample = ceil((statement.prefix + more) / (1 - spec.doubtful - spec.rejected))
    return f"show them with 'pairsmith review push {run} --sample {sample}' or 'review export', and {pull}"
