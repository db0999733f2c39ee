"""What a report says of money and of the target: what was paid for what, and which rows are still missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pairsmith.factory.accounts import Account, Book
from pairsmith.factory.rounds import LOW, SliceState

SLICES = 30  # lines of a table by slice; the rest is summed in one more


@dataclass(frozen=True)
class Costs:
    """``steps``: by model and step, ``slices``: by model, step and slice, the dearest first; ``rest``: of ``more`` slices."""

    total: Account
    steps: list[Account]
    slices: list[Account]
    rest: Account | None
    more: int


@dataclass(frozen=True)
class Standing:
    """A slice, or several together, and what it is missing. ``state.accepted`` has rows beyond the target too."""

    name: str
    state: SliceState
    missing: int

    @property
    def low(self) -> bool:
        """Whether so few of its rows were accepted that a round would ask for more of it, and say so."""
        return bool(self.state.judged) and self.state.accepted < LOW * self.state.judged


@dataclass(frozen=True)
class Target:
    """The target. ``slices``: those that miss most first, then those of which the smallest share was accepted."""

    wanted: int
    missing: int
    rounds: int
    slices: list[Standing]
    low: int


def costs(book: Book) -> Costs | None:
    """What was paid; None where nothing was."""
    if not book.lines:
        return None
    slices = book.by("model", "step", "slice")
    shown, more = slices[:SLICES], slices[SLICES:]
    beyond = {(one.model, one.step, one.slice) for one in more}
    rest = [line for line in book.lines if (line.model, line.step, line.slice) in beyond]
    total = Book(rest).total() if rest else None
    return Costs(book.total(), book.by("model", "step"), shown, total, len(more))


def target(facts: Mapping[str, Any] | None, slices: Mapping[str, SliceState]) -> Target | None:
    """How far the target is met; None where there is none. ``facts``: see :func:`pairsmith.targeting.target`."""
    if not facts:
        return None
    standings = sorted((Standing(name, one, one.missing) for name, one in slices.items()), key=_need)
    shown, more = standings[:SLICES], standings[SLICES:]
    return Target(
        facts["wanted"],
        sum(facts["missing"].values()),
        facts["rounds"],
        [*shown, *([_together(more)] if more else [])],
        sum(one.low for one in standings),
    )


def _need(one: Standing) -> tuple[float, float, str]:
    state = one.state
    return -one.missing, state.accepted / state.judged if state.judged else 1.0, one.name


def _together(standings: Sequence[Standing]) -> Standing:
    names = ("wanted", "asked", "judged", "accepted")
    state = SliceState(**{name: sum(getattr(one.state, name) for one in standings) for name in names})
    return Standing(f"{len(standings):,} more", state, sum(one.missing for one in standings))
