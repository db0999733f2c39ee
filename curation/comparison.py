"""Two releases side by side, for people and programs: rows, columns, distributions; some 200 bytes a row in memory."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.comparable import (
    CONTENT,
    columns_of,
    content_digests,
    read_comparable,
    release_files,
    with_review,
)
from pairsmith.curation.contents import COLUMNS, Contents, commonest_first
from pairsmith.curation.difference import (
    MEANINGS,
    Difference,
    card_change,
    difference,
    matched,
    schema_change,
    without,
)
from pairsmith.curation.manifest import read_manifest
from pairsmith.curation.removed import by_reason, read_removed
from pairsmith.factory.tables import TableFile

QUANTILES = (0.05, 0.5, 0.95)

Changes = dict[str, list[str]]


def compare(old: Path, new: Path) -> dict[str, Any]:
    """What ``new`` has that ``old`` has not, and the other way round, ready for JSON.

    ``removed``: id and reasons of each row that is gone, no reason where ``new`` does not know; ``changed``: id and the columns
    that differ; ``distributions``: kind -> value -> rows of each of the two; ``lengths``: characters, see :data:`QUANTILES`.
    """
    files = [release_files(release) for release in (old, new)]
    columns = [columns_of(some) for some in files]
    content = columns[0].shared(columns[1])
    before, after = (read_comparable(some, content) for some in files)
    manifests = [read_manifest(release) for release in (old, new)]
    change = replace(
        difference(before, after),
        columns=schema_change(*columns),
        meanings=manifests[0].get("meanings", MEANINGS) != manifests[1].get("meanings", MEANINGS),
        anew=manifests[0].get("splits") != manifests[1].get("splits"),
        card=card_change(*manifests),
    )
    removed = _removed(without(before, after["id"])["id"], new)
    changed = _changed(before, after, files, content)
    return {
        "releases": [_told(manifest) for manifest in manifests],
        "same": manifests[0]["row_set"] == manifests[1]["row_set"] and change.empty,
        **_counts(change),
        "added": without(after, before["id"])["id"].to_pylist(),
        "removed": removed.to_pylist(),
        "reasons": by_reason(removed),
        "changed": [{"id": one, "fields": names} for one, names in changed.items()],
        "fields": commonest_first(Counter(name for names in changed.values() for name in names)),
        **_profiles(files),
    }


def _told(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {name: manifest[name] for name in ("name", "version", "rows", "row_set")}


def _counts(change: Difference) -> dict[str, Any]:
    level, why = change.least
    new, gone, other = change.columns
    return {
        "rows": {name: getattr(change, name) for name in ("added", "removed", "corrected", "moved", "reviewed")},
        "bump": None if change.empty else level,
        "why": why,
        "schema": {
            "added": list(new),
            "removed": list(gone),
            "retyped": {name: list(both) for name, both in other.items()},
        },
        "card": list(change.card),
        "added_by": change.added_by,
        "removed_by": change.removed_by,
    }


def _removed(gone: pa.ChunkedArray, release: Path) -> pa.Table:
    """Id and reasons of the rows ``gone``, as far as ``release`` knows them."""
    known = read_removed(release)
    place = pc.index_in(gone, value_set=known["id"].combine_chunks())
    reasons = known["reasons"].combine_chunks().take(place.combine_chunks())
    empty = pa.scalar([], reasons.type)
    return pa.table({"id": gone, "reasons": pc.if_else(pc.is_valid(reasons), reasons, empty)}).sort_by("id")


def _changed(
    before: pa.Table, after: pa.Table, files: Sequence[Sequence[TableFile]], content: Sequence[str]
) -> Changes:
    """Id -> columns that differ, of the rows that both have."""
    old, new = matched(before, after)
    other = pc.not_equal(old[CONTENT], new[CONTENT])
    found: Changes = {}
    for name in ("review", "split"):
        apart = pc.not_equal(pc.fill_null(old[name], ""), pc.fill_null(new[name], ""))
        for one in new.filter(apart)["id"].to_pylist():
            found.setdefault(one, []).append(name)
    ids = pc.sort_indices(new.filter(other)["id"])
    chosen = new.filter(other)["id"].take(ids).combine_chunks()
    if len(chosen):
        differ = np.not_equal(*(_fields(some, chosen, content) for some in files))
        for one, row in zip(chosen.to_pylist(), differ, strict=True):
            names = [content[number] for number in np.flatnonzero(row).tolist()]
            found[one] = sorted({*found.get(one, []), *names} - {"content_hash"})  # which says that a text differs
    return dict(sorted(found.items()))


def _fields(files: Iterable[TableFile], ids: pa.Array, content: Sequence[str]) -> npt.NDArray[np.uint64]:
    """(ids, columns): a digest of each column of the rows ``ids``."""
    found = np.zeros((len(ids), len(content)), np.uint64)
    for file in files:
        for rows in file.batches("id", *content):
            place = pc.index_in(rows["id"], value_set=ids)
            rows = rows.filter(pc.is_valid(place))
            digests = [content_digests(rows, [name]) for name in content]
            found[place.drop_null().to_numpy()] = np.stack(digests, axis=1)
    return found


def _profiles(files: Sequence[Sequence[TableFile]]) -> dict[str, Any]:
    contents, lengths = zip(*(_profile(some) for some in files), strict=True)
    counts = [{**one.counts(), "model": commonest_first(one.models)} for one in contents]
    kinds = {
        kind: {value: [one[kind].get(value, 0) for one in counts] for value in _values(counts, kind)}
        for kind in counts[0]
    }
    return {"distributions": kinds, "lengths": {name: [one[name] for one in lengths] for name in lengths[0]}}


def _values(counts: Sequence[Mapping[str, Mapping[str, int]]], kind: str) -> Iterator[str]:
    """The values that either has, those with most rows in the newer one first."""
    yield from dict.fromkeys([*counts[1][kind], *counts[0][kind]])


def _profile(files: Iterable[TableFile]) -> tuple[Contents, dict[str, list[float]]]:
    contents = Contents()
    lengths: dict[str, list[npt.NDArray[np.int32]]] = {"query": [], "positive": []}
    for file in files:
        wanted = {*COLUMNS, *lengths}
        for rows in file.batches(*(name for name in file.schema.names if name in wanted)):
            contents.add(with_review(rows))
            for name, parts in lengths.items():
                parts.append(pc.utf8_length(rows[name]).to_numpy())
    return contents, {name: np.quantile(np.concatenate(parts), QUANTILES).tolist() for name, parts in lengths.items()}
