"""What is asked: the plan (tasks, then requests) and the answers to it. Both ways of asking go through one journal."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pairsmith.factory.chat import RECORDED, Ask, Entry, open_chat
from pairsmith.factory.errors import RunError
from pairsmith.factory.faults import RETRY_REASONS
from pairsmith.factory.folder import written_whole
from pairsmith.factory.generate import generate as ask_all
from pairsmith.factory.journal import Journal, Step
from pairsmith.factory.plan import (
    BrainstormRequest,
    brainstorm_requests,
    draw_requests,
    expected_tasks,
    read_requests,
    requests_of,
    requests_table,
    summary,
)
from pairsmith.factory.prompts import Prompt, brainstorm_prompt, brainstorm_topics, render
from pairsmith.factory.records import REQUESTS, Request, digest
from pairsmith.factory.spec import ModelSpec, Spec
from pairsmith.factory.tasks import Answered, cap_tasks, merge_tasks, parse_tasks
from pairsmith.progress import asking
from pairsmith.run import BATCH, REQUESTS_FILE, TASKS_FILE, Run, Stage


def plan(run: Run) -> dict[str, Any]:
    """What would be asked. Asks nothing that costs: recorded answers are read, a paid brainstorm waits for ``generate``.

    Until the tasks are known the requests are drawn with stand-ins: counts and costs are those of the real plan.
    """
    free = run.spec.models.brainstorm[0].provider == "recorded"
    if brainstorms(run.spec) and not free and not BRAINSTORM.done(run):
        return summary(run.spec, draw_requests(run.spec, expected_tasks(run.spec)))
    if brainstorms(run.spec):
        BRAINSTORM.do(run)
    PLAN.do(run)
    return summary(run.spec, read_plan(run))


def generate(run: Run) -> dict[str, Any]:
    """Ask what is planned and not answered yet; brainstorm first where the tasks are missing. Returns the counts."""
    if brainstorms(run.spec):
        BRAINSTORM.do(run)
    PLAN.do(run)
    return GENERATE.do(run)


def plan_next(run: Run) -> Step:
    """Make the journal's plan what :func:`generate` would ask for next, and ask nothing; returns the step.

    While answers of the brainstorm are missing that is the brainstorm; the requests are drawn from its tasks.
    """
    if brainstorms(run.spec) and not BRAINSTORM.done(run):
        with run.journal() as journal:
            journal.expect(_brainstorm_asks(run.spec), "brainstorm")
            journal.reopen("brainstorm", RETRY_REASONS)
            missing = journal.counts("brainstorm")["pending"]
        if missing and run.spec.models.brainstorm[0].provider != "recorded":
            return "brainstorm"
        BRAINSTORM.do(run)
    PLAN.do(run)
    with run.journal() as journal:
        journal.expect(_generate_asks(run), "generate")
    return "generate"


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
    return Ask(identity, model.model, model.params, text, version, schema, draw)


def _ask_all(run: Run, asks: Iterable[Ask], journal: Journal, step: Step, model: ModelSpec) -> dict[str, Any]:
    if model.answers is not None:
        run.folder.inside(model.answers, wanted_by=f"factory.yml: models.{step}.answers")
    with asking(step) as show:
        return dict(ask_all(asks, open_chat(model, run.path), journal, step, model, show))


def _settled(counts: Any) -> bool:
    """Nothing is pending, and nothing was given up that another try could bring."""
    return not counts["pending"] and not set(counts["failed"]) & set(RETRY_REASONS)


# ---------------------------------------------------------------------------------------------------------- brainstorm


def _brainstorm_asks(spec: Spec) -> list[Ask]:
    model = spec.models.brainstorm[0]
    return [
        _ask(wanted.id, "0", partial(brainstorm_prompt, spec, wanted.group, wanted.call), model)
        for wanted in brainstorm_requests(spec)
    ]


def _brainstorm_inputs(run: Run) -> dict[str, Any]:
    model = run.spec.models.brainstorm[0]
    return {
        "asks": digest([ask.key for ask in _brainstorm_asks(run.spec)]),
        "answers": run.folder.digest(model.answers) if model.answers else None,
        "near_duplicate": run.spec.brainstorm.near_duplicate,
        "cap": [run.spec.brainstorm.asked_per_call, run.spec.brainstorm.tasks_per_topic],
    }


def _brainstorm(run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    brainstorm = run.spec.brainstorm
    wanted = {request.id: request for request in brainstorm_requests(run.spec)}
    with run.journal() as journal:
        counts = _ask_all(run, _brainstorm_asks(run.spec), journal, "brainstorm", run.spec.models.brainstorm[0])
        if counts["in_batch"]:
            raise RunError(
                f"{run.path}: {counts['in_batch']:,} requests of the brainstorm are in batches, and the plan needs their"
                f" tasks; bring them in with 'pairsmith batch collect {run.path}'"
            )
        answers = (_answered(run.spec, wanted[entry.request_id], entry) for entry in journal.answers("brainstorm"))
        found, over_cap = cap_tasks(answers, brainstorm.asked_per_call, brainstorm.tasks_per_topic)
    tasks = merge_tasks(found, brainstorm.near_duplicate)
    with written_whole(run.path / TASKS_FILE) as beside:
        pq.write_table(tasks, beside)
    return (TASKS_FILE,), {**counts, "found": len(found), "over_cap": over_cap, "tasks": tasks.num_rows}


def _answered(spec: Spec, wanted: BrainstormRequest, entry: Entry) -> Answered:
    """The tasks of an answer, and the topics that its prompt listed; those of a recorded answer are not known."""
    topics = () if entry.prompt_version is None else brainstorm_topics(spec, wanted.group, wanted.call)
    return Answered(wanted.group, wanted.id, parse_tasks(entry.text), topics)


# ---------------------------------------------------------------------------------------------------- plan and generate


def _plan_inputs(run: Run) -> dict[str, Any]:
    spec = run.spec
    if spec.requests is not None:
        return {"requests": run.folder.digest(spec.requests)}
    drawn = spec.model_dump(include={"size", "seed", "groups", "languages", "placeholders", "brainstorm"}, mode="json")
    return {"spec": digest(drawn), "tasks": run.folder.digest(TASKS_FILE)}


def _plan(run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    requests: Iterable[Request]
    if run.spec.requests is not None:
        requests = read_requests(run.folder.inside(run.spec.requests, wanted_by="factory.yml: requests"))
    else:
        requests = draw_requests(run.spec, pq.read_table(run.path / TASKS_FILE))
    count, remaining = 0, iter(requests)
    with written_whole(run.path / REQUESTS_FILE) as beside, pq.ParquetWriter(beside, REQUESTS) as writer:
        while chunk := list(islice(remaining, BATCH)):
            writer.write_table(requests_table(chunk))
            count += len(chunk)
    return (REQUESTS_FILE,), {"requests": count}


def _generate_inputs(run: Run) -> dict[str, Any]:
    model = run.spec.models.generate[0]
    sent = model.model_dump(include={"provider", "model", "base_url", "temperature", "top_p", "max_tokens"})
    return {
        "requests": run.folder.digest(REQUESTS_FILE),
        "model": digest(sent),
        "answers": run.folder.digest(model.answers) if model.answers else None,
    }


def _generate_asks(run: Run) -> Iterator[Ask]:
    model = run.spec.models.generate[0]
    return (_ask(request.id, str(request.draw), partial(render, request), model) for request in read_plan(run))


def _generate(run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    with run.journal() as journal:
        return (), _ask_all(run, _generate_asks(run), journal, "generate", run.spec.models.generate[0])


BRAINSTORM = Stage("brainstorm", _brainstorm_inputs, _brainstorm, _settled)
PLAN = Stage("plan", _plan_inputs, _plan)
GENERATE = Stage("generate", _generate_inputs, _generate, _settled)
