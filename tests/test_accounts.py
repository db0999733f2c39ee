"""What the accepted rows cost: sums that add up, and one story in the ledger, the status, the report and the card."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from endpoint import Endpoint
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.accounts import read_book
from pairsmith.cli import main
from pairsmith.factory.accounts import Account, Book, dollars
from pairsmith.factory.ledger import Line
from pairsmith.run import open_run

COUNTS = ("requests", "tokens_in", "tokens_out", "tokens_cached", "unpriced", "estimated", "lost")
MODELS, SLICES = ["a", "b"], ["sts/en", "sts/de", "bitext/en-de"]

counts = st.integers(0, 10**7)
lines = st.builds(
    Line,
    model=st.sampled_from(MODELS),
    step=st.sampled_from(["generate", "repair"]),
    slice=st.sampled_from(SLICES),
    via=st.sampled_from(["chat", "batch"]),
    requests=counts,
    tokens_in=counts,
    tokens_out=counts,
    tokens_cached=counts,
    usd=st.none() | st.floats(0, 1000),
    estimated=counts,
    lost=counts,
) | st.builds(
    Line,
    model=st.sampled_from([*MODELS, "c"]),
    step=st.just("brainstorm"),
    slice=st.sampled_from(["sts", "bitext"]),
    via=st.just("chat"),
    requests=counts,
    tokens_in=counts,
    tokens_out=counts,
    tokens_cached=st.just(0),
    usd=st.floats(0, 1000),
    estimated=counts,
    lost=counts,
)
rows = st.dictionaries(st.tuples(st.sampled_from(MODELS), st.sampled_from(SLICES)), st.integers(1, 1000))


@given(st.lists(lines), rows, st.sets(st.sampled_from(["model", "step", "slice"])))
def test_the_parts_sum_to_the_whole_however_they_are_cut(lines: list[Line], rows: Any, names: Any) -> None:
    book = Book(lines, rows)
    whole, parts = book.total(), book.by(*sorted(names))
    for name in COUNTS:
        assert sum(getattr(part, name) for part in parts) == getattr(whole, name)
    assert math.isclose(sum(part.usd or 0 for part in parts), whole.usd or 0, abs_tol=1e-9)
    assert (whole.usd is None) == all(part.usd is None for part in parts)
    assert sum(book.models().values()) == whole.accepted == sum(rows.values())
    assert [part.usd or 0 for part in parts] == sorted((part.usd or 0 for part in parts), reverse=True)


@given(st.lists(lines, max_size=8), rows)
def test_a_line_works_for_the_rows_of_its_model_and_slice_and_a_brainstorm_for_those_of_its_group(
    lines: list[Line], rows: Any
) -> None:
    for one in Book(lines, rows).by("model", "step", "slice"):
        mine = {
            key: count
            for key, count in rows.items()
            if (key[1].startswith(f"{one.slice}/") if one.step == "brainstorm" else key == (one.model, one.slice))
        }
        assert one.accepted == sum(mine.values())


@given(st.floats(0, 1e6))
def test_what_is_not_nothing_is_never_shown_as_nothing(usd: float) -> None:
    shown = float(dollars(usd).replace("$", "").replace(",", ""))
    assert (shown == 0) == (usd == 0)
    assert math.isclose(shown, usd, rel_tol=0.0051)


def spec(folder: Path, server: Endpoint, size: int, prices: dict[str, Any], languages: dict[str, int]) -> None:
    model = {"base_url": server.base_url, "concurrency": 8}
    generate = [{**model, "model": "small", "weight": 3}, {**model, "model": "large"}]
    text = {
        "size": size,
        "groups": {"sts": 2, "short_short": 1},
        "languages": languages,
        "models": {"brainstorm": {**model, "model": "small"}, "generate": generate},
        "prices": prices,
    }
    (folder / "factory.yml").write_text(json.dumps(text))


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


PRICES = {"small": {"input": 1.0, "output": 2.0}, "large": {"input": 10.0, "output": 20.0}}


def test_the_ledger_is_the_bill_of_the_endpoint_in_every_place_that_shows_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Endpoint(answers="json", malformed=0.2) as server:
        spec(tmp_path, server, 60, PRICES, {"en": 1})
        call(capsys, "run", tmp_path)
        spec(tmp_path, server, 60, PRICES, {"en": 1, "de": 1})  # some of what was paid is planned no more
        made = call(capsys, "run", tmp_path)
        stats = server.stats()
        models = [request.body["model"] for request in server.received]
    told = json.loads((tmp_path / "ledger.json").read_text())
    total = told["total"]
    assert total["requests"] == stats["answered"] == len(models)
    assert (total["tokens_in"], total["tokens_out"]) == (stats["tokens_in"], stats["tokens_out"])
    bill = sum((7 * PRICES[name]["input"] + 5 * PRICES[name]["output"]) / 1e6 for name in models)
    assert math.isclose(total["usd"], bill)
    for part in ("by_step", "by_slice"):
        assert sum(one["requests"] for one in told[part]) == total["requests"]
        assert math.isclose(sum(one["usd"] for one in told[part]), bill)
    assert {one["step"] for one in told["by_step"]} == {"brainstorm", "generate", "repair"}
    accepted = pq.read_table(tmp_path / "accepted.parquet")
    assert sum(told["accepted_by_model"].values()) == total["accepted"] == accepted.num_rows
    assert math.isclose(total["usd_per_accepted"], bill / accepted.num_rows)
    paid = {name: made["paid"][name] for name in total}
    assert paid == total
    status = call(capsys, "status", tmp_path)
    assert status["paid"] == made["paid"] and set(status["stages"].values()) == {"done"}
    release = tmp_path / made["release"]["path"]
    assert json.loads((release / "manifest.json").read_text())["ledger"] == told["by_step"]
    card = (release / "README.md").read_text()
    last = f"| {dollars(bill)} | {dollars(bill / accepted.num_rows)} |"
    assert f"| all | | {len(models):,} | {stats['tokens_in']:,} |" in card and last in card
    assert server.base_url not in card
    page = (tmp_path / "report.html").read_text()
    cost = page[page.index('<section id="cost"') : page.index('<section id="lengths"')]
    assert cost.count(f'<td class="n">{dollars(bill)}</td>') == 2  # under both tables
    assert f'<td class="n">{len(models):,}</td>' in cost


def test_a_new_price_makes_the_report_stale_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Endpoint(answers="json") as server:
        spec(tmp_path, server, 20, {}, {"en": 1})
        assert call(capsys, "run", tmp_path)["paid"]["usd"] is None
        asked = len(server.received)
        assert main(["status", str(tmp_path)]) == 0
        line = next(one for one in capsys.readouterr().out.splitlines() if one.startswith("paid "))
        assert re.fullmatch(rf"paid price unknown, {12 * asked} tokens in {asked} requests \(.*\)", line)
        spec(tmp_path, server, 20, PRICES, {"en": 1})
        states = call(capsys, "status", tmp_path)["stages"]
        assert {name for name, state in states.items() if state != "done"} == {"report"}
        assert call(capsys, "run", tmp_path)["paid"]["usd"] > 0
        assert len(server.received) == asked


def test_a_run_that_asked_nothing_has_an_empty_book(tmp_path: Path) -> None:
    (tmp_path / "factory.yml").write_text("size: 10\n")
    assert read_book(open_run(tmp_path)).total() == Account(None, None, None, 0, 0, 0, 0, None, 0, 0, 0, 0)
    assert not (tmp_path / "journal.sqlite").exists()
