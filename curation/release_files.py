"""The data files of a release: rows in the order of their ids, whatever the number of rows, in the memory of one file.

Some 100 bytes a row are held, the index; texts go from the accepted rows to one heap on disk for each file, and from there,
put in order, into the file.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pairsmith.curation.comparable import comparable, with_review
from pairsmith.curation.contents import Contents
from pairsmith.factory.records import RELEASE
from pairsmith.factory.tables import TableFile

ROWS_PER_FILE = 100_000  # some 100 MB: the Hub streams and previews files of this size well
LINES = 10_000  # of the text of which the row-set hash is made, at once

_HEAPS = ".heaps"
_SPLIT = pa.field("split", pa.string())  # null for a row that is left out
_OUT = -1  # in place of the number of a file


def read_index(accepted: TableFile, splits: pa.Array, content: Sequence[str]) -> tuple[pa.Table, Contents]:
    """The columns :data:`~pairsmith.curation.comparable.COMPARED` and the digest of the columns ``content`` of the accepted
    rows, in the order of the file, and the counts of those that have a split: the others are left out.

    ``accepted``: schema PAIRS, or REVIEWED where people have judged some.
    """
    contents, parts, start = Contents(), [], 0
    for rows in accepted.batches():
        own = splits.slice(start, rows.num_rows)
        start += rows.num_rows
        rows = with_review(rows).append_column(_SPLIT, own)
        contents.add(rows.filter(pc.is_valid(own)))
        parts.append(comparable(rows, content))
    return pa.concat_tables(parts).combine_chunks(), contents


def row_set_hash(index: pa.Table) -> str:
    """SHA-256 over the sorted (id, content hash, split) of the rows: the identity of a release, whatever wrote the files."""
    order, found = pc.sort_indices(index["id"]), hashlib.sha256()
    for start in range(0, len(order), LINES):
        rows = index.take(order.slice(start, LINES))
        lines = pc.binary_join_element_wise(rows["id"], rows["content_hash"], rows["split"], "\t").to_pylist()
        found.update((("\n" if start else "") + "\n".join(lines)).encode())
    return found.hexdigest()


def write_data(accepted: TableFile, index: pa.Table, folder: Path) -> dict[str, int]:
    """Write ``data/<group>/<split>-*.parquet``; returns each relative path with its rows.

    ``index``: of ``accepted``, see :func:`read_index`; a row without a split is left out. A split without rows has no file: an
    empty one can't be loaded.
    """
    names, target = _files(index)
    files: dict[str, int] = {}
    for name, heap in zip(names, _heaps(accepted, index["split"], target, folder / _HEAPS), strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        files[name] = _write_in_order(heap, folder / name)
    (folder / _HEAPS).rmdir()
    return files


def _files(index: pa.Table) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The names of the files, by group, split and number, and for each row the place of its file among them."""
    order = pc.sort_indices(index, sort_keys=[(name, "ascending") for name in ("group", "split", "id")]).to_numpy()
    order = order[index["split"].is_valid().to_numpy()[order]]
    kinds = index.filter(pc.is_valid(index["split"])).group_by(["group", "split"]).aggregate([([], "count_all")])
    names: list[str] = []
    target, start = np.full(index.num_rows, _OUT, np.int64), 0
    for kind in sorted(kinds.to_pylist(), key=lambda kind: (kind["group"], kind["split"])):
        rows = kind["count_all"]
        count = -(-rows // ROWS_PER_FILE)
        target[order[start : start + rows]] = len(names) + np.arange(rows) // ROWS_PER_FILE
        names += [f"data/{kind['group']}/{kind['split']}-{number:05}-of-{count:05}.parquet" for number in range(count)]
        start += rows
    return names, target


def _heaps(accepted: TableFile, split: pa.ChunkedArray, target: npt.NDArray[np.int64], folder: Path) -> list[Path]:
    """The rows (RELEASE) of each file, in no order, as Arrow streams on disk."""
    folder.mkdir()
    paths = [folder / str(number) for number in range(int(target.max(initial=-1)) + 1)]
    packed = pa.ipc.IpcWriteOptions(compression="lz4")
    with ExitStack() as stack:
        heaps = [
            stack.enter_context(
                pa.ipc.new_stream(stack.enter_context(pa.OSFile(str(path), "wb")), RELEASE, options=packed)
            )
            for path in paths
        ]
        start = 0
        for rows in accepted.batches():
            own = target[start : start + rows.num_rows]
            rows = with_review(rows).append_column(_SPLIT, split.slice(start, rows.num_rows))
            start += rows.num_rows
            stay = own != _OUT
            for number, piece in _by_file(rows.filter(pa.array(stay)).cast(RELEASE), own[stay]):
                heaps[number].write_table(piece)
    return paths


def _write_in_order(heap: Path, file: Path) -> int:
    """The rows of a heap by id, and how many there are; the heap is gone.

    They are put in order column by column, and each is made one piece first: so one column is there twice at most.
    """
    with pa.OSFile(str(heap)) as source, pa.ipc.open_stream(source) as reader:
        columns = reader.read_all().columns[::-1]
    heap.unlink()
    order = pc.sort_indices(columns[-1 - RELEASE.get_field_index("id")])
    rows = pa.table([columns.pop().combine_chunks().take(order) for _ in RELEASE], schema=RELEASE)
    pq.write_table(rows, file, compression="zstd")
    return int(rows.num_rows)


def _by_file(rows: pa.Table, target: npt.NDArray[np.int64]) -> Iterator[tuple[int, pa.Table]]:
    order = np.argsort(target, kind="stable")
    rows, target = rows.take(pa.array(order)), target[order]
    bounds = [0, *(np.flatnonzero(np.diff(target)) + 1).tolist(), len(target)] if len(target) else []
    for start, stop in pairwise(bounds):
        yield int(target[start]), rows.slice(start, stop - start)
