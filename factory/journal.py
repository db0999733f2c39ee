"""The journal: one durable SQLite file of everything that was asked of a language model, and what came back.

A paid answer is on disk (WAL, ``synchronous=FULL``) before anything else happens to it, stays when the plan changes,
and is never overwritten. Every ask of a step's plan is one of three: asked = answered + failed + pending.
"""

import hashlib
import json
import sqlite3
import struct
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict

from pairsmith.factory.chat import RECORDED, Answer, Ask, Entry
from pairsmith.factory.errors import InputError, RunError
from pairsmith.factory.estimate import text_tokens
from pairsmith.factory.journal_format import prepare
from pairsmith.factory.records import digest
from pairsmith.factory.text import whole

Step = Literal["brainstorm", "generate", "repair"]
Via = Literal["chat", "batch"]
STEPS: tuple[Step, ...] = ("brainstorm", "generate", "repair")

_PAGE = 500  # rows that are in memory at once
_PATIENCE = 60.0  # seconds to wait for another process that is writing

_FIND = "SELECT id, request_id, step, prompt_version, schema, slice, answered_at FROM asks WHERE key = ?"
_ADD = """
INSERT INTO asks (key, request_id, step, model, draw, prompt_version, params, schema, prompt, slice, parent)
VALUES (:key, :request_id, :step, :model, :draw, :prompt_version, :params, :schema, :prompt, :slice, :parent)
"""
_RENAME = "UPDATE asks SET request_id = :request_id, step = :step, slice = :slice WHERE id = :id"
_REFRESH = """
UPDATE asks SET request_id = :request_id, step = :step, slice = :slice, prompt_version = :prompt_version,
    schema = :schema
WHERE id = :id
"""
_PLACE = """
INSERT INTO plan (step, position, ask) VALUES (?, ?, ?)
ON CONFLICT (step, ask) DO UPDATE SET position = excluded.position WHERE position < ?
"""
_ANSWER = f"""
UPDATE asks SET answer = :text, finish_reason = :finish_reason, tokens_in = :tokens_in, tokens_out = :tokens_out,
    tokens_cached = :tokens_cached, reason = NULL, detail = NULL, attempts = attempts + :attempts,
    lost = lost + :lost, asked_at = :asked_at, answered_at = :ended_at, via = :via, batch = NULL
WHERE key = :key AND (answer IS NULL
    OR model = '{RECORDED}' AND (answer, finish_reason) IS NOT (:text, :finish_reason))
"""  # noqa: S608  a constant
_GIVE_UP = f"""
UPDATE asks SET answer = NULL, finish_reason = NULL, tokens_in = NULL, tokens_out = NULL, tokens_cached = NULL,
    answered_at = NULL, reason = :reason, detail = :detail, attempts = attempts + :attempts, lost = lost + :lost,
    asked_at = :asked_at, batch = NULL
WHERE key = :key AND reason IS NOT :reason AND (answer IS NULL OR model = '{RECORDED}')
"""  # noqa: S608  a constant
_COUNT = """
SELECT answered_at IS NOT NULL, reason, batch IS NOT NULL, count(*), total(tokens_in), total(tokens_out)
FROM plan JOIN asks INDEXED BY outcome ON asks.id = plan.ask
WHERE plan.step = ? AND plan.position >= ? GROUP BY 1, 2, 3 ORDER BY 2
"""
_STATE = """
SELECT ask, answered_at FROM plan JOIN asks INDEXED BY outcome ON asks.id = plan.ask
WHERE plan.step = ? AND plan.position >= ? AND answered_at IS NOT NULL ORDER BY plan.position
"""
_SPENT = """
SELECT model, step, slice, via, count(answered_at), total(tokens_in), total(tokens_out), total(tokens_cached),
    sum(answered_at IS NOT NULL AND (tokens_in IS NULL OR tokens_out IS NULL)), sum(lost)
FROM asks INDEXED BY outcome WHERE (answered_at IS NOT NULL OR lost > 0) AND model != ?
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
_UNMETERED = """
SELECT CASE WHEN tokens_in IS NULL THEN prompt ELSE '' END, CASE WHEN tokens_out IS NULL THEN answer ELSE '' END FROM asks
WHERE model = ? AND step = ? AND slice = ? AND via = ? AND answer IS NOT NULL
    AND (tokens_in IS NULL OR tokens_out IS NULL)
"""
_LOST = """
SELECT lost, prompt, coalesce(json_extract(params, '$.max_tokens'), 0) FROM asks
WHERE model = ? AND step = ? AND slice = ? AND via = ? AND lost > 0
"""
_KNOWN = """
SELECT key, answered_at IS NOT NULL, reason, batch FROM asks WHERE key IN (SELECT value FROM json_each(?))
"""
_ASK_COLUMNS = "request_id, model, params, prompt, prompt_version, schema, draw, slice, parent"
_ENTRY_COLUMNS = (
    "request_id, key, answer, finish_reason, model, prompt_version, tokens_in, tokens_out, tokens_cached,"
    " attempts, asked_at, answered_at"
)
_GENERATION = 2**40  # positions of a plan: what a new plan has not placed again lies below its first position


class Counts(TypedDict):
    """asked = answered + the sum of ``failed`` (by reason code) + pending; tokens are those of the answers.

    ``in_batch``: those of the pending ones that an open batch holds.
    """

    asked: int
    answered: int
    failed: dict[str, int]
    pending: int
    in_batch: int
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True)
class Outcome:
    """How one ask ended: with ``answer``, or given up for the code ``reason``. Times are seconds since 1970, UTC.

    ``lost``: tries that may have been paid although no answer came of them (timeouts, cut connections).
    """

    key: str
    answer: Answer | None
    reason: str | None
    detail: str | None
    attempts: int
    asked_at: float
    ended_at: float
    lost: int = 0
    via: Via = "chat"


class Planned(NamedTuple):
    """An ask at its place in the plan of a step: ``position`` starts at what :meth:`Journal.begin_plan` returned."""

    ask: Ask
    step: Step
    position: int


class Known(NamedTuple):
    """What the journal has of an ask: an answer, or the ``reason`` for which it was given up, or an open ``batch``."""

    answered: bool
    reason: str | None
    batch: str | None


class Spent(NamedTuple):
    """What was paid for one model, step, slice and way of asking.

    ``unmetered``: answers whose service told no tokens, so that theirs are estimated; ``lost``: tries that may have been
    paid for nothing; ``most_lost``: tokens that these can have taken, prompts and the caps on their answers.
    """

    model: str
    step: str
    slice: str
    via: str
    answers: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    unmetered: int
    lost: int
    most_lost: int = 0


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
        self._reader: sqlite3.Connection | None = None
        try:
            self._db = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
            prepare(self._db, path)
        except sqlite3.Error as error:
            raise RunError(
                f"{path}: cannot be opened as a journal ({error}); move the file away and run again"
            ) from None

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        with self._lock:
            self._db.close()
            if self._reader is not None:
                self._reader.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def expect(self, asks: Iterable[Ask], step: Step) -> None:
        """Make ``asks``, in their order, the plan of ``step``; the same key counts once.

        Asks that are no longer planned leave the plan and every count, but keep their row and their answer: planned
        again, they are not asked again.
        """
        start = self.begin_plan(step)
        numbered = (Planned(ask, step, position) for position, ask in enumerate(asks, start))
        while chunk := list(islice(numbered, _PAGE)):
            self.record((), chunk)
        self.end_plan(step, start)

    def begin_plan(self, step: Step, label: str = "") -> int:
        """First position of the plan ``label`` of ``step``, to be recorded piece by piece and closed by :meth:`end_plan`.

        Where the former plan had the same label it is this one that is gone over again, and all that it holds stays planned.
        A plan of another label, or of none, takes its place at once: what it has not recorded yet is not planned.
        """
        with self.transaction() as db:
            known = db.execute("SELECT label, start FROM plans WHERE step = ?", (step,)).fetchone()
            if known is not None and label and known[0] == label:
                return int(known[1])
            start = -(-self.next_position(step) // _GENERATION) * _GENERATION
            db.execute("INSERT OR REPLACE INTO plans VALUES (?, ?, ?)", (step, label, start))
        return start

    def next_position(self, step: Step) -> int:
        """Where the plan of ``step`` goes on."""
        with self._lock, self._readable():
            (last,) = self._db.execute("SELECT max(position) FROM plan WHERE step = ?", (step,)).fetchone()
        return 0 if last is None else last + 1

    def end_plan(self, step: Step, start: int) -> None:
        """The plan of ``step`` that began at ``start`` is whole: what the former one left is forgotten."""
        with self.transaction() as db:
            db.execute("DELETE FROM plan WHERE step = ? AND position < ?", (step, start))

    def pending(self, step: Step) -> Iterator[Ask]:
        """Asks of the plan that are neither answered, nor given up, nor in an open batch, in plan order."""
        return self._asks(step, "AND answered_at IS NULL AND reason IS NULL AND batch IS NULL")

    def known(self, keys: Collection[str]) -> dict[str, Known]:
        """What is on disk of those of ``keys`` that the journal has; waits for nobody who writes."""
        try:
            reader = self._reader = self._reader or sqlite3.connect(
                self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
            rows = reader.execute(_KNOWN, (json.dumps(list(keys)),)).fetchall()
        except sqlite3.Error as error:
            raise self._unreadable(error) from None
        return {key: Known(bool(answered), reason, batch) for key, answered, reason, batch in rows}

    def in_batches(self, step: Step) -> Iterator[Ask]:
        """Asks of the plan that an open batch holds, in plan order."""
        return self._asks(step, "AND batch IS NOT NULL")

    def planned(self, step: Step) -> Iterator[Ask]:
        """All asks of the plan, in plan order."""
        return self._asks(step, "")

    def reopen(self, step: Step, reasons: Collection[str]) -> int:
        """Make asks that were given up for one of ``reasons`` pending again; returns how many."""
        marks = ",".join("?" * len(reasons))
        with self.transaction() as db:
            return db.execute(
                f"UPDATE asks SET reason = NULL, detail = NULL WHERE reason IN ({marks})"  # noqa: S608  marks only
                " AND id IN (SELECT ask FROM plan WHERE step = ? AND position >= ?)",
                (*reasons, step, self._start(step)),
            ).rowcount

    def record(self, outcomes: Sequence[Outcome], planned: Sequence[Planned] = ()) -> None:
        """Keep ``planned`` asks and then ``outcomes`` in one commit; on disk when this returns.

        Raises :class:`RunError` where the disk is full or the file cannot be written, and ``KeyError`` for a key that
        was never expected; nothing is kept then.
        """
        with self.transaction() as db:
            for ask, step, position in planned:
                floor = position - position % _GENERATION
                db.execute(_PLACE, (step, position, self._remember(ask, step), floor))
            for outcome in outcomes:
                statement = _GIVE_UP if outcome.answer is None else _ANSWER
                changed = db.execute(statement, _outcome_values(outcome)).rowcount
                if not changed and db.execute(_FIND, (outcome.key,)).fetchone() is None:
                    raise KeyError(f"{self._path}: key '{outcome.key}' was never expected")

    def lose(self, tries: Mapping[str, int]) -> None:
        """Note tries that may have been paid for nothing, by key, of asks that have no outcome yet."""
        with self.transaction() as db:
            db.executemany("UPDATE asks SET lost = lost + ? WHERE key = ?", [(n, key) for key, n in tries.items()])

    def answers(self, step: Step) -> Iterator[Entry]:
        """Answered asks of the plan, in plan order."""
        for row in self._rows(step, _ENTRY_COLUMNS, "AND answered_at IS NOT NULL"):
            yield Entry(*row)

    def revisions(self, key: str) -> list[Entry]:
        """Answers to the asks that repair the answer of ``key``, and those that repair them, the last one last."""
        query = (
            f"SELECT {_ENTRY_COLUMNS} FROM asks WHERE parent = ? AND answered_at IS NOT NULL ORDER BY id DESC LIMIT 1"  # noqa: S608  constants
        )
        found: list[Entry] = []
        with self._lock, self._readable():
            while (row := self._db.execute(query, (key,)).fetchone()) is not None:
                found.append(Entry(*row))
                key = found[-1].key
        return found

    def ask(self, key: str) -> Ask:
        """What was sent for ``key``."""
        with self._lock, self._readable():
            return _as_ask(self._db.execute(f"SELECT {_ASK_COLUMNS} FROM asks WHERE key = ?", (key,)).fetchone())  # noqa: S608  constants

    def spent(self) -> list[Spent]:
        """Everything that was ever paid in this journal, planned or not; recorded answers cost nothing."""
        with self._lock, self._readable():
            lines = [Spent(*row[:5], *map(int, row[5:])) for row in self._db.execute(_SPENT, (RECORDED,))]
            lines = [self._metered(line) if line.unmetered else line for line in lines]
            return [self._with_lost(line) if line.lost else line for line in lines]

    def _with_lost(self, line: Spent) -> Spent:
        where = (line.model, line.step, line.slice, line.via)
        tries = self._db.execute(_LOST, where).fetchall()
        return line._replace(most_lost=sum(lost * (text_tokens(prompt) + cap) for lost, prompt, cap in tries))

    def _metered(self, line: Spent) -> Spent:
        """The line with an estimate for the answers whose service told no tokens."""
        where = (line.model, line.step, line.slice, line.via)
        estimates = [
            (text_tokens(prompt), text_tokens(answer)) for prompt, answer in self._db.execute(_UNMETERED, where)
        ]
        tokens_in, tokens_out = (sum(column) for column in zip(*estimates, strict=True))
        return line._replace(tokens_in=line.tokens_in + tokens_in, tokens_out=line.tokens_out + tokens_out)

    def failures(self, step: Step) -> Iterator[Failure]:
        """Asks of the plan that were given up, in plan order."""
        for row in self._rows(step, "request_id, key, reason, detail, attempts", "AND reason IS NOT NULL"):
            yield Failure(*row)

    def counts(self, step: Step) -> Counts:
        """How the plan of ``step`` stands."""
        counts = Counts(asked=0, answered=0, failed={}, pending=0, in_batch=0, tokens_in=0, tokens_out=0)
        with self._lock, self._readable():
            groups = self._db.execute(_COUNT, (step, self._start(step))).fetchall()
        for answered, reason, in_batch, number, tokens_in, tokens_out in groups:
            counts["asked"] += number
            if answered:
                counts["answered"] += number
                counts["tokens_in"] += int(tokens_in)
                counts["tokens_out"] += int(tokens_out)
            elif reason is None:
                counts["pending"] += number
                counts["in_batch"] += number if in_batch else 0
            else:
                counts["failed"][reason] = counts["failed"].get(reason, 0) + number
        return counts

    def state(self, step: Step) -> str:
        """A digest that changes whenever the plan of ``step``, one of its answers or a count does."""
        seen = hashlib.sha256()
        with self._lock, self._readable():
            for row, answered_at in self._db.execute(_STATE, (step, self._start(step))):
                seen.update(struct.pack("<qd", row, answered_at))
            return digest(seen.hexdigest(), self.counts(step))

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
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

    def select(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock, self._readable():
            return self._db.execute(query, values).fetchall()

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """An error of the file, while it is opened or read, becomes one line."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: sqlite3.Error) -> RunError:
        return RunError(
            f"{self._path}: cannot be read as a journal ({error}); put a copy back, or move it away and run again"
        )

    def _remember(self, ask: Ask, step: Step) -> int:
        """The row of an ask, added if it is new; what does not belong to the key follows the plan."""
        values = _ask_values(ask, step)
        found = self._db.execute(_FIND, (ask.key,)).fetchone()
        if found is None:
            return int(self._insert(ask, values))
        row, request_id, known_step, version, schema, part, answered = found
        names = (request_id, known_step, part) == (ask.id, step, ask.slice)
        if answered is None and not (names and (version, schema) == (ask.prompt_version, values["schema"])):
            self._db.execute(_REFRESH, {**values, "id": row})
        elif not names:
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
        for row in self._rows(step, _ASK_COLUMNS, condition):
            yield _as_ask(row)

    def _start(self, step: Step) -> int:
        """First position of the plan that counts."""
        found = self._db.execute("SELECT start FROM plans WHERE step = ?", (step,)).fetchone()
        return int(found[0]) if found else 0

    def _rows(self, step: Step, columns: str, condition: str) -> Iterator[tuple[Any, ...]]:
        """Rows of the plan in order, a page at a time: no read stays open while answers are written."""
        query = (
            f"SELECT position, {columns} FROM plan JOIN asks ON asks.id = plan.ask"  # noqa: S608  constants
            f" WHERE plan.step = ? AND position > ? {condition} ORDER BY position LIMIT {_PAGE}"
        )
        with self._lock, self._readable():
            position = self._start(step) - 1
        while True:
            with self._lock, self._readable():
                page = self._db.execute(query, (step, position)).fetchall()
            for row in page:
                yield row[1:]
            if len(page) < _PAGE:
                return
            position = page[-1][0]


def _as_ask(row: tuple[Any, ...]) -> Ask:
    request_id, model, params, prompt, version, schema, *rest = row
    wanted = None if schema is None else json.loads(schema)
    return Ask(request_id, model, json.loads(params), prompt, version, wanted, *rest)


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
        "slice": ask.slice,
        "parent": ask.parent,
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
        "lost": outcome.lost,
        "via": outcome.via,
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
