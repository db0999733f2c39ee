"""A release goes to the Hub: one commit with all of it, made on what was read before, then a tag that is never moved.

Whatever is killed or cut when, readers see the version before or this one, whole; the same command goes on where it was.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pairsmith.curation.hub_calls import MovedError, hub, told, until_settled
from pairsmith.curation.hub_release import (
    CARD,
    CHANGELOG,
    DATASET,
    YANKED,
    Published,
    Remote,
    checked_repository,
    parse_manifest,
    read_file,
    read_remote,
    release_paths,
    version_of,
)
from pairsmith.curation.manifest import MANIFEST, read_manifest
from pairsmith.curation.publish_check import Bounds, PublishCheck
from pairsmith.curation.publishable import need_digests, read_publishable
from pairsmith.curation.yank import mark_yanked
from pairsmith.factory.errors import RemoteError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_OWN = {".gitattributes", CARD, CHANGELOG, MANIFEST, YANKED}
"""What may stand at the root of a repository that a release is published to, beside ``data/``."""


class Publication(NamedTuple):
    """``commit``: that the tag names; ``new``: False where the tag was there already, with the same rows."""

    published: Published
    commit: str
    manifest: Mapping[str, Any]
    new: bool


def publish(release: Path, repository: str, public: bool, bounds: Bounds, say: Callable[[str], None]) -> Publication:
    """Publish a release folder to a dataset repository, which is made, private unless ``public``, where there is none.

    ``bounds``: what it is held to before anything is sent; ``say`` is told what takes long. Raises :class:`RunError` where the
    release can't be published, :class:`QualityError` where it fails its check, :class:`RemoteError` where the Hub doesn't let
    it be, or holds something else: then nothing of it is to be seen.
    """
    manifest = read_publishable(release)
    published = Published(checked_repository(repository), version_of(manifest["version"]))
    api = hub()
    checked = PublishCheck(release, manifest, bounds, say)

    def once() -> Publication:
        remote = _found(api, repository)
        if remote is not None:
            _need_visibility(remote, public)
            _need_ours(remote, manifest)
            if published.tag in remote.tags:
                return _there(api, published, remote.tags[published.tag], manifest)
            _need_successor(remote, release, manifest)
        checked.need(api, remote)
        commit = _commit(api, release, manifest, remote or _made(api, repository, public))
        with told(repository, f"its files are there, but not the tag {published.tag}: run the same command again"):
            api.create_tag(repository, tag=published.tag, revision=commit, repo_type=DATASET)
        return Publication(published, commit, manifest, new=True)

    done = until_settled(repository, "nothing was published", once, say)
    mark_yanked(api, repository, say)
    return done


def _found(api: "HfApi", repository: str) -> Remote | None:
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return read_remote(api, repository)
    except RepositoryNotFoundError:
        return None


def _made(api: "HfApi", repository: str, public: bool) -> Remote:
    api.create_repo(repository, repo_type=DATASET, private=not public)
    return read_remote(api, repository)


def _need_visibility(remote: Remote, public: bool) -> None:
    if remote.private and public:
        raise RemoteError(f"{remote.repository} is private; leave out --public, or make it public on the Hub first")
    if not remote.private and not public:
        raise RemoteError(f"{remote.repository} is public; say --public to publish there, or make it private first")


def _there(api: "HfApi", published: Published, commit: str, manifest: Mapping[str, Any]) -> Publication:
    """The tag is there: that is what was wanted, or it is refused."""
    theirs = parse_manifest(read_file(api, published.repository, MANIFEST, commit), str(published))
    if theirs["row_set"] != manifest["row_set"]:
        raise RemoteError(
            f"{published} is there already with other rows ({theirs['rows']:,}; yours are {manifest['rows']:,}); a tag is "
            "never moved: release on top of it, or take another repository"
        )
    if theirs.get("card") != manifest.get("card"):
        raise RemoteError(
            f"{published} is there already with the same rows and another card (licence, terms or description); a tag is "
            "never moved: release on top of it"
        )
    return Publication(published, commit, theirs, new=False)


def _need_ours(remote: Remote, manifest: Mapping[str, Any]) -> None:
    """Refuse a repository that holds something else."""
    if remote.manifest is not None:
        if remote.manifest["name"] != manifest["name"]:
            theirs, ours = remote.manifest["name"], manifest["name"]
            raise RemoteError(
                f"{remote.repository} holds the dataset '{theirs}', not '{ours}'; take another repository"
            )
        return
    foreign = sorted(path for path in remote.files if path not in _OWN)
    if foreign:
        raise RemoteError(f"{remote.repository} holds files of something else ({foreign[0]}); take another repository")


def _need_successor(remote: Remote, release: Path, manifest: Mapping[str, Any]) -> None:
    """Refuse what would take rows away from readers that somebody else has published."""
    theirs, name = remote.manifest, remote.repository
    if theirs is None:
        return
    if theirs["row_set"] == manifest["row_set"] and theirs["version"] == manifest["version"]:
        return  # the commit was made, and then something was cut
    parent = manifest["parent"]
    if parent is None or version_of(theirs["version"]) > version_of(parent):
        follows = f"follows {parent}" if parent else "is the first of its run"
        raise RemoteError(
            f"{name} holds version {theirs['version']} already, and {manifest['version']} {follows}: it would take rows away; "
            f"release again on top of it, as a version after {theirs['version']}"
        )
    before = release.with_name(theirs["version"])
    if (before / MANIFEST).is_file() and read_manifest(before)["row_set"] != theirs["row_set"]:
        raise RemoteError(
            f"{name} holds version {theirs['version']} with other rows than {before}, which {manifest['version']} follows: it "
            "would take rows away; pull that version and release on top of it"
        )


def _commit(api: "HfApi", release: Path, manifest: Mapping[str, Any], remote: Remote) -> str:
    """One commit: the files of the release, and the data files of the version before that it has no more."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    names = release_paths(manifest)
    gone = sorted(path for path in remote.files if path.startswith("data/") and path not in names)
    added = [CommitOperationAdd(name, release / name) for name in names]
    need_digests(release, manifest, {one.path_in_repo: one.upload_info.sha256.hex() for one in added})
    commit = api.create_commit(
        remote.repository,
        [*added, *(CommitOperationDelete(name) for name in gone)],
        commit_message=f"Version {manifest['version']}",
        repo_type=DATASET,
        parent_commit=remote.head,
    )
    committed = read_file(api, remote.repository, MANIFEST, str(commit.oid))
    if committed != (release / MANIFEST).read_bytes():  # there was nothing to commit, and somebody else did meanwhile
        raise MovedError
    return str(commit.oid)
