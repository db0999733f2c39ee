"""``quality.yml``: what a release must hold, each bound with its reason. The one source of all thresholds of a check.

::

    metrics:
      recheck.failing_rate: {max: 0, reason: a released row that fails a gate today was released by mistake}
      rows:                 {max_drop: 5%, reason: corrections take a row here and there, not one in twenty}
    known_issues:
      - {finding: drift.group.sts, reason: we ask for fewer on purpose, until: 2027-01-31}
"""

from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pairsmith.factory.errors import InputError
from pairsmith.factory.yaml_file import read_yaml

SHIPPED = Path(str(files("pairsmith.cards"))) / "quality.yml"
"""Bounds that every release of pairs should hold, with their reasons."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Change(_Strict):
    """By how much a metric may move: ``by`` in its own unit or, where ``relative``, as a share of the baseline's value."""

    by: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    relative: bool = False

    def of(self, baseline: float) -> float:
        """The same in the metric's unit."""
        return self.by * abs(baseline) if self.relative else self.by


def _change(value: Any) -> Any:
    """``5%`` is relative to the baseline, ``0.05`` in the metric's own unit."""
    if isinstance(value, str) and value.strip().endswith("%"):
        try:
            return {"by": float(value.strip()[:-1]) / 100, "relative": True}
        except ValueError:
            raise ValueError("no number and no percentage such as 5%") from None
    return {"by": value}


def _said(reason: str) -> str:
    if not reason.strip():
        raise ValueError("say why, in a sentence for those whose check fails")
    return " ".join(reason.split())


Number = Annotated[float, Field(allow_inf_nan=False)]
Moved = Annotated[Change, BeforeValidator(_change)]
Reason = Annotated[str, AfterValidator(_said)]


class Bound(_Strict):
    """What one metric may be: at least ``min``, at most ``max``, and how far below or above the baseline's."""

    min: Number | None = None
    max: Number | None = None
    max_drop: Moved | None = None
    max_rise: Moved | None = None
    reason: Reason

    @model_validator(mode="after")
    def _bounds_something(self) -> "Bound":
        if self.min is None and self.max is None and not self.compares:
            raise ValueError("give min, max, max_drop or max_rise")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}: nothing could hold both")
        return self

    @property
    def compares(self) -> bool:
        """Whether it takes a baseline to tell."""
        return self.max_drop is not None or self.max_rise is not None

    def limits(self, baseline: float | None) -> tuple[float, float]:
        """The least and the greatest value that holds, by all that can be told without or with a ``baseline``."""
        lows = [float("-inf") if self.min is None else self.min]
        highs = [float("inf") if self.max is None else self.max]
        if baseline is not None and self.max_drop is not None:
            lows.append(baseline - self.max_drop.of(baseline))
        if baseline is not None and self.max_rise is not None:
            highs.append(baseline + self.max_rise.of(baseline))
        return max(lows), min(highs)


class KnownIssue(_Strict):
    """A finding that is known and lived with, up to the day ``until`` if one is given. One that is not found fails."""

    finding: str
    reason: Reason
    until: date | None = None


class DriftBounds(_Strict):
    """``alpha``: the chance of a false alarm of one comparison; a check makes one of
    the whole, one of the added rows and one of the corrected ones."""

    enabled: bool = True
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.005


class Quality(_Strict):
    """The whole file. ``evaluation``: files of texts that must not be trained on, beside it; ``recheck``: how many rows are
    put to the gates again, at most, of all and again of the added ones."""

    metrics: dict[str, Bound] = Field(default_factory=dict)
    drift: DriftBounds = DriftBounds()
    evaluation: list[str] = Field(default_factory=list)
    recheck: Annotated[int, Field(ge=0)] = 50_000
    known_issues: list[KnownIssue] = Field(default_factory=list)

    @model_validator(mode="after")
    def _each_issue_once(self) -> "Quality":
        names = [issue.finding for issue in self.known_issues]
        twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if twice:
            raise ValueError(f"known_issues: '{twice}' is named twice")
        return self


def read_quality(path: Path) -> Quality:
    """Read and check a ``quality.yml``. Raises :class:`InputError` with every finding in one line."""
    return read_yaml(path, Quality, InputError, "'pairsmith init RUN' writes one to start from")
