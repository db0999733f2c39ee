"""The sketches of all rows, read column by column from memory-mapped files, never all at once.

Tokens of chosen rows are wanted again and again: those of all rows lie end to end in one more file, so that to find them costs
the same however many rows and files there are.

A row is named by its rank: its place in the order in which rows survive.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.factory.errors import RoomError, RunError
from pairsmith.validators.characters import Offsets
from pairsmith.validators.minhash import Words
from pairsmith.validators.released import standing
from pairsmith.validators.runs import in_runs, run_starts

Ranks = npt.NDArray[np.uint32]

_OPEN = 4096  # files that are kept open: 20 million rows of which none is opened a second time


class Sketches:
    """Sketches in their order: tables, or Arrow IPC files of them. Keeps 10 bytes a row, and 8 more once
    tokens are wanted. At most 4 billion rows.

    ``first``: from this one on they are of released rows, which survive all others.
    """

    def __init__(self, parts: Sequence[Path | pa.Table], first: int) -> None:
        self._parts = parts
        self._batch = lru_cache(_OPEN)(self._read)
        lengths = [len(self._batch(part)) for part in range(len(parts))]
        self._starts = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))).astype(np.int64)
        released = out = np.zeros(len(self), np.bool_)
        if first < len(parts):
            ids = (self._batch(part)["id"] for part in range(len(parts)))
            released, out = standing(ids, int(self._starts[first]))
        self._rows = self._survival(released)
        self._ranks: Ranks = np.empty(len(self), np.uint32)
        self._ranks[self._rows] = np.arange(len(self), dtype=np.uint32)
        self.released: npt.NDArray[np.bool_] = released[self._rows]
        """By rank: whether the row is released."""
        self.out: npt.NDArray[np.bool_] = out[self._rows]
        """By rank: whether the row takes no part, since another one stands for it."""

    def __len__(self) -> int:
        return int(self._starts[-1])

    def part(self, part: int) -> tuple[pa.RecordBatch, Ranks]:
        """One sketch, and the rank of each of its rows."""
        return self._batch(part), self._ranks[self._starts[part] : self._starts[part + 1]]

    def __iter__(self) -> Iterator[tuple[pa.RecordBatch, Ranks]]:
        return (self.part(part) for part in range(len(self._parts)))

    def by_rank(self, column: str, kind: type[np.generic]) -> npt.NDArray[Any]:
        """A column of numbers, of all rows, in the order of their ranks."""
        found = np.empty(len(self), kind)
        for batch, ranks in self:
            found[ranks] = batch[column].to_numpy()
        return found

    def repeated(self, column: str, chosen: npt.NDArray[np.bool_]) -> tuple[Words, Ranks]:
        """Values of a column that several of the ``chosen`` rows have, ascending, and beside each the rank of its row.

        Equal values stand in the order of their ranks. Of a digest the first 32 bits count.
        """
        packed = np.empty(int(np.count_nonzero(chosen)), "<u8")
        end = 0
        for batch, ranks in self:
            mine = np.flatnonzero(chosen[ranks])
            values = _words(batch[column])[:, 0][mine].astype(np.uint64)
            values <<= np.uint64(32)
            values |= ranks[mine]
            packed[end : end + len(mine)] = values
            end += len(mine)
        packed.sort()
        upper: Words = packed.view("<u4")[1::2]
        same = upper[1:] == upper[:-1]
        several = np.zeros(len(packed), np.bool_)
        several[1:] = same
        several[:-1] |= same
        return upper[several], packed[several].astype(np.uint32)

    def digests(self, column: str, ranks: Ranks) -> Words:
        """Digests, (rows, 4), of some rows."""
        found = np.empty((len(ranks), 4), np.uint32)
        for batch, places, mine in self._taken(self._rows[ranks]):
            found[places] = _words(batch[column])[mine]
        return found

    def tokens(self, ranks: Ranks, counts: Offsets) -> Words:
        """The first ``counts[i]`` tokens of each row, end to end."""
        every, begins = self._tokens
        first = np.repeat(begins[self._rows[ranks]] - np.cumsum(counts) + counts, counts)
        return every[first + np.arange(len(first))]

    def bands(self, columns: Sequence[str]) -> Words:
        """The keys of all bands of a view, (rows, bands), in the order of the rows: in a file of their own, too."""
        parts = (
            np.stack([_words(self._batch(part)[column])[:, 0] for column in columns], axis=1)
            for part in range(len(self._parts))
        )
        return self.end_to_end(parts).reshape(-1, len(columns))

    def end_to_end(self, parts: Iterator[Words]) -> Words:
        """Words kept end to end: in a file beside the sketches that is gone with the process, else in memory."""
        beside = next((part.parent for part in self._parts if isinstance(part, Path)), None)
        if beside is not None:
            return _on_disk(parts, beside)
        return np.concatenate([np.empty(0, np.uint32), *(part.ravel() for part in parts)])

    def rows(self, ranks: Ranks) -> npt.NDArray[np.uint32]:
        """The places of some rows in the order of the sketches."""
        return self._rows[ranks]

    @cached_property
    def _tokens(self) -> tuple[Words, Offsets]:
        """The tokens of all rows end to end, and where those of each row begin (8 bytes a row)."""
        sizes = np.empty(len(self), np.int64)
        for part, start in enumerate(self._starts[:-1].tolist()):
            batch = self._batch(part)
            sizes[start : start + len(batch)] = np.diff(batch["tokens"].offsets.to_numpy())
        values = (_values(self._batch(part)["tokens"]) for part in range(len(self._parts)))
        return self.end_to_end(values), np.cumsum(sizes) - sizes

    def ids(self, ranks: Ranks) -> pa.Array:
        """The ids of some rows."""
        return self._ids(self._rows[ranks])

    def _ids(self, rows: npt.NDArray[np.unsignedinteger]) -> pa.Array:
        found, order = [pa.array([], pa.string())], [np.empty(0, np.int64)]
        for batch, places, mine in self._taken(rows):
            found.append(batch["id"].take(pa.array(mine)))
            order.append(places)
        return pa.concat_arrays(found).take(pa.array(np.argsort(np.concatenate(order))))

    def _taken(self, rows: npt.NDArray[np.unsignedinteger]) -> Iterator[tuple[pa.RecordBatch, Offsets, Offsets]]:
        """Each sketch that holds some of ``rows``: their places in ``rows``, and in the sketch."""
        order = np.argsort(rows)
        limits = np.searchsorted(rows[order], self._starts)
        for part in np.flatnonzero(np.diff(limits)).tolist():
            places = order[limits[part] : limits[part + 1]]
            yield self._batch(part), places, rows[places] - self._starts[part]

    def _read(self, part: int) -> pa.RecordBatch:
        source = self._parts[part]
        try:
            if isinstance(source, Path):
                with pa.memory_map(str(source)) as file:
                    source = pa.ipc.open_file(file).read_all()
        except (OSError, pa.ArrowInvalid) as error:
            raise RunError(
                f"{source}: not readable ({error}); delete it, and the next 'pairsmith gate' makes it"
            ) from None
        batches = source.combine_chunks().to_batches()
        return batches[0] if batches else pa.RecordBatch.from_pylist([], source.schema)

    def _survival(self, released: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint32]:
        """Rows in the order in which they survive: released ones, then those with most text, then by the smallest id."""
        lengths, heads = np.empty(len(self), np.int64), np.empty(len(self), np.uint64)
        for part, (start, end) in enumerate(zip(self._starts[:-1], self._starts[1:], strict=True)):
            lengths[start:end] = self._batch(part)["length"].to_numpy()
            heads[start:end] = _heads(self._batch(part)["id"])
        lengths[released] += 1 << 62
        np.negative(lengths, out=lengths)
        order = np.lexsort((heads, lengths)).astype(np.uint32)
        starts = run_starts(lengths[order]) | run_starts(heads[order])
        ties = in_runs(starts)
        groups = np.cumsum(starts, dtype=np.uint32)[ties]
        tied = order[ties]
        by_id = pc.sort_indices(
            pa.table({"group": groups, "id": self._ids(tied)}),
            sort_keys=[("group", "ascending"), ("id", "ascending")],
        )
        order[ties] = tied[by_id.to_numpy()]
        return order


def _values(lists: pa.ListArray) -> Words:
    """The values of all lists, end to end."""
    return lists.flatten().to_numpy()  # type: ignore[no-any-return]


def _on_disk(parts: Iterable[Words], folder: Path) -> Words:
    """The parts end to end in a file in ``folder`` that is gone with the process, mapped into memory."""
    with TemporaryFile(dir=folder) as file:
        try:
            for part in parts:
                file.write(np.ascontiguousarray(part).data)
            file.flush()
        except OSError as error:
            raise RoomError(
                f"{folder}: no room for what is compared of all rows, of which {file.tell():,} bytes were written"
                f" ({error.strerror}); make room and run again: what was finished stays"
            ) from None
        return np.memmap(file, np.uint32, "r") if file.tell() else np.empty(0, np.uint32)


def _words(column: pa.Array) -> Words:
    """The 32-bit words, (rows, words), of numbers or digests."""
    width = column.type.bit_width // 32
    values = np.frombuffer(column.buffers()[1], np.uint32) if len(column) else np.empty(0, np.uint32)
    return values[column.offset * width : (column.offset + len(column)) * width].reshape(-1, width)


def _heads(ids: pa.Array) -> npt.NDArray[np.uint64]:
    """The first eight bytes of each id as a number that is ordered as they are."""
    if not len(ids):
        return np.empty(0, np.uint64)
    offsets = np.frombuffer(ids.buffers()[1], np.int32)[ids.offset : ids.offset + len(ids) + 1, None]
    data = np.concatenate((np.frombuffer(ids.buffers()[2] or b"", np.uint8), np.zeros(8, np.uint8)))
    places = np.minimum(offsets[:-1] + np.arange(8), offsets[-1])
    return np.where(places < offsets[1:], data[places], 0).astype(np.uint8).view(">u8")[:, 0].astype(np.uint64)
