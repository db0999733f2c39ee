"""The rows that can be drawn, and the lot of each: some 30 bytes a row, whatever its texts.

A lot hangs on the seed and the row's id alone. So a row keeps its lot while the run around it grows, and it is the same in
whatever order rows are read.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pairsmith.factory.records import digest, slice_of
from pairsmith.factory.tables import TableFile

Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_STRATUM = ("group", "query_language", "document_language")


class Lots(NamedTuple):
    """What is drawn for each of some rows: three numbers of 64 bits that have nothing to do with each other."""

    name: Words  # tells rows apart: a clash among 10 million has odds of 1 in 370,000; orders those that are else alike
    order: Words  # in which rows are drawn
    overlap: Words  # whether two reviewers answer the row

    @classmethod
    def of(cls, ids: pa.Array, seed: int | str) -> "Lots":
        """BLAKE2b of each id, salted with the seed: no regularity of ids shows in it. Half a second for a million."""
        salt = digest("review", seed).encode()
        drawn = (blake2b(one.encode(), digest_size=24, salt=salt).digest() for one in ids.to_pylist())
        return cls(*np.frombuffer(b"".join(drawn), "<u8").reshape(-1, 3).T)


@dataclass(frozen=True)
class Frame:
    """Rows that can be drawn, in the order of their names.

    ``stratum``: of each row, a place in ``strata``; ``row``: its number in the file ``table``.
    """

    table: TableFile
    seed: int | str
    strata: list[str]
    name: Words
    order: Words
    stratum: npt.NDArray[np.int32]
    row: Places

    def __len__(self) -> int:
        """Rows."""
        return len(self.name)

    @property
    def sizes(self) -> Places:
        """Rows of each stratum."""
        return np.bincount(self.stratum, minlength=len(self.strata))

    def find(self, ids: pa.ChunkedArray) -> Places:
        """Where each row of these ids stands in the frame; -1 for those that are not in it."""
        once = ids.combine_chunks().dictionary_encode()
        sought = Lots.of(once.dictionary, self.seed).name
        place = np.searchsorted(self.name, sought)
        place[place == len(self.name)] = 0
        known = self.name[place] == sought if len(self.name) else np.zeros(len(sought), np.bool_)
        found: Places = np.where(known, place, -1).take(once.indices.to_numpy())
        return found

    def ids(self, places: Places) -> list[str]:
        """Ids of the rows at these places of the frame: one pass over that column."""
        rows = self.row[places]
        order = np.argsort(rows)
        in_order = rows[order]
        found: list[str] = [""] * len(rows)
        start, done = 0, 0
        for batch in self.table.batches("id"):
            end = int(np.searchsorted(in_order, start + len(batch)))
            here = order[done:end]
            for place, name in zip(here.tolist(), batch["id"].take(rows[here] - start).to_pylist(), strict=True):
                found[place] = name
            start, done = start + len(batch), end
        return found


def read_frame(
    table: TableFile,
    seed: int | str,
    can_be_drawn: Callable[[pa.Table], Flags] | None = None,
    columns: Iterable[str] = (),
) -> Frame:
    """The rows of ``table`` that ``can_be_drawn`` says yes to, which gets the columns ``columns`` of a batch (all rows)."""
    numbers: dict[str, int] = {}
    parts = [(np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.int32), np.empty(0, np.int64))]
    start = 0
    for batch in table.batches("id", *_STRATUM, *columns):
        row = np.arange(len(batch)) if can_be_drawn is None else np.flatnonzero(can_be_drawn(batch))
        lots = Lots.of(batch["id"].take(row), seed)
        slices = map(slice_of, *(batch[name].take(row).to_pylist() for name in _STRATUM))
        stratum = np.fromiter((numbers.setdefault(name, len(numbers)) for name in slices), np.int32, len(row))
        parts.append((lots.name.copy(), lots.order.copy(), stratum, row + start))
        start += len(batch)
    name, order, stratum, row = map(np.concatenate, zip(*parts, strict=True))
    parts.clear()
    by_name = np.argsort(name)
    strata, place = _in_order(list(numbers), seed)
    return Frame(table, seed, strata, name[by_name], order[by_name], place[stratum[by_name]], row[by_name])


def _in_order(names: list[str], seed: int | str) -> tuple[list[str], npt.NDArray[np.int32]]:
    """Strata by lot, so that among equally large ones the alphabet decides nothing, and the new place of each."""
    by_lot = sorted(range(len(names)), key=lambda place: (digest(seed, names[place]), names[place]))
    place = np.empty(len(names), np.int32)
    place[by_lot] = np.arange(len(names), dtype=np.int32)
    return [names[one] for one in by_lot], place
