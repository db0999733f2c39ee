"""What a report says of people's review: rates as bars with their intervals, and what gates and people say of the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from pairsmith.curation.visible import visible
from pairsmith.report_counts import language_name

RATES = 30  # lines of a table of rates; those with the fewest answers are summed up in words
REASONS = 30
IDS = 20
PAIRS = 10  # of reviewers
STEP = 0.05  # the axis of rates ends at a multiple of it

Figures = Mapping[str, Any]

_QUESTIONS = {
    "decision": "keep, fix or drop",
    "positive_relevance": "relevance of the positive",
    "negative_relevance": "relevance of the negative",
}


@dataclass(frozen=True)
class Bar:
    """A rate and its interval. ``at``, ``start`` and ``width`` are places on the axis, in percent of it; where the rate or the
    interval goes beyond its end they are cut there."""

    name: str
    code: str
    rows: int
    hits: int
    rate: float
    low: float
    high: float
    at: float
    start: float
    width: float


@dataclass(frozen=True)
class Rates:
    """Rates on one axis from 0 to ``top``: of all rows, then by what. ``more``: lines left out, of few answers each."""

    top: float
    overall: Bar
    by: dict[str, list[Bar]]
    more: int


@dataclass(frozen=True)
class Review:
    """``parts``: name -> counts; ``agreement``: question -> figures; ``pairs``: of reviewers -> kappa of the decision;
    ``missing``: why there are none; ``confusion``: lines, of which ``more_reasons`` are left out. What else there is means
    what it does in :func:`pairsmith.curation.review_figures.figures`."""

    acceptance: str
    parts: dict[str, dict[str, int]]
    reviewers: int
    defects: Rates | None
    weight: float | None
    wrong_rejections: Rates | None
    covered: float | None
    agreement: dict[str, dict[str, Any]]
    pairs: dict[str, dict[str, Any]]
    missing: str | None
    confusion: list[dict[str, Any]]
    more_reasons: int
    not_caught: dict[str, int]
    relevance: dict[str, dict[str, Any]]
    false_negatives: list[str]
    more_false_negatives: int
    thresholds: list[dict[str, Any]]


def review(figures: Figures | None) -> Review | None:
    """What is shown of ``figures`` (see :func:`pairsmith.curation.review_figures.figures`); None where there are none."""
    if figures is None:
        return None
    defects, wrong = figures["defects"], figures["wrong_rejections"]
    languages = {code: one | {"name": language_name(code)} for code, one in defects["by_language"].items()}
    told = [one for one in figures["confusion"] if one["answered"]]
    suspects = [row for one in figures["relevance"].values() for row in one["possible_false_negatives"]]
    questions = figures["agreement"]["questions"]
    pairs = questions["decision"]["kappas"] if questions else {}
    return Review(
        acceptance=figures["acceptance"]["text"],
        parts=figures["progress"]["parts"],
        reviewers=sum(one["submitted"] + one["discarded"] > 0 for one in figures["progress"]["reviewers"].values()),
        defects=_rates(defects["overall"], {"group": defects["by_group"], "language": languages}),
        weight=defects["weight"],
        wrong_rejections=_rates(wrong["overall"], {"reason": wrong["by_reason"]}),
        covered=wrong["covered"],
        agreement={
            about: questions[name] for name, about in _QUESTIONS.items() if questions and questions[name]["rows"]
        },
        pairs={visible(pair): one for pair, one in list(pairs.items())[:PAIRS]},
        missing=figures["agreement"]["missing"],
        confusion=told[:REASONS],
        more_reasons=len(told) - len(told[:REASONS]),
        not_caught=figures["not_caught"],
        relevance={group: one for group, one in figures["relevance"].items() if one["positive"] is not None},
        false_negatives=suspects[:IDS],
        more_false_negatives=len(suspects) - len(suspects[:IDS]),
        thresholds=[one for one in figures["thresholds"] if one["suggested"] is not None],
    )


def _rates(overall: Figures, by: Mapping[str, Mapping[str, Figures]]) -> Rates | None:
    """None where nothing was answered. The axis ends where the interval of all rows ends, with room for twice as much."""
    if not overall["rows"]:
        return None
    top = min(1.0, ceil(2 * overall["high"] / STEP) * STEP)
    bars = {what: [_bar(code, one, top) for code, one in _most_answered(rates)] for what, rates in by.items()}
    more = sum(len(rates) - len(bars[what]) for what, rates in by.items())
    return Rates(top, _bar("all", overall, top), bars, more)


def _most_answered(rates: Mapping[str, Figures]) -> Sequence[tuple[str, Figures]]:
    return sorted(rates.items(), key=lambda item: (-item[1]["rows"], item[0]))[:RATES]


def _bar(code: str, one: Figures, top: float) -> Bar:
    at, start, end = (round(100 * min(one[name] / top, 1), 2) for name in ("rate", "low", "high"))
    figures = {name: one[name] for name in ("rows", "hits", "rate", "low", "high")}
    width = max(round(end - start, 2), 0.6)
    return Bar(visible(one.get("name", code)), visible(code), at=at, start=start, width=width, **figures)
