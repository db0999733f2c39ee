"""Argilla's own page as reviewers have it: answered by keys alone, every script readable, no text acting in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from argilla_fixture import Served
from argilla_people import copied, lines, of_run, records, silent
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from review_samples import line, sample

from pairsmith.curation.argilla import push
from pairsmith.curation.argilla_connection import connect
from pairsmith.curation.argilla_form import FIELDS
from pairsmith.factory.spec import ReviewSpec

pytestmark = pytest.mark.slow

CHROMIUM = "/usr/bin/chromium"
PATIENCE = 60_000  # milliseconds: the page is large, and machines are busy
ALONE = "\nreview: {reviewers: [ann], sample: 40}\n"
HOSTILE = (
    "<img src=x onerror=\"document.title='acted'\"> <b>bold</b> & &lt;i&gt; ${x} $& {{query}} <script>document.title='acted';"
    "parent.document.title='acted'</script> <svg onload=\"document.title='acted'\"> </script> <a href='javascript:0'>link</a>"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    options = {"executable_path": CHROMIUM, "args": ["--no-sandbox"]}
    with sync_playwright() as playwright, playwright.chromium.launch(**options) as browser:
        yield browser


def signed_in(browser: Browser, served: Served, name: str) -> Page:
    """The page of a reviewer who signed in by keys."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{served.url}/sign-in")
    expect(page.locator("input").first).to_be_focused(timeout=PATIENCE)
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(served.reviewers[name].password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "sign-in" not in url)
    return page


def fields(page: Page, record: dict[str, Any]) -> Locator:
    """The texts of a record, in the order of its fields: task, query, positive, negatives."""
    return page.locator(f".content-area[id$='{record['id']}']")


def first_option(page: Page) -> Locator:
    """The key ``1`` of the first question: where it has the focus a record is ready to be answered."""
    return page.locator("#decision_keep")


def test_three_records_are_answered_by_keys_alone(
    server: Served, recorded: Path, tmp_path: Path, call: Any, browser: Browser
) -> None:
    run = copied(recorded, tmp_path / "run", "by-keys", ALONE)
    address = call("review", "push", run)["pages"]["by-keys"]
    first, second, third = records(server, "by-keys")[:3]
    page = signed_in(browser, server, "ann")
    page.goto(address)
    for keys, there in (("1", first), ("32", second), ("Backspace", third)):
        expect(first_option(page)).to_be_focused(timeout=PATIENCE)
        expect(fields(page, there).first).to_be_visible(timeout=PATIENCE)
        page.screenshot(path=tmp_path / f"{keys}.png")
        if keys == "Backspace":  # discard
            page.keyboard.press(keys)
            continue
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_timeout(500)  # the page waits for a second digit: labels have numbers of two
        page.keyboard.press("Enter")
    expect(fields(page, third).first).to_be_hidden(timeout=PATIENCE)
    page.close()
    call("review", "pull", run)
    found = {f"{one['id']}-{one['content_hash']}": one for one in lines(run)}
    kept, dropped, gone = (found[record["external_id"]] for record in (first, second, third))
    assert (kept["status"], kept["answers"]["decision"]) == ("submitted", "keep")
    assert (dropped["status"], dropped["answers"]["decision"]) == ("submitted", "drop")
    assert "false_negative" in dropped["answers"]["wrong"]
    assert (gone["status"], gone["answers"]["decision"]) == ("discarded", None)


def test_a_text_is_corrected_by_keys_alone(
    server: Served, recorded: Path, tmp_path: Path, call: Any, browser: Browser
) -> None:
    run = copied(recorded, tmp_path / "run", "mended-by-keys", ALONE)
    address = call("review", "push", run)["pages"]["mended-by-keys"]
    first, second = records(server, "mended-by-keys")[:2]
    page = signed_in(browser, server, "ann")
    page.goto(address)
    expect(first_option(page)).to_be_focused(timeout=PATIENCE)
    page.keyboard.press("2")
    expect(page.locator("[id^=wrong_]:focus")).to_be_attached(timeout=PATIENCE)  # it moves on by itself
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "Shift+Enter"):
        page.keyboard.press(key)
    expect(page.locator("[contenteditable=true]:focus")).to_be_attached(timeout=PATIENCE)
    page.keyboard.press("Control+Home")
    page.keyboard.type("Mended: ")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(fields(page, second).first).to_be_visible(timeout=PATIENCE)
    page.close()
    call("review", "pull", run)
    [answered] = lines(run)
    [query] = pq.read_table(
        run / "review" / "sample.parquet", columns=["query"], filters=[("id", "==", answered["id"])]
    )["query"].to_pylist()
    assert f"{answered['id']}-{answered['content_hash']}" == first["external_id"]
    assert answered["answers"]["decision"] == "fix"
    assert answered["answers"]["query"].split() == f"Mended: {query}".split()


def test_texts_of_every_script_and_length_are_readable_and_none_of_them_acts(
    server: Served, tmp_path: Path, browser: Browser
) -> None:
    arabic, hebrew = "ما هي فوائد شرب الماء الدافئ؟", "מהן שעות הפתיחה של הספרייה?"
    texts = [arabic, hebrew, "วิธีทำต้มยำกุ้งให้อร่อย", "one\n\n  two\n" * 60, HOSTILE, "a\x00b\u202ec"]
    rows = [line(place, query=text, positive=text, negatives=[text, text]) for place, text in enumerate(texts)]
    connection = connect(tmp_path, server.url, server.owner.api_key)
    address = push(connection, sample(*rows), {}, ReviewSpec(reviewers=("ann",)), "scripts", silent).pages["scripts"]
    page = signed_in(browser, server, "ann")
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page.goto(address)
    shown = {}
    for place, record in enumerate(of_run(server, "scripts")):
        for number, field in enumerate(FIELDS):
            text = fields(page, record).nth(number)
            expect(text).to_be_visible(timeout=PATIENCE)
            shown[place, field] = text.inner_text().strip()
            rtl = text.locator("div").first.evaluate("element => getComputedStyle(element).direction") == "rtl"
            assert rtl == (texts[place] in (arabic, hebrew) and field != "task")
        page.screenshot(path=tmp_path / f"{place}.png")
        page.keyboard.press("ArrowRight")
    assert page.title() == "Argilla"
    assert page.locator(".content-area iframe").count() == 0
    page.close()
    for place, text in enumerate(texts[:5]):
        assert shown[place, "query"] == shown[place, "negative"] == text.strip()
    assert shown[5, "positive"] == "a␀b⟨U+202E⟩c"
