"""``pairsmith check``: whether a release, or a run's newest one, holds what ``quality.yml`` asks."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pairsmith.curation.check import check
from pairsmith.curation.expectations import great_expectations, make_room, write_expectations
from pairsmith.curation.quality import SHIPPED, read_quality
from pairsmith.curation.reference import RELEASES, opened

REGRESSED = 1
"""Exit code of a check that fails."""


def check_release(release: str, against: str | None, quality: Path | None, expectations: Path | None) -> dict[str, Any]:
    """The report as plain data, with the exit code. ``quality``: see :func:`quality_of`;
    ``expectations``: the folder for the same bounds as suites of Great Expectations, whose findings count then, and for its
    pages."""
    if expectations is not None:
        great_expectations()  # what is in the way is said before the work
        make_room(expectations)
    with TemporaryDirectory(prefix="pairsmith-") as cache:
        folder = opened(release, Path(cache))
        path = quality_of(folder, quality)
        asked = read_quality(path)
        baseline = opened(against, Path(cache)) if against is not None else None
        report = check(folder, baseline, asked, path.parent, datetime.now(UTC).date())
        ran = write_expectations(folder, report, asked, expectations) if expectations is not None else None
        if ran is not None:
            report = replace(report, findings=[*report.findings, *ran.findings])
        result = {**report.as_json(), "exit": 0 if report.holds else REGRESSED}
        return result | ({"expectations": ran.as_json()} if ran is not None else {})


def quality_of(release: Path, given: Path | None) -> Path:
    """The ``quality.yml`` that a release folder is held to: the one that was ``given``, else that of the run in which the
    release lies, else the one that comes with Pairsmith."""
    run = release.absolute().parent
    own = run.with_name(SHIPPED.name)
    return given or (own if run.name == RELEASES and own.is_file() else SHIPPED)
