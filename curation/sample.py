"""A seeded, stratified choice of rows: the same for the same rows, in whatever order they come."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def stratified(rows: pa.Table, strata: list[str], count: int, *, by: str, seed: int = 0) -> pa.Table:
    """At most ``count`` random rows of each stratum (a combination of values of ``strata``), sorted by stratum.

    ``by`` names the column that identifies a row: the choice depends on these values and the seed, not on the order.
    """
    if not rows.num_rows:
        return rows
    draw = np.empty(rows.num_rows, dtype=np.int64)
    by_identity = pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in (by, *strata)]).to_numpy()
    draw[by_identity] = np.random.default_rng(seed).permutation(rows.num_rows)
    keys = rows.select(strata).append_column("_draw", pa.array(draw))
    order = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in (*strata, "_draw")]).to_numpy()
    return rows.take(pa.array(order[_rank(keys.take(pa.array(order)), strata) < count]))


def _rank(ordered: pa.Table, strata: list[str]) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Position of each row within its stratum; the rows of a stratum stand together."""
    position = np.arange(ordered.num_rows)
    begins = position == 0
    for name in strata:
        codes = ordered[name].combine_chunks().dictionary_encode(null_encoding="encode").indices.to_numpy()
        begins[1:] |= codes[1:] != codes[:-1]
    return position - np.maximum.accumulate(np.where(begins, position, 0))
