"""A corpus of any size, the same for the same seed: rows like the recordings, with defects and duplicates planted among them.

    python -m rehearsal.corpus --rows 500000 FOLDER        # from the folder benchmarks; some minutes

Writes ``corpus.parquet`` (schema PAIRS), ``truth.parquet`` (schema :data:`TRUTH`: one line for each planted row) and, last,
``corpus.json``. A folder that holds them already for the same rows, seed and version is left as it is.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pairsmith.factory.folder import written_whole
from pairsmith.factory.records import PAIRS
from rehearsal.defects import Defects
from rehearsal.rows import Row, Writer, hashed
from rehearsal.twins import Twins

VERSION = 1  # of what is built: another one is another corpus
DEFECTS = 0.04  # share of rows with a planted defect
TWINS = 0.08  # share of rows in clusters of duplicates
LARGE = 250  # one row in so many belongs to each large cluster: 2,000 of 500,000
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
"""Jaccard similarity of the rows of a cluster to its original; 1 stands for the same texts, up to spaces."""
LARGE_LEVELS = (0.8, 0.9, 1.0)
LOOSE = 0.7  # below this level, a cluster has two rows: its others might be more like each other than like the original
SIZES = (2, 2, 2, 2, 2, 2, 3, 3, 4, 5, 10, 30)
PART = 5000  # rows that are made at once
SHOWN = 10.0  # seconds between two lines of progress

TRUTH = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("planted", pa.string(), nullable=False),  # the defect; or original, exact_duplicate, near_duplicate
        pa.field("original", pa.string()),  # id of the row that a duplicate is like
        pa.field("level", pa.float64()),  # similarity that was wanted
        pa.field("jaccard", pa.float64()),  # similarity to the original that it has, in the view
        pa.field("view", pa.string()),  # query, or pair: query and positive together
        pa.field("unspaced", pa.bool_()),  # whether the texts are in a script without spaces
    ]
)
"""What was planted. A defect fills the first two columns only."""


class Plan(NamedTuple):
    """What each row is: for a defect its number in ``defect``, for a row of a cluster its original and level, else -1."""

    defect: npt.NDArray[np.int8]
    original: npt.NDArray[np.int64]  # place of the row; its own for the original itself
    level: npt.NDArray[np.int8]  # place in LEVELS


def plan(rows: int, seed: int, defects: int) -> Plan:
    """Which of ``rows`` rows are planted; ``defects``: kinds of them."""
    random = np.random.default_rng([seed, rows])
    found = Plan(np.full(rows, -1, np.int8), np.full(rows, -1, np.int64), np.full(rows, -1, np.int8))
    order = random.permutation(rows)
    bad = round(DEFECTS * rows)
    found.defect[order[:bad]] = np.arange(bad) % defects
    start, end = bad, bad + round(TWINS * rows)
    for size, level in clusters(rows, random):
        if start + size > end:
            break
        members = order[start : start + size]
        found.original[members], found.level[members] = members[0], LEVELS.index(level)
        start += size
    return found


def clusters(rows: int, random: np.random.Generator) -> Iterator[tuple[int, float]]:
    """Sizes and levels without end: a few large clusters, then small ones."""
    for level in LARGE_LEVELS:
        yield max(rows // LARGE, 2), level
    while True:
        for level in LEVELS:
            yield (2 if level < LOOSE else int(random.choice(SIZES))), level


class Corpus:
    """Rows and truth of a corpus, by their number."""

    def __init__(self, rows: int, seed: int) -> None:
        self._writer = Writer(seed)
        self._defects, self._twins = Defects(self._writer), Twins(self._writer)
        self._plan = plan(rows, seed, len(self._defects.kinds))

    def row(self, number: int) -> tuple[Row, dict[str, Any] | None]:
        """Row ``number``, and its line of the truth where it is planted."""
        defect, original = int(self._plan.defect[number]), int(self._plan.original[number])
        if defect >= 0:
            kind = self._defects.kinds[defect]
            row = self._defects.row(number, kind)
            return row, {"id": row["id"], "planted": kind}
        if original < 0:
            return self._writer.fresh(number), None
        return self._member(number, original, LEVELS[self._plan.level[number]])

    def _member(self, number: int, original: int, level: float) -> tuple[Row, dict[str, Any]]:
        base, _ = self._twins.base(original)
        line: dict[str, Any] = {"level": level, "unspaced": self._writer.pools[base["query_language"]].unspaced}
        if number == original:
            return base, line | {"id": base["id"], "planted": "original"}
        exact = level == 1
        twin = self._twins.exact(number, original) if exact else self._twins.near(number, original, level)
        return twin.row, line | {
            "id": twin.row["id"],
            "planted": "exact_duplicate" if exact else "near_duplicate",
            "original": base["id"],
            "jaccard": twin.jaccard,
            "view": twin.view,
        }


def tables(rows: int, seed: int) -> Iterator[tuple[pa.Table, pa.Table]]:
    """The corpus in parts, each with its truth."""
    corpus = Corpus(rows, seed)
    for start in range(0, rows, PART):
        made = [corpus.row(number) for number in range(start, min(start + PART, rows))]
        yield (
            pa.Table.from_pylist([hashed(row) for row, _ in made], schema=PAIRS),
            pa.Table.from_pylist([line for _, line in made if line], schema=TRUTH),
        )


def build(folder: Path, rows: int, seed: int, progress: Callable[[int], object]) -> Path:
    """The corpus in ``folder``, built where it is not there yet; returns its Parquet file."""
    asked = {"rows": rows, "seed": seed, "version": VERSION}
    note, corpus = folder / "corpus.json", folder / "corpus.parquet"
    if note.exists() and json.loads(note.read_text(encoding="utf-8")) == asked:
        return corpus
    folder.mkdir(parents=True, exist_ok=True)
    note.unlink(missing_ok=True)
    with (
        written_whole(corpus) as pairs_file,
        written_whole(folder / "truth.parquet") as truth_file,
        pq.ParquetWriter(pairs_file, PAIRS, compression="zstd") as pairs,
        pq.ParquetWriter(truth_file, TRUTH, compression="zstd") as truth,
    ):
        done = 0
        for part, lines in tables(rows, seed):
            pairs.write_table(part)
            truth.write_table(lines)
            done += part.num_rows
            progress(done)
    note.write_text(json.dumps(asked), encoding="utf-8")
    return corpus


def told(total: int, what: str) -> Callable[[int], None]:
    """Progress that prints a line on stderr now and then: how many are done, how fast, and the time left."""
    begun = last = time.monotonic()

    def show(done: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= SHOWN or done >= total:
            last = now
            rate = done / (now - begun)
            left = (total - done) / rate
            print(
                f"{what}: {done:,} of {total:,}, {rate:,.0f} a second, {left:.0f} s left", file=sys.stderr, flush=True
            )

    return show


def main() -> None:
    """Build the corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(build(given.folder, given.rows, given.seed, told(given.rows, "corpus")))


if __name__ == "__main__":
    main()
