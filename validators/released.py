"""Earlier releases whose rows a run's rows may not repeat: their sketches lie beside them, so that no text is read again.

::

    releases/1.0.0/  releases/1.0.0.signatures.parquet

The file holds the sketch of each row of the release. Its metadata says what decides it: the release's rows, the version of
the hashes, and how signatures are cut into bands; other bands are made from the tokens in it. Where there is no such file,
or one of other hashes, the sketches are made from the release's texts. Either way they are kept in the run folder, in a
folder that is named by a digest of what they were made from; ``done.json`` in it holds the digests of what was written.
"""

import json
import re
import shutil
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import regex

from pairsmith.factory.errors import InputError
from pairsmith.factory.folder import file_digest, written_whole
from pairsmith.factory.records import digest
from pairsmith.factory.tables import opened
from pairsmith.validators.minhash import Bands
from pairsmith.validators.parts import is_finished, note_finished, write_table
from pairsmith.validators.similarity import SHINGLE
from pairsmith.validators.sketch import FORMAT, NEAR_WORDS, banded, sketch, sketch_schema
from pairsmith.validators.tokens import HASHING

MANIFEST = "manifest.json"  # of a release
FOLDER = ".released"  # in the run folder: sketches of releases, ready to be mapped into memory

_ROWS = 20_000  # that are sketched at once, and a row group of the file
_COLUMNS = ("id", "request_id", "instruction", "query", "positive", "negatives", "query_language", "document_language")
_FACTS = b"pairsmith"
_WANTED = "gates.duplicates.against"
_REMEDY = f"delete it, and {_WANTED} reads the release's texts in its place"


def find_releases(names: Sequence[str], folder: Path) -> dict[str, Path]:
    """The releases that are named, by name, as a release or as a folder of releases; of a folder's the newest first.

    Paths start from ``folder``. Raises :class:`InputError` for a name that is neither.
    """
    found: dict[str, Path] = {}
    for name in names:
        path = folder / name
        if (path / MANIFEST).is_file():
            found[name] = path
            continue
        inside = [one.parent for one in path.glob(f"*/{MANIFEST}")]
        if not inside:
            raise InputError(f"{_WANTED}: '{name}' is no release and no folder of releases; it is looked for at {path}")
        for release in sorted(inside, key=_version, reverse=True):
            found[f"{name}/{release.name}"] = release
    return found


def release_digests(names: Sequence[str], folder: Path) -> dict[str, str]:
    """Digests that change with the rows of the releases."""
    return {name: file_digest(path / MANIFEST) for name, path in find_releases(names, folder).items()}


def signatures_of(release: Path) -> Path:
    """Where the sketches of a release lie: beside its folder, in which nothing ever changes."""
    return release.with_name(f"{release.name}.signatures.parquet")


def write_signatures(release: Path, bands: Bands) -> Path:
    """Write the sketches of a release beside it, unless they are there and whole. The same rows give the same bytes."""
    path = signatures_of(release)
    try:
        done = _usable(release)
    except InputError:  # damaged
        done = False
    if not done:
        with written_whole(path) as beside:
            facts = {_FACTS: json.dumps({**_facts(release), "bands": bands}, sort_keys=True)}
            schema = sketch_schema(bands).with_metadata(facts)
            with pq.ParquetWriter(beside, schema, compression="zstd", write_page_checksum=True) as writer:
                for table in _from_texts(release, bands):
                    writer.write_table(table.cast(schema))
    return path


def released_sketches(releases: Sequence[Path], bands: Bands, folder: Path) -> list[Path]:
    """Files of the sketches of all rows of ``releases`` (Arrow IPC), in the run folder ``folder``."""
    wanted: dict[Path, None] = {}
    for release in releases:
        usable = _usable(release)
        source = signatures_of(release) if usable else release / MANIFEST  # which holds the digests of the texts' files
        kept = folder / FOLDER / digest(_facts(release), bands, file_digest(source))
        if not is_finished(kept):
            _keep(_from_file(release, bands) if usable else _from_texts(release, bands), kept)
        wanted[kept] = None
    for other in set((folder / FOLDER).glob("*")) - set(wanted):
        shutil.rmtree(other, ignore_errors=True)  # a stray file stays
    return [path for kept in wanted for path in sorted(kept.glob("*.arrow"))]


def standing(ids: Iterable[pa.Array], first: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which rows are released, and which are left out: ``ids`` are those of the run, and from ``first`` on of releases.

    A released row that is in the run too stands for itself there; one that is in several releases, in the first of them.
    Keeps 8 bytes a row, and twice as much while it works; two ids are taken for one as in
    :class:`~pairsmith.factory.occurrences.Occurrences`.
    """
    hashes = [np.fromiter(map(hash, some.to_pylist()), np.int64, len(some)) for some in ids]
    keys = np.concatenate([np.empty(0, np.int64), *hashes])
    own, old = keys[:first], keys[first:]
    known, places = np.unique(old, return_index=True)
    released = np.concatenate((_among(own, known), np.ones(len(old), np.bool_)))
    again = _among(old, np.sort(own))
    repeated = np.ones(len(old), np.bool_)
    repeated[places] = False
    return released, np.concatenate((np.zeros(len(own), np.bool_), again | repeated))


def _among(keys: npt.NDArray[np.int64], known: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which of ``keys`` are in ``known``, ascending."""
    if not len(known):
        return np.zeros(len(keys), np.bool_)
    return np.asarray(known[np.searchsorted(known[:-1], keys)] == keys, np.bool_)


def _version(release: Path) -> tuple[list[int], str]:
    return [int(part) for part in re.findall(r"\d+", release.name)], release.name


def _manifest(release: Path) -> dict[str, Any]:
    path = release / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if {"files", "rows", "row_set"} <= manifest.keys():
            return manifest
        raise ValueError("it names no files, rows or row_set")
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{_WANTED}: {path}: not readable ({error}); is {release} a release of Pairsmith?") from None


def _facts(release: Path) -> dict[str, Any]:
    """What decides the sketches of a release but for their bands."""
    return {
        "format": FORMAT,
        "hashing": HASHING,
        "shingle": SHINGLE,
        "near_words": NEAR_WORDS,
        "row_set": _manifest(release)["row_set"],
        "unicode": unicodedata.unidata_version,
        "regex": regex.__version__,
    }


def _usable(release: Path) -> bool:
    """Whether the file beside the release is there, and of these rows and hashes."""
    path = signatures_of(release)
    if not path.is_file():
        return False
    with opened(path, _REMEDY) as file:
        facts = json.loads((file.schema_arrow.metadata or {}).get(_FACTS, b"{}"))
        rows = file.metadata.num_rows
    if rows != _manifest(release)["rows"]:
        return False
    return {name: facts.get(name) for name in _facts(release)} == _facts(release)


def _from_file(release: Path, bands: Bands) -> Iterator[pa.Table]:
    with opened(signatures_of(release), _REMEDY) as file:
        same = json.loads(file.schema_arrow.metadata[_FACTS])["bands"] == list(bands)
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            yield (table if same else banded(table, bands)).replace_schema_metadata()


def _from_texts(release: Path, bands: Bands) -> Iterator[pa.Table]:
    for name in sorted(_manifest(release)["files"]):
        try:
            for batch in pq.ParquetFile(release / name).iter_batches(_ROWS, columns=list(_COLUMNS)):
                yield sketch(pa.Table.from_batches([batch]), bands)
        except (OSError, KeyError, pa.ArrowException) as error:
            raise InputError(
                f"{_WANTED}: {release / name}: not readable ({error}); take the release again from where it came"
            ) from None


def _keep(tables: Iterator[pa.Table], folder: Path) -> None:
    """Write tables to files in a folder that is finished at the very end."""
    shutil.rmtree(folder, ignore_errors=True)
    files = []
    for number, table in enumerate(tables):
        files.append(folder / f"{number:05}.arrow")
        write_table(files[-1], table.combine_chunks())
    note_finished(folder, files)
