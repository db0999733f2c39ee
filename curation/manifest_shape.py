"""What a manifest must say for a release to be read: one from elsewhere may say anything."""

from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

Count = Annotated[int, Field(ge=0, strict=True)]
Text = Annotated[str, StringConstraints(min_length=1)]


class _Open(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Table(_Open):
    rows: Count
    sha256: Text


class _Other(_Open):
    sha256: Text


class _Gate(_Open):
    gate: Text
    judged: Count
    dropped: Count
    reasons: dict[str, Count]


class _Funnel(_Open):
    asked: Count
    answered: Count
    accepted: Count
    rejected: Count
    pending: Count
    failed: dict[str, Count]
    gates: list[_Gate]


class _Review(_Open):
    decisions: dict[str, Any] | None = None


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
        raise ValueError(f"'{name}' names no file in the release")
    return name


Name = Annotated[str, AfterValidator(_inside)]


class _Shape(_Open):
    name: Text
    version: Text
    rows: Count
    row_set: Text
    files: Annotated[dict[Name, _Table], Field(min_length=1)]
    thresholds: dict[str, Any]
    other_files: dict[Name, _Other] = Field(default_factory=dict)
    gates: _Funnel | None = None
    review: _Review | None = None
    left_out: dict[str, Count] = Field(default_factory=dict)


def misshapen(manifest: Any) -> str | None:
    """What is wrong with a manifest first, in a few words; None where it can be read."""
    try:
        _Shape.model_validate(manifest)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where + ': ' if where else ''}{first['msg'].removeprefix('Value error, ')}"
    return None
