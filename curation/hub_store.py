"""Datasets or models of a local Hub on disk: contents by their digest, commits by theirs, and a small file of references each.

::

    blobs/<sha256>   datasets/<organization>/<name>/repository.json   datasets/<organization>/<name>/commits/<commit>.json
                     models/...

Contents and commits never change. A commit happens when its repository's file of references is replaced, whole, after all
that it names is on disk: a server that is killed leaves the state before it or after it.
"""

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pairsmith.factory.folder import written_whole

MAIN = "heads/main"

_ARRIVING = "arriving"
_NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]{0,94}[A-Za-z0-9])?", re.ASCII)
_REFERENCE = re.compile(r"[A-Za-z0-9][\w.+-]{0,199}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class HubRefusal(Exception):
    """What the server does not do. ``status``: of HTTP; ``code``: by which clients of the Hub know why, if any."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Entry:
    """A file of a commit: digest and size of its content, its git object id, and whether large-file storage holds it."""

    sha256: str
    size: int
    oid: str
    lfs: bool


@dataclass(frozen=True)
class Commit:
    """``id``: 40 hex digits; ``parent``: the commit before, if any; ``files``: all, by path."""

    id: str
    parent: str | None
    title: str
    message: str
    author: str
    date: str
    files: Mapping[str, Entry]


@dataclass(frozen=True)
class Repository:
    """``refs``: ``heads/main`` and ``tags/<tag>`` -> commit."""

    name: str
    private: bool
    created: str
    refs: Mapping[str, str]

    @property
    def organization(self) -> str:
        """Whose it is: a user or an organization."""
        return self.name.partition("/")[0]


def regular(data: bytes) -> Entry:
    """A small file, which git itself holds."""
    return Entry(hashlib.sha256(data).hexdigest(), len(data), git_id("blob", data), lfs=False)


def pointer(entry: Entry) -> bytes:
    """What git holds in place of a large file."""
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:%b\nsize %d\n" % (entry.sha256.encode(), entry.size)


def large(sha256: str, size: int) -> Entry:
    """A file of the large-file storage."""
    return Entry(sha256, size, git_id("blob", pointer(Entry(sha256, size, "", lfs=True))), lfs=True)


def git_id(kind: str, data: bytes) -> str:
    """The id that git gives an object: SHA-1 of its kind, size and bytes."""
    return hashlib.sha1(b"%b %d\0" % (kind.encode(), len(data)) + data, usedforsecurity=False).hexdigest()


class Store:
    """All repositories of one kind below a folder. One process at a time may use a folder; its threads may do anything at once.

    ``kind``: ``datasets`` or ``models``; contents are kept together.
    """

    def __init__(self, folder: Path, kind: str = "datasets") -> None:
        self.kind = kind
        self._folder = folder
        self._changing = threading.Lock()
        (folder / "blobs").mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder / _ARRIVING, ignore_errors=True)  # what a killed server had begun to take
        (folder / _ARRIVING).mkdir()

    def blob(self, sha256: str) -> Path:
        """Where the content of this digest lies, if it is there."""
        if not _SHA256.fullmatch(sha256):
            raise HubRefusal(400, "a digest has 64 hex digits")
        return self._folder / "blobs" / sha256

    @contextmanager
    def arriving(self, sha256: str) -> Iterator[Path]:
        """A file to write a content to; it counts once it is whole. Each of several uploads of one content has its own."""
        target = self.blob(sha256)
        with TemporaryDirectory(dir=self._folder / _ARRIVING) as own:
            whole = Path(own) / sha256
            with written_whole(whole) as beside:
                yield beside
            whole.replace(target)

    def keep(self, data: bytes) -> Entry:
        """Keep the content of a small file."""
        entry = regular(data)
        if not self.blob(entry.sha256).exists():
            with self.arriving(entry.sha256) as beside:
                beside.write_bytes(data)
        return entry

    def create(self, name: str, private: bool, author: str, files: Mapping[str, Entry]) -> Repository:
        """A new repository with one commit."""
        if not all(map(_NAME.fullmatch, name.split("/"))) or name.count("/") != 1:
            raise HubRefusal(400, f"'{name}' is no name of a repository: letters, digits, '-', '_' and '.'")
        with self._changing:
            if self._file(name).exists():
                raise HubRefusal(409, f"You already created this {self.kind.removesuffix('s')} repo")
            commit = self._write_commit(name, None, "initial commit", "", author, files)
            repository = Repository(name, private, commit.date, {MAIN: commit.id})
            self._write(repository)
        return repository

    def repository(self, name: str) -> Repository:
        """What is known of a repository."""
        if not all(map(_NAME.fullmatch, name.split("/"))):
            raise HubRefusal(404, "Repository not found", "RepoNotFound")
        try:
            known = json.loads(self._file(name).read_bytes())
        except FileNotFoundError:
            raise HubRefusal(404, "Repository not found", "RepoNotFound") from None
        return Repository(name=name, **known)

    def commit(self, repository: Repository, revision: str) -> Commit:
        """The commit that a branch, tag or id names."""
        refs = repository.refs
        found = refs.get(f"heads/{revision}") or refs.get(f"tags/{revision}")
        if found is None and _COMMIT.fullmatch(revision):
            found = revision
        path = self._commits(repository.name) / f"{found}.json"
        if found is None or not path.exists():
            raise HubRefusal(404, f"Invalid rev id: {revision[:100]}", "RevisionNotFound")
        known = json.loads(path.read_bytes())
        files = {name: Entry(**entry) for name, entry in known.pop("files").items()}
        return Commit(id=found, files=files, **known)

    def history(self, repository: Repository, revision: str) -> Iterator[Commit]:
        """A commit and those before it, the newest first."""
        commit = self.commit(repository, revision)
        yield commit
        while commit.parent:
            commit = self.commit(repository, commit.parent)
            yield commit

    def change(
        self,
        name: str,
        changes: Mapping[str, Entry | None],
        title: str,
        message: str,
        author: str,
        parent: str | None = None,
    ) -> Commit:
        """A commit on the main branch with these files written, or deleted where there is None.

        Where ``parent`` is given and is no longer the newest commit nothing is done: 412. What changes nothing makes none.
        """
        with self._changing:
            repository = self.repository(name)
            before = self.commit(repository, "main")
            if parent is not None and parent != before.id:
                raise HubRefusal(412, "A commit has happened since. Please refresh and try again.")
            gone = next((path for path, entry in changes.items() if not entry and path not in before.files), None)
            if gone is not None:
                raise HubRefusal(404, f"{gone} is not there, so it can't be deleted", "EntryNotFound")
            after = {path: entry for path, entry in {**before.files, **changes}.items() if entry is not None}
            if after == before.files:
                return before
            commit = self._write_commit(name, before.id, title, message, author, after)
            self._write(Repository(name, repository.private, repository.created, {**repository.refs, MAIN: commit.id}))
        return commit

    def tag(self, name: str, tag: str, revision: str) -> None:
        """Name a commit for good."""
        if not _REFERENCE.fullmatch(tag):
            raise HubRefusal(400, f"'{tag[:100]}' is no name of a tag")
        with self._changing:
            repository = self.repository(name)
            if f"tags/{tag}" in repository.refs:
                raise HubRefusal(409, f"Tag {tag} already exists")
            refs = {**repository.refs, f"tags/{tag}": self.commit(repository, revision).id}
            self._write(Repository(name, repository.private, repository.created, refs))

    def _file(self, name: str) -> Path:
        return self._folder / self.kind / name / "repository.json"

    def _commits(self, name: str) -> Path:
        return self._folder / self.kind / name / "commits"

    def _write(self, repository: Repository) -> None:
        known = {"private": repository.private, "created": repository.created, "refs": dict(repository.refs)}
        _write_json(self._file(repository.name), known)

    def _write_commit(
        self, name: str, parent: str | None, title: str, message: str, author: str, files: Mapping[str, Entry]
    ) -> Commit:
        date = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        known: dict[str, Any] = {"parent": parent, "title": title, "message": message, "author": author, "date": date}
        listed = {path: asdict(entry) for path, entry in sorted(files.items())}
        oid = git_id("commit", json.dumps([known, listed]).encode())
        _write_json(self._commits(name) / f"{oid}.json", {**known, "files": listed})
        return Commit(id=oid, files=files, **known)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with written_whole(path) as beside:
        beside.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
