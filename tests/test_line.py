"""The whole line on the shipped recordings, as a user runs it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pairsmith.cli import main
from pairsmith.commands import COMMANDS
from pairsmith.curation.publishable import read_publishable

ROOT = Path(__file__).parent.parent
RECORDED = ROOT / "examples" / "recorded"


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([*map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line for line in captured.err.splitlines() if line.startswith("pairsmith: ")]
    assert len(lines) == 1
    assert "Traceback" not in captured.err
    return lines[0]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The shipped recordings, run once to the end."""
    folder = tmp_path_factory.mktemp("runs") / "demo"
    shutil.copytree(RECORDED, folder)
    assert main(["run", str(folder)]) == 0
    yield folder


def test_the_accounting_identity_holds_and_the_tables_agree_with_it(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    funnel = call(capsys, "run", demo)["funnel"]
    assert funnel["asked"] == 764
    assert (
        funnel["asked"] == funnel["accepted"] + funnel["rejected"] + sum(funnel["failed"].values()) + funnel["pending"]
    )
    accepted, rejected = (pq.read_table(demo / f"{name}.parquet") for name in ("accepted", "rejected"))
    assert (accepted.num_rows, rejected.num_rows) == (funnel["accepted"], funnel["rejected"])
    ids = accepted["request_id"].to_pylist() + rejected["request_id"].to_pylist()
    asked = [json.loads(line)["id"] for line in (RECORDED / "requests.jsonl").open()]
    assert sorted(ids) == sorted(asked)
    raw = {json.loads(line)["id"]: json.loads(line)["completion"] for line in (demo / "completions.jsonl").open()}
    assert all(row["raw"] == raw[row["request_id"]] and row["reasons"] for row in rejected.to_pylist())
    candidates = pq.read_table(demo / "candidates.parquet")
    assert accepted.schema == candidates.schema


def test_every_row_gate_judged_every_text_of_every_parsed_row(demo: Path) -> None:
    verdicts = pq.read_table(demo / "verdicts.parquet")
    parsed = set(pq.read_table(demo / "candidates.parquet")["id"].to_pylist())
    for gate in ("format", "length", "language", "leakage", "privacy"):
        lines = [row for row in verdicts.to_pylist() if row["gate"] == gate]
        assert {row["id"] for row in lines} == parsed
        assert {"query", "positive"} <= {row["field"] for row in lines}
    assert set(verdicts["id"].to_pylist()) == {row["id"] for row in verdicts.to_pylist() if row["gate"] == "parse"}


def test_planted_defects_are_caught_and_sound_rows_kept(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = call(capsys, "score", demo, "--truth", "truth.jsonl")
    share = {kind: found["caught"] / found["total"] for kind, found in report["defects"].items()}
    mechanical = (
        "truncated_json", "missing_key", "wrong_type", "empty_text", "mojibake", "positive_equals_negative", "label_leak",
        "markup_leak", "exact_duplicate", "refusal", "identical_texts", "benchmark_contamination",
    )  # fmt: skip
    assert {kind: share[kind] for kind in mechanical} == dict.fromkeys(mechanical, 1.0)
    for kind in ("near_duplicate", "wrong_language", "placeholder", "query_copied"):
        assert share[kind] >= 0.95, kind
    assert share["too_short"] >= 0.9
    assert share["mixed_language"] >= 0.85
    assert share["explains_relevance"] >= 0.8
    assert report["sound"]["rejected"] <= 0.02 * report["sound"]["total"]
    assert all(found["rejected"] == 0 for found in report["variants"].values())
    assert {"false_negative", "off_topic_positive"} <= report["defects"].keys()


def test_the_release_of_the_demo_may_be_published(demo: Path) -> None:
    assert read_publishable(demo / "releases" / "1.0.0")["terms"].keys() == {"recorded"}


def test_a_second_run_does_nothing(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def state() -> dict[str, int]:
        files = (
            path for path in demo.rglob("*") if path.is_file() and path.name not in (".lock", "journal.sqlite-shm")
        )
        return {str(path): path.stat().st_mtime_ns for path in files}

    before = state()
    call(capsys, "run", demo)
    assert state() == before
    assert set(call(capsys, "status", demo)["stages"].values()) == {"done"}


def test_a_changed_threshold_makes_the_gates_and_what_follows_stale_and_a_new_version(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "demo"
    shutil.copytree(demo, folder)
    spec = (folder / "factory.yml").read_text()
    (folder / "factory.yml").write_text(spec.replace("gates:\n", "gates:\n  duplicates: {enabled: false}\n"))
    states = call(capsys, "status", folder)["stages"]
    assert {name: states[name] for name in ("plan", "generate", "gate")} == {
        "plan": "done", "generate": "done", "gate": "stale",
    }  # fmt: skip
    assert call(capsys, "run", folder)["release"]["version"] == "1.1.0"
    assert (folder / "releases" / "1.0.0").is_dir()


def test_the_same_inputs_give_the_same_release_in_another_folder(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again"
    shutil.copytree(RECORDED, again)
    call(capsys, "run", again)
    manifests = [json.loads((run / "releases/1.0.0/manifest.json").read_text()) for run in (demo, again)]
    assert manifests[0] == manifests[1]
    signatures = [(run / "releases/1.0.0.signatures.parquet").read_bytes() for run in (demo, again)]
    assert signatures[0] == signatures[1]
    (again / "releases/1.0.0.signatures.parquet").write_bytes(b"garbage")
    call(capsys, "run", again)
    assert (again / "releases/1.0.0.signatures.parquet").read_bytes() == signatures[0]


def test_a_damaged_artifact_is_one_line_and_made_again_by_the_next_run(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "demo"
    shutil.copytree(demo, folder)
    (folder / "verdicts.parquet").write_bytes(b"garbage")
    assert "pairsmith run" in refused(capsys, "score", folder, "--truth", "truth.jsonl")
    call(capsys, "run", folder)
    assert (folder / "verdicts.parquet").read_bytes() == (demo / "verdicts.parquet").read_bytes()


def test_without_a_file_of_requests_they_are_drawn_from_the_brainstormed_tasks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(RECORDED / "brainstorm.jsonl", folder)
    text = "size: 50\nbrainstorm: {calls: 4}\nmodels: {brainstorm: {provider: recorded, answers: brainstorm.jsonl}}\n"
    (folder / "factory.yml").write_text(text)
    first = call(capsys, "plan", folder)
    assert first["total"] == 50
    assert first["generate"]["cost"] > 0
    ids = pq.read_table(folder / "requests.parquet")["id"].to_pylist()
    (folder / "factory.yml").write_text(text.replace("50", "80"))
    call(capsys, "plan", folder)
    assert pq.read_table(folder / "requests.parquet")["id"].to_pylist()[:50] == ids


def test_a_new_run_is_planned_without_a_key_and_without_asking(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    call(capsys, "init", tmp_path / "run")
    plan = call(capsys, "plan", tmp_path / "run")
    assert plan["total"] == 1000
    assert plan["brainstorm"]["requests"] > 0
    assert set(plan["by_group"]) == {"short_long", "long_short", "short_short", "long_long", "sts", "bitext"}
    assert not (tmp_path / "run" / "journal.sqlite").exists()
    assert "OPENAI_API_KEY" in refused(capsys, "generate", tmp_path / "run")


def test_changed_recordings_take_effect_at_the_next_run(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "demo"
    shutil.copytree(demo, folder)
    lines = (folder / "completions.jsonl").read_text().rstrip("\n").split("\n")
    first = json.loads(lines[1])
    lines[1] = json.dumps({**first, "completion": "I'm sorry, but I can't help with that."})
    (folder / "completions.jsonl").write_text("\n".join(lines[:-1]) + "\n")
    funnel = call(capsys, "run", folder)["funnel"]
    assert funnel["failed"] == {"not_recorded": 1}
    (failure,) = call(capsys, "status", folder)["failures"]
    assert (failure["request_id"], failure["reason"]) == (json.loads(lines[-1])["id"], "not_recorded")
    assert funnel["asked"] == 764 == funnel["accepted"] + funnel["rejected"] + 1
    rejected = pq.read_table(folder / "rejected.parquet").to_pylist()
    assert ["parse:row:refusal"] in [row["reasons"] for row in rejected if row["request_id"] == first["id"]]


def test_no_accepted_row_is_one_line_and_the_report_still_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = {"id": "a", "group": "sts", "language": "en"}
    (tmp_path / "factory.yml").write_text(
        "requests: r.jsonl\nmodels: {generate: {provider: recorded, answers: c.jsonl}}\n"
    )
    (tmp_path / "r.jsonl").write_text(json.dumps(request))
    (tmp_path / "c.jsonl").write_text(json.dumps({"id": "a", "completion": "no"}))
    assert "no row was accepted" in refused(capsys, "run", tmp_path)
    assert (tmp_path / "report.html").exists()


def test_what_a_command_needs_and_does_not_find_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "pairsmith init" in refused(capsys, "run", tmp_path / "nowhere")
    assert "pairsmith init" in refused(capsys, "run", tmp_path)
    (tmp_path / "factory.yml").write_text("siz: 3")
    assert "did you mean 'size'" in refused(capsys, "plan", tmp_path)
    (tmp_path / "factory.yml").write_text("requests: none.jsonl")
    assert "none.jsonl" in refused(capsys, "plan", tmp_path)
    (tmp_path / "factory.yml").write_text("requests: ../none.jsonl")
    assert "leads out" in refused(capsys, "plan", tmp_path)
    assert "pairsmith generate" in refused(capsys, "gate", tmp_path)
    assert "pairsmith gate" in refused(capsys, "release", tmp_path)
    assert "stays as it is" in refused(capsys, "init", tmp_path)


def test_every_command_has_help_with_an_example_and_stands_in_the_docs(capsys: pytest.CaptureFixture[str]) -> None:
    documented = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for name, command in COMMANDS.items():
        with pytest.raises(SystemExit) as stop:
            main([*name.split(), "--help"])
        assert stop.value.code == 0
        assert f"Example: pairsmith {command.example}" in capsys.readouterr().out
        assert f"## pairsmith {name}" in documented
        assert command.example in documented


def test_an_unknown_command_is_refused_with_exit_code_2() -> None:
    with pytest.raises(SystemExit) as stop:
        main(["relase"])
    assert stop.value.code == 2


def test_a_reader_that_has_enough_is_no_error(demo: Path) -> None:
    command = f"'{sys.executable}' -m pairsmith schema | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stderr == ""
