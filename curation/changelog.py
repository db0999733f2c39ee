"""``CHANGELOG.md`` of a release: what each version changed against the one before, the newest first."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path

from pairsmith.curation.card import inert
from pairsmith.curation.difference import Counts, Difference, told_rows
from pairsmith.curation.manifest import Version

FILE = "CHANGELOG.md"

_SLICES = {"group": "by group", "query_language": "by language"}
_SPACES = str.maketrans("_:", "  ")
_SHOWN = 20  # slices of a kind that are named; the manifest and 'pairsmith diff' have all


def write_changelog(release: Path, older: Path | None, section: str) -> str:
    """Write the changelog of a release: ``section`` and what the ``older`` release has; returns it."""
    rest = (older / FILE).read_text(encoding="utf-8") if older else ""
    text = section + (f"\n{rest}" if rest else "")
    (release / FILE).write_text(text, encoding="utf-8")
    return text


def first_section(version: Version, rows: int, left_out: int) -> str:
    """What is said of a first release."""
    return _section(version, f"First release: {told_rows(rows)}.", _left_out(left_out))


def section(version: Version, level: str, change: Difference, reasons: Mapping[str, int], left_out: int) -> str:
    """What is said of a version. ``level``: of the version; ``reasons``: why rows were removed; ``left_out``: rows, by rule 3
    of :mod:`pairsmith.curation.splits`."""
    least, why = change.least
    chosen = "" if least == level else f" by choice, at least {least}"
    lines = chain(
        _rows("added", change.added, change.added_by),
        _rows("removed", change.removed, change.removed_by),
        [f"Reasons of removal: {_counts(reasons)}."] if reasons else [],
        [f"{told_rows(change.corrected)} corrected."] if change.corrected else [],
        [f"{told_rows(change.moved)} moved to another split."] if change.moved else [],
        [f"People's answers to {told_rows(change.reviewed)} changed."] if change.reviewed else [],
        _schema(change),
        [f"Changed on the card: {', '.join(change.card).replace('_', ' ')}."] if change.card else [],
        _left_out(left_out),
    )
    return _section(version, f"{level.capitalize()} version{chosen}: {inert(why)}.", lines)


def _section(version: Version, summary: str, lines: Iterable[str]) -> str:
    listed = "".join(f"- {line}\n" for line in lines)
    return f"## {version}\n\n{summary}\n" + (f"\n{listed}" if listed else "")


def _rows(what: str, count: int, slices: Counts) -> Iterator[str]:
    if count:
        yield (
            f"{told_rows(count)} {what}: "
            + "; ".join(f"{_SLICES[name]} {_counts(counts)}" for name, counts in slices.items())
            + "."
        )


def _schema(change: Difference) -> Iterator[str]:
    new, gone, other = change.columns
    yield from (f"Column `{inert(name)}` added." for name in new)
    yield from (f"Column `{inert(name)}` removed." for name in gone)
    yield from (f"Column `{inert(name)}` was {inert(old)} and is {inert(now)}." for name, (old, now) in other.items())
    if change.meanings:
        yield "A column means something else: see the columns of the card."
    if change.anew:
        yield "Splits begin anew: what was held out before may be in `train` now."


def _left_out(count: int) -> Iterator[str]:
    if count:
        are = (
            "accepted row is left out: its query is" if count == 1 else "accepted rows are left out: their queries are"
        )
        yield f"{count:,} {are} linked by near-duplicates to released rows of several splits."


def _counts(counts: Mapping[str, int]) -> str:
    shown = [f"{inert(name.translate(_SPACES))} {count:,}" for name, count in list(counts.items())[:_SHOWN]]
    more = len(counts) - _SHOWN
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")
