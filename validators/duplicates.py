"""Gate ``duplicates``: no two rows of a run say the same, exactly (after folding) or nearly.

Two views of each row are compared: the query, within its task (instruction and both languages: "Hallelujah" may be
asked of lyrics and of chords), and query and positive together, anywhere. Near means Jaccard of token 3-grams:
candidates come from MinHash (Broder 1997), with bands so generous that hardly a pair is lost, and each is checked exactly.

Rows linked by such pairs form a cluster. One survives: the row with the most text, and of these the smallest id. Rows of
earlier releases (``against``) take part, and always survive.

Rows are first reduced to sketches, part by part and each row alone; the sketches of all parts are then judged together.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pairsmith.factory.records import VERDICTS
from pairsmith.factory.spec import DuplicatesSpec
from pairsmith.validators.clusters import Clusters
from pairsmith.validators.gate import Reason, Scope, Verdict
from pairsmith.validators.minhash import bands_for
from pairsmith.validators.parts import read_table
from pairsmith.validators.released import find_releases, released_sketches
from pairsmith.validators.sketch import VIEWS, may_be_twins, sketch
from pairsmith.validators.sketches import Ranks, Sketches
from pairsmith.validators.texts import field_names
from pairsmith.validators.twins import Twins

PART = 5_000  # rows that are reduced to a sketch at once


class DuplicatesGate:
    """Corpus gate. The query's line is the verdict of the first view, the positive's that of query and positive."""

    name = "duplicates"
    scope: Scope = "corpus"

    def __init__(self, spec: DuplicatesSpec, folder: Path = Path()) -> None:
        """``folder``: the run folder, in which sketches of the releases in ``spec.against`` are kept."""
        self._threshold = spec.threshold
        self._bands = bands_for(spec.threshold, spec.permutations)
        self._folder = folder
        self._releases = list(find_releases(spec.against, folder).values())

    def judge(self, rows: pa.Table) -> pa.Table:
        """Verdicts on each text field of ``rows``; they do not depend on the order of the rows."""
        parts = [self.sketch(rows.slice(start, PART)) for start in range(0, len(rows), PART)]
        return pa.concat_tables([VERDICTS.empty_table(), *self.judge_sketches(parts)])

    def sketch(self, rows: pa.Table) -> pa.Table:
        """What :meth:`judge_sketches` needs of ``rows``, one line a row (see :func:`sketch_schema`)."""
        return sketch(rows, self._bands)

    def judge_sketches(
        self, sketches: Sequence[Path | pa.Table], progress: Callable[[float], object] = lambda _: None
    ) -> Iterator[pa.Table]:
        """For each sketch (an Arrow IPC file, or the table itself), in order, the verdicts on its rows.

        Neither the order of the rows nor how they are parted plays a part. ``progress`` is told what share of the work was
        done since the last call. Keeps some 80 bytes a row in memory, those of releases among them.
        """
        found = Sketches([*sketches, *self._released()], len(sketches))
        yield from self._judge(found, len(sketches), progress)

    def judge_beside(self, rows: pa.Table, standing: Iterable[pa.Table]) -> pa.Table:
        """Verdicts on a few ``rows``: of two twins of which one is ``standing`` (PAIRS, in pieces) or released that one stays.

        A released row of the same id is an earlier text of the row. Only what may be a twin of a row is kept in memory.
        """
        few = self.sketch(rows)
        files = (read_table(path) for path in self._released())
        others = [may_be_twins(each, few, self._bands) for each in chain(map(self.sketch, standing), files)]
        return next(self._judge(Sketches([few, *others], 1), 1, lambda _: None))

    def _released(self) -> list[Path]:
        return released_sketches(self._releases, self._bands, self._folder)

    def _judge(self, found: Sketches, parts: int, progress: Callable[[float], object]) -> Iterator[pa.Table]:
        """The verdicts on the rows of the first ``parts`` sketches."""
        step = 1 / (len(VIEWS) * self._bands.number + 1)
        twins = []
        for view in VIEWS:
            of_view = Twins(found, view, self._threshold)
            of_view.find_equal()
            of_view.find_near(self._bands.number, lambda: progress(step))
            twins.append(of_view)
        verdicts = _Verdicts(found, twins, self._threshold, self.name)
        for part in range(parts):
            yield verdicts.on(*found.part(part))
        progress(step)


class _Verdicts:
    """What the twins of both views come to for each row."""

    def __init__(self, sketches: Sketches, twins: Sequence[Twins], threshold: float, gate: str) -> None:
        clusters = Clusters(len(sketches))
        every = np.arange(len(sketches), dtype=np.uint32)
        for view in twins:
            clusters.join(every, view.clusters.find(every))
        self._best = clusters.find(every)
        self._lost = (self._best != every) & ~sketches.released
        self._twins = twins
        self._threshold = threshold
        self._gate = gate
        linked = np.logical_or.reduce([view.score > 0 for view in twins])
        self._survivors = np.unique(self._best[linked])
        self._names = sketches.ids(self._survivors)

    def on(self, rows: pa.RecordBatch, ranks: Ranks) -> pa.Table:
        """Verdicts (VERDICTS) on the rows of a sketch: query, positive, negatives."""
        fields = rows["fields"].to_numpy()
        row = np.repeat(np.arange(len(fields)), fields)
        number = np.arange(len(row)) - np.repeat(np.cumsum(fields) - fields, fields)
        score, exact = np.zeros(len(row)), np.zeros(len(row), np.bool_)
        for place, view in enumerate(self._twins):  # the query is field 0, the positive field 1
            score[number == place] = view.score[ranks]
            exact[number == place] = view.exact[ranks]
        linked, best = score > 0, self._best[ranks]
        dropped = linked & self._lost[ranks][row]
        name = np.searchsorted(self._survivors, best)[row]
        columns = {
            "request_id": rows["request_id"].take(pa.array(row)),
            "id": rows["id"].take(pa.array(row)),
            "gate": pa.repeat(pa.scalar(self._gate), len(row)),
            "field": pa.array(field_names(int(fields.max(initial=0))), pa.string()).take(pa.array(number)),
            "verdict": _chosen([Verdict.KEEP, Verdict.DROP], dropped.astype(np.int8)),
            "reason": _chosen([Reason.NEAR_DUPLICATE, Reason.EXACT_DUPLICATE], exact.astype(np.int8), dropped),
            "score": pa.array(score, mask=~dropped),
            "threshold": pa.array(np.full(len(row), self._threshold), mask=~dropped),
            "related": self._names.take(pa.array(name, mask=~linked)),
        }
        return pa.table(columns, schema=VERDICTS)


def _chosen(words: Sequence[str], which: npt.NDArray[np.int8], where: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """One of ``words`` for each of ``which``; null but ``where`` it holds."""
    return pa.array([str(word) for word in words]).take(pa.array(which, mask=None if where is None else ~where))
