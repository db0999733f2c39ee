"""Runs a local Hub until it is told to stop; its folder is the state, for the next time."""

import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith.curation.argilla_process import stoppable
from pairsmith.curation.hub_accounts import FILE, Account, read_accounts
from pairsmith.factory.errors import RunError
from pairsmith.factory.extras import need_extra

if TYPE_CHECKING:
    import uvicorn

USUAL_PORT = 8642
_GRACE = 5  # seconds that open uploads and downloads get to end

Ready = Callable[[str, Account, Path], None]


def serve_hub(folder: Path, port: int | None, ready: Ready) -> str:
    """Serve the Hub of a folder on 127.0.0.1 until Ctrl-C or SIGTERM, and return its address.

    ``port``: None takes 8642, or another where that is in use; 0 any free one. ``ready`` gets the address, an account that
    may publish, and the file of the accounts. Raises :class:`RunError` where the folder is served already, the port is
    taken, or the packages are not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # it holds private datasets and tokens
    with _alone(folder), stoppable(), _listener(port) as listener:
        url = f"http://{listener.getsockname()[0]}:{listener.getsockname()[1]}"
        server = hub_server(folder)
        ready(url, read_accounts(folder).accounts[0], folder / FILE)
        try:
            server.run([listener])
        except KeyboardInterrupt:
            return url
    return url


def hub_server(folder: Path) -> "uvicorn.Server":
    """The server of a folder, not yet running."""
    need_extra("hub", "the Hub's server", "starlette", "uvicorn")
    import uvicorn

    from pairsmith.curation.hub_server import Hub, hub_app
    from pairsmith.curation.hub_store import Store

    accounts = read_accounts(folder)
    app = hub_app(*(Hub(Store(folder, kind), accounts) for kind in ("datasets", "models")))
    return uvicorn.Server(
        uvicorn.Config(app, lifespan="off", log_level="warning", timeout_graceful_shutdown=_GRACE, server_header=False)
    )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"{folder}: a Hub runs on this folder already; use that, or stop it first") from None
        yield


def _listener(asked: int | None) -> socket.socket:
    """A socket that listens on this machine alone."""
    for port in (USUAL_PORT, 0) if asked is None else (asked,):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a server that ended just now doesn't hold it
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(128)
        except OSError as error:
            listener.close()
            reason = os.strerror(error.errno or 0)
        else:
            return listener
    raise RunError(f"--port {asked}: {reason}; give another one, or none for one that is free")
