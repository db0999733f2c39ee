"""A release that people's answers must support: refused with the numbers and the command that goes on, then granted."""

import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_deciding import answer, judged, say  # noqa: F401  a fixture
from test_line import call, refused

from pairsmith.accepting import need_acceptance, rows_missing
from pairsmith.cli import main
from pairsmith.curation.acceptance import Statement, upper_bound
from pairsmith.curation.manifest import read_manifest
from pairsmith.factory.errors import RunError
from pairsmith.factory.spec import ReviewSpec
from pairsmith.reviewing import draw_sample
from pairsmith.run import open_run

NOTHING = """
from pairsmith.validators.gate import Findings

class Nothing:
    name, scope = "nothing", "row"

    def judge(self, rows):
        found = Findings(rows, self.name)
        for place in range(len(rows)):
            found.drop(place, "query", "nothing_is_good_enough")
        return found.table()
"""


@pytest.fixture
def limited(judged: Path, tmp_path: Path) -> Path:  # noqa: F811
    """A run of which nothing is released yet, with a limit."""
    run = Path(shutil.copytree(judged, tmp_path / "demo"))
    shutil.rmtree(run / "releases")
    (run / "report.html").unlink()
    with (run / "factory.yml").open("a") as spec:
        spec.write("\nreview:\n  max_defect_rate: 0.05\n  sample: 40\n")
    return run


def shown(run: Path, count: int | None = None) -> list[dict[str, Any]]:
    """The random part of the sample that is drawn for people, in the order drawn."""
    opened = open_run(run)
    draw_sample(opened, count)
    rows = pq.read_table(run / "review" / "sample.parquet").to_pylist()
    return sorted((row for row in rows if row["part"] == "random"), key=lambda row: row["place"])


def test_refused_until_enough_is_answered_then_granted_and_said_on_the_card(
    limited: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, "release", limited)
    assert "people have been shown no row yet" in line
    assert f"pairsmith review push {limited}" in line
    assert main(["run", str(limited)]) == 2
    assert (limited / "report.html").is_file(), "what there is can be looked at"
    capsys.readouterr()

    first = shown(limited)
    line = refused(capsys, "release", limited)
    assert "up to 100.00% of 521 accepted rows" in line
    say(limited, *(answer(row, "keep") for row in first))
    line = refused(capsys, "release", limited)
    assert f"({len(first)} random rows in the order drawn, 0 of them defective)" in line
    wanted = re.search(
        r"about (\d+) more answers are needed: show them with 'pairsmith review push \S+ --sample (\d+)'", line
    )
    assert wanted
    assert not (limited / "releases").exists()

    more, sample = map(int, wanted.groups())
    rows = shown(limited, sample)
    assert len(rows) >= len(first) + more
    say(limited, *(answer(row, "keep") for row in rows[: len(first) + more - 1]))
    assert "about 1 more answers are needed: the first of the" in refused(capsys, "release", limited)
    say(limited, *(answer(row, "keep") for row in rows[: len(first) + more]))
    assert call(capsys, "release", limited)["version"] == "1.0.0"
    folder = limited / "releases" / "1.0.0"
    statement = read_manifest(folder)["review"]["statement"]
    assert statement["holds"] is True
    assert statement["bound"] < 0.05
    assert statement["prefix"] == len(first) + more
    card = (folder / "README.md").read_text()
    assert "rows drawn at random were reviewed" in card.replace(f"{statement['prefix']} drawn", "rows drawn")
    assert f"| random | {len(rows)} | {len(first) + more} |" in card


def test_answers_out_of_turn_do_not_help(limited: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = shown(limited, 300)
    say(limited, *(answer(row, "keep") for row in rows[1:]))
    assert "(0 random rows in the order drawn" in refused(capsys, "release", limited)
    say(limited, *(answer(row, "keep") for row in rows))
    assert call(capsys, "release", limited)["version"] == "1.0.0"


def test_where_too_much_is_defective_more_answers_are_not_asked_for(
    limited: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    say(limited, *(answer(row, "keep" if place % 5 else "drop") for place, row in enumerate(shown(limited, 100))))
    assert "no number of answers will do" in refused(capsys, "release", limited)


def test_a_limit_that_is_taken_away_releases(limited: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(capsys, "release", limited)
    spec = (limited / "factory.yml").read_text()
    (limited / "factory.yml").write_text(spec.replace("  max_defect_rate: 0.05\n", ""))
    assert call(capsys, "run", limited)["release"]["version"] == "1.0.0"
    assert read_manifest(limited / "releases" / "1.0.0")["review"] is None


def statement(population: int, prefix: int, defects: int, limit: float) -> Statement:
    bound = upper_bound(population, prefix, defects, 0.95)
    return Statement(
        population, population, prefix, population - prefix, prefix, defects, bound, limit, 0.95, bound < limit, ""
    )


@given(st.integers(1, 5_000), st.floats(0, 1), st.floats(0, 0.3), st.floats(0.005, 0.5))
def test_so_many_more_answers_of_the_same_kind_are_enough(
    population: int, seen: float, bad: float, limit: float
) -> None:
    prefix = int(seen * population)
    defects = int(bad * prefix)
    said = statement(population, prefix, defects, limit)
    more = rows_missing(said, limit)
    if said.holds:
        need_acceptance(Path("run"), ReviewSpec(max_defect_rate=limit), said)
        return
    with pytest.raises(RunError, match="not released"):
        need_acceptance(Path("run"), ReviewSpec(max_defect_rate=limit), said)
    if more is None:
        assert defects >= limit * prefix > 0
        return
    hits = defects * (prefix + more) // max(prefix, 1)
    assert upper_bound(population, prefix + more, hits, 0.95) < limit
    assert more == 1 or defects or upper_bound(population, prefix + more - 1, 0, 0.95) >= limit


def test_where_no_row_was_accepted_no_answers_are_asked_for(limited: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (limited / "nothing.py").write_text(NOTHING)
    spec = (limited / "factory.yml").read_text()
    (limited / "factory.yml").write_text(spec.replace("gates:\n", "gates:\n  custom: [{use: 'nothing:Nothing'}]\n"))
    assert "no row was accepted" in refused(capsys, "run", limited)
