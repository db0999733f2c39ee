"""What the accepted rows of a run cost: the ledger beside the rows, summed by model, step and slice.

A line counts the accepted rows that it worked for: a generation or a repair those of its model and slice, a brainstorm
those of its group, whoever wrote them. So the cost of an accepted row is the sum over its steps, and rows that were
rejected, or are planned no more, make the accepted ones dearer, as they do on the bill.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import product
from typing import Any, Literal

import pyarrow as pa

from pairsmith.factory.ledger import Line
from pairsmith.factory.records import slice_of

Name = Literal["model", "step", "slice"]


@dataclass(frozen=True)
class Account:
    """Sum of some lines of the ledger; ``model``, ``step`` and ``slice`` are None where the sum goes over them.

    ``usd``: US dollars, None where no line has a price; ``unpriced``: requests to models without one; ``estimated``:
    answers whose tokens the service did not tell; ``lost``: requests that may have been paid for nothing; ``accepted``:
    accepted rows that the lines worked for.
    """

    model: str | None
    step: str | None
    slice: str | None
    requests: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    usd: float | None
    unpriced: int
    estimated: int
    lost: int
    accepted: int

    @property
    def usd_per_accepted(self) -> float | None:
        """US dollars for each accepted row; None where there is no price or no row."""
        return None if self.usd is None or not self.accepted else self.usd / self.accepted


@dataclass(frozen=True)
class Book:
    """The ledger's ``lines``, and accepted ``rows`` by model and slice."""

    lines: Sequence[Line] = ()
    rows: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def total(self) -> Account:
        """Everything that was paid."""
        return self._sum({}, self.lines)

    def by(self, *names: Name) -> list[Account]:
        """The lines summed by the fields ``names``, the dearest first, and the largest where there is no price."""
        groups: dict[tuple[str, ...], list[Line]] = defaultdict(list)
        for line in self.lines:
            groups[tuple(getattr(line, name) for name in names)].append(line)
        sums = [self._sum(dict(zip(names, key, strict=True)), lines) for key, lines in groups.items()]
        return sorted(sums, key=lambda one: (-(one.usd or 0.0), -one.tokens_in - one.tokens_out))

    def models(self) -> dict[str, int]:
        """Accepted rows by the model that wrote them, the most first."""
        found: Counter[str] = Counter()
        for (model, _), count in self.rows.items():
            found[model] += count
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def _sum(self, key: Mapping[Name, str], lines: Sequence[Line]) -> Account:
        priced = [line.usd for line in lines if line.usd is not None]
        writes = any(line.step != "brainstorm" for line in lines)
        return Account(
            key.get("model"),
            key.get("step"),
            key.get("slice"),
            requests=sum(line.requests for line in lines),
            tokens_in=sum(line.tokens_in for line in lines),
            tokens_out=sum(line.tokens_out for line in lines),
            tokens_cached=sum(line.tokens_cached for line in lines),
            usd=math.fsum(priced) if priced else None,
            unpriced=sum(line.requests for line in lines if line.usd is None),
            estimated=sum(line.estimated for line in lines),
            lost=sum(line.lost for line in lines),
            accepted=self._served[key.get("model") if writes else None, key.get("slice")],
        )

    @cached_property
    def _served(self) -> Counter[tuple[str | None, str | None]]:
        """Accepted rows by model and slice or group; None: all of them."""
        found: Counter[tuple[str | None, str | None]] = Counter()
        for (model, where), count in self.rows.items():
            for key in product((model, None), {where, where.partition("/")[0], None}):
                found[key] += count
        return found


def rows_by_slice(accepted: pa.Table) -> dict[tuple[str, str], int]:
    """Accepted rows (schema PAIRS) by model and slice."""
    names = ("model", "group", "query_language", "document_language")
    counted = accepted.group_by(list(names)).aggregate([([], "count_all")])
    return {
        (model, slice_of(*where)): count
        for model, *where, count in zip(*(counted[name].to_pylist() for name in (*names, "count_all")), strict=True)
    }


def as_json(account: Account) -> dict[str, Any]:
    """An account with the cost of an accepted row, without the fields that it sums over."""
    known = {name: value for name, value in asdict(account).items() if value is not None or name == "usd"}
    return {**known, "usd_per_accepted": account.usd_per_accepted}


def dollars(usd: float | None) -> str:
    """``$1,234.50``; below a dollar three digits that count, so that nothing paid is shown as $0; ``–`` without a price."""
    if usd is None:
        return "–"
    if 0 < usd < 1:
        return f"${usd:.{2 - math.floor(math.log10(usd))}f}"
    return f"${usd:,.2f}"
