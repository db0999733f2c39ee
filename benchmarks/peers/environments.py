"""The peers, each in a virtual environment of its own under ``.venv/peers``, made when it is missing.

    python benchmarks/peers/environments.py                  # make them all
    python benchmarks/peers/environments.py --base-url URL   # and run each against an endpoint

A peer that does not install, fails or finds no end is a reason in one line, never an error.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parent.parent / ".venv" / "peers"
PEERS = ("distilabel", "curator", "data_designer")
INSTALL_SECONDS = 900.0
"""A peer has 50 to 120 packages of together up to 900 MB."""


_ERROR = re.compile(r"ERROR: |[\w.]+(Error|Exception)\b")  # pip's line, or the last one of a traceback


def run(peer: str, base_url: str, rows: int, concurrency: int, timeout: float) -> dict[str, Any] | str:
    """What the script of ``peer`` prints (see ``Stopwatch.tell`` in measure.py), or why there is nothing, in one line.

    ``timeout``: seconds for the script; then it is killed with all that it started.
    """
    python = environment(HERE / f"{peer}.txt", ENVIRONMENTS / peer)
    if isinstance(python, str):
        return python
    script = HERE / f"{peer}_run.py"
    return measured([str(python), str(script), *_options(base_url, rows, concurrency)], timeout)


def run_bare(
    transport: str, base_url: str, rows: int, concurrency: int, timeout: float, uvloop: bool = False
) -> dict[str, Any] | str:
    """The same for a transport of bare.py, with the Python that runs this."""
    command = [sys.executable, str(HERE / "bare.py"), "--transport", transport, *(["--uvloop"] if uvloop else [])]
    return measured([*command, *_options(base_url, rows, concurrency)], timeout)


def environment(requirements: Path, folder: Path) -> Path | str:
    """The Python of the environment in ``folder``, which holds exactly ``requirements``; or why there is none."""
    python, done = folder / "bin" / "python", folder / "installed.txt"
    wanted = requirements.read_text(encoding="utf-8")
    if python.exists() and done.exists() and done.read_text(encoding="utf-8") == wanted:
        return python
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2"]
    for command in ([sys.executable, "-m", "venv", "--clear", str(folder)], [*pip, "-r", str(requirements)]):
        code, _, errors = _call(command, dict(os.environ), INSTALL_SECONDS)
        if code != 0:
            return f"does not install: {_reason(code, errors, INSTALL_SECONDS)}"
    done.write_text(wanted, encoding="utf-8")
    return python


def measured(command: Sequence[str], timeout: float) -> dict[str, Any] | str:
    """The JSON object in the last line that the command prints, or why there is none. It sees no keys and no home."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        keyless = {name: value for name, value in os.environ.items() if not name.endswith(("_KEY", "_TOKEN"))}
        code, output, errors = _call(command, {**keyless, "HOME": home}, timeout)
    if code != 0:
        return _reason(code, errors, timeout)
    return json.loads(output.splitlines()[-1])


def _options(base_url: str, rows: int, concurrency: int) -> list[str]:
    return ["--base-url", base_url, "--rows", str(rows), "--concurrency", str(concurrency)]


def _call(command: Sequence[str], variables: dict[str, str], timeout: float) -> tuple[int | None, str, str]:
    """Exit code (None: killed after ``timeout``), what was printed, and what was printed as errors."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, env=variables, text=True, errors="replace", start_new_session=True, **streams)
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return None, *process.communicate()
    return process.returncode, output, errors


def _reason(code: int | None, errors: str, timeout: float) -> str:
    if code is None:
        return f"no end in {timeout:g} s"
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    named = [line for line in lines if _ERROR.match(line)]
    return f"exit code {code}: {(named or lines or ['no message'])[-1][:200]}"


def main() -> None:
    """Make the environments; with an endpoint, run each peer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="*", default=PEERS, help=f"of {', '.join(PEERS)}; default all")
    parser.add_argument("--base-url")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--timeout", type=float, default=150.0)
    given = parser.parse_args()
    for peer in given.peers:
        if given.base_url is None:
            found: object = environment(HERE / f"{peer}.txt", ENVIRONMENTS / peer)
        else:
            found = run(peer, given.base_url, given.rows, given.concurrency, given.timeout)
        print(f"{peer}: {json.dumps(found) if isinstance(found, dict) else found}", flush=True)


if __name__ == "__main__":
    main()
