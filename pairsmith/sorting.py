"""The end of gating: every row goes to the accepted or to the rejected ones, part by part."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pairsmith.factory.records import PAIRS, REJECTED
from pairsmith.factory.tables import new_table
from pairsmith.origin import Origin
from pairsmith.run import ACCEPTED, CANDIDATES, REJECTED_FILE, VERDICTS_FILE, Run
from pairsmith.validators.corpus import Judged
from pairsmith.validators.gate import Verdict
from pairsmith.validators.judging import without


def sort_rows(run: Run, origin: Origin, parts: Iterable[Judged]) -> dict[str, dict[str, int]]:
    """Write the accepted and the rejected rows of all ``parts`` of ``origin``. Returns how many there are in each group."""
    accepted: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    with (
        new_table(run.path / ACCEPTED, PAIRS) as good,
        new_table(run.path / REJECTED_FILE, REJECTED) as bad,
        pq.ParquetFile(run.path / CANDIDATES, pre_buffer=False) as candidates,
        pq.ParquetFile(run.path / VERDICTS_FILE, pre_buffer=False) as verdicts,
    ):
        for one, originals in zip(parts, origin.originals(), strict=True):
            rows = candidates.read_row_group(one.group) if len(one.kept) else PAIRS.empty_table()
            reasons = _reasons(verdicts, one.verdicts)
            ids = pa.array(reasons, pa.string())
            kept = without(rows, ids)
            texts = _texts(rows, ids)
            heads = originals(reasons)
            bare = [{**head, "reasons": reasons[head["id"]], **texts.get(head["id"], {})} for head in heads]
            lost = pa.Table.from_pylist(bare, schema=REJECTED)
            good.write(kept)
            bad.write(lost)
            accepted.update(kept["group"].to_pylist())
            rejected.update(lost["group"].to_pylist())
    groups = dict.fromkeys([*accepted, *rejected])
    return {group: {"accepted": accepted[group], "rejected": rejected[group]} for group in groups}


def _reasons(verdicts: pq.ParquetFile, groups: list[int]) -> dict[str, list[str]]:
    """Row id -> "gate:field:reason" of each drop in some row groups."""
    columns = ["id", "gate", "field", "verdict", "reason"]
    lines = verdicts.read_row_groups(groups, columns=columns)
    drops = lines.filter(pc.equal(lines["verdict"], Verdict.DROP.value))
    reasons: dict[str, list[str]] = {}
    for key, *parts in zip(*(drops[name].to_pylist() for name in ("id", "gate", "field", "reason")), strict=True):
        reasons.setdefault(key, []).append(":".join(parts))
    return reasons


def _texts(rows: pa.Table, ids: pa.Array) -> dict[str, dict[str, Any]]:
    chosen = rows.select(["id", "query", "positive", "negatives"]).filter(pc.is_in(rows["id"], value_set=ids))
    return {row.pop("id"): row for row in chosen.to_pylist()}
