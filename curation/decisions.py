"""What people's answers come to for the accepted rows: which stay as they are, which go, and which get other texts.

Several reviewers of a row are one voice, by the rule of :func:`pairsmith.curation.reviews.resolve`. An answer to other texts
than the row has now does not count, nor does a draft; a row that all of its reviewers discarded is as one that nobody has
judged. A row to be fixed that nobody has corrected goes: people do not want it as it is. Rejected rows stay rejected.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.review_form import Decision
from pairsmith.curation.reviews import Resolved, Review, by_row, resolve
from pairsmith.factory.records import PAIRS, REVIEWED, VERDICTS, Mark, content_hash
from pairsmith.validators.gate import Verdict
from pairsmith.validators.judging import dropped_ids, without

GATE = "review"
"""The name under which people's decisions stand in the verdicts."""


class NoFlaw(StrEnum):
    """Why a row goes, where people have named no flaw, or none that is the reason."""

    NOT_CORRECTED = "not_corrected"  # to be fixed, and nobody wrote how
    NO_REASON = "no_reason_given"


@dataclass(frozen=True)
class Decisions:
    """What people decided of accepted rows.

    ``kept``: ids of those that stay as they are; ``corrected``: rows (PAIRS) with their new texts, in the order of the accepted
    ones; ``verdicts``: what was decided and why (VERDICTS, gate :data:`GATE`), on these and on the rows that go;
    ``outdated``: responses to other texts of accepted rows than they have now.
    """

    kept: pa.Array
    corrected: pa.Table
    verdicts: pa.Table
    outdated: int

    def dropped(self) -> dict[str, int]:
        """Rows that go: ``dropped`` by people, and ``not_corrected``."""
        drops = self.verdicts.filter(pc.equal(self.verdicts["verdict"], Verdict.DROP.value))
        unmended = pc.count_distinct(drops.filter(pc.equal(drops["reason"], NoFlaw.NOT_CORRECTED.value))["id"]).as_py()
        return {"dropped": len(dropped_ids(drops)) - unmended, "not_corrected": unmended}

    def applied(self, rows: pa.Table, gone: pa.Array) -> pa.Table:
        """Some accepted ``rows`` (PAIRS) as they are released (REVIEWED), in their order. ``gone``: ids of all that go."""
        rows = without(rows, gone)
        new = self.corrected.filter(pc.is_in(self.corrected["id"], value_set=rows["id"].combine_chunks()))
        if len(new):
            both = pa.concat_tables([without(rows, new["id"].combine_chunks()), new])
            rows = both.take(pc.sort_indices(pc.index_in(both["id"], value_set=rows["id"].combine_chunks())))
        return rows.append_column(REVIEWED.field("review"), self._marks(rows["id"]))

    def _marks(self, ids: pa.ChunkedArray) -> pa.ChunkedArray:
        none = pa.scalar(None, pa.string())
        kept = pc.if_else(pc.is_in(ids, value_set=self.kept), Mark.KEPT.value, none)
        corrected = pc.is_in(ids, value_set=self.corrected["id"].combine_chunks())
        return pc.if_else(corrected, Mark.CORRECTED.value, kept)


def decide(accepted: Iterable[pa.Table], reviews: Iterable[Review]) -> Decisions:
    """What ``reviews`` come to for the ``accepted`` rows (PAIRS, in pieces).

    The order of reviews plays no part, but that of one reviewer and row the last one counts.
    """
    answers = by_row(reviews)
    wanted = pa.array(sorted({id for id, _ in answers}), pa.string())
    kept: list[str] = []
    corrected: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    current: set[tuple[str, str]] = set()
    ids: set[str] = set()
    for row in _chosen(accepted, wanted):
        key = (row["id"], row["content_hash"])
        ids.add(row["id"])
        current.add(key)
        resolved = resolve(answers.get(key, ()))
        if resolved is None or resolved.decision is None:
            continue
        new = _corrected(row, resolved)
        if resolved.decision is Decision.KEEP:
            kept.append(row["id"])
        elif new is not None:
            corrected.append(new)
        lines += _lines(row, resolved, stays=resolved.decision is Decision.KEEP or new is not None)
    return Decisions(
        kept=pa.array(kept, pa.string()),
        corrected=pa.Table.from_pylist(corrected, schema=PAIRS),
        verdicts=pa.Table.from_pylist(lines, schema=VERDICTS),
        outdated=sum(len(of) for key, of in answers.items() if key[0] in ids and key not in current),
    )


def reasons(verdicts: pa.Table) -> dict[str, int]:
    """ "gate:field:reason" of each drop in ``verdicts`` -> rows, the most first."""
    drops = verdicts.filter(pc.equal(verdicts["verdict"], Verdict.DROP.value))
    columns = (drops[name].to_pylist() for name in ("id", "gate", "field", "reason"))
    found = Counter(":".join(said) for _, *said in dict.fromkeys(zip(*columns, strict=True)))
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _chosen(accepted: Iterable[pa.Table], ids: pa.Array) -> Iterator[dict[str, Any]]:
    for rows in accepted if len(ids) else ():
        yield from rows.filter(pc.is_in(rows["id"], value_set=ids)).to_pylist()


def _corrected(row: Mapping[str, Any], resolved: Resolved) -> dict[str, Any] | None:
    """The row with what people wrote in place of its texts; None where they left all as it was.

    Only what is there can be corrected: a row without negatives gets none.
    """
    texts = {name: resolved.corrections.get(name, row[name]) for name in ("query", "positive")}
    negatives = list(row["negatives"])
    negatives[:1] = [resolved.corrections.get("negative", text) for text in negatives[:1]]
    hashed = content_hash(texts["query"], texts["positive"], negatives)
    if hashed == row["content_hash"]:
        return None
    return {**row, **texts, "negatives": negatives, "content_hash": hashed}


def _lines(row: Mapping[str, Any], resolved: Resolved, stays: bool) -> list[dict[str, Any]]:
    said: Sequence[str | None] = resolved.wrong
    if not stays and resolved.decision is Decision.FIX:
        said = (*resolved.wrong, NoFlaw.NOT_CORRECTED.value)
    verdict = Verdict.KEEP if stays else Verdict.DROP
    head = {"request_id": row["request_id"], "id": row["id"], "gate": GATE, "field": "row", "verdict": verdict.value}
    return [head | {"reason": code} for code in said or (None if stays else NoFlaw.NO_REASON.value,)]
