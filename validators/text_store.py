"""Texts by number, in a mapped Arrow file: compressed in blocks, so that a few of many millions are read without the rest."""

import json
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

_BLOCK = 64  # texts: they compress twice as well as one does, and take some 50 us to read
_CODEC = "zstd"
_SCHEMA = pa.schema([("texts", pa.large_binary()), ("size", pa.int64())])  # a JSON list, compressed; its size before


class TextStore:
    """Texts that a :class:`TextStoreWriter` wrote."""

    def __init__(self, path: Path) -> None:
        self._blocks = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        self._read = lru_cache(maxsize=1000)(self._block)

    def __getitem__(self, number: int) -> str:
        return self._read(number // _BLOCK)[number % _BLOCK]

    def _block(self, number: int) -> list[str]:
        size, held = self._blocks["size"][number].as_py(), self._blocks["texts"][number].as_buffer()
        texts: list[str] = json.loads(pa.Codec(_CODEC).decompress(held, size, asbytes=True))
        return texts


class TextStoreWriter:
    """Writes texts as they come; they are numbered from 0."""

    def __init__(self, path: Path) -> None:
        self._file = pa.ipc.new_file(path, _SCHEMA)
        self._texts: list[str] = []

    def add(self, texts: list[str]) -> None:
        """Take up some more. None may hold half a surrogate pair (:func:`pairsmith.factory.text.whole`)."""
        self._texts += texts
        full = len(self._texts) // _BLOCK * _BLOCK
        self._write(self._texts[:full])
        self._texts = self._texts[full:]

    def close(self) -> None:
        """Write what is left."""
        self._write(self._texts)
        self._file.close()

    def _write(self, texts: list[str]) -> None:
        blocks = [
            json.dumps(texts[start : start + _BLOCK], ensure_ascii=False).encode()
            for start in range(0, len(texts), _BLOCK)
        ]
        held = [pa.Codec(_CODEC).compress(block, asbytes=True) for block in blocks]
        self._file.write_batch(pa.record_batch([held, [len(block) for block in blocks]], schema=_SCHEMA))
