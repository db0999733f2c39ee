"""The whole line against a real endpoint on the loopback device: brainstorm, plan, generate, gate, release."""

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from endpoint import Endpoint, Received, Reply, completion
from endpoint_answers import answer_text, sentence

from pairsmith.asking import generate
from pairsmith.cli import main
from pairsmith.factory.chat import request_body
from pairsmith.factory.journal import STEPS, Journal
from pairsmith.run import open_run


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def spec(folder: Path, server: Endpoint, size: int) -> None:
    model = {"base_url": server.base_url, "model": "m", "concurrency": 8}
    text = {
        "size": size,
        "groups": {"sts": 2, "short_short": 1},
        "languages": {"en": 1},
        "models": {"brainstorm": model, "generate": model},
    }
    folder.mkdir(exist_ok=True)
    (folder / "factory.yml").write_text(json.dumps(text))  # JSON is YAML


def test_what_is_recorded_is_what_was_sent_and_nothing_is_asked_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    with Endpoint(answers="json") as server:
        spec(folder, server, 40)
        funnel = call(capsys, "run", folder)["funnel"]
        assert funnel["asked"] == funnel["answered"] == 40
        assert funnel["accepted"] > 20
        sent = Counter(request.prompt for request in server.received)
        with sqlite3.connect(folder / "journal.sqlite") as journal:
            recorded = Counter(prompt for (prompt,) in journal.execute("SELECT prompt FROM asks"))
        assert recorded == sent
        with Journal(folder / "journal.sqlite") as journal:
            asks = [ask for step in STEPS for ask in journal.planned(step)]
        bodies = Counter(json.dumps(request_body(ask), sort_keys=True) for ask in asks)
        assert bodies == Counter(json.dumps(request.body, sort_keys=True) for request in server.received)
        asked = len(server.received)
        call(capsys, "run", folder)
        assert len(server.received) == asked, "nothing is asked again"
        spec(folder, server, 60)
        assert call(capsys, "run", folder)["funnel"]["asked"] == 60
        later = [request.prompt for request in server.received[asked:] if "tasks" not in str(request.body)]
        assert len(later) == 20, "asking for more only appends"
        assert max(Counter(request.prompt for request in server.received).values()) == 1


def test_a_task_knows_the_topic_it_was_asked_for_and_what_is_over_the_cap_is_counted(tmp_path: Path) -> None:
    def script(number: int, request: Received) -> Reply:
        listed = [line.split(" ", 1)[1] for line in request.prompt.splitlines() if "; setting: " in line]
        if not listed:
            return Reply(body=completion(answer_text(request)))
        surplus = (
            [sentence(bytes([number % 256, salt] * 8)) for salt in range(3)]
            if "1." in request.prompt.split("\n")[2]
            else []
        )
        return Reply(body=completion(json.dumps({"tasks": [f"Find {one}" for one in [*listed, *surplus]]})))

    with Endpoint(script) as server:
        spec(tmp_path, server, 400)
        run = open_run(tmp_path)
        generate(run)
    tasks = pq.read_table(tmp_path / "tasks.parquet").to_pylist()
    with_topic = [row for row in tasks if row["topic"]]
    long_answers = {row["request_id"] for row in tasks} - {row["request_id"] for row in with_topic}
    assert with_topic and long_answers
    for row in with_topic:
        _, field, name = row["topic"].split(" / ")
        assert row["task"].startswith(f"Find {field}: {name}; setting: ")
    facts = run.folder.facts("brainstorm")
    assert facts["over_cap"] == 3 * len(long_answers)
    assert facts["found"] == 20 * facts["answered"]


def test_provenance_names_the_model_the_prompt_and_the_tokens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Endpoint(answers="json") as server:
        spec(tmp_path, server, 10)
        call(capsys, "run", tmp_path)
    for row in pq.read_table(tmp_path / "accepted.parquet").to_pylist():
        assert row["model"] == "m"
        assert row["prompt_version"].split("/")[0] == row["group"]
        assert (row["tokens_in"], row["tokens_out"]) == (7, 5)
        assert row["id"] != row["request_id"]
        assert row["unit"] if row["group"] == "sts" else row["unit"] is None


def test_a_service_that_refuses_the_key_ends_the_run_in_one_line_and_keeps_what_came(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(number: int, request: Received) -> Reply:
        return Reply(401) if number >= 12 else Reply()

    with Endpoint(script, answers="json") as server:
        spec(tmp_path, server, 40)
        assert main(["run", str(tmp_path)]) == 2
        line = capsys.readouterr().err.strip().splitlines()[-1]
        assert line.startswith("pairsmith: ")
        assert "401" in line
        before = len(server.received)
    with Endpoint(answers="json") as server:
        text = json.loads((tmp_path / "factory.yml").read_text())
        for model in text["models"].values():
            model["base_url"] = server.base_url
        (tmp_path / "factory.yml").write_text(json.dumps(text))
        assert call(capsys, "run", tmp_path)["funnel"]["asked"] == 40
        assert before >= 12
        assert sum(1 for _ in server.received) <= 40
