"""Data Docs in a real browser: whole without a network, and no text of a row acts in them."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from regressed import next_version, read_rows
from test_expectations import QUALITY, release, reported

from pairsmith.curation.expectations import write_expectations

CHROMIUM = "/usr/bin/chromium"
HOSTILE = (
    """<img src="https://example.org/x" onerror="document.title='owned'"><script>document.title='owned'</script>"""
)
ARABIC = "مرحبا \u202e $PARAMETER {{ 7 * 7 }}"

pytestmark = pytest.mark.slow
__all__ = ["release"]


def opened(browser: Browser, path: Path) -> tuple[str, list[str], list[str]]:
    """The text of a page, all that it asked for but itself, and what its console says."""
    page, asked, said = browser.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(path.resolve().as_uri())
    text = page.inner_text("body")
    assert page.title() != "owned"
    assert page.locator("script, img, iframe, object, [onerror], [onclick]").count() == 0
    page.close()
    return text, asked[1:], said


def test_all_pages_are_whole_without_a_network_and_texts_of_rows_do_nothing(release: Path, tmp_path: Path) -> None:
    rows = read_rows(release)
    for row in rows[:5]:
        row |= {"negatives": [], "review": HOSTILE}
    rows[5]["review"] = ARABIC
    rows[6]["id"] = rows[7]["id"] = HOSTILE
    worse = next_version(release, tmp_path, rows)
    told = write_expectations(worse, reported(worse, release), QUALITY, tmp_path / "out")
    pages = sorted((tmp_path / "out").rglob("*.html"))
    assert len(pages) == 5  # an index, two suites, and what came of them
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for path in pages:
            text, asked, said = opened(browser, path)
            assert "Great Expectations" in text
            assert (asked, said) == ([], [])
        shown, _, _ = opened(browser, told.pages["rows"])
        assert HOSTILE in shown
        assert ARABIC.replace("\u202e", "⟨U+202E⟩") in shown
        browser.close()


def test_the_index_leads_to_what_fails_and_shows_that_alone(release: Path, tmp_path: Path) -> None:
    worse = next_version(release, tmp_path, [{**row, "negatives": []} for row in read_rows(release)])
    told = write_expectations(worse, reported(worse, release), QUALITY, tmp_path / "out")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(Path(told.as_json()["index"]).resolve().as_uri())
        page.locator("tr", has_text="measured-metrics").get_by_text("open").click()
        assert "Failed" in page.inner_text("#section-1")
        bounds = page.locator("main td:first-child", has=page.locator("i"))
        assert bounds.count() == 2
        page.check("#failed")
        assert [bounds.nth(place).is_visible() for place in range(2)].count(True) == 1
        assert "negatives.coverage" in page.inner_text("main")
        page.get_by_text("pairsmith-metrics", exact=True).first.click()
        assert QUALITY.metrics["negatives.coverage"].reason in page.inner_text("body")
        page.get_by_text("Data Docs", exact=True).click()
        assert page.url.endswith("data_docs/index.html")
        browser.close()
