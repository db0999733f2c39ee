"""The gates of a spec: a user's own takes part, one that cannot is named."""

import datetime
import math
from pathlib import Path

import pytest
from parts import rows

from pairsmith.factory.errors import SpecError
from pairsmith.factory.spec import ContaminationSpec, CustomGateSpec, GatesSpec
from pairsmith.validators.build import build_gates, sources, versions

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
    verdicts = own.judge(rows("QUIET please", "LOUD"))
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


@pytest.mark.parametrize("value", [datetime.date(2026, 1, 1), {1: "a"}, math.inf, {"a"}, [math.nan]])
def test_options_that_other_processes_could_not_be_told_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"option 'since' is .* which JSON cannot say"):
        CustomGateSpec(use="a:b", options={"since": value})


def test_two_evaluation_files_of_one_name_both_decide(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "test.txt").write_text(name)
    spec = GatesSpec(contamination=ContaminationSpec(evaluation=["a/test.txt", "b/test.txt"]))
    before = sources(spec, tmp_path)
    (tmp_path / "a" / "test.txt").write_text("changed")
    assert sources(spec, tmp_path) != before


@pytest.mark.parametrize("edited", ["__init__.py", "gate.py", "deep/words.py"])
def test_every_file_of_a_users_package_in_the_run_folder_decides(tmp_path: Path, edited: str) -> None:
    package = tmp_path / "my_package"
    (package / "deep").mkdir(parents=True)
    for name in ("__init__.py", "gate.py", "deep/words.py"):
        (package / name).write_text("")
    spec = GatesSpec(custom=[CustomGateSpec(use="my_package.gate:Gate")])
    before = sources(spec, tmp_path)
    (package / edited).write_text("# another")
    assert sources(spec, tmp_path) != before


def test_what_reads_texts_decides_by_its_version() -> None:
    assert {"datasketch", "fasttext", "pycld2", "regex", "unicode", "hashing", "sketch"} <= versions().keys()
