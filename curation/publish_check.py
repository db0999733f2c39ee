"""What fails its check is not published: a release is checked as ``pairsmith check`` does it, against what readers have now."""

import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from pairsmith.curation.check import Report, check
from pairsmith.curation.hub_release import Published, Remote, read_file, read_yanked, version_of
from pairsmith.curation.manifest import MANIFEST
from pairsmith.curation.quality import SHIPPED, Quality
from pairsmith.curation.reference import opened
from pairsmith.factory.errors import QualityError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

NAMED = 3
"""Findings that are named, the first of them in full: a line that people still read. ``pairsmith check`` shows all."""


class Bounds(NamedTuple):
    """``path``: of a ``quality.yml``, beside which its evaluation files lie; ``quality``: what it says."""

    path: Path
    quality: Quality


class PublishCheck:
    """The check of a ``release``, once for each baseline, however often it is needed; ``say`` is told what takes long."""

    def __init__(self, release: Path, manifest: Mapping[str, Any], bounds: Bounds, say: Callable[[str], None]) -> None:
        self._release = release
        self._manifest = manifest
        self._bounds = bounds
        self._say = say
        self._held: set[str | None] = set()

    def need(self, api: "HfApi", remote: Remote | None) -> None:
        """Raise :class:`QualityError` where the release fails; ``remote``: what is on the Hub, None where there is nothing."""
        baseline = self._baseline(api, remote)
        if baseline in self._held:
            return
        against = f"against {baseline}" if baseline else "without a baseline"
        self._say(f"{self._release}: checking it {against}, before anything is sent")
        report = self._report(baseline)
        if not report.holds:
            raise QualityError(f"{self._release}: {_found(report)}; nothing was published; {self._advice(baseline)}")
        self._held.add(baseline)

    def _baseline(self, api: "HfApi", remote: Remote | None) -> str | None:
        """The newest version before on the Hub that is not yanked, else the one beside the release that it follows.

        What readers have counts: where quality falls in small steps, of which none was published, each is like the one before.
        """
        yanked = read_yanked(api, remote) if remote else {}
        if remote:
            before = [one for one in remote.versions if one < version_of(self._manifest["version"])]
            if known := [one for one in before if str(one) not in yanked]:
                return self._nearest(api, remote, Published(remote.repository, max(known)))
        parent = self._manifest["parent"]
        if parent is None or parent in yanked or not (beside := self._beside(parent)).is_dir():
            return None
        return str(beside)

    def _nearest(self, api: "HfApi", remote: Remote, published: Published) -> str:
        """A version on the Hub, or the folder beside the release where that is the same: then nothing is downloaded."""
        beside = self._beside(str(published.version))
        if (beside / MANIFEST).is_file():
            theirs = read_file(api, remote.repository, MANIFEST, remote.tags[published.tag])
            if (beside / MANIFEST).read_bytes() == theirs:
                return str(beside)
        return str(published)

    def _beside(self, version: str) -> Path:
        return self._release.with_name(version)

    def _report(self, baseline: str | None) -> Report:
        path, quality = self._bounds
        with TemporaryDirectory(prefix="pairsmith-") as cache:
            folder = opened(baseline, Path(cache), self._say) if baseline else None
            return check(self._release, folder, quality, path.parent, datetime.now(UTC).date())

    def _advice(self, baseline: str | None) -> str:
        words = ["pairsmith", "check", str(self._release)]
        words += ["--against", baseline] if baseline else []
        words += [] if self._bounds.path == SHIPPED else ["--quality", str(self._bounds.path)]
        return f"'{shlex.join(words)}' shows all"


def _found(report: Report) -> str:
    """``it fails its check with 5 findings: rows is 30, ...; then drift.group.sts, rows.added and 2 more``."""
    first, *others = report.findings
    count = f"{len(report.findings)} finding{'s' if others else ''}"
    named = ", ".join(one.metric for one in others[: NAMED - 1])
    more = f" and {len(others) - NAMED + 1} more" if len(others) >= NAMED else ""
    return f"it fails its check with {count}: {first.what}" + (f"; then {named}{more}" if others else "")
