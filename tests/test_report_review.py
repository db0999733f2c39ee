"""What people found, in the report and on the terminal: the same figures, of bounded size, and nothing that acts."""

from functools import cache
from typing import Any

from hand_review import SAMPLE_LINES, THIRTY, line, rated, review, table, verdicts
from test_report import HOSTILE, Page, Run, section

from pairsmith import show_review
from pairsmith.curation.review_figures import figures
from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.spec import GatesSpec, ReviewSpec
from pairsmith.report import write_report
from pairsmith.validators.gate import Reason


@cache
def by_hand() -> dict[str, Any]:
    return figures(table(SAMPLE_LINES), THIRTY, verdicts([]), ReviewSpec(reviewers=("ann", "ben")), GatesSpec())


@cache
def large() -> dict[str, Any]:
    """All groups and languages, all reasons of gates, twelve reviewers, and a threshold that would move."""
    groups = ("short_long", "long_short", "sts", "bitext", "long_long", "short_short")
    rows, said, reviews = [], [], []
    for number, language in enumerate([*LANGUAGES] * 2):
        rows.append(line(f"a{number}", "random", number, f"{groups[number % 6]}/{language}", 900, 90_000, overlap=True))
        two = (f"person {number % 12}", f"person {(number + 1) % 12}")
        reviews += [review(f"a{number}", who, number * 20, **rated("fix", 3, 4, "unnatural")) for who in two]
    for number, reason in enumerate([*Reason, *[Reason.WRONG_LANGUAGE] * 9]):
        reasons = [f"language:query:{reason}"]
        rows.append(line(f"r{number}", "rejected", number, "sts/en", 700, 700, reasons=reasons))
        reviews.append(review(f"r{number}", "person 1", number * 20, decision="keep"))
        if reason is Reason.WRONG_LANGUAGE:
            score = {"score": 0.0407, "threshold": 0.05}
            said.append(
                {"id": f"r{number}", "gate": "language", "field": "query", "verdict": "drop", "reason": reason, **score}
            )
    return figures(table(rows), reviews, verdicts(said), ReviewSpec(), GatesSpec())


def people(found: dict[str, Any] | None) -> str:
    html = write_report(Run().add("kept").data(figures=found))
    return str(section(html, "people")) if found else Page(html).text


def test_the_report_tells_the_figures_that_were_counted_by_hand() -> None:
    text = people(by_hand())
    assert "2 people have answered 7 of 10 random rows, 5 of 5 doubtful rows, 7 of 8 rejected rows." in text
    assert "each of which stands for 143 accepted ones" in text
    assert "28.6 % 3.7 % to 71 % 2 7" in text
    assert "Of all such rows 93.8 % are of groups and languages that were answered." in text
    assert "language wrong language dropped 5 2 2 1 off task 1" in text
    assert by_hand()["acceptance"]["text"] in text


def test_without_answers_the_report_has_no_such_section() -> None:
    assert "What people found" not in people(None)


def test_the_terminal_tells_the_figures_that_were_counted_by_hand() -> None:
    told = [" ".join(each.split()) for each in show_review.review(by_hand()).splitlines()]
    assert "reviewed 18 of 22 rows: random 7 of 10, doubtful 5 of 5, rejected 7 of 8" in told
    assert "reviewers ann 18 (180 rows an hour), ben 4" in told
    assert "all 2 of 7 28.6% 95% interval 3.7% to 71.0%" in told
    assert "language:wrong_language 5 2 2 1: off_task 1" in told
    assert "negatives rated as high as the positive: 1 (d0)" in told


def test_what_is_shown_is_bounded_and_says_what_it_leaves_out() -> None:
    lines = show_review.review(large()).splitlines()
    assert len(lines) <= 42
    assert max(map(len, lines)) < 300
    assert any("more" in each for each in lines if "fewer answers" in each)
    assert any("gates.language.strictness: 1 -> 0.81 would let 10 answered rows in" in each for each in lines)
    text = people(large())
    assert len(text) < 20_000
    assert "more, with fewer answers each" in text
    assert "rarer reasons" in text
    assert "gates.language.strictness from 1 to 0.81" in text


def test_names_from_outside_are_shown_and_do_nothing() -> None:
    rows = [
        line("a", "random", 0, f"{HOSTILE}/en", 9, 9, overlap=True, query_language=HOSTILE),
        line("r", "rejected", 0, "sts/en", 9, 9, reasons=[f"{HOSTILE.replace(':', '')}:query:{HOSTILE}"]),
    ]
    names = [HOSTILE[:150], f"\x1b[31m\u202e{HOSTILE[:150]}"]
    reviews = [review(row, name, 0, **rated("keep", 1, 1)) for row in ("a", "r") for name in names]
    found = figures(table(rows), reviews, verdicts([]), ReviewSpec(), GatesSpec())
    html = write_report(Run().add("kept").data(figures=found))
    page = Page(html)
    assert not {"script", "img", "iframe", "object", "link", "form"} & page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.text.count("alert(1)") >= 3
    assert "\x1b" not in html and "\u202e" not in html
