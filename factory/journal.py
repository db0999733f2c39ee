"""The journal: one durable SQLite file of everything that was asked of a language model, and what came back.

A paid answer is on disk (WAL, ``synchronous=FULL``) before anything else happens to it, stays when the plan changes,
and is never overwritten. Every ask of a step's plan is one of three: asked = answered + failed + pending.
"""

import hashlib
import json
import sqlite3
import struct
import threading
import time
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypedDict

from pairsmith.factory.chat import RECORDED, Answer, Ask, Entry, whole
from pairsmith.factory.errors import InputError, RunError
from pairsmith.factory.records import digest

Step = Literal["brainstorm", "generate"]

FORMAT_VERSION = 1
_APPLICATION_ID = 0x50534A4C  # "PSJL": tells a journal from any other SQLite file
_PAGE = 500  # rows that are in memory at once
_PATIENCE = 60.0  # seconds to wait for another process that is writing

_SCHEMA = """
CREATE TABLE asks (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    request_id TEXT NOT NULL,
    step TEXT NOT NULL,
    model TEXT NOT NULL,
    draw TEXT NOT NULL,
    prompt_version TEXT,
    finish_reason TEXT,
    tokens_in INTEGER,
    tokens_out INTEGER,
    tokens_cached INTEGER,
    reason TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    asked_at REAL,
    answered_at REAL,
    detail TEXT,
    params TEXT NOT NULL,
    schema TEXT,
    prompt TEXT NOT NULL,
    answer TEXT,
    CHECK ((answer IS NULL) = (answered_at IS NULL)),
    CHECK (answer IS NULL OR reason IS NULL)
);
-- Counting reads this index alone, not the long rows.
CREATE INDEX outcome ON asks (id, answered_at, reason, tokens_in, tokens_out);
CREATE TABLE plan (
    step TEXT NOT NULL,
    position INTEGER NOT NULL,
    ask INTEGER NOT NULL REFERENCES asks (id),
    PRIMARY KEY (step, position),
    UNIQUE (step, ask)
) WITHOUT ROWID;
"""

_FIND = "SELECT id, request_id, step, prompt_version, schema, answered_at FROM asks WHERE key = ?"
_ADD = """
INSERT INTO asks (key, request_id, step, model, draw, prompt_version, params, schema, prompt)
VALUES (:key, :request_id, :step, :model, :draw, :prompt_version, :params, :schema, :prompt)
"""
_RENAME = "UPDATE asks SET request_id = :request_id, step = :step WHERE id = :id"
_REFRESH = """
UPDATE asks SET request_id = :request_id, step = :step, prompt_version = :prompt_version, schema = :schema
WHERE id = :id
"""
_ANSWER = f"""
UPDATE asks SET answer = :text, finish_reason = :finish_reason, tokens_in = :tokens_in, tokens_out = :tokens_out,
    tokens_cached = :tokens_cached, reason = NULL, detail = NULL, attempts = attempts + :attempts,
    asked_at = :asked_at, answered_at = :ended_at
WHERE key = :key AND (answer IS NULL
    OR model = '{RECORDED}' AND (answer, finish_reason) IS NOT (:text, :finish_reason))
"""  # noqa: S608  a constant
_GIVE_UP = f"""
UPDATE asks SET answer = NULL, finish_reason = NULL, tokens_in = NULL, tokens_out = NULL, tokens_cached = NULL,
    answered_at = NULL, reason = :reason, detail = :detail, attempts = attempts + :attempts, asked_at = :asked_at
WHERE key = :key AND reason IS NOT :reason AND (answer IS NULL OR model = '{RECORDED}')
"""  # noqa: S608  a constant
_COUNT = """
SELECT answered_at IS NOT NULL, reason, count(*), total(tokens_in), total(tokens_out)
FROM plan JOIN asks INDEXED BY outcome ON asks.id = plan.ask
WHERE plan.step = ? GROUP BY 1, 2 ORDER BY 2
"""
_STATE = """
SELECT ask, answered_at FROM plan JOIN asks INDEXED BY outcome ON asks.id = plan.ask
WHERE plan.step = ? AND answered_at IS NOT NULL ORDER BY plan.position
"""
_ASK_COLUMNS = "request_id, model, params, prompt, prompt_version, schema, draw"
_ENTRY_COLUMNS = (
    "request_id, key, answer, finish_reason, model, prompt_version, tokens_in, tokens_out, tokens_cached,"
    " attempts, asked_at, answered_at"
)


class Counts(TypedDict):
    """asked = answered + the sum of ``failed`` (by reason code) + pending; tokens are those of the answers."""

    asked: int
    answered: int
    failed: dict[str, int]
    pending: int
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True)
class Outcome:
    """How one ask ended: with ``answer``, or given up for the code ``reason``. Times are seconds since 1970, UTC."""

    key: str
    answer: Answer | None
    reason: str | None
    detail: str | None
    attempts: int
    asked_at: float
    ended_at: float


@dataclass(frozen=True)
class Failure:
    """An ask of the plan that was given up."""

    request_id: str
    key: str
    reason: str
    detail: str
    attempts: int


class Journal:
    """The journal in the file ``path``, made there if it is missing. Safe to share between threads.

    Raises :class:`RunError` where the file is no journal, is damaged, or was written by a newer Pairsmith.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        try:
            self._db = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
            self._open()
        except sqlite3.Error as error:
            raise RunError(
                f"{path}: cannot be opened as a journal ({error}); move the file away and run again"
            ) from None

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def expect(self, asks: Iterable[Ask], step: Step) -> None:
        """Make ``asks``, in their order, the plan of ``step``; the same key counts once.

        Asks that are no longer planned leave the plan and every count, but keep their row and their answer: planned
        again, they are not asked again. Until all are written the former plan holds.
        """
        rows = array("q")
        remaining = iter(asks)
        while chunk := list(islice(remaining, _PAGE)):
            with self._transaction():
                rows.extend(self._remember(ask, step) for ask in chunk)
        with self._transaction() as db:
            db.execute("DELETE FROM plan WHERE step = ?", (step,))
            numbered = ((step, position, row) for position, row in enumerate(rows))
            db.executemany("INSERT OR IGNORE INTO plan (step, position, ask) VALUES (?, ?, ?)", numbered)

    def pending(self, step: Step) -> Iterator[Ask]:
        """Asks of the plan that are neither answered nor given up, in plan order."""
        return self._asks(step, "AND answered_at IS NULL AND reason IS NULL")

    def planned(self, step: Step) -> Iterator[Ask]:
        """All asks of the plan, in plan order."""
        return self._asks(step, "")

    def reopen(self, step: Step, reasons: Collection[str]) -> int:
        """Make asks that were given up for one of ``reasons`` pending again; returns how many."""
        marks = ",".join("?" * len(reasons))
        with self._transaction() as db:
            return db.execute(
                f"UPDATE asks SET reason = NULL, detail = NULL WHERE reason IN ({marks})"  # noqa: S608  marks only
                " AND id IN (SELECT ask FROM plan WHERE step = ?)",
                (*reasons, step),
            ).rowcount

    def store(self, key: str, answer: Answer, attempts: int = 1, asked_at: float | None = None) -> None:
        """Keep an answer; on disk when this returns. An answer already there stays, unless it is a recorded one."""
        now = time.time()
        self.record([Outcome(key, answer, None, None, attempts, asked_at or now, now)])

    def give_up(self, key: str, reason: str, detail: str, attempts: int = 1, asked_at: float | None = None) -> None:
        """Note that an ask failed, with a countable ``reason`` and what was said; an answered one stays answered."""
        now = time.time()
        self.record([Outcome(key, None, reason, detail, attempts, asked_at or now, now)])

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Keep outcomes in one commit; on disk when this returns.

        Raises :class:`RunError` where the disk is full or the file cannot be written, and ``KeyError`` for a key that
        was never expected; nothing of ``outcomes`` is kept then.
        """
        with self._transaction() as db:
            for outcome in outcomes:
                statement = _GIVE_UP if outcome.answer is None else _ANSWER
                changed = db.execute(statement, _outcome_values(outcome)).rowcount
                if not changed and db.execute(_FIND, (outcome.key,)).fetchone() is None:
                    raise KeyError(f"{self._path}: key '{outcome.key}' was never expected")

    def answers(self, step: Step) -> Iterator[Entry]:
        """Answered asks of the plan, in plan order."""
        for row in self._rows(step, _ENTRY_COLUMNS, "AND answered_at IS NOT NULL"):
            yield Entry(*row)

    def failures(self, step: Step) -> Iterator[Failure]:
        """Asks of the plan that were given up, in plan order."""
        for row in self._rows(step, "request_id, key, reason, detail, attempts", "AND reason IS NOT NULL"):
            yield Failure(*row)

    def counts(self, step: Step) -> Counts:
        """How the plan of ``step`` stands."""
        counts = Counts(asked=0, answered=0, failed={}, pending=0, tokens_in=0, tokens_out=0)
        with self._lock, self._readable():
            groups = self._db.execute(_COUNT, (step,)).fetchall()
        for answered, reason, number, tokens_in, tokens_out in groups:
            counts["asked"] += number
            if answered:
                counts["answered"] += number
                counts["tokens_in"] += int(tokens_in)
                counts["tokens_out"] += int(tokens_out)
            elif reason is None:
                counts["pending"] += number
            else:
                counts["failed"][reason] = number
        return counts

    def state(self, step: Step) -> str:
        """A digest that changes whenever the plan of ``step``, one of its answers or a count does."""
        seen = hashlib.sha256()
        with self._lock, self._readable():
            for row, answered_at in self._db.execute(_STATE, (step,)):
                seen.update(struct.pack("<qd", row, answered_at))
            return digest(seen.hexdigest(), self.counts(step))

    def _open(self) -> None:
        self._db.execute("PRAGMA synchronous = FULL")
        if self._check_format() == FORMAT_VERSION:
            return
        self._db.execute("PRAGMA journal_mode = WAL")
        with self._transaction() as db:
            if self._check_format() == FORMAT_VERSION:  # made by another process in this very moment
                return
            for statement in _SCHEMA.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {FORMAT_VERSION}")

    def _check_format(self) -> int:
        """The file's format version, 0 for a new file."""
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (tables,) = self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables and application != _APPLICATION_ID:
            raise RunError(f"{self._path}: a database of another program, no journal; move the file away and run again")
        if version > FORMAT_VERSION:
            raise RunError(
                f"{self._path}: journal of format {version}, this Pairsmith reads up to {FORMAT_VERSION};"
                " update Pairsmith (pip install -U pairsmith)"
            )
        return int(version)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """An error of the file, while it is opened or read, becomes one line."""
        try:
            yield
        except sqlite3.Error as error:
            raise RunError(
                f"{self._path}: cannot be read as a journal ({error}); put a copy back, or move it away and run again"
            ) from None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, alone; an error of the file becomes one line."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                raise RunError(
                    f"{self._path}: cannot be written ({error}); what was stored before is safe: make room or close"
                    " what holds the file, and run again"
                ) from None
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def _remember(self, ask: Ask, step: Step) -> int:
        """The row of an ask, added if it is new; what does not belong to the key follows the plan."""
        values = _ask_values(ask, step)
        found = self._db.execute(_FIND, (ask.key,)).fetchone()
        if found is None:
            return int(self._insert(ask, values))
        row, request_id, known_step, version, schema, answered = found
        if answered is None and (request_id, known_step, version, schema) != (
            ask.id,
            step,
            ask.prompt_version,
            values["schema"],
        ):
            self._db.execute(_REFRESH, {**values, "id": row})
        elif (request_id, known_step) != (ask.id, step):
            self._db.execute(_RENAME, {**values, "id": row})  # an answer keeps the prompt version it was asked with
        return int(row)

    def _insert(self, ask: Ask, values: dict[str, Any]) -> int:
        try:
            return self._db.execute(_ADD, values).lastrowid or 0
        except UnicodeEncodeError:
            raise InputError(
                f"request '{ask.id}': its text holds half a character (a lone surrogate); correct it"
            ) from None

    def _asks(self, step: Step, condition: str) -> Iterator[Ask]:
        for request_id, model, params, prompt, version, schema, draw in self._rows(step, _ASK_COLUMNS, condition):
            wanted = None if schema is None else json.loads(schema)
            yield Ask(request_id, model, json.loads(params), prompt, version, wanted, draw)

    def _rows(self, step: Step, columns: str, condition: str) -> Iterator[tuple[Any, ...]]:
        """Rows of the plan in order, a page at a time: no read stays open while answers are written."""
        query = (
            f"SELECT position, {columns} FROM plan JOIN asks ON asks.id = plan.ask"  # noqa: S608  constants
            f" WHERE plan.step = ? AND position > ? {condition} ORDER BY position LIMIT {_PAGE}"
        )
        position = -1
        while True:
            with self._lock, self._readable():
                page = self._db.execute(query, (step, position)).fetchall()
            for row in page:
                yield row[1:]
            if len(page) < _PAGE:
                return
            position = page[-1][0]


def _ask_values(ask: Ask, step: Step) -> dict[str, Any]:
    return {
        "key": ask.key,
        "request_id": ask.id,
        "step": step,
        "model": ask.model,
        "draw": ask.draw,
        "prompt_version": ask.prompt_version,
        "params": _json(dict(ask.params)),
        "schema": None if ask.schema is None else _json(ask.schema),
        "prompt": ask.prompt,
    }


def _outcome_values(outcome: Outcome) -> dict[str, Any]:
    answer = outcome.answer or Answer("", "")
    return {
        "key": outcome.key,
        "text": whole(answer.text),
        "finish_reason": whole(answer.finish_reason),
        "tokens_in": answer.tokens_in,
        "tokens_out": answer.tokens_out,
        "tokens_cached": answer.tokens_cached,
        "reason": outcome.reason,
        "detail": whole(outcome.detail or ""),
        "attempts": outcome.attempts,
        "asked_at": outcome.asked_at,
        "ended_at": outcome.ended_at,
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
