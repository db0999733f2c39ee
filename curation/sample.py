"""A seeded, stratified choice of rows: the same for the same rows, in whatever order they come."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def stratified(rows: pa.Table, strata: list[str], count: int, *, by: str, seed: int = 0) -> pa.Table:
    """At most ``count`` random rows of each stratum (a combination of values of ``strata``), sorted by stratum.

    ``by`` names the column that identifies a row: the choice depends on these values and the seed, not on the order.
    """
    if not rows.num_rows:
        return rows
    of_strata = [_codes(rows[name]) for name in strata]
    keys = pa.table([rows[by], *map(pa.array, of_strata)], [by, *(f"_{place}" for place in range(len(strata)))])
    draw = np.empty(rows.num_rows, dtype=np.int64)
    by_identity = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in keys.column_names]).to_numpy()
    draw[by_identity] = np.random.default_rng(seed).permutation(rows.num_rows)
    order = np.lexsort((draw, *reversed(of_strata)))
    return rows.take(pa.array(order[_rank([each[order] for each in of_strata]) < count]))


def _codes(column: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    """Each value as its place among all different values in order, null the last."""
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    place = np.empty(len(encoded.dictionary), np.int32)
    place[pc.sort_indices(encoded.dictionary).to_numpy()] = np.arange(len(place), dtype=np.int32)
    return place[np.asarray(encoded.indices.to_numpy(), np.int64)]


def _rank(ordered: list[npt.NDArray[np.int32]]) -> npt.NDArray[np.int64]:
    """Position of each row within its stratum, whose codes are given; the rows of a stratum stand together."""
    position = np.arange(len(ordered[0]))
    begins = position == 0
    for each in ordered:
        begins[1:] |= each[1:] != each[:-1]
    return position - np.maximum.accumulate(np.where(begins, position, 0))
