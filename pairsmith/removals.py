"""Why rows that were released are released no more: what gates said of them, or people, or that the run has them no more."""

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.deciding import has_reviews
from pairsmith.run import CANDIDATES, REJECTED_FILE, REVIEW_VERDICTS, Run
from pairsmith.validators.gate import Verdict

ABSENT = "run:row:absent"
"""Reason of a row that is no candidate of the run: other requests are asked, or other files of pairs read."""


def reasons_of_removal(run: Run, ids: pa.Array) -> Mapping[str, list[str]]:
    """``gate:field:reason`` of those rows ``ids`` of which it is known."""
    found: dict[str, list[str]] = {}
    for name, reason in _reasons(run, ids):
        known = found.setdefault(name, [])
        if reason not in known:
            known.append(reason)
    there = {one for rows in run.table(CANDIDATES).batches("id") for one in _among(rows, ids)["id"].to_pylist()}
    absent = {name: [ABSENT] for name in ids.to_pylist() if name not in there and name not in found}
    return {**absent, **found}


def _reasons(run: Run, ids: pa.Array) -> Iterator[tuple[str, str]]:
    for rows in run.table(REJECTED_FILE).batches("id", "reasons"):
        for row in _among(rows, ids).to_pylist():
            yield from ((row["id"], reason) for reason in row["reasons"])
    if not has_reviews(run):
        return
    for rows in run.table(REVIEW_VERDICTS).batches("id", "gate", "field", "verdict", "reason"):
        for row in _among(rows.filter(pc.equal(rows["verdict"], Verdict.DROP)), ids).to_pylist():
            yield row["id"], f"{row['gate']}:{row['field']}:{row['reason']}"


def _among(rows: pa.Table, ids: pa.Array) -> pa.Table:
    return rows.filter(pc.is_in(rows["id"], value_set=ids))
