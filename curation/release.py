"""Accepted pairs -> an immutable, versioned folder that ``datasets.load_dataset`` reads.

::

    releases/1.1.0/  data/<group>/<split>-00000-of-0000N.parquet  README.md  CHANGELOG.md  manifest.json  removed.parquet

Cumulative: a release holds all accepted rows, those of its parent that stay among them. The same rows give the same
bytes: rows stand in the order of their ids and nothing in the folder depends on the time. ``removed.parquet`` is there once
a row was removed.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.changelog import first_section, section
from pairsmith.curation.comparable import COLUMNS, columns_of, read_comparable, release_files
from pairsmith.curation.difference import (
    LEVELS,
    MEANINGS,
    Difference,
    card_change,
    difference,
    raised,
    schema_change,
    without,
)
from pairsmith.curation.manifest import Version, read_manifest, versions
from pairsmith.curation.release_facts import ReleaseFacts, Rows, Step, said_on_card
from pairsmith.curation.release_files import read_index, write_data
from pairsmith.curation.release_papers import write_papers
from pairsmith.curation.removed import BETWEEN, REMOVED, Why, read_removed, removed_rows
from pairsmith.curation.splits import assign_splits
from pairsmith.factory.errors import RunError
from pairsmith.factory.folder import to_disk
from pairsmith.factory.tables import TableFile

AUTO = "auto"


def write_release(
    accepted: TableFile, facts: ReleaseFacts, releases: Path, bump: str = AUTO
) -> tuple[Path, Difference | None]:
    """Write the ``accepted`` rows (PAIRS, or REVIEWED where people have judged some) as the next version below ``releases``.

    Returns its folder and what changed against its parent (None for the first one). Where nothing changed the newest
    release stays as it is. ``bump``: the level of the version, or ``auto`` for the least that the change allows.
    Raises :class:`RunError` when there is no row to release, or ``bump`` is too small.
    """
    known = [releases / str(version) for version in versions(releases)]
    rows = _rows(accepted, facts, known, releases)
    if not known:
        version = Version(1, 0, 0)
        said = first_section(version, rows.contents.rows, len(rows.left_out))
        return _write(rows, facts, releases, Step(version, None, said, REMOVED.empty_table())), None
    parent = known[-1]
    change = _change(parent, rows, facts)
    if change.empty:
        return parent, change
    return _write(rows, facts, releases, _step(parent, change, rows, facts, bump)), change


def _rows(accepted: TableFile, facts: ReleaseFacts, known: list[Path], releases: Path) -> Rows:
    if not accepted.read("id").num_rows:
        raise RunError(
            f"{releases}: there is nothing to release: no row was accepted, or none is left after people's answers; see why"
            f" with 'pairsmith report {releases.parent}'"
        )
    how = facts.splitting
    alike = takewhile(lambda release: read_manifest(release).get("splits") == how.as_json(), reversed(known))
    with _scratch(releases / ".splits") as folder:
        splits = assign_splits(accepted, [release_files(release) for release in alike], how, folder)
    content = columns_of(release_files(known[-1])).shared(COLUMNS) if known else []
    return Rows(accepted, *read_index(accepted, splits, content))


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder that is gone afterwards; what a killed process left there goes first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _change(parent: Path, rows: Rows, facts: ReleaseFacts) -> Difference:
    files, manifest = release_files(parent), read_manifest(parent)
    columns = columns_of(files)
    return replace(
        difference(read_comparable(files, columns.shared(COLUMNS)), rows.released),
        columns=schema_change(columns, COLUMNS),
        meanings=manifest.get("meanings", MEANINGS) != MEANINGS,
        anew=manifest.get("splits") != facts.splitting.as_json(),
        card=card_change(manifest, {"card": said_on_card(rows, facts)}),
    )


def _step(parent: Path, change: Difference, rows: Rows, facts: ReleaseFacts, bump: str) -> Step:
    before = Version(*map(int, parent.name.split(".")))
    least, why = change.least
    level = least if bump == AUTO else bump
    if LEVELS.index(level) < LEVELS.index(least):
        raise RunError(
            f"{parent}: --bump {bump} is too small: {why}, which makes it a {least} version, {raised(before, least)}; leave"
            f" --bump out, or give '--bump {least}'"
        )
    version = raised(before, level)
    released, index = rows.released["id"], read_comparable(release_files(parent))
    gone = without(index, released)["id"]
    step = Step(
        version, parent, "", removed_rows(read_removed(parent), gone, released, str(version), _why(rows, facts))
    )
    return step._replace(section=section(version, level, change, step.reasons, len(rows.left_out)))


def _why(rows: Rows, facts: ReleaseFacts) -> Why:
    """The reasons of rows that are released no more; those that are left out for their split are accepted all the same."""

    def why(ids: pa.Array) -> dict[str, list[str]]:
        out = pc.is_in(ids, value_set=rows.left_out.combine_chunks())
        return {**facts.why(ids), **{one: [BETWEEN] for one in ids.filter(out).to_pylist()}}

    return why


def _write(rows: Rows, facts: ReleaseFacts, releases: Path, step: Step) -> Path:
    folder, beside = releases / str(step.version), releases / f".{step.version}.part"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    files = write_data(rows.accepted, rows.index, beside)
    write_papers(beside, files, rows, facts, step)
    for file in (path for path in beside.rglob("*") if path.is_file()):
        to_disk(file)
    beside.rename(folder)
    return folder
