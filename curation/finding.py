"""What a check found: one thing that is worse than it may be."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One figure beyond its bound.

    ``metric``: dotted name; ``what``: one sentence for people; ``value`` and ``baseline``: the figure now, and the one it is
    compared with, if any; ``bound``: what it may be at most (or at least); ``reason``: why there is a bound, and why this one;
    ``severity``: how many times the least effect that counts this is, 1 or more; ``p``: the chance of it without any change,
    corrected for all tests of the report, None where nothing was tested; ``examples``: ids of up to five rows.
    """

    metric: str
    what: str
    value: float
    baseline: float | None
    bound: float
    reason: str
    severity: float = 1.0
    p: float | None = None
    examples: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)
