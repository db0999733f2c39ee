"""The lines of the sample: all that is needed of each drawn row, read where it stands."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.doubt import COLUMNS, Ranks
from pairsmith.curation.frame import Lots
from pairsmith.curation.review_rows import SAMPLE, Part
from pairsmith.factory.errors import InputError
from pairsmith.factory.records import PAIRS, VERDICTS
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
    said = _said(verdicts, ids)
    twice = _twice(ids, spec, seed)
    found = []
    for part in parts:
        facts = _drops(said, part.ids) if part.part is Part.REJECTED else _doubts(said, part.ids, ranks)
        for place, (row, stratum, size) in enumerate(zip(part.ids, part.strata, part.sizes, strict=True)):
            if row not in rows:
                raise InputError(f"{candidates.path}: the row '{row}' is missing; {candidates.remedy}")
            drawn = {"part": part.part, "place": place, "stratum": stratum, "stratum_rows": size}
            found.append(rows[row] | drawn | {"population": part.population, "overlap": twice[row]} | facts[row])
    return pa.Table.from_pylist(found, schema=SAMPLE)


def _twice(ids: list[str], spec: ReviewSpec, seed: int) -> dict[str, bool]:
    """Whether two reviewers answer each row: by its own lot, so that it never changes."""
    share = spec.overlap if len(spec.reviewers) > 1 else 0.0
    lots = Lots.of(pa.array(ids, pa.string()), seed).overlap
    return dict(zip(ids, (lots / 2.0**64 < share).tolist(), strict=True))


def _said(verdicts: TableFile, ids: list[str]) -> pa.Table:
    """All verdicts on the rows ``ids``, in an order that is not the file's."""
    parts = [_of(batch, ids) for batch in (verdicts.batches(*COLUMNS) if ids else ())]
    nothing = pa.schema([VERDICTS.field(name) for name in COLUMNS]).empty_table()
    return pa.concat_tables([nothing, *parts]).sort_by([(name, "ascending") for name in COLUMNS])


def _of(lines: pa.Table, ids: list[str]) -> pa.Table:
    return lines.filter(pc.is_in(lines["id"], value_set=pa.array(ids, pa.string())))


def _doubts(said: pa.Table, ids: list[str], ranks: Ranks) -> dict[str, Line]:
    """Of accepted rows: what gates could not verify, and the line of the largest doubt."""
    found: dict[str, Line] = {row: {"reasons": [], "doubt": 0.0} for row in ids}
    lines, _ = ranks.telling(_of(said, ids))
    for line, doubt in zip(lines.to_pylist(), ranks.doubts(lines).tolist(), strict=True):
        facts = found[line["id"]]
        if line["verdict"] == Verdict.UNVERIFIED:
            facts["reasons"].append(_reason(line))
        if doubt > facts["doubt"]:
            facts |= {"doubt": doubt, **_score(line)}
    return found


def _drops(said: pa.Table, ids: list[str]) -> dict[str, Line]:
    """Of rejected rows: what gates dropped them for, and the first of these lines that has a score."""
    found: dict[str, Line] = {row: {"reasons": []} for row in ids}
    lines = _of(said, ids)
    for line in lines.filter(pc.equal(lines["verdict"], Verdict.DROP.value)).to_pylist():
        facts = found[line["id"]]
        facts["reasons"].append(_reason(line))
        if line["score"] is not None and "doubt_gate" not in facts:
            facts |= _score(line)
    return found


def _reason(line: Line) -> str:
    return f"{line['gate']}:{line['field']}:{line['reason'] or ''}"


def _score(line: Line) -> Line:
    return {
        "doubt_gate": f"{line['gate']}:{line['field']}",
        "doubt_score": line["score"],
        "doubt_threshold": line["threshold"],
    }
