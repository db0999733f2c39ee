"""``review serve`` and ``hub serve``: servers on this machine, until Ctrl-C."""

from pathlib import Path
from typing import Any

from pairsmith.curation.argilla_local import LocalServer
from pairsmith.curation.argilla_process import serve
from pairsmith.curation.hub_accounts import Account
from pairsmith.curation.hub_serving import serve_hub
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


def serve_folder(folder: Path, port: int | None) -> dict[str, Any]:
    """Run a Hub with its state in ``folder`` until Ctrl-C or SIGTERM; how to reach it is said first."""
    return {"url": serve_hub(folder, port, _how_to_reach), "folder": str(folder)}


def _how_to_reach(url: str, account: Account, file: Path) -> None:
    note("Hub ready (stop it with Ctrl-C); in another terminal:")
    note(f"  export HF_ENDPOINT={url}")
    note(f"  export HF_TOKEN={account.token}  # good here alone; accounts are kept in {file}")
