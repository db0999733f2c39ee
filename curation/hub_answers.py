"""What a local Hub answers about datasets and commits, in the words of the Hub's protocol: plain data, read from a store.

And what it reads: the lines of a commit, and a card's metadata.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from pairsmith.curation.front_matter import front_matter
from pairsmith.curation.hub_store import Commit, Entry, HubRefusal, Repository, Store, git_id, large, pointer

Answer = dict[str, Any]

CARD = "README.md"
LARGE = (".arrow", ".bin", ".gz", ".npy", ".npz", ".parquet", ".safetensors", ".tar", ".xz", ".zip", ".zst")
LARGEST_REGULAR = 10_000_000  # bytes, as on the Hub: what is larger goes to large-file storage whatever its name
ATTRIBUTES = "".join(f"*{ending} filter=lfs diff=lfs merge=lfs -text\n" for ending in LARGE).encode()
"""The file ``.gitattributes`` of a new dataset: which files git does not hold itself."""

_TEXTS = (
    "license",
    "language",
    "tags",
    "task_categories",
    "size_categories",
    "source_datasets",
    "annotations_creators",
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


def described(store: Store, repository: Repository, commit: Commit) -> Answer:
    """Facts of a dataset at a commit."""
    card = commit.files.get(CARD)
    data = metadata(store.blob(card.sha256).read_text(encoding="utf-8", errors="replace")) if card else {}
    return {
        "_id": git_id("dataset", repository.name.encode())[:24],
        "id": repository.name,
        "author": repository.organization,
        "sha": commit.id,
        "lastModified": commit.date,
        "createdAt": repository.created,
        "private": repository.private,
        "gated": False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": data.get("tags") or [],
        "cardData": json.loads(json.dumps(data, default=str)),
        "siblings": [{"rfilename": path} for path in sorted(commit.files)],
    }


def referenced(repository: Repository) -> Answer:
    """Branches and tags."""
    kinds: dict[str, list[Answer]] = {"heads": [], "tags": []}
    for ref, commit in sorted(repository.refs.items()):
        kind, _, name = ref.partition("/")
        kinds[kind].append({"name": name, "ref": f"refs/{ref}", "targetCommit": commit})
    return {"branches": kinds["heads"], "tags": kinds["tags"], "converts": [], "pullRequests": []}


def listed(commit: Commit, folder: str, recursive: bool) -> list[Answer]:
    """Files and folders in a folder of a commit, or all below it, in the order of their paths."""
    prefix = f"{folder}/" if folder else ""
    found: dict[str, Answer] = {}
    for path, entry in commit.files.items():
        if not path.startswith(prefix):
            continue
        inner = [str(parent) for parent in PurePosixPath(path[len(prefix) :]).parents][:-1]
        for name in inner if recursive else inner[-1:]:
            found[prefix + name] = of_folder(commit, prefix + name)
        if recursive or not inner:
            found[path] = of_file(path, entry)
    if prefix and not found:
        raise HubRefusal(404, "Entry not found", "EntryNotFound")
    return [found[path] for path in sorted(found)]


def of_paths(commit: Commit, paths: list[str]) -> list[Answer]:
    """The files and folders that are there among ``paths``."""
    files = [of_file(path, commit.files[path]) for path in paths if path in commit.files]
    folders = [path for path in paths if any(name.startswith(f"{path.rstrip('/')}/") for name in commit.files)]
    return files + [of_folder(commit, path.rstrip("/")) for path in folders]


def of_file(path: str, entry: Entry) -> Answer:
    """A file of a commit."""
    answer = {"type": "file", "path": path, "oid": entry.oid, "size": entry.size}
    if entry.lfs:
        answer["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": len(pointer(entry))}
    return answer


def of_folder(commit: Commit, path: str) -> Answer:
    """A folder of a commit; its id changes with what is in it."""
    inside = sorted((name, entry.oid) for name, entry in commit.files.items() if name.startswith(f"{path}/"))
    return {"type": "directory", "path": path, "oid": git_id("tree", json.dumps(inside).encode()), "size": 0}


def told(commit: Commit) -> Answer:
    """A commit in a history."""
    authors = [{"user": commit.author}]
    return {
        "id": commit.id,
        "title": commit.title,
        "message": commit.message,
        "date": commit.date,
        "authors": authors,
    }


def upload_mode(commit: Commit, file: Answer) -> Answer:
    """Which way a file of a commit to come shall take, and the id of what is at its path now."""
    path, now = checked_path(file["path"]), commit.files.get(file["path"])
    binary = b"\0" in base64.b64decode(file.get("sample") or "")
    is_large = path.endswith(LARGE) or file["size"] > LARGEST_REGULAR or binary
    answer = {"path": path, "uploadMode": "lfs" if is_large else "regular", "shouldIgnore": False}
    return answer if now is None else {**answer, "oid": now.sha256 if now.lfs else now.oid}


def read_commit(store: Store, lines: bytes) -> tuple[Answer, dict[str, Entry | None]]:
    """Header and changes of a commit (NDJSON): path -> what stands there from now on, None where it goes.

    The contents of small files are in the store then, which without a commit is nothing that anybody sees.
    """
    try:
        items = [json.loads(line) for line in lines.splitlines() if line.strip()]
        header = items[0]["value"]
        changes = dict(change for item in items[1:] for change in _changes(store, item["key"], item["value"]))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise HubRefusal(400, f"the commit is not readable ({type(error).__name__})") from None
    return header, changes


def _changes(store: Store, kind: str, value: Answer) -> Iterator[tuple[str, Entry | None]]:
    path = checked_path(value["path"])
    if kind == "file":
        try:
            data = base64.b64decode(value["content"], validate=True)
        except binascii.Error:
            raise HubRefusal(400, f"{path}: its content is no base64") from None
        if path == CARD and (wrong := faults(data.decode(errors="replace"))):
            raise HubRefusal(400, "; ".join(wrong))
        yield path, store.keep(data)
    elif kind == "lfsFile":
        blob = store.blob(value["oid"])
        if not blob.exists():
            raise HubRefusal(400, f"{path}: its content was not uploaded")
        yield path, large(value["oid"], blob.stat().st_size)
    elif kind == "deletedFile":
        yield path, None
    else:
        raise HubRefusal(400, f"this server does not know the operation '{kind}'")


def checked_path(path: str) -> str:
    """A path that stays inside any folder it is written to."""
    parts = path.split("/")
    if _CONTROL.search(path) or not all(parts) or not {".", "..", ".git"}.isdisjoint(parts):
        raise HubRefusal(400, f"{path[:200]!r} is no path of a file")
    return path


def metadata(card: str) -> dict[str, Any]:
    """The metadata of a card, nothing where they are not readable."""
    try:
        return front_matter(card)
    except ValueError:
        return {}


def faults(card: str) -> list[str]:
    """What is wrong with a card's metadata, as far as this server knows the Hub's rules."""
    try:
        data = front_matter(card)
    except ValueError as error:
        return [str(error)]
    given = {name: data[name] for name in _TEXTS if data.get(name) is not None}
    wrong = [f'"{name}" must be a string or a list of strings' for name in given if not _texts(given[name])]
    configs = data.get("configs") or []
    named = isinstance(configs, list) and all(isinstance(one, dict) and "config_name" in one for one in configs)
    return wrong if named else [*wrong, '"configs" must be a list of mappings with a "config_name"']


def _texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, str) for each in value))
