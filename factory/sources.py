"""Chooses passages of given documents: at most one a document, the same whatever the order of the documents.

Each document has a place in an endless queue of its source and language, the SHA-256 of (seed, source, id). The first ones
are used; asking for more only appends. Memory holds what is chosen, not what is read.
"""

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from pairsmith.factory.documents import Document, read_documents
from pairsmith.factory.errors import InputError, nearest
from pairsmith.factory.folder import RunFolder
from pairsmith.factory.hub import SCHEME, HubFiles, fetch, find_files, is_pattern, parse_hub_path
from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.passages import long_enough, passages
from pairsmith.factory.records import PASSAGES
from pairsmith.factory.spec import SourceSpec, Spec
from pairsmith.factory.text import fold, whole


@dataclass(frozen=True)
class SourceFiles:
    """The files of a source, by name, and how each comes to lie on this machine.

    ``name``: the source as rows name it; one of the Hub holds the commit that was read.
    """

    name: str
    files: dict[str, Callable[[], Path]]
    hub: HubFiles | None = None


def source_files(source: SourceSpec, folder: RunFolder, pinned: HubFiles | None = None) -> SourceFiles:
    """Where a source is read from: files of the run folder, or of a commit on the Hub (``pinned``: this one).

    Nothing is downloaded yet. Raises :class:`InputError` where there is no such file, or it lies outside of the folder.
    """
    if source.path.startswith(SCHEME):
        path = parse_hub_path(source.path)
        found = pinned or find_files(path)
        name = f"hf://datasets/{found.repository}@{found.commit}/{path.file}"
        return SourceFiles(name, {file: _fetcher(found, file) for file in found.names}, found)
    names = _matching(source.path, folder) if is_pattern(source.path) else [source.path]
    paths = {name: folder.inside(name, wanted_by="factory.yml: sources") for name in names}
    return SourceFiles(source.path, {name: _there(path) for name, path in paths.items()})


def _fetcher(found: HubFiles, file: str) -> Callable[[], Path]:
    return lambda: fetch(found, file)


def _there(path: Path) -> Callable[[], Path]:
    return lambda: path


def _matching(pattern: str, folder: RunFolder) -> list[str]:
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise InputError(
            f"factory.yml: sources: '{pattern}' leads out of the run folder {folder.path}; copy the files in"
        )
    names = sorted(path.relative_to(folder.path).as_posix() for path in folder.path.glob(pattern) if path.is_file())
    if not names:
        raise InputError(f"factory.yml: sources: no file matches '{pattern}' in {folder.path}; put the files there")
    return names


class Choice(NamedTuple):
    """``passages``: schema PASSAGES; ``documents``: usable ones by language; ``passed_over``: the others by reason."""

    passages: pa.Table
    documents: Counter[str]
    passed_over: Counter[str]


def choose_passages(
    spec: Spec,
    wanted: Mapping[str, int],
    files: Sequence[SourceFiles],
    progress: Callable[[int], object] = lambda _: None,
) -> Choice:
    """Up to ``wanted[language]`` passages of each source of ``spec`` for each language, in the order of their use.

    ``files``: those of each source, in their order. Passed over are documents in another language and those with fewer
    than ``least_words``; of documents with the same passage (folded) the first one in the queue stays. Raises
    :class:`InputError` where a file cannot be read, or a source holds nothing that can be used. ``progress`` hears of
    each document.
    """
    choice = Choice(PASSAGES.empty_table(), Counter(), Counter())
    for number, (source, place) in enumerate(zip(spec.sources, files, strict=True)):
        chooser = _Chooser(source, place.name, spec.seed, wanted)
        for identity, document in _documents(source, place):
            chooser.offer(identity, document)
            progress(1)
        chooser.check()
        choice.documents.update(chooser.documents)
        choice.passed_over.update(chooser.passed_over)
        choice = choice._replace(passages=pa.concat_tables([choice.passages, chooser.table(number)]))
    return choice


def _documents(source: SourceSpec, place: SourceFiles) -> Iterator[tuple[str, Document]]:
    """The documents of all files with what names them in the source: an id, or a number and, of several files, which."""
    numbered = source.id is None and is_pattern(source.path)
    for name, path in place.files.items():
        shown = f"hf://datasets/{place.hub.repository}/{name}" if place.hub else name
        for document in read_documents(path(), shown, source):
            yield (f"{name}:{document.id}" if numbered else document.id), document


class _Chooser:
    """Chooses among the documents of one source."""

    def __init__(self, source: SourceSpec, name: str, seed: int, wanted: Mapping[str, int]) -> None:
        self.documents: Counter[str] = Counter()
        self.passed_over: Counter[str] = Counter()
        self._source, self._name = source, name
        self._queue = f"{seed}\0{_unpinned(source.path)}\0"
        self._firsts = {code: _Firsts(count) for code, count in wanted.items()}
        self._other: str | None = None  # a language that is not wanted, for the message

    def offer(self, identity: str, document: Document) -> None:
        """Look at one more document."""
        text, language = document.text or "", document.language
        if language not in self._firsts:
            self.passed_over["other language"] += 1
            self._other = self._other or language
        elif whole(text) != text:
            self.passed_over["half a character"] += 1
        elif not long_enough(text, self._source.least_words):
            self.passed_over["too short"] += 1
        else:
            self.documents[language] += 1
            self._keep(identity, text, self._firsts[language])

    def _keep(self, identity: str, text: str, firsts: "_Firsts") -> None:
        key = hashlib.sha256((self._queue + identity).encode()).digest()
        place = int.from_bytes(key[:16], "big")
        if not firsts.wants(place):
            return  # most documents of a large source end here, before they are cut
        if parts := passages(text, self._source.words, self._source.least_words):
            passage = parts[int.from_bytes(key[16:24], "big") % len(parts)]
            firsts.add(place, f"{self._name}#{identity}", passage)

    def check(self) -> None:
        """Refuse a source without any use: something about it is not as its owner thinks."""
        if not self.documents:
            read = ", ".join(f"{count:,} {reason}" for reason, count in self.passed_over.items())
            hint = f", e.g. '{self._other[:40]}'{nearest(self._other, LANGUAGES)}" if self._other else ""
            raise InputError(
                f"{self._name}: holds no document that can be used (passed over: {read or 'none, it is empty'}{hint}); "
                "see 'languages' and this source's columns in factory.yml"
            )

    def table(self, number: int) -> pa.Table:
        """The chosen passages as PASSAGES, ``number`` being the place of the source in the spec."""
        lines = ((number, code, *line) for code in sorted(self._firsts) for line in self._firsts[code].in_order())
        columns = list(zip(*lines, strict=True)) or [()] * len(PASSAGES)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, PASSAGES, strict=True)]
        return pa.Table.from_arrays(arrays, schema=PASSAGES)


def _unpinned(path: str) -> str:
    """A path without its revision: another revision leaves the queue as it is."""
    if not path.startswith(SCHEME):
        return path
    known = parse_hub_path(path)
    return f"{SCHEME}datasets/{known.repository}/{known.file}"


class _Firsts:
    """The ``count`` documents with the smallest places, no two with the same passage, whatever the order they come in."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._known: dict[bytes, tuple[int, str, str]] = {}  # digest of the passage -> place, document, passage
        self._heap: list[tuple[int, bytes]] = []  # largest place first; an entry of a passage that moved up is stale

    def wants(self, place: int) -> bool:
        """Whether a document at this place could be among the first."""
        return len(self._known) < self._count or (self._count > 0 and place << 64 <= self._last()[0])

    def add(self, place: int, document: str, passage: str) -> None:
        """Take the document in, and let go of the last one where there are too many."""
        text = hashlib.sha256(fold(passage).encode()).digest()
        entry = (place << 64 | int.from_bytes(text[:8], "big"), document, passage)  # of documents with one id, too
        if text in self._known and self._known[text] <= entry:
            return
        self._known[text] = entry
        heapq.heappush(self._heap, (-entry[0], text))
        if len(self._known) > self._count:
            del self._known[self._last()[1]]

    def in_order(self) -> Iterable[tuple[str, str]]:
        """(document, passage), the first of the queue first."""
        return [entry[1:] for entry in sorted(self._known.values())]

    def _last(self) -> tuple[int, bytes]:
        while True:
            place, text = self._heap[0]
            if text in self._known and self._known[text][0] == -place:
                return -place, text
            heapq.heappop(self._heap)
