"""Sentences of many languages, and texts made of them: no two alike, however many are drawn.

The sentences are those of the sound recordings and of the public texts in ``benchmarks/data``. A *phrase* is
spliced from pieces of several; a *passage* is a phrase and whole sentences after it. Numbers are drawn anew each time.
"""

import json
import lzma
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from pathlib import Path
from random import Random

import regex

from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.text import UNSPACED
from pairsmith.validators.length import words

DATA = Path(__file__).parent.parent / "data"
PUBLIC = ("udhr.jsonl.xz", "xquad.jsonl.xz")
LENGTH = range(25, 300)  # characters: shorter ones are headings, longer ones lists or unsplit paragraphs
POOR = 1000  # sentences: a language with fewer needs more splices for as many different phrases
OPENING = 15  # words that a passage begins with: one or two sentences alone would come again
OWN_SCRIPT = 0.9  # of the letters: names and units may be written in Latin
PIECE = 40  # characters of a clause, at least, where a script marks no end of a sentence

_END = regex.compile(r"(?<=[.!?;։።؟۔।॥])\s+|(?<=[。！？])|\n+")
_CLAUSED = regex.compile(r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_LETTER = regex.compile(r"\p{L}")
_UNSPACED = regex.compile(rf"[{UNSPACED}]")
_UNFIT = regex.compile(
    r"[\[\](){}<>«»“”„\"‹›「」『』（）|=_*#@/\\:：`~^%$€\uFFFD]|\d\.\d|Ã©"
)  # the last one is mojibake in XQuAD
_NUMBER = regex.compile(r"[0-9]+")

Text = tuple[str, str]
"""Language (ISO 639-1) and text."""


class Pool:
    """The sentences of one language, and texts of them that are decided by the ``random`` given."""

    def __init__(self, language: str, sentences: Iterable[str]) -> None:
        self.language = language
        self._sentences = sorted(set(sentences))
        joined = "".join(self._sentences)
        self._letterwise = len(_UNSPACED.findall(joined)) > len(joined) / 3
        self._between = "" if language in ("zh", "ja") else " "
        self._inside = "" if self._letterwise else " "
        self._units = [self.units(sentence) for sentence in self._sentences]
        self._words = [words(sentence, language) for sentence in self._sentences]
        self._numbered = [bool(_NUMBER.search(sentence)) for sentence in self._sentences]
        self._mean = sum(self._words) / len(self._words)
        self._per_word = sum(map(len, self._units)) / sum(self._words)

    def __len__(self) -> int:
        return len(self._sentences)

    @property
    def unspaced(self) -> bool:
        """Whether its words stand without spaces between them, so that a letter is a token."""
        return self._letterwise

    def units(self, text: str) -> list[str]:
        """What a phrase is spliced of and an edit replaces: words, or characters where words stand together."""
        return list(text) if self._letterwise else text.split(" ")

    def joined(self, units: Iterable[str]) -> str:
        """The text of these units."""
        return self._inside.join(units)

    def passage(self, random: Random, length: float) -> str:
        """About ``length`` words: a spliced opening, then whole sentences, none twice running."""
        chosen = [self.phrase(random, min(OPENING, length))]
        found, enough = float(OPENING), length - self._mean / 2
        last = -1
        while found < enough:
            place = int(random.random() * len(self._sentences))
            if place != last:
                chosen.append(self._sentence(random, place))
                found += self._words[place]
            last = place
        return self._between.join(chosen)

    def phrase(self, random: Random, length: float) -> str:
        """About ``length`` words, from pieces of two or three sentences."""
        count = max(round(length * self._per_word), 2)
        splices = min(3 if len(self) < POOR else 2, count)
        bounds = [count * part // splices for part in range(splices + 1)]
        text = self.joined(chain.from_iterable(self._piece(random, end - start) for start, end in pairwise(bounds)))
        return renumbered(text, random) if _NUMBER.search(text) else text

    def _piece(self, random: Random, count: int) -> list[str]:
        """``count`` units (fewer where a sentence is short) of a drawn sentence, from anywhere in it."""
        units = self._units[int(random.random() * len(self._units))]
        start = int(random.random() * (max(len(units) - count, 0) + 1))
        return units[start : start + count]

    def _sentence(self, random: Random, place: int) -> str:
        sentence = self._sentences[place]
        return renumbered(sentence, random) if self._numbered[place] else sentence


def renumbered(text: str, random: Random) -> str:
    """The text with each digit but the first of a number drawn anew."""

    def drawn(found: regex.Match[str]) -> str:
        number = found[0]
        return number[0] + "".join(str(int(random.random() * 10)) for _ in number[1:])

    return _NUMBER.sub(drawn, text)


def sentences(text: str) -> Iterator[str]:
    """Sentences of ``text`` that stand well alone: of usual length, without quotes, brackets, marks of code or markup."""
    for part in clauses(text) if _CLAUSED.search(text) else _END.split(text):
        sentence = " ".join(part.split())
        if len(sentence) in LENGTH and not _UNFIT.search(sentence):
            yield sentence


def clauses(text: str) -> Iterator[str]:
    """Pieces between spaces, put together until each has :data:`PIECE` characters: for scripts without sentence marks."""
    found = ""
    for piece in text.split():
        found = f"{found} {piece}".lstrip()
        if len(found) >= PIECE:
            yield found
            found = ""


def written_in(text: str, language: str) -> bool:
    """Whether nearly all letters are of the scripts of the language: of some texts another transcription is around."""
    own = "".join(rf"\p{{{script}}}" for script in LANGUAGES[language].scripts)
    return len(regex.findall(rf"(?V1)[[{own}]&&\p{{L}}]", text)) >= OWN_SCRIPT * len(_LETTER.findall(text))


def public() -> Iterator[Text]:
    """The texts in ``benchmarks/data``."""
    for name in PUBLIC:
        with lzma.open(DATA / name, "rt", encoding="utf-8") as lines:
            for line in lines:
                item = json.loads(line)
                yield item["language"], item["text"]


def pools(texts: Iterable[Text]) -> dict[str, Pool]:
    """A pool for each language of ``texts``, in the order of their codes."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for language, text in texts:
        found[language] += [sentence for sentence in sentences(text) if written_in(sentence, language)]
    return {language: Pool(language, found[language]) for language in sorted(found) if found[language]}
