"""Two releases side by side, as lines for the terminal that fit on a page; ``--json`` has all ids and values."""

from collections.abc import Iterator, Mapping
from typing import Any

Result = dict[str, Any]

ROWS = 5  # that are named of a kind
VALUES = 8  # of a distribution

_KINDS = ("group", "query_language", "document_language", "split", "model")


def lines(result: Result) -> Iterator[str]:
    """See :func:`pairsmith.curation.comparison.compare`."""
    for part in (_head, _rows, _schema, _distributions, _lengths):
        yield from part(result)


def _head(result: Result) -> Iterator[str]:
    old, new = result["releases"]
    yield f"{old['name']} {old['version']} ({old['rows']:,} rows) -> {new['name']} {new['version']} ({new['rows']:,} rows)"
    yield (
        f"at least a {result['bump']} version: {result['why']}" if result["bump"] else "no row and nothing else changed"
    )


def _rows(result: Result) -> Iterator[str]:
    counts = result["rows"]
    yield "rows      " + ", ".join(f"{count:,} {name}" for name, count in counts.items())
    if result["reasons"]:
        yield "removed   " + _counts(result["reasons"])
    if result["fields"]:
        yield "changed   " + _counts(result["fields"])
    yield from _named("added", [(one, "") for one in result["added"]])
    yield from _named("removed", [(row["id"], ", ".join(row["reasons"]) or "unknown") for row in result["removed"]])
    yield from _named("changed", [(row["id"], ", ".join(row["fields"])) for row in result["changed"]])


def _named(what: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    yield from (f"  {what:<8} {one} {why}".rstrip() for one, why in rows[:ROWS])
    if len(rows) > ROWS:
        yield f"  {what:<8} and {len(rows) - ROWS:,} more: --json names all"


def _schema(result: Result) -> Iterator[str]:
    schema = result["schema"]
    yield from (f"column    {name} added" for name in schema["added"])
    yield from (f"column    {name} removed" for name in schema["removed"])
    yield from (f"column    {name} was {old} and is {new}" for name, (old, new) in schema["retyped"].items())
    if result["card"]:
        yield "card      " + ", ".join(result["card"])


def _distributions(result: Result) -> Iterator[str]:
    for kind in _KINDS:
        values = result["distributions"][kind]
        yield f"{kind.replace('_', ' ')}"
        for value, (old, new) in list(values.items())[:VALUES]:
            yield f"  {value:<24} {old:>9,} -> {new:>9,}  {new - old:+,}"
        if len(values) > VALUES:
            yield f"  and {len(values) - VALUES:,} more"


def _lengths(result: Result) -> Iterator[str]:
    yield "characters: 5 %, half and 95 % of the rows have at most"
    for name, (old, new) in result["lengths"].items():
        yield f"  {name:<24} {_figures(old)} -> {_figures(new)}"


def _figures(values: list[float]) -> str:
    return " / ".join(f"{value:,.0f}" for value in values)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
