"""``review serve``: the run's own review server, until Ctrl-C."""

from typing import Any

from pairsmith.curation.argilla_local import LocalServer
from pairsmith.curation.argilla_process import serve
from pairsmith.progress import note
from pairsmith.run import Run


def serve_run(run: Run, port: int | None) -> dict[str, Any]:
    """Run the server of a run until Ctrl-C or SIGTERM; who signs in with which password is said when it is new."""
    review = run.spec.review
    server = serve(run.path, review.reviewers, review.workspace, port, _welcome, note)
    return {"url": server.url, "folder": str(server.folder)}


def _welcome(server: LocalServer) -> None:
    note(f"review server ready: {server.url}  (stop it with Ctrl-C; push and pull from another terminal)")
    for name, account in server.untold.items():
        note(f"  {name} ({account.role}), password {account.password}")
    note(f"  passwords and keys are kept in {server.file}")
