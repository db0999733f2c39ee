"""What changes from one release to the next, and the least version that such a change allows.

MAJOR: a column is gone, has another type or another meaning, a row is in another split, or splits begin anew.
MINOR: rows or columns are added.
PATCH: rows are removed or corrected, people's answers say something else of them, or the card does. A renamed column is
one that is gone.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.comparable import CONTENT, Columns
from pairsmith.curation.contents import commonest_first
from pairsmith.curation.manifest import Version

LEVELS = ("patch", "minor", "major")
MEANINGS = 1
"""Raised where a column comes to mean something else, not where its meaning is worded better."""
CARD = ("name", "license", "license_link", "description", "terms")
"""What a manifest holds of what its owner says on the card."""

Counts = dict[str, dict[str, int]]


class SchemaChange(NamedTuple):
    """Columns that are new, gone, or of another type (name -> old and new type)."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    retyped: Mapping[str, tuple[str, str]] = MappingProxyType({})


NO_CHANGE = SchemaChange()


@dataclass(frozen=True)
class Difference:
    """What changes, in rows. ``corrected``: of another content; ``moved``: in another split; ``reviewed``: of the others, those
    of which people's answers now say something else.

    ``meanings``: a column means something else; ``anew``: splits were made without regard to those before; ``card``: which of
    :data:`CARD` changed; ``added_by`` and ``removed_by``: rows by group and by language of the query, the most first.
    """

    added: int = 0
    removed: int = 0
    corrected: int = 0
    moved: int = 0
    reviewed: int = 0
    columns: SchemaChange = NO_CHANGE
    meanings: bool = False
    anew: bool = False
    card: tuple[str, ...] = ()
    added_by: Counts = field(default_factory=dict)
    removed_by: Counts = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """There is nothing to release; a new column alone is no reason."""
        rows = self.added or self.removed or self.corrected or self.moved or self.reviewed
        return not (rows or self.card or self.least[0] == "major")

    @property
    def least(self) -> tuple[str, str]:
        """The least level that is allowed, and why."""
        found = self._reasons()
        for level in reversed(LEVELS):
            if found[level]:
                return level, ", ".join(found[level])
        return "patch", "nothing changed"

    def _reasons(self) -> dict[str, list[str]]:
        new, gone, other = self.columns
        return {
            "major": [
                *(f"column '{name}' removed" for name in gone),
                *(f"column '{name}' was {old} and is {now}" for name, (old, now) in other.items()),
                *(["a column means something else"] if self.meanings else []),
                *([f"{told_rows(self.moved)} in another split"] if self.moved else []),
                *(["splits begin anew"] if self.anew else []),
            ],
            "minor": [
                *([f"{told_rows(self.added)} added"] if self.added else []),
                *(f"column '{name}' added" for name in new),
            ],
            "patch": [
                *([f"{told_rows(self.removed)} removed"] if self.removed else []),
                *([f"{told_rows(self.corrected)} corrected"] if self.corrected else []),
                *([f"people's answers to {told_rows(self.reviewed)} changed"] if self.reviewed else []),
                *([f"{' and '.join(self.card)} on the card changed"] if self.card else []),
            ],
        }

    def __str__(self) -> str:
        found = self._reasons()
        said = [*found["minor"], *found["patch"], *found["major"]]
        return ", ".join(said) or "nothing changed"


def raised(version: Version, level: str) -> Version:
    """The next version of a level."""
    if level == "major":
        return Version(version.major + 1, 0, 0)
    if level == "minor":
        return Version(version.major, version.minor + 1, 0)
    return Version(version.major, version.minor, version.patch + 1)


def difference(old: pa.Table, new: pa.Table) -> Difference:
    """What changes from the rows ``old`` to ``new``, see :func:`~pairsmith.curation.comparable.read_comparable`."""
    stayed, kept = matched(old, new)
    corrected = pc.not_equal(stayed[CONTENT], kept[CONTENT])
    reviewed = pc.and_(_others(stayed["review"], kept["review"]), pc.invert(corrected))
    added, removed = without(new, old["id"]), without(old, new["id"])
    return Difference(
        added=added.num_rows,
        removed=removed.num_rows,
        corrected=_count(corrected),
        moved=_count(_others(stayed["split"], kept["split"])),
        reviewed=_count(reviewed),
        added_by=_by_slice(added),
        removed_by=_by_slice(removed),
    )


def schema_change(old: Columns, new: Columns) -> SchemaChange:
    """What becomes of the columns."""
    both = sorted(old.types.keys() & new.types.keys())
    return SchemaChange(
        added=tuple(sorted(new.types.keys() - old.whole)),
        removed=tuple(sorted(old.types.keys() - new.types.keys())),
        retyped={name: (old.types[name], new.types[name]) for name in both if old.types[name] != new.types[name]},
    )


def card_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """Which of :data:`CARD` differ between two manifests; none where one of them does not hold them."""
    one, two = old.get("card"), new.get("card")
    return () if one is None or two is None else tuple(name for name in CARD if one.get(name) != two.get(name))


def matched(old: pa.Table, new: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The rows that both have, of each, in the same order."""
    place = pc.index_in(new["id"], value_set=old["id"].combine_chunks())
    return old.take(place.drop_null()), new.filter(pc.is_valid(place))


def without(rows: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    """The rows whose ``id`` is not among ``ids``."""
    return rows.filter(pc.invert(pc.is_in(rows["id"], value_set=ids.combine_chunks())))


def told_rows(count: int) -> str:
    """``1 row``, ``1,200 rows``."""
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def _by_slice(rows: pa.Table) -> Counts:
    return {name: _counted(rows[name]) for name in ("group", "query_language")} if rows.num_rows else {}


def _counted(column: pa.ChunkedArray) -> dict[str, int]:
    counts = pc.value_counts(column).to_pylist()
    return commonest_first(Counter({item["values"]: item["counts"] for item in counts}))


def _others(old: pa.ChunkedArray, new: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which values differ; null is a value too."""
    return pc.not_equal(pc.fill_null(old, ""), pc.fill_null(new, ""))


def _count(flags: pa.ChunkedArray) -> int:
    return pc.sum(flags).as_py() or 0
