"""Hands the chosen passages to the requests of a plan, one by one."""

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from pairsmith.factory.records import digest
from pairsmith.factory.text import fold


class Passage(NamedTuple):
    """A piece of a real document. ``document``: "<source>#<id>"."""

    document: str
    text: str


class _Queue:
    """Rows of the table of passages that belong to one source and language."""

    def __init__(self, rows: Sequence[int], weight: float) -> None:
        self.rows = list(reversed(rows))
        self.weight = weight


class Supply:
    """The passages of a plan: which one is next depends on the draws before, on nothing else.

    ``passages``: schema PASSAGES; ``weights``: of the sources. A passage that two sources have in one language is handed
    out once.
    """

    def __init__(self, passages: pa.Table, weights: Sequence[float]) -> None:
        self._documents, self._texts = passages["document"], passages["passage"]
        self._used: set[str] = set()
        places: dict[str, dict[int, list[int]]] = {}
        for row, (language, source) in enumerate(
            zip(passages["language"].to_pylist(), passages["source"].to_pylist(), strict=True)
        ):
            places.setdefault(language, {}).setdefault(source, []).append(row)
        self._queues = {
            language: [_Queue(rows, weights[source]) for source, rows in sources.items()]
            for language, sources in places.items()
        }

    def take(self, language: str, point: float) -> Passage | None:
        """The next passage in ``language``, of the source at ``point`` (0 <= point < 1) of those that have any left."""
        while queues := [queue for queue in self._queues.get(language, []) if queue.rows]:
            row = _at(queues, point).rows.pop()
            passage = Passage(self._documents[row].as_py(), self._texts[row].as_py())
            text = digest(language, fold(passage.text))
            if text not in self._used:
                self._used.add(text)
                return passage
        return None


def _at(queues: list[_Queue], point: float) -> _Queue:
    rest = point * sum(queue.weight for queue in queues)
    for queue in queues:
        rest -= queue.weight
        if rest < 0:
            return queue
    return queues[-1]


def distinct_passages(passages: pa.Table) -> dict[str, int]:
    """How many requests in each language the passages (schema PASSAGES) are enough for."""
    seen: dict[str, set[str]] = {}
    for batch in passages.to_batches(max_chunksize=1000):
        for language, text in zip(batch["language"].to_pylist(), batch["passage"].to_pylist(), strict=True):
            seen.setdefault(language, set()).add(digest(fold(text)))
    return {language: len(texts) for language, texts in seen.items()}
