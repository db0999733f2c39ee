"""Verdicts of an earlier pass, taken over for rows that were judged already: a further round judges what is new."""

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.validators.gate import Gate, Scope


class KnownGate:
    """A row gate that judges only rows of which ``verdicts`` (schema VERDICTS, of all gates) holds nothing of its own.

    The caller sees to it that neither the gate nor the rows have changed since. A row gate judges each row alone, so that
    old and new verdicts are those of one pass.
    """

    def __init__(self, gate: Gate, verdicts: pa.Table) -> None:
        self.name = gate.name
        self.scope: Scope = gate.scope
        self._gate = gate
        self._mine = verdicts.filter(pc.equal(verdicts["gate"], gate.name))
        self._ids = pc.unique(self._mine["id"])

    def judge(self, rows: pa.Table) -> pa.Table:
        """See :class:`~pairsmith.validators.gate.Gate`."""
        known = pc.is_in(rows["id"], value_set=self._ids)
        new = rows.filter(pc.invert(known))
        old = self._mine.filter(pc.is_in(self._mine["id"], value_set=rows["id"].combine_chunks()))
        return pa.concat_tables([old, self._gate.judge(new)]) if new.num_rows else old
