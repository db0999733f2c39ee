"""A release on the Hub: published and read back, marked as bad, brought back. And a model: published."""

from pathlib import Path
from typing import Any

from pairsmith.checking import quality_of
from pairsmith.curation.hub_calls import hub
from pairsmith.curation.hub_release import parse_published
from pairsmith.curation.loaded import verify
from pairsmith.curation.manifest import note_commit
from pairsmith.curation.publish import publish
from pairsmith.curation.publish_check import Bounds
from pairsmith.curation.publish_model import publish_model
from pairsmith.curation.pull import pull
from pairsmith.curation.quality import read_quality
from pairsmith.curation.reference import local_release
from pairsmith.curation.yank import yank
from pairsmith.factory.extras import need_extra
from pairsmith.progress import note


def publish_release(release: Path, repository: str, public: bool, quality: Path | None) -> dict[str, Any]:
    """Publish a release folder, or the newest release of a run, and load it back as a reader would.

    ``quality``: see :func:`~pairsmith.checking.quality_of`.
    """
    need_extra("hub", "to load what was published", "datasets")  # before anything is sent
    folder = local_release(release)
    path = quality_of(folder, quality)
    done = publish(folder, repository, public, Bounds(path, read_quality(path)), note)
    note_commit(folder, repository, done.commit)
    note(f"{done.published}: loading it with empty caches, to compare its rows")
    verify(hub(), done.published, dict(done.manifest))
    return {
        "published": str(done.published),
        "release": str(folder),
        "commit": done.commit,
        "new": done.new,
        "public": public,
        "rows": done.manifest["rows"],
        "row_set": done.manifest["row_set"],
    }


def publish_trained(model: Path, repository: str, public: bool) -> dict[str, Any]:
    """Publish the folder of a model; every file that is there is compared with the one that was sent."""
    done = publish_model(model, repository, public)
    return {
        "published": f"{done.repository}@{done.tag}",
        "model": str(model),
        "commit": done.commit,
        "new": done.new,
        "public": public,
    }


def yank_version(reference: str, why: str) -> dict[str, Any]:
    """Mark a published version as one that nobody should use."""
    published = parse_published(reference)
    return {"published": str(published), "why": why, "commit": yank(published, why, note)}


def pull_version(reference: str, folder: Path | None) -> dict[str, Any]:
    """Bring a published version back; ``folder``: None for ``NAME/1.2.0`` here."""
    published = parse_published(reference)
    target = folder or Path(published.repository.partition("/")[2], str(published.version))
    done = pull(published, target, note)
    note_commit(done.folder, published.repository, done.commit)
    return {
        "published": str(published),
        "folder": str(done.folder),
        "commit": done.commit,
        "new": done.new,
        "rows": done.manifest["rows"],
        "yanked": done.yanked,
    }
