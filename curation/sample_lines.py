"""The lines of the sample: all that is needed of each drawn row, read where it stands."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.doubt import COLUMNS, Ranks
from pairsmith.curation.frame import Lots
from pairsmith.curation.review_rows import SAMPLE, Part
from pairsmith.factory.errors import InputError
from pairsmith.factory.records import PAIRS
from pairsmith.factory.spec import ReviewSpec
from pairsmith.factory.tables import TableFile
from pairsmith.validators.gate import Verdict

Line = dict[str, Any]

_OF_CANDIDATE = [name for name in SAMPLE.names if name in PAIRS.names]


class Chosen(NamedTuple):
    """Rows of one part, in the order in which they were drawn. ``sizes``: rows of the stratum of each."""

    part: Part
    ids: list[str]
    strata: list[str]
    sizes: list[int]
    population: int


def sample_lines(
    parts: Sequence[Chosen], candidates: TableFile, verdicts: TableFile, ranks: Ranks, spec: ReviewSpec, seed: int
) -> pa.Table:
    """The drawn rows as a table of schema SAMPLE. :class:`InputError` where one is not among the candidates."""
    ids = list(dict.fromkeys(row for part in parts for row in part.ids))
    rows = candidates.rows(ids, *_OF_CANDIDATE)
    said = _said(verdicts, ids, ranks)
    twice = _twice(ids, spec, seed)
    found = []
    for part in parts:
        for place, (row, stratum, size) in enumerate(zip(part.ids, part.strata, part.sizes, strict=True)):
            if row not in rows:
                raise InputError(f"{candidates.path}: the row '{row}' is missing; {candidates.remedy}")
            drawn = {"part": part.part, "place": place, "stratum": stratum, "stratum_rows": size}
            tell = _dropped if part.part is Part.REJECTED else _doubted
            found.append(rows[row] | drawn | {"population": part.population, "overlap": twice[row]} | tell(said[row]))
    return pa.Table.from_pylist(found, schema=SAMPLE)


def _twice(ids: list[str], spec: ReviewSpec, seed: int) -> dict[str, bool]:
    """Whether two reviewers answer each row: by its own lot, so that it never changes."""
    share = spec.overlap if len(spec.reviewers) > 1 else 0.0
    lots = Lots.of(pa.array(ids, pa.string()), seed).overlap
    return dict(zip(ids, (lots / 2.0**64 < share).tolist(), strict=True))


def _said(verdicts: TableFile, ids: list[str], ranks: Ranks) -> dict[str, list[Line]]:
    """What gates said of the rows ``ids``, in an order that is not the file's; ``doubt`` of each line."""
    wanted = pa.array(ids, pa.string())
    found: dict[str, list[Line]] = defaultdict(list)
    for batch in verdicts.batches(*COLUMNS) if ids else ():
        mine = batch.filter(pc.is_in(batch["id"], value_set=wanted))
        for line, doubt in zip(mine.to_pylist(), ranks.doubts(mine).tolist(), strict=True):
            found[line["id"]].append(line | {"doubt": doubt})
    for lines in found.values():
        lines.sort(key=_reason)
    return found


def _reason(line: Line) -> str:
    return f"{line['gate']}:{line['field']}:{line['reason'] or ''}"


def _doubted(lines: list[Line]) -> Line:
    """Of an accepted row: what gates could not verify, and the line of the largest doubt."""
    reasons = [_reason(line) for line in lines if line["verdict"] == Verdict.UNVERIFIED]
    nearest = max(lines, key=lambda line: line["doubt"], default=None)
    return {"reasons": reasons, "doubt": nearest["doubt"] if nearest else 0.0, **_gate(nearest)}


def _dropped(lines: list[Line]) -> Line:
    """Of a rejected row: what gates dropped it for, and the first of these lines that has a score."""
    drops = [line for line in lines if line["verdict"] == Verdict.DROP]
    scored = next((line for line in drops if line["score"] is not None), None)
    return {"reasons": list(map(_reason, drops)), "doubt": None, **_gate(scored)}


def _gate(line: Line | None) -> Line:
    """The verdict that the row is looked at for; nothing where there is none."""
    if line is None or (line["doubt"] == 0 and line["verdict"] != Verdict.DROP):
        return {}
    return {
        "doubt_gate": f"{line['gate']}:{line['field']}",
        "doubt_score": line["score"],
        "doubt_threshold": line["threshold"],
    }
