"""The review page in a real browser, by keyboard alone."""

import json
import subprocess
import sys
from contextlib import contextmanager

import pytest
from recordings import record
from review_samples import line, shown

from pairsmith.curation.review_form import form_version
from pairsmith.curation.review_lines import Filled, read_lines
from pairsmith.curation.review_page import review_page
from pairsmith.curation.review_rows import Part
from pairsmith.curation.reviews import read_reviews

pytestmark = pytest.mark.slow
CHROMIUM = "/usr/bin/chromium"
HOSTILE = (
    "</script><script>document.title='gone'</script><img src=x onerror=\"document.title='gone'\"> \u202eabc \x00 end"
)
ARABIC = "ما هي الآثار الجانبية للدواء عند استعماله يوميًا؟"
THAI = "ผลข้างเคียงของยาเมื่อใช้ทุกวันคืออะไร"


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM)
        yield running
        running.close()


class Reader:
    """A person at the page who has a keyboard and nothing else."""

    def __init__(self, page):
        self.page = page
        self.troubles = []
        page.on("console", lambda message: self.troubles.append(message.text))
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("request", lambda request: self.troubles.append(request.url) if "file:" not in request.url else None)
        page.on("dialog", lambda dialog: dialog.accept())

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def write(self, text):
        self.page.keyboard.insert_text(text)

    def sees(self, name):
        """Text of the element of that id."""
        return self.page.locator(f"#{name}").inner_text()

    def says(self, script):
        return self.page.evaluate(script)

    @property
    def focus(self):
        """Name of the question that has the focus."""
        return self.says("document.activeElement.closest('.question')?.id.slice(4)")

    @property
    def query(self):
        return self.page.locator(".words").first.inner_text()

    def download(self, path):
        """To the button by Tab, and what it gives."""
        self.press("Escape")
        for _ in range(40):
            self.press("Shift+Tab")
            if self.says("document.activeElement.id") == "download":
                break
        with self.page.expect_download() as download:
            self.press("Enter")
        download.value.save_as(path)
        return download.value.suggested_filename


def reading(browser, folder, rows, **options):
    """The page of ann with these rows."""
    path = folder / "export-ann.html"
    path.write_text(review_page(rows, {}, name="demo", reviewer="ann", file_name=path.name), encoding="utf-8")
    return opened(browser, path, **options)


@contextmanager
def opened(browser, path, **options):
    """A page opened from the disk, in a browser of its own, by somebody who has read the guidelines."""
    context = browser.new_context(accept_downloads=True, **options)
    reader = Reader(context.new_page())
    reader.page.goto(path.as_uri())
    if reader.page.locator("#guidelines").is_visible():
        assert "What you decide" in reader.sees("guidelines")
        reader.press("Enter")
    yield reader
    context.close()
    assert not reader.troubles


def called(*command):
    """The command line, in a process of its own: the browser's loop runs in this one."""
    subprocess.run([sys.executable, "-m", "pairsmith", *map(str, command)], check=True, capture_output=True)


def rows(count=6, **more):
    return shown(*(line(number, **more) for number in range(count)))


def test_five_rows_are_answered_by_keys_kept_over_a_reload_and_handed_in(browser, tmp_path):
    with reading(browser, tmp_path, rows()) as reader:
        reader.press("1", "Enter")
        assert reader.query == "question 1" and reader.focus == "decision"
        reader.press("3", "w")
        reader.write("garb")
        reader.press("Enter", "ArrowDown", "2", "ArrowDown", "5", "Enter")
        reader.press("2", "Enter")
        assert "change one of the texts" in reader.sees("said") and reader.focus == "query"
        reader.press("Tab", "Control+End")
        assert reader.focus == "positive"
        reader.write(' and more,\n"so" <b>it</b> says')
        reader.press("Control+Enter")
        assert reader.query == "question 3"
        reader.press("Backspace", "2", "w", "1", "2", "2", "Escape", "Control+s")
        assert reader.sees("said") == "Draft kept."
        assert reader.sees("answered") == "4 of 6 answered, 5 not downloaded"
        reader.page.reload()
        assert reader.query == "question 4" and reader.sees("facts").endswith("draft")
        assert reader.sees("answered") == "4 of 6 answered, 5 not downloaded"
        reader.press("ArrowLeft", "ArrowLeft")
        assert reader.page.locator("textarea[name=positive]").input_value().endswith("<b>it</b> says")
        assert reader.download(tmp_path / "answers.jsonl") == "answers-ann.jsonl"
        assert reader.sees("answered") == "4 of 6 answered"
    found = [one.review for one in read_lines(tmp_path / "answers.jsonl") if isinstance(one, Filled)]
    assert {one.source for one in found} == {"export-ann.html"} and {one.form for one in found} == {form_version()}
    said = {one.id: (one.status, one.answers.model_dump(mode="json", exclude_defaults=True)) for one in found}
    assert said == {
        "row0": ("submitted", {"decision": "keep"}),
        "row1": (
            "submitted",
            {"decision": "drop", "wrong": ["unnatural"], "positive_relevance": 2, "negative_relevance": 5},
        ),
        "row2": ("submitted", {"decision": "fix", "positive": 'answer 2 and more,\n"so" <b>it</b> says'}),
        "row3": ("discarded", {}),
        "row4": ("draft", {"decision": "fix", "wrong": ["wrong_answer"]}),
    }


def test_answers_go_from_the_page_into_the_run_and_stand_on_its_next_page(browser, tmp_path):
    texts = [" ".join(f"word{number * step}" for step in range(1, 13)) for number in range(8)]
    answers = [json.dumps({"S1": text, "S2": f"{text} again", "S3": f"other {text}"}) for text in texts]
    run = record(tmp_path / "run", answers)
    for command in ("generate", "gate", "review export"):
        called(*command.split(), run)
    page = run / "review" / "export-reviewer.html"
    with opened(browser, page) as reader:
        reader.press("1", "Enter", "2", "Enter", "End")
        reader.write(" corrected")
        reader.press("Control+Enter", "Delete")
        reader.download(tmp_path / "answers.jsonl")
    for _ in range(2):
        called("review", "import", run, tmp_path / "answers.jsonl")
    said = [(one.reviewer, one.status, one.answers.decision) for one in read_reviews(run / "reviews.jsonl")]
    assert said == [
        ("reviewer", "submitted", "keep"),
        ("reviewer", "submitted", "fix"),
        ("reviewer", "discarded", None),
    ]
    fixed = read_reviews(run / "reviews.jsonl")[1].answers.corrections
    assert list(fixed) == ["query"] and fixed["query"].endswith(" corrected")
    called("review", "export", run)
    with opened(browser, page) as reader:
        assert reader.sees("answered") == "3 of 8 answered" and reader.sees("place") == "4 of 8"
        reader.press("k", "k")
        assert reader.page.locator("textarea[name=query]").input_value() == fixed["query"]


def test_two_windows_know_of_each_other(browser, tmp_path):
    with reading(browser, tmp_path, rows()) as reader:
        other = Reader(reader.page.context.new_page())
        other.page.goto(reader.page.url)
        other.press("Escape", "3", "Enter")
        reader.page.bring_to_front()
        reader.page.locator("#answered", has_text="1 of 6 answered").wait_for()
        assert reader.says("document.querySelector('[name=decision]:checked').value") == "drop"
        assert not other.troubles


def test_what_was_entered_and_not_sent_is_there_after_a_reload(browser, tmp_path):
    with reading(browser, tmp_path, rows()) as reader:
        reader.press("2", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "End")
        reader.write("?")
        reader.page.reload()
        assert reader.says("document.querySelector('[name=decision]:checked').value") == "fix"
        assert reader.page.locator("textarea[name=query]").input_value() == "question 0?"
        reader.press("Enter")
        assert reader.sees("answered").startswith("1 of 6")


def test_hostile_and_foreign_texts_are_shown_as_they_are(browser, tmp_path):
    texts = {"query": HOSTILE, "positive": ARABIC * 60, "negatives": [THAI, HOSTILE], "document_language": "ar"}
    many = shown(line(0, Part.REJECTED, **texts, reasons=[f"own:row:{HOSTILE}"]))
    with reading(browser, tmp_path, many) as reader:
        assert reader.page.title() == "demo: review by ann"
        assert reader.query == HOSTILE.replace("\u202e", "⟨U+202E⟩").replace("\x00", "␀")
        positive = reader.page.locator(".words").nth(1)
        assert positive.evaluate("e => [getComputedStyle(e).direction, e.lang, e.tabIndex]") == ["rtl", "ar", 0]
        assert positive.evaluate("e => e.scrollHeight > e.clientHeight && e.scrollWidth <= e.clientWidth")
        assert "own, row: </script>" in reader.sees("because")
        assert reader.says("[...document.querySelectorAll('.suggested input')].map(e => e.value)") == ["drop"]
        reader.press("2", "Enter")
        assert reader.says("document.activeElement.value") == HOSTILE, "what is corrected is the text itself"


def test_rows_are_found_by_group_language_and_what_is_unanswered(browser, tmp_path):
    mixed = shown(*(line(number, document_language=["en", "th"][number % 2], group="sts") for number in range(4)))
    with reading(browser, tmp_path, mixed) as reader:
        reader.press("1", "Enter")
        reader.page.select_option("#language", label="Thai")
        assert reader.sees("place") == "1 of 2" and reader.query == "question 1"
        reader.page.select_option("#language", "")
        reader.page.select_option("#state", "submitted")
        assert reader.sees("place") == "1 of 1" and reader.query == "question 0"
        reader.page.select_option("#state", "discarded")
        assert "No row is like that" in reader.sees("none")
        reader.press("Escape", "1", "Enter", "Backspace", "w", "ArrowRight")
        reader.page.select_option("#state", "open")
        assert reader.sees("place") == "1 of 3"


def test_the_keyboard_reaches_all_and_is_caught_nowhere(browser, tmp_path):
    with reading(browser, tmp_path, rows(positive="long\n" * 300)) as reader:
        reader.press("?")
        assert "submit and go to the next row" in reader.sees("keys")
        reader.press("Escape", "2")
        seen = []
        for _ in range(60):
            reader.press("Tab")
            at = reader.says("((e) => e.id || e.name || e.className || e.tagName)(document.activeElement)")
            if seen and at == "BODY":
                break
            seen.append(at)
        wanted = [
            "narrow",
            "positive_relevance",
            "negative_relevance",
            "query",
            "positive",
            "negative",
            "draft",
            "discard",
        ]
        assert [name for name in seen if name in wanted] == wanted
        seen.clear()
        for _ in range(60):
            reader.press("Tab")
            seen.append(reader.says("((e) => e.id || e.name || e.className)(document.activeElement)"))
            if seen[-1] == "decision":
                break
        wanted = ["open-guidelines", "open-keys", "download", "before", "after", "group", "language", "state", "words"]
        assert [name for name in seen if name in wanted] == wanted


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_on_a_narrow_screen(browser, tmp_path, scheme):
    with reading(browser, tmp_path, rows(), viewport={"width": 360, "height": 640}, color_scheme=scheme) as reader:
        reader.press("2")
        assert reader.says("document.documentElement.scrollWidth <= innerWidth")


def test_two_thousand_rows_of_long_texts_are_as_quick_as_few(browser, tmp_path):
    many = shown(*(line(number, positive=f"{number} " + "word " * 800) for number in range(2_000)))
    with reading(browser, tmp_path, many) as reader:
        for _ in range(20):
            reader.press("1", "Enter")
        assert reader.sees("answered").startswith("20 of 2000 answered")
        assert reader.says("document.querySelectorAll('*').length") < 500
        kept = json.loads(reader.says("JSON.stringify(Object.keys(localStorage))"))
        assert len(kept) == 20


def test_a_browser_that_keeps_nothing_says_so_and_still_hands_in(browser, tmp_path):
    with reading(browser, tmp_path, rows()) as reader:
        reader.says("void (Storage.prototype.setItem = () => { throw new Error('full') })")
        reader.press("1")
        assert "keeps no more answers" in reader.sees("said")
        reader.press("Enter")
        reader.download(tmp_path / "answers.jsonl")
    [found] = read_lines(tmp_path / "answers.jsonl")
    assert found.review.answers.decision == "keep"
