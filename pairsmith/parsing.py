"""From answers to rows: the plan and the journal are gone through side by side, so many requests at a time."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.asking import plan_tables
from pairsmith.factory.chat import Entry
from pairsmith.factory.errors import RunError
from pairsmith.factory.journal import Journal
from pairsmith.factory.parse import candidates
from pairsmith.factory.plan import requests_of
from pairsmith.factory.records import Request, slice_of
from pairsmith.factory.repair import resolve
from pairsmith.run import BATCH, JOURNAL, PART, PART_TEXT, Run


class Answered(NamedTuple):
    """Some requests in the order of the plan (schema REQUESTS), and their answers, as far as they are there, in that order."""

    plan: pa.Table
    entries: list[Entry]

    def requests(self, wanted: Collection[str]) -> dict[str, Request]:
        """The ``wanted`` ones of the requests, by id."""
        chosen = self.plan.filter(pc.is_in(self.plan["id"], value_set=pa.array(wanted, pa.string())))
        return {request.id: request for request in requests_of(chosen)}


def answered(run: Run, journal: Journal) -> Iterator[Answered]:
    """The whole plan with its answers, :data:`~pairsmith.run.PART` requests at a time, fewer where answers are very long."""
    entries = journal.answers("generate")
    entry = next(entries, None)
    for plan in plan_tables(run, PART):
        places = {name: place for place, name in enumerate(plan["id"].to_pylist())}
        start, size, found = 0, 0, []
        while entry is not None and entry.request_id in places:
            found.append(entry)
            size += len(entry.text)
            if size >= PART_TEXT:
                end = places[entry.request_id] + 1
                yield Answered(plan.slice(start, end - start), found)
                start, size, found = end, 0, []
            entry = next(entries, None)
        yield Answered(plan.slice(start), found)
    if entry is not None:
        raise RunError(
            f"{run.path / JOURNAL}: the answer to request '{entry.request_id}' belongs to another plan; make the journal"
            f" and the plan agree with 'pairsmith generate {run.path}'"
        )


class Parser:
    """Parses answers part by part. ``wanted``: requests by slice that take the place of no other, as far as they were seen."""

    def __init__(self, run: Run, journal: Journal) -> None:
        self._journal = journal
        self._parents = _Parents(run)
        self.wanted: Counter[str] = Counter()

    def parse(self, part: Answered) -> tuple[pa.Table, pa.Table]:
        """Rows (schema PAIRS) and verdicts of gate ``parse`` (schema VERDICTS); each answer as its repairs left it."""
        seats = part.plan.filter(pc.is_null(part.plan["parent"]))
        self.wanted.update(_slices(seats))
        names = [entry.request_id for entry in part.entries]
        requests = part.requests(names)
        self._parents.note(names, [entry.key for entry in part.entries])
        parents = self._parents.rows([request.parent for request in requests.values() if request.parent])
        resolved = (resolve(entry, requests[entry.request_id], self._journal.revisions) for entry in part.entries)
        return candidates(resolved, requests, parents)


def _slices(plan: pa.Table) -> Iterator[str]:
    """The slice of each request, see :attr:`pairsmith.factory.records.Request.slice`."""
    queries, documents = (pc.coalesce(plan[name], plan["language"]) for name in ("source_language", "target_language"))
    return map(slice_of, plan["group"].to_pylist(), queries.to_pylist(), documents.to_pylist())


class _Parents:
    """Row ids of the requests that others take the place of, in arrays: some 40 bytes for each."""

    def __init__(self, run: Run) -> None:
        parts = [_unique(rows["parent"].drop_null().to_pylist()) for rows in plan_tables(run, BATCH, ["parent"])]
        self._requests = np.unique(np.concatenate([_unique([]), *parts]))
        self._rows = np.zeros(len(self._requests), "S16")  # as :func:`pairsmith.factory.records.digest` makes them

    def note(self, requests: Sequence[str], rows: Sequence[str]) -> None:
        """``requests`` brought these ``rows``."""
        place, known = self._find(requests)
        self._rows[place[known]] = np.array(rows, "S16")[known]

    def rows(self, requests: Sequence[str]) -> dict[str, str]:
        """Those of ``requests`` that brought a row, with its id."""
        place, known = self._find(requests)
        found = ((request, self._rows[at]) for request, at, there in zip(requests, place, known, strict=True) if there)
        return {request: row.decode() for request, row in found if row}

    def _find(self, requests: Sequence[str]) -> tuple["np.ndarray", "np.ndarray"]:
        sought = np.array([request.encode() for request in requests], "S")
        place = np.searchsorted(self._requests, sought)
        place[place == len(self._requests)] = 0
        return place, self._requests[place] == sought if len(self._requests) else np.zeros(len(sought), bool)


def _unique(names: list[str]) -> "np.ndarray":
    return np.unique(np.array([name.encode() for name in names], "S"))
