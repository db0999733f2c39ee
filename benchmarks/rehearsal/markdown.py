"""Tables for people."""

from collections.abc import Iterable, Sequence
from typing import Any


def table(names: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """A Markdown table."""
    rows = [names, ["---"] * len(names), *lines]
    return "".join(f"| {' | '.join(map(str, row))} |\n" for row in rows)
