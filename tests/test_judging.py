"""Gates as a whole: nothing disappears, each gate is given the rows that it should be, one that misbehaves is named."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import judged, rows

from pairsmith.factory.errors import PairsmithError
from pairsmith.factory.records import VERDICTS
from pairsmith.validators.funnel import Funnel
from pairsmith.validators.gate import Findings, Gate, Scope, Share
from pairsmith.validators.judging import dropped_ids, judge_rows, without
from pairsmith.validators.parts import DONE, VERDICTS_OF_PART, read_table


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


class Same:
    """Drops queries that stand in an earlier row of the run, by sketches that hold the query."""

    name = "same"
    scope: Scope = "corpus"

    def judge(self, rows: pa.Table) -> pa.Table:
        raise AssertionError("what judges by sketches is not given all rows")

    def sketch(self, rows: pa.Table) -> pa.Table:
        return rows.select(["request_id", "id", "query"])

    def judge_sketches(self, sketches: Sequence[Path], progress: Share) -> Iterator[pa.Table]:
        seen: set[str] = set()
        for path in sketches:
            sketch = read_table(path)
            lines = []
            for line in sketch.to_pylist():
                again = line["query"] in seen
                seen.add(line.pop("query"))
                said = {"verdict": "drop", "reason": "again"} if again else {"verdict": "keep"}
                lines.append({**line, "gate": self.name, "field": "query", **said})
            progress(1 / len(sketches))
            yield pa.Table.from_pylist(lines, schema=VERDICTS)


def test_each_gate_is_given_what_those_before_it_leave_to_it(tmp_path: Path) -> None:
    a, b, kept, also = Letter("a"), Letter("b"), Letter("x", "kept"), Letter("y", "kept")
    c, d = Letter("c", "corpus"), Letter("d", "corpus")
    gates = [c, kept, a, also, d, b]
    verdicts = pa.concat_tables(
        judged(gates, tmp_path, rows("a", "b", "ab", "x"), rows("c", "d", "e", "y", "ay", start=4))
    )
    assert a.saw == b.saw == ["a", "b", "ab", "x", "c", "d", "e", "y", "ay"]
    assert kept.saw == ["x", "c", "d", "e", "y"]
    assert also.saw == ["c", "d", "e", "y"]
    assert c.saw == ["c", "d", "e"]
    assert d.saw == ["d", "e"]
    assert verdicts.num_rows == 3 * (9 + 9 + 5 + 4 + 3 + 2)


@given(st.lists(st.text("abcd", max_size=2), max_size=20), st.integers(1, 20))
def test_what_compares_sketches_sees_the_rows_that_are_still_kept_and_the_parts_do_not_matter(
    queries: list[str], size: int
) -> None:
    first, last = Letter("a"), Letter("c", "corpus")
    with TemporaryDirectory() as folder:
        tables = [rows(*queries[at : at + size], start=at) for at in range(0, len(queries), size)]
        verdicts = pa.concat_tables(judged([first, last, Same()], Path(folder), *tables))
        assert {file.name for file in Path(folder).glob("parts/*/*")} <= {VERDICTS_OF_PART, "sketch-0.arrow", DONE}
        assert not list(Path(folder).glob("parts/.*"))
    same = [line for line in verdicts.to_pylist() if line["gate"] == "same"]
    left = [(f"k{n}", query) for n, query in enumerate(queries) if not set(query) & set("ac")]
    assert [line["id"] for line in same] == [key for key, _ in left]
    seen: set[str] = set()
    for line, (_, query) in zip(same, left, strict=True):
        assert line["verdict"] == ("drop" if query in seen else "keep")
        seen.add(query)


@given(st.lists(st.text("abcd", max_size=3), max_size=20), st.integers(1, 20))
def test_accepted_and_rejected_are_all_the_rows_and_the_funnel_counts_the_same_in_pieces(
    queries: list[str], size: int
) -> None:
    table = rows(*queries)
    with TemporaryDirectory() as folder:
        tables = [table.slice(start, size) for start in range(0, table.num_rows, size)]
        pieces = judged([Letter("a"), Letter("b"), Letter("d", "kept"), Letter("c", "corpus")], Path(folder), *tables)
    verdicts = pa.concat_tables(pieces)
    accepted = without(table, dropped_ids(verdicts))
    assert accepted["query"].to_pylist() == [query for query in queries if not set(query) & set("abcd")]
    counts = {"asked": len(queries) + 3, "answered": len(queries), "failed": {"timeout": 2}, "pending": 1}
    whole, in_pieces = Funnel(), Funnel()
    whole.add(verdicts)
    found = whole.counts(counts)
    assert found["asked"] == found["accepted"] + found["rejected"] + sum(found["failed"].values()) + found["pending"]
    assert found["accepted"] == accepted.num_rows
    by_name = {gate["gate"]: gate for gate in found["gates"]}
    if queries:
        assert by_name["letter-a"]["dropped"] == sum("a" in query for query in queries)
        assert by_name["letter-a"]["only"] == sum("a" in query and "b" not in query for query in queries)
        assert by_name["letter-a"]["judged"] == len(queries)
    for piece in pieces:
        in_pieces.add(piece)
    assert in_pieces.counts(counts) == found


class Broken(Letter):
    def judge(self, rows: pa.Table) -> pa.Table:
        if self.letter == "lost":
            return super().judge(rows.slice(1))
        if self.letter == "invented":
            return pa.concat_tables([super().judge(rows), super().judge(rows_of_others)])
        if self.letter == "raises":
            raise KeyError("no such thing")
        return super().judge(rows).drop_columns("verdict")


rows_of_others = rows("other", start=77)


@pytest.mark.parametrize(
    ("letter", "said"),
    [
        ("lost", "no verdict on row 'k0'"),
        ("invented", "verdict on the unknown row 'k77'"),
        ("raises", "failed on 2 rows .KeyError"),
        ("schema", "failed on 2 rows"),
    ],
)
def test_a_gate_that_loses_a_row_invents_one_or_fails_is_named(letter: str, said: str) -> None:
    with pytest.raises(PairsmithError, match=f"letter-{letter}'.*{said}"):
        judge_rows([Broken(letter)], rows("x", "y"))


class Mute:
    """Drops a row, cannot verify another one, and gives no reason for either."""

    name = "mute"
    scope: Scope = "row"

    def judge(self, rows: pa.Table) -> pa.Table:
        said = ["drop", "unverified", "keep"]
        lines = [
            {"request_id": row["request_id"], "id": row["id"], "gate": self.name, "field": "row", "verdict": verdict}
            for row, verdict in zip(rows.to_pylist(), said, strict=True)
        ]
        return pa.Table.from_pylist(lines, schema=VERDICTS)


def test_what_a_gate_drops_without_a_reason_has_one_that_says_so() -> None:
    verdicts = judge_rows([Mute()], rows("x", "y", "z")).verdicts
    assert verdicts["reason"].to_pylist() == ["unnamed", "unnamed", None]
    funnel = Funnel()
    funnel.add(verdicts)
    counts = {"asked": 3, "answered": 3, "failed": {}, "pending": 0}
    assert funnel.counts(counts)["gates"][0]["reasons"] == {"unnamed": 1}


def test_rows_that_no_gate_is_left_to_judge_are_no_fault(tmp_path: Path) -> None:
    gates: list[Gate] = [Letter("a"), Letter("b", "kept"), Letter("c", "corpus"), Same()]
    assert pa.concat_tables(judged(gates, tmp_path, rows(), rows("a"))).num_rows == 3
