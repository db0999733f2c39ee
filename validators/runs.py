"""Runs of equal values in ordered columns."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt


def run_starts(*columns: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which rows differ from the one before in some column; the first row does."""
    starts = np.ones(len(columns[0]), np.bool_)
    starts[1:] = False
    for column in columns:
        starts[1:] |= column[1:] != column[:-1]
    return starts


def in_runs(starts: npt.NDArray[np.bool_], longer_than: int = 1) -> npt.NDArray[np.bool_]:
    """Which rows stand in a run of more rows than that."""
    lengths = np.diff(np.flatnonzero(starts), append=len(starts))
    return np.repeat(lengths > longer_than, lengths)


def pieces(sizes: npt.NDArray[np.integer], most: int) -> Iterator[tuple[int, int]]:
    """Begin and end of consecutive pieces of at most ``most`` in all, each of one item at least."""
    ends = np.cumsum(sizes, dtype=np.int64)
    start = 0
    while start < len(sizes):
        held = ends[start - 1] if start else 0
        end = max(int(np.searchsorted(ends, held + most)), start + 1)
        yield start, end
        start = end
