"""A run against a file of planted defects: what was caught, by which gate, and which sound rows were lost.

Truth is JSON lines: ``{"id": request id, "defect": kind or null, "variant": harmless oddity or null, "of": id}``; ``of``
names the original of a planted duplicate. Except for the two duplicate kinds a defect counts as caught only by a gate
other than ``duplicates``. Of a duplicate pair, rejecting either one counts; losing both is a sound row rejected.
"""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from pydantic import BaseModel, ValidationError

from pairsmith.factory.errors import InputError
from pairsmith.factory.tables import TableFile
from pairsmith.validators.gate import Verdict

DUPLICATE_KINDS = ("exact_duplicate", "near_duplicate")


class Truth(BaseModel):
    """What is known of one answer. Further keys of the file say how the defect was made and are not read."""

    id: str
    defect: str | None = None
    variant: str | None = None
    of: str | None = None


def read_truth(path: Path) -> list[Truth]:
    """Read the truth; raises :class:`InputError` with file and line."""
    truths = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # not splitlines: texts hold other line breaks
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable ({error}); --truth names a file of JSON lines") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                truths.append(Truth.model_validate_json(line))
            except ValidationError as error:
                problem = error.errors()[0]
                raise InputError(
                    f"{path}:{number}: {problem['msg']} ({line[:80]}); wanted is {{id, defect, variant}}"
                ) from None
    return truths


def score(truths: list[Truth], request_ids: set[str], verdicts: TableFile) -> dict[str, Any]:
    """Compare the verdicts (schema VERDICTS) with the truth; see the module for the rules of counting."""
    unknown = [truth.id for truth in truths if truth.id not in request_ids]
    if unknown:
        raise InputError(
            f"truth: '{unknown[0]}' ({len(unknown)} in all) was not asked in this run; is it the right file?"
        )
    rejected = _gates_of_rejected(verdicts)
    twins = defaultdict(list)
    for truth in truths:
        if truth.of:
            twins[truth.of].append(truth.id)
    sound = [truth for truth in truths if truth.defect is None]
    lost = {t.id for t in sound if t.id in rejected and all(twin in rejected for twin in twins[t.id])}
    return {
        "defects": _defects([truth for truth in truths if truth.defect], rejected),
        "sound": {"rejected": len(lost), "total": len(sound), "ids": sorted(lost)},
        "variants": _variants(sound, lost),
    }


def _gates_of_rejected(verdicts: TableFile) -> dict[str, set[str]]:
    gates: dict[str, set[str]] = defaultdict(set)
    for lines in verdicts.batches("request_id", "gate", "verdict"):
        drops = lines.filter(pc.equal(lines["verdict"], Verdict.DROP.value))
        for request_id, gate in zip(drops["request_id"].to_pylist(), drops["gate"].to_pylist(), strict=True):
            gates[request_id].add(gate)
    return gates


def _defects(truths: list[Truth], rejected: dict[str, set[str]]) -> dict[str, Any]:
    report: dict[str, Any] = {}
    for kind in sorted({str(truth.defect) for truth in truths}):
        rows = [truth for truth in truths if truth.defect == kind]
        gates = [_catching(truth, rejected) for truth in rows]
        by_gate = Counter(gate for caught in gates for gate in caught)
        missed = [truth.id for truth, caught in zip(rows, gates, strict=True) if not caught]
        report[kind] = {
            "caught": len(rows) - len(missed),
            "total": len(rows),
            "by_gate": dict(sorted(by_gate.items())),
            "missed": missed,
        }
    return report


def _catching(truth: Truth, rejected: dict[str, set[str]]) -> set[str]:
    gates = rejected.get(truth.id, set())
    if truth.defect in DUPLICATE_KINDS:
        return gates | (rejected.get(truth.of, set()) if truth.of else set())
    return gates - {"duplicates"}


def _variants(sound: list[Truth], lost: set[str]) -> dict[str, Any]:
    report = {}
    for kind in sorted({truth.variant for truth in sound if truth.variant}):
        ids = [truth.id for truth in sound if truth.variant == kind]
        report[kind] = {"rejected": sum(key in lost for key in ids), "total": len(ids)}
    return report
