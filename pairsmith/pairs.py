"""Rows from files of pairs: no model is asked for any; each row of the files is one that was asked for and answered."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.factory.errors import InputError
from pairsmith.factory.journal import Counts
from pairsmith.factory.pairs import PairsFile, nothing_seen
from pairsmith.factory.parse import GATE, ParseReason, lacking
from pairsmith.factory.records import PAIRS, REQUESTS, VERDICTS, digest
from pairsmith.factory.tables import new_table
from pairsmith.factory.taxonomy import GROUPS, Role
from pairsmith.factory.text import excerpt
from pairsmith.run import PART, PART_TEXT, REQUESTS_FILE, SCHEMAS, Run

_TEXTS = ("query", "positive", "negatives")
_HEAD = ("id", "request_id", "group", "query_language", "document_language")
_KEYS: dict[str, dict[Role, str]] = {name: facts.keys for name, facts in GROUPS.items()}


class Pairs:
    """The files of pairs that a spec names as rows; see :class:`pairsmith.origin.Origin`."""

    written: tuple[str, ...] = (REQUESTS_FILE,)

    def __init__(self, run: Run) -> None:
        self._run = run
        self._paths = [_path(run, one.path) for one in run.spec.pairs]
        self._files = [PairsFile(*one) for one in zip(run.spec.pairs, self._paths, strict=True)]
        self.wanted: Counter[str] = Counter()

    def inputs(self) -> dict[str, Any]:
        """The files, and what the spec says of their rows."""
        said = self._run.spec.pairs
        return {
            "pairs": digest([one.model_dump(mode="json") for one in said]),
            "rows": {one.path: self._run.folder.digest(one.path) for one in said},
        }

    def counts(self) -> Counts:
        """Every row of the files is answered."""
        rows = sum(file.rows for file in self._files)
        none: Counts = {
            "asked": 0,
            "answered": 0,
            "failed": {},
            "pending": 0,
            "in_batch": 0,
            "tokens_in": 0,
            "tokens_out": 0,
        }
        return {**none, "asked": rows, "answered": rows}

    def room(self) -> str:
        """Measured: candidates and accepted rows take twice as much as the files, sketches and verdicts as much again."""
        size = sum(path.stat().st_size for path in self._paths)
        return f"about four times as much as the files of 'pairs', {size:,} bytes"

    def parse(self) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Each row that has its texts; what was asked for is written as a plan beside them."""
        with new_table(self._run.path / REQUESTS_FILE, REQUESTS) as plan:
            for given in self._parts():
                plan.write(_requests(given))
                yield parsed(given)

    def originals(self) -> Iterator[partial[Iterator[dict[str, Any]]]]:
        """Rows as they stand in the files."""
        return (partial(_originals, given) for given in self._parts())

    def _parts(self) -> Iterator[pa.Table]:
        """All rows (schema GIVEN), :data:`~pairsmith.run.PART` at a time, fewer where texts are very long."""
        seen = nothing_seen()
        return in_parts((table for file in self._files for table in file.tables(seen)), PART, PART_TEXT)


def _path(run: Run, name: str) -> Path:
    path = run.folder.inside(name, wanted_by="factory.yml: pairs")
    if path in {(run.path / own).resolve() for own in SCHEMAS}:
        raise InputError(f"factory.yml: pairs: '{name}' is written by the gates themselves; copy it to another name")
    return path


def in_parts(tables: Iterable[pa.Table], rows: int, characters: int) -> Iterator[pa.Table]:
    """The rows in parts that are full with so many ``rows`` or ``characters``, however ``tables`` (schema GIVEN) are cut."""
    part: list[pa.Table] = []
    held = size = 0
    for table in tables:
        sums, start = np.cumsum(_sizes(table)), 0
        while start < len(table):
            before = sums[start - 1] if start else 0
            full = int(np.searchsorted(sums, before + characters - size)) + 1
            end = min(full, start + rows - held, len(table))
            part.append(table.slice(start, end - start))
            held, size, start = held + end - start, size + int(sums[end - 1] - before), end
            if held == rows or size >= characters:
                yield pa.concat_tables(part).combine_chunks()
                part, held, size = [], 0, 0
    if part:
        yield pa.concat_tables(part).combine_chunks()


def _sizes(table: pa.Table) -> "np.ndarray":
    """Characters of each row."""
    sizes = np.zeros(len(table), np.int64)
    for name in ("query", "positive"):
        sizes += pc.fill_null(pc.utf8_length(table[name]), 0).to_numpy()
    negatives = table["negatives"]
    lengths = pc.utf8_length(pc.list_flatten(negatives)).to_numpy()
    np.add.at(sizes, pc.list_parent_indices(negatives).to_numpy(), lengths)
    return sizes


def parsed(given: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The rows that have all their texts, and verdicts of gate ``parse`` on all. ``given`` has the columns of PAIRS."""
    faults = [_fault(*row) for row in zip(*(given[name].to_pylist() for name in ("group", *_TEXTS)), strict=True)]
    sound = pa.array([fault is None for fault in faults])
    said = {
        "request_id": given["request_id"],
        "id": given["id"],
        "gate": pa.repeat(GATE, len(given)),
        "field": pa.repeat("row", len(given)),
        "verdict": pc.if_else(sound, "keep", "drop"),
        "reason": pa.array([fault and fault[0].value for fault in faults], pa.string()),
        "related": pa.array([fault and fault[1] for fault in faults], pa.string()),
    }
    nothing = {name: pa.nulls(len(given), VERDICTS.field(name).type) for name in VERDICTS.names if name not in said}
    return given.filter(sound).cast(PAIRS), pa.table(said | nothing).select(VERDICTS.names).cast(VERDICTS)


def _fault(group: str, query: str | None, positive: str | None, negatives: list[str]) -> tuple[ParseReason, str] | None:
    """Which text of a row is none, and why; None where all are there."""
    texts: list[tuple[Role, str]] = [("query", query or ""), ("positive", positive or "")]
    for role, text in [*texts, *(("negative", negative) for negative in negatives)]:
        key = _KEYS[group].get(role, "")
        if reason := lacking(text, key, is_label=group == "long_short" and role != "query"):
            return reason, role if reason is ParseReason.EMPTY_TEXT else f"{role}: {excerpt(text)}"
    return None


def _requests(given: pa.Table) -> pa.Table:
    """What the rows would have been asked by (schema REQUESTS): a report counts by it."""
    rows = len(given)
    known = {
        "id": given["request_id"],
        "group": given["group"],
        "task": given["instruction"],
        "source_language": given["query_language"],
        "target_language": given["document_language"],
        "attributes": pa.repeat("{}", rows),
        "draw": pa.repeat(pa.scalar(0, pa.int32()), rows),
        "model": given["model"],
        "attempt": pa.repeat(pa.scalar(0, pa.int32()), rows),
        "document": given["document"],
    }
    nothing = {field.name: pa.nulls(rows, field.type) for field in REQUESTS if field.name not in known}
    return pa.table(known | nothing).select(REQUESTS.names).cast(REQUESTS)


def _originals(given: pa.Table, ids: Collection[str]) -> Iterator[dict[str, Any]]:
    chosen = given.select([*_HEAD, *_TEXTS]).filter(pc.is_in(given["id"], value_set=pa.array(ids, pa.string())))
    for row in chosen.to_pylist():
        texts = {name: row.pop(name) for name in _TEXTS}
        parsed = _fault(row["group"], *texts.values()) is None
        yield {**row, "raw": "" if parsed else json.dumps(texts, ensure_ascii=False)}
