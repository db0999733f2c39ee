"""Verdicts of an earlier pass, taken over for rows that were judged already: a further round judges what is new."""

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.validators.gate import Gate, Scope


class KnownGate:
    """A row gate that judges only rows that are not among ``rows``, judged before with ``verdicts`` (of all gates).

    A row is the same where its id and the hash of its texts are. The caller sees to it that the gate has not changed since.
    A row gate judges each row alone, so that old and new verdicts are those of one pass.
    """

    def __init__(self, gate: Gate, verdicts: pa.Table, rows: pa.Table) -> None:
        self.name = gate.name
        self.scope: Scope = gate.scope
        self._gate = gate
        self._mine = verdicts.filter(pc.equal(verdicts["gate"], gate.name))
        self._rows = _identity(rows).combine_chunks()

    def judge(self, rows: pa.Table) -> pa.Table:
        """See :class:`~pairsmith.validators.gate.Gate`."""
        known = pc.is_in(_identity(rows), value_set=self._rows)
        new, ids = rows.filter(pc.invert(known)), rows["id"].filter(known).combine_chunks()
        old = self._mine.filter(pc.is_in(self._mine["id"], value_set=ids))
        return pa.concat_tables([old, self._gate.judge(new)]) if new.num_rows else old


def _identity(rows: pa.Table) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(rows["id"], rows["content_hash"], " ")
