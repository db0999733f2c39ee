"""Texts of a file become vectors, with any model in sentence-transformers' format: those that training exports among them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from glob import escape
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pairsmith.embedder import load_embedder
from pairsmith.factory.errors import InputError, RunError
from pairsmith.factory.extras import TRAINS, need_extra
from pairsmith.factory.folder import written_whole
from pairsmith.factory.json_lines import json_lines
from pairsmith.factory.pairs import reads_as
from pairsmith.factory.tables import TableFile, new_table
from pairsmith.progress import bar, note
from pairsmith.trainer.data import instruct
from pairsmith.trainer.vectors import Quantised, quantise, unit

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

READ = (".txt", ".jsonl", ".parquet")
WRITTEN = (".npy", ".parquet")

_AT_ONCE = 8_192
"""Texts in memory: some 100 MB of vectors of 4,096 dimensions; texts of like length among them run together."""

_BATCH = 32  # texts that run together at first; sentence-transformers' own number
_COLUMN = "text"
_TEXTS = pa.schema([pa.field(_COLUMN, pa.string())])


def embed_file(
    source: Path,
    model: str,
    out: Path,
    instruction: str | None = None,
    dimensions: int | None = None,
    kind: Quantised | None = None,
) -> dict[str, Any]:
    """Write a vector for each text of ``source`` to ``out``, in their order: of unit length, or as ``kind`` of integers.

    ``instruction``: where the texts are queries. ``dimensions``: the leading ones only. Raises :class:`InputError` where a file
    or the model can't be used, :class:`RunError` where the extra ``train`` is missing; ``out`` appears whole or not at all.
    """
    if source.suffix not in READ:
        raise InputError(f"{source}: name a file of texts that ends in {', '.join(READ)}")
    if out.suffix not in WRITTEN:
        raise InputError(f"{out}: the vectors go to a file that ends in {' or '.join(WRITTEN)}")
    if out.exists() and source.exists() and out.samefile(source):
        raise InputError(f"{out}: the vectors would take the place of the texts; name another file")
    need_extra("train", "to embed", *TRAINS)
    count = sum(1 for _ in _texts(source))
    if not count:
        raise InputError(f"{source}: no texts in it")
    loaded = load_embedder(model)
    width = int(loaded.get_embedding_dimension() or 0)
    if dimensions is not None and not 1 <= dimensions <= width:
        raise InputError(f"--dimensions {dimensions}: {model} makes vectors of {width}")
    prompt = instruct(instruction, "") if instruction else ""
    for left in out.parent.glob(f".{escape(out.name)}.*.part"):  # by a process that was killed while it wrote
        left.unlink(missing_ok=True)
    vectors = _vectors(loaded, source, count, prompt, dimensions, kind)
    (_write_array if out.suffix == ".npy" else _write_table)(out, count, dimensions or width, kind, vectors)
    return {"out": str(out), "texts": count, "dimensions": dimensions or width, "type": _entries(kind).name}


def _entries(kind: Quantised | None) -> np.dtype[Any]:
    return np.dtype({"int8": np.int8, "binary": np.uint8, None: np.float32}[kind])


def _columns(dimensions: int, kind: Quantised | None) -> int:
    return -(-dimensions // 8) if kind == "binary" else dimensions


def _vectors(
    model: "SentenceTransformer", source: Path, count: int, prompt: str, dimensions: int | None, kind: Quantised | None
) -> Iterator[tuple[list[str], np.ndarray]]:
    """``count`` texts and their vectors, portion by portion."""
    batch, done = _BATCH, 0
    with bar("embed", count, "text") as shown:
        for texts in _portions(_texts(source)):
            done += len(texts)
            if done > count:
                break
            found, batch = _encoded(model, texts, prompt, batch)
            made = unit(found, dimensions)
            yield texts, quantise(made, kind) if kind else made
            shown.update(len(texts))
    if done != count:
        raise RunError(f"{source}: was changed while it was read; nothing was written: run again when it is whole")


def _encoded(model: "SentenceTransformer", texts: list[str], prompt: str, batch: int) -> tuple[np.ndarray, int]:
    """The vectors, and how many texts run together from now on: half as many each time that memory runs out."""
    from pairsmith.trainer.step import out_of_memory

    while True:
        try:
            return model.encode(texts, prompt=prompt, batch_size=batch, show_progress_bar=False), batch
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
        if batch == 1:
            raise RunError("out of memory with a single text; split long texts, or take a machine with more memory")
        batch //= 2
        note(f"out of memory: {batch} texts at a time from here on")


def _write_array(
    path: Path, count: int, dimensions: int, kind: Quantised | None, vectors: Iterator[tuple[list[str], np.ndarray]]
) -> None:
    with written_whole(path) as beside:
        array = np.lib.format.open_memmap(beside, "w+", _entries(kind), (count, _columns(dimensions, kind)))
        start = 0
        for _, made in vectors:
            array[start : start + len(made)] = made
            start += len(made)
        array.flush()


def _write_table(
    path: Path, _: int, dimensions: int, kind: Quantised | None, vectors: Iterator[tuple[list[str], np.ndarray]]
) -> None:
    """The columns ``text`` and ``embedding``."""
    entries = pa.list_(pa.from_numpy_dtype(_entries(kind)), _columns(dimensions, kind))
    schema = _TEXTS.append(pa.field("embedding", entries, nullable=False))
    with new_table(path, schema) as table:
        for texts, made in vectors:
            column = pa.FixedSizeListArray.from_arrays(pa.array(made.reshape(-1)), type=entries)
            table.write(pa.table([pa.array(texts, pa.string()), column], schema))


def _portions(texts: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(texts)
    while portion := list(islice(rest, _AT_ONCE)):
        yield portion


def _texts(path: Path) -> Iterator[str]:
    """A text a line, an object a line with ``text``, or the column ``text``."""
    if path.suffix == ".parquet":
        for rows in _table(path).batches():
            if rows[_COLUMN].null_count:
                raise InputError(f"{path}: the column '{_COLUMN}' has rows without a text; leave them out")
            yield from rows[_COLUMN].to_pylist()
    elif path.suffix == ".jsonl":
        for place, record in json_lines(path, "correct it, or leave it out"):
            if isinstance(record, InputError):
                raise record
            yield _text(place, record)
    else:
        try:
            with path.open(encoding="utf-8-sig", newline="\n") as file:
                for line in file:
                    yield line.rstrip("\r\n")
        except (OSError, UnicodeError) as error:
            raise InputError(f"{path}: cannot be read as UTF-8 text ({error})") from None


def _table(path: Path) -> TableFile:
    """With the column as the file has it: strings of any Arrow type."""
    table = TableFile(path, _TEXTS, f"give a file with a column '{_COLUMN}'")
    found = table.columns()
    if _COLUMN in found.names and reads_as(kind := found.field(_COLUMN).type, pa.string()):
        return replace(table, schema=pa.schema([pa.field(_COLUMN, kind)]))
    return table


def _text(place: str, record: dict[str, Any]) -> str:
    text = record.get(_COLUMN)
    if not isinstance(text, str):
        raise InputError(f'{place}: no text in \'{_COLUMN}\'; each line is an object such as {{"{_COLUMN}": "..."}}')
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InputError(f"{place}: its text holds half a character (a lone surrogate); correct it")
    return text
