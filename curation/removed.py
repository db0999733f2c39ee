"""``removed.parquet`` of a release: rows that an earlier version had and this one has not, since when, and why.

Cumulative, as releases are: it tells of all versions since the first, so that no other one is needed to say why a row is
gone. A row that comes back is in it no more.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pairsmith.curation.contents import commonest_first
from pairsmith.factory.tables import TableFile

FILE = "removed.parquet"
UNKNOWN = "unknown"
BETWEEN = "splits:query:between_splits"
"""Reason of a row that is left out since its query is near released ones of several splits."""
REMOVED = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),  # the first without the row
        pa.field("reasons", pa.list_(pa.string()), nullable=False),  # "gate:field:reason"; none where it is not known
    ]
)

Why = Callable[[pa.Array], Mapping[str, list[str]]]
"""For some of the ids of rows that are not released any more, the reasons."""


def read_removed(release: Path) -> pa.Table:
    """The removed rows (REMOVED) that a release tells of, by id."""
    path = release / FILE
    if not path.is_file():
        return REMOVED.empty_table()
    return TableFile(path, REMOVED, "take the release again from where it came").read(*REMOVED.names)


def removed_rows(known: pa.Table, gone: pa.ChunkedArray, there: pa.ChunkedArray, version: str, why: Why) -> pa.Table:
    """The rows that are removed in ``version`` (ids ``gone``) beside those that ``known`` tells of, but for rows that are
    ``there``."""
    still = known.filter(pc.invert(pc.is_in(known["id"], value_set=there.combine_chunks())))
    reasons = why(gone.combine_chunks()) if len(gone) else {}
    rows = [{"id": one, "version": version, "reasons": reasons.get(one, [])} for one in gone.to_pylist()]
    return pa.concat_tables([still, pa.Table.from_pylist(rows, schema=REMOVED)]).sort_by("id")


def write_removed(release: Path, removed: pa.Table) -> None:
    """Write ``removed.parquet``, unless no row was ever removed."""
    if removed.num_rows:
        pq.write_table(removed, release / FILE, compression="zstd")


def by_reason(removed: pa.Table) -> dict[str, int]:
    """How many of ``removed`` rows have each reason (without the field of the row), the commonest first.

    A row with several reasons counts in each.
    """
    counts: Counter[str] = Counter()
    for reasons in removed["reasons"].to_pylist():
        counts.update({_short(reason) for reason in reasons} or {UNKNOWN})
    return commonest_first(counts)


def _short(reason: str) -> str:
    gate, _, rest = reason.partition(":")
    return f"{gate}:{rest.rpartition(':')[2]}" if rest else gate
