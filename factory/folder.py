"""The run folder: artifacts by name, written beside and renamed, and a manifest that says which stage is done with what.

``manifest.json`` holds for each stage the digests of what went in and of what came out; its entry is written last and
means "done". A stage is fresh while both still hold, and is then skipped. Beside the digest of a file stand its size and
its time: while these are unchanged it is not read again.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pairsmith.factory.errors import InputError, RoomError, RunError

FORMAT_VERSION = 1
MANIFEST = "manifest.json"


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def to_disk(path: Path) -> None:
    """See to it that what was written to a file outlives a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A path to write to; the file appears at ``path`` whole and on disk, or not at all.

    Raises :class:`RoomError` where the disk has no room for it.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        to_disk(beside)
        beside.replace(path)
    except OSError as error:
        need_room(error, path, beside.stat().st_size if beside.exists() else 0)
        raise
    finally:
        beside.unlink(missing_ok=True)


def need_room(error: OSError, path: Path, written: int) -> None:
    """Raise :class:`RoomError` where ``error`` says that there is no room for the file, after ``written`` bytes of it."""
    if error.errno in _NO_ROOM:
        free = shutil.disk_usage(path.parent).free + written
        raise RoomError(
            f"{path}: no room for it ({os.strerror(error.errno)} after {written:,} bytes; {free:,} bytes are free without"
            " it); make room and run again: what was finished stays"
        ) from None


def _remove(path: Path) -> None:
    """A file, or a folder with all that is in it; it may be gone with the folder it was in."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class RunFolder:
    """One run. Raises :class:`RunError` where there is no folder, or one written by a newer Pairsmith."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_dir():
            raise RunError(f"{path}: no such run folder; make one with 'pairsmith init {path}'")
        self._stages, self._read = self._read_manifest()

    def inside(self, name: str, *, wanted_by: str) -> Path:
        """The path of the file ``name`` of this folder; one that leaves the folder or is not there is refused."""
        path = (self.path / name).resolve()
        if not path.is_relative_to(self.path.resolve()):
            raise InputError(f"{wanted_by}: '{name}' leads out of the run folder {self.path}; copy the file into it")
        if path.is_dir():
            raise InputError(f"{wanted_by}: {self.path / name} is a folder; name a file")
        if not path.is_file():
            raise InputError(f"{wanted_by}: {self.path / name} is not there; put the file into the run folder")
        return path

    def has(self, name: str) -> bool:
        """Whether the artifact is there."""
        return (self.path / name).exists()

    def need(self, name: str, command: str) -> Path:
        """The path of an artifact that an earlier stage writes, or one line that says which ``command`` makes it."""
        if not self.has(name):
            raise RunError(f"{self.path / name} is not there yet; make it with 'pairsmith {command} {self.path}'")
        return self.path / name

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for writing; another process that holds it makes this fail in one line."""
        with (self.path / ".lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(f"{self.path}: another pairsmith works on this run; wait until it ends") from None
            for left in sorted(self.path.rglob(".*.part")):  # by a process that was killed while it wrote
                _remove(left)
            yield

    def digest(self, name: str) -> str | None:
        """Digest of a file's bytes, an artifact or not, None where it is missing; unchanged size and time are trusted."""
        path = self.path / name
        if not path.is_file():
            return None
        state = path.stat()
        for files in (self._read, *(stage["outputs"] for stage in self._stages.values())):
            known = files.get(name)
            if known and (known["size"], known["mtime_ns"]) == (state.st_size, state.st_mtime_ns):
                return str(known["sha256"])
        self._read[name] = self._state(name)
        return str(self._read[name]["sha256"])

    def fresh(self, stage: str, inputs: Mapping[str, Any]) -> bool:
        """Whether the stage was done with these inputs and its outputs are still what it wrote."""
        done = self._stages.get(stage)
        if done is None or done["inputs"] != dict(inputs):
            return False
        return all(self.digest(name) == known["sha256"] for name, known in done["outputs"].items())

    def facts(self, stage: str) -> dict[str, Any]:
        """What the stage noted when it was done last; empty before that."""
        return dict(self._stages.get(stage, {}).get("facts", {}))

    def inputs(self, stage: str) -> dict[str, Any]:
        """What the stage was made from when it was done last, its outputs unchanged since; else empty."""
        done = self._stages.get(stage)
        return dict(done["inputs"]) if done and self.fresh(stage, done["inputs"]) else {}

    def done(self, stage: str, inputs: Mapping[str, Any], outputs: tuple[str, ...], facts: Mapping[str, Any]) -> None:
        """Note that the stage is done: the last thing that a stage does."""
        self._stages[stage] = {
            "inputs": dict(inputs),
            "outputs": {name: self._state(name) for name in outputs},
            "facts": dict(facts),
        }
        written = {name for stage in self._stages.values() for name in stage["outputs"]}
        self._read = {name: known for name, known in self._read.items() if name not in written and self.has(name)}
        manifest = {"format_version": FORMAT_VERSION, "stages": self._stages, "read": self._read}
        with written_whole(self.path / MANIFEST) as beside:
            beside.write_text(
                json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
            )

    def _state(self, name: str) -> dict[str, Any]:
        path = self.path / name
        state = path.stat()
        return {"sha256": file_digest(path), "size": state.st_size, "mtime_ns": state.st_mtime_ns}

    def _read_manifest(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is known of stages that are done, and of files that they read."""
        path = self.path / MANIFEST
        if not path.exists():
            return {}, {}
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            version, stages, read = manifest["format_version"], dict(manifest["stages"]), dict(manifest.get("read", {}))
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path}: not readable ({error}); delete it and every stage is made again") from None
        if version != FORMAT_VERSION:
            raise RunError(
                f"{path}: format {version}, this Pairsmith reads {FORMAT_VERSION}; use the version that wrote it"
            )
        return stages, read
