"""A release on the Hub: the files of its folder at the root of a repository, a commit for each version, and its tag.

The main branch holds the newest version and, beside it, ``YANKED.json``: versions that must not be used any more, and why.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from pairsmith.curation.manifest import FORMAT_VERSION, MANIFEST, Version
from pairsmith.curation.removed import FILE as REMOVED
from pairsmith.curation.visible import visible
from pairsmith.factory.errors import InputError, RemoteError

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

CARD = "README.md"
CHANGELOG = "CHANGELOG.md"
YANKED = "YANKED.json"
DATASET = "dataset"

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_VERSION = re.compile(r"v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)
_MODEL_TAG = re.compile(r"v\d{1,9}\.\d{1,9}\.\d{1,9}-[0-9a-f]{8}", re.ASCII)
_DATA = re.compile(r"data/[\w.-]+/[\w.-]+\.parquet", re.ASCII)


class Published(NamedTuple):
    """A version of a repository, as ``ORG/NAME@v1.2.0`` names it."""

    repository: str
    version: Version

    @property
    def tag(self) -> str:
        """Of the commit that holds it."""
        return f"v{self.version}"

    def __str__(self) -> str:
        return f"{self.repository}@{self.tag}"


@dataclass(frozen=True)
class Remote:
    """What is on the main branch. ``files``: path -> file; ``tags``: tag -> commit; ``manifest``: None where there is none."""

    repository: str
    private: bool
    head: str
    files: Mapping[str, "RepoFile"]
    tags: Mapping[str, str]
    manifest: dict[str, Any] | None

    @property
    def versions(self) -> list[Version]:
        """Those that have a tag, the oldest first."""
        found = (version_of(tag) for tag in self.tags if _VERSION.fullmatch(tag))
        return sorted(one for one in found if f"v{one}" in self.tags)

    def commit_of(self, published: Published) -> str:
        """The commit of a version; raises :class:`RemoteError` where it is not there."""
        commit = self.tags.get(published.tag)
        if commit is None:
            there = ", ".join(f"v{one}" for one in self.versions) or "none"
            raise RemoteError(f"{published} is not there; versions: {there}")
        return commit


def parse_published(reference: str) -> Published:
    """Read ``ORG/NAME@v1.2.0``; raises :class:`InputError` for anything else.

    >>> parse_published("acme/pairs@v1.2.0")
    Published(repository='acme/pairs', version=Version(major=1, minor=2, patch=0))
    """
    repository, _, version = reference.partition("@")
    found = _VERSION.fullmatch(version)
    if _MODEL_TAG.fullmatch(version):
        raise InputError(
            f"'{reference}' is named as a model is, and this takes a release, as ORG/NAME@v1.2.0; a model is loaded by "
            f"'pairsmith embed FILE --model {reference}', and withdrawn on the Hub itself"
        )
    if found is None:
        raise InputError(f"'{reference}' names no version; write ORG/NAME@v1.2.0")
    return Published(checked_repository(repository), version_of(version))


def checked_repository(name: str) -> str:
    """``ORG/NAME``; raises :class:`InputError` for anything else."""
    if not _REPOSITORY.fullmatch(name):
        raise InputError(f"'{name}' is no repository; write ORG/NAME, letters, digits, '-', '_' and '.'")
    return name


def version_of(text: str) -> Version:
    """The version that a tag or a manifest names."""
    found = _VERSION.fullmatch(text)
    if found is None:
        raise InputError(f"'{text}' is no version, as 1.2.0 is")
    return Version(*map(int, found.groups()))


def release_paths(manifest: Mapping[str, Any]) -> list[str]:
    """All files of a release. What a manifest from outside names is in ``data/``: no path leaves the folder of the release."""
    names = list(manifest["files"])
    for name in names:
        if not _DATA.fullmatch(name) or ".." in PurePosixPath(name).parts:
            raise RemoteError(f"{MANIFEST} names {name[:200]!r}, which is no file of a release; nothing was written")
    removed = [REMOVED] if REMOVED in manifest.get("other_files", {}) else []
    return [*names, *removed, CARD, CHANGELOG, MANIFEST]


def parse_manifest(text: bytes, place: str) -> dict[str, Any]:
    """A manifest, which is from outside. Raises :class:`RemoteError` where it is none that this Pairsmith reads."""
    try:
        manifest = json.loads(text)
        version_of(manifest["version"])
        texts = [manifest["name"], manifest["row_set"], *(file["sha256"] for file in manifest["files"].values())]
        known = manifest["format_version"] == FORMAT_VERSION and all(isinstance(one, str) for one in texts)
        known = known and isinstance(manifest["rows"], int) and {"models", "parent", "thresholds"} <= manifest.keys()
    except (ValueError, KeyError, TypeError, AttributeError, InputError):
        known = False
    if not known:
        raise RemoteError(f"{place}: its {MANIFEST} is not one that this Pairsmith reads; upgrade it, or name another")
    return dict(manifest)


def read_remote(api: "HfApi", repository: str) -> Remote:
    """What a repository holds now."""
    from huggingface_hub.hf_api import RepoFile

    about = api.repo_info(repository, repo_type=DATASET)
    head = str(about.sha)
    listed = api.list_repo_tree(repository, repo_type=DATASET, revision=head, recursive=True)
    files = {item.path: item for item in listed if isinstance(item, RepoFile)}
    refs = api.list_repo_refs(repository, repo_type=DATASET)
    tags = {tag.name: tag.target_commit for tag in refs.tags}
    manifest = None
    if MANIFEST in files:
        manifest = parse_manifest(read_file(api, repository, MANIFEST, head), repository)
    return Remote(repository, bool(about.private), head, files, tags, manifest)


def read_file(api: "HfApi", repository: str, path: str, commit: str) -> bytes:
    """A small file of a commit."""
    with TemporaryDirectory() as cache:
        file = api.hf_hub_download(repository, path, repo_type=DATASET, revision=commit, cache_dir=cache)
        return Path(file).read_bytes()


def read_yanked(api: "HfApi", remote: Remote) -> dict[str, str]:
    """Version -> why it must not be used."""
    if YANKED not in remote.files:
        return {}
    try:
        known = json.loads(read_file(api, remote.repository, YANKED, remote.head))
        return {str(version_of(version)): visible(" ".join(str(why).split())) for version, why in known.items()}
    except (ValueError, AttributeError, InputError):
        raise RemoteError(f"{remote.repository}: its {YANKED} is not readable; mend it on the Hub") from None
