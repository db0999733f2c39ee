"""The examples of a report: a seeded choice of rows, and beside the rejected ones what they are measured by."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.sample import stratified
from pairsmith.curation.visible import clip, visible
from pairsmith.factory.tables import TableFile
from pairsmith.factory.taxonomy import GROUPS
from pairsmith.report_counts import language_name
from pairsmith.report_texts import SHORT, Shown, differences, shown, told
from pairsmith.report_verdicts import Said, read_drops

PER_REASON = 3
PER_GROUP = 3
REASONS = 60  # reasons with examples; a user's own gates may bring any number
CLUSTERS = 20
TWINS = 3
REPORTED = 5
_STRATA = ["group", "query_language", "document_language"]
WITHHELD = "Not shown: the privacy gate found personal data in this row."
ELSEWHERE = "Not a row of this run: its text is in the release that it was found in."


class Finding(NamedTuple):
    """What one gate says of one field."""

    gate: str
    field: str
    reason: str
    score: float | None
    threshold: float | None
    related: str  # empty where it stands in the text that is shown


@dataclass(frozen=True)
class Example:
    """One row as it is shown. ``findings`` is empty for an accepted one."""

    id: str
    group: str
    languages: str
    instruction: str
    texts: list[Shown]
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class Pairing:
    """Rows rejected for one reason, each with an accepted row of the same group and, if there is one, languages."""

    gate: str
    reason: str
    rows: int
    pairs: list[tuple[Example, Example | None]]


@dataclass(frozen=True)
class Cluster:
    """A row that stayed and rows that went because they resemble it. ``size`` counts all of them.

    A ``released`` survivor is no row of the run: it has an id, and no text.
    """

    size: int
    survivor: Example
    twins: list[Example]
    released: bool


class Files(NamedTuple):
    """The files of a run, schemas in this order: REQUESTS, PAIRS, VERDICTS, REJECTED, PAIRS."""

    requests: TableFile
    candidates: TableFile
    verdicts: TableFile
    rejected: TableFile
    accepted: TableFile


class Sources:
    """Where examples are taken from. Which ones is chosen by ids alone; the texts of the chosen ones are read after that."""

    def __init__(self, files: Files, said: Said) -> None:
        self.files = files
        self.accepted = files.accepted.read("id", *_STRATA)
        self.withheld = frozenset(said.personal["id"].to_pylist())  # rows in which the privacy gate found something
        self.kinds, self.rejected = _choose_rejected(said.drops)
        self.sizes, self.twins = _choose_twins(said.twins)
        self.drops = read_drops(files.verdicts, {row["id"] for row in (*self.rejected, *self.twins)})


def _choose_rejected(drops: pa.Table) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Each ``gate`` and ``reason`` with the number of rows (``id_count``), the most frequent first, and some ids of those
    that are shown.

    Duplicates have their own section, beside the row that they resemble.
    """
    once = drops.filter(pc.not_equal(drops["gate"], "duplicates")).group_by(["gate", "reason", "id"]).aggregate([])
    counted = once.group_by(["gate", "reason"]).aggregate([("id", "count")]).to_pylist()
    counted.sort(key=lambda item: (-item["id_count"], item["gate"], item["reason"]))
    shown = {(kind["gate"], kind["reason"]) for kind in counted[:REASONS]}
    chosen = stratified(once, ["gate", "reason"], PER_REASON, by="id").to_pylist()
    return counted, [row for row in chosen if (row["gate"], row["reason"]) in shown]


def _choose_twins(twins: pa.Table) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Each row that others resemble (``related``) with their number (``id_count_distinct``), the most first, and some of
    the ids that resemble the first ones."""
    sizes = twins.group_by("related").aggregate([("id", "count_distinct")]).to_pylist()
    sizes.sort(key=lambda item: (-item["id_count_distinct"], item["related"]))
    first = pa.array([size["related"] for size in sizes[:CLUSTERS]], pa.string())
    largest = twins.filter(pc.is_in(twins["related"], value_set=first)).group_by(["related", "id"]).aggregate([])
    return sizes, stratified(largest, ["related"], TWINS, by="id").to_pylist()


def pairings(sources: Sources) -> tuple[list[Pairing], int]:
    """Rejected rows beside accepted ones, for the most frequent reasons, and how many reasons are left out."""
    rows = sources.files.rejected.rows(item["id"] for item in sources.rejected)
    _add_tasks(list(rows.values()), sources.files.requests)
    kinds = [((kind["gate"], kind["reason"]), kind["id_count"]) for kind in sources.kinds[:REASONS]]
    mine: dict[tuple[str, str], list[dict[str, Any]]] = {key: [] for key, _ in kinds}
    for item in sources.rejected:
        if item["id"] in rows:
            mine[item["gate"], item["reason"]].append(rows[item["id"]])
    partners = _partners(sources.accepted, [row for key, _ in kinds for row in mine[key]])
    beside = sources.files.accepted.rows(filter(None, partners))
    found, turn = [], iter(partners)
    for key, count in kinds:
        examples = [_example(row, sources, _first(sources.drops[row["id"]], key)) for row in mine[key]]
        others = [_example(beside[other], sources, []) if other else None for other in islice(turn, len(examples))]
        found.append(Pairing(*key, count, list(zip(examples, others, strict=True))))
    return found, max(0, len(sources.kinds) - REASONS)


def accepted_by_group(sources: Sources) -> dict[str, list[Example]]:
    """A few accepted rows of each group, in as many languages as there are."""
    one_each = stratified(sources.accepted, _STRATA, 1, by="id")
    chosen = stratified(one_each, ["group"], PER_GROUP, by="id", seed=1)["id"].to_pylist()
    rows = sources.files.accepted.rows(chosen)
    examples: dict[str, list[Example]] = {}
    for row in map(rows.__getitem__, chosen):
        examples.setdefault(row["group"], []).append(_example(row, sources, []))
    return examples


def clusters(sources: Sources) -> tuple[list[Cluster], int]:
    """The largest clusters of duplicates, differences from the survivor marked, and how many are left out."""
    rows = sources.files.candidates.rows(twin[name] for twin in sources.twins for name in ("related", "id"))
    largest = {size["related"] for size in sources.sizes[:CLUSTERS]}
    found = []
    for size in sources.sizes[:CLUSTERS]:
        kept = rows.get(size["related"])
        ids = [twin["id"] for twin in sources.twins if twin["related"] == size["related"] and twin["id"] in rows]
        lines = {row: [line for line in sources.drops[row] if _of_cluster(line, largest)] for row in ids}
        shown = [_twin(rows[row], kept, sources, lines[row]) for row in ids]
        survivor = _example(kept, sources, []) if kept else _released(size["related"])
        found.append(Cluster(size["id_count_distinct"] + 1, survivor, shown, kept is None))
    return found, max(0, len(sources.sizes) - CLUSTERS)


def _released(name: str) -> Example:
    """A row of an earlier release: all that the verdicts tell of it is its id."""
    return Example(name, "", "", "", [shown("row", "en", ELSEWHERE, [])])


def _of_cluster(line: dict[str, Any], survivors: set[str]) -> bool:
    return line["gate"] == "duplicates" and line["related"] in survivors


def personal_data(lines: pa.Table) -> list[dict[str, Any]]:
    """What the privacy gate reported or dropped (``lines``), by reason: rows, and a few masked excerpts."""
    counted = lines.group_by("reason").aggregate([("id", "count_distinct")]).to_pylist()
    counted.sort(key=lambda item: (-item["id_count_distinct"], item["reason"] or ""))
    few = stratified(lines, ["reason"], REPORTED, by="id").to_pylist()
    return [
        {
            "reason": item["reason"],
            "rows": item["id_count_distinct"],
            "examples": [row for row in few if row["reason"] == item["reason"]],
        }
        for item in counted
    ]


def _partners(accepted: pa.Table, rejected: list[dict[str, Any]]) -> list[str | None]:
    """For each rejected row the id of an accepted one to stand beside it, one after the other.

    It is of the same group and, where there is one, of the same languages.
    """
    ids: dict[tuple[str, ...], list[str]] = {}
    languages = pa.array(sorted({row["query_language"] for row in rejected}), pa.string())
    near = accepted.filter(pc.is_in(accepted["query_language"], value_set=languages))
    for row in stratified(near, _STRATA, PER_REASON, by="id").to_pylist():
        ids.setdefault(tuple(row[name] for name in _STRATA), []).append(row["id"])
    for row in stratified(accepted, ["group"], 10 * PER_REASON, by="id").to_pylist():
        ids.setdefault((row["group"],), []).append(row["id"])
    turns: Counter[tuple[str, ...]] = Counter()
    found: list[str | None] = []
    for row in rejected:
        exact = tuple(row[name] for name in _STRATA)
        key = exact if exact in ids else exact[:1]
        found.append(ids[key][turns[key] % len(ids[key])] if key in ids else None)
        turns[key] += 1
    return found


def _add_tasks(rows: list[dict[str, Any]], requests: TableFile) -> None:
    """A rejected row does not hold its instruction: look it up."""
    tasks = requests.rows((row["request_id"] for row in rows), "id", "task")
    for row in rows:
        row["task"] = tasks.get(row["request_id"], {}).get("task")


def _first(lines: list[dict[str, Any]], key: tuple[str, str]) -> list[dict[str, Any]]:
    """The lines of the reason at hand before the row's others."""
    return sorted(lines, key=lambda line: (line["gate"], line["reason"]) != key)


def _example(row: dict[str, Any], sources: Sources, lines: list[dict[str, Any]]) -> Example:
    withheld = row["id"] in sources.withheld
    texts = []
    for name, language, text in _fields(row):
        excerpts = [line["related"] for line in lines if line["related"] and line["field"] == name]
        texts.append(shown(name, "en", WITHHELD, []) if withheld else shown(name, language, text, excerpts))
    return Example(
        row["id"],
        row["group"],
        _languages(row),
        clip(visible(row.get("instruction") or _instruction(row)), SHORT)[0],
        texts[:1] if withheld else texts,
        [_finding(line, texts, withheld) for line in lines],
    )


def _instruction(row: dict[str, Any]) -> str:
    """Of a rejected row: the group's own, or the request's task."""
    facts = GROUPS.get(row["group"])
    return (facts and facts.instruction) or row.get("task") or ""


def _fields(row: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Name, claimed language and text of each field; of an answer that did not parse, the answer."""
    if row["query"] is None:
        return [("answer", "", row["raw"])]
    negatives = enumerate(row["negatives"] or [], start=1)
    return [
        ("query", row["query_language"], row["query"]),
        ("positive", row["document_language"], row["positive"]),
        *(("negative" if n == 1 else f"negative_{n}", row["document_language"], text) for n, text in negatives),
    ]


def _languages(row: dict[str, Any]) -> str:
    query, document = row["query_language"], row["document_language"]
    return str(query) if query == document else f"{query} → {document}"


def _finding(line: dict[str, Any], texts: list[Shown], withheld: bool = False) -> Finding:
    related = clip(visible(line["related"] or ""), SHORT)[0]
    if line["gate"] == "language":
        related = language_name(related)
    hidden = withheld and line["gate"] not in ("privacy", "duplicates")  # an excerpt may hold what must not be shown
    if hidden or told(related, texts):
        related = ""
    return Finding(line["gate"], line["field"], line["reason"], line["score"], line["threshold"], related)


def _twin(row: dict[str, Any], kept: dict[str, Any] | None, sources: Sources, lines: list[dict[str, Any]]) -> Example:
    """A duplicate, with what differs from the survivor marked where that one's texts are at hand."""
    plain = _example(row, sources, [])
    findings = [_finding(line, []) for line in lines]
    if kept is None or row["id"] in sources.withheld or kept["id"] in sources.withheld:
        return Example(plain.id, plain.group, plain.languages, plain.instruction, plain.texts, findings)
    texts = {name: text for name, _, text in _fields(kept)}
    compared = [differences(text, texts.get(text.field, "")) for text in plain.texts]
    return Example(plain.id, plain.group, plain.languages, plain.instruction, compared, findings)
