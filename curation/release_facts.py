"""What a release is made of: its rows, what is known of their making, and the step from the version before."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.contents import Contents
from pairsmith.curation.manifest import Version
from pairsmith.curation.removed import Why, by_reason
from pairsmith.curation.review_facts import ReviewFacts
from pairsmith.curation.splits import Splitting
from pairsmith.factory.accounts import Book
from pairsmith.factory.spec import DuplicatesSpec, ReleaseSpec
from pairsmith.factory.tables import TableFile


@dataclass(frozen=True)
class ReleaseFacts:
    """What a release says of its making beside its rows. ``book``: what was paid, beside the accepted rows; ``review``: by
    people, None where there was none; ``duplicates``: when queries are near-duplicates; ``revision``: of the project in git,
    None where there is none; ``why``: reasons of rows that are released no more."""

    name: str
    spec: ReleaseSpec
    funnel: dict[str, Any]
    thresholds: dict[str, Any]
    tool_versions: dict[str, str]
    book: Book = field(default_factory=Book)
    review: ReviewFacts | None = None
    duplicates: DuplicatesSpec = field(default_factory=DuplicatesSpec)
    revision: str | None = None
    why: Why = lambda _: {}

    @property
    def splitting(self) -> Splitting:
        """How its rows are split."""
        return Splitting(self.spec.splits, self.duplicates.threshold)


class Rows(NamedTuple):
    """The rows of a release: the file of accepted ones, its index (see :func:`read_index`), and what is in it."""

    accepted: TableFile
    index: pa.Table
    contents: Contents

    @property
    def released(self) -> pa.Table:
        """The index of those that are not left out."""
        return self.index.filter(pc.is_valid(self.index["split"]))

    @property
    def left_out(self) -> pa.ChunkedArray:
        """The ids of those that are."""
        return self.index.filter(pc.is_null(self.index["split"]))["id"]

    def some(self, ids: list[str]) -> list[dict[str, Any]]:
        """The few rows ``ids``, in this order."""
        rows = self.accepted.rows(ids)
        return [rows[each] for each in ids]


class Step(NamedTuple):
    """From the ``parent`` (None for a first release) to ``version``; ``section``: what its changelog says; ``removed``: rows
    that were removed in any version (REMOVED)."""

    version: Version
    parent: Path | None
    section: str
    removed: pa.Table

    @property
    def reasons(self) -> dict[str, int]:
        """How many rows are removed in this version for each reason."""
        return by_reason(self.removed.filter(pc.equal(self.removed["version"], str(self.version))))


def said_on_card(rows: Rows, facts: ReleaseFacts) -> dict[str, Any]:
    """What the dataset's owner says on the card, see :data:`~pairsmith.curation.difference.CARD`."""
    spec = facts.spec
    terms = {model: spec.terms[model] for model in rows.contents.models if model in spec.terms}
    return {
        "name": facts.name,
        "license": spec.license,
        "license_link": spec.license_link,
        "description": spec.description,
        "terms": terms,
    }
