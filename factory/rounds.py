"""Rounds: more is asked for where too little was accepted, until every slice has what it should have, or its cap is met.

``size`` is a number of accepted rows. Each request of the plan is a seat that wants one accepted row of its slice (group
and language). A seat whose row was not accepted is asked again: another request in the same slice, its form drawn anew,
its task the same at first and that of an earlier seat after that, since a task may be one that a model refuses. A seat that
starts from a passage keeps it: each passage has one seat. Where few rows of a slice are accepted, more is asked for at
once, so that few rounds do.
"""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pairsmith.factory.errors import RunError
from pairsmith.factory.records import Request, digest
from pairsmith.factory.sampler import Sampler
from pairsmith.factory.spec import Spec

PRIOR = 5.0  # judged rows that the mean acceptance of a group weighs as much as in a slice's own
LOWEST = 0.05  # acceptance that is reckoned with at least: a slice may not ask for all of its cap after a few bad rows
LOW = 0.5  # acceptance below which it is said


class Again(NamedTuple):
    """A seat that is asked again, in round ``round``: the ``attempt``-th time beyond the first."""

    round: int
    seat: str
    attempt: int


def read_rounds(path: Path) -> list[Again]:
    """The seats that were asked again so far, in order; none where there is no such file. One JSON array a line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [Again(int(number), str(seat), int(attempt)) for number, seat, attempt in map(json.loads, lines)]
    except (ValueError, TypeError) as error:
        raise RunError(f"{path}: not readable ({error}); delete it, and what is missing is planned anew") from None


def write_rounds(path: Path, rounds: Iterable[Again]) -> None:
    """What :func:`read_rounds` reads."""
    path.write_text("".join(json.dumps(one) + "\n" for one in rounds), encoding="utf-8")


def last_round(rounds: Iterable[Again]) -> int:
    """The number of the last round; the first one asks for the plan as it was drawn."""
    return max((one.round for one in rounds), default=1)


@dataclass(frozen=True)
class SliceState:
    """Rows of one slice: wanted, asked for, judged, and accepted, those beyond the want included."""

    wanted: int
    asked: int
    judged: int
    accepted: int

    @property
    def missing(self) -> int:
        """Rows that are still wanted."""
        return max(0, self.wanted - self.accepted)


@dataclass(frozen=True)
class Round:
    """What a round adds. ``low``: slices of low acceptance -> (accepted share, asked for each missing row)."""

    missing: int
    wanted: int
    again: list[Again] = field(default_factory=list)
    low: dict[str, tuple[float, float]] = field(default_factory=dict)
    capped: dict[str, int] = field(default_factory=dict)


class Seats:
    """The requests of a plan by slice, and what became of them.

    ``fate``: of a request's id: True accepted, False not, None open. Keeps nothing of a seat whose first request was
    accepted, and some 20 bytes of one that was asked for once.
    """

    def __init__(self, requests: Iterable[Request], fate: Callable[[str], bool | None]) -> None:
        self._empty: dict[str, bytearray] = defaultdict(
            bytearray
        )  # seats that their first request did not fill, a line each
        self._attempts: Counter[str] = Counter()
        self._filled: set[str] = set()  # seats that a later request filled
        wanted: Counter[str] = Counter()
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for request in requests:
            name, seat, accepted = request.slice, request.parent, fate(request.id)
            counts[name].update({"asked": 1, "judged": accepted is not None, "accepted": accepted is True})
            if seat is None:
                wanted[name] += 1
                if not accepted:
                    self._empty[name] += f"{request.id}\n".encode()
                continue
            self._attempts[seat] = max(self._attempts[seat], request.attempt)
            if accepted:
                self._filled.add(seat)
        self.slices = {
            name: SliceState(seats, counts[name]["asked"], counts[name]["judged"], counts[name]["accepted"])
            for name, seats in wanted.items()
        }

    def next_round(self, number: int, cap: float) -> Round:
        """Round ``number``: the seats that are asked again: as many as, by what was accepted so far, bring what is missing.

        ``cap``: requests for each wanted row of a slice, at most; a slice may always ask for one more seat than it has.
        """
        means = self._means()
        found = Round(sum(one.missing for one in self.slices.values()), sum(one.wanted for one in self.slices.values()))
        for name, state in self.slices.items():
            if not state.missing:
                continue
            rate = (state.accepted + PRIOR * means[_group(name)]) / (state.judged + PRIOR)
            wanted = max(state.missing, round(state.missing / max(rate, LOWEST)))
            room = max(math.floor(cap * state.wanted), state.wanted + 1 if cap > 1 else 0) - state.asked
            count = min(wanted, max(0, room))
            if count < state.missing:
                found.capped[name] = state.missing - count
            if count and rate < LOW:
                found.low[name] = (round(state.accepted / state.judged, 3), round(count / state.missing, 2))
            found.again.extend(self._choose(number, name, count))
        return found

    def _choose(self, round_number: int, name: str, count: int) -> Iterator[Again]:
        """The first seats that are empty, in turn, each with its next attempt."""
        empty = [seat for seat in self._empty[name].decode().split() if seat not in self._filled]
        for number in range(count):
            turn, place = divmod(number, len(empty))
            yield Again(round_number, empty[place], self._attempts[empty[place]] + turn + 1)

    def _means(self) -> dict[str, float]:
        """Accepted share of each group."""
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for name, state in self.slices.items():
            sums[_group(name)][0] += state.accepted
            sums[_group(name)][1] += state.judged
        return {group: (accepted / judged if judged else 1.0) for group, (accepted, judged) in sums.items()}


def with_replacements(spec: Spec, plan: Iterable[Request], again: Collection[Again]) -> Iterator[Request]:
    """The requests of ``plan``, and after them those that take the place of some, in the order of ``again``.

    Pure: a replacement depends on the seed, its seat and the attempt, and from the second attempt on on the task of a seat
    before it. Seats that the plan no longer has are passed over.
    """
    wanted = {one.seat for one in again}
    tasks: dict[str, list[str | None]] = defaultdict(list)
    places: dict[str, tuple[Request, int]] = {}
    for seat in plan:
        if seat.id in wanted:
            places[seat.id] = (seat, len(tasks[seat.group]))
        if wanted and seat.passage is None:
            tasks[seat.group].append(seat.task)
        yield seat
    sampler = Sampler(spec)
    for one in again:
        if one.seat in places:
            seat, place = places[one.seat]
            task = _task(tasks[seat.group], place, one.attempt) if seat.passage is None else None
            yield _replacement(sampler, seat, one.attempt, task)


def _replacement(sampler: Sampler, seat: Request, attempt: int, task: str | None) -> Request:
    name = f"again/{seat.id}/{attempt}"
    key = digest(name)
    return seat.model_copy(
        update={
            "id": key,
            "task": task,
            **sampler.form(name, seat.group, "generate" if seat.passage is None else "ground"),
            "draw": 2**30 + int(key[:7], 16),  # beyond those of the plan, so that no two requests are the same
            "model": sampler.model(name),
            "parent": seat.id,
            "attempt": attempt,
        }
    )


def _task(tasks: Sequence[str | None], place: int, attempt: int) -> str | None:
    """Its own at first, then those of the seats before it, round and round."""
    return tasks[(place - attempt + 1) % (place + 1)]


class Surplus:
    """Which accepted rows are beyond what their slice wants: the last ones of the plan. ``wanted``: rows by slice."""

    def __init__(self, wanted: Mapping[str, int]) -> None:
        self._wanted = wanted
        self.accepted: Counter[str] = Counter()
        """Accepted rows by slice, those beyond the want included."""

    def beyond(self, slices: Iterable[str]) -> list[bool]:
        """For the slices of the next accepted rows in plan order: whether each is beyond the want."""
        return [self._one_more(name) for name in slices]

    def _one_more(self, name: str) -> bool:
        self.accepted[name] += 1
        return self.accepted[name] > self._wanted.get(name, 0)


def _group(name: str) -> str:
    return name.partition("/")[0]
