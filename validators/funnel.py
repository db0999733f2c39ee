"""The accounting of a run, in one identity: asked = accepted + rejected + failed + pending."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.validators.gate import Verdict


def funnel(counts: dict[str, Any], verdicts: pa.Table) -> dict[str, Any]:
    """Count rows from the plan to the accepted ones.

    ``counts``: of the journal (asked, answered, failed by reason, pending); ``verdicts``: all gates' (schema VERDICTS),
    ``parse`` among them. ``gates`` has, in the order of the line, for each gate: rows ``judged``, ``dropped``, dropped by it
    ``only``, ``unverified``, and rows by reason (a row may have several).
    """
    drops = _rows_of(verdicts, Verdict.DROP)
    rejected = pc.count_distinct(drops["id"]).as_py()
    gates_of_row = drops.group_by("id").aggregate([("gate", "count")])
    alone = gates_of_row.filter(pc.equal(gates_of_row["gate_count"], 1))["id"]
    only = drops.filter(pc.is_in(drops["id"], value_set=alone.combine_chunks()))
    return {
        "asked": counts["asked"],
        "answered": counts["answered"],
        "failed": dict(counts["failed"]),
        "pending": counts["pending"],
        "rejected": rejected,
        "accepted": counts["answered"] - rejected,
        "gates": [_gate(name, verdicts, drops, only) for name in pc.unique(verdicts["gate"]).to_pylist()],
    }


def _gate(name: str, verdicts: pa.Table, drops: pa.Table, only: pa.Table) -> dict[str, Any]:
    mine = verdicts.filter(pc.equal(verdicts["gate"], name))
    dropped = mine.filter(pc.equal(mine["verdict"], Verdict.DROP.value))
    by_reason = dropped.group_by("reason").aggregate([("id", "count_distinct")])
    reasons = zip(by_reason["reason"].to_pylist(), by_reason["id_count_distinct"].to_pylist(), strict=True)
    return {
        "gate": name,
        "judged": pc.count_distinct(mine["id"]).as_py(),
        "dropped": pc.sum(pc.equal(drops["gate"], name)).as_py() or 0,
        "only": pc.sum(pc.equal(only["gate"], name)).as_py() or 0,
        "unverified": _rows_of(mine, Verdict.UNVERIFIED).num_rows,
        "reasons": dict(sorted(reasons, key=lambda item: (-item[1], item[0]))),
    }


def _rows_of(verdicts: pa.Table, verdict: Verdict) -> pa.Table:
    """Each (row, gate) once that has at least one such verdict."""
    chosen = verdicts.filter(pc.equal(verdicts["verdict"], verdict.value))
    return chosen.group_by(["id", "gate"]).aggregate([])
