"""Rows are judged in parts of some thousand; what is found of a part lies in a folder of its own, so that it stays finished.

The folder is named by a digest of what decides its content: the rows, the gates, the files that they read. ``rows.arrow``
(schema PAIRS) is what is to be judged and goes away when it is; ``verdicts.arrow`` and ``sketch-<n>.arrow`` are what was
found; ``done.json``, written last, holds their digests.
"""

import hashlib
import json
import shutil
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from pairsmith.factory.folder import file_digest, written_whole
from pairsmith.factory.records import PAIRS, digest
from pairsmith.factory.spec import GatesSpec
from pairsmith.validators.gate import Gate
from pairsmith.validators.judging import judge_rows

ROWS = "rows.arrow"
VERDICTS_OF_PART = "verdicts.arrow"
DONE = "done.json"


class Line(NamedTuple):
    """The gates of a run, and what they are built from: other processes have their own."""

    spec: GatesSpec
    folder: Path
    gates: Sequence[Gate]


class Part(NamedTuple):
    """So many rows to be judged, and the folder where they lie, or where what was found of them lies already."""

    folder: Path
    rows: int
    finished: bool = False

    @property
    def verdicts(self) -> Path:
        """Verdicts of all gates that judge each row alone (schema VERDICTS)."""
        return self.folder / VERDICTS_OF_PART

    def sketch(self, number: int) -> Path:
        """What the ``number``-th sketching gate noted of the rows that were kept."""
        return self.folder / f"sketch-{number}.arrow"


def lay_out(rows: pa.Table, decisive: Any, parts: Path) -> Part:
    """A part of ``rows`` (schema PAIRS), in a folder in ``parts``: its rows, unless it is finished.

    ``decisive``: what decides the verdicts beside the rows, ready for JSON.
    """
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, PAIRS) as writer:
        writer.write_table(rows.combine_chunks())
    content = sink.getvalue()
    seen = hashlib.sha256(content).hexdigest()
    folder = parts / digest(seen, decisive)
    part = Part(folder, rows.num_rows, is_finished(folder))
    if part.finished:
        (folder / ROWS).unlink(missing_ok=True)  # of a worker that died when all else was done
    else:
        with written_whole(part.folder / ROWS) as beside:
            beside.write_bytes(content)
    return part


def names(part: Part) -> str:
    """Which rows are in a part that is not finished: the first and the last of them."""
    ids = read_table(part.folder / ROWS)["id"]
    return f"'{ids[0]}' to '{ids[-1]}' ({part.rows:,})"


def remove_others(parts: Path, wanted: Collection[Path]) -> None:
    """Remove the folders of parts that are not ``wanted`` any more."""
    for folder in set(parts.iterdir()) - set(wanted) if parts.is_dir() else ():
        shutil.rmtree(folder)


def judge_part(gates: Sequence[Gate], part: Part) -> None:
    """Judge the rows that lie in the folder of ``part``, and leave there what was found in their place.

    Nothing is left to do where another process came to its end, and died before it could say so.
    """
    if is_finished(part.folder):
        return
    with pa.memory_map(str(part.folder / ROWS)) as source:
        judged = judge_rows(gates, pa.ipc.open_file(source).read_all())
        write_table(part.verdicts, judged.verdicts, compression="lz4")
        for number, sketch in enumerate(judged.sketches):
            write_table(part.sketch(number), sketch)
    note_finished(part.folder, [part.verdicts, *(part.sketch(number) for number in range(len(judged.sketches)))])
    (part.folder / ROWS).unlink()


def read_table(path: Path) -> pa.Table:
    """A table that :func:`write_table` wrote, in memory."""
    with path.open("rb") as source:
        return pa.ipc.open_file(source).read_all()


def write_table(path: Path, table: pa.Table, compression: str | None = None) -> None:
    """The table as an Arrow file, whole or not at all."""
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with written_whole(path) as beside, pa.ipc.new_file(str(beside), table.schema, options=options) as writer:
        writer.write_table(table)


def note_finished(folder: Path, files: Iterable[Path]) -> None:
    """Note that ``files`` are all that is to be in ``folder``: the last thing that is done there."""
    with written_whole(folder / DONE) as beside:
        beside.write_text(json.dumps({file.name: file_digest(file) for file in files}), encoding="utf-8")


def is_finished(folder: Path) -> bool:
    """Whether all that is to be in ``folder``, see :func:`note_finished`, is there as it was written."""
    try:
        digests = json.loads((folder / DONE).read_text(encoding="utf-8"))
        return all(file_digest(folder / name) == known for name, known in digests.items())
    except (OSError, ValueError, AttributeError):
        return False
