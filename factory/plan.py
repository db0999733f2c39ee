"""What will be asked: brainstorm requests, and generation requests by a seeded, pure sampler or from a file.

The same spec, seed and tasks give the same requests in the same order on any machine, and asking for more only appends.
"""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from pydantic import ValidationError

from pairsmith.factory import estimate
from pairsmith.factory.errors import InputError, nearest
from pairsmith.factory.prompts import brainstorm_prompt, brainstorm_topics, render
from pairsmith.factory.records import PASSAGES, REQUESTS, TASKS, Request, digest
from pairsmith.factory.sampler import Sampler, canonical, model_weights
from pairsmith.factory.spec import ModelSpec, Spec
from pairsmith.factory.supply import Supply
from pairsmith.factory.taxonomy import ATTRIBUTES, GROUNDED, GROUPS, Group
from pairsmith.factory.topics import most_draws

MERGE_MARGIN = 1.25  # tasks asked for beyond the need: near-duplicates are merged, some answers do not parse
BATCH = 10_000  # requests converted to Arrow at once
PROMPT_SAMPLE = 200  # prompts of each kind that are rendered to estimate the tokens of all
_ADVICE = "raise brainstorm.calls, brainstorm.tasks_per_topic or brainstorm.examples_per_task in factory.yml"


class BrainstormRequest(NamedTuple):
    """One call for tasks. ``call`` counts those of the group from 0."""

    id: str
    group: Group
    call: int


def brainstorm_requests(spec: Spec, grounded: int = 0) -> list[BrainstormRequest]:
    """The brainstorm calls of all groups that need tasks: ``brainstorm.calls`` each, or as many as ``size`` needs.

    ``grounded``: requests that need no task because a passage is given (:func:`grounded_requests`).
    """
    return [
        BrainstormRequest(f"brainstorm-{group}-{call}", group, call)
        for group, facts in GROUPS.items()
        if facts.brainstormed
        for call in range(_calls(spec, group, grounded if group == GROUNDED else 0))
    ]


def passages_wanted(spec: Spec) -> Counter[str]:
    """How many requests in each language of the spec start from a passage, if there are documents enough."""
    sampler = Sampler(spec)
    grounded = (number for number in range(spec.wanted) if sampler.grounds(number))
    wanted = Counter(sampler.languages(number, GROUNDED)["language"] for number in grounded)
    return Counter({code: wanted[code] for code, weight in spec.languages.items() if weight > 0})


def grounded_requests(spec: Spec, available: Mapping[str, int]) -> int:
    """How many requests start from a passage where so many are ``available`` in each language."""
    return sum(min(count, available.get(language, 0)) for language, count in passages_wanted(spec).items())


def expected_tasks(spec: Spec, grounded: int = 0) -> pa.Table:
    """Stand-ins for the tasks that the brainstorm will bring: a plan can be counted before anything is paid."""
    lines = [
        (f"(task {number} of the brainstorm of group {request.group}, call {request.call})", request.group, request.id)
        for request in brainstorm_requests(spec, grounded)
        for number in range(spec.brainstorm.asked_per_call)
    ]
    names = ("task", "group", "request_id")
    stand_ins = [{**dict(zip(names, line, strict=True)), "topic": None, "merged": 1} for line in lines]
    return pa.Table.from_pylist(stand_ins, schema=TASKS)


def draw_requests(spec: Spec, tasks: pa.Table, passages: pa.Table | None = None) -> Iterator[Request]:
    """The generation requests of ``spec``, in order: at most ``spec.wanted``, fewer where a group runs out of tasks.

    ``tasks``: schema :data:`~pairsmith.factory.records.TASKS`. ``passages``: schema
    :data:`~pairsmith.factory.records.PASSAGES`; each is used once, and where a language has none left its requests are
    written from scratch. A position whose group has no task left is passed over, so that the others stay as they are;
    :func:`summary` says how many are short. Raises :class:`SpecError` where bitext is wanted with fewer than two
    languages.
    """
    sampler = Sampler(spec)
    supply = {group: _in_turn(texts, spec.brainstorm.examples_per_task) for group, texts in _by_group(tasks).items()}
    sources = Supply(PASSAGES.empty_table() if passages is None else passages, [one.weight for one in spec.sources])
    repeats: Counter[str] = Counter()
    for number in range(spec.wanted):
        group = sampler.group(number)
        content = _grounded(sampler, sources, number)
        if content is None:
            task = next(supply[group]) if group in supply else None
            if task is None and GROUPS[group].brainstormed:
                continue
            content = {"group": group, "task": task, **sampler.languages(number, group), **sampler.form(number, group)}
        key = digest(content)
        model = sampler.model(number)
        yield Request(id=digest(key, repeats[key]), draw=repeats[key], model=model, **content)
        repeats[key] += 1


def read_requests(path: Path) -> list[Request]:
    """The requests of a JSON Lines file, one object a line; blank lines are passed over.

    Raises :class:`InputError` in one line for the first faulty line: where, what, the value, what to do.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; put it there, or correct 'requests' in factory.yml") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as UTF-8 text ({error}); save it as JSON lines in UTF-8") from None
    seen: dict[str, int] = {}
    requests: list[Request] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        request = _request(line, f"{path}:{number}")
        if request.id in seen:
            first = seen[request.id]
            raise InputError(f"{path}:{number}: id '{request.id}' stands in line {first} already; give it another one")
        seen[request.id] = number
        requests.append(request)
    if not requests:
        raise InputError(f"{path}: holds no request; write one JSON object a line, or remove 'requests' and set 'size'")
    return requests


def told_apart(requests: Iterable[Request]) -> Iterator[Request]:
    """Requests of a file with draws such that no two of them are asked in the same words of the same model.

    Raises :class:`InputError` where a prompt cannot be rendered.
    """
    taken: set[str] = set()
    for request in requests:
        prompt = render(request).text
        draws = (draw for draw in count(request.draw) if digest(request.model, prompt, draw) not in taken)
        draw = next(draws)
        taken.add(digest(request.model, prompt, draw))
        yield request if draw == request.draw else request.model_copy(update={"draw": draw})


def requests_table(requests: Iterable[Request]) -> pa.Table:
    """The requests as a table of schema :data:`~pairsmith.factory.records.REQUESTS`, in their order."""
    rows = iter(requests)
    batches = []
    while batch := list(islice(rows, BATCH)):
        columns = {field.name: [getattr(request, field.name) for request in batch] for field in REQUESTS}
        columns["attributes"] = [canonical(attributes) for attributes in columns["attributes"]]
        batches.append(pa.RecordBatch.from_pydict(columns, schema=REQUESTS))
    return pa.Table.from_batches(batches, schema=REQUESTS)


def requests_of(table: pa.Table) -> Iterator[Request]:
    """The requests of a table that :func:`requests_table` made."""
    for batch in table.to_batches(max_chunksize=BATCH):
        for row in batch.to_pylist():
            yield Request(**{**row, "attributes": json.loads(row["attributes"])})


def summary(
    spec: Spec, requests: Iterable[Request], examples: int = 3, documents: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """What a plan asks for, ready for JSON: counts, example prompts, estimated tokens and cost, what is short and why.

    Goes through ``requests`` once. ``by_language`` counts a bitext row on both sides. ``cost`` is in US dollars, None
    where the spec has no price for the model. ``documents``: usable ones of the sources by language; they are shown
    beside the requests that start from one.
    """
    tally = _Tally(examples)
    for request in requests:
        tally.add(request)
    short = {} if spec.requests else _short(spec, tally.groups)
    generate = _bill(spec, spec.models.generate, tally.tokens_in(), tally.tokens_out)
    models = {model: count for model, count in tally.models.most_common() if model}
    return {
        "total": tally.groups.total(),
        "wanted": tally.groups.total() if spec.requests else spec.wanted,
        "by_group": {group: tally.groups[group] for group in GROUPS if tally.groups[group]},
        "by_language": dict(tally.languages.most_common()),
        "by_language_pair": dict(tally.pairs.most_common()),
        "attributes": {name: dict(counts.most_common()) for name, counts in tally.attributes.items() if counts},
        "distinct_tasks": len(tally.tasks),
        "grounded": dict(tally.grounded.most_common()),
        "documents": dict(documents or {}),
        "examples": tally.examples,
        "brainstorm": _brainstorm_bill(spec, tally.grounded.total()),
        "generate": {"requests": tally.groups.total(), "by_model": models, **generate},
        "estimator": estimate.METHOD,
        "short": short,
        "advice": _ADVICE if short else None,
    }


def _grounded(sampler: Sampler, sources: Supply, number: int) -> dict[str, Any] | None:
    """A request that starts from a passage, or None where this position does not, or no passage is left."""
    if not sampler.grounds(number):
        return None
    languages = sampler.languages(number, GROUNDED)
    found = sources.take(languages["language"], sampler.source(number))
    if found is None:
        return None
    form = sampler.form(number, GROUNDED, "ground")
    return {"group": GROUNDED, **languages, **form, "document": found.document, "passage": found.text}


def _by_group(tasks: pa.Table) -> dict[Group, list[str]]:
    """Tasks of each group that needs tasks, in their order."""
    texts: dict[Group, list[str]] = {group: [] for group, facts in GROUPS.items() if facts.brainstormed}
    for task, group in zip(tasks["task"].to_pylist(), tasks["group"].to_pylist(), strict=True):
        if group in texts:
            texts[group].append(task)
    return texts


def _in_turn(tasks: Sequence[str], examples: int) -> Iterator[str | None]:
    """The task of a group's first, second, ... request, each ``examples`` times, not twice in a row; None: none left.

    Each step brings in one new task and goes back over the ones before it, so that what is handed out never depends on
    how many tasks there are.
    """
    for step in count():
        for number in range(step, max(step - examples, -1), -1):
            yield tasks[number] if number < len(tasks) else None


def _calls(spec: Spec, group: Group, grounded: int) -> int:
    share = spec.groups.get(group, 0) / sum(spec.groups.values())
    if not share or spec.brainstorm.calls:
        return spec.brainstorm.calls or 0 if share else 0
    rows = share * spec.wanted
    most = rows + 3 * math.sqrt(rows)  # the number of a group's rows is drawn: three standard deviations above its mean
    if grounded:
        most = sum(Sampler(spec).group(number) == group for number in range(spec.wanted)) - grounded
    if not most:
        return 0
    tasks = MERGE_MARGIN * (most / spec.brainstorm.examples_per_task + spec.brainstorm.examples_per_task)
    useful = most_draws(spec.brainstorm.topics) // spec.brainstorm.topics_per_call  # what more bring is over the cap
    return min(math.ceil(tasks / spec.brainstorm.asked_per_call), max(useful, 1))


def _request(line: str, where: str) -> Request:
    try:
        line.encode("utf-8")
        data = json.loads(line, parse_constant=_no_number)
        json.dumps(data, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"{where}: holds half of a surrogate pair; write the character itself, in UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON: {error} (found {line[:60]!r}); write one JSON object a line") from None
    if not isinstance(data, dict):
        raise InputError(f"{where}: not a JSON object (found {line[:60]!r}); write one JSON object a line")
    try:
        return Request.model_validate(data)
    except ValidationError as error:
        findings = {item["loc"][:2]: _finding(item) for item in error.errors()}  # a union tells each of its types
        raise InputError(f"{where}: " + "; ".join(findings.values())) from None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _finding(error: Any) -> str:
    """One fault of a request that was read: which field, what is wrong with it, its value, the nearest right one."""
    field = ".".join(str(part) for part in error["loc"] if part not in ("str", "int", "float"))
    found = "" if isinstance(error["input"], dict) else f" (found {str(error['input'])[:60]!r})"
    if error["type"] == "extra_forbidden":
        return f"unknown key '{field}'{nearest(field, Request.model_fields)}"
    if error["type"] == "missing":
        return f"'{field}' is missing; add it"
    hint = nearest(str(error["input"]), GROUPS) if field == "group" else ""
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"{field + ': ' if field else ''}{message}{found}{hint}"


class _Tally:
    """Counts what a summary shows while the requests go by."""

    def __init__(self, examples: int) -> None:
        self.groups: Counter[Group] = Counter()
        self.languages: Counter[str] = Counter()
        self.models: Counter[str | None] = Counter()
        self.pairs: Counter[str] = Counter()
        self.attributes: dict[str, Counter[str]] = {name: Counter() for name in ATTRIBUTES}
        self.tasks: set[str | None] = set()
        self.grounded: Counter[str] = Counter()
        self.examples: list[dict[str, Any]] = []
        self.tokens_out = 0.0
        self._wanted_examples = examples
        self._kinds: Counter[tuple[Group, bool]] = Counter()  # with a passage, or without
        self._prompt_tokens: dict[tuple[Group, bool], list[float]] = defaultdict(list)

    def add(self, request: Request) -> None:
        """Count one more request."""
        kind = (request.group, request.passage is not None)
        first = not self._kinds[kind]
        self._kinds[kind] += 1
        self.groups[request.group] += 1
        if request.passage is not None:
            self.grounded[request.document_language] += 1
        self.models[request.model] += 1
        self.languages.update({request.query_language, request.document_language})
        if GROUPS[request.group].bilingual:
            self.pairs[f"{request.query_language}-{request.document_language}"] += 1
        for name, value in request.attributes.items():
            self.attributes[name][str(value)] += 1
        if request.task and GROUPS[request.group].brainstormed:
            self.tasks.add(request.task)
        self.tokens_out += estimate.answer_tokens(request)
        if len(self._prompt_tokens[kind]) < PROMPT_SAMPLE:
            self._sample(request, kind, first)

    def _sample(self, request: Request, kind: tuple[Group, bool], first: bool) -> None:
        prompt = render(request)
        self._prompt_tokens[kind].append(estimate.prompt_tokens(prompt.text))
        if first and len(self.examples) < self._wanted_examples:
            self.examples.append(
                {"id": request.id, "group": request.group, "template": prompt.version, "prompt": prompt.text}
            )

    def tokens_in(self) -> float:
        """Prompt tokens of all requests, from the mean of the first prompts of each group, with and without a passage."""
        return sum(self._kinds[kind] * sum(sample) / len(sample) for kind, sample in self._prompt_tokens.items())


def _short(spec: Spec, drawn: Counter[Group]) -> dict[str, int]:
    sampler = Sampler(spec)
    wanted = Counter(sampler.group(number) for number in range(spec.wanted))
    return {group: wanted[group] - drawn[group] for group in GROUPS if wanted[group] > drawn[group]}


def _brainstorm_bill(spec: Spec, grounded: int) -> dict[str, Any]:
    needed = spec.requests is None or spec.brainstorm.calls is not None
    calls = brainstorm_requests(spec, grounded) if needed else []
    prompts = (brainstorm_prompt(spec, group, call).text for _, group, call in calls[:PROMPT_SAMPLE])
    sample = [estimate.prompt_tokens(text) for text in prompts]
    tokens_in = len(calls) * sum(sample) / max(len(sample), 1)
    tokens_out = len(calls) * estimate.task_tokens(spec.brainstorm.asked_per_call)
    return {
        "requests": len(calls),
        **_topics(spec, calls),
        **_bill(spec, spec.models.brainstorm, tokens_in, tokens_out),
    }


def _topics(spec: Spec, calls: Iterable[BrainstormRequest]) -> dict[str, Any]:
    """How many different topics the brainstorms list, and the share of each domain in all that they list.

    Recorded answers are read whatever was asked: nothing is listed for them.
    """
    if spec.models.brainstorm[0].provider == "recorded":
        return {"topics": 0, "domains": {}}
    listed = Counter(pick.topic for _, group, call in calls for pick in brainstorm_topics(spec, group, call))
    domains: Counter[str] = Counter()
    for topic, times in listed.items():
        domains[topic.domain] += times
    return {
        "topics": len(listed),
        "domains": {domain: round(times / domains.total(), 4) for domain, times in domains.most_common()},
    }


def _bill(spec: Spec, pool: Sequence[ModelSpec], tokens_in: float, tokens_out: float) -> dict[str, Any]:
    """Estimated tokens and their price. ``cost``: US dollars, or None; then ``reason`` says why."""
    weights = model_weights(pool)
    names = list(weights) or [pool[0].model]
    bill: dict[str, Any] = {"model": ", ".join(names), "tokens_in": round(tokens_in), "tokens_out": round(tokens_out)}
    if pool[0].provider == "recorded":
        return {**bill, "cost": 0.0, "reason": "recorded answers cost nothing"}
    unpriced = [name for name in names if name not in spec.prices]
    if unpriced:
        return {**bill, "cost": None, "reason": f"no price: add '{unpriced[0]}' to prices in factory.yml"}
    whole = sum(weights.values())
    usd = sum(spec.prices[name].cost(tokens_in, tokens_out) * weight / whole for name, weight in weights.items())
    return {**bill, "cost": round(usd, 4), "reason": None}
