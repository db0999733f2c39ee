"""What a training names as its data: releases, wherever they are, and files of labelled rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.hub_release import parse_published
from pairsmith.curation.manifest import published_commit
from pairsmith.curation.reference import local_release, opened
from pairsmith.curation.released_rows import Released, between
from pairsmith.factory.errors import InputError
from pairsmith.progress import note
from pairsmith.publishing import pull_version
from pairsmith.trainer.data import read_training
from pairsmith.trainer.facts import SourceFacts
from pairsmith.trainer.labelled import is_labelled, read_labelled, row_set
from pairsmith.trainer.mix import Source


class Named(NamedTuple):
    """A release that a training names: its folder, and what it is called."""

    release: Released
    name: str


def read_sources(
    references: Sequence[str], weights: Sequence[float], since: str | None, cache: Path
) -> tuple[list[Source], list[Named], str | None]:
    """All rows to train on, the releases among the sources, and what the earlier version is called. What lies on the Hub is
    brought into ``cache``.

    Raises :class:`InputError` where a weight is missing or is none, or no row is in the earlier version ``since``.
    """
    if weights and len(weights) != len(references):
        raise InputError(
            f"--weights: {len(weights)} for {len(references)} sources of rows; give one for each, in their order"
        )
    earlier = _release(since, cache) if since else None
    before = earlier.release if earlier else None
    sources, releases = [], []
    for reference, weight in zip(references, weights or [1.0] * len(references), strict=True):
        named = None if _is_file(reference) else _release(reference, cache)
        sources.append(_source(named, weight, before) if named else _labelled(Path(reference), weight))
        releases += [named] if named else []
    if since and not any(source.known.any() for source in sources):
        raise InputError(f"--since {since}: no row that is trained on is in it; name an earlier version of the data")
    return sources, releases, f"{earlier.name} {earlier.release.manifest['version']}" if earlier else None


def _is_file(reference: str) -> bool:
    """Whether it is labelled rows; a folder that is a release, or a run with one, is not."""
    path = Path(reference)
    if not is_labelled(path):
        return False
    try:
        local_release(path)
    except InputError:
        return True
    return False


def _release(reference: str, cache: Path) -> Named:
    """A published version is brought once: its tag never moves, and what came is compared with its manifest."""
    if Path(reference).is_dir() or "@" not in reference:
        release = Released(opened(reference, cache, note))
        name = str(release.manifest["name"])
    else:
        published = parse_published(reference)
        folder = cache / published.repository / str(published.version)
        if published_commit(folder) is None:
            pull_version(reference, folder)
        release, name = Released(folder), published.repository
    if altered := release.altered():
        raise InputError(
            f"{release.folder}: {altered[0]} is not the file that its manifest names; take the release again"
        )
    return Named(release, name)


def _source(named: Named, weight: float, earlier: Released | None) -> Source:
    release, name = named
    rows = read_training(release.folder)
    known = _known(release, rows, earlier)
    facts = SourceFacts(
        name=name,
        version=release.manifest["version"],
        revision=published_commit(release.folder),
        row_set=release.manifest["row_set"],
        rows=len(rows),
        known=int(known.sum()),
        weight=weight,
        license=release.manifest["card"]["license"],
    )
    return Source(facts, rows, known)


def _known(release: Released, rows: pa.Table, earlier: Released | None) -> np.ndarray:
    """For each row whether the earlier version has it as it is: a corrected row is new."""
    if earlier is None:
        return np.zeros(len(rows), bool)
    moved = between(earlier, release)
    new = pa.array(sorted(moved.added | moved.corrected), rows["id"].type)
    return ~pc.is_in(rows["id"], value_set=new).to_numpy()  # type: ignore[no-any-return]


def _labelled(path: Path, weight: float) -> Source:
    rows = read_labelled(path)
    facts = SourceFacts(name=path.name, row_set=row_set(rows), rows=len(rows), weight=weight)
    return Source(facts, rows, np.zeros(len(rows), bool))
