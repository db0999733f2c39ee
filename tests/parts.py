"""Small rows, and all that gates say of them: part by part and then over all parts, as the gate stage does it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pairsmith.factory.records import PAIRS, VERDICTS
from pairsmith.factory.tables import new_table
from pairsmith.validators.corpus import Corpus, Judged, judge_corpus
from pairsmith.validators.gate import Gate
from pairsmith.validators.judging import dropped_ids
from pairsmith.validators.parts import judge_part, lay_out, read_table


def rows(*queries: str, start: int = 0) -> pa.Table:
    lines = [
        {
            "id": f"k{n}", "request_id": f"r{n}", "content_hash": "h", "group": "sts", "instruction": "i", "query": query,
            "positive": f"positive {n}", "negatives": ["negative"], "query_language": "en", "document_language": "en",
            "model": "m",
        }
        for n, query in enumerate(queries, start)
    ]  # fmt: skip
    return pa.Table.from_pylist(lines, schema=PAIRS)


def judged(gates: Sequence[Gate], folder: Path, *tables: pa.Table) -> list[pa.Table]:
    """What ``gates`` say of parts of these rows: first what is said of each row alone, then what corpus gates say."""
    parts, said = [], [VERDICTS.empty_table()]
    with new_table(folder / "candidates.parquet", PAIRS) as candidates:
        for table in tables:
            part = lay_out(table, str(folder), folder / "parts")
            if not part.finished:
                judge_part(gates, part)
            said.append(read_table(part.verdicts))
            dropped = set(dropped_ids(said[-1]).to_pylist())
            kept = np.array([one not in dropped for one in table["id"].to_pylist()], np.bool_)
            parts.append(Judged(part, candidates.groups, kept))
            candidates.write(table)
    with pq.ParquetFile(folder / "candidates.parquet") as file:
        return [*said, *(verdicts for _, verdicts in judge_corpus(gates, Corpus(file, parts), lambda _: None))]
