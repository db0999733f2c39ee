"""The accounting of a run, in one identity: asked = accepted + rejected + failed + pending."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.validators.gate import Verdict


@dataclass
class _Tally:
    """Rows that one gate judged, dropped, dropped while no other did, and could not verify; and dropped rows by reason."""

    judged: int = 0
    dropped: int = 0
    only: int = 0
    unverified: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


class Funnel:
    """Counts rows from the plan to the accepted ones, while verdicts come piece by piece."""

    def __init__(self) -> None:
        self._rejected = 0
        self._gates: dict[str, _Tally] = {}

    def add(self, verdicts: pa.Table) -> None:
        """Count ``verdicts`` (schema VERDICTS): whole rows, except that a gate that judges only what all others kept
        may come later.
        """
        drops = _rows_of(verdicts, Verdict.DROP)
        self._rejected += pc.count_distinct(drops["id"]).as_py()
        gates_of_row = drops.group_by("id").aggregate([("gate", "count")])
        alone = gates_of_row.filter(pc.equal(gates_of_row["gate_count"], 1))["id"]
        only = drops.filter(pc.is_in(drops["id"], value_set=alone.combine_chunks()))
        for name in pc.unique(verdicts["gate"]).to_pylist():
            _count(self._gates.setdefault(name, _Tally()), name, verdicts, drops, only)

    def counts(self, counts: dict[str, Any]) -> dict[str, Any]:
        """The funnel, ready for JSON. ``counts``: of the journal (asked, answered, failed by reason, pending).

        ``gates`` has, in the order of the line, for each gate: rows ``judged``, ``dropped``, dropped by it ``only``,
        ``unverified``, and rows by reason (a row may have several).
        """
        return {
            "asked": counts["asked"],
            "answered": counts["answered"],
            "failed": dict(counts["failed"]),
            "pending": counts["pending"],
            "rejected": self._rejected,
            "accepted": counts["answered"] - self._rejected,
            "gates": [_shown(name, tally) for name, tally in self._gates.items()],
        }


def _count(tally: _Tally, name: str, verdicts: pa.Table, drops: pa.Table, only: pa.Table) -> None:
    mine = verdicts.filter(pc.equal(verdicts["gate"], name))
    dropped = mine.filter(pc.equal(mine["verdict"], Verdict.DROP.value))
    by_reason = dropped.group_by("reason").aggregate([("id", "count_distinct")])
    tally.judged += pc.count_distinct(mine["id"]).as_py()
    tally.dropped += pc.sum(pc.equal(drops["gate"], name)).as_py() or 0
    tally.only += pc.sum(pc.equal(only["gate"], name)).as_py() or 0
    tally.unverified += _rows_of(mine, Verdict.UNVERIFIED).num_rows
    for reason, count in zip(by_reason["reason"].to_pylist(), by_reason["id_count_distinct"].to_pylist(), strict=True):
        tally.reasons[reason] += count


def _shown(name: str, tally: _Tally) -> dict[str, Any]:
    return {
        "gate": name,
        "judged": tally.judged,
        "dropped": tally.dropped,
        "only": tally.only,
        "unverified": tally.unverified,
        "reasons": dict(sorted(tally.reasons.items(), key=lambda item: (-item[1], item[0]))),
    }


def _rows_of(verdicts: pa.Table, verdict: Verdict) -> pa.Table:
    """Each (row, gate) once that has at least one such verdict."""
    chosen = verdicts.filter(pc.equal(verdicts["verdict"], verdict.value))
    return chosen.group_by(["id", "gate"]).aggregate([])
