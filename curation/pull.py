"""A published version comes back, bit for bit: every file is compared with the digest that the Hub and the manifest name."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pairsmith.curation.hub_calls import hub, told
from pairsmith.curation.hub_release import (
    DATASET,
    Published,
    parse_manifest,
    read_file,
    read_remote,
    read_yanked,
    release_paths,
)
from pairsmith.curation.hub_store import git_id
from pairsmith.curation.manifest import MANIFEST
from pairsmith.factory.errors import RemoteError
from pairsmith.factory.folder import file_digest

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile


class Pulled(NamedTuple):
    """``commit``: that the tag names; ``new``: False where the folder held it already; ``yanked``: why nobody should use it."""

    folder: Path
    commit: str
    manifest: dict[str, Any]
    new: bool
    yanked: str | None


def pull(published: Published, folder: Path, say: Callable[[str], None]) -> Pulled:
    """Bring a published version into ``folder``, which appears whole or not at all; what was cut goes on where it was.

    ``say`` is told when the version is yanked. Raises :class:`RemoteError` where the Hub doesn't hold it, or the folder holds
    something else.
    """
    api, place = hub(), published.repository
    with told(place, "nothing was written"):
        remote = read_remote(api, place)
        commit = remote.commit_of(published)
        yanked = read_yanked(api, remote).get(str(published.version))
        if yanked is not None:
            say(f"warning: {published} is yanked: {yanked}")
        manifest = parse_manifest(read_file(api, place, MANIFEST, commit), str(published))
        files = _files(api, published, commit, manifest)
        new = not folder.exists()
        if new:
            _fetch(api, published, commit, files, folder)
    wrong = next((name for name, file in files.items() if not _same(folder / name, file)), None)
    if wrong:
        raise RemoteError(
            f"{folder}: {wrong} is not that of {published}; the folder stays as it is: delete it or name another"
        )
    return Pulled(folder, commit, manifest, new, yanked)


def _files(api: "HfApi", published: Published, commit: str, manifest: dict[str, Any]) -> dict[str, "RepoFile"]:
    """The files of a release as the Hub lists them; what its manifest says of their digests must be true."""
    from huggingface_hub.hf_api import RepoFile

    listed = api.list_repo_tree(published.repository, repo_type=DATASET, revision=commit, recursive=True)
    known = {item.path: item for item in listed if isinstance(item, RepoFile)}
    names = release_paths(manifest)
    for name in names:
        if name not in known:
            raise RemoteError(f"{published} lacks {name}: it is no whole release; nothing was written")
        said, stored = manifest["files"].get(name), known[name].lfs
        if said and stored and said["sha256"] != stored.sha256:
            raise RemoteError(f"{published}: {name} is not the file that its {MANIFEST} names; nothing was written")
    return {name: known[name] for name in names}


def _fetch(api: "HfApi", published: Published, commit: str, files: dict[str, "RepoFile"], folder: Path) -> None:
    """Download beside the folder; what a cut left there is used, if it is of the same commit."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(f".{folder.name}.{commit[:8]}.part")
    for name, file in files.items():
        if not _same(beside / name, file):
            api.hf_hub_download(published.repository, name, repo_type=DATASET, revision=commit, local_dir=beside)
        if not _same(beside / name, file):
            shutil.rmtree(beside)
            raise RemoteError(f"{published}: {name} came with another digest than the Hub names; try again")
    shutil.rmtree(beside / ".cache", ignore_errors=True)  # the library's notes
    for path in (path for path in beside.rglob("*") if path.is_file()):
        _settle(path)
    beside.rename(folder)


def _settle(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _same(path: Path, file: "RepoFile") -> bool:
    """Whether a file is there with the content that the Hub names by its digest."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    if file.lfs is not None:
        return file_digest(path) == file.lfs.sha256
    return git_id("blob", path.read_bytes()) == file.blob_id
