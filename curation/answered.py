"""The rows that people were shown, each with what they said of it: the sample and the reviews put together."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from pairsmith.curation.review_form import Decision
from pairsmith.curation.review_rows import Part
from pairsmith.curation.reviews import Resolved, Review, by_row, resolve
from pairsmith.validators.gate import UNNAMED

_COLUMNS = ["id", "content_hash", "part", "stratum", "stratum_rows", "population", "overlap", "group", "reasons"]
_LANGUAGES = ["query_language", "document_language"]


class Said(NamedTuple):
    """Why a gate dropped a row, or what it could not verify; on whichever field."""

    gate: str
    reason: str

    def __str__(self) -> str:
        return f"{self.gate}:{self.reason}"


@dataclass(frozen=True)
class Shown:
    """One line of the sample, and the response that counts of each reviewer to the texts that were shown.

    ``languages``: of the query and of the documents, each once; ``resolved``: what the responses come to, None where none
    is finished.
    """

    id: str
    part: Part
    stratum: str
    stratum_rows: int
    population: int
    overlap: bool
    group: str
    languages: tuple[str, ...]
    said: tuple[Said, ...]
    responses: Sequence[Review]
    resolved: Resolved | None

    @property
    def decision(self) -> Decision | None:
        """What people decided; None where they have not, or have discarded the row."""
        return self.resolved.decision if self.resolved else None

    @property
    def wrong(self) -> tuple[str, ...]:
        """Codes of what people call wrong with the row; none where they keep it."""
        return self.resolved.wrong if self.resolved and self.decision is not Decision.KEEP else ()

    @property
    def defective(self) -> bool:
        """Whether people would not train on the row as it is."""
        return self.decision is not None and self.decision is not Decision.KEEP


def shown(sample: pa.Table, reviews: Iterable[Review]) -> list[Shown]:
    """All lines of ``sample`` (schema SAMPLE), in its order. A row in two parts is there twice, with the same answers."""
    answers = by_row(reviews)
    found = []
    for row in sample.select(_COLUMNS + _LANGUAGES).to_pylist():
        responses = answers.get((row["id"], row.pop("content_hash")), [])
        row["languages"] = tuple(dict.fromkeys(row.pop(name) for name in _LANGUAGES))
        row["said"] = tuple(dict.fromkeys(_said(each) for each in row.pop("reasons")))
        part = Part(row.pop("part"))
        found.append(Shown(part=part, responses=responses, resolved=resolve(responses), **row))
    return found


def _said(reason: str) -> Said:
    gate, _, name = reason.split(":", 2)
    return Said(gate, name or UNNAMED)


def of_part(rows: Iterable[Shown], part: Part) -> list[Shown]:
    """Those of one part."""
    return [row for row in rows if row.part is part]


def decided(rows: Iterable[Shown]) -> list[Shown]:
    """Those on which people have decided."""
    return [row for row in rows if row.decision is not None]


def once(rows: Iterable[Shown]) -> list[Shown]:
    """Each row once, whatever the number of parts that it is in."""
    return list({row.id: row for row in rows}.values())


def grouped(rows: Iterable[Shown], by: Callable[[Shown], Iterable[str]]) -> dict[str, list[Shown]]:
    """The rows by each of the names that ``by`` gives them, in the order of the names."""
    found: dict[str, list[Shown]] = {}
    for row in rows:
        for name in by(row):
            found.setdefault(name, []).append(row)
    return dict(sorted(found.items()))
