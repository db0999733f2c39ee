"""Argilla's server for one run: ``python launch.py SERVER_JSON SOCKET``, in the environment of ``requirements.txt``.

``SERVER_JSON`` holds the accounts and secrets, the database lies beside it; ``SOCKET`` is the number of an inherited socket
that is bound already. The server stops on SIGTERM, and when its standard input closes: that is when its parent is gone.
"""

import asyncio
import json
import os
import signal
import sys
import threading
from pathlib import Path
from socket import socket
from typing import Any

POLICY = "; ".join(
    (
        "default-src 'self' 'unsafe-inline' data: blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
"""What the web page may load: nothing from elsewhere, be it the fonts it asks for or an address in a text under review; and
a text can send nothing elsewhere, by a form or by another base of the page's own addresses."""
PATIENCE = 5  # seconds that open requests get to end when the server is stopped


def main(settings: Path, descriptor: int) -> None:
    """Serve until told to stop."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    state = json.loads(settings.read_text(encoding="utf-8"))
    os.chdir(settings.parent)
    sys.path.insert(0, str(Path(__file__).parent))
    os.environ.update(_environment(state))

    import job_runner  # before the rest: the server connects to Redis when it is imported

    job_runner.stand_in_for_redis()
    import accounts

    accounts.upgrade_database()
    asyncio.run(_serve(state, socket(fileno=descriptor)))


def _environment(state: dict[str, Any]) -> dict[str, str]:
    """The server's settings. Paths are relative: a folder's name may hold what has a meaning in a URL of a database."""
    return {
        "ARGILLA_HOME_PATH": ".",
        "ARGILLA_SEARCH_ENGINE": "database",
        "ARGILLA_AUTH_SECRET_KEY": state["secret"],
        "ARGILLA_CORS_ORIGINS": "[]",  # no page from elsewhere may call the server with a curator's browser
        "ARGILLA_DATABASE_SQLITE_TIMEOUT": "30",  # seconds that a writer waits for another one
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": "huggingface",
    }


async def _serve(state: dict[str, Any], listener: socket) -> None:
    import accounts
    import job_runner
    import search_engine
    import shortcuts
    import uvicorn
    from argilla_server import app

    shortcuts.take()
    search_engine.prepare_connections()
    await accounts.make_accounts(state)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        headers=[("Content-Security-Policy", POLICY)],
        timeout_graceful_shutdown=PATIENCE,
    )
    jobs = asyncio.create_task(job_runner.run_jobs())
    await uvicorn.Server(config).serve(sockets=[listener])
    jobs.cancel()


def _end_with_parent() -> None:
    """Wait until nobody holds the other end of standard input any more, then stop: gently, and for sure."""
    while os.read(0, 4096):  # not by a file object, which another thread could not close when the interpreter ends
        pass
    threading.Timer(2 * PATIENCE, os._exit, (1,)).start()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
