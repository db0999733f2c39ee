"""The whole line against a real endpoint on the loopback device: brainstorm, plan, generate, gate, release."""

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from endpoint import Endpoint, Received, Reply

from pairsmith.cli import main


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
        asked = len(server.received)
        call(capsys, "run", folder)
        assert len(server.received) == asked, "nothing is asked again"
        spec(folder, server, 60)
        assert call(capsys, "run", folder)["funnel"]["asked"] == 60
        later = [request.prompt for request in server.received[asked:] if "tasks" not in str(request.body)]
        assert len(later) == 20, "asking for more only appends"
        assert max(Counter(request.prompt for request in server.received).values()) == 1


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
