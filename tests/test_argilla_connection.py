"""What can go wrong with a server is one clear line, with no key in it; and what someone changed of the form is named."""

import fcntl
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socket import create_server
from typing import Any
from uuid import uuid4

import pytest

from pairsmith.curation.argilla_connection import connect
from pairsmith.curation.argilla_form import FIELDS, KINDS, changes, form_there, misfits
from pairsmith.curation.argilla_local import LOCK, LocalServer, new_server
from pairsmith.curation.argilla_records import name_there
from pairsmith.curation.review_form import QUESTIONS, RATINGS, form_version
from pairsmith.factory.errors import InputError, PairsmithError, RunError

KEY = "a-very-secret-key"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARGILLA_API_URL", raising=False)
    monkeypatch.delenv("ARGILLA_API_KEY", raising=False)


@contextmanager
def answering(answers: dict[str, tuple[int, str]]) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """A server that gives these answers by path, HTTP 404 to others; its URL, and who asked what with which key."""
    asked: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["X-Argilla-Api-Key"]))
            status, body = answers.get(self.path, (404, "no such page"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()


def version(number: str) -> dict[str, tuple[int, str]]:
    return {"/api/v1/version": (200, json.dumps({"version": number}))}


def refusal(folder: Path, url: str | None, key: str | None = KEY) -> str:
    with pytest.raises(PairsmithError) as error:
        connect(folder, url, key)
    assert KEY not in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_port_where_nothing_listens_is_said(tmp_path: Path) -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert "nothing answers there" in refusal(tmp_path, url)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({}, "no Argilla server answers there (HTTP 404)"),
        ({"/api/v1/version": (200, "<html>hello</html>")}, "no Argilla server answers there"),
        ({"/api/v1/version": (200, '{"version": "x"}')}, "no Argilla server answers there"),
        (version("1.29.0"), "Argilla 1.29.0; this needs a server of version 2.1 to 2.x"),
        (version("3.0.0"), "Argilla 3.0.0"),
        (version("2.8.0") | {"/api/v1/me": (401, '{"detail": "no"}')}, "knows no such key"),
        (version("2.8.0") | {"/api/v1/me": (500, "Oh no")}, "the server failed (HTTP 500)"),
        (version("2.8.0") | {"/api/v1/me": (503, "")}, "the server failed (HTTP 503)"),
        (version("2.8.0") | {"/api/v1/me": (200, "<html>")}, "no answer of an Argilla server"),
    ],
)
def test_a_server_that_is_not_as_it_should_be_is_named_with_what_to_do(
    tmp_path: Path, answers: dict[str, tuple[int, str]], said: str
) -> None:
    with answering(answers) as (url, _):
        assert said in refusal(tmp_path, url)


def test_a_connection_that_is_cut_is_said(tmp_path: Path) -> None:
    with create_server(("127.0.0.1", 0)) as listener:

        def cut() -> None:
            connection, _ = listener.accept()
            connection.recv(100)
            connection.close()

        threading.Thread(target=cut, daemon=True).start()
        assert "the connection broke" in refusal(tmp_path, f"http://127.0.0.1:{listener.getsockname()[1]}")


@pytest.mark.parametrize(
    "url",
    [
        *("127.0.0.1:6900", "ftp://host", "http://", "http://host:port", f"http://owner:{KEY}@host", "http://[bad"),
        *(f"owner:{KEY}@host:6900", f"{KEY}@host", f"http://owner:{KEY}#@host", f"http://owner:{KEY}/@host"),
    ],
)
def test_a_url_that_is_none_is_refused_before_anything_is_sent(tmp_path: Path, url: str) -> None:
    assert "http://127.0.0.1:6900" in refusal(tmp_path, url) or KEY in url


@pytest.mark.parametrize("said", [("--api-key", KEY), (f"--api-key={KEY}",)])
def test_who_stops_a_command_is_not_shown_the_key_that_they_typed(tmp_path: Path, said: tuple[str, ...]) -> None:
    (tmp_path / "factory.yml").write_text("{}")
    with create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = [sys.executable, "-m", "pairsmith", "review", "push", str(tmp_path), "--url", url, *said]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        connection, _ = silent.accept()
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=60)[1]
        connection.close()
    assert process.returncode == 130
    assert f"go on with 'pairsmith review push {tmp_path} --url {url} " in told
    assert KEY not in told


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY} ", f"{KEY}é"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(tmp_path: Path, key: str) -> None:
    assert "the API key has" in refusal(tmp_path, "http://127.0.0.1:1", key)


def test_without_a_server_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    assert f"pairsmith review serve {tmp_path}" in refusal(tmp_path, None)
    assert "no key for http://127.0.0.1:1; set ARGILLA_API_KEY" in refusal(tmp_path, "http://127.0.0.1:1", None)


def kept_server(run: Path, port: int) -> LocalServer:
    """What a run keeps of a server of its own that does not run."""
    own = replace(new_server(run, "curation"), port=port)
    own.folder.mkdir(parents=True)
    own.keep()
    return own


def test_whoever_listens_where_the_runs_own_server_was_gets_no_key(tmp_path: Path) -> None:
    with answering(version("2.8.0") | {"/api/v1/me": (401, "{}")}) as (url, asked):
        own = kept_server(tmp_path, int(url.rsplit(":", 1)[1]))
        assert f"its review server does not run; start it with 'pairsmith review serve {tmp_path}'" in refusal(
            tmp_path, None
        )
        assert not asked
        with (own.folder / LOCK).open("ab") as lock:  # as long as it runs, it holds that and its address
            fcntl.flock(lock, fcntl.LOCK_EX)
            refusal(tmp_path, None, None)
        assert {key for _, key in asked} == {None, own.owner.api_key}


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_no_proxy_gets_what_is_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for proxy in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(proxy, raising=False)
    me = {"/api/v1/me": (200, json.dumps({"id": f"{uuid4()}", "username": "owner", "role": "owner"}))}
    with answering({}) as (proxy, seen), answering(version("2.8.0") | me) as (url, asked):
        monkeypatch.setenv(name, proxy)
        assert connect(tmp_path, url, KEY).user() == ("owner", "owner")
        assert asked and not seen


def test_keys_go_only_to_the_server_that_they_are_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(version("2.8.0")) as (url, asked):
        own = kept_server(tmp_path, 0)
        monkeypatch.setenv("ARGILLA_API_KEY", KEY)
        with pytest.raises(RunError):
            connect(tmp_path, url, None)
        assert {key for _, key in asked} == {None, KEY}
        assert own.owner.api_key != KEY


def there(**changed: Any) -> list[dict[str, Any]]:
    """Our questions as a server's API has them; ``changed``: by our name, None for one that is gone."""
    found = []
    for question in QUESTIONS:
        options: list[dict[str, Any]] = [{"value": value, "text": text} for value, text in question.options.items()]
        if question.kind == "rating":
            options = [{"value": rating} for rating in RATINGS]
        settings = {"type": KINDS[question.kind], **({"options": options} if options else {})}
        one = {"name": name_there(question.name), "title": question.title, "required": question.required}
        change = changed.get(question.name, {})
        if change is not None:
            found.append({**one, "settings": settings, **change})
    return found


FIELDS_THERE = [{"name": name, "required": True} for name in FIELDS]


def test_our_own_form_is_unchanged_and_of_our_version() -> None:
    assert changes(there(), FIELDS_THERE) == misfits(there()) == []
    assert form_there(there()) == form_version()


@pytest.mark.parametrize(
    ("changed", "said", "readable"),
    [
        ({"query": None}, "the question 'corrected_query' is not there", True),
        ({"decision": None}, "the question 'decision' is not there", False),
        ({"wrong": {"settings": {"type": "text"}}}, "the question 'wrong' is of type 'text', not 'multi_label", False),
        ({"decision": {"required": False}}, "the question 'decision' is not required there", True),
        (
            {"decision": {"settings": {"type": "label_selection", "options": [{"value": "keep", "text": "Keep"}]}}},
            "the question 'decision' lacks the option 'fix'",
            True,
        ),
        (
            {"positive_relevance": {"settings": {"type": "rating", "options": [{"value": n} for n in range(1, 8)]}}},
            "the question 'positive_relevance' has the option '6', which is none of ours",
            True,
        ),
        ({"wrong": {"name": "wrongs"}}, "the question 'wrong' is not there", True),
    ],
)
def test_what_was_changed_of_the_form_is_named(changed: dict[str, Any], said: str, readable: bool) -> None:
    found = changes(there(**changed), FIELDS_THERE)
    assert any(said in one for one in found), found
    assert (misfits(there(**changed)) == []) is readable
    assert form_there(there(**changed)) != form_version()


def test_what_was_changed_of_the_fields_is_named() -> None:
    assert changes(there(), FIELDS_THERE[1:]) == ["the field 'task' is not there"]
    more = [*FIELDS_THERE, {"name": "picture", "required": True}, {"name": "note", "required": False}]
    assert changes(there(), more) == ["the field 'picture' is none of ours and required"]


def test_a_bad_url_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        connect(tmp_path, "nonsense", KEY)
