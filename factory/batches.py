"""The batch files of a run as its journal has them: exported, submitted, ended; and which asks an open one holds.

An ask that an open batch holds is pending, but is neither asked nor exported until the batch has ended.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

from pairsmith.factory.errors import RunError
from pairsmith.factory.journal import Journal

EXPORTED = "exported"
"""Status of a file that no service has been told of; it holds no asks."""
SUBMITTING = "submitting"
"""Status from before the service is told of a batch until it is known to have it; from here on the asks are held."""


@dataclass(frozen=True)
class Batch:
    """A batch file. ``id`` is ours, and stands in the service's metadata; ``remote`` and ``file_id`` are the service's.

    ``file``: its path in the run folder; ``status``: :data:`EXPORTED`, :data:`SUBMITTING`, or the service's word;
    ``ended_at``: when its answers were in the journal, None while it is open; ``answered``, ``failed``: lines of each
    kind that came; ``refused``: a feature that the endpoint refuses; ``detail``: what the service said. Times are seconds
    since 1970, UTC.
    """

    id: str
    step: str
    model: str
    base_url: str
    file: str
    sha256: str
    requests: int
    status: str
    exported_at: float
    submitted_at: float | None = None
    ended_at: float | None = None
    file_id: str | None = None
    remote: str | None = None
    answered: int = 0
    failed: int = 0
    refused: str | None = None
    detail: str | None = None

    @property
    def open(self) -> bool:
        """Whether it holds its asks."""
        return self.status != EXPORTED and self.ended_at is None


_COLUMNS = tuple(field.name for field in fields(Batch))
_HOLD = """
UPDATE asks SET batch = ? WHERE key IN (SELECT value FROM json_each(?))
AND answered_at IS NULL AND reason IS NULL AND batch IS NULL
"""


class Batches:
    """The batch files of ``journal``. Each change is on disk when its method returns."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def all(self) -> list[Batch]:
        """Every file that is exported and every batch that was submitted, the oldest first."""
        rows = self._journal.select(f"SELECT {', '.join(_COLUMNS)} FROM batches ORDER BY rowid")  # noqa: S608  constants
        return [Batch(*row) for row in rows]

    def open(self) -> list[Batch]:
        """Those that hold asks."""
        return [batch for batch in self.all() if batch.open]

    def add(self, batch: Batch) -> None:
        """Note an exported file."""
        marks = ", ".join("?" * len(_COLUMNS))
        with self._journal.transaction() as db:
            db.execute(f"INSERT INTO batches ({', '.join(_COLUMNS)}) VALUES ({marks})", astuple(batch))  # noqa: S608

    def forget_exported(self) -> list[Batch]:
        """Forget the files that were exported and never submitted; returns them."""
        found = [batch for batch in self.all() if batch.status == EXPORTED]
        with self._journal.transaction() as db:
            db.execute("DELETE FROM batches WHERE status = ?", (EXPORTED,))
        return found

    def hold(self, batch: Batch, keys: Sequence[str]) -> None:
        """The service is about to be told: ``batch`` holds the asks of ``keys`` from here on.

        Raises :class:`RunError`, and holds none, where one of them is not to be asked any more.
        """
        with self._journal.transaction() as db:
            held = db.execute(_HOLD, (batch.id, json.dumps(list(keys)))).rowcount
            if held != len(keys):
                raise RunError(
                    f"{batch.file}: {len(keys) - held:,} of its {len(keys):,} requests were answered, given up or submitted"
                    " since it was written; write it again with 'pairsmith batch export'"
                )
            db.execute(
                "UPDATE batches SET status = ?, submitted_at = ? WHERE id = ?", (SUBMITTING, time.time(), batch.id)
            )

    def note(self, batch: Batch, **columns: Any) -> None:
        """Note what the service said."""
        with self._journal.transaction() as db:
            _update(db, batch, columns)

    def free(self, batch: Batch, **columns: Any) -> None:
        """Note what became of ``batch``; it holds no asks any more."""
        with self._journal.transaction() as db:
            _update(db, batch, columns)
            db.execute("UPDATE asks SET batch = NULL WHERE batch = ?", (batch.id,))

    def refused(self, model: str, base_url: str) -> frozenset[str]:
        """Features that earlier batches found ``model`` to refuse."""
        known = "SELECT DISTINCT refused FROM batches WHERE model = ? AND base_url = ? AND refused IS NOT NULL"
        return frozenset(str(row[0]) for row in self._journal.select(known, model, base_url))


def _update(db: Any, batch: Batch, columns: dict[str, Any]) -> None:
    settings = ", ".join(f"{name} = ?" for name in columns)
    db.execute(f"UPDATE batches SET {settings} WHERE id = ?", (*columns.values(), batch.id))  # noqa: S608  our names
