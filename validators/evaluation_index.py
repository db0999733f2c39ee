"""The evaluation texts of a run by what they share with others: built once, kept beside the run, mapped by every process.

For each entry (an evaluation text, numbered in the order of the files) there are hashes of the whole text, of its runs of
``ngram`` tokens (of equal runs only the first entry's), of its opening, and of so many of its 3-grams that no near text can
have none of them: of a text with ``n`` 3-grams of which ``least * n`` must be shared, all but the ``least * n - 1`` most
common ones. What the hashes propose is decided on the texts, which are kept too.
"""

import fcntl
import hashlib
import json
import shutil
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import regex

from pairsmith.factory.folder import file_digest
from pairsmith.factory.spec import ContaminationSpec
from pairsmith.factory.text import excerpt, tokens, whole
from pairsmith.validators.characters import slices
from pairsmith.validators.evaluation import evaluation_texts
from pairsmith.validators.folding import folded
from pairsmith.validators.overlap import EDITED_WORDS, INSIDE, ROUNDING, SCALES, SHINGLE, WHOLE, least_overlap, scales
from pairsmith.validators.postings import Postings, PostingsWriter, mapped
from pairsmith.validators.segments import Segments, places
from pairsmith.validators.text_store import TextStore, TextStoreWriter
from pairsmith.validators.tokens import HASHING, Hashes, Tokens

FORMAT = 2  # of the files
FOLDER = ".evaluation"  # in the run folder
MANIFEST = "manifest.json"
SLICE = 1000  # texts at a time: their arrays stay in the processor's cache
_SLICE_CHARACTERS = 1_000_000
_SLOTS = 22  # bits: the counters of 3-grams, which tell common from rare

Files = list[tuple[str, Path]]
Progress = Callable[[int], object]  # evaluation texts read since the last call


class Entries(NamedTuple):
    """Of each entry the hash of the whole text, its numbers of tokens and 3-grams, whether a light edit is looked for."""

    whole: Hashes
    tokens: npt.NDArray[np.uint32]
    grams: npt.NDArray[np.uint32]
    editable: npt.NDArray[np.bool_]


class EvaluationIndex:
    """A finished index. ``OSError``, ``ValueError`` or ``KeyError`` where there is none, or one that is damaged."""

    def __init__(self, folder: Path) -> None:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        for name, digest in manifest["digests"].items():
            if file_digest(folder / name) != digest:
                raise ValueError(f"{folder / name} is damaged")
        self.scales: list[int] = manifest["scales"]
        """Tokens for a word in the scripts of the entries."""
        self.spaced: set[int] = set(manifest["spaced"])
        """Those of entries a run of which is in scripts with spaces alone."""
        self.entries = Entries(*(mapped(folder / f"{name}.npy") for name in Entries._fields))
        self.exact, self.openings, self.grams = (Postings(folder, name) for name in ("exact", "openings", "grams"))
        self._files: list[tuple[str, int]] = manifest["files"]
        self._texts = TextStore(folder / "texts.arrow")
        self.units = lru_cache(maxsize=10_000)(lambda entry: tokens(self._texts[entry]))
        """The tokens of an entry."""

    def shown(self, entry: int) -> str:
        """File and excerpt of an evaluation text."""
        place = bisect_right(self._files, entry, key=lambda file: file[1]) - 1
        return f"{self._files[place][0]}: {excerpt(self._texts[entry])}"


def open_index(spec: ContaminationSpec, files: Files, folder: Path, progress: Progress) -> EvaluationIndex:
    """The index of evaluation ``files`` (names and paths), made in the run ``folder`` unless it is there and sound.

    Processes that want it at once wait for the one that makes it. Indexes of other files or settings are removed.
    """
    home = folder / FOLDER
    place = home / _key(spec, files)
    with _alone(home):
        try:
            return EvaluationIndex(place)
        except (OSError, ValueError, KeyError, TypeError):
            for old in home.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
        part = home / f".{place.name}.part"
        part.mkdir()
        try:
            _build(spec, files, part, progress)
            part.rename(place)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return EvaluationIndex(place)


def omitted(grams: npt.NDArray[Any], least: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """How many of an entry's 3-grams the index may leave out where ``least`` of them must be shared."""
    needed: npt.NDArray[np.int64] = np.ceil(least * grams - ROUNDING).astype(np.int64)
    return np.maximum(needed, 1) - 1


def distinct_grams(segments: Segments, among: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], Hashes]:
    """The different 3-grams of the texts ``among``: of which text, and the leading 50 bits of the hash."""
    heads = segments.heads(SHINGLE, among)
    hashes, text = segments.rolling(SHINGLE)[heads], segments.text[heads]
    packed = np.sort((text.astype(np.uint64) << np.uint64(50)) | (hashes >> np.uint64(14)))
    packed = packed[np.concatenate((np.ones(min(len(packed), 1), np.bool_), packed[1:] != packed[:-1]))]
    return (packed >> np.uint64(50)).astype(np.int64), packed << np.uint64(14)


def _key(spec: ContaminationSpec, files: Files) -> str:
    """A digest of all that decides what the index holds."""
    versions = [FORMAT, HASHING, unicodedata.unidata_version, regex.__version__]
    said = [
        versions,
        spec.ngram,
        spec.overlap,
        spec.minimum_tokens,
        [(name, file_digest(path)) for name, path in files],
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """No other process works in ``home`` meanwhile."""
    home.mkdir(exist_ok=True)
    with (home / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(spec: ContaminationSpec, files: Files, folder: Path, progress: Progress) -> None:
    writer = _Writer(spec, folder)
    for name, path in files:
        writer.begin(name)
        for texts in _slices(evaluation_texts(path)):
            writer.add([whole(text) for text in texts])
            progress(len(texts))
    writer.finish()


def _slices(texts: Iterable[str]) -> Iterator[list[str]]:
    held: list[str] = []
    size = 0
    for text in texts:
        held.append(text)
        size += len(text)
        if len(held) == SLICE or size > _SLICE_CHARACTERS:
            yield held
            held, size = [], 0
    if held:
        yield held


class _Writer:
    """Takes up evaluation texts, a slice at a time, and writes the files of the index."""

    def __init__(self, spec: ContaminationSpec, folder: Path) -> None:
        self._spec, self._folder = spec, folder
        self._exact = PostingsWriter(folder, "exact", np.uint16, first_only=True)
        self._openings = PostingsWriter(folder, "openings", np.uint16, first_only=False)
        self._grams = PostingsWriter(folder, "grams", np.uint8, first_only=False)
        self._texts = TextStoreWriter(folder / "texts.arrow")
        self._entries: list[Entries] = []
        self._seen = np.empty(0, np.uint64)  # hashes of whole texts, sorted
        self._counts = np.zeros(1 << _SLOTS, np.uint32)
        self._scales: set[int] = set()
        self._spaced: set[int] = set()
        self._files: list[tuple[str, int]] = []
        self._size = 0

    def begin(self, file: str) -> None:
        """What comes next stands in ``file``."""
        self._files.append((file, self._size))

    def add(self, texts: list[str]) -> None:
        """Take up evaluation texts, but none a second time, and none too short to tell anything."""
        cut = Tokens(map(folded, slices(texts)))
        segments = Segments(cut, 0, len(texts))
        new = self._new(segments.whole(), cut.words)
        numbers = np.zeros(len(texts), np.int64)
        numbers[new] = np.arange(self._size, self._size + len(new))
        self._size += len(new)
        telling = np.zeros(len(texts), np.bool_)  # the others count as whole fields only
        telling[new] = cut.words[new] >= self._spec.minimum_tokens
        self._exact.add(segments.whole()[new], numbers[new])
        self._add_runs(segments, telling, cut, numbers)
        editable = cut.words >= EDITED_WORDS
        grams = self._add_grams(segments, telling, editable, numbers).astype(np.uint32)
        sizes = segments.counts.astype(np.uint32)
        self._entries.append(Entries(segments.whole()[new], sizes[new], grams[new], editable[new]))
        self._texts.add([texts[place] for place in new.tolist()])

    def _new(self, hashes: Hashes, words: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Places of the texts to take up. By hash: that one is taken for another has odds of 1 in 10^6 for 5 million."""
        distinct, first = np.unique(hashes, return_index=True)
        place = np.searchsorted(self._seen, distinct)
        known = np.zeros(len(distinct), np.bool_)
        inside = place < len(self._seen)
        known[inside] = self._seen[place[inside]] == distinct[inside]
        fresh = ~known & (words[first] >= max(self._spec.minimum_tokens - WHOLE, 1))
        self._seen = np.insert(self._seen, place[fresh], distinct[fresh])
        return np.sort(first[fresh])

    def _add_runs(
        self, segments: Segments, telling: npt.NDArray[np.bool_], cut: Tokens, numbers: npt.NDArray[np.int64]
    ) -> None:
        scale = scales(segments.counts, cut.words)
        unspaced = np.concatenate(([0], np.cumsum(cut.unspaced)))
        for each in SCALES:
            these, size = telling & (scale == each), self._spec.ngram * each
            if not these.any():
                continue
            self._scales.add(each)
            heads = segments.heads(size, these)
            if (unspaced[heads] == unspaced[heads + size]).any():
                self._spaced.add(each)
            self._exact.add(segments.rolling(size)[heads], numbers[segments.text[heads]])
            opened = np.flatnonzero(these & (cut.words >= INSIDE) & (segments.counts >= INSIDE * each))
            openings = segments.of(segments.starts[opened], np.full(len(opened), INSIDE * each))
            self._openings.add(openings, numbers[opened])

    def _add_grams(
        self,
        segments: Segments,
        telling: npt.NDArray[np.bool_],
        editable: npt.NDArray[np.bool_],
        numbers: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.int64]:
        """Take up the rarest 3-grams of each text; how many it has in all."""
        text, keys = distinct_grams(segments, telling)
        slots = keys >> np.uint64(64 - _SLOTS)
        np.add.at(self._counts, slots, 1)
        counts = np.bincount(text, minlength=len(numbers))
        rarest = np.lexsort((self._counts[slots], text))
        wanted = counts - omitted(counts, least_overlap(self._spec, editable))
        kept = np.sort(rarest[places(counts) < wanted[text]])
        self._grams.add(keys[kept], numbers[text[kept]])
        return counts

    def finish(self) -> None:
        """Write what is left, and last the manifest: by its digests a reader knows that the index is whole."""
        self._texts.close()
        for name, column in zip(Entries._fields, zip(*self._entries, strict=True), strict=True):
            np.save(self._folder / f"{name}.npy", np.concatenate(column))
        for postings in (self._exact, self._openings, self._grams):
            postings.finish()
        digests = {path.name: file_digest(path) for path in sorted(self._folder.iterdir())}
        scales = {"scales": sorted(self._scales), "spaced": sorted(self._spaced)}
        manifest = {"files": self._files, **scales, "digests": digests}
        (self._folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
