"""Brings in what batches were answered: from the Batch API, or from files of ``vllm run-batch``.

Each answer goes to its key and never over one that is there, so collecting again changes nothing.
"""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from pairsmith.batching import Desk, open_desk
from pairsmith.factory.batch import Line, read_answers
from pairsmith.factory.batch_api import FINAL, BatchApi, Remote
from pairsmith.factory.batches import EXPORTED, Batch
from pairsmith.factory.chat import Answer
from pairsmith.factory.errors import (
    InputError,
    PairsmithError,
    RetryError,
    RowError,
    ServiceError,
    SpecError,
    StopError,
)
from pairsmith.factory.faults import Service
from pairsmith.factory.journal import STEPS, Journal, Known, Outcome
from pairsmith.run import Run

_COMMIT = 500  # answers in one commit
_SHOWN = 10  # unreadable lines that are told; their number is told in full


@dataclass
class Taken:
    """What answer lines brought. ``waiting``: pending again, by reason; ``again``: lines that bring nothing new.

    ``unknown``: lines for requests that this run never asked; ``bad``: what is wrong with unreadable ones.
    """

    answered: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    again: int = 0
    unknown: int = 0
    bad: list[str] = field(default_factory=list)
    stop: StopError | None = None

    def told(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "answered": self.answered,
            "failed": dict(self.failed),
            "waiting": dict(self.waiting),
            "again": self.again,
            "unknown": self.unknown,
            "unreadable": len(self.bad),
            "bad": self.bad[:_SHOWN],
        }


def collect_run(run: Run, files: Sequence[Path]) -> dict[str, Any]:
    """Bring in what ended batches of ``run`` hold, or what ``files`` do."""
    with open_desk(run, *STEPS) as desk:
        found = collect_files(desk, files) if files else collect(desk)
    then = "batch collect" if found["open"] else "batch export" if found["pending"] else "run"
    return {**found, "next": f"pairsmith {then} {run.path}"}


def collect(desk: Desk) -> dict[str, Any]:
    """Bring in what ended batches hold, partial output too, and free what they did not answer.

    All that can be had is stored before the first error is raised: of the network, of a batch whose model left the spec,
    or a :class:`StopError` that the service answered requests with.
    """
    taken = Taken()
    told: list[dict[str, Any]] = []
    errors: list[PairsmithError] = []
    for batch in desk.batches.open():
        try:
            told.append(
                {"file": batch.file, "model": batch.model, "requests": batch.requests, **_look(desk, batch, taken)}
            )
        except (ServiceError, SpecError) as error:
            errors.append(error)
    return _result(desk, told, taken, errors)


def collect_files(desk: Desk, files: Iterable[Path]) -> dict[str, Any]:
    """Bring in the answers of files that ``vllm run-batch`` wrote, or that were downloaded; otherwise as :func:`collect`."""
    taken = Taken()
    for path in files:
        _take(desk.journal, read_answers(path, Service(path.resolve().as_uri(), "", "")), taken, time.time())
    return _result(desk, [], taken, [])


def _result(desk: Desk, told: list[dict[str, Any]], taken: Taken, errors: list[PairsmithError]) -> dict[str, Any]:
    for error in (*errors, taken.stop):
        if error is not None:
            raise error
    pending = sum(desk.journal.counts(step)["pending"] for step in desk.pools)
    return {"batches": told, **taken.told(), "open": len(desk.batches.open()), "pending": pending}


def _look(desk: Desk, batch: Batch, taken: Taken) -> dict[str, Any]:
    """See how an open batch stands, and take in what it holds once it has ended."""
    api = desk.api(batch)
    remote = api.look(batch.remote) if batch.remote else desk.find(batch, api)
    if remote is None and batch.remote:
        detail = "the service has it no more: its requests are free again"
        desk.batches.free(batch, status="gone", ended_at=time.time(), detail=detail)
        return {"status": "gone", "detail": detail}
    if remote is None:
        desk.take_back(batch)
        return {"status": EXPORTED, "detail": "it was never submitted"}
    if remote.status not in FINAL:
        done = f"{remote.done:,} of {remote.total:,} done"
        desk.batches.note(batch, status=remote.status, remote=remote.id, detail=done)
        return {"status": remote.status, "detail": done}
    return _end(desk, batch, remote, api, taken)


def _end(desk: Desk, batch: Batch, remote: Remote, api: BatchApi, taken: Taken) -> dict[str, Any]:
    files = {kind: (desk.folder / batch.file).with_suffix(f".{kind}.jsonl") for kind in remote.files}
    for kind, path in files.items():
        api.download(remote.files[kind], path)
    refused = None if "output" in files or "errors" not in files else _refused(files["errors"], api.service)
    mine = Taken()
    for path in () if refused else files.values():
        _take(desk.journal, read_answers(path, api.service), mine, batch.submitted_at or batch.exported_at)
    if isinstance(remote.problem, StopError):
        mine.stop = remote.problem
    _add(taken, mine)
    told = {"status": remote.status, "answered": mine.answered, "failed": mine.failed.total()}
    detail = f"{api.service.place} refuses {refused}: the next export goes without it" if refused else None
    told["detail"] = detail or (str(remote.problem) if remote.problem else None)
    desk.batches.free(batch, remote=remote.id, ended_at=time.time(), refused=refused, **told)
    return told


def _refused(errors: Path, service: Service) -> str | None:
    """The feature that every line was refused for, of a batch that brought no answer at all."""
    refusals = {line.refuses for line in read_answers(errors, service) if isinstance(line, Line)}
    return refusals.pop() if len(refusals) == 1 else None


def _add(taken: Taken, mine: Taken) -> None:
    taken.answered += mine.answered
    taken.failed += mine.failed
    taken.waiting += mine.waiting
    taken.again += mine.again
    taken.unknown += mine.unknown
    taken.bad += mine.bad
    taken.stop = taken.stop or mine.stop


def _take(journal: Journal, found: Iterable[Line | InputError], taken: Taken, asked_at: float) -> None:
    """Store what the lines hold, a piece at a time."""
    remaining = iter(found)
    while chunk := list(islice(remaining, _COMMIT)):
        lines = [line for line in chunk if isinstance(line, Line)]
        taken.bad += [str(line) for line in chunk if isinstance(line, InputError)]
        best: dict[str, Line] = {}
        for line in lines:
            if line.key not in best or isinstance(line.outcome, Answer) > isinstance(best[line.key].outcome, Answer):
                best[line.key] = line
        known = journal.known(best)
        taken.again += len(lines) - len(best)
        taken.unknown += len(best) - len(known)
        kept = (_keep(best[key], state, taken, asked_at) for key, state in known.items())
        journal.record([outcome for outcome in kept if outcome])


def _keep(line: Line, known: Known, taken: Taken, asked_at: float) -> Outcome | None:
    """Count one line, and say what the journal is to keep of it."""
    outcome, now = line.outcome, time.time()
    if known.answered or (known.reason and isinstance(outcome, ServiceError)):
        taken.again += 1
    elif isinstance(outcome, Answer):
        taken.answered += 1
        return Outcome(line.key, outcome, None, None, 1, asked_at, now, via="batch")
    elif isinstance(outcome, RowError):
        taken.failed[outcome.reason] += 1
        return Outcome(line.key, None, outcome.reason, str(outcome), 1, asked_at, now)
    elif isinstance(outcome, RetryError):
        taken.waiting[outcome.reason] += 1
    elif isinstance(outcome, StopError):
        taken.stop = taken.stop or outcome
    return None
