"""Row by row: a model of pydantic and a fastText prediction for each text, or the row gates of this project.

    python benchmarks/peers/row_gates.py --way loop|gates --pairs corpus.parquet

``loop`` reads JSON lines, checks types, keys and empty texts, and drops a row when a text's likeliest language is not the
one it should be in. ``gates`` are format, length, language, leakage and privacy on the same rows as one table.
"""

import measure  # isort: split

import argparse
import json
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import fasttext
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, StringConstraints

import pairsmith
from pairsmith.factory.spec import GatesSpec
from pairsmith.validators.build import build_gates

MODEL = Path(__file__).parents[2] / "validators" / "data" / "lid.176.ftz"
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Pair(BaseModel):
    """The columns that such a loop would look at."""

    query: Text
    positive: Text
    negatives: list[Text]
    query_language: str
    document_language: str


def loop(lines: list[str]) -> int:
    """Rows that are kept."""
    model = fasttext.load_model(str(MODEL))
    kept = 0
    for line in lines:
        pair = Pair.model_validate_json(line)
        texts = [(pair.query, pair.query_language), (pair.positive, pair.document_language)]
        texts += [(negative, pair.document_language) for negative in pair.negatives]
        kept += all(model.predict([text.replace("\n", " ")])[0][0][0] == f"__label__{code}" for text, code in texts)
    return kept


def gates(rows: pa.Table) -> int:
    """Verdicts of all row gates."""
    row_gates = [gate for gate in build_gates(GatesSpec(), Path()) if gate.scope == "row"]
    return sum(gate.judge(rows).num_rows for gate in row_gates)


def main() -> None:
    """Judge the rows, print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--way", choices=("loop", "gates"), required=True)
    parser.add_argument("--pairs", type=Path, required=True)
    given = parser.parse_args()
    rows = pq.read_table(given.pairs)
    if given.way == "loop":
        lines = [json.dumps(row) for row in rows.to_pylist()]
        stopwatch = measure.Stopwatch()
        loop(lines)
        stopwatch.tell("fastText + pydantic loop", version("pydantic"), lines)
    else:
        gates(rows.slice(0, 10))  # models and lexicons are loaded once a process
        stopwatch = measure.Stopwatch()
        gates(rows)
        stopwatch.tell("pairsmith row gates", pairsmith.__version__, ["row"] * rows.num_rows)


if __name__ == "__main__":
    main()
