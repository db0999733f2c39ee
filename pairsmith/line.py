"""The whole line: plan -> generate -> gate -> people's decisions -> release -> report, and where a run stands on it.

Where rows come from files it begins with the gates.
"""

from dataclasses import asdict
from itertools import islice
from typing import Any

from pairsmith.accounts import paid
from pairsmith.asking import BRAINSTORM, GENERATE, PLAN, brainstorms, counts, generate
from pairsmith.deciding import DECIDE, has_reviews
from pairsmith.factory.errors import PairsmithError, RunError
from pairsmith.gating import GATE, gate
from pairsmith.grounding import SOURCES
from pairsmith.progress import note
from pairsmith.releasing import RELEASE, REPORT_PAGE, release, report
from pairsmith.run import JOURNAL, Run, Stage
from pairsmith.targeting import add_round, next_round

FAILURES = 5  # given-up requests that the status shows; the journal has them all


def whole_line(run: Run) -> dict[str, Any]:
    """Everything that is missing or stale, and nothing else: rounds of asking and judging until the target or a cap is met.

    Where there is nothing to release, or people's answers do not support it yet, the report is written all the same.
    """
    while True:
        generated = {} if run.spec.pairs else generate(run)
        if held := generated.get("held"):
            note(f"{held}: {generated['pending']:,} requests are pending; raise 'budget' in factory.yml and run again")
        found = gate(run)
        more = add_round(run, found)
        if more is None:
            break
        note(more["says"])
    try:
        made = release(run)
    except RunError:  # which says in the end why there is none; the report shows what there is
        report(run)
        raise
    return {"generate": generated, "funnel": found, "release": made, "report": report(run), "paid": paid(run)}


def status(run: Run) -> dict[str, Any]:
    """Which stages are done, stale or missing, how the journal stands, what was given up, and the command that goes on."""
    deciding = [DECIDE] if has_reviews(run) else []
    states = {stage.name: _state(run, stage) for stage in [*_asking(run), GATE, *deciding, RELEASE, REPORT_PAGE]}
    stands, failures = None, []
    if run.folder.has(JOURNAL) and not run.spec.pairs:
        with run.journal() as journal:
            stands = counts(run, journal)
            failures = [asdict(failure) for failure in islice(journal.failures("generate"), FAILURES)]
    done = set(states.values()) == {"done"} and next_round(run, run.folder.facts(GATE.name)) is None
    return {
        "stages": states,
        "rows": [one.path for one in run.spec.pairs],
        "journal": stands,
        "failures": failures,
        "paid": paid(run),
        "next": "nothing, all is done" if done else f"pairsmith run {run.path}",
    }


def _asking(run: Run) -> list[Stage]:
    """The stages that bring the rows; none where they come from files."""
    if run.spec.pairs:
        return []
    sources = [SOURCES] if run.spec.sources else []
    tasks = [BRAINSTORM] if brainstorms(run.spec) else []
    return [*sources, *tasks, PLAN, GENERATE]


def _state(run: Run, stage: Stage) -> str:
    if not run.folder.facts(stage.name):
        return "missing"
    try:
        return "done" if stage.done(run) else "stale"
    except PairsmithError:
        return "stale"  # what it was made from is gone
