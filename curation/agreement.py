"""How far reviewers who answered the same rows agree, beyond what chance would bring: with intervals, from known libraries.

Krippendorff's alpha takes all reviewers together, however few rows they share; Cohen's kappa takes two of them. Both are
1 where they agree on every row and about 0 where they agree as often as chance would have it. The intervals come from
drawing the rows anew, with replacement (percentiles of 1,000 draws, seeded).
"""

import importlib
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from pairsmith.curation.intervals import CONFIDENCE
from pairsmith.curation.review_form import RATINGS, WRONG, Decision
from pairsmith.curation.reviews import Review, by_row
from pairsmith.factory.extras import need_extra

DRAWS = 1_000
SEED = 0
LEAST_DEFINED = 0.9
"""Share of the draws that must have a value: an interval of fewer would leave out just those in which all answers agree."""

ONE_CATEGORY = "all answers are the same: what chance would bring is not defined"
NO_PAIRS = "no row was answered by two reviewers"

T = TypeVar("T", bound=Hashable)


class Kappa(NamedTuple):
    """Cohen's kappa of two reviewers on the rows that both answered; None where it is not defined."""

    kappa: float | None
    low: float | None
    high: float | None
    rows: int


@dataclass(frozen=True)
class Agreement:
    """How far reviewers agree on one question. ``rows``: those that two or more of them answered.

    ``kappas``: by pair of reviewers, "a / b"; ``undefined``: why a value is None, by "alpha", "alpha interval", "a / b" or
    "a / b interval".
    """

    question: str
    rows: int
    alpha: float | None
    alpha_low: float | None
    alpha_high: float | None
    kappas: dict[str, Kappa]
    undefined: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "kappas": {pair: kappa._asdict() for pair, kappa in self.kappas.items()}}


class _Scale(NamedTuple):
    """The answers that a question has, in order; what their distance counts in alpha (``level``) and in kappa (``weights``)."""

    values: tuple[Any, ...]
    level: Literal["nominal", "ordinal"]
    weights: Literal["quadratic"] | None


def agreement(reviews: Iterable[Review], question: str) -> Agreement:
    """How far they agree on ``question``: ``decision``, ``positive_relevance``, ``negative_relevance`` or ``wrong:CODE``.

    Of each reviewer the last response to a row counts, where it was submitted. A code of ``wrong`` is one question: was it
    named or not. Ratings are ordinal: the further apart, the worse; kappa then has quadratic weights. ``ValueError``: another
    question. :class:`RunError`: the extra ``review`` is not installed.
    """
    scale = _scale(question)
    units = shared(reviews, question)
    undefined: dict[str, str] = {}
    alpha = _alpha([list(unit.values()) for unit in units], scale, undefined)
    together: dict[str, list[tuple[Any, Any]]] = defaultdict(list)
    for unit in units:
        for one, other in combinations(sorted(unit), 2):
            together[f"{one} / {other}"].append((unit[one], unit[other]))
    kappas = {pair: _kappa(pair, answers, scale, undefined) for pair, answers in sorted(together.items())}
    return Agreement(question, len(units), *alpha, kappas, undefined)


def shared(reviews: Iterable[Review], question: str) -> list[dict[str, Any]]:
    """Reviewer -> answer to ``question``, of each row that two or more of them answered."""
    return [found for each in by_row(reviews).values() if len(found := _answers(each, question)) > 1]


def _scale(question: str) -> _Scale:
    if question == "decision":
        return _Scale(tuple(Decision), "nominal", None)
    if question in ("positive_relevance", "negative_relevance"):
        return _Scale(RATINGS, "ordinal", "quadratic")
    if question.startswith("wrong:") and question.removeprefix("wrong:") in WRONG:
        return _Scale((False, True), "nominal", None)
    raise ValueError(f"'{question}' is no question that has one answer of a few")


def _answers(responses: Sequence[Review], question: str) -> dict[str, Any]:
    """Reviewer -> answer, of those who submitted one."""
    name, _, code = question.partition(":")
    given = {}
    for one in responses:
        if one.status == "submitted" and one.answers.decision is not None:
            answer = code in one.answers.wrong if code else getattr(one.answers, name)
            if answer is not None:
                given[one.reviewer] = answer
    return given


def _alpha(
    units: Sequence[Sequence[Any]], scale: _Scale, undefined: dict[str, str]
) -> tuple[float | None, float | None, float | None]:
    if not units:
        undefined["alpha"] = NO_PAIRS
        return None, None, None
    krippendorff = _library("krippendorff")
    kinds = Counter(tuple(unit.count(value) for value in scale.values) for unit in units)
    counts = np.array(list(kinds))

    def alpha(times: npt.NDArray[np.int64]) -> float:
        repeated = np.repeat(counts, times, axis=0)
        return float(krippendorff.alpha(value_counts=repeated, level_of_measurement=scale.level))

    return _with_interval("alpha", alpha, kinds, {value for unit in units for value in unit}, undefined)


def _kappa(pair: str, answers: Sequence[tuple[Any, Any]], scale: _Scale, undefined: dict[str, str]) -> Kappa:
    metrics = _library("sklearn.metrics")
    kinds = Counter(answers)
    places = {value: place for place, value in enumerate(scale.values)}
    one, other = ([places[kind[side]] for kind in kinds] for side in (0, 1))

    def kappa(times: npt.NDArray[np.int64]) -> float:
        every = list(places.values())
        return float(metrics.cohen_kappa_score(one, other, labels=every, weights=scale.weights, sample_weight=times))

    found = _with_interval(pair, kappa, kinds, {value for kind in kinds for value in kind}, undefined)
    return Kappa(*found, len(answers))


def _with_interval(
    name: str,
    statistic: Callable[[npt.NDArray[np.int64]], float],
    kinds: Mapping[T, int],
    values: set[Any],
    undefined: dict[str, str],
) -> tuple[float | None, float | None, float | None]:
    """The statistic and its interval. ``kinds``: how many rows have which answers; ``statistic``: of such numbers of rows."""
    if len(values) < 2:
        undefined[name] = ONE_CATEGORY
        return None, None, None
    times = np.array(list(kinds.values()))
    draws = np.random.default_rng(SEED).multinomial(times.sum(), times / times.sum(), DRAWS)
    different, often = np.unique(draws, axis=0, return_counts=True)
    with warnings.catch_warnings():  # draws in which all answers are the same
        warnings.simplefilter("ignore")
        found = np.repeat([statistic(each) for each in different], often)
    defined = found[~np.isnan(found)]
    if len(defined) < LEAST_DEFINED * DRAWS:
        undefined[f"{name} interval"] = f"{len(found) - len(defined):,} of {DRAWS:,} draws of the rows: {ONE_CATEGORY}"
        return statistic(times), None, None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return statistic(times), float(low), float(high)


def _library(name: str) -> Any:
    """A module of the extra ``review``; one line says so where it is missing."""
    need_extra("review", "agreement", name.partition(".")[0])
    return importlib.import_module(name)
