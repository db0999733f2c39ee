"""How much of a query stands in its positive, and how much more than in its negative: a sign of relevance without a model.

It says little of one row, and much of many: where texts were paired wrongly, the distribution falls to that of chance.
"""

from collections import Counter, defaultdict

import pyarrow as pa

from pairsmith.factory.text import tokens

COLUMNS = ("group", "query", "positive", "negatives", "query_language", "document_language")

_CHARACTERS = 2_000  # of a text: beyond them nearly every word stands somewhere


class Nearness:
    """Counts rows piece by piece: ``scores`` of how near their texts are, and the ``lift`` of pairs over chance."""

    def __init__(self) -> None:
        self.scores: dict[str, Counter[float]] = defaultdict(Counter)
        self._own, self._other, self._pairs = 0.0, 0.0, 0
        self._last: dict[tuple[str, str, str], set[str]] = {}

    def add(self, rows: pa.Table) -> None:
        """Count ``rows`` (:data:`COLUMNS`) in ``nearness.positive.<group>``, 0 to 1, and ``nearness.margin.<group>``, -1 to 1.

        The margin is of the first negative; rows without one have none, and queries without a word have neither.
        """
        for row in rows.select(list(COLUMNS)).to_pylist():
            asked, found = _words(row["query"]), _words(row["positive"])
            if not asked:
                continue
            near = _share(asked, found)
            self.scores[f"nearness.positive.{row['group']}"][round(near, 2)] += 1
            if row["negatives"]:
                margin = near - _share(asked, _words(row["negatives"][0]))
                self.scores[f"nearness.margin.{row['group']}"][round(margin, 2)] += 1
            kind = (row["group"], row["query_language"], row["document_language"])
            if (other := self._last.get(kind)) is not None:
                self._own, self._other, self._pairs = (
                    self._own + near,
                    self._other + _share(asked, other),
                    self._pairs + 1,
                )
            self._last[kind] = found

    @property
    def lift(self) -> float | None:
        """How much more of a query stands in its own positive than in that of the row before it of the same group and
        languages, on average: 0 where texts are paired at random. None where there are no two such rows."""
        return (self._own - self._other) / self._pairs if self._pairs else None


def _words(text: str) -> set[str]:
    return set(tokens(text[:_CHARACTERS]))


def _share(asked: set[str], words: set[str]) -> float:
    return len(asked & words) / len(asked)
