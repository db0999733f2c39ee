"""A check's result, for a terminal, a pull request, CI systems and other programs. Texts of rows are untrusted: in each format
they are shown, and mean nothing."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

from pairsmith.curation.visible import visible

COMMENT = 50_000
"""Characters of all findings in a comment, about: GitHub takes 65,536, the known ones and notes included."""

Result = dict[str, Any]
"""What :meth:`~pairsmith.curation.check.Report.as_json` gives."""

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+!|~&$:^=-])")
_LINK = re.compile(r"(?<=[@#])|(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?<=\bGH)(?=-)", re.IGNORECASE)
_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def terminal(result: Result) -> str:
    """For people: every finding, the cause first, with why there is a bound and some rows."""
    lines = [_headline(result)]
    for number, finding in enumerate(result["findings"], start=1):
        lines += ["", f"{number}. {_line(finding['what'])}", f"   why       {finding['reason']}"]
        if chance := _chance(finding):
            lines.append(f"   chance    {chance}")
        lines += [f"   row       {_row(example)}" for example in finding["examples"]]
    if result["known"]:
        lines += ["", *(f"known: {_line(finding['what'])} ({finding['known']})" for finding in result["known"])]
    return "\n".join([*lines, *(["", *notes] if (notes := list(_notes(result))) else [])])


def markdown(result: Result) -> str:
    """For a comment on a pull request: as many findings as it may hold, the first ones with rows."""
    mark = "✅" if result["holds"] else "❌"
    lines = [f"### {mark} {_escaped(_headline(result))}"]
    size = 0
    for number, finding in enumerate(result["findings"], start=1):
        told = _told(number, finding) + (_fenced(finding["examples"]) if size < COMMENT / 2 else [])
        size += sum(map(len, told)) + len(told)
        if size > COMMENT:
            left = len(result["findings"]) - number + 1
            lines += ["", f"and {left:,} more, which '--format json' has"]
            break
        lines += told
    if result["known"]:
        lines += ["", "Known:"]
        lines += [f"- {_escaped(one['what'])} ({_escaped(one['known'])})" for one in result["known"]]
    return "\n".join([*lines, *("\n" + _escaped(note) for note in _notes(result))])


def _told(number: int, finding: Result) -> list[str]:
    chance = f" Chance: {_chance(finding)}." if _chance(finding) else ""
    return [
        "",
        f"{number}. **{_escaped(finding['metric'])}**: {_escaped(finding['what'])}",
        f"   *Why:* {_escaped(finding['reason'])}.{chance}",
    ]


def _fenced(examples: list[Result]) -> list[str]:
    """Rows as code, between fences that none of them holds."""
    if not examples:
        return []
    rows = [_row(example) for example in examples]
    fence = "`" * max(3, 1 + max(len(run) for row in rows for run in re.findall("`*", row)))
    return ["", *(f"   {line}" for line in (f"{fence}text", *rows, fence))]


def junit(result: Result) -> str:
    """JUnit XML: a test case for each finding that fails, for each that is known (skipped), and for all bounds that hold."""
    suite = ElementTree.Element("testsuite", name=_xml(f"pairsmith check {result['release']}"))
    for finding in result["findings"]:
        failure = ElementTree.SubElement(_case(suite, finding["metric"]), "failure", message=_xml(finding["what"]))
        rows = [_row(example) for example in finding["examples"]]
        failure.text = _xml("\n".join([f"why: {finding['reason']}", *rows]))
    for finding in result["known"]:
        ElementTree.SubElement(_case(suite, finding["metric"]), "skipped", message=_xml(finding["known"]))
    _case(suite, f"{result['held']} bounds hold")
    counts = {"tests": len(suite), "failures": len(result["findings"]), "skipped": len(result["known"]), "errors": 0}
    suite.attrib |= {name: str(count) for name, count in counts.items()}
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode")


def github(result: Result) -> str:
    """Workflow commands of GitHub Actions: an annotation for each finding."""
    lines = [
        _annotation("error", finding["metric"], f"{finding['what']} Why: {finding['reason']}")
        for finding in result["findings"]
    ]
    lines += [_annotation("warning", finding["metric"], f"known: {finding['what']}") for finding in result["known"]]
    return "\n".join([*lines, _annotation("notice", "pairsmith check", _headline(result))])


def as_json(result: Result) -> str:
    """For programs."""
    return json.dumps(result, ensure_ascii=False, indent=1, allow_nan=False)


FORMATS: dict[str, Callable[[Result], str]] = {
    "terminal": terminal,
    "markdown": markdown,
    "junit": junit,
    "json": as_json,
    "github": github,
}
"""What ``--format`` may name."""


def _headline(result: Result) -> str:
    count = len(result["findings"])
    found = "holds" if result["holds"] else f"fails: {count} finding{'s' if count > 1 else ''}, the cause first"
    against = f" against {result['baseline']}" if result["baseline"] else ""
    return f"{result['release']}{against} {found}; {result['held']} bounds hold"


def _notes(result: Result) -> Iterator[str]:
    if result["note"]:
        yield f"note: {result['note']}"
    for name, page in (result.get("expectations") or {"pages": {}})["pages"].items():
        held = "holds" if result["expectations"]["held"][name] else "fails"
        yield f"Great Expectations: suite {name} {held}: {page}"
    if result["skipped"]:
        yield f"without a baseline these are not compared: {', '.join(result['skipped'])}; give one with --against"


def _chance(finding: Result) -> str:
    """How likely the finding is without any change."""
    p = finding["p"]
    return "" if p is None else f"{p:.1g} without any change, for all tests together" if p > 1e-300 else "none"


def _row(example: Result) -> str:
    """One line: ``id group language: query -> positive | negative``."""
    if "query" not in example:
        return str(example["id"])
    negative = f" | not: {example['negative']}" if example["negative"] else ""
    line = f"{example['id']} {example['group']} {example['language']}: {example['query']} -> {example['positive']}{negative}"
    return _line(line)


def _line(text: str) -> str:
    """Text on one line, whatever it holds."""
    return visible(" ".join(text.split()))


def _escaped(text: str) -> str:
    """Text in Markdown: no formatting, link, HTML or mention comes of it. GitHub looks for links, people and issues in what was
    rendered, where no backslash is left: a space without width parts those."""
    return _MARKDOWN.sub(r"\\\1", _LINK.sub("\u200b", _line(text)))


def _xml(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return _XML.sub("\ufffd", visible(text))


def _case(suite: ElementTree.Element, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname="pairsmith.check", name=_xml(name))


def _annotation(kind: str, title: str, message: str) -> str:
    """One workflow command; what would end it or begin another one is encoded."""
    title = _encoded(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={title}::{_encoded(message)}"


def _encoded(text: str) -> str:
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
