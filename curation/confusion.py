"""What the gates said beside what people said of the same rows: where they agree, and what gates do not see."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pairsmith.curation.answered import Said, Shown, decided, of_part, once
from pairsmith.curation.review_form import Decision
from pairsmith.curation.review_rows import Part


def confusion(rows: Sequence[Shown]) -> list[dict[str, Any]]:
    """For each reason of each gate, of the rows that people were shown: what they say of it. The most answered first.

    ``rejected``: the gate dropped them for it, else it could not verify them. answered = ``agree`` + ``keep`` + ``other``.
    Agree: they would not train on the row, and name the same reason or none at all; keep: they would; other: they would not,
    for other reasons, of which ``instead`` says how often each was named.
    """
    every = once(rows)
    kinds = dict.fromkeys((row.part is Part.REJECTED, said) for row in every for said in row.said)
    found = [_of_reason(rejected, said, every) for rejected, said in kinds]
    return sorted(found, key=lambda one: (-one["answered"], -one["shown"], one["gate"], one["reason"], one["rejected"]))


def _of_reason(rejected: bool, said: Said, rows: Sequence[Shown]) -> dict[str, Any]:
    mine = [row for row in rows if said in row.said and (row.part is Part.REJECTED) == rejected]
    answered = decided(mine)
    keep = sum(row.decision is Decision.KEEP for row in answered)
    others = [row for row in answered if row.wrong and said.reason not in row.wrong]
    return {
        **said._asdict(),
        "rejected": rejected,
        "shown": len(mine),
        "answered": len(answered),
        "agree": len(answered) - keep - len(others),
        "keep": keep,
        "other": len(others),
        "instead": _counted(code for row in others for code in row.wrong),
    }


def not_caught(rows: Sequence[Shown]) -> dict[str, int]:
    """Code -> rows of the random part with which people find it wrong, and no gate has said so. The most first."""
    answered = decided(of_part(rows, Part.RANDOM))
    return _counted(code for row in answered for code in row.wrong if code not in {said.reason for said in row.said})


def _counted(codes: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(codes).items(), key=lambda item: (-item[1], item[0])))
