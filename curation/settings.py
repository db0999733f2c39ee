"""Which number of the spec decides a verdict, and at which value of it the verdict would change.

docs/gates.md has the meaning of each. A verdict that no such number decides has no place here (two texts are the same or
they are not; most letters are of another script), nor one whose score is not what decided it (a text of two languages), nor
one that another row decided (duplicates).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, inf
from typing import NamedTuple

from pairsmith.curation.gate_scores import Line
from pairsmith.factory.spec import ContaminationSpec, GatesSpec, LanguageSpec, LeakageSpec, LengthSpec
from pairsmith.validators.gate import UNNAMED, Reason, Verdict


@dataclass(frozen=True)
class Setting:
    """A number that decides. ``key``: where it stands in the spec; None for a gate of the user's own, which names its own.

    ``from_on``: texts are dropped from it on, else below it. It is above 0, at most ``most``, and an integer if ``whole``.
    """

    gate: str
    key: str | None
    current: float
    from_on: bool
    most: float = inf
    whole: bool = False


class Position(NamedTuple):
    """At this ``value`` of the setting the verdict of a line changes. ``reason``: for which it drops, or would drop."""

    setting: Setting
    value: float
    reason: str
    dropped: bool


class _Scored(NamedTuple):
    """What a verdict says in numbers. ``reason``: empty where the text is kept, or dropped without one."""

    gate: str
    field: str
    group: str
    dropped: bool
    reason: str
    score: float
    threshold: float


def positions(
    lines: Mapping[str, Sequence[Line]], groups: Mapping[str, str], gates: GatesSpec
) -> dict[str, list[Position]]:
    """Row id -> positions of those of its ``lines`` that a number decides. ``groups``: group of each row."""
    scored = {row: list(_scored(each, groups[row])) for row, each in lines.items()}
    custom = _custom(said for each in scored.values() for said in each)
    return {row: [one for said in each for one in _positions(said, gates, custom)] for row, each in scored.items()}


def _scored(lines: Iterable[Line], group: str) -> Iterable[_Scored]:
    for line in lines:
        if line.score is not None and line.threshold and line.verdict != Verdict.UNVERIFIED:
            dropped = line.verdict == Verdict.DROP
            yield _Scored(line.gate, line.field, group, dropped, line.reason or "", line.score, line.threshold)


def _positions(said: _Scored, gates: GatesSpec, custom: Mapping[str, tuple[Setting, str]]) -> Iterable[Position]:
    match said.gate:
        case "length":
            found = _length(said, gates.length)
        case "language":
            found = _language(said, gates.language)
        case "leakage":
            found = _leakage(said, gates.leakage)
        case "contamination":
            found = _contamination(said, gates.contamination)
        case _:
            setting, reason = custom.get(said.gate, (None, ""))
            found = None if setting is None else Position(setting, said.score, reason, said.dropped)
    if found is not None and _beyond(found) == found.dropped:
        yield found


def _beyond(position: Position) -> bool:
    """Whether the number speaks against the text. One that is kept all the same was kept for another reason."""
    setting = position.setting
    return position.value >= setting.current if setting.from_on else position.value < setting.current


def _length(said: _Scored, spec: LengthSpec) -> Position | None:
    """Words found beside words asked for. Of a text that is kept one is not told which of two bounds was asked for."""
    if not said.dropped:
        return None
    short, share = said.reason == Reason.TOO_SHORT, said.score / said.threshold
    if said.group == "short_long" and said.field == "query":
        setting = Setting("length", "gates.length.query_slack", spec.query_slack, from_on=True)
        share = (1 / share if share else inf) if short else share
    elif short:
        setting = Setting("length", "gates.length.at_least", spec.at_least, from_on=False, most=1)
    else:
        setting = Setting("length", "gates.length.at_most", spec.at_most, from_on=True)
    return Position(setting, share, said.reason, said.dropped)


def _language(said: _Scored, spec: LanguageSpec) -> Position | None:
    """The thresholds are calibrated by language and length; the spec multiplies all of them."""
    if said.dropped and said.reason != Reason.WRONG_LANGUAGE:
        return None
    setting = Setting("language", "gates.language.strictness", spec.strictness, from_on=False)
    return Position(setting, spec.strictness * said.score / said.threshold, Reason.WRONG_LANGUAGE, said.dropped)


def _leakage(said: _Scored, spec: LeakageSpec) -> Position | None:
    """Lightly edited copies have a threshold that is fixed."""
    if said.reason != Reason.QUERY_COPIED or said.threshold != spec.query_containment:
        return None
    setting = Setting("leakage", "gates.leakage.query_containment", spec.query_containment, from_on=True, most=1)
    return Position(setting, said.score, said.reason, said.dropped)


def _contamination(said: _Scored, spec: ContaminationSpec) -> Position | None:
    """A run of tokens beside the shortest that counts (of characters: some of them for one), or how far two texts overlap."""
    if said.threshold > 1:
        setting = Setting("contamination", "gates.contamination.ngram", spec.ngram, from_on=True, whole=True)
        return Position(setting, floor(spec.ngram * said.score / said.threshold), said.reason, said.dropped)
    if said.threshold != spec.overlap:
        return None
    setting = Setting("contamination", "gates.contamination.overlap", spec.overlap, from_on=True, most=1)
    return Position(setting, said.score, said.reason, said.dropped)


def _custom(scored: Iterable[_Scored]) -> dict[str, tuple[Setting, str]]:
    """Gate of the user's own -> its setting and its reason, where it has one threshold and drops for one reason.

    On which side of the threshold it drops is what its verdicts show.
    """
    by_gate: dict[str, list[_Scored]] = defaultdict(list)
    for said in scored:
        if said.gate not in GatesSpec.model_fields:
            by_gate[said.gate].append(said)
    found = {}
    for gate, mine in by_gate.items():
        drops = [said for said in mine if said.dropped]
        reasons, thresholds = {said.reason for said in drops}, {said.threshold for said in mine}
        sides = {said.score >= said.threshold for said in drops}
        if len(reasons) == len(thresholds) == len(sides) == 1:
            found[gate] = Setting(gate, None, thresholds.pop(), sides.pop()), reasons.pop() or UNNAMED
    return found
