"""Connected components of many rows, joined many pairs at a time. Rows are named by numbers."""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.integer]


class Clusters:
    """Union-find whose roots are the smallest members, so that what came first plays no part. 4 bytes a row."""

    def __init__(self, size: int) -> None:
        self._parent = np.arange(size, dtype=np.uint32)  # of a root itself, of others a smaller member

    def find(self, rows: Numbers) -> npt.NDArray[np.uint32]:
        """The smallest member of the cluster of each row."""
        roots = self._parent[rows]
        while not np.array_equal(higher := self._parent[roots], roots):
            roots = higher
        self._parent[rows] = roots
        return roots

    def join(self, left: Numbers, right: Numbers) -> None:
        """The clusters of ``left[i]`` and ``right[i]`` become one, for each pair."""
        while True:
            one, two = self.find(left), self.find(right)
            apart = np.flatnonzero(one != two)
            if not len(apart):
                return
            left, right = np.minimum(one, two)[apart], np.maximum(one, two)[apart]
            np.minimum.at(self._parent, right, left)
