"""What the commands of reviews print: how many rows to look at, what was sent, and what came back."""

from pathlib import Path

from pairsmith.show import Result, counted
from pairsmith.show_review import review


def served(result: Result) -> str:
    """That the review server has stopped, and how to have it back."""
    kept = f"all of it is kept in {result['folder']}"
    return f"review server stopped; {kept}\nnext: pairsmith review serve {result['run']}"


def pushed(result: Result) -> str:
    """What was sent, what was there, and where reviewers answer."""
    parts = counted(result["parts"])
    lines = [f"sent {result['new']:,} rows to {result['server']}, {result['known']:,} were there ({parts})"]
    if result["workspace_is_new"]:
        lines.append(f"workspace '{result['workspace']}' was made")
    if result["absent"]:
        names = ", ".join(result["absent"])
        lines.append(f"no users of workspace '{result['workspace']}' yet: {names}; add them on the server's page")
    lines += [f"{name}: {page}" for name, page in result["pages"].items()]
    return "\n".join([*lines, f"next: pairsmith review pull {result['run']}"])


def pulled(result: Result) -> str:
    """How many responses came, what could not be used, and what all of them say."""
    lines = [f"{result['responses']:,} responses at {result['server']}, {result['new']:,} of them new or changed"]
    lines += result["left_out"]
    if result["missing"]:
        lines.append(
            f"{result['missing']:,} rows of the sample are not there; 'pairsmith review push {result['run']}' sends them"
        )
    return "\n".join([*lines, review(result["figures"])])


def plan_review(result: Result) -> str:
    """How many rows must be looked at, by each way of looking, and what to do next."""
    limit, confidence, expected = (f"{100 * result[name]:.4g}%" for name in ("limit", "confidence", "expected"))
    lines = [
        f"To show with {confidence} confidence that fewer than {limit} of {result['population']:,} accepted rows are"
        f" defective, where in truth {expected} are, people look at so many rows drawn at random:"
    ]
    for name, one in (("planned", result["planned"]), ("of any population", result["planned_of_any_population"])):
        lines.append(f"  {name:<18}" + (_planned(one) if one else "no size is enough, or none that people could do"))
    lines += [
        f"  {'looking any time':<18}{_looked_at(one)}  enough with chance {one['chance']:.0%}"
        for one in result["any_time"]
    ]
    lines += [
        "A planned sample is looked at once, when all of it is answered; 'pairsmith release' looks at any time.",
        f"Hours: one person, {result['seconds_a_row']} s a row. Of a sample {result['random']:.0%} are drawn at random.",
    ]
    return "\n".join([*lines, f"next: {result['next']}"])


def _planned(one: Result) -> str:
    return f"{_looked_at(one)}  enough with chance {one['power']:.0%}: where at most {one['allowed']:,} are defective"


def _looked_at(one: Result) -> str:
    if one["rows"] is None:
        return "more than people could do"
    return f"{one['rows']:>7,} rows {one['hours']:>6.1f} h"


def exported_review(result: Result) -> str:
    """What was written for whom, and what to do with it."""
    lines = [
        f"{one['reviewer']}: {one['rows']:,} rows, {one['answered']:,} answered: {result['run']}/{one['page']}"
        f" (or {Path(one['lines']).name})"
        for one in result["written"]
    ]
    lines.append(f"rows by part: {counted(result['parts']) or 'none'}")
    return "\n".join([*lines, f"next: open the page, answer, then: pairsmith review import {result['run']} FILE"])


def imported_review(result: Result) -> str:
    """How many answers were new, what could not be taken, and what all of them say."""
    counts = {name: result[name] for name in ("new", "known", "older", "unanswered") if result[name]}
    lines = [f"{result['lines']:,} lines: {counted(counts) or 'no answer'}; {result['reviews']:,} responses in all"]
    lines += result["refused"]
    return "\n".join([*lines, review(result["figures"])] if result["figures"] else lines)
