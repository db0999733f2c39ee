"""Runs of recorded answers, of any size, and the gate stage on them in processes that can be stopped."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NAMES = ("candidates", "verdicts", "accepted", "rejected")
QUICK = {
    name: {"enabled": False} for name in ("format", "language", "leakage", "privacy", "contamination", "duplicates")
}
"""Gates that cost next to nothing: only ``length``."""

SCRIPT = """
import sys
import pairsmith.factory.pairs
import pairsmith.pairs
import pairsmith.parsing
pairsmith.parsing.PART = pairsmith.pairs.PART = pairsmith.factory.pairs.READ = int(sys.argv[1])
from pairsmith.cli import main
sys.exit(main(sys.argv[2:]))
"""


def record(folder: Path, answers: Sequence[str], gates: Mapping[str, Any] = QUICK) -> Path:
    """A run whose requests (group ``sts``) were answered so."""
    folder.mkdir(exist_ok=True)
    model = {"provider": "recorded", "answers": "completions.jsonl"}
    spec = {"requests": "requests.jsonl", "models": {"generate": model}, "gates": gates}
    (folder / "factory.yml").write_text(json.dumps(spec))  # JSON is YAML
    with (folder / "requests.jsonl").open("w") as requests, (folder / "completions.jsonl").open("w") as completions:
        for number, answer in enumerate(answers):
            requests.write(json.dumps({"id": f"r{number}", "group": "sts", "language": "en"}) + "\n")
            line = {"id": f"r{number}", "completion": answer, "finish_reason": "stop"}
            completions.write(json.dumps(line, ensure_ascii=False) + "\n")
    return folder


def answer(number: int, words: int = 12) -> str:
    """Every seventh breaks off, every fifth is too short to be kept."""
    if number % 7 == 6:
        return '{"S1": "It breaks'
    text = "yes" if number % 5 == 4 else " ".join(f"word{number * step}" for step in range(1, words + 1))
    return json.dumps({"S1": text, "S2": f"{text} again", "S3": f"other {text}"})


def start(size: int, *command: object, **options: Any) -> "subprocess.Popen[str]":
    """The command line in a process of its own, with parts of ``size`` requests or rows of a file."""
    line = [sys.executable, "-c", SCRIPT, str(size), *map(str, command)]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options)


def finish(size: int, *command: object, **options: Any) -> tuple[int, str]:
    """Exit code and what stands on stderr."""
    process = start(size, *command, **options)
    _, errors = process.communicate(timeout=600)
    return process.returncode, errors


def written(folder: Path) -> dict[str, bytes]:
    """What the gate stage wrote."""
    return {name: (folder / f"{name}.parquet").read_bytes() for name in NAMES}


def parts_of(folder: Path) -> dict[str, int]:
    """Finished parts, and when each was."""
    return {os.fspath(path.parent): path.stat().st_mtime_ns for path in (folder / "parts").glob("*/done.json")}
