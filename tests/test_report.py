import re
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored import stored

from pairsmith.curation.visible import visible
from pairsmith.factory.accounts import Book
from pairsmith.factory.ledger import Line
from pairsmith.factory.records import PAIRS, REJECTED, REQUESTS, VERDICTS
from pairsmith.factory.rounds import SliceState
from pairsmith.report import ReportData, write_report
from pairsmith.report_counts import REQUEST, ROW, asked_rows, by_group, by_language, by_model, by_reason, stages
from pairsmith.report_texts import SHOWN
from pairsmith.report_verdicts import read_said
from pairsmith.validators.funnel import Funnel

HOSTILE = "</p><script>alert(1)</script><img src=x onerror=alert(2)> \"'><svg onload=a> {{ 7 * 7 }} {% raw %} <!-- ]]>"


class Run:
    """A small run, row by row: what is asked, what is kept, what a gate drops."""

    def __init__(self):
        self.requests, self.rows, self.verdicts, self.raw = [], [], [], {}

    def add(self, name, *verdicts, group="sts", language="en", second=None, query="a query", positive="a text", **more):
        """``verdicts``: (gate, field, verdict, reason, related, score, threshold), the last ones may be left out."""
        sides = {"source_language": language, "target_language": second} if second else {"language": language}
        request = dict.fromkeys(REQUESTS.names) | {"id": f"q-{name}", "group": group, "attributes": "{}"}
        self.requests.append(request | sides | {"draw": 0, "attempt": 0})
        unparsed = any(verdict[0] == "parse" for verdict in verdicts)
        pair = {"id": name, "request_id": f"q-{name}", "content_hash": "0", "group": group, "instruction": "Find it."}
        pair |= {"query": query, "positive": positive, "negatives": [], "query_language": language}
        pair |= {"document_language": second or language, "model": "recorded"}
        if not unparsed:
            self.rows.append(dict.fromkeys(PAIRS.names) | pair | more)
        self.raw[name] = query
        head = {"request_id": f"q-{name}", "id": name}
        for verdict in verdicts or [("format", "query", "keep")]:
            values = [*verdict, *[None] * (7 - len(verdict))]
            fields = ("gate", "field", "verdict", "reason", "related", "score", "threshold")
            self.verdicts.append(head | dict(zip(fields, values, strict=True)))
        return self

    def data(self, **changed):
        gone = {line["id"]: line for line in self.verdicts if line["verdict"] == "drop"}
        rejected = []
        for name in gone:
            request = next(r for r in self.requests if r["id"] == f"q-{name}")
            row = next((row for row in self.rows if row["id"] == name), {})
            language = request["language"] or request["source_language"]
            sides = {"query_language": language, "document_language": request["target_language"] or language}
            texts = {field: row.get(field) for field in ("query", "positive", "negatives")}
            head = {"id": name, "request_id": f"q-{name}", "group": request["group"], "reasons": ["gate:field:reason"]}
            rejected.append(head | sides | texts | {"raw": self.raw[name]})
        verdicts = pa.Table.from_pylist(self.verdicts, VERDICTS)
        asked, whole = len(self.requests), Funnel()
        whole.add(verdicts)
        self.tables = {
            "requests": pa.Table.from_pylist(self.requests, REQUESTS),
            "candidates": pa.Table.from_pylist(self.rows, PAIRS),
            "verdicts": verdicts,
            "rejected": pa.Table.from_pylist(rejected, REJECTED),
            "accepted": pa.Table.from_pylist([row for row in self.rows if row["id"] not in gone], PAIRS),
        }
        given = {
            "name": "small",
            "funnel": whole.counts({"asked": asked, "answered": asked, "failed": {}, "pending": 0}),
            **{name: stored(table) for name, table in self.tables.items()},
            "release": None,
            "generated_with": {"pairsmith": "0.1.0"},
        }
        return ReportData(**given | changed)


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text, self.marked = set(), [], "", []
        self._open = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        self._open.append(tag)

    def handle_endtag(self, tag):
        if tag in self._open:
            del self._open[len(self._open) - 1 - self._open[::-1].index(tag) :]

    def handle_data(self, data):
        if "style" not in self._open:
            self.text += data
        if self._open and self._open[-1] == "mark":
            self.marked.append(data)


def money(models, slices):
    """What was paid to the models, a dollar and ten tokens for each slice, and a target that each slice half misses."""
    lines = [Line(m, "generate", s, "chat", 3, 10, 5, 1, 1.0, 0, 0) for m in models for s in slices]
    return {
        "book": Book(lines, {(m, s): 2 for m in models for s in slices}),
        "slices": {s: SliceState(4, 6, 6, 2) for s in slices},
        "funnel": {
            **Run().add("a").data().funnel,
            "target": {"wanted": 4 * len(slices), "missing": dict.fromkeys(slices, 2), "rounds": 3},
        },
    }


def figures(data):
    """What the tables of a report are counted from."""
    asked = asked_rows(data.requests.read(*REQUEST))
    dropped = by_reason(read_said(data.verdicts).drops, asked)
    return asked, data.accepted.read(*ROW), data.rejected.read(*ROW), dropped


@pytest.fixture
def run():
    """Two rows stay, one is dropped twice, one did not parse, one is a twin, one holds an address."""
    return (
        Run()
        .add("kept", ("language", "query", "keep", None, None, 0.97, 0.05))
        .add("pair", group="bitext", language="fa", second="de", query="باران", positive="Regen")
        .add(
            "bad",
            ("format", "positive", "drop", "meta_talk", "Here is your text"),
            ("length", "positive", "drop", "too_short", None, 4, 40),
            group="short_long",
            positive="Sure! Here is your text: rain.",
            num_words="50",
        )
        .add("cut", ("parse", "row", "drop", "truncated", '{"S1": "half'), query='{"S1": "half')
        .add("twin", ("duplicates", "positive", "drop", "near_duplicate", "kept", 0.83, 0.7), positive="a long text")
        .add("mail", ("privacy", "query", "unverified", "email", "ann.…"), query="write to ann.lee@mail.org")
    )


def test_headline_states_the_identity_and_whether_it_holds(run):
    data = run.data()
    assert (
        "Nothing disappeared: 6 asked = 3 accepted + 3 rejected + 0 failed + 0 pending."
        in Page(write_report(data)).text
    )
    broken = run.data(funnel=data.funnel | {"accepted": 2})
    assert "The numbers do not add up: 6 asked ≠ 2 accepted" in Page(write_report(broken)).text


def test_every_string_from_outside_is_escaped():
    run = Run()
    gate, reason = HOSTILE + "gate", HOSTILE + "reason"
    run.add("a", (gate, HOSTILE, "drop", reason, HOSTILE, 1, 2), query=HOSTILE, positive=HOSTILE, instruction=HOSTILE)
    run.add("b", (gate, HOSTILE, "unverified", reason, HOSTILE), language='en" onclick="x', negatives=[HOSTILE])
    run.add("c", ("parse", "row", "drop", HOSTILE), query=HOSTILE)
    run.add("d", ("privacy", HOSTILE, "unverified", HOSTILE, HOSTILE))
    run.add("e", ("duplicates", "query", "drop", HOSTILE, "b", 1, 1), query=HOSTILE)
    run.add(HOSTILE, ("length", "query", "keep", None, None, 3, 3), group="long_short", num_words=HOSTILE)
    data = run.data(name=HOSTILE, release=HOSTILE, generated_with={HOSTILE: HOSTILE}, **money([HOSTILE], [HOSTILE]))
    data.funnel["failed"][HOSTILE] = 0
    page = Page(write_report(data))
    plain = Page(write_report(Run().add("a", ("x", "query", "drop", "y")).add("b").data(**money(["m"], ["sts/en"]))))
    assert page.tags - plain.tags <= {"q", "br", "circle", "line", "text"}
    assert not {"script", "img", "iframe", "object", "link", "form"} & page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "49" not in page.text and page.text.count("alert(1)") >= 15


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
@settings(max_examples=50, deadline=None)
def test_any_text_is_shown_as_it_is_and_nothing_hides(text):
    html = write_report(Run().add("a", ("parse", "row", "drop", "not_json"), query=text).data())
    page = Page(html)
    assert "".join(visible(text).split()) in "".join(page.text.split())
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", html)


def test_page_needs_nothing_from_outside(run):
    html = write_report(run.data())
    page = Page(html)
    assert "default-src 'none'" in html
    assert not re.search(r"//|url\(|@import", html)
    assert all(value.startswith("#") for name, value in page.attributes if name in ("href", "src", "xlink:href"))


def test_every_section_can_be_reached_and_ids_are_unique(run):
    ids = [value for name, value in Page(write_report(run.data())).attributes if name == "id"]
    links = [value[1:] for name, value in Page(write_report(run.data())).attributes if name == "href"]
    assert len(ids) == len(set(ids)) and set(links) <= set(ids)


def test_funnel_counts_a_row_once_and_ends_at_the_accepted_ones(run):
    data = run.data()
    line = stages(data.funnel, read_said(data.verdicts).drops)
    assert line[-1].left == line[-2].left == data.funnel["accepted"]
    assert sum(stage.lost for stage in line) == data.funnel["rejected"]
    lost = {stage.name: stage.lost for stage in line}
    assert lost["format"] == 1 and lost["length"] == 0  # the same row: its first fault counts


def test_groups_and_languages_add_up(run):
    data = run.data()
    groups = by_group(*figures(data))
    assert sum(share.asked for share in groups) == 6 and sum(share.rejected for share in groups) == 3
    languages = {share.name: share for share in by_language(*figures(data))}
    assert languages["fa"].asked == languages["de"].asked == 1 and languages["fa"].rate == 1
    assert languages["en"].asked == 5 and languages["en"].commonest is not None


def test_what_condemned_a_text_is_marked(run):
    assert "Here is your text" in Page(write_report(run.data())).marked


def test_a_code_that_happens_to_stand_in_the_text_is_not_marked():
    run = Run().add(
        "a", ("language", "query", "drop", "wrong_language", "de", 0.01, 0.05), query="de kat onder de tafel"
    )
    page = Page(write_report(run.add("b").data()))
    assert not [mark for mark in page.marked if mark != "marked"] and "German" in page.text


def test_an_excerpt_far_inside_a_long_text_is_shown_without_opening_it():
    positive = "x " * 500 + "As an AI model I refuse." + " y" * 200
    run = Run().add("a", ("format", "positive", "drop", "refusal", "As an AI model I refuse."), positive=positive)
    lead = re.search(r'<span class="lead">(.*?)</span>', write_report(run.data()), re.DOTALL)
    assert "<mark>As an AI model I refuse.</mark>" in lead[1]


def test_what_differs_from_the_row_that_stayed_is_marked(run):
    page = Page(write_report(run.data()))
    assert [mark for mark in page.marked if "long" in mark]
    assert "2 alike" in page.text


def test_rows_dropped_beside_a_released_one_are_shown_and_it_is_named(run):
    for n in range(5):
        twin = ("duplicates", "query", "drop", "near_duplicate", "out-17", 0.9, 0.7)
        run.add(f"again{n}", twin, query=f"said before, {n}")
    told = section(write_report(run.data()), "duplicates")
    assert "6 alike as a row of an earlier release, 3 of the 5 dropped ones shown" in told
    assert "Released beforeout-17" in told and told.count("said before, ") == 3
    assert "2 alike" in told, "clusters within the run stand beside it"


def test_rows_with_personal_data_are_not_shown_but_the_masked_report_is(run):
    html = write_report(run.data())
    assert "ann.lee" not in html and "ann.…" in html
    dropped = Run().add(
        "a",
        ("privacy", "query", "drop", "email", "ann.…"),
        ("format", "query", "drop", "meta_talk", "to ann.lee@mail.org"),
        ("duplicates", "query", "drop", "near_duplicate", "b", 0.9, 0.7),
        query="write to ann.lee@mail.org",
    )
    assert "ann.lee" not in write_report(dropped.add("b").data())


def test_texts_say_their_language_and_direction(run):
    assert '<dd dir="auto" lang="fa">باران</dd>' in write_report(run.data())


def test_size_is_bounded_for_many_rows_and_endless_texts():
    long = Run().add("a", ("format", "query", "drop", "repetition"), query="spam " * 20_000)
    html = write_report(long.data())
    assert "and 98,000 more characters" in html and html.count("spam") < 2 * SHOWN

    def many(count):
        run = Run()
        for n in range(count):
            run.add(
                f"r{n}",
                ("format", "query", "drop", f"reason {n % 40}"),
                ("duplicates", "query", "drop", "twin", f"k{n}"),
            )
            run.add(f"k{n}", ("own", "query", "unverified", "look"))
        return len(write_report(run.data()))

    assert many(1200) < 1.1 * many(240)


def test_the_order_of_the_rows_does_not_matter(run):
    for n in range(30):
        run.add(f"n{n}", group="short_long", language=["en", "sw", "th"][n % 3], query=f"query {n}")
    data = run.data()
    shuffled = {
        name: stored(table.take(np.random.default_rng(3).permutation(table.num_rows)))
        for name, table in run.tables.items()
        if name != "verdicts"  # those on a row are shown in the order of the gates
    }
    assert write_report(data) == write_report(run.data(**shuffled))


@pytest.mark.parametrize(("batch", "group"), [(1, 1), (3, 1000), (7, 5)])
def test_the_page_is_the_same_for_any_size_of_batch_and_row_group(run, batch, group):
    for n in range(30):
        run.add(f"n{n}", group="short_long", language=["en", "sw", "th"][n % 3], query=f"query {n}")
        run.add(
            f"d{n}",
            ("length", "query", "keep", None, None, n, 4),
            ("language", "positive", "unverified", "too_short_to_tell", None, n / 40, 0.05),
            ("format", "query", "drop", f"reason {n % 7}", "a query"),
            ("duplicates", "query", "drop", "near_duplicate", f"n{n % 5}", 0.9, 0.7),
            num_words="5",
        )
    whole = write_report(run.data())
    pieces = {name: stored(table, batch, group) for name, table in run.tables.items()}
    assert write_report(run.data(**pieces)) == whole


def section(html, name):
    """Text of one section, words apart."""
    part = re.search(rf'<section id="{name}".*?</section>', html, re.DOTALL)
    return " ".join(Page(re.sub(r"</t[dh]>", " ", part[0])).text.split())


def test_costs_and_the_target_are_summed_and_bounded(run):
    slices = [f"sts/{number}" for number in range(100)]
    html = write_report(run.data(**money(["small_one", "large"], slices)))
    cost, target = section(html, "cost"), section(html, "target")
    assert "small_one generate 300 1,000 100 500 $100.00 $0.500" in cost
    assert cost.count("all 600 2,000 200 1,000 $200.00 $0.500") == 2
    assert "170 more 510 1,700 170 850 $170.00" in cost
    assert "200 of 400 wanted rows are there after 3 rounds" in target and "200 are missing" in target
    assert "Few of the rows of 100 slices were accepted" in target
    assert "sts/0 4 2 2 6 33.3 %" in target and "70 more 280 140 140 420 33.3 %" in target
    assert len(html) < len(write_report(run.data())) + 60_000


def test_what_was_not_paid_and_not_wanted_is_one_line_or_none(run):
    html = write_report(run.data())
    assert section(html, "cost") == "Cost Nothing was paid: no model was asked."
    assert 'id="target"' not in html


def test_models_share_what_was_asked(run):
    for request in run.requests[:2]:
        request["model"] = "small_one"
    data = run.data()
    shares = {share.name: share for share in by_model(*figures(data))}
    assert (shares["small_one"].asked, shares["small_one"].accepted, shares["small_one"].rejected) == (2, 2, 0)
    assert (shares["recorded"].asked, shares["recorded"].accepted, shares["recorded"].rejected) == (4, 1, 3)
    assert "recorded 33.3 %; small_one 66.7 %" in section(write_report(data), "groups")


def test_a_run_without_answers_has_a_report():
    counts = {"asked": 2, "answered": 0, "failed": {"timeout": 1}, "pending": 1}
    requests = Run().add("a").add("b").data().requests
    empty = Run().data(funnel=Funnel().counts(counts), requests=requests)
    text = Page(write_report(empty)).text
    assert "2 asked = 0 accepted + 0 rejected + 1 failed + 1 pending" in text and "timeout 1" in text


def test_a_gate_of_the_users_own_may_give_odd_scores():
    run = Run().add("a", ("mine", "query", "drop", "unnamed", None, float("nan"), float("inf"))).add("b")
    text = Page(write_report(run.data())).text
    assert "unnamed" in text and "score nan" in text
