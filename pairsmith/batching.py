"""Batch files of a run: what is pending is written to them, and they are submitted to the Batch API.

Each step is in the journal before and after the service is told, so that a kill at any moment submits nothing twice.
"""

import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from typing import Any

from pairsmith.asking import need_model, plan_next, read_plan
from pairsmith.factory import estimate
from pairsmith.factory.batch import MAX_BYTES, MAX_REQUESTS, request_keys, write_requests
from pairsmith.factory.batch_api import MARK, BatchApi, Remote
from pairsmith.factory.batches import EXPORTED, SUBMITTING, Batch, Batches
from pairsmith.factory.chat import Ask, service_of
from pairsmith.factory.errors import RunError, SpecError, StopError
from pairsmith.factory.faults import RETRY_REASONS
from pairsmith.factory.folder import file_digest
from pairsmith.factory.journal import STEPS, Journal, Step
from pairsmith.factory.ledger import Purse
from pairsmith.factory.spec import ModelSpec
from pairsmith.run import Run

FOLDER = "batch"
"""Where the files are, in the run folder."""
_EXPORTED_WITH: dict[Step, tuple[Step, ...]] = {"brainstorm": ("brainstorm",), "generate": ("generate", "repair")}
_SKEW = 86_400.0  # seconds that a service's clock may be wrong by


@dataclass(frozen=True)
class Desk:
    """What the commands work on: run folder, journal, the models of each step.

    ``answer_tokens``: for a step, what tells from the id of a request how many tokens its answer will probably have;
    ``purse``: what may still be paid, what open batches will take set aside.
    """

    folder: Path
    journal: Journal
    pools: Mapping[Step, tuple[ModelSpec, ...]]
    answer_tokens: Callable[[Step], Callable[[str], float]]
    purse: Purse

    @cached_property
    def batches(self) -> Batches:
        """The batch files that the journal knows."""
        return Batches(self.journal)

    def models(self) -> Iterator[tuple[Step, ModelSpec]]:
        """Each model of each step once; of several endpoints for one model the first gets its files."""
        for step, pool in self.pools.items():
            first = {model.model: model for model in reversed(pool) if model.provider != "recorded"}
            yield from ((step, model) for model in pool if first.get(model.model) is model)

    def find(self, batch: Batch, api: BatchApi) -> Remote | None:
        """The batch at its service, by our mark."""
        return api.find(batch.id, batch.exported_at - _SKEW)

    def take_back(self, batch: Batch) -> None:
        """The service has no such batch, and gets none: it is as it was exported, and holds no asks."""
        self.batches.free(batch, status=EXPORTED, submitted_at=None, file_id=None)

    def api(self, batch: Batch) -> BatchApi:
        """The service that a batch goes to; the key comes from the environment."""
        for _, model in self.models():
            if (model.model, service_of(model).place) == (batch.model, batch.base_url):
                return BatchApi(model)
        raise SpecError(
            f"{batch.file}: factory.yml names no model '{batch.model}' at {batch.base_url} any more; put it back until its"
            " batch is collected"
        )


@contextmanager
def open_desk(run: Run, *steps: Step) -> Iterator[Desk]:
    """The desk of a run, for ``steps``."""
    need_model(run)
    models = run.spec.models
    pools: dict[Step, tuple[ModelSpec, ...]] = {
        step: models.brainstorm if step == "brainstorm" else models.generate for step in steps
    }
    with run.journal() as journal:
        purse = Purse(run.spec.budget, run.spec.prices, journal.spent())
        yield Desk(run.path, journal, pools, partial(_answer_tokens, run), purse)


def _answer_tokens(run: Run, step: Step) -> Callable[[str], float]:
    """Tokens that an answer will probably have, by the id of its request."""
    if step == "brainstorm":
        return lambda _: estimate.task_tokens(run.spec.brainstorm.asked_per_call)
    expected = {request.id: estimate.answer_tokens(request) for request in read_plan(run)}
    return lambda identity: expected.get(identity, 0.0)


# ------------------------------------------------------------------------------------------------------------ export


def export_run(run: Run) -> dict[str, Any]:
    """Plan as ``generate`` does, and write what is pending to batch files: of the brainstorm while tasks are missing."""
    step = plan_next(run)
    with open_desk(run, *_EXPORTED_WITH[step]) as desk:
        found = export(desk)
    for file in found["files"]:
        price = run.spec.prices.get(file["model"])
        file["cost"] = price and round(price.cost(file["tokens_in"], file["tokens_out"], via="batch"), 4)
    tasks = ["these ask for the tasks: once they are collected, the next export has the examples"]
    notes = tasks if step == "brainstorm" and (found["files"] or found["in_batch"]) else []
    if found["beyond_budget"]:
        notes = [
            *notes,
            f"{found['beyond_budget']:,} more are beyond the budget and stay pending: raise 'budget' to export them",
        ]
    then = "batch submit" if found["files"] else "batch collect" if found["in_batch"] else "run"
    return {**found, "notes": notes, "next": f"pairsmith {then} {run.path}"}


def export(desk: Desk, max_requests: int = MAX_REQUESTS, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Write what is pending and in no open batch to files, in place of those that were written and never submitted."""
    for old in desk.batches.forget_exported():
        (desk.folder / old.file).unlink(missing_ok=True)
    files: list[dict[str, Any]] = []
    for step in desk.pools:
        tokens = desk.answer_tokens(step)
        for ask in desk.journal.in_batches(step):
            desk.purse.hold(ask.model, estimate.prompt_tokens(ask.prompt), tokens(ask.id), "batch")
    for step, model in desk.models():
        desk.journal.reopen(step, RETRY_REASONS)
        files += _export(desk, step, model, max_requests, max_bytes)
    counts = [desk.journal.counts(step) for step in desk.pools]
    exported, in_batch = sum(file["requests"] for file in files), sum(one["in_batch"] for one in counts)
    beyond = sum(one["pending"] for one in counts) - exported - in_batch
    return {"files": files, "in_batch": in_batch, "beyond_budget": beyond}


def _export(desk: Desk, step: Step, model: ModelSpec, max_requests: int, max_bytes: int) -> Iterator[dict[str, Any]]:
    place = service_of(model).place
    without = desk.batches.refused(model.model, place) | (set() if model.structured_output else {"response_format"})
    tokens: Counter[str] = Counter()
    mine = (ask for ask in desk.journal.pending(step) if ask.model == model.model)
    asks = _affordable(mine, desk.answer_tokens(step), tokens, desk.purse)
    for file in write_requests(asks, _paths(desk, step, model), without, max_requests, max_bytes):
        name = str(file.path.relative_to(desk.folder))
        desk.batches.add(
            Batch(
                secrets.token_hex(8), step, model.model, place, name, file.sha256, file.requests, EXPORTED, time.time()
            )
        )
        yield {
            "file": name,
            "step": step,
            "model": model.model,
            "requests": file.requests,
            "bytes": file.bytes,
            **tokens,
        }
        tokens.clear()


def _affordable(
    asks: Iterable[Ask], answer_tokens: Callable[[str], float], tokens: Counter[str], purse: Purse
) -> Iterator[Ask]:
    """The asks that the budget has room for, their tokens counted."""
    for ask in asks:
        tokens_in, tokens_out = round(estimate.prompt_tokens(ask.prompt)), round(answer_tokens(ask.id))
        if not purse.hold(ask.model, tokens_in, tokens_out, "batch"):
            return
        yield ask  # which may begin the next file: its tokens are counted once it is written
        tokens.update({"tokens_in": tokens_in, "tokens_out": tokens_out})


def _paths(desk: Desk, step: Step, model: ModelSpec) -> Iterator[Path]:
    """Names that no batch of this run ever had: a submitted file stays as it was sent."""
    stem = f"{step}-{re.sub(r'[^A-Za-z0-9._]+', '-', model.model)}"
    taken = {batch.file for batch in desk.batches.all()}
    names = (f"{FOLDER}/{stem}-{number:04d}.jsonl" for number in count(1))
    return (desk.folder / name for name in names if name not in taken)


# ------------------------------------------------------------------------------------------------------------ submit


def submit_run(run: Run) -> dict[str, Any]:
    """Submit the exported files of ``run``."""
    with open_desk(run, *STEPS) as desk:
        found = submit(desk)
    return {**found, "next": f"pairsmith batch {'collect' if found['open'] else 'export'} {run.path}"}


def submit(desk: Desk) -> dict[str, Any]:
    """Submit each exported file that was not submitted yet; what a killed submit began is found at the service."""
    submitted = []
    for batch in desk.batches.all():
        if batch.status in (EXPORTED, SUBMITTING):
            remote = _submit(desk, batch)
            submitted.append({"file": batch.file, "model": batch.model, "requests": batch.requests, "batch": remote.id})
    return {"submitted": submitted, "open": len(desk.batches.open())}


def _submit(desk: Desk, batch: Batch) -> Remote:
    path = desk.folder / batch.file
    if not path.is_file() or file_digest(path) != batch.sha256:
        raise RunError(f"{path}: is gone or not as it was written; write it again with 'pairsmith batch export'")
    api = desk.api(batch)
    if batch.status == EXPORTED:
        desk.batches.hold(batch, request_keys(path))
    try:
        remote = desk.find(batch, api) or _create(desk, batch, api)
    except StopError:
        desk.take_back(batch)
        raise
    desk.batches.note(batch, status=remote.status, remote=remote.id)
    return remote


def _create(desk: Desk, batch: Batch, api: BatchApi) -> Remote:
    path = desk.folder / batch.file
    name = f"{path.stem}-{batch.id}.jsonl"
    file_id = batch.file_id or api.uploaded(name) or api.upload(path, name)
    desk.batches.note(batch, file_id=file_id)
    return api.create(file_id, {MARK: batch.id, "sha256": batch.sha256})
