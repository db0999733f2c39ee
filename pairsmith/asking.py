"""What is asked: the plan (tasks, then requests) and the answers to it. Both ways of asking go through one journal."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pairsmith.factory.chat import RECORDED, Ask, open_chat
from pairsmith.factory.faults import RETRY_REASONS
from pairsmith.factory.folder import written_whole
from pairsmith.factory.generate import generate as ask_all
from pairsmith.factory.journal import Journal, Step
from pairsmith.factory.plan import (
    brainstorm_requests,
    draw_requests,
    expected_tasks,
    read_requests,
    requests_of,
    requests_table,
    summary,
)
from pairsmith.factory.prompts import Prompt, brainstorm_prompt, render
from pairsmith.factory.records import REQUESTS, Request, digest
from pairsmith.factory.spec import ModelSpec, Spec
from pairsmith.factory.tasks import merge_tasks, parse_tasks
from pairsmith.grounding import documents, grounded, passages, passages_input, read_sources
from pairsmith.progress import asking
from pairsmith.run import BATCH, REQUESTS_FILE, TASKS_FILE, Run, Stage


def plan(run: Run) -> dict[str, Any]:
    """What would be asked. Asks nothing that costs: recorded answers are read, a paid brainstorm waits for ``generate``.

    Until the tasks are known the requests are drawn with stand-ins: counts and costs are those of the real plan.
    """
    read_sources(run)
    free = run.spec.models.brainstorm.provider == "recorded"
    if brainstorms(run.spec) and not free and not BRAINSTORM.done(run):
        requests = draw_requests(run.spec, expected_tasks(run.spec, grounded(run)), passages(run))
        return summary(run.spec, requests, documents=documents(run))
    if brainstorms(run.spec):
        BRAINSTORM.do(run)
    PLAN.do(run)
    return summary(run.spec, read_plan(run), documents=documents(run))


def generate(run: Run) -> dict[str, Any]:
    """Ask what is planned and not answered yet; brainstorm first where the tasks are missing. Returns the counts."""
    read_sources(run)
    if brainstorms(run.spec):
        BRAINSTORM.do(run)
    PLAN.do(run)
    return GENERATE.do(run)


def brainstorms(spec: Spec) -> bool:
    """A plan that is a file of requests needs no tasks; they are brainstormed all the same where the spec says so."""
    return spec.requests is None or spec.brainstorm.calls is not None


def read_plan(run: Run) -> Iterator[Request]:
    """The planned requests, in the order in which they are asked."""
    with pq.ParquetFile(run.folder.need(REQUESTS_FILE, "generate")) as file:
        for batch in file.iter_batches(BATCH):
            yield from requests_of(pa.Table.from_batches([batch]))


def _ask(identity: str, draw: str, prompt: Callable[[], Prompt], model: ModelSpec) -> Ask:
    """One ask exactly as it will be sent. Which prompt brought a recorded answer is not known, so none is rendered."""
    if model.provider == "recorded":
        return Ask(identity, RECORDED, {}, "", None, None, identity)
    text, version, schema = prompt()
    params = {"temperature": model.temperature, "top_p": model.top_p, "max_tokens": model.max_tokens}
    return Ask(identity, model.model, params, text, version, schema, draw)


def _ask_all(run: Run, asks: Iterable[Ask], journal: Journal, step: Step, model: ModelSpec) -> dict[str, Any]:
    if model.answers is not None:
        run.folder.inside(model.answers, wanted_by=f"factory.yml: models.{step}.answers")
    with asking(step) as show:
        return dict(ask_all(asks, open_chat(model, run.path), journal, step, model, show))


def _settled(counts: Any) -> bool:
    """Nothing is pending, and nothing was given up that another try could bring."""
    return not counts["pending"] and not set(counts["failed"]) & set(RETRY_REASONS)


# ---------------------------------------------------------------------------------------------------------- brainstorm


def _brainstorm_asks(run: Run) -> list[Ask]:
    spec = run.spec
    count, seed, model = spec.brainstorm.tasks_per_call, spec.seed, spec.models.brainstorm
    return [
        _ask(wanted.id, "0", partial(brainstorm_prompt, wanted.group, count, wanted.call, seed), model)
        for wanted in brainstorm_requests(spec, grounded(run))
    ]


def _brainstorm_inputs(run: Run) -> dict[str, Any]:
    model = run.spec.models.brainstorm
    return {
        "asks": digest([ask.key for ask in _brainstorm_asks(run)]),
        "answers": run.folder.digest(model.answers) if model.answers else None,
        "near_duplicate": run.spec.brainstorm.near_duplicate,
    }


def _brainstorm(run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    groups = {wanted.id: wanted.group for wanted in brainstorm_requests(run.spec, grounded(run))}
    with run.journal() as journal:
        counts = _ask_all(run, _brainstorm_asks(run), journal, "brainstorm", run.spec.models.brainstorm)
        found = [
            (task, groups[entry.request_id], entry.request_id)
            for entry in journal.answers("brainstorm")
            for task in parse_tasks(entry.text)
        ]
    tasks = merge_tasks(found, run.spec.brainstorm.near_duplicate)
    with written_whole(run.path / TASKS_FILE) as beside:
        pq.write_table(tasks, beside)
    return (TASKS_FILE,), {**counts, "found": len(found), "tasks": tasks.num_rows}


# ---------------------------------------------------------------------------------------------------- plan and generate


def _plan_inputs(run: Run) -> dict[str, Any]:
    spec = run.spec
    if spec.requests is not None:
        return {"requests": run.folder.digest(spec.requests)}
    drawn = spec.model_dump(include={"size", "seed", "groups", "languages", "placeholders", "brainstorm"}, mode="json")
    return {"spec": digest(drawn), "tasks": run.folder.digest(TASKS_FILE), **passages_input(run)}


def _plan(run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    requests: Iterable[Request]
    if run.spec.requests is not None:
        requests = read_requests(run.folder.inside(run.spec.requests, wanted_by="factory.yml: requests"))
    else:
        requests = draw_requests(run.spec, pq.read_table(run.path / TASKS_FILE), passages(run))
    count, remaining = 0, iter(requests)
    with written_whole(run.path / REQUESTS_FILE) as beside, pq.ParquetWriter(beside, REQUESTS) as writer:
        while chunk := list(islice(remaining, BATCH)):
            writer.write_table(requests_table(chunk))
            count += len(chunk)
    return (REQUESTS_FILE,), {"requests": count}


def _generate_inputs(run: Run) -> dict[str, Any]:
    model = run.spec.models.generate
    sent = model.model_dump(include={"provider", "model", "base_url", "temperature", "top_p", "max_tokens"})
    return {
        "requests": run.folder.digest(REQUESTS_FILE),
        "model": digest(sent),
        "answers": run.folder.digest(model.answers) if model.answers else None,
    }


def _generate(run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    model = run.spec.models.generate
    asks = (_ask(request.id, str(request.draw), partial(render, request), model) for request in read_plan(run))
    with run.journal() as journal:
        return (), _ask_all(run, asks, journal, "generate", model)


BRAINSTORM = Stage("brainstorm", _brainstorm_inputs, _brainstorm, _settled)
PLAN = Stage("plan", _plan_inputs, _plan)
GENERATE = Stage("generate", _generate_inputs, _generate, _settled)
