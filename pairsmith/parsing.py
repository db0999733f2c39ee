"""Rows from answers: the plan and the journal are gone through side by side, so many requests at a time."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.asking import counts, plan_tables
from pairsmith.factory.chat import Entry
from pairsmith.factory.errors import RunError
from pairsmith.factory.journal import Counts, Journal
from pairsmith.factory.parse import candidates
from pairsmith.factory.plan import requests_of
from pairsmith.factory.records import Request, slice_of
from pairsmith.factory.repair import resolve
from pairsmith.run import BATCH, JOURNAL, PART, PART_TEXT, REQUESTS_FILE, Run


class Answered(NamedTuple):
    """Some requests in the order of the plan (schema REQUESTS), and their answers, as far as they are there, in that order."""

    plan: pa.Table
    entries: list[Entry]

    def requests(self, wanted: Collection[str]) -> dict[str, Request]:
        """The ``wanted`` ones of the requests, by id."""
        chosen = self.plan.filter(pc.is_in(self.plan["id"], value_set=pa.array(wanted, pa.string())))
        return {request.id: request for request in requests_of(chosen)}


class Answers:
    """The answers of a run's journal as rows; see :class:`pairsmith.origin.Origin`."""

    written: tuple[str, ...] = ()

    def __init__(self, run: Run, journal: Journal) -> None:
        self._run, self._journal = run, journal
        self.wanted: Counter[str] = Counter()

    def inputs(self) -> dict[str, Any]:
        """The answers, and what was asked for."""
        return {
            "answers": [self._journal.state("generate"), self._journal.state("repair")],
            "failed": self._journal.counts("generate")["failed"],
            "requests": self._run.folder.digest(REQUESTS_FILE),
        }

    def counts(self) -> Counts:
        """How the plan stands."""
        return counts(self._run, self._journal)

    def room(self) -> str:
        """What is written takes half of the journal, sketches as much again."""
        return f"about as much as {JOURNAL}, {(self._run.path / JOURNAL).stat().st_size:,} bytes"

    def parse(self) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Each answer as its repairs left it."""
        self.wanted.clear()
        parents = _Parents(self._run)
        for part in self._answered():
            seats = part.plan.filter(pc.is_null(part.plan["parent"]))
            self.wanted.update(_slices(seats))
            names = [entry.request_id for entry in part.entries]
            requests = part.requests(names)
            parents.note(names, [entry.key for entry in part.entries])
            of = parents.rows([request.parent for request in requests.values() if request.parent])
            resolved = (resolve(entry, requests[entry.request_id], self._journal.revisions) for entry in part.entries)
            yield candidates(resolved, requests, of)

    def originals(self) -> Iterator[partial[Iterator[dict[str, Any]]]]:
        """Answers as the model wrote them."""
        return (partial(self._originals, part) for part in self._answered())

    def _originals(self, part: Answered, ids: Collection[str]) -> Iterator[dict[str, Any]]:
        chosen = [entry for entry in part.entries if entry.key in ids]
        requests = part.requests([entry.request_id for entry in chosen])
        for entry in chosen:
            request = requests[entry.request_id]
            yield {
                "id": entry.key,
                "request_id": entry.request_id,
                "group": request.group,
                "query_language": request.query_language,
                "document_language": request.document_language,
                "raw": resolve(entry, request, self._journal.revisions).entry.text,
            }

    def _answered(self) -> Iterator[Answered]:
        """The whole plan, :data:`~pairsmith.run.PART` requests at a time, fewer where answers are very long."""
        entries = self._journal.answers("generate")
        entry = next(entries, None)
        for plan in plan_tables(self._run, PART):
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
                f"{self._run.path / JOURNAL}: the answer to request '{entry.request_id}' belongs to another plan; make the"
                f" journal and the plan agree with 'pairsmith generate {self._run.path}'"
            )


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
