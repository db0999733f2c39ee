"""A model goes to the Hub: one commit with all of it, made on what was read before, then a tag that is never moved."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pairsmith.curation.hub_calls import MovedError, hub, told
from pairsmith.curation.hub_release import checked_repository
from pairsmith.curation.hub_store import git_id
from pairsmith.curation.publishable_model import FACTS, PublishableModel, read_model
from pairsmith.factory.errors import RemoteError
from pairsmith.factory.folder import file_digest

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import ModelInfo, RepoFile

MODEL = "model"

_NEW = {".gitattributes", "README.md"}
"""What stands in a repository that nothing was published to yet."""


class PublishedModel(NamedTuple):
    """``commit``: that the tag names; ``new``: False where the tag was there already."""

    repository: str
    tag: str
    commit: str
    new: bool


def publish_model(folder: Path, repository: str, public: bool) -> PublishedModel:
    """Publish the folder of a model to a repository, which is made, private unless ``public``, where there is none.

    Raises :class:`RunError` where the model can't be published, :class:`RemoteError` where the Hub doesn't let it be, or holds
    something else: then nothing of it is to be seen.
    """
    model, api = read_model(folder), hub()
    checked_repository(repository)
    try:
        with told(repository, "nothing was published"):
            about = _opened(api, repository, public)
            _need_visibility(about, repository, public)
            tags = {tag.name: tag.target_commit for tag in api.list_repo_refs(repository, repo_type=MODEL).tags}
            if model.tag in tags:
                return PublishedModel(repository, model.tag, tags[model.tag], new=False)
            commit = _commit(api, repository, model, str(about.sha))
        with told(repository, f"its files are there, but not the tag {model.tag}: run the same command again"):
            api.create_tag(repository, tag=model.tag, revision=commit, repo_type=MODEL)
    except MovedError:
        raise RemoteError(
            f"{repository}: somebody else committed at the same time; run the same command again"
        ) from None
    return PublishedModel(repository, model.tag, commit, new=True)


def _opened(api: "HfApi", repository: str, public: bool) -> "ModelInfo":
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return api.model_info(repository)
    except RepositoryNotFoundError:
        api.create_repo(repository, repo_type=MODEL, private=not public)
        return api.model_info(repository)


def _need_visibility(about: "ModelInfo", repository: str, public: bool) -> None:
    if about.private and public:
        raise RemoteError(f"{repository} is private; leave out --public, or make it public on the Hub first")
    if not about.private and not public:
        raise RemoteError(f"{repository} is public; say --public to publish there, or make it private first")


def _commit(api: "HfApi", repository: str, model: PublishableModel, head: str) -> str:
    """One commit: the files of the model, and those of the model before that it has no more; then what is there is compared."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    there = _files(api, repository, head)
    if FACTS not in there and there.keys() - _NEW:
        foreign = sorted(there.keys() - _NEW)[0]
        raise RemoteError(f"{repository} holds files of something else ({foreign}); take another repository")
    added = [CommitOperationAdd(name, model.folder / name) for name in model.files]
    gone = sorted(there.keys() - model.files.keys() - {".gitattributes"})
    done = api.create_commit(
        repository,
        [*added, *map(CommitOperationDelete, gone)],
        commit_message=f"Model {model.tag}",
        repo_type=MODEL,
        parent_commit=head,
    )
    committed = _files(api, repository, str(done.oid))
    wrong = next((name for name in model.files if not _same(model.folder / name, committed.get(name))), None)
    if wrong is not None:  # changed while it was sent, or somebody else's commit
        raise RemoteError(f"{repository}: {wrong} is not there as it is in {model.folder}; run the same command again")
    return str(done.oid)


def _files(api: "HfApi", repository: str, commit: str) -> dict[str, "RepoFile"]:
    from huggingface_hub.hf_api import RepoFile

    listed = api.list_repo_tree(repository, repo_type=MODEL, revision=commit, recursive=True)
    return {item.path: item for item in listed if isinstance(item, RepoFile)}


def _same(path: Path, file: "RepoFile | None") -> bool:
    if file is None:
        return False
    if file.lfs is not None:
        return file_digest(path) == file.lfs.sha256
    return git_id("blob", path.read_bytes()) == file.blob_id
