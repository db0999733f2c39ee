"""What is kept of a run's own review server: its address, accounts and secrets, in ``review/server/server.json``.

Only the owner of the files may enter that folder; the server's database and log lie there too.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pairsmith.factory.errors import InputError, RunError

FOLDER = "review/server"
"""Where it is, in the run folder."""
HOST = "127.0.0.1"
FORMAT_VERSION = 1
FILE = "server.json"
LOCK = ".lock"
"""Held by who serves and by the server itself, as long as one of them lives."""
_OWNER = "owner"


@dataclass(frozen=True)
class Account:
    """A user of the server. ``role``: ``owner`` or ``annotator``; ``told``: whether the password was shown already."""

    role: str
    password: str = field(repr=False)
    api_key: str = field(repr=False)
    told: bool = False


@dataclass(frozen=True)
class LocalServer:
    """The server of a run. ``folder``: where all of it is; ``accounts``: by user name; ``secret``: signs its sessions."""

    folder: Path
    port: int
    workspace: str
    accounts: dict[str, Account]
    secret: str = field(repr=False)

    @property
    def file(self) -> Path:
        """Where accounts and secrets are kept."""
        return self.folder / FILE

    @property
    def url(self) -> str:
        """Its address, on this machine only."""
        return f"http://{HOST}:{self.port}"

    @property
    def runs(self) -> bool:
        """Whether it is served now; where it is not, anyone may listen at its address."""
        try:
            with (self.folder / LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    @property
    def owner(self) -> Account:
        """Who may do all: push and pull are theirs."""
        return self.accounts[_OWNER]

    @property
    def reviewers(self) -> dict[str, Account]:
        """The accounts of those who review."""
        return {name: account for name, account in self.accounts.items() if account.role == "annotator"}

    @property
    def untold(self) -> dict[str, Account]:
        """Accounts whose passwords nobody was shown yet."""
        return {name: account for name, account in self.accounts.items() if not account.told}

    def with_reviewers(self, names: Iterable[str]) -> "LocalServer":
        """The server with an account for each name; who has one keeps it."""
        wanted = list(names)
        if _OWNER in wanted:
            raise InputError(f"reviewers: '{_OWNER}' is the name of the server's owner; give the reviewer another one")
        new = {name: _account("annotator") for name in wanted if name not in self.accounts}
        return replace(self, accounts={**self.accounts, **new})

    def told(self) -> "LocalServer":
        """The server once all passwords were shown."""
        return replace(self, accounts={name: replace(one, told=True) for name, one in self.accounts.items()})

    def keep(self) -> None:
        """Write it whole, readable by the owner of the files only."""
        kept = {"format_version": FORMAT_VERSION, **asdict(self)}
        del kept["folder"]
        beside = self.file.with_suffix(".new")  # the server's lock is held: nobody else writes it
        beside.unlink(missing_ok=True)
        with open(beside, "x", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            json.dump(kept, file, indent=1, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.file)


def new_server(run: Path, workspace: str) -> LocalServer:
    """A server with nothing but its owner and its secrets; port 0 stands for none yet."""
    return LocalServer(run / FOLDER, 0, workspace, {_OWNER: _account(_OWNER)}, secrets.token_urlsafe(32))


def local_server(run: Path) -> LocalServer | None:
    """The server of the run folder, whether it runs or not; None where ``review serve`` was never used."""
    path = run / FOLDER / FILE
    if not path.exists():
        return None
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        version = kept.pop("format_version")
        if version == FORMAT_VERSION:
            return _server(path.parent, kept)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"{path}: not readable ({type(error).__name__}); delete it: 'pairsmith review serve {run}' makes new passwords"
            " and keys, and what was reviewed stays"
        ) from None
    raise RunError(f"{path}: format {version}, this Pairsmith reads {FORMAT_VERSION}; use the version that wrote it")


def _server(folder: Path, kept: dict[str, Any]) -> LocalServer:
    accounts = {name: Account(**account) for name, account in kept.pop("accounts").items()}
    server = LocalServer(folder=folder, accounts=accounts, **kept)
    server.owner.api_key.encode()
    return server


def _account(role: str) -> Account:
    return Account(role, password=secrets.token_urlsafe(12), api_key=secrets.token_urlsafe(32))
