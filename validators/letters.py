"""What kind of character stands where in many texts: one pass over their code points, no Python object a character.

Counts of letters over whole texts and over spans are differences of running sums. The classes are those of
:mod:`pairsmith.validators.detect` and of the patterns in :mod:`pairsmith.validators.prose`, taken from them for each code
point once in a process.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
import regex

from pairsmith.factory.languages import LANGUAGES
from pairsmith.validators import detect
from pairsmith.validators.characters import ASSIGNED, CODES, Offsets, characters, every, kind_table
from pairsmith.validators.prose import CLAUSE_SIGNS, ENDERS, STOPS

Bits = npt.NDArray[np.uint16]
Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]
Places = npt.NDArray[np.int64]

SPACE, BREAK, STOP, ENDER, CLAUSE_SIGN, GOES_ON = 1, 2, 4, 8, 16, 32
CAPITAL, LETTER, NOT_TEXT, MARK, MAY_VISIT = 64, 128, 256, 512, 1024
_PATTERNS = {
    SPACE: r"\s",
    BREAK: r"\n",
    STOP: f"[{STOPS}]",
    ENDER: f"[{ENDERS}]",
    CLAUSE_SIGN: f"[{CLAUSE_SIGNS}]",
    GOES_ON: r"[\p{Ll}\p{N}(,;]",
    NOT_TEXT: detect.NOT_TEXT.pattern,
    MARK: r"\p{M}",
    MAY_VISIT: r"[\p{L}\p{Script=Latin}]",
}
_OTHER, _COMMON = len(detect.SCRIPTS), len(detect.SCRIPTS) + 1  # numbers of scripts beside those that have a name here
HALVES = 2  # extents are kept in halves of a letter, since a Hangul letter stands for two and a half


class Letters:
    """Texts end to end with a line break after each. Arrays have one entry a character; ``starts`` one a text and one more."""

    def __init__(self, texts: Sequence[str], languages: Sequence[str]) -> None:
        """``languages``: the one that is claimed for each text."""
        self.texts = texts
        self.languages = languages
        self.codes, self.starts = characters(texts)

    def instead(self, texts: Sequence[str]) -> "Letters":
        """The same for other texts; itself where nothing has changed."""
        return self if all(map(str.__eq__, self.texts, texts)) else Letters(texts, self.languages)

    @cached_property
    def string(self) -> str:
        """The texts as one string."""
        return "\n".join([*self.texts, ""])

    @cached_property
    def kinds(self) -> Bits:
        """Bits of the classes that a character belongs to."""
        return _kinds()[self.codes]

    @cached_property
    def scripts(self) -> npt.NDArray[np.uint8]:
        """Number of its Unicode script."""
        return _scripts()[self.codes]

    @cached_property
    def halves(self) -> npt.NDArray[np.uint8]:
        """Twice what it adds to :func:`detect.extent`: 0 where it is no letter, or one that scripts share."""
        return _extents()[self.codes]

    @cached_property
    def letters(self) -> Flags:
        """Whether it is a letter that counts in :func:`detect.scripts`."""
        return self.halves > 0

    @cached_property
    def own(self) -> Flags:
        """Whether it is of a script of the language claimed for its text."""
        return self._of_language(_own())

    @cached_property
    def own_letters(self) -> Counts:
        """Letters of each text in the scripts of its language."""
        return self.sums(self.own & self.letters)

    @cached_property
    def lengths(self) -> Offsets:
        """Letters of each text, the line break included."""
        return np.diff(self.starts)

    @cached_property
    def extents(self) -> npt.NDArray[np.float64]:
        """:func:`detect.extent` of each text."""
        return self.sums(self.halves) / HALVES

    @cached_property
    def normal(self) -> list[bool]:
        """Whether each text is composed (NFC) as detectors get it, so that counts of its characters are those of theirs."""
        return [unicodedata.is_normalized("NFC", text) for text in self.texts]

    def text_of(self, places: Places) -> Places:
        """Number of the text in which a place is."""
        return np.searchsorted(self.starts, places, "right") - 1

    def sums(self, values: npt.NDArray[np.uint8] | Flags) -> Counts:
        """Sum of ``values`` (one a character) over each text."""
        if not len(self.texts):
            return np.zeros(0, np.int64)
        return np.add.reduceat(values, self.starts[:-1], dtype=np.int64)

    def has(self, bit: int) -> Flags:
        """Which characters belong to a class."""
        return (self.kinds & np.uint16(bit)).astype(np.bool_)

    def visiting(self) -> Flags:
        """Which characters are words from other scripts: Latin letters in a claim that is not, and the reverse."""
        found = self._of_language(_guests()) & self.has(MAY_VISIT)
        marks = np.flatnonzero(self.has(MARK) & ~found)  # they go with their letter
        first = np.diff(marks, prepend=-1) > 1
        lengths = np.diff(np.flatnonzero(first), append=len(marks))
        found[marks[np.cumsum(first) > 0]] = np.repeat(found[marks[first] - 1], lengths)
        return found

    def _of_language(self, table: npt.NDArray[np.bool_]) -> Flags:
        number = np.array([_number()[language] for language in self.languages], np.int32) * table.shape[1]
        return table.reshape(-1)[np.repeat(number, self.lengths) + self.scripts]


def running(values: npt.NDArray[np.uint8] | Flags) -> npt.NDArray[np.int32]:
    """Running sums, one entry more than values: ``sums[end] - sums[start]`` is the sum over a span."""
    found = np.zeros(len(values) + 1, np.int32)
    np.cumsum(values, out=found[1:])
    return found


def cleared(codes: npt.NDArray[np.uint32], out: Flags) -> str:
    """The string of code points, with a space for each that is ``out``."""
    return np.where(out, np.uint32(ord(" ")), codes).tobytes().decode("utf-32-le", "surrogatepass")


class Cleared:
    """Texts end to end as detectors get them: one space for each run of characters that are ``out``, digits and the like."""

    def __init__(self, texts: Letters, out: Flags) -> None:
        kept = ~out
        kept[1:] |= ~out[:-1]
        self._line = cleared(texts.codes[kept], out[kept])
        self._place = running(kept)

    def bare(self, starts: Places, ends: Places, shouted: Flags) -> Iterator[str]:
        """:func:`detect.bare` of spans of composed (NFC) texts. ``shouted``: of which most letters are capitals."""
        spans = zip(self._place[starts].tolist(), self._place[ends].tolist(), shouted.tolist(), strict=True)
        for start, end, loud in spans:
            line = self._line[start:end].strip()
            if len(line) > detect.SHOUTED:
                yield detect.quiet(line)  # by its beginning only
            else:
                yield line.lower() if loud else line


@cache
def _kinds() -> Bits:
    kinds = kind_table(_PATTERNS, np.uint16)
    text = kinds & NOT_TEXT == 0
    for bit, belongs in ((CAPITAL, str.isupper), (LETTER, str.isalpha)):
        named = np.fromiter(map(belongs, every()), np.bool_, ASSIGNED)
        kinds[:ASSIGNED][named & text[:ASSIGNED]] |= bit
    return kinds


@cache
def _scripts() -> npt.NDArray[np.uint8]:
    scripts = np.full(CODES, _OTHER, np.uint8)
    for number, name in (*enumerate(detect.SCRIPTS), (_COMMON, "Common"), (_COMMON, "Inherited")):
        for run in regex.finditer(rf"\p{{Script={name}}}+", every()):
            scripts[run.start() : run.end()] = number
    return scripts


@cache
def _extents() -> npt.NDArray[np.uint8]:
    weights = [detect.DENSE.get(name, 1.0) * HALVES for name in detect.SCRIPTS]
    of_script = np.array([*weights, HALVES, 0], np.uint8)
    return np.where(_kinds() & LETTER > 0, of_script[_scripts()], 0).astype(np.uint8)


@cache
def _number() -> dict[str, int]:
    return {language: number for number, language in enumerate(LANGUAGES)}


@cache
def _own() -> npt.NDArray[np.bool_]:
    """For each language and script, whether the language is written in it."""
    own = np.zeros((len(LANGUAGES), _COMMON + 1), np.bool_)
    for number, language in enumerate(LANGUAGES.values()):
        own[number, [detect.SCRIPTS.index(name) for name in language.scripts]] = True
    return own


@cache
def _guests() -> npt.NDArray[np.bool_]:
    """For each language and script, whether its letters are guests: Latin ones in other scripts, and the reverse."""
    latin = _own()[:, :1]
    guests = np.where(latin, ~_own(), np.arange(_COMMON + 1) == 0)
    guests[:, _COMMON] = False
    return guests
