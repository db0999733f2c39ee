"""Which phrases may stand in which of many texts: all their needles are looked for at once.

Each needle (see :func:`pairsmith.factory.lexicon.needles`) is known by one run of its characters, of four where it is that
long. One look at each place of the texts, in a table of all those runs, leaves the few places at which a needle may stand;
there it is compared character by character. A phrase is searched for only in texts in which one of its needles stands.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pairsmith.factory.lexicon import Phrases
from pairsmith.validators import compiled
from pairsmith.validators.characters import Characters

Flags = npt.NDArray[np.bool_]
Masks = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]

_SIZES = (4, 3, 2, 1)  # characters of the runs by which needles are known
_BITS = 18  # of a table's index: two megabytes, which the processor's cache holds
_FACTORS = np.array([0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F], np.uint32)  # primes of 32 bits, as of xxHash


class Sought(NamedTuple):
    """Phrases of one kind, looked for in texts of one language; in all texts where that is None."""

    kind: str
    language: str | None
    phrases: Phrases


class _Entry(NamedTuple):
    needle: str
    language: int
    kind: int


class Spotter:
    """Looks for many phrases in many texts."""

    def __init__(self, sought: Sequence[Sought]) -> None:
        self.kinds = {name: number for number, name in enumerate(dict.fromkeys(one.kind for one in sought))}
        self.languages = {
            code: number for number, code in enumerate(dict.fromkeys([None, *(s.language for s in sought)]))
        }
        self._always = np.zeros((len(self.languages), len(self.kinds)), np.bool_)
        entries: dict[_Entry, None] = {}
        for kind, language, phrases in sought:
            place = self.languages[language], self.kinds[kind]
            self._always[place] |= phrases.needles is None
            entries |= dict.fromkeys(_Entry(needle, *place) for needle in phrases.needles or ())
        sizes: defaultdict[int, list[_Entry]] = defaultdict(list)
        for entry in entries:
            sizes[next(size for size in _SIZES if size <= len(entry.needle))].append(entry)
        self._tables = [_Table(size, found) for size, found in sizes.items()]

    def spot(self, chars: Characters, languages: npt.NDArray[np.int64]) -> Flags:
        """Whether a phrase of each kind (column) may stand in each text (row): surely not where False.

        ``languages``: two of each text, numbers from :attr:`languages`; ``chars``: the texts as the phrases want them, plain.
        """
        found = self._always[languages].any(axis=1) | self._always[0]
        masks = np.bitwise_or.reduce(_mask(languages), axis=1) | _mask(0)
        if fast := compiled.kernels():
            for table in self._tables:
                table.mark(fast.spotted, chars, languages, masks, found)
            return np.asarray(found)
        wanted = np.repeat(masks, np.diff(chars.starts))
        for table in self._tables:
            texts, kinds = table.found(chars, languages, wanted)
            found[texts, kinds] = True
        return np.asarray(found)


class _Table:
    """Needles that are known by runs of one size."""

    def __init__(self, size: int, entries: Sequence[_Entry]) -> None:
        self._size = size
        runs = Counter(run for needle in {entry.needle for entry in entries} for run in _runs(needle, size))
        rarest = [min(_runs(entry.needle, size), key=runs.__getitem__) for entry in entries]
        offsets = [entry.needle.index(run) for entry, run in zip(entries, rarest, strict=True)]
        buckets = _buckets(_codes(rarest).reshape(-1, size).T)
        order = np.argsort(buckets, kind="stable")
        self._first = np.searchsorted(buckets[order], np.arange((1 << _BITS) + 1))
        self._lengths = np.array([len(entry.needle) for entry in entries])[order]
        self._offsets = np.array(offsets)[order]
        self._languages = np.array([entry.language for entry in entries])[order]
        self._kinds = np.array([entry.kind for entry in entries])[order]
        self._needles = np.zeros((int(self._lengths.max()), len(entries)), np.uint32)
        columns = np.repeat(np.arange(len(entries)), self._lengths)
        lines = np.arange(len(columns)) - np.repeat(np.cumsum(self._lengths) - self._lengths, self._lengths)
        self._needles[lines, columns] = _codes(entries[place].needle for place in order.tolist())
        self._masks = np.zeros(1 << _BITS, np.uint64)
        np.bitwise_or.at(self._masks, buckets[order], _mask(self._languages))
        self._used = self._masks > 0
        self._used_bits = np.packbits(self._used, bitorder="little")  # small enough for the processor's first cache

    def mark(
        self, spotted: Callable[..., None], chars: Characters, languages: Numbers, masks: Masks, found: Flags
    ) -> None:
        """Sets ``found`` (texts, kinds) where a needle stands, by :func:`pairsmith.validators.kernels.spotted`."""
        codes = np.concatenate((chars.codes, np.zeros(len(self._needles), np.uint32)))
        table = (
            self._used_bits,
            self._masks,
            self._first,
            self._lengths,
            self._offsets,
            self._languages,
            self._kinds,
            self._needles,
        )
        spotted(codes, chars.starts, languages, masks, table, _FACTORS[: self._size], 32 - _BITS, found)

    def found(self, chars: Characters, languages: Numbers, wanted: Masks) -> tuple[Numbers, Numbers]:
        """Texts and the kinds of the needles in them, in pairs; a pair may come twice. ``wanted``: of each character."""
        codes = np.concatenate((chars.codes, np.zeros(len(self._needles), np.uint32)))
        count = len(chars.codes)
        buckets = _buckets([codes[at : at + count] for at in range(self._size)])
        places = np.flatnonzero(self._used[buckets])
        places = places[self._masks[buckets[places]] & wanted[places] > 0]
        at, entries = self._candidates(buckets[places])
        places = places[at]
        texts = chars.texts_at(places)
        own = self._languages[entries]
        first, second = languages.T
        fits = np.flatnonzero((own == 0) | (own == first[texts]) | (own == second[texts]))
        texts, entries = texts[fits], entries[fits]
        starts = places[fits] - self._offsets[entries]
        same = self._same(codes, starts, entries)
        return texts[same], self._kinds[entries[same]]

    def _candidates(self, buckets: Numbers) -> tuple[Numbers, Numbers]:
        """Each position in ``buckets`` with each entry of that bucket."""
        counts = self._first[buckets + 1] - self._first[buckets]
        heads = np.repeat(self._first[buckets] - np.cumsum(counts) + counts, counts)
        return np.repeat(np.arange(len(buckets)), counts), heads + np.arange(len(heads))

    def _same(self, codes: npt.NDArray[np.uint32], starts: Numbers, entries: Numbers) -> Numbers:
        """Positions in ``entries`` whose needles stand in the texts, beginning at ``starts``."""
        alive = np.flatnonzero(starts >= 0)
        for at, row in enumerate(self._needles):
            here = entries[alive]
            alive = alive[(row[here] == codes[starts[alive] + at]) | (self._lengths[here] <= at)]
            if at >= self._lengths[entries[alive]].max(initial=0):
                break
        return alive


def _runs(needle: str, size: int) -> list[str]:
    return [needle[at : at + size] for at in range(len(needle) - size + 1)]


def _codes(texts: Iterable[str]) -> npt.NDArray[np.uint32]:
    """The code points of all texts, end to end."""
    return np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)


def _buckets(run: Iterable[npt.NDArray[np.uint32]]) -> Numbers:
    """The table's index of runs, whose first characters are ``run[0]``, and so on."""
    mixed = sum(np.asarray(codes, np.uint32) * factor for codes, factor in zip(run, _FACTORS, strict=False))
    return np.asarray(mixed >> np.uint32(32 - _BITS))


def _mask(languages: npt.ArrayLike) -> Masks:
    """One bit of 64 for each language; the first is that of all texts."""
    numbers = np.asarray(languages)
    bits = np.where(numbers == 0, 0, 1 + numbers % 63)
    return np.uint64(1) << bits.astype(np.uint64)
