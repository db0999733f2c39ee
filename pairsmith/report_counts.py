"""The figures of a report: counted in Arrow, so that half a million rows take seconds; what comes out is small.

Of requests the columns :data:`REQUEST` are needed, of accepted and rejected rows the columns :data:`ROW`, of verdicts
``request_id, gate, reason``. ``asked``: see :func:`asked_rows`; ``dropped``: see :func:`by_reason`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.factory.chat import RECORDED
from pairsmith.factory.languages import LANGUAGES

REQUEST = ["id", "group", "model", "language", "source_language", "target_language"]
ROW = ["request_id", "group", "query_language", "document_language"]


@dataclass(frozen=True)
class Stage:
    """One step of the funnel: rows ``left`` after it, and rows whose first fault it found (``lost``)."""

    name: str
    left: int
    lost: int


@dataclass(frozen=True)
class Share:
    """Rows of one group or language. ``commonest``: the reason that drops most of them, with its count."""

    name: str
    asked: int
    accepted: int
    rejected: int
    commonest: tuple[str, int] | None

    @property
    def rate(self) -> float | None:
        """Accepted among those that were judged; None before any was."""
        judged = self.accepted + self.rejected
        return self.accepted / judged if judged else None


@dataclass(frozen=True)
class ReasonRow:
    """Rows that a gate dropped (or could not verify) for one reason, in all and by group."""

    gate: str
    reason: str
    rows: int
    groups: dict[str, int]


def asked_rows(requests: pa.Table) -> pa.Table:
    """Each request as ``request_id, group, model, query_language, document_language``."""
    columns = {
        "request_id": requests["id"],
        "group": requests["group"],
        "model": pc.fill_null(requests["model"], RECORDED),
        "query_language": pc.coalesce(requests["source_language"], requests["language"]),
        "document_language": pc.coalesce(requests["target_language"], requests["language"]),
    }
    return pa.table(columns)


def by_reason(lines: pa.Table, asked: pa.Table) -> pa.Table:
    """Each request once for every gate and reason that ``lines`` has of it: ``gate, reason`` and the request's columns."""
    once = lines.group_by(["request_id", "gate", "reason"]).aggregate([])
    place = _places(once["request_id"], asked)
    of_request = asked.drop_columns("request_id").take(place.drop_null())
    known = once.select(["gate", "reason"]).filter(pc.is_valid(place))
    return pa.table({name: table[name] for table in (known, of_request) for name in table.column_names})


def stages(funnel: dict[str, Any], drops: pa.Table) -> list[Stage]:
    """Every row counts where its first fault was found, in the order of the line: what is left only falls."""
    gates = [gate["gate"] for gate in funnel["gates"]]
    place = pc.fill_null(pc.index_in(drops["gate"], value_set=pa.array(gates, pa.string())), len(gates))
    found = pa.table({"request_id": drops["request_id"], "place": place})
    first = found.group_by("request_id").aggregate([("place", "min")])
    lost = np.bincount(first["place_min"].to_numpy(), minlength=len(gates) + 1).tolist()
    left = funnel["answered"]
    line = [Stage("asked", funnel["asked"], 0), Stage("answered", left, funnel["asked"] - left)]
    for gate, gone in zip(gates, lost, strict=False):
        left -= gone
        line.append(Stage(gate, left, gone))
    return [*line, Stage("accepted", funnel["accepted"], 0)]


def reasons(found_by_reason: pa.Table, gates: list[str]) -> list[ReasonRow]:
    """Rows by gate (in the order of ``gates``) and reason, the commonest first; see :func:`by_reason`."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in _counted(found_by_reason, "group"):
        found.setdefault((row["gate"], row["reason"]), {})[row["group"]] = row["count"]
    rows = [ReasonRow(gate, reason, sum(groups.values()), groups) for (gate, reason), groups in found.items()]
    place = {gate: number for number, gate in enumerate(gates)}
    return sorted(rows, key=lambda row: (place.get(row.gate, len(place)), row.gate, -row.rows, row.reason))


def by_group(asked: pa.Table, accepted: pa.Table, rejected: pa.Table, dropped: pa.Table) -> list[Share]:
    """Shares of the groups, the largest first."""
    counts = [_counts(table["group"]) for table in (asked, accepted, rejected)]
    return _shares(counts, _commonest(dropped, "group"))


def by_language(asked: pa.Table, accepted: pa.Table, rejected: pa.Table, dropped: pa.Table) -> list[Share]:
    """Shares of the languages, the largest first; a row in two languages counts in both."""
    counts = [_counts(_languages(table)["language"]) for table in (asked, accepted, rejected)]
    return _shares(counts, _commonest(_languages(dropped, "gate", "reason"), "language"))


def by_model(asked: pa.Table, accepted: pa.Table, rejected: pa.Table, dropped: pa.Table) -> list[Share]:
    """Shares of the models that were asked, the largest first."""
    judged = (asked["model"].take(_places(rows["request_id"], asked)) for rows in (accepted, rejected))
    counts = [_counts(column) for column in (asked["model"], *judged)]
    return _shares(counts, _commonest(dropped, "model"))


def language_name(code: str) -> str:
    """English name of an ISO 639-1 code, or the code itself."""
    return LANGUAGES[code].name if code in LANGUAGES else code


def _counts(column: pa.ChunkedArray) -> dict[str, int]:
    return {item["values"]: item["counts"] for item in pc.value_counts(column).to_pylist()}


def _languages(rows: pa.Table, *keep: str) -> pa.Table:
    """Each row once for every language that it has, as column ``language``."""
    documents = rows.filter(pc.not_equal(rows["query_language"], rows["document_language"]))
    names = [*keep, "language"]
    return pa.concat_tables(
        [
            rows.select([*keep, "query_language"]).rename_columns(names),
            documents.select([*keep, "document_language"]).rename_columns(names),
        ]
    )


def _places(request_ids: pa.ChunkedArray, asked: pa.Table) -> pa.ChunkedArray:
    """Where in ``asked`` each request stands; null where it does not."""
    return pc.index_in(request_ids, value_set=asked["request_id"].combine_chunks())


def _counted(dropped: pa.Table, key: str) -> list[dict[str, Any]]:
    """Requests by ``key``, gate and reason: dicts of these with ``count``, the commonest first."""
    counted = dropped.group_by([key, "gate", "reason"]).aggregate([([], "count_all")])
    rows: list[dict[str, Any]] = counted.rename_columns({"count_all": "count"}).to_pylist()
    return sorted(rows, key=lambda row: (row[key], -row["count"], row["gate"], row["reason"]))


def _commonest(dropped: pa.Table, key: str) -> dict[str, tuple[str, int]]:
    first: dict[str, tuple[str, int]] = {}
    for row in _counted(dropped, key):
        first.setdefault(row[key], (row["reason"], row["count"]))
    return first


def _shares(counts: list[dict[str, int]], commonest: dict[str, tuple[str, int]]) -> list[Share]:
    asked, accepted, rejected = counts
    names = sorted(asked.keys() | accepted.keys() | rejected.keys(), key=lambda name: (-asked.get(name, 0), name))

    def share(name: str) -> Share:
        return Share(name, asked.get(name, 0), accepted.get(name, 0), rejected.get(name, 0), commonest.get(name))

    return [share(name) for name in names]
