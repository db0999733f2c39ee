"""Between the gates and the release: what people decided is applied to the accepted rows, and their texts are judged too.

Where nobody has answered there is no such stage: the accepted rows are released as they are.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from pairsmith.curation.decisions import Decisions, decide, reasons
from pairsmith.curation.reviews import FILE as REVIEWS
from pairsmith.curation.reviews import read_reviews
from pairsmith.factory.records import REVIEWED, VERDICTS, Mark
from pairsmith.factory.tables import new_table
from pairsmith.gating import decisive, ready
from pairsmith.pairs import parsed
from pairsmith.progress import bar
from pairsmith.run import ACCEPTED, REVIEW_VERDICTS, REVIEWED_FILE, Run, Stage
from pairsmith.validators.judging import dropped_ids, judge_beside, judge_rows, without


def decided(run: Run) -> dict[str, Any]:
    """Apply people's decisions, where there are any, to the accepted rows; returns how many rows became what.

    Accepted = released + dropped + not corrected + failed (which the gates dropped after correction), always.
    """
    return DECIDE.do(run) if has_reviews(run) else {}


def has_reviews(run: Run) -> bool:
    """Whether anybody has answered."""
    return run.folder.has(REVIEWS)


def to_release(run: Run) -> str:
    """The table of the rows that are released: the accepted ones, after people's decisions where there are any."""
    return REVIEWED_FILE if has_reviews(run) else ACCEPTED


def _inputs(run: Run) -> dict[str, Any]:
    run.folder.need(ACCEPTED, "gate")
    return {"accepted": run.folder.digest(ACCEPTED), "reviews": run.folder.digest(REVIEWS), **decisive(run)}


def _decide(run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    accepted = run.table(ACCEPTED)
    decisions = decide(accepted.batches(), read_reviews(run.path / REVIEWS))
    unwanted = dropped_ids(decisions.verdicts)
    judged = _judge(run, decisions, unwanted)
    failed = dropped_ids(judged)
    gone = pa.concat_arrays([unwanted, failed])
    rows, marks = 0, Counter[str | None]()
    with new_table(run.path / REVIEWED_FILE, REVIEWED) as writer:
        for batch in accepted.batches():
            stay = decisions.applied(batch, gone)
            writer.write(stay)
            rows += len(batch)
            marks.update(stay["review"].to_pylist())
    verdicts = pa.concat_tables([decisions.verdicts, judged])
    with new_table(run.path / REVIEW_VERDICTS, VERDICTS) as writer:
        writer.write(verdicts)
    return (REVIEWED_FILE, REVIEW_VERDICTS), {
        "accepted": rows,
        "released": marks.total(),
        **{mark.value: marks[mark] for mark in Mark},
        **decisions.dropped(),
        "failed": len(failed),
        "outdated": decisions.outdated,
        "reasons": reasons(verdicts),
    }


def _judge(run: Run, decisions: Decisions, unwanted: pa.Array) -> pa.Table:
    """What the gates say of corrected rows (VERDICTS): each alone, then beside all rows that are released unchanged."""
    if not len(decisions.corrected):
        return VERDICTS.empty_table()
    rows, lines = parsed(decisions.corrected)
    gates = ready(run)
    found = [lines, judge_rows(gates, rows).verdicts]
    changed = pa.concat_arrays([unwanted, decisions.corrected["id"].combine_chunks()])
    for gate in (gate for gate in gates if gate.scope == "corpus"):
        gone = dropped_ids(pa.concat_tables(found))
        rows = without(rows, gone)
        if len(rows):
            found.append(judge_beside(gate, rows, _others(run, pa.concat_arrays([changed, gone])), run.path))
    return pa.concat_tables(found)


def _others(run: Run, ids: pa.Array) -> Iterator[pa.Table]:
    """The accepted rows but for those of ``ids``."""
    with bar("rows beside corrected ones", None) as shown:
        for batch in run.table(ACCEPTED).batches():
            yield without(batch, ids)
            shown.update(len(batch))


DECIDE = Stage("decide", _inputs, _decide)
