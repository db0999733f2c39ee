"""Recorded answers as files of a batch and back: the one names requests by id, the other by key."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pairsmith.factory.batch import convert
from pairsmith.factory.chat import RECORDED
from pairsmith.run import open_run


def convert_answers(source: Path, target: Path, run: Path | None) -> dict[str, Any]:
    """Convert ``source`` to ``target``; the ids are exchanged where the journal of ``run`` knows them, and stay otherwise."""
    names: dict[str, str] = {}
    if run is not None:
        with open_run(run).journal() as journal:
            rows = journal.select("SELECT key, request_id FROM asks WHERE model != ? ORDER BY id", RECORDED)
        names = {str(key): str(request) for key, request in rows}
        names |= {request: key for key, request in names.items()}
    found = convert(source, target, lambda name: names.get(name, name))
    return {"path": str(target), **asdict(found)}
