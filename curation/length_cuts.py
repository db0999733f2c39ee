"""At how many words the gate ``length`` would drop an accepted text.

Its verdict tells what was asked for, and not whether that was the least or the most. Rows say it; of each only the number of
a request is kept, for all rows together ask for a few dozen lengths.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.frame import Frame, Places
from pairsmith.factory.spec import LengthSpec
from pairsmith.validators.length import ASKED, LengthGate, cuts


class Cuts:
    """Of each row of ``accepted``: the words below which, and above which, its query and its other texts are dropped."""

    def __init__(self, accepted: Frame, spec: LengthSpec) -> None:
        known: dict[bytes, int] = {}
        numbers = [np.empty(0, np.int32)]
        for batch in accepted.table.batches(*ASKED):
            keys = (each.tobytes() for each in cuts(batch, spec))
            numbers.append(np.fromiter((known.setdefault(key, len(known)) for key in keys), np.int32, len(batch)))
        self._number = np.concatenate(numbers)[accepted.row]
        self._cuts = np.frombuffer(b"".join(known)).reshape(-1, 2, 2)

    def nearest(self, lines: pa.Table, place: Places) -> pa.Table:
        """The lines; those of the gate ``length`` have the nearer cut as their threshold, in place of what was asked for.

        ``place``: where the row of each line stands in the frame.
        """
        mine = np.flatnonzero(pc.equal(lines["gate"], LengthGate.name).to_numpy())
        if not len(mine):
            return lines
        other = pc.not_equal(lines["field"].take(mine), "query").to_numpy().astype(int)
        low, high = self._cuts[self._number[place[mine]], other].T
        score, threshold = (np.array(lines[name].to_numpy(), np.float64) for name in ("score", "threshold"))
        # Nearer as a share: a text of 45 words is as far from a least of 30 as from a most of 67.5.
        threshold[mine] = np.where(np.isnan(high) | (score[mine] ** 2 < low * high), low, high)
        at = lines.schema.get_field_index("threshold")
        return lines.set_column(at, lines.schema.field(at), pa.array(threshold, from_pandas=True))
