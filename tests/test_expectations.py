"""The bounds as suites of Great Expectations: they say what the check says, and their pages are written."""

import json
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from regressed import next_version, read_rows
from stored import stored
from test_release import FACTS, ROWS

from pairsmith.curation.check import Report, check
from pairsmith.curation.quality import Bound, DriftBounds, Quality
from pairsmith.curation.release import write_release

CHROMIUM = "/usr/bin/chromium"
REASON = "most rows must have a hard negative"
QUALITY = Quality(
    metrics={
        "rows": Bound.model_validate({"min": 1, "max_drop": "10%", "reason": "a release has rows"}),
        "negatives.coverage": Bound.model_validate({"min": 0.9, "reason": REASON}),
    },
    drift=DriftBounds(enabled=False),
)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(stored(ROWS), FACTS, tmp_path_factory.mktemp("releases"))[0]


def reported(release: Path, baseline: Path) -> Report:
    return check(release, baseline, QUALITY, release, date(2026, 11, 28))


@pytest.mark.slow
def test_what_holds_and_what_fails_is_what_the_check_says(release: Path, tmp_path: Path) -> None:
    from pairsmith.curation.expectations import write_expectations

    worse = next_version(release, tmp_path, [{**row, "negatives": []} for row in read_rows(release)])
    for one, holds in ((release, True), (worse, False)):
        report = reported(one, release)
        assert report.holds is holds
        told = write_expectations(one, report, QUALITY, tmp_path / f"expectations-{holds}")
        assert told["held"] == {"rows": True, "metrics": holds}
    suite = json.loads((tmp_path / "expectations-False/metrics.json").read_text(encoding="utf-8"))
    bounds = {one["kwargs"]["column"]: (one["kwargs"].get("min_value"), one["notes"]) for one in suite["expectations"]}
    assert bounds == {"rows": (54.0, "a release has rows"), "negatives.coverage": (0.9, REASON)}


@pytest.mark.slow
def test_the_pages_open_in_a_browser_and_name_the_bound_that_fails(release: Path, tmp_path: Path) -> None:
    from pairsmith.curation.expectations import write_expectations

    worse = next_version(release, tmp_path, [{**row, "negatives": []} for row in read_rows(release)])
    told = write_expectations(worse, reported(worse, release), QUALITY, tmp_path / "out")
    assert Path(told["index"]).is_file()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(Path(told["pages"]["metrics"]).resolve().as_uri())
        shown = page.inner_text("body")
        browser.close()
    assert "Status: Failed" in shown and "negatives.coverage" in shown
