"""Which entries hold a hash: an inverted index on disk that is mapped, not read, and shared by all processes.

Entries lie in buckets by the leading bits of their hashes, some six in each. Most hashes looked for are in no entry: marks
(a bitmap by five bits more) say so of six in seven at first sight. Of each hash only the 8 or 16 bits that follow are kept
(``check``). So a lookup names every entry that holds a hash, and now and then one that does not (4 in 1,000 hashes, or 2 in
100,000): it proposes, and the texts decide. Sorting happens in partitions, so that building takes little memory.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pairsmith.validators.segments import places
from pairsmith.validators.tokens import Hashes

Check = type[np.uint8] | type[np.uint16]

_LEADING = 4  # bits: 16 partitions
_LOAD = 4  # hashes in a bucket, at least; at most twice as many
_MARKS = 5  # bits: 32 marks a bucket, of which 4 to 8 are set
_SPILLED = np.dtype([("hash", "<u8"), ("entry", "<u4")])
_PARTS = ("marks", "starts", "checks", "entries")


class Found(NamedTuple):
    """Which of the hashes looked for (by position) which entry may hold."""

    number: npt.NDArray[np.int64]
    entry: npt.NDArray[np.int64]


class Postings:
    """What a :class:`PostingsWriter` wrote under the name."""

    def __init__(self, folder: Path, name: str) -> None:
        arrays = (mapped(folder / f"{name}.{part}.npy") for part in _PARTS)
        self._marks, self._starts, self._checks, self._entries = arrays
        self._bits = (len(self._starts) - 1).bit_length() - 1

    def find(self, hashes: Hashes) -> Found:
        """Every entry that may hold one of ``hashes``, in the order of these."""
        marks = hashes >> np.uint64(64 - self._bits - _MARKS)
        marked = np.flatnonzero(self._marks[marks >> np.uint64(3)] >> (marks & np.uint64(7)).astype(np.uint8) & 1)
        hashes = hashes[marked]
        buckets = hashes >> np.uint64(64 - self._bits)
        first = self._starts[buckets].astype(np.int64)
        counts = self._starts[buckets + np.uint64(1)].astype(np.int64) - first
        number = np.repeat(np.arange(len(hashes)), counts)
        place = places(counts) + np.repeat(first, counts)
        wanted = _checks(hashes, self._bits, self._checks.dtype)
        same = np.flatnonzero(self._checks[place] == wanted[number])
        return Found(marked[number[same]], self._entries[place[same]].astype(np.int64))


class PostingsWriter:
    """Collects hashes and their entries on disk, and makes an index of them. ``name``: of the files."""

    def __init__(self, folder: Path, name: str, check: Check, *, first_only: bool) -> None:
        """``check``: type of the bits kept. ``first_only``: of the entries that share a hash only the first is kept."""
        self._folder, self._name, self._check, self._first_only = folder, name, np.dtype(check), first_only
        self._spills = [folder / f"{name}.{number}.spill" for number in range(1 << _LEADING)]
        self._files = [path.open("wb") for path in self._spills]

    def add(self, hashes: Hashes, entries: npt.NDArray[Any]) -> None:
        """Take up a hash of each entry. Entries come in ascending order from call to call."""
        partitions = (hashes >> np.uint64(64 - _LEADING)).astype(np.uint8)
        order = np.argsort(partitions, kind="stable")
        lines = np.empty(len(hashes), _SPILLED)
        lines["hash"], lines["entry"] = hashes[order], entries[order]
        limits = np.searchsorted(partitions[order], np.arange((1 << _LEADING) + 1)).tolist()
        for file, first, last in zip(self._files, limits[:-1], limits[1:], strict=True):
            file.write(lines[first:last].tobytes())

    def finish(self) -> None:
        """Write the index; what was collected is removed."""
        sizes = [self._sort(number) for number in range(1 << _LEADING)]
        total = sum(sizes)
        bits = max((total // _LOAD).bit_length() - 1, _LEADING + 1)
        share = 1 << (bits - _LEADING)
        marks = self._made("marks", np.dtype(np.uint8), 1 << (bits + _MARKS - 3))
        starts = self._made("starts", np.min_scalar_type(total), (1 << bits) + 1)
        checks, entries = self._made("checks", self._check, total), self._made("entries", np.dtype("<u4"), total)
        last = 0
        for number, (path, size) in enumerate(zip(self._spills, sizes, strict=True)):
            lines = np.fromfile(path, _SPILLED)
            path.unlink()
            first, last = last, last + size
            counts = np.bincount(_within(lines["hash"], bits), minlength=share)
            starts[number * share + 1 : (number + 1) * share + 1] = first + np.cumsum(counts)
            marked = np.zeros(share << _MARKS, np.bool_)
            marked[_within(lines["hash"], bits + _MARKS)] = True
            marks[number * (share << _MARKS) >> 3 : (number + 1) * (share << _MARKS) >> 3] = np.packbits(
                marked, bitorder="little"
            )
            checks[first:last] = _checks(lines["hash"], bits, self._check)
            entries[first:last] = lines["entry"]

    def _sort(self, number: int) -> int:
        """Sort what was collected in one partition; how much it is."""
        self._files[number].close()
        lines = np.fromfile(self._spills[number], _SPILLED)
        lines = lines[np.argsort(lines["hash"], kind="stable")]
        if self._first_only and len(lines):
            lines = lines[np.concatenate(([True], lines["hash"][1:] != lines["hash"][:-1]))]
        lines.tofile(self._spills[number])
        return len(lines)

    def _made(self, part: str, dtype: np.dtype[Any], size: int) -> np.memmap[Any, Any]:
        return np.lib.format.open_memmap(self._folder / f"{self._name}.{part}.npy", "w+", dtype, (size,))


def mapped(path: Path) -> npt.NDArray[Any]:
    """An array in a .npy file, mapped into memory. ``ValueError`` or ``OSError`` where it is none."""
    array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
    return array


def _within(hashes: Hashes, bits: int) -> npt.NDArray[np.int64]:
    """The leading bits but those that name the partition."""
    return ((hashes << np.uint64(_LEADING)) >> np.uint64(64 + _LEADING - bits)).astype(np.int64)


def _checks(hashes: Hashes, bits: int, check: np.dtype[Any]) -> npt.NDArray[Any]:
    """The bits after those of bucket and mark."""
    return (hashes >> np.uint64(64 - bits - _MARKS - 8 * check.itemsize)).astype(check)
