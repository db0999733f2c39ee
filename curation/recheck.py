"""The gates, put to released rows again: with the thresholds that the baseline was made with, however loose they are now.

A user's own gates are not run: a check must not run what a release from elsewhere names.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from pairsmith.curation.profile import EXAMPLES
from pairsmith.factory.errors import InputError
from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.records import PAIRS
from pairsmith.factory.spec import ContaminationSpec, GatesSpec
from pairsmith.validators.build import build_gates
from pairsmith.validators.contamination import ContaminationGate
from pairsmith.validators.gate import Gate, Verdict
from pairsmith.validators.judging import judge

_LANGUAGES = ("query_language", "document_language")
_KNOWN = pa.array(list(LANGUAGES), pa.string())


@dataclass
class Failing:
    """Rows that one gate judged and dropped, its reasons, and ids of some of them."""

    judged: int = 0
    dropped: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Share of the judged rows that it dropped."""
        return self.dropped / self.judged if self.judged else 0.0

    def said(self) -> str:
        """``12 of 500 rows (wrong_language 11, wrong_script 1)``."""
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in self.reasons.most_common())
        return f"{self.dropped:,} of {self.judged:,} rows" + (f" ({reasons})" if reasons else "")


class Recheck:
    """Puts rows to the row gates and to that of ``evaluation`` files in ``home``, and counts what fails.

    ``thresholds``: as a manifest has them. ``drawn``: the share of the rows that row gates judge, by a digest of their ids;
    evaluation texts are looked for in all.
    """

    def __init__(
        self, thresholds: Mapping[str, Any], evaluation: Sequence[str], home: Path, drawn: float, of_added: float
    ) -> None:
        spec = _spec(thresholds)
        self._gates: list[Gate] = [gate for gate in build_gates(spec, home) if gate.scope == "row"]
        self._evaluation = (
            ContaminationGate(spec.contamination.model_copy(update={"evaluation": list(evaluation)}), home)
            if evaluation
            else None
        )
        self._drawn, self._of_added = drawn, of_added
        self.failing: dict[str, Failing] = {gate.name: Failing() for gate in self._gates}
        if self._evaluation:
            self.failing[self._evaluation.name] = Failing()

    def add(self, rows: pa.Table, added: set[str]) -> None:
        """Judge ``rows`` (RELEASE); ``added``: ids of which another share is drawn. Gates know no rows in
        languages that are none: those are passed over."""
        pairs = rows.select(PAIRS.names).cast(PAIRS)
        pairs = pairs.filter(pc.and_(*(pc.is_in(pairs[name], value_set=_KNOWN) for name in _LANGUAGES)))
        if self._evaluation is not None and len(pairs):
            self._count(self._evaluation, pairs)
        chosen = [place_of(one) < (self._of_added if one in added else self._drawn) for one in pairs["id"].to_pylist()]
        drawn = pairs.filter(pa.array(chosen, pa.bool_()))
        for gate in self._gates if len(drawn) else ():
            self._count(gate, drawn)

    def _count(self, gate: Gate, rows: pa.Table) -> None:
        tally = self.failing[gate.name]
        verdicts = judge(gate, rows)
        drops = verdicts.filter(pc.equal(verdicts["verdict"], Verdict.DROP.value)).select(["id", "reason"])
        ids = pc.unique(drops["id"]).to_pylist()
        tally.judged += len(rows)
        tally.dropped += len(ids)
        tally.reasons.update(line["reason"] for line in drops.group_by(["id", "reason"]).aggregate([]).to_pylist())
        tally.examples = (tally.examples + ids)[:EXAMPLES]


def _spec(thresholds: Mapping[str, Any]) -> GatesSpec:
    """The gates of a manifest, without a user's own, and without files of the run that the release came from."""
    try:
        known = GatesSpec.model_validate({name: value for name, value in thresholds.items() if name != "custom"})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            f"thresholds.{where} of the baseline's manifest: {first['msg']}; is it of a newer Pairsmith?"
        ) from None
    alone = known.duplicates.model_copy(update={"enabled": False, "against": []})
    nothing = ContaminationSpec(**{**known.contamination.model_dump(), "enabled": False, "evaluation": []})
    return known.model_copy(update={"duplicates": alone, "contamination": nothing})


def place_of(one: str) -> float:
    """A number from 0 to 1 that hangs on the id alone."""
    return int.from_bytes(blake2b(one.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") / 2**64
