import base64
import hashlib
import json
import re
from html.parser import HTMLParser

from hypothesis import example, given, settings
from hypothesis import strategies as st
from review_samples import line, shown

from pairsmith.curation.review_form import QUESTIONS, RATINGS, form_version
from pairsmith.curation.review_page import review_page, script_json
from pairsmith.curation.review_rows import Part
from pairsmith.curation.reviews import Review, latest

HOSTILE = "</script><script>alert(1)</script><!-- <script> ]]> \"' &lt; \u2028 \x00 {{ 7 * 7 }}"


class Page(HTMLParser):
    """The elements of a page with their attributes, and what stands in scripts and styles."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements, self.raw, self._open = [], [], None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open = tag

    def handle_endtag(self, tag):
        self._open = None

    def handle_data(self, data):
        if self._open in ("script", "style"):
            self.raw.append((self._open, self.elements[-1][1].get("type"), data))

    @property
    def data(self):
        """What the page knows."""
        return json.loads(next(text for _, kind, text in self.raw if kind == "application/json"))

    def named(self, tag, name):
        """Values of the fields of that name."""
        return [attrs.get("value") for kind, attrs in self.elements if kind == tag and attrs.get("name") == name]


def html_of(*lines, answered=(), name="demo", reviewer="ann"):
    return review_page(
        shown(*lines), latest(answered), name=name, reviewer=reviewer, file_name=f"export-{reviewer}.html"
    )


@given(st.text(alphabet=st.characters()))
@example(HOSTILE)
@example("a\ud800b\udfff</script>")
@settings(max_examples=200)
def test_no_text_can_leave_the_element_it_stands_in(text):
    written = script_json({text: [text]})
    assert not re.search("[<>&\u2028\u2029]", written)
    assert json.loads(written) == {text: [text]}
    written.encode("utf-8")


def test_hostile_texts_make_no_element_and_come_through_whole():
    hostile = dict.fromkeys(("query", "positive", "instruction", "group", "query_language", "content_hash"), HOSTILE)
    html = html_of(
        line(1, Part.REJECTED, negatives=[HOSTILE], reasons=[f"own:row:{HOSTILE}"], **hostile),
        name=HOSTILE.replace("\0", ""),
    )
    plain = Page(html_of(line(1)))
    page = Page(html)
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    [record] = page.data["records"]
    assert record["positive"]["text"] == record["negatives"][0]["text"] == HOSTILE
    assert "\x00" not in record["positive"]["shown"] and "\x00" not in html


def test_the_policy_allows_our_script_and_style_and_nothing_else():
    html = html_of(line(1))
    page = Page(html)
    [policy] = [attrs["content"] for _, attrs in page.elements if attrs.get("http-equiv") == "Content-Security-Policy"]
    digests = {
        f"{tag}-src": "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
        for tag, kind, text in page.raw
        if kind is None
    }
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules == {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'", **digests}
    assert not any("style" in attrs for _, attrs in page.elements)


def test_the_page_needs_nothing_from_outside():
    html = html_of(line(1))
    assert not re.search(r"https?:|url\(|@import|\bimport\b|fetch\(|XMLHttp|innerHTML|eval\(|document\.write", html)
    assert not any({"src", "href", "action"} & attrs.keys() for _, attrs in Page(html).elements)


def test_the_page_asks_the_questions_of_the_form_with_its_words_and_options():
    html = html_of(line(1))
    page = Page(html)
    asked = [attrs["id"].removeprefix("ask-") for tag, attrs in page.elements if tag == "fieldset"]
    assert asked == [question.name for question in QUESTIONS]
    for question in QUESTIONS:
        options = [str(rating) for rating in RATINGS] if question.kind == "rating" else list(question.options)
        assert page.named("input", question.name) == options
        assert len(page.named("textarea", question.name)) == (question.kind == "text")
        for words in (question.title, question.about, *question.options.values()):
            assert words in html
    assert page.data["form"] == form_version()


def test_guidelines_stand_on_the_page():
    html = html_of(line(1))
    assert "<h1>What you decide</h1>" in html and "<strong>Fix</strong>" in html and "<table>" in html


def test_a_reviewer_is_not_told_why_a_row_is_shown():
    random, doubtful = Page(html_of(line(1, Part.RANDOM))), Page(html_of(line(1, Part.DOUBTFUL, doubt=0.9)))
    assert random.data == doubtful.data


def test_random_rows_carry_no_suggestion_and_rejected_ones_what_the_gates_said():
    reasons = ["language:positive:wrong_language"]
    page = Page(html_of(line(1, reasons=reasons), line(2, Part.REJECTED, reasons=reasons)))
    random, rejected = sorted(page.data["records"], key=lambda record: record["id"])
    assert (random["decision"], random["wrong"], random["because"]) == (None, [], [])
    assert (rejected["decision"], rejected["wrong"]) == ("drop", ["wrong_language"])


def test_what_the_reviewer_has_answered_stands_on_the_page_and_what_others_have_does_not():
    said = {"status": "submitted", "at": "2026-01-01T00:00:00Z", "source": "x", "form": form_version()}
    mine = Review(id="row1", content_hash="hash1", reviewer="ann", answers={"decision": "drop"}, **said)
    theirs = Review(id="row2", content_hash="hash2", reviewer="bob", answers={"decision": "keep"}, **said)
    changed = Review(id="row3", content_hash="before", reviewer="ann", answers={"decision": "keep"}, **said)
    rows = Page(html_of(line(1), line(2), line(3), answered=[mine, theirs, changed])).data["records"]
    assert [record["review"] and record["review"]["answers"]["decision"] for record in rows] == ["drop", None, None]


def test_a_page_of_nothing_is_one():
    assert Page(html_of()).data["records"] == []
