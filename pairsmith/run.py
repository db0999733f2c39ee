"""A run: its folder, its spec, the names of its artifacts, and how a stage of the line is done, or skipped."""

import importlib.metadata
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pairsmith import __version__
from pairsmith.factory.folder import RunFolder
from pairsmith.factory.journal import Journal
from pairsmith.factory.records import PAIRS, REJECTED, REQUESTS, REVIEWED, VERDICTS
from pairsmith.factory.spec import FILE, Spec, read_spec
from pairsmith.factory.tables import TableFile

JOURNAL = "journal.sqlite"
PASSAGES_FILE = "passages.parquet"
TASKS_FILE = "tasks.parquet"
REQUESTS_FILE = "requests.parquet"
ROUNDS_FILE = "rounds.jsonl"
CANDIDATES = "candidates.parquet"
VERDICTS_FILE = "verdicts.parquet"
ACCEPTED = "accepted.parquet"
REJECTED_FILE = "rejected.parquet"
REVIEWED_FILE = "reviewed.parquet"
REVIEW_VERDICTS = "review_verdicts.parquet"
REPORT = "report.html"
LEDGER = "ledger.json"
RELEASES = "releases"
PARTS = "parts"
BATCH = 10_000  # rows that are in memory at once
SCHEMAS = {
    REQUESTS_FILE: REQUESTS,
    CANDIDATES: PAIRS,
    VERDICTS_FILE: VERDICTS,
    ACCEPTED: PAIRS,
    REJECTED_FILE: REJECTED,
    REVIEWED_FILE: REVIEWED,
    REVIEW_VERDICTS: VERDICTS,
}
PART = BATCH // 2
"""Requests whose answers are judged together: enough that a gate's cost lies in its rows, and a small part of what fits in
memory. A batch is a whole number of parts: where requests are added at the end, the parts before stay as they are."""
PART_TEXT = 16_000_000
"""Characters of answers after which a part is full all the same: three times what a part of the method's answers has."""
TOOLS = ("datasketch", "fasttext", "numpy", "openai", "pyarrow", "pycld2", "pydantic", "regex")


@dataclass(frozen=True)
class Run:
    """A run folder and its spec. ``workers``: processes that judge rows."""

    folder: RunFolder
    spec: Spec
    workers: int = 1

    @property
    def path(self) -> Path:
        """Where the run is."""
        return self.folder.path

    def journal(self) -> Journal:
        """Every request asked and every answer received."""
        return Journal(self.path / JOURNAL)

    def table(self, name: str) -> TableFile:
        """An artifact that is a table (see :data:`SCHEMAS`), to be read in batches."""
        return TableFile(self.path / name, SCHEMAS[name], f"'pairsmith run {self.path}' makes it again")


class Stage:
    """A stage of the line.

    ``inputs``: digests and settings that decide its result; ``make``: does the work and returns the names of what it
    wrote and the facts to note. The stage is done while the inputs and outputs are unchanged and ``settled(facts)`` holds.
    """

    def __init__(
        self,
        name: str,
        inputs: Callable[[Run], Mapping[str, Any]],
        make: Callable[[Run], tuple[tuple[str, ...], Mapping[str, Any]]],
        settled: Callable[[Mapping[str, Any]], bool] = lambda _: True,
    ) -> None:
        self.name = name
        self._inputs = inputs
        self._make = make
        self._settled = settled

    def done(self, run: Run) -> bool:
        """Whether there is nothing to do."""
        known = run.folder.facts(self.name)
        return bool(known) and self._settled(known) and run.folder.fresh(self.name, self._everything(run))

    def do(self, run: Run) -> dict[str, Any]:
        """Do the stage unless it is done; returns its facts."""
        if not self.done(run):
            inputs = self._everything(run)
            outputs, facts = self._make(run)
            run.folder.done(self.name, inputs, outputs, facts)
        return run.folder.facts(self.name)

    def _everything(self, run: Run) -> dict[str, Any]:
        return {"pairsmith": __version__, **self._inputs(run)}


def open_run(path: Path, workers: int = 1) -> Run:
    """Open a run folder; its spec is read and checked."""
    folder = RunFolder(path)
    return Run(folder, read_spec(path / FILE), workers)


def tool_versions() -> dict[str, str]:
    """Versions of what decides the result."""
    versions = {name: importlib.metadata.version(name) for name in TOOLS}
    return {"pairsmith": __version__, "python": platform.python_version(), **versions}
