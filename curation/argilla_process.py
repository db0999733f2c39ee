"""Runs the review server of a run: the unmodified Argilla on SQLite, bound to 127.0.0.1, in a process that ends with ours."""

import fcntl
import http.client
import logging
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import BinaryIO

from pairsmith.curation.argilla_environment import SERVER, environment
from pairsmith.curation.argilla_local import FILE, FOLDER, HOST, LocalServer, local_server, new_server
from pairsmith.factory.errors import RunError

USUAL_PORT = 6900
"""Argilla's own."""
LOG = "log.txt"
_LOG_BYTES = 1_000_000  # of each of two files: some thousand errors with their traces
_PATIENCE = 180.0  # seconds: a start takes under ten, on a machine that is busy with other things several times that
_GRACE = 15.0  # seconds that a server which was told to stop gets; it gives its open requests five
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
"""What the server sees of our environment: no key that stands there, and no setting of another Argilla."""


def serve(
    run: Path,
    reviewers: Sequence[str],
    workspace: str,
    port: int | None,
    ready: Callable[[LocalServer], None],
    say: Callable[[str], None],
) -> LocalServer:
    """Run the server of a run folder until Ctrl-C or SIGTERM; ``ready`` is called once it answers.

    ``port``: None takes the one of the last start, or another where that is in use; 0 any free one. ``say`` is told what
    takes long. Raises :class:`RunError` where it is served already, the port is in use, or the server does not start.
    """
    folder = run / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    with _alone(run, folder) as lock, stoppable():
        known = local_server(run) or new_server(run, workspace)
        wanted = replace(known.with_reviewers(reviewers), workspace=workspace)
        python = environment(say)
        with _listener(port, known.port, say) as listener:
            server = replace(wanted, port=listener.getsockname()[1])
            server.keep()
            process, log = _start(python, folder, listener, lock)
        try:
            if _is_ready(process, server):
                ready(server)
                server.told().keep()
                process.wait()
            log.join(_GRACE)
            raise _ended(process, folder)
        except KeyboardInterrupt:
            return server
        finally:
            _stop(process)
            shutil.rmtree(folder / "tmp", ignore_errors=True)


@contextmanager
def _alone(run: Path, folder: Path) -> Iterator[BinaryIO]:
    """Hold the server's folder, as the server itself does until it has ended; the run's own lock stays free for others."""
    with (folder / ".lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            served = local_server(run)
            where = f" at {served.url}" if served else ""
            raise RunError(f"{run}: its review server runs already{where}; use that, or stop it first") from None
        yield lock


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM does what Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _listener(asked: int | None, last: int, say: Callable[[str], None]) -> socket.socket:
    """A socket that listens on this machine alone."""
    usual = last or USUAL_PORT
    for port in (usual, 0) if asked is None else (asked,):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a server that ended just now doesn't hold it
        try:
            listener.bind((HOST, port))
            listener.listen(128)
        except OSError as error:
            listener.close()
            reason = os.strerror(error.errno or 0)
        else:
            if asked is None and not port:
                say(f"port {usual} can't be used ({reason}); port {listener.getsockname()[1]} is taken instead")
            return listener
    raise RunError(f"--port {asked}: {reason}; give another one, or none for one that is free")


def _start(
    python: Path, folder: Path, listener: socket.socket, lock: BinaryIO
) -> tuple["subprocess.Popen[bytes]", threading.Thread]:
    temporary = folder / "tmp"  # the server copies its web page there at each start, and leaves it
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    settings = (folder / FILE).resolve()
    command = [str(python), "-IBX", "utf8", str(SERVER / "launch.py"), str(settings), str(listener.fileno())]
    process = subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.PIPE,  # closes when we end, however we do: the server stops then
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(listener.fileno(), lock.fileno()),
        cwd=folder,
        env={
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            "TMPDIR": str(temporary.resolve()),
            "COLUMNS": "200",  # of its log
        },
        umask=0o077,
        start_new_session=True,  # Ctrl-C is for us: we stop it
    )
    log = threading.Thread(target=log_output, args=(process.stdout, folder / LOG), daemon=True)
    log.start()
    return process, log


def log_output(output: BinaryIO, path: Path) -> None:
    """Write what a server says to a file as long as it says something; a full file is put aside, and one such is kept."""
    handler = RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8")
    for line in iter(lambda: output.readline(10_000), b""):
        text = line.decode(errors="replace").rstrip()
        handler.emit(logging.LogRecord("argilla", logging.INFO, "", 0, text, None, None))
    handler.close()


def _is_ready(process: "subprocess.Popen[bytes]", server: LocalServer) -> bool:
    """Wait until the server answers; False when it has ended instead."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            return False
        if _answers(server.port):
            return True
        time.sleep(0.1)
    raise RunError(
        f"the review server does not answer {_PATIENCE:.0f} s after its start; what it says is in {server.folder / LOG}"
    )


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/api/v1/status")
        return connection.getresponse().status == http.HTTPStatus.OK
    connection.close()
    return False


def _ended(process: "subprocess.Popen[bytes]", folder: Path) -> RunError:
    """Why the server is gone, by the last that it said."""
    log = folder / LOG
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
    return RunError(f"the review server ended (status {process.poll()}); the last it said is '{last}'; all is in {log}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Let the server end what it does; a second Ctrl-C, or its silence, ends it at once."""
    process.terminate()
    try:
        process.wait(_GRACE)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        process.wait()
    if process.stdin:
        process.stdin.close()
