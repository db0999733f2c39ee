"""The environment that Argilla's server runs in: made on first use, pinned, apart from ours, which needs newer versions."""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pairsmith.factory.errors import RunError

SERVER = Path(__file__).parent / "server"
"""What runs there: ``requirements.txt`` and the scripts, which nothing here imports."""
_READY = "ready"


def environment(say: Callable[[str], None], requirements: Path = SERVER / "requirements.txt") -> Path:
    """The Python of the environment that holds ``requirements``; it is made where it is missing or was left half-made.

    ``say`` is told before something that takes minutes. Raises :class:`RunError` with pip's own words where it cannot
    be made. Of processes that want it at once one makes it, and the others wait.
    """
    folder = _cache() / f"argilla-{_digest(requirements)}"
    python = folder / "bin" / "python"
    if _whole(folder):
        return python
    with _alone(folder, say) as lock:
        if not _whole(folder):
            say(
                f"making the environment of the review server in {folder}: once, 600 MB, one to five minutes"
                " (most of it download)"
            )
            _make(folder, requirements, lock)
    return python


def _cache() -> Path:
    """The folder of what can be made again; a relative ``XDG_CACHE_HOME`` counts for nothing, as its standard says."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".cache") / "pairsmith"


def _digest(requirements: Path) -> str:
    """Names the environment: other requirements, another Python or machine need another one."""
    machine = f"{sys.implementation.cache_tag} {platform.system()} {platform.machine()}\n"
    return hashlib.sha256(machine.encode() + requirements.read_bytes()).hexdigest()[:12]


def _whole(folder: Path) -> bool:
    """Whether it was made to its end, and the Python that it rests on is still there."""
    return (folder / _READY).exists() and (folder / "bin" / "python").exists()


@contextmanager
def _alone(folder: Path, say: Callable[[str], None]) -> Iterator[int]:
    """Hold the lock of the folder; its descriptor is for who works there, so that none is left to work beside the next."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another pairsmith that makes {folder}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def _make(folder: Path, requirements: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    python = [str(folder / "bin" / "python"), "-I"]  # our user's PYTHONPATH is not for it
    pip = [*python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    try:
        _run([sys.executable, "-m", "venv", str(folder)], "venv", lock)
        _run([*pip, "--requirement", str(requirements)], "pip", lock)
        _run([*python, str(SERVER / "compare.py"), str(requirements)], "a look into it", lock)
    except RunError:
        shutil.rmtree(folder, ignore_errors=True)  # a full disk is not left full
        raise
    (folder / _READY).touch()


def _run(command: list[str], name: str, lock: int) -> None:
    done = subprocess.run(  # noqa: S603
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", pass_fds=(lock,)
    )
    if done.returncode:
        raise RunError(
            f"the environment of the review server could not be made: {name} says '{_reason(done.stderr or done.stdout)}';"
            " mend that (network, 600 MB of disk, Python 3.11 to 3.13) and run again, or review on another Argilla"
            " server with --url"
        )


def _reason(output: str) -> str:
    """The first line that says what was wrong (pip tries again for long, and ends with advice), or all, shortened."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("error", "fatal"))]
    traced = lines[-1:] if any(line.startswith("Traceback") for line in lines) else []
    return (errors or traced or [" ".join(lines) or "nothing"])[0][:300]
