"""What the duplicates gate keeps of a row in place of its texts: enough to find its twins, and to be exact about them.

Two views of each row: the query, within its task (instruction and both languages), and query and positive together.
A view of fewer than :data:`NEAR_WORDS` words has an exact key only. Tokens are kept as the upper half of their hashes: two
texts that differ are mistaken for equal at one place with a chance of 1 in 4 billion, for no more than its three shingles.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.validators.characters import Offsets, decoded
from pairsmith.validators.digests import digests
from pairsmith.validators.minhash import AGREE, Bands, Words, band_keys, signatures
from pairsmith.validators.similarity import SHINGLE, shingles
from pairsmith.validators.texts import Texts, texts
from pairsmith.validators.tokens import Ragged

NEAR_WORDS = 12  # shorter texts are twins only when they are equal: one other word asks something else
VIEWS = ("query", "pair")
FORMAT = 3
"""Version of the columns and keys: what was stored under another one cannot be compared."""

_SIGNED = 500  # rows whose signatures are held at once: they stay in the processor's cache
_ODD = np.uint64(0x9E3779B97F4A7C15)  # so that query and positive cannot change places
_NOWHERE = np.uint64(0)  # scope of the second view: rows of any task may be twins in it


def sketch_schema(bands: Bands) -> pa.Schema:
    """Columns of a sketch, one line a row. ``<view>_<number>``: the key of a band, 0 where the view has none."""
    names = [band_name(view, number) for view in VIEWS for number in range(bands.number)]
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("request_id", pa.string(), nullable=False),
            pa.field("fields", pa.int32(), nullable=False),  # text fields of the row
            pa.field("length", pa.int64(), nullable=False),  # folded characters of all of them
            pa.field("scope", pa.uint64(), nullable=False),  # digest of instruction and languages
            pa.field("query_exact", pa.binary(16), nullable=False),  # digest of scope and folded query
            pa.field("pair_exact", pa.binary(16), nullable=False),  # digest of folded query and positive
            pa.field("query_tokens", pa.int32(), nullable=False),  # 0 where the query has too few words to compare
            pa.field("pair_tokens", pa.int32(), nullable=False),
            pa.field("tokens", pa.list_(pa.uint32()), nullable=False),  # of the query, then the positive; of long pairs
            *(pa.field(name, pa.uint32(), nullable=False) for name in names),
        ]
    )


def band_name(view: str, number: int) -> str:
    """The column that holds the keys of a band."""
    return f"{view}_{number:03}"


def sketch(rows: pa.Table, bands: Bands, near_words: int = NEAR_WORDS) -> pa.Table:
    """The sketch of ``rows`` (PAIRS), line by line. Views of fewer than ``near_words`` words have an exact key only."""
    found = texts(rows)
    tokens, counts = _near_tokens(found, near_words)
    scopes = _scopes(rows)
    columns: dict[str, object] = {
        "id": rows["id"],
        "request_id": rows["request_id"],
        "fields": np.diff(found.queries, append=len(found)),
        "length": np.add.reduceat(found.lengths, found.queries),
        "scope": scopes,
        **_exact_keys(found, scopes),
        "query_tokens": counts["query"],
        "pair_tokens": counts["pair"],
        "tokens": _lists(tokens, counts["pair"]),
    }
    keys = _band_columns(tokens, counts, scopes, bands)
    return pa.table(columns | keys, schema=sketch_schema(bands))


def banded(sketches: pa.Table, bands: Bands) -> pa.Table:
    """The same sketches with the keys of other bands, without their texts."""
    table = sketches.combine_chunks()
    tokens = pc.list_flatten(table["tokens"]).to_numpy()
    counts = {view: table[f"{view}_tokens"].to_numpy().astype(np.int64) for view in VIEWS}
    keys = _band_columns(tokens, counts, table["scope"].to_numpy(), bands)
    columns = {name: keys[name] if name in keys else table[name] for name in sketch_schema(bands).names}
    return pa.table(columns, schema=sketch_schema(bands))


def may_be_twins(sketches: pa.Table, few: pa.Table, bands: Bands) -> pa.Table:
    """Those of ``sketches`` that may be twins of one of the ``few``, other rows than they; none that is one is left out."""
    found = np.zeros(len(sketches), np.bool_)
    for view in VIEWS:
        long = few.filter(pc.greater(few[f"{view}_tokens"], 0))
        names = [band_name(view, number) for number in range(bands.number)]
        agree = np.sum([_among(sketches[name], long[name]) for name in names], axis=0)
        found |= _among(sketches[f"{view}_exact"], few[f"{view}_exact"]) | (agree >= AGREE)
    return sketches.filter(pa.array(found & ~_among(sketches["id"], few["id"])))


def _among(values: pa.ChunkedArray, known: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.is_in(values, value_set=known.combine_chunks()).to_numpy(), np.bool_)


def _band_columns(
    tokens: Words, counts: dict[str, Offsets], scopes: npt.NDArray[np.uint64], bands: Bands
) -> dict[str, Words]:
    """``tokens``: of the pairs that have any, end to end, as in the column of that name."""
    keys = {view: np.zeros((bands.number, len(scopes)), np.uint32) for view in VIEWS}
    pairs = counts["pair"]
    begins = np.cumsum(pairs) - pairs
    near = np.flatnonzero(pairs)
    for rows in np.split(near, range(_SIGNED, len(near), _SIGNED)):
        asked = counts["query"][rows] > 0
        query, pair = _signatures(shingles(tokens, begins[rows], pairs[rows]), counts["query"][rows], bands.slots)
        keys["query"][:, rows[asked]] = band_keys(query[asked], bands, scopes[rows[asked]])
        keys["pair"][:, rows] = band_keys(pair, bands, np.full(len(rows), _NOWHERE))
    return {band_name(view, number): column for view in VIEWS for number, column in enumerate(keys[view])}


def _signatures(pairs: Ragged, tokens: Offsets, slots: int) -> tuple[Words, Words]:
    """Signatures of queries, of ``tokens`` each, and of whole pairs, from the shingles of pairs, which begin with the query's.

    Each slot of a pair is the least of that of its query and that of the shingles after those.
    """
    asked = np.clip(tokens - SHINGLE + 1, 0, pairs.counts)
    starts = np.append(np.stack((pairs.starts[:-1], pairs.starts[:-1] + asked), axis=1), pairs.starts[-1])
    query, rest = signatures(pairs.values, starts, slots).reshape(len(tokens), 2, slots).swapaxes(0, 1)
    return query, np.minimum(query, rest)


def _near_tokens(found: Texts, near_words: int) -> tuple[Words, dict[str, Offsets]]:
    """Tokens of query and positive, end to end, and how many each view has: none and 0 where it has too few words."""
    tokens, query = found.tokens, found.queries
    words, sizes = tokens.words, np.diff(tokens.starts)
    asked, near = words[query] >= near_words, words[query] + words[query + 1] >= near_words
    counts = {
        "query": np.where(asked, sizes[query], 0),
        "pair": np.where(near, sizes[query] + sizes[query + 1], 0),
    }
    kept = np.zeros(len(found), np.bool_)
    kept[query] = kept[query + 1] = near
    halves: Words = tokens.hashes.view("<u4")[1::2]  # the upper ones
    return halves[np.repeat(kept, sizes)], counts


def _lists(values: Words, counts: Offsets) -> pa.ListArray:
    return pa.ListArray.from_arrays(np.concatenate(([0], np.cumsum(counts))).astype(np.int32), values)


def _scopes(rows: pa.Table) -> npt.NDArray[np.uint64]:
    task = (rows[name] for name in ("query_language", "document_language", "instruction"))
    return digests(decoded(pc.binary_join_element_wise(*task, "\n")))[:, 0]


def _exact_keys(found: Texts, scopes: npt.NDArray[np.uint64]) -> dict[str, pa.Array]:
    every = digests(found.folded_slices)
    query, positive = every[found.queries], every[found.queries + 1]
    return {"query_exact": _digests(query ^ scopes[:, None]), "pair_exact": _digests(query * _ODD ^ positive)}


def _digests(values: npt.NDArray[np.uint64]) -> pa.Array:
    return pa.Array.from_buffers(pa.binary(16), len(values), [None, pa.py_buffer(values.tobytes())])
