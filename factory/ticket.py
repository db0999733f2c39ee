"""A request in flight, as the limits know it, and what can become of it."""

from dataclasses import dataclass
from typing import Literal

from pairsmith.factory.room import Room

Landing = Literal["answered", "limited", "faulty", "dropped"]
"""An answer (or a fault of that row alone); a 429; a 5xx, timeout or reset; cancelled."""


@dataclass(slots=True, eq=False)
class Ticket:
    """One for each request sent.

    ``number``: counted from 1; ``sent``: when; ``at``: requests in flight then, with itself; ``epoch``: of the judgement
    that it was sent under; ``room``: which it tries to find larger than is known; ``lent``: it is late, and another has
    its slot; ``told``: the service's headers had said what
    is left; ``short``: they had said nothing is; ``cost``: tokens that it is
    expected to take; ``marks``: what the quotas of requests and tokens held then.
    """

    number: int
    sent: float
    at: int
    epoch: int
    room: Room | None
    lent: bool = False
    landed: bool = False
    told: bool = False
    short: bool = False
    cost: float = 0.0
    marks: tuple[float, float] = (0.0, 0.0)
