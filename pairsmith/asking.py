"""What is asked: the plan (tasks, then requests) and the answers to it. Both ways of asking go through one journal."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pairsmith.factory.chat import RECORDED, Ask, Entry, open_chat
from pairsmith.factory.errors import InputError, RunError, nearest
from pairsmith.factory.faults import RETRY_REASONS
from pairsmith.factory.folder import written_whole
from pairsmith.factory.generate import Generated
from pairsmith.factory.generate import generate as ask_all
from pairsmith.factory.journal import STEPS, Counts, Journal, Step
from pairsmith.factory.lanes import Member
from pairsmith.factory.ledger import Purse
from pairsmith.factory.plan import (
    BrainstormRequest,
    brainstorm_requests,
    draw_requests,
    expected_tasks,
    read_requests,
    requests_of,
    requests_table,
    summary,
    told_apart,
)
from pairsmith.factory.prompts import Prompt, brainstorm_prompt, brainstorm_topics, render
from pairsmith.factory.records import REQUESTS, Request, digest
from pairsmith.factory.repair import Repairs, repair_asks
from pairsmith.factory.rounds import last_round, read_rounds, with_replacements
from pairsmith.factory.sampler import Choice, Sampler, model_weights, point
from pairsmith.factory.spec import ModelSpec, Spec
from pairsmith.factory.tables import TableFile
from pairsmith.factory.tasks import Answered, cap_tasks, merge_tasks, parse_tasks
from pairsmith.grounding import documents, grounded, passages, passages_input, read_sources
from pairsmith.progress import asking
from pairsmith.run import BATCH, REQUESTS_FILE, ROUNDS_FILE, TASKS_FILE, Run, Stage


def plan(run: Run) -> dict[str, Any]:
    """What would be asked. Asks nothing that costs: recorded answers are read, a paid brainstorm waits for ``generate``.

    Until the tasks are known the requests are drawn with stand-ins: counts and costs are those of the real plan.
    """
    need_model(run)
    read_sources(run)
    free = run.spec.models.brainstorm[0].provider == "recorded"
    if brainstorms(run.spec) and not free and not BRAINSTORM.done(run):
        requests = draw_requests(run.spec, expected_tasks(run.spec, grounded(run)), passages(run))
        return summary(run.spec, requests, documents=documents(run))
    if brainstorms(run.spec):
        BRAINSTORM.do(run)
    PLAN.do(run)
    return summary(run.spec, read_plan(run), documents=documents(run))


def generate(run: Run) -> dict[str, Any]:
    """Ask what is planned and not answered yet; brainstorm first where the tasks are missing. Returns the counts."""
    need_model(run)
    read_sources(run)
    if brainstorms(run.spec) and (held := BRAINSTORM.do(run).get("held")):
        raise RunError(f"{run.path}: tasks are missing: {held}; raise 'budget' in factory.yml and run again")
    PLAN.do(run)
    return GENERATE.do(run)


def plan_next(run: Run) -> Step:
    """Make the journal's plan what :func:`generate` would ask for next, and ask nothing; returns the step.

    While answers of the brainstorm are missing that is the brainstorm; the requests are drawn from its tasks.
    """
    need_model(run)
    read_sources(run)
    if brainstorms(run.spec) and not BRAINSTORM.done(run):
        with run.journal() as journal:
            journal.expect(_brainstorm_asks(run), "brainstorm")
            journal.reopen("brainstorm", RETRY_REASONS)
            missing = journal.counts("brainstorm")["pending"]
        if missing and run.spec.models.brainstorm[0].provider != "recorded":
            return "brainstorm"
        BRAINSTORM.do(run)
    PLAN.do(run)
    with run.journal() as journal:
        journal.expect(_generate_asks(run), "generate")
        journal.expect(_repair_asks(run, journal), "repair")
    return "generate"


def need_model(run: Run) -> None:
    """Refuse to ask where rows come from files: there is nothing to plan, and no journal."""
    if run.spec.pairs:
        raise RunError(
            f"{run.path}: its rows come from files ('pairs' in factory.yml), and no model is asked; judge them with"
            f" 'pairsmith gate {run.path}'"
        )


def brainstorms(spec: Spec) -> bool:
    """A plan that is a file of requests needs no tasks; they are brainstormed all the same where the spec says so."""
    return spec.requests is None or spec.brainstorm.calls is not None


def read_plan(run: Run) -> Iterator[Request]:
    """The planned requests, in the order in which they are asked."""
    for rows in plan_tables(run, BATCH):
        yield from requests_of(rows)


def plan_tables(run: Run, size: int, columns: Sequence[str] = tuple(REQUESTS.names)) -> Iterator[pa.Table]:
    """The ``columns`` of the planned requests, ``size`` requests at a time."""
    path = run.folder.need(REQUESTS_FILE, "generate")
    remedy = f"delete it, and 'pairsmith generate {run.path}' makes it again"
    yield from TableFile(path, REQUESTS, remedy, size).batches(*columns)


def counts(run: Run, journal: Journal) -> Counts:
    """How the plan stands; what a killed process had not taken up yet is pending too."""
    found = journal.counts("generate")
    planned = run.folder.facts("plan").get("requests", 0)
    later = max(0, planned - found["asked"])
    return {**found, "asked": found["asked"] + later, "pending": found["pending"] + later}


def _ask(identity: str, draw: str, prompt: Callable[[], Prompt], model: ModelSpec, part: str) -> Ask:
    """One ask exactly as it will be sent. Which prompt brought a recorded answer is not known, so none is rendered."""
    if model.provider == "recorded":
        return Ask(identity, RECORDED, {}, "", None, None, identity, part)
    text, version, schema = prompt()
    return Ask(identity, model.model, model.params, text, version, schema, draw, part)


def _ask_all(
    run: Run,
    asks: Iterable[Ask],
    journal: Journal,
    step: Step,
    asked: Mapping[str, int],
    pool: Sequence[ModelSpec],
    **more: Any,
) -> Generated:
    for model in pool:
        if model.answers is not None:
            run.folder.inside(model.answers, wanted_by=f"factory.yml: models.{step}.answers")
    members = [Member(model, open_chat(model, run.path)) for model in pool]
    purse = Purse(run.spec.budget, run.spec.prices, journal.spent())
    for ask in (ask for one in STEPS for ask in journal.in_batches(one)):
        purse.lose(ask)  # an open batch will cost that
    judged = run.folder.facts("gate").get("by_group", {}) if step == "generate" else {}
    priced = any(one.provider != "recorded" and one.model in run.spec.prices for one in pool)
    with asking(_title(run, step), judged, priced) as show:
        return ask_all(asks, members, journal, step, asked, purse, show, **more)


def _title(run: Run, step: Step) -> str:
    if step == "brainstorm" or run.spec.requests is not None:
        return step
    return f"{step}, round {last_round(read_rounds(run.path / ROUNDS_FILE))}"


def _sent(pool: Sequence[ModelSpec]) -> str:
    """Digest of what decides the answers of a pool."""
    fields = {"provider", "model", "base_url", "temperature", "top_p", "max_tokens"}
    return digest([model.model_dump(include=fields) for model in pool])


def _recordings(run: Run, pool: Sequence[ModelSpec]) -> str | None:
    return run.folder.digest(pool[0].answers) if pool[0].answers else None


def _settled(facts: Mapping[str, Any]) -> bool:
    """Nothing is pending, and nothing was given up that another try could bring; nor is a repair."""
    return all(_all_there(one) for one in (facts, facts.get("repair")) if one)


def _all_there(counts: Any) -> bool:
    return not counts["pending"] and not set(counts["failed"]) & set(RETRY_REASONS)


# ---------------------------------------------------------------------------------------------------------- brainstorm


def _brainstorm_asks(run: Run) -> list[Ask]:
    spec, pool = run.spec, run.spec.models.brainstorm
    models = {one.model: one for one in pool}
    choice = Choice({one.model: one.weight for one in pool})
    asks = []
    for wanted in brainstorm_requests(spec, grounded(run)):
        model = models[choice.at(point(spec.seed, wanted.id, "model"))]
        prompt = partial(brainstorm_prompt, spec, wanted.group, wanted.call)
        asks.append(_ask(wanted.id, "0", prompt, model, wanted.group))
    return asks


def _brainstorm_inputs(run: Run) -> dict[str, Any]:
    return {
        "asks": digest([ask.key for ask in _brainstorm_asks(run)]),
        "answers": _recordings(run, run.spec.models.brainstorm),
        "near_duplicate": run.spec.brainstorm.near_duplicate,
        "cap": [run.spec.brainstorm.asked_per_call, run.spec.brainstorm.tasks_per_topic],
    }


def _brainstorm(run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    brainstorm, pool = run.spec.brainstorm, run.spec.models.brainstorm
    wanted = {request.id: request for request in brainstorm_requests(run.spec, grounded(run))}
    asked: Counter[str] = Counter(request.group for request in wanted.values())
    with run.journal() as journal:
        made = _ask_all(run, _brainstorm_asks(run), journal, "brainstorm", asked, pool)
        if made.counts["in_batch"]:
            raise RunError(
                f"{run.path}: {made.counts['in_batch']:,} requests of the brainstorm are in batches, and the plan needs"
                f" their tasks; bring them in with 'pairsmith batch collect {run.path}'"
            )
        entries = sorted(journal.answers("brainstorm"), key=_former_order(run))
        answers = (_answered(run.spec, wanted[entry.request_id], entry) for entry in entries)
        found, over_cap = cap_tasks(answers, brainstorm.asked_per_call, brainstorm.tasks_per_topic)
    tasks = merge_tasks(found, brainstorm.near_duplicate)
    with written_whole(run.path / TASKS_FILE) as beside:
        pq.write_table(tasks, beside)
    facts = {**made.counts, "held": made.held, "found": len(found), "over_cap": over_cap, "tasks": tasks.num_rows}
    return (TASKS_FILE,), facts


def _former_order(run: Run) -> Callable[[Entry], int]:
    """Answers in the order of their calls, but one that came late behind those that the plan was drawn from.

    Else its tasks would go to requests that were asked with others.
    """
    if not run.folder.has(TASKS_FILE):
        return lambda _: 0
    known = pq.read_table(run.path / TASKS_FILE, columns=["request_id"])["request_id"].unique().to_pylist()
    places = {name: place for place, name in enumerate(known)}
    return lambda entry: places.get(entry.request_id, len(places))


def _answered(spec: Spec, wanted: BrainstormRequest, entry: Entry) -> Answered:
    """The tasks of an answer, and the topics that its prompt listed; those of a recorded answer are not known."""
    topics = () if entry.prompt_version is None else brainstorm_topics(spec, wanted.group, wanted.call)
    return Answered(wanted.group, wanted.id, parse_tasks(entry.text), topics)


# ---------------------------------------------------------------------------------------------------- plan and generate


def _plan_inputs(run: Run) -> dict[str, Any]:
    spec = run.spec
    models = model_weights(spec.models.generate)
    inputs = {"models": digest(models), "rounds": run.folder.digest(ROUNDS_FILE)}
    if spec.requests is not None:
        return {**inputs, "requests": run.folder.digest(spec.requests)}
    drawn = spec.model_dump(include={"size", "seed", "groups", "languages", "placeholders", "brainstorm"}, mode="json")
    return {**inputs, "spec": digest(drawn), "tasks": run.folder.digest(TASKS_FILE), **passages_input(run)}


def _plan(run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    asked: Counter[str] = Counter()
    remaining = _requests(run)
    with written_whole(run.path / REQUESTS_FILE) as beside, pq.ParquetWriter(beside, REQUESTS) as writer:
        while chunk := list(islice(remaining, BATCH)):
            writer.write_table(requests_table(chunk))
            asked.update(request.group for request in chunk)
    return (REQUESTS_FILE,), {"requests": asked.total(), "by_group": dict(asked)}


def _requests(run: Run) -> Iterator[Request]:
    """The plan from its file, or drawn; what takes the place of rows that were not accepted comes last."""
    spec = run.spec
    if spec.requests is not None:
        sampler = Sampler(spec)
        path = run.folder.inside(spec.requests, wanted_by="factory.yml: requests")
        requests = read_requests(path)
        _check_models(requests, spec, path)
        if spec.models.generate[0].provider == "recorded":
            return iter(requests)
        with_model = (one.model_copy(update={"model": one.model or sampler.model(one.id)}) for one in requests)
        return told_apart(with_model)
    drawn = draw_requests(spec, pq.read_table(run.path / TASKS_FILE), passages(run))
    return with_replacements(spec, drawn, read_rounds(run.path / ROUNDS_FILE))


def _check_models(requests: Iterable[Request], spec: Spec, path: Path) -> None:
    """A request of a file may name its model: one that ``factory.yml`` has."""
    known = {one.model for one in spec.models.generate if one.provider != "recorded"}
    for request in requests:
        if request.model is not None and request.model not in known:
            hint = nearest(request.model, known)
            told = f"{path}: request '{request.id}': no model '{request.model}' in models.generate of factory.yml{hint}"
            raise InputError(f"{told}; name it there, or leave 'model' out of the request")


def _generate_inputs(run: Run) -> dict[str, Any]:
    pool = run.spec.models.generate
    return {
        "requests": run.folder.digest(REQUESTS_FILE),
        "models": _sent(pool),
        "answers": _recordings(run, pool),
        "repair": run.spec.repair.model_dump(),
        "budget": run.spec.budget.model_dump(),
    }


def _generate(run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    pool, asked = run.spec.models.generate, run.folder.facts("plan")["by_group"]
    repairs, label = Repairs(run.spec.repair), _plan_label(run)
    with run.journal() as journal:
        fresh = not journal.counts("generate")["answered"]
        if pool[0].provider == "recorded":  # their answers are as they are
            made = _ask_all(run, _generate_asks(run), journal, "generate", asked, pool, label=label)
            return (), {**counts(run, journal), "held": made.held, "repair": None}
        asks = repairs.watch(_requests_and_asks(run))
        held = _ask_all(run, asks, journal, "generate", asked, pool, repair=repairs, label=label).held
        all_seen = fresh and repairs.complete and _all_there(journal.counts("repair"))
        if held is None and not all_seen:
            held = _repair(run, journal)
        return (), {**counts(run, journal), "held": held, "repair": journal.counts("repair")}


def _plan_label(run: Run) -> str:
    """Names the plan of requests: another one has other asks."""
    inputs = _generate_inputs(run)
    return digest(inputs["requests"], inputs["models"])


def _requests_and_asks(run: Run) -> Iterator[tuple[Request, Ask]]:
    models = {one.model: one for one in run.spec.models.generate}
    only = run.spec.models.generate[0]
    for request in read_plan(run):
        model = models[request.model] if request.model else only
        yield request, _ask(request.id, str(request.draw), partial(render, request), model, request.slice)


def _generate_asks(run: Run) -> Iterator[Ask]:
    return (ask for _, ask in _requests_and_asks(run))


def _repair(run: Run, journal: Journal) -> str | None:
    """Look at all answers, those of earlier runs too, and ask for what does not parse; says what held it up."""
    held = None
    for _ in range(run.spec.repair.attempts):
        asks = _repair_asks(run, journal)
        if asks and held is None:
            asked = Counter(ask.slice.partition("/")[0] for ask in asks)
            held = _ask_all(run, asks, journal, "repair", asked, run.spec.models.generate).held
    return held


def _repair_asks(run: Run, journal: Journal) -> list[Ask]:
    """Repairs of all answers that do not parse; recorded answers are as they are."""
    if run.spec.models.generate[0].provider == "recorded":
        return []
    answers = _with_requests(journal.answers("generate"), read_plan(run))
    return list(repair_asks(answers, journal.revisions, journal.ask, run.spec.repair))


def _with_requests(entries: Iterable[Entry], requests: Iterable[Request]) -> Iterator[tuple[Entry, Request]]:
    """Each answer with its request; both come in the order of the plan, so that neither need be in memory."""
    remaining = iter(requests)
    for entry in entries:
        yield entry, next(request for request in remaining if request.id == entry.request_id)


BRAINSTORM = Stage("brainstorm", _brainstorm_inputs, _brainstorm, _settled)
PLAN = Stage("plan", _plan_inputs, _plan)
GENERATE = Stage("generate", _generate_inputs, _generate, _settled)
