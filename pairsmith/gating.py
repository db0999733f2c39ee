"""From answers to verdicts: parse, judge, and sort every row into accepted or rejected."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pairsmith import __version__
from pairsmith.asking import counts, read_plan
from pairsmith.factory.folder import written_whole
from pairsmith.factory.journal import Journal
from pairsmith.factory.parse import candidates
from pairsmith.factory.records import PAIRS, REJECTED, VERDICTS, Request, digest
from pairsmith.factory.repair import Resolved, resolve
from pairsmith.progress import bar
from pairsmith.run import ACCEPTED, BATCH, CANDIDATES, JOURNAL, REJECTED_FILE, REQUESTS_FILE, VERDICTS_FILE, Run, Stage
from pairsmith.targeting import beyond_target, has_target, target
from pairsmith.validators.engine import Engine, LocalEngine, build_gates, dropped_ids, sources, without
from pairsmith.validators.funnel import funnel
from pairsmith.validators.gate import Gate, Verdict
from pairsmith.validators.known import KnownGate


def gate(run: Run) -> dict[str, Any]:
    """Parse every answer and judge every row; writes candidates, verdicts, accepted and rejected. Returns the funnel."""
    return GATE.do(run)


def read_verdicts(run: Run) -> pa.Table:
    """Every verdict of every gate (schema VERDICTS)."""
    return pq.read_table(run.folder.need(VERDICTS_FILE, "gate"))


def _inputs(run: Run) -> dict[str, Any]:
    run.folder.need(JOURNAL, "generate")
    with run.journal() as journal:
        return {
            "answers": [journal.state("generate"), journal.state("repair")],
            "failed": journal.counts("generate")["failed"],
            "requests": run.folder.digest(REQUESTS_FILE),
            **_decisive(run),
        }


def _gate(run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    with run.journal() as journal:
        stands = counts(run, journal)
        _judge(run, journal, stands["answered"])
        verdicts = read_verdicts(run)
        _write_accepted(run, dropped_ids(verdicts))
        _write_rejected(run, verdicts, journal)
    found = {**funnel(dict(stands), verdicts), "by_group": _by_group(run), "target": target(run)}
    return (CANDIDATES, VERDICTS_FILE, ACCEPTED, REJECTED_FILE), found


def _judge(run: Run, journal: Journal, answered: int) -> None:
    engine: Engine = LocalEngine()
    gates = _with_what_is_known(run, build_gates(run.spec.gates, run.path))
    requests = {request.id: request for request in read_plan(run)}
    kept: dict[str, str] = {}  # request id -> row id
    dropped: set[str] = set()
    with (
        _table(run, CANDIDATES, PAIRS) as rows,
        _table(run, VERDICTS_FILE, VERDICTS) as verdicts,
        bar("gate", answered * len(gates), "verdict") as shown,
    ):

        def parsed() -> Iterator[pa.Table]:
            for pairs, lines in candidates(_answers(journal, requests), requests, BATCH):
                rows.write_table(pairs)
                verdicts.write_table(lines)
                kept.update(zip(pairs["request_id"].to_pylist(), pairs["id"].to_pylist(), strict=True))
                yield pairs

        for lines in engine.judge(gates, parsed(), lambda _, count: shown.update(count)):
            verdicts.write_table(lines)
            dropped.update(dropped_ids(lines).to_pylist())
        if has_target(run):
            verdicts.write_table(beyond_target(run, {one: row for one, row in kept.items() if row not in dropped}))


def _with_what_is_known(run: Run, gates: list[Gate]) -> list[Gate]:
    """Row gates that judge only what is new, where this is a further round of the same gates on paid answers."""
    before = run.folder.inputs(GATE.name)
    same = all(before.get(name) == value for name, value in _decisive(run).items())
    if not same or not run.folder.has(VERDICTS_FILE) or run.spec.models.generate[0].provider == "recorded":
        return gates
    verdicts = read_verdicts(run)
    rows = pq.read_table(run.path / CANDIDATES, columns=["id", "content_hash"])
    return [KnownGate(gate, verdicts, rows) if gate.scope == "row" else gate for gate in gates]


def _decisive(run: Run) -> dict[str, Any]:
    """What decides a row gate's verdict beside the row."""
    gates = digest(run.spec.gates.model_dump(mode="json"))
    return {"pairsmith": __version__, "gates": gates, "files": sources(run.spec.gates, run.path)}


def _answers(journal: Journal, requests: dict[str, Request]) -> Iterator[Resolved]:
    """The answers of the plan, each as its repairs left it."""
    for entry in journal.answers("generate"):
        yield resolve(entry, requests[entry.request_id], journal.revisions)


@contextmanager
def _table(run: Run, name: str, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    with written_whole(run.path / name) as beside, pq.ParquetWriter(beside, schema, compression="zstd") as writer:
        yield writer


def _write_accepted(run: Run, dropped: pa.Array) -> None:
    with _table(run, ACCEPTED, PAIRS) as writer, pq.ParquetFile(run.path / CANDIDATES) as file:
        for batch in file.iter_batches(BATCH):
            writer.write_table(without(pa.Table.from_batches([batch]), dropped))


def _write_rejected(run: Run, verdicts: pa.Table, journal: Journal) -> None:
    """Every rejected answer with all its reasons, its texts where it has any, and what the model wrote."""
    reasons = _reasons(verdicts)
    requests = {request.id: request for request in read_plan(run)}
    texts = _texts(run, pa.array(reasons, pa.string()))
    entries = (entry for entry, _ in _answers(journal, requests) if entry.key in reasons)
    with _table(run, REJECTED_FILE, REJECTED) as writer:
        while chunk := list(islice(entries, BATCH)):
            lines = [
                {
                    "id": entry.key,
                    "request_id": entry.request_id,
                    "group": requests[entry.request_id].group,
                    "query_language": requests[entry.request_id].query_language,
                    "document_language": requests[entry.request_id].document_language,
                    "reasons": reasons[entry.key],
                    "raw": entry.text,
                    **texts.get(entry.key, {}),
                }
                for entry in chunk
            ]
            writer.write_table(pa.Table.from_pylist(lines, schema=REJECTED))


def _by_group(run: Run) -> dict[str, dict[str, int]]:
    """Accepted and rejected rows of each group."""
    found: dict[str, dict[str, int]] = {}
    for name, file in (("accepted", ACCEPTED), ("rejected", REJECTED_FILE)):
        groups = pq.read_table(run.path / file, columns=["group"])["group"]
        for item in pc.value_counts(groups).to_pylist():
            found.setdefault(item["values"], {"accepted": 0, "rejected": 0})[name] = item["counts"]
    return found


def _reasons(verdicts: pa.Table) -> dict[str, list[str]]:
    drops = verdicts.filter(pc.equal(verdicts["verdict"], Verdict.DROP.value))
    reasons: dict[str, list[str]] = {}
    for key, *parts in zip(*(drops[name].to_pylist() for name in ("id", "gate", "field", "reason")), strict=True):
        reasons.setdefault(key, []).append(":".join(parts))
    return reasons


def _texts(run: Run, ids: pa.Array) -> dict[str, dict[str, Any]]:
    chosen = pq.read_table(run.path / CANDIDATES, columns=["id", "query", "positive", "negatives"])
    chosen = chosen.filter(pc.is_in(chosen["id"], value_set=ids))
    return {row.pop("id"): row for row in chosen.to_pylist()}


GATE = Stage("gate", _inputs, _gate)
