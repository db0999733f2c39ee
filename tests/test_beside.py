"""A few rows that join many others which stay: the verdicts are as in one run with them, and only the few can go."""

from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_duplicates import LONG, queries, row, table
from test_released import judge, release

from pairsmith.factory.records import VERDICTS
from pairsmith.factory.spec import DuplicatesSpec
from pairsmith.validators.duplicates import DuplicatesGate
from pairsmith.validators.gate import Findings
from pairsmith.validators.judging import dropped_ids, judge_beside
from pairsmith.validators.minhash import bands_for
from pairsmith.validators.parts import read_table
from pairsmith.validators.sketch import may_be_twins, sketch

NOWHERE = Path()


def beside(few, standing, run=NOWHERE, *against):
    gate = DuplicatesGate(DuplicatesSpec(against=list(against)), run)
    return {
        line["id"]: line
        for line in judge_beside(gate, table(few), standing, run).to_pylist()
        if line["verdict"] == "drop"
    }


@settings(max_examples=10)
@given(old=st.integers(0, 10_000), new=st.integers(0, 10_000), cuts=st.sets(st.integers(0, 60), max_size=5))
def test_rows_beside_standing_ones_are_judged_as_against_a_release_of_these(old, new, cuts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("beside")
    standing = [{**one, "id": f"r{one['id']}"} for one in queries(old)]
    few = queries(new)
    few[::4] = [{**one, "id": f"n{one['id']}"} for one in queries(old)[::4]]
    release(standing, folder / "releases")
    wanted = {line["id"] for line in judge(few, folder, "releases") if line["verdict"] == "drop"}
    pieces = [table(standing[start:end]) for start, end in pairwise([0, *sorted(cuts), len(standing)])]
    assert beside(few, pieces).keys() == wanted


def test_of_two_rows_that_join_one_stays_and_what_is_no_twin_of_them_is_not_kept_in_memory():
    few = [row("a", "PEI sheet", LONG), row("b", "PEI sheet", "Another answer.")]
    others = table([*queries(3), row("c", "another one", LONG.replace("strong", "strong for it"))])
    lines = beside(few, [others])
    assert {name: line["related"] for name, line in lines.items()} == {"a": "c", "b": "c"}, (
        "one cluster, of which c stands"
    )
    assert set(beside(few, [table(queries(3))])) == {"b"}
    bands = bands_for(0.7, 128)
    assert may_be_twins(sketch(others, bands), sketch(table(few), bands), bands)["id"].to_pylist() == ["c"]


def test_an_earlier_text_of_a_row_in_a_release_is_not_its_twin_and_does_not_save_it(tmp_path):
    old = [row("a", "ferry times", LONG), row("b", "PEI sheet", "A short text.")]
    release(old, tmp_path / "releases")
    assert not beside([{**old[0], "positive": LONG.replace("strong", "weak")}], [table(old[1:])], tmp_path, "releases")
    lines = beside([{**old[0], "query": "PEI sheet"}], [table(old[1:])], tmp_path, "releases")
    assert {name: line["related"] for name, line in lines.items()} == {"a": "b"}


class OnlyOne:
    """Of a user: keeps one row, the first by id."""

    name, scope = "one", "corpus"

    def judge(self, rows):
        found, first = Findings(rows, self.name), min(rows["id"].to_pylist())
        for place, id in enumerate(rows["id"].to_pylist()):
            if id != first:
                found.drop(place, "query", "another")
        return found.table()


class OnlyOneBySketches:
    """The same by sketches: ``judge`` is not called."""

    name, scope = "one", "corpus"

    def judge(self, rows):
        raise AssertionError("what judges by sketches is not given all rows")

    def sketch(self, rows):
        return rows.select(["request_id", "id"])

    def judge_sketches(self, sketches, progress):
        read = [read_table(path).to_pylist() for path in sketches]
        first = min(line["id"] for lines in read for line in lines)
        for lines in read:
            said = [line | BY_ONE | ({"verdict": "keep"} if line["id"] == first else DROPPED) for line in lines]
            yield pa.Table.from_pylist(said, schema=VERDICTS)


DROPPED = {"verdict": "drop", "reason": "another"}
BY_ONE = {"gate": "one", "field": "query"}


@pytest.mark.parametrize("gate", [OnlyOne(), OnlyOneBySketches()])
@pytest.mark.parametrize(("few", "lost"), [("c", ["c"]), ("a", ["b"]), ("ac", ["b", "c"])])
def test_a_gate_that_cannot_judge_some_rows_beside_others_judges_all_anew(gate, few, lost, tmp_path):
    rows = [row(id, f"one {id}", "two") for id in few]
    verdicts = judge_beside(gate, table(rows), [table([row("b", "three", "four")])], tmp_path)
    assert sorted(dropped_ids(verdicts).to_pylist()) == lost
    assert set(verdicts["id"].to_pylist()) == {*few, *lost}, "of the others those that go"
    assert not list(tmp_path.iterdir())
