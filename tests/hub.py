"""A Hugging Face Hub on the loopback device, for tests: one data set with one commit on its main branch."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

COMMIT = "5" * 40
REPOSITORY = "tiny/texts"


class Hub:
    """``files``: path -> bytes. ``commit``: of the main branch.

    ``status``: what every request is answered with instead, if set; ``asked``: all paths.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.commit = COMMIT
        self.status: int | None = None
        self.asked: list[str] = []

    def __enter__(self) -> "Hub":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def respond(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a path: facts of the data set, or a file of it."""
        self.asked.append(path)
        if self.status is not None:
            return self.status, {}, b"{}"
        _, _, rest = path.lstrip("/").partition(f"datasets/{REPOSITORY}/")
        action, _, rest = rest.partition("/")
        revision, _, name = rest.partition("/")
        if action not in ("revision", "resolve") and path != f"/api/datasets/{REPOSITORY}":
            return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"
        if revision not in ("", "main", COMMIT, self.commit):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
        if action != "resolve":
            siblings = [{"rfilename": name} for name in self.files]
            facts = {
                "id": REPOSITORY,
                "sha": self.commit,
                "siblings": siblings,
                "private": False,
                "downloads": 0,
                "tags": [],
            }
            return 200, {"Content-Type": "application/json"}, json.dumps(facts).encode()
        if name not in self.files:
            return 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": revision}, b""
        tag = hashlib.sha1(self.files[name]).hexdigest()
        return 200, {"ETag": f'"{tag}"', "X-Repo-Commit": revision}, self.files[name]


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = hub.respond(unquote(self.path.partition("?")[0]))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    return Handler
