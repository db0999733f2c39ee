import json
from contextlib import contextmanager

import endpoint
import pytest
from endpoint import Endpoint, Outcome, Reply
from outcomes import store

from pairsmith.batching import Desk, export, submit
from pairsmith.cli import main
from pairsmith.collecting import collect, collect_files
from pairsmith.factory.batch_api import BatchApi
from pairsmith.factory.batches import EXPORTED, SUBMITTING
from pairsmith.factory.chat import Answer, Ask
from pairsmith.factory.errors import RetryError, RunError, SpecError, StopError
from pairsmith.factory.folder import file_digest
from pairsmith.factory.journal import Journal
from pairsmith.factory.ledger import Purse
from pairsmith.factory.spec import BudgetSpec, ModelSpec

STEP = "generate"


def call(capsys, *arguments):
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def write_spec(folder, server):
    model = {"base_url": server.base_url, "model": "m"}
    text = {"size": 20, "groups": {"sts": 1, "short_short": 1}, "languages": {"en": 1}}
    text |= {"models": {"brainstorm": model, "generate": model}, "prices": {"m": {"input": 1, "output": 2}}}
    folder.mkdir()
    (folder / "factory.yml").write_text(json.dumps(text))  # JSON is YAML


def collected(capsys, folder):
    while (found := call(capsys, "batch", "collect", folder))["open"]:
        pass
    return found


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


def ask(number, model="m", schema=None):
    return Ask(f"r{number}", model, {"temperature": 1.0, "max_tokens": 9}, f"prompt {number}", "v1", schema, "0")


@pytest.fixture
def server():
    with Endpoint() as server:
        yield server


@contextmanager
def at_desk(folder, *servers, asks=4, models=("m",), budget=None):
    """A desk with a planned run, as each command opens it anew."""
    pool = tuple(
        ModelSpec(model=model, base_url=server.base_url) for model, server in zip(models, servers, strict=True)
    )
    with Journal(folder / "journal.sqlite") as journal:
        planned = (
            [ask(number, models[number % len(models)]) for number in range(asks)] if isinstance(asks, int) else asks
        )
        journal.expect(planned, STEP)
        purse = Purse(budget or BudgetSpec(), {}, journal.spent())
        yield Desk(folder, journal, {STEP: pool}, lambda step: lambda identity: 100.0, purse)


def batches(server):
    return list(server.batches._batches.values())


def run_to_the_end(desk, looks=9):
    results = [collect(desk) for _ in range(looks)]
    assert results[-1]["open"] == 0
    return results


def texts(journal):
    return {entry.request_id: entry.text for entry in journal.answers(STEP)}


def test_a_batch_goes_out_and_every_answer_comes_in_at_the_batch_price(tmp_path, server):
    with at_desk(tmp_path, server) as desk:
        (file,) = export(desk)["files"]
        assert file["file"] == "batch/generate-m-0001.jsonl"
        assert (file["requests"], file["tokens_out"]) == (4, 400)
        assert submit(desk)["open"] == 1
        assert list(desk.journal.pending(STEP)) == [] and desk.journal.counts(STEP)["in_batch"] == 4
        first, *_, last = run_to_the_end(desk)
        assert first["batches"][0]["status"] == "in_progress" and "of 4 done" in first["batches"][0]["detail"]
        assert last["pending"] == 0
        assert texts(desk.journal) == {f"r{number}": f"answer to prompt {number}" for number in range(4)}
        (spent,) = desk.journal.spent()
        assert (spent.via, spent.answers, spent.tokens_in) == ("batch", 4, 28)
    (batch,) = batches(server)
    assert batch.view["metadata"]["sha256"] == file_digest(tmp_path / file["file"])
    assert dict(server.paid) == {f"prompt {number}": 1 for number in range(4)}


def test_collecting_twice_changes_nothing(tmp_path, server):
    with at_desk(tmp_path, server) as desk:
        export(desk)
        submit(desk)
        run_to_the_end(desk)
        before = (desk.journal.state(STEP), desk.journal.spent(), desk.batches.all(), list(desk.journal.answers(STEP)))
        again = collect(desk)
        assert (again["answered"], again["batches"]) == (0, [])
        files = collect_files(desk, sorted((tmp_path / "batch").glob("*.output.jsonl")))
        assert (files["answered"], files["again"]) == (0, 4)
        after = (desk.journal.state(STEP), desk.journal.spent(), desk.batches.all(), list(desk.journal.answers(STEP)))
        assert before == after


def test_a_partly_answered_batch_gives_up_bad_rows_and_frees_the_rest(tmp_path):
    def script(number, request):
        prompt = request.prompt
        if prompt.endswith("1"):
            return Reply(400, endpoint.error("no", "content_filter"))
        return Reply(500, endpoint.error("oops")) if prompt.endswith("2") else Reply()

    with Endpoint(script) as server, at_desk(tmp_path, server) as desk:
        export(desk)
        submit(desk)
        done = [result for result in run_to_the_end(desk) if result["answered"]]
        assert [(one["answered"], one["failed"], one["waiting"]) for one in done] == [
            (2, {"content_filter": 1}, {"server_error": 1})
        ]
        counts = desk.journal.counts(STEP)
        assert (counts["answered"], counts["failed"]) == (2, {"content_filter": 1})
        assert (counts["pending"], counts["in_batch"]) == (1, 0)
        (file,) = export(desk)["files"]
        assert (file["file"], file["requests"]) == ("batch/generate-m-0002.jsonl", 1)


@pytest.mark.parametrize("ending", ["expired", "cancelled"])
def test_what_an_expired_or_cancelled_batch_has_answered_counts_and_the_rest_is_free(tmp_path, server, ending):
    server.batches.outcome = Outcome(complete_after=3, expire_after=2 if ending == "expired" else None)
    with at_desk(tmp_path, server) as desk:
        export(desk)
        submit(desk)
        collect(desk)
        if ending == "cancelled":
            desk.api(desk.batches.open()[0])._once.batches.cancel(batches(server)[0].view["id"])
        run_to_the_end(desk)
        counts = desk.journal.counts(STEP)
        assert (counts["answered"], counts["pending"], counts["in_batch"]) == (2, 2, 0)
        (batch,) = desk.batches.all()
        assert (batch.status, batch.answered, batch.open) == (ending, 2, False)
        server.batches.outcome = Outcome()
        export(desk)
        submit(desk)
        run_to_the_end(desk)
        assert desk.journal.counts(STEP)["answered"] == 4
    assert set(server.paid.values()) == {1}


def test_a_batch_that_fails_validation_frees_its_asks_and_says_why(tmp_path, server):
    server.batches.outcome = Outcome(fail="too many enqueued tokens")
    with at_desk(tmp_path, server) as desk:
        export(desk)
        submit(desk)
        result = collect(desk)
        assert result["batches"][0]["status"] == "failed"
        assert "too many enqueued tokens" in result["batches"][0]["detail"]
        assert (result["open"], desk.journal.counts(STEP)["in_batch"]) == (0, 0)


def test_a_hopeless_answer_stops_with_one_line_and_what_came_is_kept(tmp_path):
    def script(number, request):
        return Reply(401, endpoint.error("bad key", "invalid_api_key")) if "3" in request.prompt else Reply()

    with Endpoint(script) as server, at_desk(tmp_path, server) as desk:
        export(desk)
        submit(desk)
        with pytest.raises(StopError, match="OPENAI_API_KEY") as stop:
            run_to_the_end(desk)
        assert "\n" not in str(stop.value)
        counts = desk.journal.counts(STEP)
        assert (counts["answered"], counts["pending"], counts["in_batch"]) == (3, 1, 0)
        assert collect(desk)["answered"] == 0


def test_a_feature_that_the_endpoint_refuses_is_left_out_of_the_next_export(tmp_path):
    def script(number, request):
        if "max_tokens" in request.body:
            return Reply(400, endpoint.error("use 'max_completion_tokens' instead", "unsupported_parameter"))
        return Reply()

    with Endpoint(script) as server, at_desk(tmp_path, server) as desk:
        export(desk)
        submit(desk)
        told = [one["detail"] for result in run_to_the_end(desk) for one in result["batches"] if one["detail"]]
        assert "refuses max_tokens" in told[-1]
        assert desk.journal.counts(STEP)["pending"] == 4
        export(desk)
        submit(desk)
        run_to_the_end(desk)
        assert desk.journal.counts(STEP)["answered"] == 4


STEPS = ["hold", "find", "uploaded", "upload", "create"]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("then", ["submit", "collect"])
def test_a_kill_at_any_moment_of_submitting_submits_nothing_twice(tmp_path, server, monkeypatch, step, moment, then):
    with at_desk(tmp_path, server) as desk:
        export(desk)
        owner = type(desk.batches) if step == "hold" else BatchApi
        real = getattr(owner, step)

        def killed(*arguments):
            if moment == "after":
                real(*arguments)
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(owner, step, killed)
            with pytest.raises(Killed):
                submit(desk)
    with at_desk(tmp_path, server) as desk:
        if then == "collect":
            collect(desk)
            known = {(batch.status, bool(batch.remote)) for batch in desk.batches.all()}
            assert known == ({("validating", True)} if batches(server) else {(EXPORTED, False)})
        submit(desk)
        assert len(batches(server)) == 1
        assert submit(desk)["submitted"] == []
        run_to_the_end(desk)
        assert desk.journal.counts(STEP)["answered"] == 4
    assert len(batches(server)) == 1 and set(server.paid.values()) == {1}
    assert sum(file.view["purpose"] == "batch" for file in server.batches._files.values()) == 1


def test_a_kill_while_collecting_loses_nothing(tmp_path, server, monkeypatch):
    server.batches.outcome = Outcome(complete_after=1)
    with at_desk(tmp_path, server) as desk:
        export(desk)
        submit(desk)

        def killed(*arguments, **columns):
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(type(desk.batches), "free", killed)
            with pytest.raises(Killed):
                collect(desk)
    with at_desk(tmp_path, server) as desk:
        assert collect(desk)["open"] == 0
        assert desk.journal.counts(STEP)["answered"] == 4


def test_a_journal_from_before_the_submit_finds_the_batch_that_was_made(tmp_path, server):
    with at_desk(tmp_path, server) as desk:
        export(desk)
    copy = (tmp_path / "journal.sqlite").read_bytes()
    with at_desk(tmp_path, server) as desk:
        submit(desk)
    (tmp_path / "journal.sqlite").write_bytes(copy)
    with at_desk(tmp_path, server) as desk:
        submit(desk)
        assert len(batches(server)) == 1


def test_a_refused_submit_frees_the_asks_and_an_unknown_outcome_keeps_them(tmp_path, server, monkeypatch):
    with at_desk(tmp_path, server) as desk:
        export(desk)

        def refuse(*arguments):
            raise RetryError("cut", "connection")

        with monkeypatch.context() as patch:
            patch.setattr(BatchApi, "create", refuse)
            with pytest.raises(RetryError):
                submit(desk)
        assert desk.batches.all()[0].status == SUBMITTING and desk.journal.counts(STEP)["in_batch"] == 4
        server.batches._files.clear()
        with pytest.raises(StopError):
            submit(desk)
        assert desk.batches.all()[0].status == EXPORTED and desk.journal.counts(STEP)["in_batch"] == 0
        submit(desk)
        assert desk.journal.counts(STEP)["in_batch"] == 4


def test_a_file_that_is_out_of_date_or_changed_is_not_submitted(tmp_path, server):
    with at_desk(tmp_path, server) as desk:
        (file,) = export(desk)["files"]
        store(desk.journal, ask(1).key, Answer("meanwhile", "stop"))
        with pytest.raises(RunError, match="1 of its 4 requests were answered"):
            submit(desk)
        (again,) = export(desk)["files"]
        assert (again["file"], again["requests"]) == (file["file"], 3)
        (tmp_path / again["file"]).write_text("{}")
        with pytest.raises(RunError, match="not as it was written"):
            submit(desk)
    assert not batches(server)


def test_files_go_to_the_endpoint_of_their_model(tmp_path, server):
    with Endpoint() as other, at_desk(tmp_path, server, other, models=("m", "org/other")) as desk:
        assert [file["file"] for file in export(desk)["files"]] == [
            "batch/generate-m-0001.jsonl",
            "batch/generate-org-other-0001.jsonl",
        ]
        submit(desk)
        run_to_the_end(desk)
        assert desk.journal.counts(STEP)["answered"] == 4
        assert set(server.paid) == {"prompt 0", "prompt 2"} and set(other.paid) == {"prompt 1", "prompt 3"}


def test_a_model_that_left_the_spec_is_named_and_its_batch_stays_open(tmp_path, server):
    with at_desk(tmp_path, server) as desk:
        export(desk)
        submit(desk)
    with at_desk(tmp_path, server, models=("new",)) as desk:
        export(desk)
        submit(desk)
        with pytest.raises(SpecError, match="no model 'm' at"):
            run_to_the_end(desk)
        assert [batch.model for batch in desk.batches.open()] == ["m", "new"]
        for _ in range(5):
            with pytest.raises(SpecError):
                collect(desk)
        assert [batch.model for batch in desk.batches.open()] == ["m"], "the others are collected all the same"


def test_limits_split_an_export_and_a_second_export_replaces_what_was_not_submitted(tmp_path, server):
    with at_desk(tmp_path, server, asks=5) as desk:
        first = export(desk, max_requests=2)["files"]
        assert [file["requests"] for file in first] == [2, 2, 1]
        assert [file["tokens_out"] for file in first] == [200, 200, 100]
        size = max(file["bytes"] for file in first)
        assert len(export(desk, max_bytes=size)["files"]) == 3
        (whole,) = export(desk)["files"]
        assert whole["file"] == first[0]["file"]
        assert [path.name for path in (tmp_path / "batch").iterdir()] == ["generate-m-0001.jsonl"]


def test_an_open_batch_is_not_exported_again(tmp_path, server):
    with at_desk(tmp_path, server) as desk:
        export(desk)
        submit(desk)
        found = export(desk)
        assert (found["files"], found["in_batch"]) == ([], 4)
    with at_desk(tmp_path, server, asks=6) as desk:
        (file,) = export(desk)["files"]
        assert (file["file"], file["requests"]) == ("batch/generate-m-0002.jsonl", 2)


def test_no_more_is_exported_than_the_budget_has_room_for_with_what_open_batches_will_take(tmp_path, server):
    one = 100 + round(len("prompt 0") / 4.1)
    with at_desk(tmp_path, server, asks=6, budget=BudgetSpec(tokens=4 * one)) as desk:
        found = export(desk)
        assert ([file["requests"] for file in found["files"]], found["beyond_budget"]) == ([4], 2)
        submit(desk)
    with at_desk(tmp_path, server, asks=6, budget=BudgetSpec(tokens=5 * one)) as desk:
        found = export(desk)
        assert ([file["requests"] for file in found["files"]], found["beyond_budget"]) == ([1], 1)
        assert desk.journal.counts(STEP)["pending"] == 6


def test_the_output_of_vllm_run_batch_comes_in_without_any_server(tmp_path, server):
    with at_desk(tmp_path, server) as desk:
        (file,) = export(desk)["files"]
        keys = [json.loads(line)["custom_id"] for line in (tmp_path / file["file"]).open()]
        body = {"choices": [{"index": 0, "message": {"content": "A"}, "finish_reason": "stop"}]}
        response = {"status_code": 200, "request_id": "vllm-batch-1", "body": body}
        too_long = {"status_code": 400, "request_id": "vllm-batch-2", "body": None}
        lines = [
            {"id": "vllm-1", "custom_id": keys[0], "response": response, "error": None},
            {"id": "vllm-2", "custom_id": keys[1], "response": too_long, "error": "maximum context length is 9"},
            {"id": "vllm-3", "custom_id": "another run's", "response": response, "error": None},
            {"id": "vllm-4", "custom_id": keys[0], "response": response, "error": None},
        ]
        output = tmp_path / "out.jsonl"
        output.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"id": "vllm-5", "cust')
        found = collect_files(desk, [output])
        assert (found["answered"], found["failed"]) == (1, {"context_length": 1})
        assert (found["unknown"], found["again"], found["unreadable"], found["pending"]) == (1, 1, 1, 2)
        assert f"{output}:5: not JSON" in found["bad"][0]
        assert texts(desk.journal) == {"r0": "A"}
        again = collect_files(desk, [output])
        assert (again["answered"], again["failed"], again["again"]) == (0, {}, 3)
    assert not server.paid


def test_a_service_without_a_batch_api_is_said_in_one_line(tmp_path, server, monkeypatch):
    with at_desk(tmp_path, server) as desk:
        export(desk)
        monkeypatch.setattr(server.batches, "handle", lambda request: Reply(404, {"detail": "Not Found"}))
        with pytest.raises(StopError, match="vllm run-batch"):
            submit(desk)
        assert desk.journal.counts(STEP)["in_batch"] == 0


def test_the_key_of_the_service_never_stands_in_a_message_or_a_file(tmp_path, server, monkeypatch):
    key = "sk-test-0123456789abcdef"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with at_desk(tmp_path, server) as desk:
        export(desk)
        monkeypatch.setattr(server.batches, "handle", lambda request: Reply(403, {"error": {"message": f"no, {key}"}}))
        with pytest.raises(StopError) as stop:
            submit(desk)
        assert key not in str(stop.value)
    assert not any(key.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_run_goes_by_batch_files_from_the_tasks_to_the_release(tmp_path, capsys):
    folder = tmp_path / "run"
    with Endpoint(answers="json") as server:
        write_spec(folder, server)
        tasks = call(capsys, "batch", "export", folder)
        assert {file["step"] for file in tasks["files"]} == {"brainstorm"} and "the tasks" in tasks["notes"][0]
        assert call(capsys, "batch", "submit", folder)["next"] == f"pairsmith batch collect {folder}"
        assert call(capsys, "batch", "export", folder)["files"] == []
        assert main(["generate", str(folder)]) == 2
        assert f"pairsmith batch collect {folder}" in capsys.readouterr().err
        assert collected(capsys, folder)["failed"] == {}
        (examples,) = call(capsys, "batch", "export", folder)["files"]
        assert (examples["step"], examples["requests"]) == ("generate", 20)
        assert (
            0 < examples["cost"] == pytest.approx((examples["tokens_in"] + 2 * examples["tokens_out"]) / 2e6, abs=1e-4)
        )
        call(capsys, "batch", "submit", folder)
        assert main(["generate", str(folder)]) == 0
        told = capsys.readouterr().out
        assert "(20 in batches)" in told and f"pairsmith batch collect {folder}" in told
        assert collected(capsys, folder)["next"] == f"pairsmith run {folder}"
        assert call(capsys, "run", folder)["funnel"]["answered"] == 20
        assert not any(request.head for request in server.received), (
            "nothing was asked live: a batch's line has no head"
        )
        assert set(server.paid.values()) == {1}


def test_recorded_answers_are_collected_by_a_run_that_would_ask_a_model(tmp_path, server, capsys):
    folder = tmp_path / "run"
    write_spec(folder, server)
    (file,) = call(capsys, "batch", "export", folder)["files"]
    with Journal(folder / "journal.sqlite") as journal:
        ids = [one.id for one in journal.planned("brainstorm")]
    recorded, output = tmp_path / "recorded.jsonl", tmp_path / "output.jsonl"
    recorded.write_text("".join(json.dumps({"id": name, "completion": f"by {name}"}) + "\n" for name in ids))
    assert call(capsys, "batch", "convert", recorded, output, "--run", folder)["answers"] == file["requests"]
    found = call(capsys, "batch", "collect", folder, output)
    assert (found["answered"], found["unknown"], found["pending"]) == (len(ids), 0, 0)
    call(capsys, "batch", "convert", output, tmp_path / "again.jsonl", "--run", folder)
    again = [json.loads(line) for line in (tmp_path / "again.jsonl").open()]
    assert [(one["id"], one["completion"]) for one in again] == [(name, f"by {name}") for name in ids]
    assert not server.paid


def test_every_batch_command_tells_a_person_what_to_do_next(tmp_path, server, capsys):
    folder = tmp_path / "run"
    write_spec(folder, server)
    for verb, following in (("export", "submit"), ("submit", "collect"), ("collect", "collect"), ("export", "collect")):
        assert main(["batch", verb, str(folder)]) == 0
        assert capsys.readouterr().out.endswith(f"next: pairsmith batch {following} {folder}\n")


def test_a_batch_that_the_service_no_longer_has_frees_its_requests(tmp_path, server):
    with at_desk(tmp_path, server) as desk:
        export(desk)
        submit(desk)
        server.batches._batches.clear()
        found = collect(desk)
        assert (found["batches"][0]["status"], found["open"]) == ("gone", 0)
        assert len(list(desk.journal.pending(STEP))) == 4
