"""The review server as people meet it: it keeps all over a restart, stops whole, and is there for this machine only."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import argilla as rg
import psutil
import pytest
import requests
from argilla_fixture import Served, serving
from playwright.sync_api import expect, sync_playwright

pytestmark = pytest.mark.slow

CHROMIUM = "/usr/bin/chromium"


def settings() -> rg.Settings:
    return rg.Settings(
        fields=[rg.TextField("query"), rg.TextField("positive")],
        questions=[rg.LabelQuestion("decision", labels=["keep", "fix", "drop"])],
        metadata=[rg.TermsMetadataProperty("language")],
    )


def push(served: Served, name: str, rows: int) -> str:
    """A dataset of numbered rows; returns its id."""
    client = rg.Argilla(api_url=served.url, api_key=served.owner.api_key)
    dataset = rg.Dataset(name, workspace="curation", settings=settings(), client=client).create()
    texts = ("من يقرأ كثيرا؟", "who reads much?", "谁读得多？")
    dataset.records.log(
        [
            {"id": f"{number}", "query": f"{texts[number % 3]} {number}", "positive": "a b c " * 30, "language": "en"}
            for number in range(rows)
        ]
    )
    return str(dataset.id)


def submit(served: Served, who: str, record: str, label: str = "keep") -> None:
    item = {"record_id": record, "status": "submitted", "values": {"decision": {"value": label}}}
    answer = served.call("POST", "me/responses/bulk", served.reviewers[who].api_key, json={"items": [item]})
    assert answer["items"][0]["item"], answer


def records(served: Served, dataset: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = served.call("GET", f"datasets/{dataset}/records?include=responses&limit=1000")[
        "items"
    ]
    return found


def children(served: Served) -> list[psutil.Process]:
    return psutil.Process(served.process.pid).children(recursive=True)


def gone(processes: list[psutil.Process], seconds: float = 60) -> bool:
    return not psutil.wait_procs(processes, timeout=seconds)[1]


def test_a_restart_keeps_users_rows_answers_and_logins(tmp_path: Path) -> None:
    run = tmp_path / "a run, 100% #1? ü"
    with serving(run) as first:
        port, kept = first.server.port, first.server.told()
        dataset = push(first, "rows", 10)
        record = records(first, dataset)[3]["id"]
        submit(first, "ann", record, "drop")
        login = {"username": "ann", "password": first.reviewers["ann"].password}
        token = requests.post(f"{first.url}/api/v1/token", data=login, timeout=60).json()["access_token"]
        assert sum("password" in line for line in first.said) == 4  # three accounts, and where they are kept
        before = records(first, dataset)
    (run / "factory.yml").write_text(json.dumps({"review": {"reviewers": ["ann", "cleo"], "workspace": "curation"}}))
    with serving(run, "--port", str(port)) as second:
        assert second.server.told().accounts.items() >= kept.accounts.items()
        assert records(second, dataset) == before
        me = requests.get(f"{second.url}/api/v1/me", headers={"Authorization": f"Bearer {token}"}, timeout=60)
        assert me.json()["username"] == "ann"
        assert second.call("GET", "me", second.reviewers["cleo"].api_key)["username"] == "cleo"
        told = [line for line in second.said if "password " in line]
        assert len(told) == 1 and "cleo" in told[0]
        submit(second, "cleo", record)


def test_a_stop_leaves_no_process_and_no_copy_of_the_page(tmp_path: Path) -> None:
    with serving(tmp_path / "run") as served:
        running = children(served)
        assert running
        port = served.server.port
    assert gone(running)
    assert served.process.returncode == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    assert not (served.server.folder / "tmp").exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_stop_it_cleanly_in_the_middle_of_a_push(tmp_path: Path, how: signal.Signals) -> None:
    with serving(tmp_path / "run") as served:
        running = children(served)
        dataset = push(served, "rows", 3)

        def push_on() -> None:
            items = [{"fields": {"query": "q", "positive": "p"}, "external_id": f"new {n}"} for n in range(400)]
            key = {"X-Argilla-Api-Key": served.owner.api_key}
            path = f"{served.url}/api/v1/datasets/{dataset}/records/bulk"
            with pytest.raises(requests.RequestException):
                for _ in range(1000):
                    requests.put(path, headers=key, json={"items": items}, timeout=60)

        pushing = threading.Thread(target=push_on)
        pushing.start()
        time.sleep(1)
        served.process.send_signal(how)
        assert served.process.wait(60) == 0
        assert gone(running)
        pushing.join(60)
    with serving(tmp_path / "run") as again:
        assert len(records(again, dataset)) in (3, 403)  # whole batches


def test_a_kill_of_the_parent_leaves_no_child_and_loses_no_answer(tmp_path: Path) -> None:
    with serving(tmp_path / "run") as served:
        running = children(served)
        dataset = push(served, "rows", 5)
        for record in records(served, dataset):
            submit(served, "bob", record["id"])
        served.process.kill()
        served.process.wait()
        assert gone(running)
    with serving(tmp_path / "run") as again:
        assert again.server.port == served.server.port or "can't be used" in again.said[0]
        assert [len(record["responses"]) for record in records(again, dataset)] == [1] * 5


def test_a_kill_of_the_server_is_said_as_one(tmp_path: Path) -> None:
    with serving(tmp_path / "run") as served:
        for child in children(served):
            child.kill()
        assert served.process.wait(60) == 2
    assert "was killed (Killed: the system does that" in served.said[-1]


def test_it_listens_on_this_machine_alone_and_nothing_else_of_it_listens(argilla: Served) -> None:
    listening = [one for child in children(argilla) for one in child.net_connections() if one.status == "LISTEN"]
    assert [(one.laddr.ip, one.laddr.port) for one in listening] == [("127.0.0.1", argilla.server.port)]
    answer = requests.get(f"{argilla.url}/api/v1/me", headers={"Origin": "https://elsewhere.example"}, timeout=60)
    assert "access-control-allow-origin" not in {name.lower() for name in answer.headers}


def test_no_secret_and_no_key_of_ours_is_where_others_look(argilla: Served) -> None:
    folder = argilla.server.folder
    accounts = argilla.server.accounts.values()
    secrets = [argilla.server.secret, *(account.password for account in accounts), *(one.api_key for one in accounts)]
    log = (folder / "log.txt").read_text()
    for child in children(argilla):
        seen = " ".join([*child.cmdline(), *child.environ().values()])
        assert not any(secret in seen or secret in log for secret in secrets)
        assert not {name for name in child.environ() if name.startswith(("ARGILLA_", "HF_", "OPENAI_"))} - {"HF_HOME"}
    assert {path.name: oct(path.stat().st_mode & 0o077) for path in folder.glob("argilla.db*")} == {
        path.name: "0o0" for path in folder.glob("argilla.db*")
    }


def test_a_second_server_and_a_used_port_are_one_line_each(argilla: Served, tmp_path: Path) -> None:
    def refused(run: Path, port: int) -> str:
        command = [sys.executable, "-m", "pairsmith", "review", "serve", str(run), "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        return done.stderr

    assert f"its review server runs already at {argilla.url}" in refused(argilla.run, 0)
    other = tmp_path / "other"
    other.mkdir()
    (other / "factory.yml").write_text("{}")
    assert f"--port {argilla.server.port}: Address already in use" in refused(other, argilla.server.port)


def test_other_commands_work_on_the_run_meanwhile(argilla: Served) -> None:
    done = subprocess.run([sys.executable, "-m", "pairsmith", "run", str(argilla.run)], capture_output=True, text=True)
    assert "another pairsmith works on this run" not in done.stderr
    assert argilla.call("GET", "status")["search_engine"]["name"] == "database"


def test_reviewers_answer_at_once_while_rows_come_in(argilla: Served) -> None:
    dataset = push(argilla, "busy", 40)
    first = records(argilla, dataset)
    failures: list[BaseException] = []

    def review(who: str) -> None:
        try:
            for record in first:
                submit(argilla, who, record["id"])
                argilla.call("POST", f"me/datasets/{dataset}/records/search", argilla.reviewers[who].api_key, json={})
        except BaseException as error:
            failures.append(error)

    people = [threading.Thread(target=review, args=(who,)) for who in argilla.reviewers]
    for one in people:
        one.start()
    items = [{"fields": {"query": "q", "positive": "p"}, "external_id": f"new {number}"} for number in range(200)]
    for start in range(0, 200, 20):
        argilla.call("PUT", f"datasets/{dataset}/records/bulk", json={"items": items[start : start + 20]})
    for one in people:
        one.join(120)
    assert not failures
    assert sum(len(record["responses"]) for record in records(argilla, dataset)) == 80
    assert len(records(argilla, dataset)) == 240


def test_a_webhook_that_someone_sets_up_is_called(argilla: Served) -> None:
    received: list[str] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["type"])
            self.send_response(200)
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hook = {"url": f"http://127.0.0.1:{server.server_port}", "events": ["record.created", "response.created"]}
        made = argilla.call("POST", "webhooks", json=hook)
        dataset = push(argilla, "watched", 2)
        submit(argilla, "ann", records(argilla, dataset)[0]["id"])
        for _ in range(600):
            if len(received) >= 3:
                break
            time.sleep(0.1)
        argilla.call("DELETE", f"webhooks/{made['id']}")
        server.shutdown()
    assert received == ["record.created"] * 2 + ["response.created"]


def test_a_reviewer_signs_in_and_answers_in_the_page_by_keys(argilla: Served, tmp_path: Path) -> None:
    dataset = push(argilla, "page", 6)
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{argilla.url}/sign-in")
        page.locator("input[name=Username]").fill("ann")
        page.locator("input[name=Password]").fill(argilla.reviewers["ann"].password)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "sign-in" not in url)
        page.goto(f"{argilla.url}/dataset/{dataset}/annotation-mode?page=1&status=pending")
        expect(page.get_by_text("keep").first).to_be_visible(timeout=60_000)
        page.screenshot(path=Path(os.environ.get("PAIRSMITH_SCREENSHOTS", tmp_path)) / "annotation.png")
        with page.expect_response(lambda answer: "/responses" in answer.url and answer.request.method == "POST"):
            page.keyboard.press("1")
            page.keyboard.press("Enter")
        browser.close()
    answers = [answer for record in records(argilla, dataset) for answer in record["responses"]]
    assert [(answer["status"], answer["values"]["decision"]["value"]) for answer in answers] == [("submitted", "keep")]
    assert not errors


def test_the_page_loads_nothing_from_elsewhere_and_sends_nothing_there(argilla: Served) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        sent: list[str] = []
        refused: list[str] = []
        page.on("response", lambda answer: sent.append(answer.url))
        page.on("requestfailed", lambda request: refused.append(f"{request.url} {request.failure}"))
        page.goto(f"{argilla.url}/sign-in", timeout=60_000)
        page.locator("input[name=Username]").wait_for(timeout=60_000)
        violated = page.evaluate(
            """() => new Promise(done => {
                document.addEventListener('securitypolicyviolation', event => done(event.effectiveDirective));
                const form = document.body.appendChild(document.createElement('form'));
                form.action = 'http://elsewhere.example/';
                form.submit();
                setTimeout(() => done('sent'), 20000);
            })"""
        )
        browser.close()
    assert violated == "form-action"
    assert all(url.startswith(argilla.url) for url in sent if not url.startswith(("data:", "blob:")))
    assert refused and all("csp" in line for line in refused)
