"""What goes wrong between a run and the real Argilla server: one clear line, nothing lost, the next run completes."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from argilla_fixture import Served, serving
from argilla_people import Person, copied, datasets, lines, of_run, records, silent

from pairsmith.curation import argilla as reviewing
from pairsmith.curation.review_form import form_version
from pairsmith.factory.errors import RunError
from pairsmith.reviewing import pull, push
from pairsmith.run import open_run

pytestmark = pytest.mark.slow

BROKEN = r"nothing answers there|the connection broke"


def test_a_key_that_nobody_knows_or_that_may_not_is_refused_and_nothing_is_changed(
    server: Served, recorded: Path, tmp_path: Path, call: Any, refused: Any
) -> None:
    run = copied(recorded, tmp_path / "run", "keys")
    wrong = ("--url", server.url, "--api-key", "wrong-key")
    told = refused("review", "push", run, "--sample", 100, *wrong)
    assert "the server knows no such key" in told and "wrong-key" not in told
    assert "nothing was shown to people yet" in refused("review", "pull", run)
    annotator = server.reviewers["ann"].api_key
    assert "the key's user may not do that" in refused("review", "push", run, "--sample", 20, "--api-key", annotator)
    assert "keys" not in datasets(server)
    told = refused("review", "pull", run, *wrong)
    assert "the server knows no such key" in told and "wrong-key" not in told
    pushed = call("review", "push", run, "--sample", 20)
    assert sum(pushed["parts"].values()) == 20, "what a server refused makes no sample the larger"


def test_a_workspace_that_is_not_there_is_made_by_an_owner_and_else_named_with_those_there_are(
    server: Served, recorded: Path, tmp_path: Path, call: Any, refused: Any
) -> None:
    run = copied(
        recorded, tmp_path / "run", "places", "\nreview: {reviewers: [ann, zoe], workspace: team-a, sample: 20}\n"
    )
    annotator = server.reviewers["ann"].api_key
    told = refused("review", "push", run, "--api-key", annotator)
    assert "no workspace 'team-a'" in told
    assert "there are: 'curation'" in told
    pushed = call("review", "push", run)
    assert pushed["workspace_is_new"]
    assert pushed["absent"] == ["zoe"]  # ann was added to it
    spec = run / "factory.yml"
    spec.write_text(spec.read_text().replace("team-a", "team-b"))
    assert "no workspace 'team-b' (did you mean 'team-a'?)" in refused("review", "pull", run)


def questions_of(server: Served, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.call("GET", f"datasets/{datasets(server)[name]}/questions")["items"]
    return found


def remake(server: Served, name: str, change: Any) -> None:
    """Somebody deletes the dataset and makes one of the same name, with questions changed by ``change``."""
    there = questions_of(server, name)
    fields = server.call("GET", f"datasets/{datasets(server)[name]}/fields")["items"]
    workspace = server.call("GET", f"datasets/{datasets(server)[name]}")["workspace_id"]
    server.call("DELETE", f"datasets/{datasets(server)[name]}")
    made = server.call("POST", "datasets", json={"name": name, "workspace_id": workspace})["id"]
    for field in fields:
        keys = ("name", "title", "required", "settings")
        server.call("POST", f"datasets/{made}/fields", json={key: field[key] for key in keys})
    for question in change(there):
        keys = ("name", "title", "description", "required", "settings")
        server.call("POST", f"datasets/{made}/questions", json={key: question[key] for key in keys})
    server.call("PUT", f"datasets/{made}/publish")


def test_questions_that_someone_changed_are_named_and_a_new_dataset_goes_on(
    server: Served, recorded: Path, tmp_path: Path, call: Any, refused: Any
) -> None:
    run = copied(recorded, tmp_path / "run", "changed", "\nreview: {reviewers: [ann], sample: 20}\n")
    call("review", "push", run)
    Person(server, "ann").answer(records(server, "changed")[0], decision="keep")
    call("review", "pull", run)
    remake(server, "changed", lambda there: [one for one in there if one["name"] != "wrong"])
    told = refused("review", "push", run)
    assert "dataset 'changed' of workspace 'curation' was changed: the question 'wrong' is not there" in told
    assert "delete it there and push again" in told
    assert records(server, "changed") == []

    def without_decision(there: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [one | ({"name": "verdict"} if one["name"] == "decision" else {}) for one in there]

    remake(server, "changed", without_decision)
    assert "the question 'decision' is not there" in refused("review", "pull", run)
    assert len(lines(run)) == 1
    server.call("DELETE", f"datasets/{datasets(server)['changed']}")
    assert "no dataset 'changed'" in refused("review", "pull", run)
    assert call("review", "push", run)["new"] == 20
    pulled = call("review", "pull", run)
    assert pulled["responses"] == pulled["new"] == 0
    assert len(lines(run)) == 1  # what was answered before is kept


def test_a_response_to_an_unknown_label_is_left_out_in_one_line_and_all_others_come(
    server: Served, recorded: Path, tmp_path: Path, call: Any, refused: Any
) -> None:
    run = copied(recorded, tmp_path / "run", "labels", "\nreview: {reviewers: [ann], sample: 20}\n")
    call("review", "push", run)
    pushed = records(server, "labels")

    def with_another(there: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for question in there:
            if question["name"] == "wrong":
                question["settings"]["options"].append({"value": "too_dull", "text": "Too dull"})
        return there

    remake(server, "labels", with_another)
    copies = [{"external_id": one["external_id"], "fields": one["fields"], "metadata": None} for one in pushed[:3]]
    server.call("POST", f"datasets/{datasets(server)['labels']}/records/bulk", json={"items": copies})
    path = f"datasets/{datasets(server)['labels']}/records"
    there = server.call("GET", path)["items"]
    for record, wrong in zip(there, (["too_dull"], ["unnatural"], []), strict=True):
        Person(server, "ann").answer(record, decision="drop", wrong=wrong)
    pulled = call("review", "pull", run)
    assert (pulled["responses"], pulled["new"], len(pulled["left_out"])) == (2, 2, 1)
    assert "unknown label 'too_dull'" in pulled["left_out"][0]
    assert there[0]["external_id"] in pulled["left_out"][0]
    assert pulled["missing"] == len(pushed) - 3
    assert {line["form"] for line in lines(run)}.isdisjoint({form_version()})  # another form was answered
    assert "has the option 'too_dull', which is none of ours" in refused("review", "push", run)


def test_a_record_that_was_deleted_is_missed_and_pushed_again_and_its_answer_stays(
    server: Served, recorded: Path, tmp_path: Path, call: Any
) -> None:
    run = copied(recorded, tmp_path / "run", "deleted", "\nreview: {reviewers: [ann], sample: 20}\n")
    pushed = call("review", "push", run)
    first = records(server, "deleted")[0]
    Person(server, "ann").answer(first, decision="drop")
    call("review", "pull", run)
    server.call("DELETE", f"records/{first['id']}")
    pulled = call("review", "pull", run)
    assert (pulled["missing"], pulled["responses"]) == (1, 0)
    assert pulled["figures"]["progress"]["shown"]["answered"] == 1
    again = call("review", "push", run)
    assert (again["new"], again["known"]) == (1, pushed["new"] - 1)
    assert call("review", "pull", run)["missing"] == 0
    assert len(lines(run)) == 1


def test_a_reviewer_who_is_renamed_or_leaves_the_workspace_is_not_counted_twice(
    server: Served, recorded: Path, tmp_path: Path, call: Any
) -> None:
    run = copied(recorded, tmp_path / "run", "renamed", "\nreview: {reviewers: [ann], sample: 20}\n")
    call("review", "push", run)
    for record in records(server, "renamed")[:4]:
        Person(server, "ann").answer(record, decision="keep")
    assert call("review", "pull", run)["new"] == 4
    ann = next(user["id"] for user in server.call("GET", "users")["items"] if user["username"] == "ann")
    workspace = server.call("GET", "me/workspaces")["items"][0]["id"]
    admin = {"first_name": "eve", "username": "eve", "role": "admin", "password": "12345678"}
    eve = server.call("POST", "users", json=admin)
    server.call("POST", f"workspaces/{workspace}/users", json={"user_id": eve["id"]})
    try:
        server.call("PATCH", f"users/{ann}", json={"username": "anna"})
        assert call("review", "pull", run)["new"] == 0
        server.call("DELETE", f"workspaces/{workspace}/users/{ann}")
        assert call("review", "pull", run, "--api-key", eve["api_key"])["new"] == 0  # which sees no name of hers
    finally:
        server.call("PATCH", f"users/{ann}", json={"username": "ann"})
        server.call("POST", f"workspaces/{workspace}/users", json={"user_id": ann})
    assert {line["reviewer"] for line in lines(run)} == {"ann"}


def test_a_dataset_that_was_half_made_is_made_anew_by_push_alone(
    server: Served, recorded: Path, tmp_path: Path, call: Any, refused: Any
) -> None:
    run = copied(recorded, tmp_path / "run", "half", "\nreview: {reviewers: [ann], sample: 20}\n")
    workspace = server.call("GET", "me/workspaces")["items"][0]["id"]
    server.call("POST", "datasets", json={"name": "half", "workspace_id": workspace})
    assert call("review", "push", run)["new"] == 20
    assert len(records(server, "half")) == 20
    server.call("DELETE", f"datasets/{datasets(server)['half']}")
    begun = server.call("POST", "datasets", json={"name": "half", "workspace_id": workspace})["id"]
    assert "no dataset 'half'" in refused("review", "pull", run)
    assert datasets(server)["half"] == begun  # who only reads removes nothing
    assert call("review", "push", run)["new"] == 20
    assert len(records(server, "half")) == 20


@contextmanager
def killing(served: Served, after: int) -> Iterator[Any]:
    """Progress that kills the server once so many are done."""
    [child] = psutil.Process(served.process.pid).children()
    done = 0

    def advance(more: int) -> None:
        nonlocal done
        done += more
        if done >= after and child.is_running():
            child.send_signal(signal.SIGKILL)
            child.wait(30)

    yield advance


def test_a_server_killed_in_the_middle_of_push_and_of_pull_doubles_and_loses_nothing(
    recorded: Path, tmp_path: Path, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(recorded, tmp_path / "run", "killed")
    run = open_run(folder)
    monkeypatch.setattr(reviewing, "BATCH", 30)
    monkeypatch.setattr("pairsmith.curation.argilla_datasets.PAGE", 50)
    with serving(folder) as served:
        monkeypatch.setattr(
            "pairsmith.reviewing._shown", lambda what, _: killing(served, 90 if what == "push" else 10**9)
        )
        with pytest.raises(RunError, match=BROKEN):
            push(run, None, None, None)
    monkeypatch.setattr("pairsmith.reviewing._shown", silent)
    with serving(folder) as served:
        there = of_run(served, "killed")
        assert 90 <= len(there) < 191
        first = there[0]
        Person(served, "ann").answer(first, decision="drop")
        pushed = call("review", "push", folder)
        assert pushed["known"] == len(there)
        all_of_them = of_run(served, "killed")
        assert len(all_of_them) == len({record["external_id"] for record in all_of_them}) == pushed["new"] + len(there)
        for record in all_of_them[:120]:
            Person(served, "ann").answer(record, decision="keep" if record["id"] != first["id"] else "drop")
        monkeypatch.setattr("pairsmith.reviewing._shown", lambda *_: killing(served, 60))
        with pytest.raises(RunError, match=BROKEN):
            pull(run, None, None)
        assert not (folder / "reviews.jsonl").exists()
    monkeypatch.setattr("pairsmith.reviewing._shown", silent)
    with serving(folder):
        assert call("review", "pull", folder)["new"] == 120
        assert call("review", "pull", folder)["new"] == 0
    assert len(lines(folder)) == 120
