"""Pairsmith: the gate ``duplicates``, from rows to verdicts, every pair verified.

Each document is a row with a task of its own: only query and positive together, which are the document, have twins. The gate
compares the queries all the same, and its time counts that.
"""

import measure  # isort: split

import json
from pathlib import Path

import dedup
import pyarrow as pa

from pairsmith import __version__
from pairsmith.factory.records import PAIRS
from pairsmith.factory.spec import DuplicatesSpec
from pairsmith.validators.duplicates import DuplicatesGate


def table(path: Path) -> pa.Table:
    """The documents as rows."""
    with path.open(encoding="utf-8") as lines:
        items = [json.loads(line) for line in lines]
    fixed = {"content_hash": "", "group": "short_long", "negatives": [], "model": "bench"}
    languages = {"query_language": "en", "document_language": "en"}
    rows = [{**item, "request_id": item["id"], "instruction": item["id"], **fixed, **languages} for item in items]
    return pa.Table.from_pylist(rows, schema=PAIRS)


def main() -> None:
    """Find duplicates, print one line."""
    given = dedup.parser(__doc__).parse_args()
    rows = table(given.documents)
    gate = DuplicatesGate(DuplicatesSpec(threshold=given.threshold))
    gate.judge(rows.slice(0, 10))  # imports, tables of characters, compiled code: once a process
    stopwatch = measure.Stopwatch()
    verdicts = gate.judge(rows)
    stopwatch.tell("pairsmith", __version__, ["row"] * rows.num_rows)
    place = {name: number for number, name in enumerate(rows["id"].to_pylist())}
    labels = list(range(rows.num_rows))
    for line in verdicts.to_pylist():
        if line["verdict"] == "drop":
            labels[place[line["id"]]] = place[line["related"]]
    dedup.tell_clusters(given.found, labels)


if __name__ == "__main__":
    main()
