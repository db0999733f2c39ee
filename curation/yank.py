"""A bad version is marked: the main branch says it in its card, changelog, manifest and ``YANKED.json``; tags stay as they are.

Who has pinned the version can still load it, and ``pairsmith pull`` warns; who reads the card or the changelog is told why.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pairsmith.curation.card import inert
from pairsmith.curation.front_matter import split_card
from pairsmith.curation.hub_calls import hub, until_settled
from pairsmith.curation.hub_release import (
    CARD,
    CHANGELOG,
    DATASET,
    YANKED,
    Published,
    Remote,
    read_file,
    read_remote,
    read_yanked,
)
from pairsmith.curation.manifest import MANIFEST
from pairsmith.factory.errors import InputError, RemoteError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

LONGEST_WHY = 500  # characters: it stands in a card
_MARK = "**Yanked:** "
_MARKED = re.compile(rf"\n\n{re.escape(_MARK)}.*")
_HEADING = re.compile(r"## (\d+\.\d+\.\d+)(?!\S)")


def yank(published: Published, why: str, say: Callable[[str], None]) -> str:
    """Mark a published version, and return the commit that says it; marked so already, nothing changes.

    Raises :class:`RemoteError` where the Hub doesn't hold this version, or doesn't let it be marked.
    """
    why = " ".join(why.split())
    if not 0 < len(why) <= LONGEST_WHY:
        raise InputError(f"--why: say in 1 to {LONGEST_WHY} characters why nobody should use {published}")
    api = hub()

    def once() -> str:
        remote = read_remote(api, published.repository)
        remote.commit_of(published)
        yanked = {**read_yanked(api, remote), str(published.version): why}
        return _mark(api, remote, yanked, f"Yank version {published.version}")

    return until_settled(published.repository, "nothing was marked", once, say)


def mark_yanked(api: "HfApi", repository: str, say: Callable[[str], None]) -> None:
    """Let the main branch say again which versions are yanked, after a new one has brought its own card and changelog."""

    def once() -> None:
        remote = read_remote(api, repository)
        if yanked := read_yanked(api, remote):
            _mark(api, remote, yanked, "Name the versions that are yanked")

    unmarked = "the version is published, but its card doesn't name yanked ones: run the command again"
    until_settled(repository, unmarked, once, say)


def _mark(api: "HfApi", remote: Remote, yanked: Mapping[str, str], message: str) -> str:
    from huggingface_hub import CommitOperationAdd

    yanked = dict(sorted(yanked.items()))
    manifest = remote.manifest
    if manifest is None:
        raise RemoteError(
            f"{remote.repository}: its main branch holds no release any more, so nothing can be marked there"
        )
    texts = {name: read_file(api, remote.repository, name, remote.head).decode() for name in (CARD, CHANGELOG)}
    files = {
        CARD: marked_card(texts[CARD], yanked),
        CHANGELOG: marked_changelog(texts[CHANGELOG], yanked),
        MANIFEST: _json({**manifest, "yanked": yanked}),
        YANKED: _json(yanked),
    }
    if manifest.get("yanked") == yanked and all(files[name] == text for name, text in texts.items()):
        return remote.head
    commit = api.create_commit(
        remote.repository,
        [CommitOperationAdd(name, text.encode()) for name, text in files.items()],
        commit_message=message,
        repo_type=DATASET,
        parent_commit=remote.head,
    )
    return str(commit.oid)


def marked_card(card: str, yanked: Mapping[str, str]) -> str:
    """The card with a note above all else that names the yanked versions; one that was there is replaced."""
    head, body = split_card(card)
    rest = "\n".join(line for line in body.split("\n") if not line.startswith(f"> {_MARK}")).lstrip("\n")
    notes = "".join(f"> {_MARK}version {version}: {inert(why)}\n\n" for version, why in yanked.items())
    return f"{head}\n{notes}{rest}"


def marked_changelog(changelog: str, yanked: Mapping[str, str]) -> str:
    """The changelog with a line below the heading of each yanked version; those that were there are replaced."""
    marked = []
    for line in _MARKED.sub("", changelog).split("\n"):
        marked.append(line)
        version = _HEADING.match(line)
        if version and version[1] in yanked:
            marked += ["", f"{_MARK}{inert(yanked[version[1]])}"]
    return "\n".join(marked)


def _json(content: object) -> str:
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
