"""The whole line until the target or a cap is met: rounds, repairs, pools of models, budgets, against a real endpoint."""

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from endpoint import Endpoint, Received, Reply, completion, error
from endpoint_answers import answer_text

from pairsmith.cli import main

REFUSAL = completion("I'm sorry, but I can't help with that.")


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def spec(folder: Path, models: Any, size: int, **more: Any) -> Path:
    text = {
        "size": size,
        "groups": {"sts": 2, "short_short": 1},
        "languages": {"en": 1},
        "models": models,
        **more,
    }
    folder.mkdir(exist_ok=True)
    (folder / "factory.yml").write_text(json.dumps(text))  # JSON is YAML
    return folder


def both(server: Endpoint, **more: Any) -> dict[str, Any]:
    model = {"base_url": server.base_url, "model": "m", "concurrency": 8, **more}
    return {"brainstorm": model, "generate": model}


def obedient(request: Received) -> Reply:
    return Reply(body=completion(answer_text(request)))


def refuses(share: int) -> Any:
    """Of the requests for examples that come in, refuse the first ``share`` of every ten."""
    seen = Counter[str]()

    def script(number: int, request: Received) -> Reply:
        if "tasks" in str(request.body.get("response_format")):
            return obedient(request)
        seen["examples"] += 1
        return Reply(body=REFUSAL) if seen["examples"] % 10 < share else obedient(request)

    return script


def recorded(run: Path) -> Counter[str]:
    """Prompts as the journal has them; one may be asked for several draws."""
    with sqlite3.connect(run / "journal.sqlite") as journal:
        return Counter(prompt for (prompt,) in journal.execute("SELECT prompt FROM asks"))


def identity(funnel: dict[str, Any]) -> None:
    failed = sum(funnel["failed"].values())
    assert funnel["asked"] == funnel["accepted"] + funnel["rejected"] + failed + funnel["pending"]


def test_the_size_is_a_number_of_accepted_rows_by_group_and_language(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Endpoint(refuses(4)) as server:
        run = spec(tmp_path / "run", both(server), 60)
        funnel = call(capsys, "run", run)["funnel"]
        identity(funnel)
        assert funnel["accepted"] == funnel["target"]["wanted"] == 60 and not funnel["target"]["missing"]
        assert funnel["target"]["rounds"] >= 2 and funnel["asked"] > 60
        seats = [row for row in pq.read_table(run / "requests.parquet").to_pylist() if row["parent"] is None]
        accepted = pq.read_table(run / "accepted.parquet").to_pylist()
        assert Counter(row["group"] for row in accepted) == Counter(row["group"] for row in seats)
        assert recorded(run) == Counter(request.prompt for request in server.received)
        keys = {row["id"]: row["parent"] for row in accepted}
        again = [parent for parent in keys.values() if parent]
        rejected = set(pq.read_table(run / "rejected.parquet")["id"].to_pylist())
        assert again and set(again) <= rejected
        paid = len(server.received)
        call(capsys, "run", run)
        assert len(server.received) == paid, "a target that is met asks nothing"


def test_rows_beyond_the_target_are_kept_and_taken_in_by_a_larger_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Endpoint(refuses(6)) as server:
        run = spec(tmp_path / "run", both(server), 60, candidates=10)
        funnel = call(capsys, "run", run)["funnel"]
        identity(funnel)
        surplus = next(gate for gate in funnel["gates"] if gate["gate"] == "target")["reasons"].get("surplus", 0)
        assert funnel["accepted"] == 60
        before = {row["id"] for row in pq.read_table(run / "accepted.parquet").to_pylist()}
        server._script = lambda number, request: Reply(400, error("no more"))
        spec(run, both(server), 75, candidates=1)
        grown = call(capsys, "run", run)["funnel"]
        identity(grown)
        assert before <= {row["id"] for row in pq.read_table(run / "accepted.parquet").to_pylist()}
        assert grown["accepted"] == min(75, 60 + surplus)


def test_a_cap_on_candidates_ends_the_rounds_and_what_is_missing_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Endpoint(refuses(10)) as server:
        run = spec(tmp_path / "run", both(server), 20, candidates=2)
        assert main(["run", str(run)]) == 2
        captured = capsys.readouterr()
        assert "no row was accepted" in captured.err and "round 2: 20 of 20 rows are missing" in captured.err
        examples = [one for one in server.received if "tasks" not in str(one.body.get("response_format"))]
        assert len(examples) <= 2 * 20 + 2
        server._script = refuses(5)
        spec(run, both(server), 40, candidates=1.2)
        assert main(["run", str(run)]) == 0
        shown = capsys.readouterr().out
        assert "wanted rows" in shown and "missing: " in shown


def test_an_answer_that_does_not_parse_is_asked_for_again_with_its_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(number: int, request: Received) -> Reply:
        text = answer_text(request)
        broken = "could not be used" not in request.prompt and "tasks" not in str(request.body)
        return Reply(body=completion(text[: len(text) // 2] if broken else text))

    with Endpoint(script) as server:
        run = spec(tmp_path / "run", both(server), 12, candidates=1)
        funnel = call(capsys, "run", run)["funnel"]
        identity(funnel)
        assert funnel["asked"] == funnel["answered"] == 12 and funnel["accepted"] >= 10
        repairs = [one for one in server.received if "could not be used" in one.prompt]
        assert len(repairs) == 12 and all("it breaks off before its end" in one.prompt for one in repairs)
        with sqlite3.connect(run / "journal.sqlite") as journal:
            lineage = dict(journal.execute("SELECT key, parent FROM asks WHERE step = 'repair'"))
            first = {key for (key,) in journal.execute("SELECT key FROM asks WHERE step = 'generate'")}
        assert set(lineage.values()) == first
        assert recorded(run) == Counter(one.prompt for one in server.received)
        for row in pq.read_table(run / "accepted.parquet").to_pylist():
            assert row["id"] in first, "a row keeps its identity through a repair"
            assert row["prompt_version"].startswith("repair/revise-") and row["tokens_in"] == 14
        paid = len(server.received)
        call(capsys, "run", run)
        assert len(server.received) == paid


def test_repairs_end_after_so_many_tries_and_can_repeat_the_request_instead(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(number: int, request: Received) -> Reply:
        return obedient(request) if "tasks" in str(request.body) else Reply(body=completion('{"S1": '))

    with Endpoint(script) as server:
        run = spec(tmp_path / "run", both(server), 4, candidates=1, repair={"attempts": 2, "mode": "again"})
        assert main(["run", str(run)]) == 2
        examples = [one.prompt for one in server.received if "tasks" not in str(one.body)]
        assert len(examples) == 4 * 3 and sum("could not be used" in one for one in examples) == 8
        assert not any("~~~" in one for one in examples)


def test_a_pool_shares_the_requests_by_weight_and_each_row_says_who_wrote_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Endpoint(answers="json") as one, Endpoint(answers="json") as two, Endpoint(answers="json") as three:
        pool = [
            {"base_url": one.base_url, "model": "small", "weight": 3},
            {"base_url": two.base_url, "model": "large", "weight": 1},
            {"base_url": three.base_url, "model": "large", "weight": 1, "concurrency": 1},
        ]
        models = {"brainstorm": {"base_url": three.base_url, "model": "thinker"}, "generate": pool}
        run = spec(tmp_path / "run", models, 200, candidates=1)
        call(capsys, "run", run)
        asked = {
            name: [r.body["model"] for r in server.received]
            for name, server in zip("123", (one, two, three), strict=True)
        }
        assert set(asked["1"]) == {"small"} and set(asked["2"]) == {"large"} and set(asked["3"]) == {"large", "thinker"}
        share = Counter(row["model"] for row in pq.read_table(run / "requests.parquet").to_pylist())
        assert share["small"] == pytest.approx(150, abs=25) and share["small"] + share["large"] == 200
        rows = pq.read_table(run / "accepted.parquet").to_pylist()
        assert {row["model"] for row in rows} == {"small", "large"}
        asked_of = {row["id"]: row["model"] for row in pq.read_table(run / "requests.parquet").to_pylist()}
        assert all(row["model"] == asked_of[row["request_id"]] for row in rows)


def test_a_slow_model_of_a_pool_holds_up_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Endpoint(answers="json") as quick, Endpoint(answers="json", latency=0.3) as slow:
        pool = [
            {"base_url": quick.base_url, "model": "quick", "weight": 9},
            {"base_url": slow.base_url, "model": "slow", "weight": 1, "concurrency": 1},
        ]
        run = spec(tmp_path / "run", {"brainstorm": pool[0], "generate": pool}, 100, candidates=1)
        call(capsys, "run", run)
        last_quick = max(one.at for one in quick.received)
        assert sum(one.at > last_quick for one in slow.received) >= 3


@pytest.mark.parametrize("budget", [{"tokens": 600}, {"usd": 0.00006}])
def test_a_budget_is_kept_to_and_the_rest_waits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], budget: dict[str, float]
) -> None:
    prices = {"m": {"input": 0.1, "output": 0.1}}
    with Endpoint(answers="json", latency=0.01) as server:
        run = spec(tmp_path / "run", both(server), 120, candidates=1, budget=budget, prices=prices)
        funnel = call(capsys, "run", run)["funnel"]
        identity(funnel)
        paid = 12 * server.paid.total()
        assert 600 - 2 * 12 <= paid <= 600 + 8 * 12
        assert funnel["pending"] > 60 and funnel["asked"] == 120
        assert (
            "the budget is spent"
            in json.loads((run / "manifest.json").read_text())["stages"]["generate"]["facts"]["held"]
        )
        with sqlite3.connect(run / "journal.sqlite") as journal:
            assert journal.execute("SELECT count(*) FROM plan WHERE step = 'generate'").fetchone() == (120,)
        before = server.paid.total()
        call(capsys, "run", run)
        assert server.paid.total() == before, "what is spent is spent in the next run too"
        spec(run, both(server), 120, candidates=1)
        assert call(capsys, "run", run)["funnel"]["pending"] == 0
        assert recorded(run) == server.paid


def test_a_repair_that_failed_for_a_passing_fault_is_asked_again_by_the_next_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pairsmith.factory.lanes.FIRST_WAIT", 0.01)
    down = True

    def script(number: int, request: Received) -> Reply:
        if "could not be used" in request.prompt:
            return Reply(500) if down else obedient(request)
        return obedient(request) if "tasks" in str(request.body) else Reply(body=completion('{"S1": '))

    with Endpoint(script) as server:
        run = spec(tmp_path / "run", both(server, retries=1), 6, candidates=1)
        assert main(["run", str(run)]) == 2
        capsys.readouterr()
        down = False
        funnel = call(capsys, "run", run)["funnel"]
        identity(funnel)
        assert funnel["accepted"] == 6
        assert server.paid == recorded(run)


def test_another_way_of_repairing_leaves_what_is_mended_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(number: int, request: Received) -> Reply:
        broken = "could not be used" not in request.prompt and "tasks" not in str(request.body)
        return Reply(body=completion('{"S1": ')) if broken else obedient(request)

    with Endpoint(script) as server:
        run = spec(tmp_path / "run", both(server), 8, candidates=1)
        call(capsys, "run", run)
        before, paid = pq.read_table(run / "accepted.parquet").to_pylist(), server.paid.total()
        spec(run, both(server), 8, candidates=1, repair={"mode": "again"})
        call(capsys, "run", run)
        assert server.paid.total() == paid
        assert pq.read_table(run / "accepted.parquet").to_pylist() == before


def test_a_changed_plan_that_breaks_off_is_judged_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Endpoint(answers="json") as server:
        run = spec(tmp_path / "run", both(server), 20, candidates=1)
        call(capsys, "run", run)
        asked = len(server.received)
        server._script = lambda number, request: Reply(401) if number >= asked + 6 else obedient(request)
        spec(run, both(server), 20, candidates=1, seed=1)
        assert main(["generate", str(run)]) == 2
        capsys.readouterr()
        funnel = call(capsys, "gate", run)
        identity(funnel)
        assert funnel["asked"] == 20 and funnel["answered"] < 20 and funnel["pending"] > 0
        planned = set(pq.read_table(run / "requests.parquet")["id"].to_pylist())
        assert set(pq.read_table(run / "candidates.parquet")["request_id"].to_pylist()) <= planned


def test_a_task_that_comes_late_changes_no_request_that_was_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pairsmith.factory.lanes.FIRST_WAIT", 0.01)
    failing = ""

    def script(number: int, request: Received) -> Reply:
        nonlocal failing
        if "tasks" in str(request.body) and not failing:
            failing = request.prompt
        return Reply(500) if request.prompt == failing and late is False else obedient(request)

    late = False
    with Endpoint(script) as server:
        run = spec(tmp_path / "run", both(server, retries=0, concurrency=1), 60, candidates=1, brainstorm={"calls": 3})
        call(capsys, "run", run)
        before = {row["id"] for row in pq.read_table(run / "requests.parquet").to_pylist()}
        late = True
        call(capsys, "run", run)
        after = {row["id"] for row in pq.read_table(run / "requests.parquet").to_pylist()}
        assert pq.read_table(run / "tasks.parquet").num_rows > 40
        assert before <= after


def test_requests_of_a_file_in_the_same_words_are_several_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Endpoint(answers="json") as server:
        text = {"requests": "r.jsonl", "models": both(server)}
        (tmp_path / "factory.yml").write_text(json.dumps(text))
        passage = "A long passage about bridges and the rivers below them, told by an old engineer. " * 4
        lines = [
            {"id": f"r{n}", "group": "short_long", "language": "en", "passage": passage, "document": f"d{n}", "template": "a"}
            for n in range(12)
        ]  # fmt: skip
        (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, lines)))
        counts = call(capsys, "generate", tmp_path)
        assert (counts["asked"], counts["answered"], counts["pending"]) == (12, 12, 0)


def test_a_request_of_a_file_that_names_an_unknown_model_or_template_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Endpoint(answers="json") as server:
        (tmp_path / "factory.yml").write_text(json.dumps({"requests": "r.jsonl", "models": both(server)}))
        for extra, told in (({"model": "n"}, "no model 'n'"), ({"template": "nope"}, "no template 'nope'")):
            (tmp_path / "r.jsonl").write_text(json.dumps({"id": "a", "group": "sts", "language": "en", **extra}))
            assert main(["generate", str(tmp_path)]) == 2
            assert told in capsys.readouterr().err
        assert not server.received


def test_status_says_that_a_larger_cap_leaves_something_to_ask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Endpoint(refuses(5)) as server:
        run = spec(tmp_path / "run", both(server), 20, candidates=1)
        call(capsys, "run", run)
        assert call(capsys, "status", run)["next"].startswith("nothing")
        spec(run, both(server), 20, candidates=5)
        assert call(capsys, "status", run)["next"] == f"pairsmith run {run}"
