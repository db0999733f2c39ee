"""Samples of rows to review, made by hand: of any texts, in any part."""

from typing import Any

import pyarrow as pa

from pairsmith.curation.review_records import Record, records
from pairsmith.curation.review_rows import SAMPLE, Part
from pairsmith.factory.spec import ReviewSpec


def line(number: int, part: str = Part.RANDOM, **more: Any) -> dict[str, Any]:
    """Row ``number`` of the run, drawn in that place of its part."""
    row = dict.fromkeys(SAMPLE.names) | {
        "id": f"row{number}",
        "request_id": f"ask{number}",
        "content_hash": f"hash{number}",
        "part": part,
        "place": number,
        "stratum": "short_long/en",
        "stratum_rows": 100,
        "population": 100,
        "overlap": False,
        "group": "short_long",
        "query_language": "en",
        "document_language": "en",
        "model": "small",
        "instruction": "Find a text that answers the question.",
        "query": f"question {number}",
        "positive": f"answer {number}",
        "negatives": [f"no answer {number}"],
        "reasons": [],
    }
    return row | more


def sample(*lines: dict[str, Any]) -> pa.Table:
    """The lines as a sample."""
    return pa.Table.from_pylist(list(lines), SAMPLE)


def shown(*lines: dict[str, Any]) -> list[Record]:
    """The lines as people are shown them, of gates that gave no scores."""
    return records(sample(*lines), {}, ReviewSpec())
