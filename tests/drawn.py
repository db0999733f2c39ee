"""Runs of a few rows as the tables from which people's sample is drawn."""

import random
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa
from hypothesis import strategies as st
from stored import stored

from pairsmith.curation.review_sample import Drawn
from pairsmith.factory.records import PAIRS, REJECTED, VERDICTS, content_hash, digest

FATES = ("sure", "near", "unverified", "length", "format", "duplicates", "parse")
ACCEPTED = FATES[:3]
SEEN = ("length", "format")
"""Gates that dropped a row for what can be seen in it."""


class Row(NamedTuple):
    """One row. ``fate``: see :data:`FATES`; ``score``: of the language gate."""

    fate: str = "sure"
    group: str = "sts"
    languages: tuple[str, str] = ("en", "en")
    score: float = 0.9

    @property
    def stratum(self) -> str:
        query, document = self.languages
        return f"{self.group}/{query}" + ("" if query == document else f"-{document}")


lists_of_rows = st.lists(
    st.builds(
        Row,
        st.sampled_from(FATES),
        st.sampled_from(("sts", "long_short")),
        st.sampled_from((("en", "en"), ("de", "de"), ("fr", "en"))),
        st.sampled_from((0.05, 0.06, 0.3, 0.9, 1.0)),
    ),
    max_size=60,
)


def row_id(number: int) -> str:
    return digest("row", number)


def tables(rows: Sequence[Row], shuffle: int | None = None, batch: int = 7) -> Drawn:
    """The rows, numbered from 0 on, as a run keeps them. ``shuffle``: a seed to put the lines of each file in disorder."""
    texts = [_texts(number, row) for number, row in enumerate(rows)]
    lists = {
        "candidates": [text for text, row in zip(texts, rows, strict=True) if row.fate != "parse"],
        "accepted": [text for text, row in zip(texts, rows, strict=True) if row.fate in ACCEPTED],
        "rejected": [_rejected(text, row) for text, row in zip(texts, rows, strict=True) if row.fate not in ACCEPTED],
        "verdicts": [line for text, row in zip(texts, rows, strict=True) for line in _lines(text, row)],
    }
    if shuffle is not None:
        for each in lists.values():
            random.Random(shuffle).shuffle(each)
    schemas = {"candidates": PAIRS, "accepted": PAIRS, "rejected": REJECTED, "verdicts": VERDICTS}
    return Drawn(
        **{
            name: stored(pa.Table.from_pylist(lines, schema=schemas[name]), batch=batch)
            for name, lines in lists.items()
        }
    )


def _texts(number: int, row: Row) -> dict[str, object]:
    words = {"query": f"query {number}", "positive": f"positive {number}", "negatives": [f"negative {number}"]}
    query, document = row.languages
    return {
        "id": row_id(number), "request_id": f"r{number}", "group": row.group, "instruction": "i", "model": "m",
        "content_hash": content_hash(*words.values()), "query_language": query, "document_language": document, **words,
    }  # fmt: skip


def _rejected(texts: dict[str, object], row: Row) -> dict[str, object]:
    gone = dict.fromkeys(("query", "positive", "negatives")) if row.fate == "parse" else {}
    return texts | gone | {"reasons": [f"{row.fate}:query:x"], "raw": ""}


def _lines(texts: dict[str, object], row: Row) -> list[dict[str, object]]:
    """Of the language gate on the query (not where it was not parsed), and of the gate that dropped the row."""
    line = {"request_id": texts["request_id"], "id": texts["id"], "field": "query"}
    verdict = ("unverified", "no_detector") if row.fate == "unverified" else ("keep", None)
    said = dict(zip(("verdict", "reason"), verdict, strict=True))
    language = line | said | {"gate": "language", "score": row.score, "threshold": 0.05}
    if row.fate == "sure":
        language |= {"score": None, "threshold": None}
    drop = line | {"gate": row.fate, "verdict": "drop", "reason": "x", "score": 3.0, "threshold": 5.0}
    return [*([] if row.fate == "parse" else [language]), *([] if row.fate in ACCEPTED else [drop])]
