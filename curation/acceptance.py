"""What people's answers support about all accepted rows, however often one looks at them, and when one stops.

The bound is the upper end of a confidence sequence (Waudby-Smith and Ramdas, "Confidence sequences for sampling without
replacement", NeurIPS 2020): with probability ``confidence`` it is right after every answer at once. So to look again
and again until it passes does not cheat; with an interval for a sample of a size that was fixed before, it would.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import ceil, lgamma, log
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.intervals import exact
from pairsmith.curation.review_form import Decision
from pairsmith.curation.review_rows import Part
from pairsmith.curation.reviews import Review, by_row, resolve
from pairsmith.factory.spec import ReviewSpec


class Prior(NamedTuple):
    """A beta-binomial prior of how many rows are defective, in rows: so many defective ones, so many sound ones."""

    defective: float
    sound: float


PRIOR = Prior(0.5, 24.5)
"""Where the bound is sharpest; it is right with any prior. 95 % of its weight lie on rates below 8 %, for which limits are set,
and its mean, 2 %, is what a set that gates have gone over may still hold. Half a defective row is the weight that Jeffreys
gives to rates near 0: a sample without a defect costs little more than one of planned size (72 rows beside 59 for 5 %)."""

_ROUNDING = 1e-4
"""What the logarithm of the evidence must have beyond need: at a billion rows log-gamma is right to some 1e-5."""


def upper_bound(population: int, rows: int, hits: int, confidence: float, prior: Prior = PRIOR) -> float:
    """The highest rate of hits in ``population`` that is not yet excluded by ``hits`` of ``rows`` drawn without replacement.

    Right with probability ``confidence`` at all times together. ``rows``: drawn one by one at random; 1 where none is.
    """
    if not 0 <= hits <= rows <= population or not population:
        raise ValueError(f"{hits} hits of {rows} rows of {population}")
    possible, excluded = _likeliest(population, rows, hits), population - (rows - hits) + 1
    while excluded - possible > 1:  # beyond the likeliest number the evidence against it only grows
        middle = (possible + excluded) // 2
        if _excluded(population, rows, hits, middle, confidence, prior):
            excluded = middle
        else:
            possible = middle
    return possible / population


def shows_fewer(population: int, rows: int, hits: int, limit: float, confidence: float, prior: Prior = PRIOR) -> bool:
    """Whether :func:`upper_bound` is below ``limit``, at a tenth of the work."""
    least = least_at(population, limit)
    if least <= _likeliest(population, rows, hits):
        return False
    return least > population - (rows - hits) or _excluded(population, rows, hits, least, confidence, prior)


def least_at(population: int, rate: float) -> int:
    """The least number of rows that are ``rate`` of the population or more, as division rounds."""
    number = ceil(rate * population)
    while number and (number - 1) / population >= rate:
        number -= 1
    return number + (number / population < rate)


def _likeliest(population: int, rows: int, hits: int) -> int:
    """The number of hits in the population under which what was seen is likeliest."""
    return min(hits * (population + 1) // rows, population - (rows - hits)) if rows else population


def _excluded(population: int, rows: int, hits: int, number: int, confidence: float, prior: Prior) -> bool:
    """Whether ``number`` hits in the population are excluded: what was seen is 1/(1 - confidence) times likelier by the prior.

    The ratio of prior to posterior of ``number`` is a martingale that begins at 1, if ``number`` is the truth; so, by Ville's
    inequality, it ever reaches 1/(1 - confidence) with probability 1 - confidence at most.
    """
    misses = rows - hits
    by_prior = _log_beta(prior.defective + hits, prior.sound + misses) - _log_beta(*prior)
    by_number = _log_falling(number, hits) + _log_falling(population - number, misses) - _log_falling(population, rows)
    return by_prior - by_number >= -log(1 - confidence) + _ROUNDING


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _log_falling(top: int, count: int) -> float:
    """Logarithm of top (top - 1) ... (top - count + 1)."""
    return lgamma(top + 1) - lgamma(top - count + 1)


@dataclass(frozen=True)
class Statement:
    """What is said of all accepted rows. ``population``: how many; ``drawn``: those drawn at random to be shown to people.

    ``answered`` and ``pending`` are those that are wholly answered, and the others; ``prefix``: the answered ones before
    the first pending one, in the order in which they were drawn; ``defects``: those of them that are not to be kept as
    they are, or that nobody could judge. ``bound`` is told from the prefix. ``holds``: None where no limit is set.
    """

    population: int
    drawn: int
    answered: int
    pending: int
    prefix: int
    defects: int
    bound: float
    max_defect_rate: float | None
    confidence: float
    holds: bool | None
    text: str

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def statement(sample: pa.Table, reviews: Sequence[Review], spec: ReviewSpec) -> Statement:
    """What the answers to the random part of ``sample`` (schema SAMPLE) support.

    Only the longest beginning of that part, in the order in which it was drawn, that is wholly answered counts: whoever
    answers easy rows first, or stops before a hard one, changes nothing but how soon a row counts.
    """
    drawn = sample.filter(pc.equal(sample["part"], Part.RANDOM.value)).sort_by("place")
    found = list(_defective(drawn, reviews))
    prefix = found[: _whole(found, drawn["place"].to_pylist())]
    population = drawn["population"][0].as_py() if found else 0
    defects = sum(map(bool, prefix))
    bound = upper_bound(population, len(prefix), defects, spec.confidence) if population else 1.0
    answered = sum(each is not None for each in found)
    limit = spec.max_defect_rate
    holds = None if limit is None else bound < limit
    said = [_said(population, len(prefix), defects, bound, spec.confidence)]
    if answered > len(prefix):
        said.append(f"{answered - len(prefix):,} more count once the rows drawn before them are answered.")
    if limit is not None:
        said.append(f"The limit, fewer than {100 * limit:.4g}%, is {'met' if holds else 'not met yet'}.")
    return Statement(
        population,
        len(found),
        answered,
        len(found) - answered,
        len(prefix),
        defects,
        bound,
        limit,
        spec.confidence,
        holds,
        " ".join(said),
    )


def _defective(drawn: pa.Table, reviews: Sequence[Review]) -> Iterator[bool | None]:
    """Of each row whether it is defective; None where it is not wholly answered: by two people, where ``overlap`` says so."""
    answers = by_row(reviews)
    for row in drawn.select(["id", "content_hash", "overlap"]).to_pylist():
        responses = answers.get((row["id"], row["content_hash"]), [])
        finished = sum(one.status == "discarded" or _decided(one) for one in responses)
        resolved = resolve(responses)
        if resolved is None or finished < 1 + row["overlap"]:
            yield None
        else:
            yield resolved.decision is not Decision.KEEP


def _decided(review: Review) -> bool:
    return review.status == "submitted" and review.answers.decision is not None


def _whole(found: Sequence[bool | None], places: Sequence[int]) -> int:
    """How many rows from the first on are answered, with none missing among the drawn ones."""
    for place, (defective, drawn) in enumerate(zip(found, places, strict=True)):
        if defective is None or drawn != place:
            return place
    return len(found)


def _said(population: int, rows: int, defects: int, bound: float, confidence: float) -> str:
    """The sentence for card and terminal. The bound is rounded up: what is said is never more than what is known."""
    if not population:
        return "No accepted row was drawn at random, so nothing is known of how many are defective."
    if not rows:
        return f"Of {population:,} accepted rows none was reviewed in the order in which they were drawn at random."
    estimate = exact(defects, rows)
    interval = f"{estimate.rate:.1%}, 95% interval {estimate.low:.1%} to {estimate.high:.1%}"
    return (
        f"Of {population:,} accepted rows, {rows:,} drawn at random were reviewed: {defects:,} defective ({interval});"
        f" with {100 * confidence:.4g}% confidence, however often one looked, at most {ceil(bound * 1e4) / 1e4:.2%} are."
    )
