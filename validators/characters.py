"""Many texts as one array of code points, and what kinds of characters those are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import regex

from pairsmith.validators import compiled

CODES = 0x110000
ASSIGNED = 0x40000  # no letter, number or space has a higher code point
_TAGS = (0xE0000, 0xE1000)  # nor has anything else but these, format characters and marks,
_ALIKE = (
    (ASSIGNED, 0xE0000),
    (0xE1000, 0xF0000),
    (0xF0000, CODES),
)  # nothing is in the first two, private use in the last
_BLOCK = 256
_SLICE = 300  # texts at once: their arrays stay in the processor's cache, which makes work on them four times as fast

Offsets = npt.NDArray[np.int64]


class Characters(NamedTuple):
    """Code points of some texts end to end, a line break after each: text ``i`` is ``codes[starts[i]:starts[i + 1] - 1]``."""

    codes: npt.NDArray[np.uint32]
    starts: Offsets  # one more than there are texts

    def texts_at(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The text in which each place lies."""
        return np.searchsorted(self.starts, places, side="right") - 1

    def at(self, places: npt.NDArray[np.int64]) -> "Characters":
        """Some of the texts, in the order in which they are named."""
        limits = zip(self.starts[places].tolist(), self.starts[places + 1].tolist(), strict=True)
        codes = np.concatenate([self.codes[:0], *(self.codes[start:end] for start, end in limits)])
        return Characters(codes, np.concatenate(([0], np.cumsum(np.diff(self.starts)[places]))))


def characters(texts: Sequence[str]) -> Characters:
    """The code points of ``texts``."""
    joined = "\n".join([*texts, ""])
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    return Characters(codes, np.concatenate(([0], np.cumsum(lengths + 1))))


def strings(texts: Characters) -> list[str]:
    """The texts of which these are the code points."""
    joined, places = texts.codes.tobytes().decode("utf-32-le", "surrogatepass"), texts.starts.tolist()
    return [joined[start : end - 1] for start, end in pairwise(places)]


def few(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """The texts, a few hundred at a time; at least once."""
    return (texts[start : start + _SLICE] for start in range(0, max(len(texts), 1), _SLICE))


def slices(texts: Sequence[str]) -> Iterator[Characters]:
    """The code points of ``texts``, a few hundred texts at a time; at least one slice."""
    return map(characters, few(texts))


def decoded(texts: pa.Array | pa.ChunkedArray) -> Iterator[Characters]:
    """As :func:`slices`, of texts in Arrow's memory: no Python string is made of them."""
    return map(_decoded, few(pa.chunked_array(texts).cast(pa.large_string()).combine_chunks()))


def _decoded(texts: pa.LargeStringArray) -> Characters:
    fast = compiled.kernels()
    if not fast:
        return characters(texts.to_pylist())
    _, offsets, data = texts.buffers()
    limits = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return Characters(*fast.decode(np.frombuffer(data, np.uint8), limits))


def kind_table(patterns: Mapping[int, str], dtype: type[np.unsignedinteger[Any]]) -> npt.NDArray[Any]:
    """For each code point the bits of the patterns (of single characters, see ``regex`` version 1) that it matches.

    Code points of a stretch that Unicode leaves empty or for private use (:data:`_ALIKE`) are taken to match alike.
    """
    looked_at = every() + "".join(map(chr, [*(start for start, _ in _ALIKE), *range(*_TAGS)]))
    found = np.zeros(len(looked_at), dtype)
    for bit, pattern in patterns.items():
        for run in regex.finditer(rf"(?V1)(?:{pattern})+", looked_at):
            found[run.start() : run.end()] |= dtype(bit)
    table = np.empty(CODES, dtype)
    table[:ASSIGNED] = found[:ASSIGNED]
    for (start, end), value in zip(_ALIKE, found[ASSIGNED:], strict=False):
        table[start:end] = value
    table[slice(*_TAGS)] = found[ASSIGNED + len(_ALIKE) :]
    return table


@cache
def every() -> str:
    """All characters below :data:`ASSIGNED`."""
    return "".join(map(chr, range(ASSIGNED)))


def changed(read: Callable[[str], str]) -> dict[int, str]:
    """The code points of characters that ``read``, a folding or normalization, makes another of, and what it makes."""
    found: dict[int, str] = {}
    for start in range(0, ASSIGNED, _BLOCK):
        block = every()[start : start + _BLOCK]
        if read(block) != block:
            found |= {place: one for place, char in enumerate(block, start) if (one := read(char)) != char}
    return found
