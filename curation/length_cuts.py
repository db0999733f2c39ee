"""Accepted texts that are not as long as was asked for, and how near they are to being dropped for it.

The verdict of the gate ``length`` tells what was asked for, and not whether that was the least or the most. Rows say it; of
each only the number of a request is kept, for all rows together ask for a few dozen lengths.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.frame import Frame, Places
from pairsmith.factory.spec import LengthSpec
from pairsmith.validators.length import ASKED, LengthGate, bounds, cuts


class Cuts:
    """Of the texts of each row of ``accepted``: the words that were asked for, and those from which on they are dropped."""

    def __init__(self, accepted: Frame, spec: LengthSpec) -> None:
        known: dict[bytes, int] = {}
        numbers = [np.empty(0, np.int32)]
        for batch in accepted.table.batches(*ASKED):
            keys = (each.tobytes() for each in np.stack((bounds(batch), cuts(batch, spec)), axis=-1))
            numbers.append(np.fromiter((known.setdefault(key, len(known)) for key in keys), np.int32, len(batch)))
        self._number = np.concatenate(numbers)[accepted.row]
        self._known = np.frombuffer(b"".join(known)).reshape(-1, 2, 2, 2)  # query or other, least or most, asked or cut

    def told(self, lines: pa.Table, place: Places) -> tuple[pa.Table, Places]:
        """The lines but those of the gate ``length`` on texts as long as was asked for; the others of it have as their
        threshold where they would be dropped.

        ``place``: where the row of each line stands in the frame; so is what is returned beside the lines.
        """
        mine = np.flatnonzero(pc.equal(lines["gate"], LengthGate.name).to_numpy())
        other = pc.not_equal(lines["field"].take(mine), "query").to_numpy().astype(int)
        least, most = self._known[self._number[place[mine]], other].transpose(1, 0, 2)
        score, threshold = (np.array(lines[name].to_numpy(), np.float64) for name in ("score", "threshold"))
        short, long = score[mine] < least[:, 0], score[mine] > most[:, 0]
        threshold[mine] = np.where(short, least[:, 1], most[:, 1])
        at = lines.schema.get_field_index("threshold")
        lines = lines.set_column(at, lines.schema.field(at), pa.array(threshold, from_pandas=True))
        tell = np.ones(len(lines), np.bool_)
        tell[mine] = short | long
        return lines.filter(pa.array(tell)), place[tell]
