from pathlib import Path

import pyarrow as pa
import pytest

from pairsmith.factory.records import PAIRS
from pairsmith.factory.spec import Spec
from pairsmith.validators.engine import LocalEngine, build_gates
from pairsmith.validators.known import KnownGate

TEXTS = [
    "A dog runs in the park.",
    "Ein Hund läuft durch den Park.",
    "As an AI I cannot help.",
    "x",
    "[Insert text here]",
]


def rows(numbers: list[int]) -> pa.Table:
    lines = [
        {
            "id": f"r{n}", "request_id": f"q{n}", "content_hash": str(n), "group": "sts", "instruction": "Find.",
            "query": f"{TEXTS[n % 5]} {n}", "positive": f"{TEXTS[n % 3]} {n} again", "negatives": ["Something else."],
            "query_language": "en", "document_language": "en", "model": "m",
        }
        for n in numbers
    ]  # fmt: skip
    return pa.Table.from_pylist(lines, schema=PAIRS)


def judged(gates: list, table: pa.Table) -> list[dict]:
    parts = LocalEngine().judge(gates, [table], lambda *_: None)
    return sorted(pa.concat_tables(parts).to_pylist(), key=str)


@pytest.mark.parametrize("old", [[], [0, 1, 2, 3], list(range(12))])
def test_a_further_round_gives_the_verdicts_of_one_pass_and_judges_only_what_is_new(
    tmp_path: Path, old: list[int]
) -> None:
    gates = build_gates(Spec().gates, tmp_path)
    verdicts = pa.concat_tables(LocalEngine().judge(gates, [rows(old)], lambda *_: None))
    seen: list[str] = []

    class Watched:
        def __init__(self, gate):
            self.name, self.scope, self._gate = gate.name, gate.scope, gate

        def judge(self, table):
            seen.extend(table["id"].to_pylist())
            return self._gate.judge(table)

    known = [KnownGate(Watched(gate), verdicts, rows(old)) if gate.scope == "row" else gate for gate in gates]
    everything = rows(list(range(12)))
    assert judged(known, everything) == judged(gates, everything)
    assert set(seen) == {f"r{n}" for n in range(12) if n not in old}


def test_a_row_whose_texts_changed_is_judged_again(tmp_path: Path) -> None:
    gates = [gate for gate in build_gates(Spec().gates, tmp_path) if gate.name == "format"]
    before = rows([0, 1])
    verdicts = pa.concat_tables(LocalEngine().judge(gates, [before], lambda *_: None))
    line = {**before.to_pylist()[0], "query": "As an AI I cannot help with that.", "content_hash": "other"}
    changed = pa.Table.from_pylist([line, before.to_pylist()[1]], schema=PAIRS)
    assert judged([KnownGate(gates[0], verdicts, before)], changed) == judged(gates, changed)
