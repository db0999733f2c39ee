"""A real Argilla server for tests, started by the product's own command, and its HTTP API as its web page uses it."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from pairsmith.curation.argilla_local import Account, LocalServer, local_server

REVIEWERS = ("ann", "bob")
PATIENCE = 600  # seconds: the first start of all makes the server's environment


@dataclass(frozen=True)
class Served:
    """A server that answers. ``process``: the command that serves it; ``said``: its lines on stderr so far."""

    run: Path
    process: "subprocess.Popen[str]"
    said: list[str]
    seconds: float

    @property
    def server(self) -> LocalServer:
        server = local_server(self.run)
        assert server is not None
        return server

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def owner(self) -> Account:
        return self.server.owner

    @property
    def reviewers(self) -> dict[str, Account]:
        return self.server.reviewers

    def call(self, method: str, path: str, api_key: str | None = None, **more: Any) -> Any:
        """What ``/api/v1/{path}`` answers, as the owner unless another key is given."""
        headers = {"X-Argilla-Api-Key": api_key or self.owner.api_key}
        answer = requests.request(method, f"{self.url}/api/v1/{path}", headers=headers, timeout=60, **more)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


@contextmanager
def serving(run: Path, *more: str, reviewers: tuple[str, ...] = REVIEWERS) -> Iterator[Served]:
    """``pairsmith review serve`` for a run folder, until the block ends."""
    run.mkdir(exist_ok=True)
    spec = run / "factory.yml"
    if not spec.exists():
        spec.write_text(json.dumps({"review": {"reviewers": reviewers}}))  # JSON is YAML
    started = time.monotonic()
    command = [sys.executable, "-m", "pairsmith", "review", "serve", str(run), *(more or ("--port", "0"))]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)
    said: list[str] = []
    up = threading.Event()
    threading.Thread(target=_listen, args=(process, said, up), daemon=True).start()
    try:
        up.wait(PATIENCE)
        assert process.poll() is None and any("ready: http" in line for line in said), said
        yield Served(run, process, said, time.monotonic() - started)
    finally:
        process.terminate()
        process.wait(60)


def _listen(process: "subprocess.Popen[str]", said: list[str], up: threading.Event) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        said.append(line.rstrip("\n"))
        if "are kept in" in line:
            up.set()
    up.set()


@pytest.fixture(scope="session")
def argilla(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests of a session: an owner and the reviewers ``ann`` and ``bob``, nothing in it."""
    with serving(tmp_path_factory.mktemp("argilla") / "run") as served:
        yield served
