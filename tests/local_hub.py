"""The project's own Hub on a free port of this machine, in a thread of the test, with people of several rights."""

import math
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, constants

from pairsmith.curation.hub_accounts import Account, Accounts, write_accounts
from pairsmith.curation.hub_serving import hub_server

OURS = "acme/pairs"
OWNER = Account("owner", "hf_owner00000000", writes=("acme",))
READER = Account("reader", "hf_reader0000000", reads=("acme",))
STRANGER = Account("stranger", "hf_stranger00000")


class LocalHub:
    """``folder``: its state; a second one on the same folder goes on where the first one ended."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "accounts.json").exists():
            write_accounts(folder, Accounts("a secret of the links", (OWNER, READER, STRANGER)))
        self.folder = folder
        self._server = hub_server(folder)

    def __enter__(self) -> "LocalHub":
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        self._socket.close()

    def api(self, account: Account | None = OWNER) -> HfApi:
        """The real client, as somebody; None is nobody."""
        return HfApi(self.url, token=account.token if account else False)


@pytest.fixture
def our_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """A Hub that the owner's token and address are set for, as ``HF_ENDPOINT`` and ``HF_TOKEN`` would."""
    with LocalHub(tmp_path / "hub") as hub:
        speak_to(hub.url, monkeypatch)
        yield hub


def speak_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the library read from the environment when it was imported, as if it had been set before."""
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, url)
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setenv("HF_ENDPOINT", url)
    monkeypatch.setenv("HF_TOKEN", OWNER.token)


def tree(api: HfApi, revision: str = "main", name: str = OURS) -> dict[str, Any]:
    """Path -> file or folder."""
    return {
        item.path: item for item in api.list_repo_tree(name, repo_type="dataset", revision=revision, recursive=True)
    }


@contextmanager
def cutting(url: str, after: int) -> Iterator[str]:
    """A way to the server on which each connection breaks once so many bytes of it have gone up."""
    port = int(url.rpartition(":")[2])
    listener = socket.create_server(("127.0.0.1", 0))

    def carry(source: socket.socket, target: socket.socket, left: float) -> None:
        with suppress(OSError):
            while left > 0 and (piece := source.recv(65536)):
                target.sendall(piece)
                left -= len(piece)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                for ends in ((client, server, after), (server, client, math.inf)):
                    threading.Thread(target=carry, args=ends, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
