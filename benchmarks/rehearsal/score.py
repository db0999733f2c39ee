"""What a run found of what was planted: defects caught, duplicates put together, sound rows lost."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pairsmith.validators.gate import Verdict

Line = dict[str, Any]
DUPLICATES = "duplicates"


def dropped(verdicts: Path) -> list[Line]:
    """Every verdict ``drop`` in a file of verdicts: id, gate, related."""
    drops = [("verdict", "==", Verdict.DROP.value)]
    return pq.read_table(verdicts, columns=["id", "gate", "related"], filters=drops).to_pylist()


def score(truth: Iterable[Line], drops: Iterable[Line], rows: int) -> dict[str, Any]:
    """Counts of what was found, ``[found, of]``.

    ``defects``: by kind, those that a gate other than ``duplicates`` dropped. ``duplicates``: by level and script, pairs of a
    planted duplicate and its original of which one is dropped for the other, or both for a third; pairs that lost a row to
    another gate are left out. ``sound``: rows not planted that another gate dropped, ``chance``: that ``duplicates`` did.
    """
    lost, survivor = set(), {}
    for line in drops:
        if line["gate"] == DUPLICATES:
            survivor[line["id"]] = line["related"]
        else:
            lost.add(line["id"])
    lines = list(truth)
    planted = {line["id"] for line in lines}
    return {
        "defects": _defects(lines, lost),
        "duplicates": _duplicates(lines, lost, survivor),
        "sound": [len(lost - planted), rows - len(planted)],
        "chance": [len(survivor.keys() - planted), rows - len(planted)],
    }


def _defects(lines: list[Line], lost: set[str]) -> dict[str, list[int]]:
    kinds = Counter(line["planted"] for line in lines if line["level"] is None)
    caught = Counter(line["planted"] for line in lines if line["level"] is None and line["id"] in lost)
    return {kind: [caught[kind], kinds[kind]] for kind in sorted(kinds)}


def _duplicates(lines: list[Line], lost: set[str], survivor: dict[str, str]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for line in sorted(lines, key=lambda line: (line["level"] or 0, line["unspaced"] or False)):
        one, other = line["id"], line["original"]
        if other and not {one, other} & lost:
            counts = found[f"{line['level']:g} {'unspaced' if line['unspaced'] else 'spaced'}"]
            counts[0] += survivor.get(one, one) == survivor.get(other, other)
            counts[1] += 1
    return dict(found)
