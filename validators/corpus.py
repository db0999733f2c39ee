"""Corpus gates over all parts of a run: those that judge by sketches read files, any other is given all kept rows at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pairsmith.factory.records import PAIRS
from pairsmith.validators.gate import Gate, Share, Sketching
from pairsmith.validators.judging import dropped_ids, judge, judge_sketches, sketching
from pairsmith.validators.parts import Part, write_table


@dataclass
class Judged:
    """A part after the gates that judge each row alone. ``group``: the row group of the candidates that holds its rows."""

    part: Part
    group: int
    kept: npt.NDArray[np.bool_]
    """For each of its rows whether it is kept so far."""
    verdicts: list[int] = field(default_factory=list)
    """Row groups of the verdicts that are about its rows."""


class Corpus:
    """The rows of all parts, on disk. ``candidates``: their file, a row group for each part."""

    def __init__(self, candidates: pq.ParquetFile, parts: Sequence[Judged]) -> None:
        self._candidates = candidates
        self.parts = parts

    @property
    def folder(self) -> Path | None:
        """Where the folders of the parts are; None where there is no part."""
        return next((one.part.folder.parent for one in self.parts), None)

    def kept(self, number: int, columns: Sequence[str] = tuple(PAIRS.names)) -> pa.Table:
        """The rows of a part that are kept so far."""
        one = self.parts[number]
        if not one.kept.any():
            return pa.schema([PAIRS.field(name) for name in columns]).empty_table()
        return self._candidates.read_row_group(one.group, columns=list(columns)).filter(pa.array(one.kept))

    def drop(self, number: int, ids: pa.Array) -> None:
        """These rows of a part are not kept any more."""
        if len(ids):
            one = self.parts[number]
            known = self._candidates.read_row_group(one.group, columns=["id"])["id"]
            one.kept &= ~pc.is_in(known, value_set=ids).to_numpy()


def judge_corpus(gates: Sequence[Gate], corpus: Corpus, progress: Share) -> Iterator[tuple[int, pa.Table]]:
    """Verdicts of all corpus gates, each on what those before it kept, with the number of the part that they are about."""
    notes = {gate.name: number for number, gate in enumerate(sketching(gates))}
    judging = [gate for gate in gates if gate.scope == "corpus"]
    for gate in judging:

        def told(share: float) -> None:
            progress(share / len(judging))

        for number, verdicts in _verdicts(gate, notes.get(gate.name), corpus, told):
            corpus.drop(number, dropped_ids(verdicts))
            yield number, verdicts


def _verdicts(gate: Gate, notes: int | None, corpus: Corpus, progress: Share) -> Iterator[tuple[int, pa.Table]]:
    if notes is None or not isinstance(gate, Sketching):
        yield from _at_once(gate, corpus, progress)
    else:
        with TemporaryDirectory(dir=corpus.folder, prefix=".kept.", suffix=".part") as beside:
            sketches = [_sketch(corpus, number, notes, Path(beside)) for number in range(len(corpus.parts))]
            yield from enumerate(judge_sketches(gate, sketches, progress))


def _sketch(corpus: Corpus, number: int, place: int, folder: Path) -> Path:
    """The sketch file of a part; one in ``folder``, where another corpus gate has dropped rows since it was made."""
    one = corpus.parts[number]
    path = one.part.sketch(place)
    with pa.memory_map(str(path)) as source:
        sketch = pa.ipc.open_file(source).read_all()
        if len(sketch) == one.kept.sum():
            return path
        kept = corpus.kept(number, ["id"])["id"].combine_chunks()
        beside = folder / f"{number}.arrow"
        write_table(beside, sketch.filter(pc.is_in(sketch["id"], value_set=kept)))
        return beside


def _at_once(gate: Gate, corpus: Corpus, progress: Share) -> Iterator[tuple[int, pa.Table]]:
    tables = [corpus.kept(number) for number in range(len(corpus.parts))]
    rows = pa.concat_tables([PAIRS.empty_table(), *tables])
    if not len(rows):
        return
    verdicts = judge(gate, rows)
    progress(1.0)
    place = pc.index_in(verdicts["id"], value_set=rows["id"].combine_chunks()).to_numpy()
    ends = np.cumsum([len(table) for table in tables])
    part = np.searchsorted(ends, place, side="right")
    verdicts = verdicts.take(pa.array(np.argsort(part, kind="stable")))
    starts = np.concatenate(([0], np.cumsum(np.bincount(part, minlength=len(tables)))))
    for number in np.flatnonzero(np.diff(starts)).tolist():
        yield number, verdicts.slice(starts[number], starts[number + 1] - starts[number])
