"""The stage ``sources``: reads the documents that the spec names and keeps the passages that the plan will use."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pairsmith.factory.folder import file_digest, written_whole
from pairsmith.factory.hub import SCHEME, HubFiles
from pairsmith.factory.plan import grounded_requests, passages_wanted
from pairsmith.factory.records import PASSAGES, digest
from pairsmith.factory.sources import SourceFiles, choose_passages, source_files
from pairsmith.factory.supply import distinct_passages
from pairsmith.progress import bar
from pairsmith.run import PASSAGES_FILE, Run, Stage

DRAWS = {"size", "seed", "groups", "languages", "grounded"}
"""Keys of the spec that decide how many passages of which language are wanted."""


def read_sources(run: Run) -> None:
    """Read the documents unless they and what is wanted of them are unchanged."""
    if run.spec.sources:
        SOURCES.do(run)


def passages(run: Run) -> pa.Table:
    """The chosen passages (schema PASSAGES): none where the spec names no sources."""
    if not run.spec.sources:
        return PASSAGES.empty_table()
    return pq.read_table(run.folder.need(PASSAGES_FILE, "plan"))


def grounded(run: Run) -> int:
    """How many requests start from a passage."""
    return int(run.folder.facts(SOURCES.name).get("grounded", 0)) if run.spec.sources else 0


def documents(run: Run) -> dict[str, int]:
    """Usable documents of the sources by language."""
    return dict(run.folder.facts(SOURCES.name).get("documents", {})) if run.spec.sources else {}


def passages_input(run: Run) -> dict[str, Any]:
    """What a plan that uses the passages depends on."""
    if not run.spec.sources:
        return {}
    weights = [source.weight for source in run.spec.sources]
    return {"passages": run.folder.digest(PASSAGES_FILE), "sources": digest(run.spec.grounded, weights)}


def _places(run: Run) -> list[SourceFiles]:
    """The files of each source. What was read from the Hub once is read from the same commit again."""
    pinned = {path: HubFiles(one[0], one[1], tuple(one[2])) for path, one in _known(run, "hub").items()}
    return [source_files(source, run.folder, pinned.get(source.path)) for source in run.spec.sources]


def _known(run: Run, fact: str) -> dict[str, Any]:
    return dict(run.folder.facts(SOURCES.name).get(fact, {}))


def _inputs(run: Run) -> dict[str, Any]:
    spec = run.spec
    sources = [source.model_dump(exclude={"weight"}) for source in spec.sources]
    return {
        "wanted": digest(spec.model_dump(include=DRAWS, mode="json")),
        "sources": digest(sources),
        "files": {name: state["sha256"] for name, state in _local_files(run).items()},
    }


def _local_files(run: Run) -> dict[str, Any]:
    """Size, time and digest of each file of the run folder; an unchanged size and time spare reading it again."""
    local = [source for source in run.spec.sources if not source.path.startswith(SCHEME)]
    found = {name: path() for source in local for name, path in source_files(source, run.folder).files.items()}
    return {name: _state(path, _known(run, "files").get(name)) for name, path in found.items()}


def _state(path: Path, known: dict[str, Any] | None) -> dict[str, Any]:
    now = {"size": path.stat().st_size, "mtime_ns": path.stat().st_mtime_ns}
    if known is not None and all(known[name] == value for name, value in now.items()):
        return known
    return {**now, "sha256": file_digest(path)}


def _choose(run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    places, files = _places(run), _local_files(run)
    with bar("sources", None, "document") as shown:
        choice = choose_passages(run.spec, passages_wanted(run.spec), places, shown.update)
    with written_whole(run.path / PASSAGES_FILE) as beside:
        pq.write_table(choice.passages, beside, compression="zstd")
    facts = {
        "documents": dict(choice.documents.most_common()),
        "passed_over": dict(choice.passed_over.most_common()),
        "grounded": grounded_requests(run.spec, distinct_passages(choice.passages)),
        "files": files,
        "hub": {source.path: place.hub for source, place in zip(run.spec.sources, places, strict=True) if place.hub},
    }
    return (PASSAGES_FILE,), facts


SOURCES = Stage("sources", _inputs, _choose)
