"""The examples of a report: a seeded choice of rows, and beside the rejected ones what they are measured by."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.sample import stratified
from pairsmith.curation.visible import clip, visible
from pairsmith.factory.taxonomy import GROUPS
from pairsmith.report_counts import language_name
from pairsmith.report_texts import SHORT, Shown, differences, shown, told

PER_REASON = 3
PER_GROUP = 3
REASONS = 60  # reasons with examples; a user's own gates may bring any number
CLUSTERS = 20
TWINS = 3
REPORTED = 5
WITHHELD = "Not shown: the privacy gate found personal data in this row."


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
    """A row that stayed and rows that went because they resemble it. ``size`` counts all of them."""

    size: int
    survivor: Example
    twins: list[Example]


class Sources(NamedTuple):
    """Where examples are taken from. ``drops``: verdicts ``drop`` without a missing reason."""

    candidates: pa.Table
    accepted: pa.Table
    rejected: pa.Table
    drops: pa.Table
    withheld: frozenset[str]  # ids of rows in which the privacy gate found something
    requests: pa.Table


def pairings(sources: Sources) -> tuple[list[Pairing], int]:
    """Rejected rows beside accepted ones, for the most frequent reasons, and how many reasons are left out.

    Duplicates have their own section, beside the row that they resemble.
    """
    drops = sources.drops.filter(pc.not_equal(sources.drops["gate"], "duplicates"))
    once = drops.group_by(["gate", "reason", "id"]).aggregate([])
    counted = once.group_by(["gate", "reason"]).aggregate([("id", "count")]).to_pylist()
    counted.sort(key=lambda item: (-item["id_count"], item["gate"], item["reason"]))
    chosen = stratified(once, ["gate", "reason"], PER_REASON, by="id").to_pylist()
    rows = _rows(sources.rejected, {item["id"] for item in chosen})
    _add_tasks(list(rows.values()), sources.requests)
    lines = _lines(sources.drops, rows.keys())
    partners = _Partners(sources, list(rows.values()))
    found = []
    for kind in counted[:REASONS]:
        key = (kind["gate"], kind["reason"])
        mine = [rows[item["id"]] for item in chosen if (item["gate"], item["reason"]) == key and item["id"] in rows]
        pairs = [(_example(row, sources, _first(lines[row["id"]], key)), partners.next(row)) for row in mine]
        found.append(Pairing(*key, kind["id_count"], pairs))
    return found, max(0, len(counted) - REASONS)


def accepted_by_group(sources: Sources) -> dict[str, list[Example]]:
    """A few accepted rows of each group, in as many languages as there are."""
    one_each = stratified(sources.accepted, ["group", "query_language", "document_language"], 1, by="id")
    examples: dict[str, list[Example]] = {}
    for row in stratified(one_each, ["group"], PER_GROUP, by="id", seed=1).to_pylist():
        examples.setdefault(row["group"], []).append(_example(row, sources, []))
    return examples


def clusters(sources: Sources) -> tuple[list[Cluster], int]:
    """The largest clusters of duplicates, differences from the survivor marked, and how many are left out."""
    mine = sources.drops.filter(pc.equal(sources.drops["gate"], "duplicates"))
    mine = mine.filter(pc.is_valid(mine["related"]))
    sizes = mine.group_by("related").aggregate([("id", "count_distinct")]).to_pylist()
    sizes.sort(key=lambda item: (-item["id_count_distinct"], item["related"]))
    largest = mine.filter(
        pc.is_in(mine["related"], value_set=pa.array([s["related"] for s in sizes[:CLUSTERS]], pa.string()))
    )
    twins = stratified(largest.group_by(["related", "id"]).aggregate([]), ["related"], TWINS, by="id").to_pylist()
    rows = _rows(sources.candidates, {twin[name] for twin in twins for name in ("related", "id")})
    lines = _lines(largest, rows.keys())
    found = []
    for size in sizes[:CLUSTERS]:
        kept = rows.get(size["related"])
        if kept is None:  # a gate of the user's own may name anything
            continue
        others = [rows[twin["id"]] for twin in twins if twin["related"] == size["related"] and twin["id"] in rows]
        shown = [_twin(row, kept, sources, lines[row["id"]]) for row in others]
        found.append(Cluster(size["id_count_distinct"] + 1, _example(kept, sources, []), shown))
    return found, max(0, len(sizes) - CLUSTERS)


def personal_data(verdicts: pa.Table) -> list[dict[str, Any]]:
    """What the privacy gate reported or dropped, by reason: rows, and a few masked excerpts."""
    mine = verdicts.filter(pc.and_(pc.equal(verdicts["gate"], "privacy"), pc.not_equal(verdicts["verdict"], "keep")))
    counted = mine.group_by("reason").aggregate([("id", "count_distinct")]).to_pylist()
    counted.sort(key=lambda item: (-item["id_count_distinct"], item["reason"] or ""))
    few = stratified(mine.select(["reason", "id", "field", "related"]), ["reason"], REPORTED, by="id").to_pylist()
    return [
        {
            "reason": item["reason"],
            "rows": item["id_count_distinct"],
            "examples": [row for row in few if row["reason"] == item["reason"]],
        }
        for item in counted
    ]


class _Partners:
    """Hands out accepted rows to stand beside rejected ones, one after the other."""

    def __init__(self, sources: Sources, rejected: list[dict[str, Any]]) -> None:
        self._sources = sources
        self._turn: dict[tuple[str, ...], int] = {}
        self._rows: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        languages = pa.array(sorted({row["query_language"] for row in rejected}), pa.string())
        accepted = sources.accepted
        near = accepted.filter(pc.is_in(accepted["query_language"], value_set=languages))
        for row in stratified(near, ["group", "query_language", "document_language"], PER_REASON, by="id").to_pylist():
            self._rows.setdefault((row["group"], row["query_language"], row["document_language"]), []).append(row)
        for row in stratified(accepted, ["group"], 10 * PER_REASON, by="id").to_pylist():
            self._rows.setdefault((row["group"],), []).append(row)

    def next(self, row: dict[str, Any]) -> Example | None:
        exact = (row["group"], row["query_language"], row["document_language"])
        key = exact if exact in self._rows else (row["group"],)
        if key not in self._rows:
            return None
        turn = self._turn[key] = self._turn.get(key, -1) + 1
        return _example(self._rows[key][turn % len(self._rows[key])], self._sources, [])


def _rows(table: pa.Table, ids: set[str]) -> dict[str, dict[str, Any]]:
    chosen = table.filter(pc.is_in(table["id"], value_set=pa.array(sorted(ids), pa.string())))
    return {row["id"]: row for row in chosen.to_pylist()}


def _add_tasks(rows: list[dict[str, Any]], requests: pa.Table) -> None:
    """A rejected row does not hold its instruction: look it up."""
    ids = pa.array([row["request_id"] for row in rows], pa.string())
    wanted = requests.filter(pc.is_in(requests["id"], value_set=ids)).select(["id", "task"]).to_pylist()
    tasks = {request["id"]: request["task"] for request in wanted}
    for row in rows:
        row["task"] = tasks.get(row["request_id"])


def _lines(drops: pa.Table, ids: Any) -> dict[str, list[dict[str, Any]]]:
    lines: dict[str, list[dict[str, Any]]] = {row: [] for row in ids}
    for line in drops.filter(pc.is_in(drops["id"], value_set=pa.array(list(ids), pa.string()))).to_pylist():
        lines[line["id"]].append(line)
    return lines


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


def _twin(row: dict[str, Any], kept: dict[str, Any], sources: Sources, lines: list[dict[str, Any]]) -> Example:
    """A duplicate, with what differs from the survivor marked."""
    plain = _example(row, sources, [])
    findings = [_finding(line, []) for line in lines]
    if row["id"] in sources.withheld or kept["id"] in sources.withheld:
        return Example(plain.id, plain.group, plain.languages, plain.instruction, plain.texts, findings)
    texts = {name: text for name, _, text in _fields(kept)}
    compared = [differences(text, texts.get(text.field, "")) for text in plain.texts]
    return Example(plain.id, plain.group, plain.languages, plain.instruction, compared, findings)
