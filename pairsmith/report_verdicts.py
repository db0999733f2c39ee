"""What a report needs of a run's verdicts, read in one pass: some twenty lines a row go by, few of them stay in memory."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.factory.records import VERDICTS
from pairsmith.factory.tables import TableFile

BINS = 20
SCORED = ("keep", "unverified", "drop")
OTHER_SCORES = ("mixed_language", "wrong_script")  # their score is no probability of the claim

_LINE = ["request_id", "id", "gate", "reason"]
_LENGTH = pa.schema([*map(VERDICTS.field, ("id", "field", "score", "threshold")), pa.field("stays", pa.bool_())])


@dataclass(frozen=True)
class Said:
    """What the gates said. Tables have columns of VERDICTS; a missing reason is named in the first two.

    ``drops``, ``unverified``: ``request_id, id, gate, reason`` of each line; ``twins``: ``id, related`` of what the
    duplicates gate dropped; ``personal``: ``reason, id, field, related`` of what the privacy gate did not keep;
    ``lengths``: ``id, field, score, threshold`` of each text that the length gate measured, and whether it ``stays``;
    ``languages``: texts by verdict (:data:`SCORED`) and score of the language gate (0 to 1, :data:`BINS` bins).
    """

    drops: pa.Table
    unverified: pa.Table
    twins: pa.Table
    personal: pa.Table
    lengths: pa.Table
    languages: npt.NDArray[np.int64]


def read_said(verdicts: TableFile) -> Said:
    """One pass over the verdicts (schema VERDICTS)."""
    parts = [said(VERDICTS.empty_table()), *map(said, verdicts.batches())]
    return Said(
        drops=pa.concat_tables([part.drops for part in parts]),
        unverified=pa.concat_tables([part.unverified for part in parts]),
        twins=pa.concat_tables([part.twins for part in parts]),
        personal=pa.concat_tables([part.personal for part in parts]),
        lengths=pa.concat_tables([part.lengths for part in parts]),
        languages=np.sum([part.languages for part in parts], axis=0),
    )


def said(verdicts: pa.Table) -> Said:
    """What one table of verdicts says."""
    drops, unverified = (verdicts.filter(pc.equal(verdicts["verdict"], kind)) for kind in ("drop", "unverified"))
    twins = drops.filter(pc.and_(pc.equal(drops["gate"], "duplicates"), pc.is_valid(drops["related"])))
    personal = pc.and_(pc.equal(verdicts["gate"], "privacy"), pc.not_equal(verdicts["verdict"], "keep"))
    return Said(
        drops.select(_LINE),
        unverified.select(_LINE),
        twins.select(["id", "related"]),
        verdicts.filter(personal).select(["reason", "id", "field", "related"]),
        _lengths(verdicts),
        _languages(verdicts),
    )


def read_drops(verdicts: TableFile, ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """The lines that drop the few rows ``ids``, by id and in their order."""
    lines: dict[str, list[dict[str, Any]]] = {row: [] for row in ids}
    wanted = pa.array(list(lines), pa.string())
    for batch in verdicts.batches() if lines else ():
        drops = batch.filter(pc.equal(batch["verdict"], "drop"))
        for line in drops.filter(pc.is_in(drops["id"], value_set=wanted)).to_pylist():
            lines[line["id"]].append(line)
    return lines


def _lengths(verdicts: pa.Table) -> pa.Table:
    mine = verdicts.filter(pc.and_(pc.equal(verdicts["gate"], "length"), pc.is_valid(verdicts["score"])))
    return mine.append_column("stays", pc.not_equal(mine["verdict"], "drop")).select(_LENGTH.names).cast(_LENGTH)


def _languages(verdicts: pa.Table) -> npt.NDArray[np.int64]:
    mine = verdicts.filter(pc.and_(pc.equal(verdicts["gate"], "language"), pc.is_valid(verdicts["score"])))
    mine = mine.filter(pc.invert(pc.is_in(mine["reason"], value_set=pa.array(OTHER_SCORES))))
    scores = (mine.filter(pc.equal(mine["verdict"], verdict))["score"].to_numpy() for verdict in SCORED)
    return np.array([np.histogram(np.clip(each, 0, 1), bins=BINS, range=(0, 1))[0] for each in scores], np.int64)
