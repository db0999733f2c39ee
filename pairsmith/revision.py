"""The revision of the project that a run lies in, as git names it."""

import subprocess
from pathlib import Path

_SECONDS = 20  # git looks at every file of the project; a release does not hang on it


def revision(folder: Path) -> str | None:
    """The commit that is checked out where ``folder`` lies, with ``-dirty`` where tracked files differ from it.

    None where that is no git repository, has no commit, or there is no git.
    """
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None
