"""Which numbers of the spec people's answers would move, and what that would change. Nothing is applied.

A number should be where it makes the fewest errors, in rows of the run: rows kept out that people would keep, and rows let in
that they would not (of those that are in by now: the ones that people call wrong for the reason of this very gate). Only rows
whose fate the number alone decides have a say.

A suggestion needs answers that support it. Go outwards from the number as it is, row by row: each one that moves is for the
better or for the worse. Were both as likely, it would be known exactly how far such a walk gets at its best (by the reflection
principle): so one may look for the best of all thresholds, and still say by what chance it is none.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from math import comb, floor, log10
from typing import Any, NamedTuple

from pairsmith.curation.answered import Shown, decided, grouped, of_part, once
from pairsmith.curation.gate_scores import Line
from pairsmith.curation.review_form import Decision
from pairsmith.curation.review_rows import Part
from pairsmith.curation.settings import Position, Setting, positions
from pairsmith.factory.spec import GatesSpec
from pairsmith.validators.gate import Verdict

RISK = 0.025
"""Of a suggestion where there is nothing to gain, in each direction: 5 % for a number. It takes six answers at least."""

DIGITS = 2
"""That a suggested number has, where no answered row lies between it and the exact one: a few answers tell no more of it."""


class Mover(NamedTuple):
    """An answered row that comes in, or goes out, once the setting is moved beyond ``value``.

    ``vote``: 1 where that is for the better, -1 for the worse, 0 neither; ``weight``: rows for which it stands.
    """

    value: float
    vote: int
    weight: float


class Way(NamedTuple):
    """One direction in which a setting may be moved: rows come ``into`` what is accepted, or go out of it."""

    setting: Setting
    into: bool

    @property
    def upwards(self) -> bool:
        """Whether the number grows."""
        return self.setting.from_on == self.into


class Step(NamedTuple):
    """The setting moved beyond ``value``, short of ``following``: sums over the rows that are moved."""

    value: float
    following: float
    rows: int
    better: int
    worse: int
    gain: float
    estimated: float


def suggested_thresholds(
    rows: Sequence[Shown], lines: Mapping[str, Sequence[Line]], gates: GatesSpec
) -> list[dict[str, Any]]:
    """What answers tell of each number, and direction, that some answered row depends on: supported suggestions first.

    ``suggested``: the new number, None where the answers do not support one; ``answers``: rows that tell. Of the number by
    which errors would be fewest: ``move`` ("in" or "out"), ``rows`` answered that it moves, ``better`` and ``worse`` of them,
    ``estimated`` rows in the whole, ``chance`` of as good a result if there is nothing to gain.

    ``lines``: the verdicts on the answered rows. What moves is an estimate even where all rows are answered: gates know
    exceptions, and other gates judge what one lets in. Gating again shows it.
    """
    ways = _ways(rows, lines, gates)
    found = [_suggestion(way, movers) for way, movers in ways.items() if any(mover.vote for mover in movers)]
    return sorted(found, key=lambda one: (one["suggested"] is None, one["chance"], one["key"] or one["gate"]))


def _ways(rows: Sequence[Shown], lines: Mapping[str, Sequence[Line]], gates: GatesSpec) -> dict[Way, list[Mover]]:
    """The rows that each way may move."""
    answered, weights = once(decided(rows)), _weights(rows)
    found = positions(
        {row.id: lines.get(row.id, ()) for row in answered}, {row.id: row.group for row in answered}, gates
    )
    ways: dict[Way, list[Mover]] = defaultdict(list)
    for row in answered:
        into = row.part is Part.REJECTED
        drops = sum(line.verdict == Verdict.DROP for line in lines.get(row.id, ()))
        by_setting: dict[Setting, list[Position]] = defaultdict(list)
        for position in found[row.id]:
            if position.dropped == into:
                by_setting[position.setting].append(position)
        for setting, mine in by_setting.items():
            if not into or len(mine) == drops:  # else it is rejected for other reasons too
                value = (max if setting.from_on else min)(one.value for one in mine)
                mover = Mover(value, _vote(row, into, {one.reason for one in mine}), weights[row.id])
                ways[Way(setting, into)] += [mover] if 0 < value < setting.most else []
    return ways


def _vote(row: Shown, into: bool, reasons: set[str]) -> int:
    if row.decision is Decision.KEEP:
        return 1 if into else -1
    if into:
        return -1
    return 1 if reasons.intersection(row.wrong) else 0


def _weights(rows: Sequence[Shown]) -> dict[str, float]:
    """Rows for which each answered one stands. A doubtful one was not drawn by chance and stands for itself alone; those that
    were drawn at random, and are not doubtful, for all other accepted rows."""
    doubtful = {row.id for row in decided(of_part(rows, Part.DOUBTFUL))}
    random = [row for row in decided(of_part(rows, Part.RANDOM)) if row.id not in doubtful]
    found = dict.fromkeys(doubtful, 1.0)
    found |= {row.id: (row.population - len(doubtful)) / len(random) for row in random}
    for mine in grouped(decided(of_part(rows, Part.REJECTED)), lambda row: [row.stratum]).values():
        found |= {row.id: row.stratum_rows / len(mine) for row in mine}
    return found


def _suggestion(way: Way, movers: Sequence[Mover]) -> dict[str, Any]:
    setting, steps = way.setting, list(_steps(way, movers))
    answers = sum(mover.vote != 0 for mover in movers)
    best = max(steps, key=lambda step: step.gain)  # of equally good ones the first, which moves the least
    chance = chance_of(answers, best.better - best.worse)
    supported = best.gain > 0 and chance <= RISK
    return {
        "gate": setting.gate,
        "key": setting.key,
        "current": setting.current,
        "suggested": _number(way, best) if supported else None,
        "answers": answers,
        "move": "in" if way.into else "out",
        "rows": best.rows,
        "better": best.better,
        "worse": best.worse,
        "estimated": round(best.estimated),
        "chance": chance,
    }


def _steps(way: Way, movers: Sequence[Mover]) -> Iterator[Step]:
    """From the number as it is, which moves nothing, outwards; rows with the same value move together."""
    yield Step(way.setting.current, way.setting.current, 0, 0, 0, 0.0, 0.0)
    ordered = sorted(movers, key=lambda mover: mover.value, reverse=not way.upwards)
    together = [list(mine) for _, mine in groupby(ordered, key=lambda mover: mover.value)]
    values = [mine[0].value for mine in together]
    following = [*values[1:], way.setting.most if way.upwards else 0.0]
    moved: list[Mover] = []
    for mine, end in zip(together, following, strict=True):
        moved += mine
        votes = [mover.vote for mover in moved]
        gain = sum(mover.vote * mover.weight for mover in moved)
        estimated = sum(mover.weight for mover in moved)
        yield Step(mine[0].value, end, len(moved), votes.count(1), votes.count(-1), gain, estimated)


def chance_of(steps: int, height: int) -> float:
    """Chance that a walk of so many steps of 1 or -1, each as likely, ever gets as high. By the reflection principle it is
    P(end >= height) + P(end > height)."""
    if height <= 0:
        return 1.0
    ends = [(2 * ups - steps, comb(steps, ups)) for ups in range(steps + 1)]
    return float(sum(ways * ((end >= height) + (end > height)) for end, ways in ends) / 2**steps)


def _number(way: Way, step: Step) -> float:
    """A number beyond the step, short of what follows: of as few digits as lie there, from :data:`DIGITS` on.

    Upwards it must exceed the value and may equal what follows; downwards it may equal the value. From there on texts are
    dropped, or below it.
    """
    if way.setting.whole:
        return step.value + (1 if way.upwards else 0)
    for digits in range(DIGITS, 16):
        places = digits - 1 - floor(log10(step.value))
        unit = 10.0**places
        number = round((floor(step.value * unit) + way.upwards) / unit, places)
        if step.value < number <= step.following if way.upwards else step.following < number <= step.value:
            return number
    return step.following if way.upwards else step.value
