"""How many rows must be looked at: least sizes against slow sums, chances of the bound against simulation, and the command."""

import json
from itertools import islice
from math import ceil, comb
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from recordings import QUICK, answer, record

from pairsmith.cli import main
from pairsmith.curation.acceptance import PRIOR, Prior, least_at, shows_fewer
from pairsmith.curation.sample_size import Planned, any_time, planned, shown_by
from pairsmith.show_reviewing import plan_review


def binomial(hits: int, rows: int, rate: float) -> float:
    return sum(comb(rows, k) * rate**k * (1 - rate) ** (rows - k) for k in range(hits + 1))


def hypergeometric(hits: int, rows: int, population: int, defective: int) -> float:
    ways = (comb(defective, k) * comb(population - defective, rows - k) for k in range(min(hits, rows) + 1))
    return sum(ways) / comb(population, rows)


def smallest(most: int, at_limit, at_expected) -> tuple[int, int] | None:
    """The first size, and the number of defects, that keep both chances, by trying all of them."""
    for rows in range(1, most + 1):
        sound = [hits for hits in range(rows) if at_limit(hits, rows) <= 0.05 + 1e-12]
        if sound and at_expected(max(sound), rows) >= 0.8:
            return rows, max(sound)
    return None


@pytest.mark.parametrize(("limit", "expected"), [(0.05, 0.0), (0.05, 0.0125), (0.1, 0.02), (0.2, 0.1), (0.5, 0.25)])
def test_a_planned_size_is_the_least_that_keeps_both_chances(limit: float, expected: float) -> None:
    found = planned(None, limit, 0.95, expected)
    assert found is not None
    assert (found.rows, found.allowed) == smallest(
        200, lambda hits, rows: binomial(hits, rows, limit), lambda hits, rows: binomial(hits, rows, expected)
    )
    assert found.power == pytest.approx(binomial(found.allowed, found.rows, expected))


@pytest.mark.parametrize(("population", "limit", "expected"), [(30, 0.05, 0.0), (60, 0.1, 0.02), (150, 0.1, 0.03)])
def test_a_planned_size_of_a_small_population_counts_its_rows(population: int, limit: float, expected: float) -> None:
    found = planned(population, limit, 0.95, expected)
    assert found is not None
    at_limit, at_expected = ceil(limit * population), int(expected * population)
    assert (found.rows, found.allowed) == smallest(
        population,
        lambda hits, rows: hypergeometric(hits, rows, population, at_limit),
        lambda hits, rows: hypergeometric(hits, rows, population, at_expected),
    )


def test_known_sizes() -> None:
    assert planned(None, 0.05, 0.95, 0.0) == Planned(59, 0, 1.0)  # the least n with 0.95 ** n <= 0.05
    assert planned(10**7, 0.05, 0.95, 0.0) == Planned(59, 0, 1.0)
    assert any_time(10**7, 0.05, 0.95, 0.0) == [72, 72]


def test_sizes_that_nobody_could_review_are_none() -> None:
    assert planned(None, 0.05, 0.95, 0.0499) is None
    assert any_time(10**7, 0.00001, 0.95, 0.0) == [None, None]


@pytest.mark.parametrize("population", [20, 50, 500, 20_000])
@pytest.mark.parametrize("prior", [PRIOR, Prior(1, 1), Prior(1, 200)])
def test_by_exact_chances_too_the_bound_never_accepts_bad_rows_more_often_than_said(
    population: int, prior: Prior
) -> None:
    for limit in (0.02, 0.05, 0.2):
        bad = least_at(population, limit)
        *_, (_, shown) = islice(shown_by(population, limit, 0.95, bad, prior), 1_500)
        assert shown <= 0.05


def test_chances_of_the_bound_are_those_of_simulated_reviews() -> None:
    population, defective, limit, runs = 400, 8, 0.08, 20_000
    random, most = np.random.default_rng(3), -1
    hits, left, done = np.zeros(runs, int), np.full(runs, defective), np.zeros(runs, bool)
    for (rows, shown), row in zip(shown_by(population, limit, 0.95, defective), range(120), strict=False):
        hit = random.random(runs) * (population - row) < left
        left, hits = left - hit, hits + hit
        while most < rows and shows_fewer(population, rows, most + 1, limit, 0.95):
            most += 1
        done |= hits <= most
        assert shown == pytest.approx(done.mean(), abs=0.015)
    assert done.mean() > 0.5


def test_all_rows_of_a_small_population_show_what_is_so() -> None:
    rows, shown = list(shown_by(40, 0.1, 0.95, 3))[-1]
    assert (rows, shown) == (40, pytest.approx(1.0))


ROWS = 120


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 120 accepted rows from a file."""
    return gated(tmp_path_factory.mktemp("runs"), ROWS)


def gated(folder: Path, rows: int, **review: object) -> Path:
    texts = {
        "query": [f"word{n} asks for what" for n in range(rows)],
        "positive": [f"what is known of word{n} is that it follows word{n - 1}" for n in range(rows)],
    }
    pq.write_table(pa.table(texts), folder / "mine.parquet")
    entry = {"path": "mine.parquet", "group": "sts", "language": "en", "instruction": "Find the answer."}
    (folder / "factory.yml").write_text(json.dumps({"pairs": [entry], "gates": QUICK, "review": review}))
    assert main(["gate", str(folder)]) == 0
    return folder


def plan(capsys: pytest.CaptureFixture[str], run: Path, *more: str) -> dict:
    capsys.readouterr()
    assert main(["review", "plan", str(run), "--json", *more]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_command_says_how_many_rows_and_hours_and_what_comes_next(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = plan(capsys, run)
    assert (found["population"], found["limit"], found["confidence"], found["expected"]) == (ROWS, 0.05, 0.95, 0.0125)
    assert found["planned"]["rows"] == planned(ROWS, 0.05, 0.95, 0.0125).rows
    assert found["planned_of_any_population"]["rows"] == planned(None, 0.05, 0.95, 0.0125).rows
    assert [one["rows"] for one in found["any_time"]] == any_time(ROWS, 0.05, 0.95, 0.0125)
    assert found["any_time"][1]["hours"] == round(found["any_time"][1]["rows"] / 180, 2)
    assert found["sample"] == 2 * found["any_time"][1]["rows"]  # half of a sample are random rows
    assert main(["review", "plan", str(run)]) == 0
    shown = capsys.readouterr().out
    assert f"{found['planned']['rows']} rows" in shown
    assert f"next: pairsmith review push {run} --sample {found['sample']}" in shown


def test_what_the_command_is_told_goes_before_the_spec_and_the_spec_before_the_default(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = gated(tmp_path, 30, max_defect_rate=0.2, confidence=0.9)
    assert [plan(capsys, run)[name] for name in ("limit", "confidence", "expected")] == [0.2, 0.9, 0.05]
    told = plan(capsys, run, "--max-defect-rate", "0.1", "--confidence", "0.8", "--expected", "0")
    assert [told[name] for name in ("limit", "confidence", "expected")] == [0.1, 0.8, 0.0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--expected", "0.05"), "--expected 0.05 is not below --max-defect-rate 0.05"),
        (("--max-defect-rate", "0"), "give a share above 0"),
        (("--confidence", "0.5"), "give a share above 0.5"),
    ],
)
def test_what_no_sample_can_show_is_refused_in_one_line(
    run: Path, options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["review", "plan", str(run), *options]) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1


@pytest.mark.parametrize("value", ["5%", "1", "-0.1", "nan"])
def test_what_is_no_share_is_refused(run: Path, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["review", "plan", str(run), "--max-defect-rate", value])
    assert stop.value.code == 2
    assert f"'{value}' is no share" in capsys.readouterr().err


def test_where_nothing_was_judged_or_accepted_the_command_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = record(tmp_path / "none", [answer(6)])
    assert main(["generate", str(run)]) == main(["gate", str(run)]) == 0
    capsys.readouterr()
    assert main(["review", "plan", str(run)]) == 2
    assert "no row was accepted" in capsys.readouterr().err
    (run / "accepted.parquet").unlink()
    assert main(["review", "plan", str(run)]) == 2
    assert "pairsmith gate" in capsys.readouterr().err


def test_more_than_people_could_do_is_said(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = plan(capsys, run)
    never = {"chance": 0.5, "rows": None, "hours": None}
    shown = plan_review({**found, "planned": None, "any_time": [never]})
    assert "no size is enough" in shown
    assert "more than people could do  enough" in shown
