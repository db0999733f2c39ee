"""The target of a run: so many accepted rows of each slice. What is missing after a round is asked for in the next one."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.asking import read_plan
from pairsmith.factory.fates import Fates
from pairsmith.factory.folder import written_whole
from pairsmith.factory.records import VERDICTS, slice_of
from pairsmith.factory.rounds import Again, Round, Seats, SliceState, Surplus, last_round, read_rounds, write_rounds
from pairsmith.run import ACCEPTED, REJECTED_FILE, ROUNDS_FILE, Run
from pairsmith.validators.gate import Reason, Verdict

GATE = "target"
SHOWN = 5  # slices that a line names


def has_target(run: Run) -> bool:
    """Whether the run wants a number of accepted rows; not where requests or rows come from files."""
    return run.spec.requests is None and not run.spec.pairs


class Target:
    """What a run wants, and the accepted rows as they come, in the order of the plan. ``wanted``: rows by slice."""

    def __init__(self, wanted: Mapping[str, int]) -> None:
        self._wanted = wanted
        self._surplus = Surplus(wanted)

    def judge(self, rows: pa.Table) -> pa.Table:
        """Verdicts on accepted ``rows`` (schema PAIRS): what is beyond the want of its slice is dropped.

        It is kept beside the other rejected rows: a larger ``size`` takes it in without asking again.
        """
        columns = (rows[name].to_pylist() for name in ("group", "query_language", "document_language"))
        beyond = pa.array(self._surplus.beyond(map(slice_of, *columns)), pa.bool_())
        said = {
            "request_id": rows["request_id"],
            "id": rows["id"],
            "gate": pa.repeat(GATE, len(rows)),
            "field": pa.repeat("row", len(rows)),
            "verdict": pc.if_else(beyond, Verdict.DROP.value, Verdict.KEEP.value),
            "reason": pc.if_else(beyond, Reason.SURPLUS.value, pa.scalar(None, pa.string())),
        }
        nothing = {name: pa.nulls(len(rows), VERDICTS.field(name).type) for name in VERDICTS.names if name not in said}
        return pa.table(said | nothing).cast(VERDICTS)

    def facts(self, run: Run) -> dict[str, Any]:
        """How far the target is met: wanted and accepted rows, and what is missing in which slice."""
        found = {name: wanted - self._surplus.accepted[name] for name, wanted in self._wanted.items()}
        missing = {name: count for name, count in found.items() if count > 0}
        return {
            "wanted": sum(self._wanted.values()),
            "missing": dict(sorted(missing.items(), key=lambda item: (-item[1], item[0]))),
            "rounds": last_round(_rounds(run)),
        }


def next_round(run: Run, counts: dict[str, Any]) -> Round | None:
    """What brings the missing rows; None where nothing is missing or nothing may be asked.

    ``counts``: what gating the plan found; while requests of it are pending, nothing more is planned.
    """
    if not has_target(run) or counts["pending"] or not counts.get("target", {}).get("missing"):
        return None
    found = _seats(run).next_round(last_round(_rounds(run)) + 1, run.spec.candidates)
    return found if found.again else None


def add_round(run: Run, counts: dict[str, Any]) -> dict[str, Any] | None:
    """Plan the next round, and say what it asks for and why; None where there is none, see :func:`next_round`."""
    found = next_round(run, counts)
    if found is None:
        return None
    rounds = _rounds(run)
    number = last_round(rounds) + 1
    with written_whole(run.path / ROUNDS_FILE) as beside:
        write_rounds(beside, [*rounds, *found.again])
    return {"round": number, "missing": found.missing, "asks": len(found.again), "says": _says(found, number)}


def slices(run: Run) -> Mapping[str, SliceState]:
    """How each slice stands after the last gating; none where there is no target."""
    return _seats(run).slices if has_target(run) else {}


def _seats(run: Run) -> Seats:
    return Seats(read_plan(run), Fates(_fates(run)).get)


def _fates(run: Run) -> Iterator[tuple[str, bool]]:
    """What became of each request that was judged, or given up."""
    for rows in run.table(ACCEPTED).batches("request_id"):
        yield from zip(rows["request_id"].to_pylist(), repeat(True))
    spare = [f"{GATE}:row:{Reason.SURPLUS}"]
    for rows in run.table(REJECTED_FILE).batches("request_id", "reasons"):
        accepted = (reasons == spare for reasons in rows["reasons"].to_pylist())
        yield from zip(rows["request_id"].to_pylist(), accepted, strict=True)
    with run.journal() as journal:
        yield from ((failure.request_id, False) for failure in journal.failures("generate"))


def _rounds(run: Run) -> list[Again]:
    return read_rounds(run.path / ROUNDS_FILE)


def _says(found: Round, number: int) -> str:
    parts = [
        f"round {number}: {found.missing:,} of {found.wanted:,} rows are missing, {len(found.again):,} more are asked for"
    ]
    if found.low:
        low = (f"{name} ({share:.0%}, {each:.1f} asked for each)" for name, (share, each) in _first(found.low.items()))
        parts.append("few are accepted of " + ", ".join(low) + _more(found.low))
    if found.capped:
        parts.append(
            "at their cap are " + ", ".join(name for name, _ in _first(found.capped.items())) + _more(found.capped)
        )
    return "; ".join(parts)


def _first(items: Iterable[Any]) -> list[Any]:
    return list(items)[:SHOWN]


def _more(items: dict[str, Any]) -> str:
    return f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
