"""How varied a set of rows is, told from a random sample of its rows, so that sets of any two sizes can be compared.

The larger a set, the more of its words, tasks and openings it repeats: each figure here is that of a stated number of rows
or tokens, and two sets are compared at the same number. A sample holds the rows whose ids have the smallest digests: the
same whatever order they come in, and for versions that share rows largely the same.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import log2
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pairsmith.factory.tasks import Found, merge_tasks
from pairsmith.factory.taxonomy import GROUPS
from pairsmith.factory.text import fold, tokens

ROWS = 5_000
"""Rows of a sample: an opening that rises from 1 % to 3 %, or distinct n-grams that fall by a tenth, show in as many."""
BLOCK = 100  # rows of which distinct n-grams are counted together; between such blocks one sees how far chance goes
NGRAMS = 2_000  # in which different ones are counted, where one figure is told: few blocks have less, at some 100 tokens a row
TOKENS = 64  # of each text: with more, long texts alone would tell
NEAR = 0.7  # Jaccard similarity from which tasks are merged when they are planned, by default

_CHARACTERS = 1_000  # in which the first TOKENS tokens are looked for
_MANY = 1_000  # times from which on thinning a thing leaves its expected number

Floats = npt.NDArray[np.float64]
Spectrum = Mapping[int, int]
"""Times that a thing occurs -> number of things that occur so often."""


@dataclass
class Sample:
    """What is known of the sampled rows. ``tasks``: different tasks among the rows whose task was written for them (the
    symmetric groups have one instruction each); ``near``: those that are near an earlier one; ``ngrams``: for each whole
    block of :data:`BLOCK` rows the spectrum of its n-grams.
    """

    tasks: int = 0
    near: int = 0
    ngrams: list[dict[int, int]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        ngrams = [{str(times): number for times, number in sorted(one.items())} for one in self.ngrams]
        return {"tasks": self.tasks, "near": self.near, "ngrams": ngrams}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Sample":
        """The sample that :meth:`as_json` gave."""
        ngrams = [{int(times): number for times, number in one.items()} for one in data["ngrams"]]
        return cls(data["tasks"], data["near"], ngrams)


def sample(rows: Sequence[Mapping[str, Any]]) -> Sample:
    """Of rows with ``group, instruction, query, positive``, in the order of the sample."""
    tasks = dict.fromkeys(fold(row["instruction"]) for row in rows if has_task(row["group"]))
    kept = merge_tasks((Found(task, "", "") for task in tasks), NEAR).num_rows
    blocks = (rows[start : start + BLOCK] for start in range(0, len(rows) - BLOCK + 1, BLOCK))
    return Sample(len(tasks), len(tasks) - kept, [_ngrams(block) for block in blocks])


def has_task(group: str) -> bool:
    """Whether the rows of a group have tasks that were written for them."""
    return group in GROUPS and GROUPS[group].brainstormed


def _first(text: str) -> list[str]:
    return tokens(text[:_CHARACTERS])[:TOKENS]


def _ngrams(rows: Iterable[Mapping[str, Any]]) -> dict[int, int]:
    texts = (_first(row[name]) for row in rows for name in ("query", "positive"))
    return dict(Counter(Counter(run for units in texts for run in pairwise(units)).values()))


def distinct(spectrum: Spectrum, size: int) -> float:
    """How many different things are expected among ``size`` drawn at random of those that ``spectrum`` counts.

    Hurlbert, "The nonconcept of species diversity", Ecology 52 (1971).
    """
    from scipy.special import gammaln

    times = np.array(list(spectrum.keys()), np.float64)
    number = np.array(list(spectrum.values()), np.float64)
    total = float(times @ number)
    if not 0 <= size <= total:
        raise ValueError(f"{size} of {total:.0f}")
    left = np.maximum(total - times, 0)
    possible = left >= size
    missed = np.zeros(len(times))
    missed[possible] = np.exp(
        gammaln(left[possible] + 1)
        - gammaln(left[possible] - size + 1)
        - gammaln(total + 1)
        + gammaln(total - size + 1)
    )
    return float(number @ (1 - missed))


def size_of(spectrum: Spectrum) -> int:
    """All that a spectrum counts, repeated things as often as they occur."""
    return sum(times * number for times, number in spectrum.items())


def distinct_shares(ngrams: Sequence[Spectrum], size: int) -> list[float]:
    """For each block the share of different n-grams among ``size`` of its own."""
    return [distinct(each, size) / size for each in ngrams]


def repeated_share(spectrum: Spectrum) -> float:
    """Share of all that comes again: what is counted above one of each."""
    size = size_of(spectrum)
    return 1 - sum(spectrum.values()) / size if size else 0.0


class PerRow(NamedTuple):
    """A figure of things for each row in which one occurs, and the variance that it has where things are drawn at random."""

    mean: float
    variance: float


def lacking_bits(spectrum: Spectrum, kept: float = 1.0) -> PerRow:
    """By how much Shannon's entropy of what is counted is below its most, log2 of the number of all.

    That is the mean over all of log2 of the times that each occurs. ``kept``: where each is left in by this chance alone.
    """
    return _per_row(spectrum, lambda times: times * np.log2(np.maximum(times, 1)), kept)


def repeats(spectrum: Spectrum, kept: float = 1.0) -> PerRow:
    """The share of all that comes again, as :func:`repeated_share` tells it."""
    return _per_row(spectrum, lambda times: np.maximum(times - 1, 0), kept)


def _per_row(spectrum: Spectrum, figure: Callable[[Floats], Floats], kept: float) -> PerRow:
    """The rows of one thing come or go as one: what varies is a ratio of two sums over things.

    One more thing that adds as much as any does is allowed for: few of them do not tell how far they vary.
    """
    number = np.array(list(spectrum.values()), np.float64)
    each = np.array([_products(int(times), figure, kept) for times in spectrum])
    sums = number @ each
    rows, mean = sums[0], sums[1] / sums[0]
    squares = max(sums[2] - 2 * mean * sums[3] + mean**2 * sums[4], 0.0) + each[:, 2].max()
    return PerRow(float(mean), float(squares / rows**2))


def _products(times: int, figure: Callable[[Floats], Floats], kept: float) -> list[float]:
    """Of a thing that occurs so often the expected times x and figure f, and those of f * f, f * x, x * x."""
    left_in, chances = np.array([times * kept]), np.ones(1)
    if kept < 1 and times <= _MANY:
        from scipy.special import bdtr

        left_in = np.arange(times + 1.0)
        chances = np.diff(bdtr(left_in, times, kept), prepend=0.0)
    told = figure(left_in)
    return [float(chances @ each) for each in (left_in, told, told**2, told * left_in, left_in**2)]


def diversity(of: Sample, openings: Counter[str], tasks: Spectrum) -> dict[str, float]:
    """The figures of a set of rows by name; one that its rows cannot tell is missing. ``openings``: of the sampled queries;
    ``tasks``: of all rows."""
    found: dict[str, float] = {}
    if rows := openings.total():
        found["commonest_opening"] = max(openings.values()) / rows
    if size := size_of(tasks):
        found["task_entropy"] = log2(size) - lacking_bits(tasks).mean
        found["distinct_tasks"] = 1 - repeated_share(tasks)
        found["near_duplicate_tasks"] = of.near / of.tasks
    told = [each for each in of.ngrams if size_of(each) >= NGRAMS]
    if told:
        found["distinct_ngrams"] = float(np.mean(distinct_shares(told, NGRAMS)))
    return found
