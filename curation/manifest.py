"""``manifest.json`` of a release: what it holds and what it was made with, sorted, so that a person can compare two of them.

Two things lie beside a release's folder, in which nothing ever changes: its signatures, and ``1.2.0.hub.json``, which says
which commit on the Hub it is.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from pairsmith.curation.manifest_shape import misshapen
from pairsmith.factory.errors import RunError
from pairsmith.factory.folder import written_whole

FORMAT_VERSION = 1
MANIFEST = "manifest.json"

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)", re.ASCII)


class Version(NamedTuple):
    """A semantic version of a dataset."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def versions(releases: Path) -> list[Version]:
    """Versions that are there, the oldest first."""
    names = (_VERSION.fullmatch(path.name) for path in releases.iterdir()) if releases.is_dir() else ()
    return sorted(Version(*map(int, match.groups())) for match in names if match)


def read_manifest(release: Path) -> dict[str, Any]:
    """The manifest of a release. :class:`RunError` where it says less than :mod:`.manifest_shape` asks."""
    path = release / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(manifest, dict) or "format_version" not in manifest:
            raise ValueError("it holds no format_version")
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path}: not readable ({error}); is {release} a release of Pairsmith?") from None
    if (known := manifest["format_version"]) != FORMAT_VERSION:
        raise RunError(f"{path}: format {known}, this Pairsmith reads {FORMAT_VERSION}; upgrade it")
    if wrong := misshapen(manifest):
        raise RunError(f"{path}: {wrong}; take the release again from where it came")
    return manifest


def write_manifest(release: Path, facts: dict[str, Any]) -> None:
    """Write the manifest of a release; the same facts give the same bytes."""
    text = json.dumps({"format_version": FORMAT_VERSION, **facts}, indent=1, sort_keys=True, ensure_ascii=False)
    (release / MANIFEST).write_text(f"{text}\n", encoding="utf-8")


def note_commit(release: Path, repository: str, commit: str) -> None:
    """Note beside a release which commit of ``repository`` it was published as or brought back from."""
    with written_whole(_hub_note(release)) as beside:
        beside.write_text(json.dumps({"repository": repository, "commit": commit}) + "\n", encoding="utf-8")


def published_commit(release: Path) -> str | None:
    """The commit on the Hub that a release is, as far as that is noted."""
    try:
        return str(json.loads(_hub_note(release).read_text(encoding="utf-8"))["commit"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        path = _hub_note(release)
        raise RunError(f"{path}: not readable ({error}); delete it, and the parent's commit is not told") from None


def _hub_note(release: Path) -> Path:
    return release.with_name(f"{release.name}.hub.json")
