"""A check's result in every format: all findings, and texts of rows that mean nothing there."""

import json
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.curation.check_formats import FORMATS, github, junit, markdown, terminal

HOSTILE = "a\x1b[31m|<script>``` @everyone\n::error::boo % [x](http://x)\x00]]>"


def result(text: str = "plain", findings: int = 1) -> dict[str, Any]:
    example = {"id": "0a", "group": "sts", "language": "en", "query": text, "positive": text, "negative": None}
    finding = {
        "metric": f"drift.model.{text}",
        "what": f"model '{text}' is new: it is 33.3%",
        "value": 0.333,
        "baseline": 0.0,
        "bound": 0.001,
        "reason": "a category that comes must be meant",
        "severity": 2.0,
        "p": 1e-9,
        "examples": [example],
    }
    return {
        "release": "demo 1.1.0",
        "baseline": "demo 1.0.0",
        "holds": not findings,
        "note": "",
        "findings": [finding] * findings,
        "known": [{**finding, "known": "we know"}],
        "held": 19,
        "skipped": [],
        "metrics": {"rows": 3.0},
        "baseline_metrics": {},
    }


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_what_was_found_and_why(name: str) -> None:
    shown = FORMATS[name](result())
    assert (
        "a category that comes must be meant" in shown and "33.3" in shown and "we know" in shown
    ) or name == "github"
    assert "demo 1" in shown


def test_the_terminal_shows_the_cause_first_with_rows() -> None:
    lines = terminal(result()).splitlines()
    assert lines[0] == "demo 1.1.0 against demo 1.0.0 fails: 1 finding, the cause first; 19 bounds hold"
    assert lines[2].startswith("1. model 'plain' is new") and any("0a sts en: plain -> plain" in line for line in lines)


@given(st.text())
def test_junit_is_xml_whatever_the_texts_hold(text: str) -> None:
    suite = ElementTree.fromstring(junit(result(text)).split("\n", 1)[1])[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")


@given(st.text())
def test_an_annotation_is_one_line_and_one_command(text: str) -> None:
    lines = github(result(text)).split("\n")
    assert len(lines) == 3 and not any("\r" in line for line in lines)
    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning", "::notice"]


@given(st.text())
def test_json_is_read_back(text: str) -> None:
    assert json.loads(FORMATS["json"](result(text))) == result(text)


def test_hostile_texts_are_shown_and_do_nothing() -> None:
    shown = markdown(result(HOSTILE))
    before, fenced, _ = shown.split("````text")[0], *shown.split("````text")[1].split("````")
    assert "<script>" not in before.replace("\\<", "") and "@everyone" not in before
    assert "<script>" in fenced and len(fenced.strip().splitlines()) == 1
    for name in ("terminal", "markdown", "junit", "github"):
        assert "\x1b" not in FORMATS[name](result(HOSTILE)) and "\x00" not in FORMATS[name](result(HOSTILE))


def test_a_check_that_holds_is_a_suite_without_failures() -> None:
    suite = ElementTree.fromstring(junit(result(findings=0)).split("\n", 1)[1])[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "0")


REFERENCES = ["@everyone", "#12", "acme/pairs#12", "GH-12", "www.example.com", "https://example.com"]


@pytest.mark.parametrize("reference", REFERENCES)
def test_markdown_links_no_person_issue_or_page(reference: str) -> None:
    shown = markdown(result(f"see {reference} there")).split("```")[0].replace("\\", "")
    assert reference not in shown and reference in shown.replace("\u200b", "")


def test_a_comment_is_no_longer_than_it_may_be_and_says_what_it_leaves_out() -> None:
    shown = markdown(result("long " * 40, findings=2_000))
    assert len(shown) < 65_536
    told = shown.count("*Why:*")
    assert f"and {2_000 - told:,} more" in shown and told > 50


def test_junit_has_the_elements_and_attributes_that_readers_know() -> None:
    root = ElementTree.fromstring(junit(result(HOSTILE, findings=3)).split("\n", 1)[1])
    assert root.tag == "testsuites" and [suite.tag for suite in root] == ["testsuite"]
    assert set(root[0].attrib) == {"name", "tests", "failures", "skipped", "errors"}
    for case in root[0]:
        assert (case.tag, set(case.attrib)) == ("testcase", {"classname", "name"})
        assert [(inner.tag, set(inner.attrib)) for inner in case] in (
            [],
            [("failure", {"message"})],
            [("skipped", {"message"})],
        )


@given(st.text())
def test_the_terminal_gets_no_control_characters(text: str) -> None:
    shown = terminal(result(text))
    assert not [char for char in shown if char != "\n" and (ord(char) < 32 or 0x7F <= ord(char) < 0xA0)]
