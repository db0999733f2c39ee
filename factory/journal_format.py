"""The tables of the journal's file, by format version, and how an older file becomes one of today's.

A file of an older format is taken over when it is opened, in one transaction; one of a newer format is refused.
"""

import sqlite3
from pathlib import Path

from pairsmith.factory.errors import RunError

FORMAT_VERSION = 2
_APPLICATION_ID = 0x50534A4C  # "PSJL": tells a journal from any other SQLite file

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
CREATE TABLE plan (
    step TEXT NOT NULL,
    position INTEGER NOT NULL,
    ask INTEGER NOT NULL REFERENCES asks (id),
    PRIMARY KEY (step, position),
    UNIQUE (step, ask)
) WITHOUT ROWID;
"""
_SINCE = {
    2: """
ALTER TABLE asks ADD COLUMN slice TEXT NOT NULL DEFAULT '';
ALTER TABLE asks ADD COLUMN parent TEXT;
ALTER TABLE asks ADD COLUMN via TEXT NOT NULL DEFAULT 'chat';
ALTER TABLE asks ADD COLUMN batch TEXT;
ALTER TABLE asks ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
DROP INDEX IF EXISTS outcome;
-- Counting and the ledger read this index alone, not the long rows.
CREATE INDEX outcome ON asks (
    id, answered_at, reason, batch, step, model, slice, via, tokens_in, tokens_out, tokens_cached, lost
);
CREATE INDEX lineage ON asks (parent) WHERE parent IS NOT NULL;
CREATE INDEX in_batch ON asks (batch) WHERE batch IS NOT NULL;
CREATE TABLE plans (
    step TEXT PRIMARY KEY,
    label TEXT NOT NULL,
    start INTEGER NOT NULL
);
CREATE TABLE batches (
    id TEXT PRIMARY KEY,
    step TEXT NOT NULL,
    model TEXT NOT NULL,
    base_url TEXT NOT NULL,
    file TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    requests INTEGER NOT NULL,
    status TEXT NOT NULL,
    exported_at REAL NOT NULL,
    submitted_at REAL,
    ended_at REAL,
    file_id TEXT,
    remote TEXT,
    answered INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    refused TEXT,
    detail TEXT
);
""",
}
"""What each format added to the one before."""


def prepare(db: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new file, or bring an older one up to :data:`FORMAT_VERSION`; commits are durable from here on.

    Raises :class:`RunError` where the file is no journal or a newer Pairsmith wrote it, and ``sqlite3.Error``.
    """
    db.execute("PRAGMA synchronous = FULL")
    if _version(db, path) == FORMAT_VERSION:
        return
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("BEGIN IMMEDIATE")
    try:
        _upgrade(db, _version(db, path))  # read again: another process may have made it in this very moment
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _upgrade(db: sqlite3.Connection, version: int) -> None:
    scripts = [] if version else [_SCHEMA]
    scripts += [_SINCE[later] for later in range(max(version, 1) + 1, FORMAT_VERSION + 1)]
    for statement in (statement for script in scripts for statement in script.split(";")):
        db.execute(statement)
    db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {FORMAT_VERSION}")


def _version(db: sqlite3.Connection, path: Path) -> int:
    """The file's format version, 0 for a new file."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and application != _APPLICATION_ID:
        raise RunError(f"{path}: a database of another program, no journal; move the file away and run again")
    if version > FORMAT_VERSION:
        raise RunError(
            f"{path}: journal of format {version}, this Pairsmith reads up to {FORMAT_VERSION};"
            " update Pairsmith (pip install -U pairsmith)"
        )
    return int(version)
