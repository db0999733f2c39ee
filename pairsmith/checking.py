"""``pairsmith check``: whether a release, or a run's newest one, holds what ``quality.yml`` asks."""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pairsmith.curation.check import check
from pairsmith.curation.quality import SHIPPED, read_quality
from pairsmith.curation.reference import opened

REGRESSED = 1
"""Exit code of a check that fails."""


def check_release(release: str, against: str | None, quality: Path | None, expectations: Path | None) -> dict[str, Any]:
    """The report as plain data, with the exit code. ``quality``: None for the bounds that come with Pairsmith;
    ``expectations``: the folder for the same bounds as suites of Great Expectations, and for its pages."""
    path = quality or SHIPPED
    asked = read_quality(path)
    with TemporaryDirectory(prefix="pairsmith-") as cache:
        folder = opened(release, Path(cache))
        baseline = opened(against, Path(cache)) if against is not None else None
        report = check(folder, baseline, asked, path.parent, datetime.now(UTC).date())
        result = {**report.as_json(), "exit": 0 if report.holds else REGRESSED}
        if expectations is not None:
            from pairsmith.curation.expectations import write_expectations

            result["expectations"] = write_expectations(folder, report, asked, expectations)
    return result
