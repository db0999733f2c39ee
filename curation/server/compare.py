"""Whether an environment holds what it should: ``python compare.py REQUIREMENTS``, by the environment's own Python.

A setting of pip (``target``, ``prefix``, ``dry-run``) can send packages elsewhere, and pip then reports success.
"""

import re
import sys
from importlib import metadata
from pathlib import Path


def absent(requirements: str) -> list[str]:
    """The pinned packages that are not there, or in another version."""
    wanted = [line.split("==") for line in requirements.splitlines() if "==" in line and not line.startswith("#")]
    there = {_same(one.name): one.version.partition("+")[0] for one in metadata.distributions()}
    return [name for name, version in wanted if there.get(_same(name)) != version.strip()]


def _same(name: str) -> str:
    """One spelling of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    if missing := absent(Path(sys.argv[1]).read_text(encoding="utf-8")):
        sys.exit(f"error: not there after pip was done: {', '.join(missing)}; see 'pip config list'")
