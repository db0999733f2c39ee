"""How often something was there before, for many millions of things: 8 bytes of memory for each."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt


class Occurrences:
    """Counts keys of 64 bits as they come, in a few sorted arrays.

    Two different things share a key by chance: among 10 million random keys with odds of 1 in 370,000.
    """

    def __init__(self) -> None:
        self._runs: list[npt.NDArray[np.int64]] = []  # each less than half as long as the one before

    def earlier(self, keys: Iterable[int]) -> npt.NDArray[np.int64]:
        """For each of some more ``keys`` (signed) how often it was there before."""
        new = np.fromiter(keys, np.int64)
        order = np.argsort(new, kind="stable")
        run = new[order]
        counts = np.empty(len(new), np.int64)
        counts[order] = np.arange(len(run)) - np.searchsorted(run, run)
        for known in self._runs:
            counts += np.searchsorted(known, new, side="right") - np.searchsorted(known, new)
        self._add(run)
        return counts

    def _add(self, run: npt.NDArray[np.int64]) -> None:
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")  # which merges what is sorted
        self._runs.append(run)
