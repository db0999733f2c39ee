"""Templates that were never filled in: places marked by brackets, by signs, by capitals or in words, and filler text.

What marks a place is sound in code, and in a text about templates, forms or formats; that is looked at last.
"""

import re
from collections.abc import Iterator
from itertools import chain, islice

import regex

from pairsmith.factory.lexicon import plain
from pairsmith.validators.brackets import BRACKETS, bracketed, instructed, named, ordered, words
from pairsmith.validators.masks import Mask, masks
from pairsmith.validators.prose import prose
from pairsmith.validators.topic import Topic, about

_WORDED = re.compile(
    r"(?<!\w)INSERT [A-Z][A-Z' /-]{1,40} HERE(?!\w)"
    r"|(?<!\w)[Yy]our (?:\w{1,20} )?(?:text|query|document|name|title|address|city|town|logo|message|number|date) here"
    r"(?![\w?]| (?:is|on|in)\b)"
    r"|(?:\A|\n)[ \t]{0,9}(?:Your (?:Full Name|Name|Job Title|Title|Company(?: Name)?)|Company Name|Recipient Name)"
    r"[ \t,]*(?=\n|\Z)"
    r"|(?<!\w)(?:Dear|Hi|Hello) (?:Recipient Name|Customer Name|First Name|Your Name)(?!\w)"
)
_WORDED_HINT = re.compile(r"INSERT|[Yy]our |Company Name|Recipient|Customer Name|First Name")
_CAPITALS = regex.compile(
    r"(?<![\p{L}\p{M}])\p{Lu}{2,20}(?:(?: | / |/)\p{Lu}{2,20}){1,4}(?![\p{L}\p{M}])(?!\s?[:：#=]|\s?\d)"
)
_OPENING = re.compile(r"\A[^,.!:：\n，、。।]{5,60}(?=[,:：\n，、!])")
_QUOTES = "«»"
_GREETED = re.compile(r"(?:\A|\n)[^\n.,!?:_]{2,40} (?P<blank>_{3,}|\.{6,}|…{2,}) ?[,!，！]")
_LOREM = re.compile(r"lorem ipsum dolor|consectetur adipi[sc]{2}ing elit|sed do eiusmod tempor", re.I)
_LATIN = ("lorem ", "consectetur ", "sed do ")
_TRIED = 20  # places looked at: code may be full of braces
_BLANK = re.compile(r"(?<!\w)_{3,}(?!\w)")
_BLANKS = ("___", "......", "……")
_FEW_BLANKS = 3
_SHOUTED = 0.4  # share of capitals from which they mark nothing


def placeholder(text: str, context: str) -> str | None:
    """The first unfilled place in ``text``, or None. ``context``: the row's instruction and query."""
    return _unfilled(text, context) or _lorem(text, context) or _blank(text, context)


def _unfilled(text: str, context: str) -> str | None:
    code = None
    for found, excuses in islice(_places(text), _TRIED):
        rest = text.replace(found, " ")
        if about("templates", rest, context):
            return None
        code = code or _Code(text)
        if code.mostly:
            return None
        if not code.holds(found) and not any(about(topic, rest, context) for topic in excuses):
            return found
    return None


def _places(text: str) -> Iterator[Mask]:
    marked = (Mask(found, _excuses(found)) for found in bracketed(text) if not _told(text, found))
    worded = (Mask(found, ("forms",)) for found in _in_words(text))
    loud = (Mask(found, ("fields",)) for found in in_capitals(text))
    return chain(marked, masks(text), worded, loud)


def _excuses(found: str) -> tuple[Topic, ...]:
    """One word in angle brackets may be a tag, and quotation marks name the fields of a form."""
    if found[0] in _QUOTES:
        return ("fields", "forms")
    return ("markup", "technical") if found[0] == "<" and " " not in found else ()


def _told(text: str, found: str) -> bool:
    return found[0] in (*_QUOTES, "(", "（") and instructed(text, text.index(found))


def opening(text: str) -> str:
    """The words before the first stop of the text, where they may tell the reader to fill something in."""
    found = _OPENING.match(text)
    return found.group() if found else ""


def is_worded(text: str) -> bool:
    """Whether a place is described in English, without marks."""
    return _WORDED.search(text) is not None


def _in_words(text: str) -> Iterator[str]:
    """A place described without marks: "Your name here"; elsewhere than in English where it opens the text."""
    if _WORDED_HINT.search(text):
        yield from (match.group().strip() for match in _WORDED.finditer(text))
    clause = opening(text)
    if clause and ordered(clause):
        folded = plain(clause)
        if words().here.search(folded) and words().orders.search(folded):
            yield clause


def in_capitals(text: str) -> Iterator[str]:
    """Nouns of places in capitals side by side, where the text around is written as usual."""
    runs = _CAPITALS.findall(text)
    if runs and sum(map(str.isupper, text)) < _SHOUTED * sum(map(str.isalpha, text)):
        yield from filter(_nouns, runs)


def _nouns(run: str) -> bool:
    parts = re.split(r"[ /]+", plain(run))
    return named(run) and all(map(words().nouns.match, parts)) and any(map(words().heads.match, parts))


def _lorem(text: str, context: str) -> str | None:
    match = _LOREM.search(text) if any(part in text.lower() for part in _LATIN) else None
    if match is None or about("filler", _LOREM.sub(" ", text), context):
        return None
    return match.group()


class _Code:
    """Where a text is code: its lines of code, and what stands between backticks."""

    def __init__(self, text: str) -> None:
        self._text = text
        shown = prose(BRACKETS.sub(lambda match: "x" * len(match.group()), text))
        self._shown = shown
        self.mostly = _visible(shown) < _visible(text) / 2

    def holds(self, found: str) -> bool:
        start = self._text.index(found)
        left, right = self._text.rfind("\n", 0, start) + 1, self._text.find("\n", start + len(found))
        right = len(self._text) if right < 0 else right
        if self._text.count("`", left, start) % 2 or self._text.count("```", 0, start) % 2:
            return True
        around = _visible(self._text[left:start]) + _visible(self._text[start + len(found) : right])
        return _visible(self._shown[left:start]) + _visible(self._shown[start + len(found) : right]) < around / 2


def _visible(text: str) -> int:
    return len("".join(text.split()))


def _blank(text: str, context: str) -> str | None:
    """A run of underscores in running prose that is no form or exercise, or where a letter greets somebody."""
    if not any(map(text.__contains__, _BLANKS)):
        return None
    greeted = _GREETED.search(text)
    if greeted and not about("forms", text.replace(greeted["blank"], " "), context):
        return greeted.group().strip()
    blanks = _BLANK.findall(text)
    if not blanks or len(blanks) > _FEW_BLANKS or len(text) < 150:
        return None
    if about("forms", text, context) or _Code(text).holds(blanks[0]):
        return None
    return str(blanks[0])
