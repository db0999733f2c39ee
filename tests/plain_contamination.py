"""The gate ``contamination`` by its plain definition: every text is compared with every evaluation text, token by token."""

from collections.abc import Iterator
from difflib import SequenceMatcher

from pairsmith.factory.spec import ContaminationSpec
from pairsmith.factory.text import bag_jaccard, jaccard, tokens, words

Found = tuple[str, float, float]  # evaluation text, score, threshold


def plain_match(evaluation: list[str], text: str, spec: ContaminationSpec) -> Found | None:
    """What the gate must say of ``text``."""
    units = tokens(text)
    telling = [(entry, tokens(entry)) for entry in evaluation]
    telling = [(entry, wanted) for entry, wanted in telling if words(wanted) >= max(spec.minimum_tokens - 2, 1)]
    for entry, wanted in telling:
        if wanted == units:
            return entry, 1.0, spec.overlap
    telling = [(entry, wanted) for entry, wanted in telling if words(wanted) >= spec.minimum_tokens]
    inside = [found for entry, wanted in telling for found in _inside(units, wanted, entry, spec)]
    runs = [found for entry, wanted in telling for found in _run(units, wanted, entry, spec)]
    for found in (inside, runs):
        if found:
            return min(found, key=lambda one: one[0])[1]
    near = [found for entry, wanted in telling for found in _near(units, wanted, entry, spec)]
    return max(near, key=lambda one: one[1], default=None)


def _inside(units: list[str], wanted: list[str], entry: str, spec: ContaminationSpec) -> Iterator:
    scale = _scale(wanted)
    if words(wanted) >= 8 and len(wanted) >= 8 * scale:
        for place in range(len(units) - len(wanted) + 1):
            if units[place : place + len(wanted)] == wanted:
                yield (scale, place), (entry, 1.0, spec.overlap)


def _run(units: list[str], wanted: list[str], entry: str, spec: ContaminationSpec) -> Iterator:
    scale = _scale(wanted)
    size = spec.ngram * scale
    for place in range(len(units) - size + 1):
        starts = [
            start for start in range(len(wanted) - size + 1) if units[place : place + size] == wanted[start:][:size]
        ]
        if starts:
            yield (scale, place), (entry, max(_length(units, place, wanted, start) for start in starts), size)


def _length(units: list[str], place: int, wanted: list[str], start: int) -> int:
    """Of the longest run that puts token ``place`` on token ``start``."""
    matcher = SequenceMatcher(
        None, [f"{at - place} {unit}" for at, unit in enumerate(units)],
        [f"{at - start} {unit}" for at, unit in enumerate(wanted)], autojunk=False,
    )  # fmt: skip
    return next(size for left, _, size in matcher.get_matching_blocks() if left <= place < left + size)


def _near(units: list[str], wanted: list[str], entry: str, spec: ContaminationSpec) -> Iterator[Found]:
    overlap = jaccard(_grams(units), _grams(wanted))
    if overlap and overlap >= spec.overlap:
        yield entry, overlap, spec.overlap
    elif overlap >= 0.3 and words(wanted) >= 8 and bag_jaccard(units, wanted) >= 0.77:
        yield entry, bag_jaccard(units, wanted), 0.77


def _grams(units: list[str]) -> set[str]:
    return {" ".join(units[start : start + 3]) for start in range(len(units) - 2)}


def _scale(units: list[str]) -> int:
    ratio = len(units) / words(units)
    return 1 if ratio < 1.5 else 2 if ratio < 3 else 4
