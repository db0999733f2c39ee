"""From answers or files to verdicts: parse, judge, and sort every row into accepted or rejected.

Rows are parsed in this process, part by part, while the engine judges the parts before. Memory holds the parts that are
under way, and of the others some bytes a row.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pairsmith import __version__
from pairsmith.factory.errors import RoomError
from pairsmith.factory.records import PAIRS, VERDICTS, digest
from pairsmith.factory.tables import TableWriter, new_table
from pairsmith.origin import Origin, open_origin
from pairsmith.progress import bar
from pairsmith.run import ACCEPTED, CANDIDATES, PARTS, REJECTED_FILE, VERDICTS_FILE, Run, Stage
from pairsmith.sorting import sort_rows
from pairsmith.targeting import Target, has_target
from pairsmith.validators.build import build_gates, sources, versions
from pairsmith.validators.corpus import Corpus, Judged, judge_corpus
from pairsmith.validators.engine import Engine, LocalEngine
from pairsmith.validators.funnel import Funnel
from pairsmith.validators.gate import Gate, Preparing
from pairsmith.validators.judging import dropped_ids
from pairsmith.validators.parts import Line, Part, lay_out, read_table, remove_others

CORPUS_SHARE = 0.1  # of the stage's time that is reckoned for the corpus gates, so that the time left counts them in

Shown = Callable[[float], object]
"""Told how many rows are done since the last call; a row is done in parts where several passes are made."""


def gate(run: Run) -> dict[str, Any]:
    """Parse every answer, or read the files of pairs, and judge every row; returns the funnel.

    Writes candidates, verdicts, accepted and rejected rows.
    """
    return GATE.do(run)


def read_verdicts(run: Run) -> pa.Table:
    """Every verdict of every gate (schema VERDICTS)."""
    return pq.read_table(run.folder.need(VERDICTS_FILE, "gate"))


def _inputs(run: Run) -> dict[str, Any]:
    with open_origin(run) as origin:
        return {**origin.inputs(), **decisive(run)}


def decisive(run: Run) -> dict[str, Any]:
    """What decides a row gate's verdict beside the row."""
    gates = digest(run.spec.gates.model_dump(mode="json"))
    files = sources(run.spec.gates, run.path)
    return {"pairsmith": __version__, "versions": versions(), "gates": gates, "files": files}


def _gate(run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    with open_origin(run) as origin:
        stands = origin.counts()
        try:
            with bar("gate", stands["answered"]) as shown:
                found = _judge(run, origin, stands["answered"], _in_whole_rows(shown.update))
            by_group = sort_rows(run, origin, found.parts)
        except RoomError as error:
            raise RoomError(f"{error}; all that is written takes {origin.room()}") from None
    remove_others(run.path / PARTS, [one.part.folder for one in found.parts])
    return (*origin.written, CANDIDATES, VERDICTS_FILE, ACCEPTED, REJECTED_FILE), {
        **found.funnel.counts(dict(stands)),
        "by_group": by_group,
        "target": found.target.facts(run) if has_target(run) else {},
    }


def _in_whole_rows(update: Callable[[int], object]) -> Shown:
    """Tells ``update`` of rows as they become whole."""
    done = 0.0

    def shown(rows: float) -> None:
        nonlocal done
        before, done = int(done), done + rows
        update(int(done) - before)

    return shown


class _Found(NamedTuple):
    parts: list[Judged]
    funnel: Funnel
    target: Target


def _judge(run: Run, origin: Origin, answered: int, shown: Shown) -> _Found:
    """All verdicts: first those on each row alone, written as the parts come, then those of the corpus gates."""
    gates = ready(run)
    share = CORPUS_SHARE if any(gate.scope == "corpus" for gate in gates) else 0.0
    with new_table(run.path / VERDICTS_FILE, VERDICTS) as writer:
        verdicts = _Verdicts(writer)
        with new_table(run.path / CANDIDATES, PAIRS) as candidates:
            for one in _judge_parts(run, gates, origin, candidates, verdicts):
                shown(len(one.kept) * (1 - share))
        with pq.ParquetFile(run.path / CANDIDATES, pre_buffer=False) as file:
            corpus = Corpus(file, verdicts.parts)
            for number, lines in judge_corpus(gates, corpus, lambda part: shown(part * share * answered)):
                verdicts.write(verdicts.parts[number], lines)
            target = Target(origin.wanted)
            if has_target(run):
                _apply(target, corpus, verdicts)
    return _Found(verdicts.parts, verdicts.funnel, target)


def ready(run: Run) -> list[Gate]:
    """The gates, with all that they read before they judge in the run folder: workers find it there."""
    gates = build_gates(run.spec.gates, run.path)
    for gate in gates:
        if isinstance(gate, Preparing):
            with bar(gate.name, None, "text") as shown:
                gate.prepare(shown.update)
    return gates


class _Verdicts:
    """Writes verdicts, counts them, and knows where those of each part are."""

    def __init__(self, writer: TableWriter) -> None:
        self._writer = writer
        self.funnel = Funnel()
        self.parts: list[Judged] = []

    def write(self, one: Judged, verdicts: pa.Table) -> None:
        """Append ``verdicts`` on rows of the part ``one``."""
        if verdicts.num_rows:
            one.verdicts.append(self._writer.groups)
        self._writer.write(verdicts)
        self.funnel.add(verdicts)


def _judge_parts(
    run: Run, gates: list[Gate], origin: Origin, candidates: TableWriter, verdicts: _Verdicts
) -> Iterator[Judged]:
    engine: Engine = LocalEngine(run.workers)
    decides = decisive(run)
    under_way: deque[tuple[int, pa.ChunkedArray, pa.Table]] = deque()

    def parts() -> Iterator[Part]:
        for rows, lines in origin.parse():
            under_way.append((candidates.groups, rows["id"], lines))
            candidates.write(rows)
            yield lay_out(rows, decides, run.path / PARTS)

    for part in engine.judge(Line(run.spec.gates, run.path, gates), parts()):
        group, ids, lines = under_way.popleft()
        found = read_table(part.verdicts)
        kept = ~pc.is_in(ids, value_set=dropped_ids(found)).to_numpy()
        one = Judged(part, group, kept.astype(np.bool_))
        verdicts.parts.append(one)
        verdicts.write(one, pa.concat_tables([lines, found]))
        yield one


def _apply(target: Target, corpus: Corpus, verdicts: _Verdicts) -> None:
    columns = ["request_id", "id", "group", "query_language", "document_language"]
    for number, one in enumerate(corpus.parts):
        if one.kept.any():
            lines = target.judge(corpus.kept(number, columns))
            corpus.drop(number, dropped_ids(lines))
            verdicts.write(one, lines)


GATE = Stage("gate", _inputs, _gate)
