"""Gates as a whole: nothing disappears, a user's own gate takes part, a gate that misbehaves is named."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.factory.errors import PairsmithError, SpecError
from pairsmith.factory.records import PAIRS, VERDICTS
from pairsmith.factory.spec import CustomGateSpec, GatesSpec
from pairsmith.validators.engine import LocalEngine, build_gates, dropped_ids, without
from pairsmith.validators.funnel import funnel
from pairsmith.validators.gate import Findings, Gate, Scope


def rows(*queries: str) -> pa.Table:
    lines = [
        {
            "id": f"k{n}", "request_id": f"r{n}", "content_hash": "h", "group": "sts", "instruction": "i", "query": query,
            "positive": f"positive {n}", "negatives": ["negative"], "query_language": "en", "document_language": "en",
            "model": "m",
        }
        for n, query in enumerate(queries)
    ]  # fmt: skip
    return pa.Table.from_pylist(lines, schema=PAIRS)


class Letter:
    """Drops queries that hold a letter."""

    def __init__(self, letter: str, scope: Scope = "row") -> None:
        self.name = f"letter-{letter}"
        self.scope: Scope = scope
        self.letter = letter
        self.saw: list[str] = []

    def judge(self, rows: pa.Table) -> pa.Table:
        findings = Findings(rows, self.name)
        for row, query in enumerate(rows["query"].to_pylist()):
            self.saw.append(query)
            if self.letter in query:
                findings.drop(row, "query", "letter", related=self.letter)
            else:
                findings.keep(row, "query")
        return findings.table()


def judged(gates: list[Gate], *batches: pa.Table) -> pa.Table:
    return pa.concat_tables([VERDICTS.empty_table(), *LocalEngine().judge(gates, batches, lambda *_: None)])


def test_row_gates_all_judge_every_row_and_corpus_gates_only_what_is_still_kept() -> None:
    a, b, c, d = Letter("a"), Letter("b"), Letter("c", "corpus"), Letter("d", "corpus")
    verdicts = judged([a, b, c, d], rows("a", "b", "ab"), rows("c", "d", "e"))
    assert a.saw == b.saw == ["a", "b", "ab", "c", "d", "e"]
    assert c.saw == ["c", "d", "e"]
    assert d.saw == ["d", "e"]
    assert verdicts.num_rows == 3 * (6 + 6 + 3 + 2)


@given(st.lists(st.text("abcd", max_size=3), max_size=20), st.integers(1, 20))
def test_accepted_and_rejected_are_all_the_rows(queries: list[str], size: int) -> None:
    table = rows(*queries)
    batches = [table.slice(start, size) for start in range(0, table.num_rows, size)]
    verdicts = judged([Letter("a"), Letter("b"), Letter("c", "corpus")], *batches)
    accepted = without(table, dropped_ids(verdicts))
    assert accepted["query"].to_pylist() == [query for query in queries if not set(query) & set("abc")]
    counts = {"asked": len(queries) + 3, "answered": len(queries), "failed": {"timeout": 2}, "pending": 1}
    found = funnel(counts, verdicts)
    assert found["asked"] == found["accepted"] + found["rejected"] + sum(found["failed"].values()) + found["pending"]
    assert found["accepted"] == accepted.num_rows
    by_name = {gate["gate"]: gate for gate in found["gates"]}
    if queries:
        assert by_name["letter-a"]["dropped"] == sum("a" in query for query in queries)
        assert by_name["letter-a"]["only"] == sum("a" in query and "b" not in query for query in queries)
        assert by_name["letter-a"]["judged"] == len(queries)


OWN = """
from pairsmith.validators.gate import Findings

class NoShouting:
    name = "no_shouting"
    scope = "row"

    def __init__(self, share: float = 0.5) -> None:
        self.share = share

    def judge(self, rows):
        findings = Findings(rows, self.name)
        for row, query in enumerate(rows["query"].to_pylist()):
            score = sum(letter.isupper() for letter in query) / max(len(query), 1)
            if score > self.share:
                findings.drop(row, "query", "shouting", score, self.share)
            else:
                findings.keep(row, "query", score, self.share)
        return findings.table()
"""


def test_a_users_own_gate_is_named_by_its_import_path(tmp_path: Path) -> None:
    (tmp_path / "my_own_gates.py").write_text(OWN)
    spec = GatesSpec(custom=[CustomGateSpec(use="my_own_gates:NoShouting", options={"share": 0.7})])
    own = build_gates(spec, tmp_path)[-1]
    verdicts = judged([own], rows("QUIET please", "LOUD"))
    assert verdicts["verdict"].to_pylist() == ["keep"] * 3 + ["drop", "keep", "keep"]
    assert verdicts["threshold"].to_pylist() == [0.7, None, None, 0.7, None, None]


@pytest.mark.parametrize("use", ["no_such_module:Gate", "pairsmith.score:nothing", "json:dumps", "nonsense", ""])
def test_a_gate_that_cannot_be_loaded_is_one_clear_line(tmp_path: Path, use: str) -> None:
    with pytest.raises(SpecError, match="can't be loaded"):
        build_gates(GatesSpec(custom=[CustomGateSpec(use=use)]), tmp_path)


def test_two_gates_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "my_length_gate.py").write_text(OWN.replace("no_shouting", "length"))
    with pytest.raises(SpecError, match="two gates are named 'length'"):
        build_gates(GatesSpec(custom=[CustomGateSpec(use="my_length_gate:NoShouting")]), tmp_path)


class Broken(Letter):
    def judge(self, rows: pa.Table) -> pa.Table:
        return super().judge(rows.slice(1)) if self.letter == "lost" else super().judge(rows).drop_columns("verdict")


@pytest.mark.parametrize("letter", ["lost", "schema"])
def test_a_gate_that_loses_a_row_or_answers_with_another_schema_is_named(letter: str) -> None:
    with pytest.raises(PairsmithError, match=f"letter-{letter}"):
        judged([Broken(letter)], rows("x", "y"))
