"""Text queries as a curator types them, answered from the texts themselves: no index that could be out of step.

A text matches when it holds all words of the query, as they are written, whatever their case. A word stands alone in
scripts that set spaces between words, and anywhere in those that don't (Chinese, Japanese, Thai, Khmer, ...).
``"two words"`` stand together, ``-word`` must not occur, ``begin*`` may go on, and between alternatives stands ``|``.
"""

import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

_PART = re.compile(r'(-?)(?:"([^"]+)"|(\S+))')
_UNSPACED = re.compile(
    r"(CJK|HIRAGANA|KATAKANA|BOPOMOFO|YI|THAI|LAO|KHMER|MYANMAR|TAI|NEW TAI|TIBETAN|JAVANESE|BALINESE)\b"
)
"""How Unicode's names of letters begin in scripts that are written without spaces between words."""


class Term(NamedTuple):
    """What a text must hold, or must not: folded, with a bound at each end that has to be the end of a word."""

    text: str
    wanted: bool
    bound_left: bool
    bound_right: bool

    def holds(self, text: str) -> bool:
        """Whether the folded ``text`` is as the term wants it."""
        return self._occurs(text) == self.wanted

    def _occurs(self, text: str) -> bool:
        start = text.find(self.text)
        while start >= 0:
            end = start + len(self.text)
            left = self.bound_left and start > 0 and _in_word(text[start - 1])
            right = self.bound_right and end < len(text) and _in_word(text[end])
            if not left and not right:
                return True
            start = text.find(self.text, start + 1)
        return False


def matches(fields: str, query: str, names: str) -> bool:
    """Whether the texts of a record's ``fields`` (JSON) match; ``names`` (a JSON list) says which fields are looked at."""
    values = json.loads(fields)
    text = _fold("\n".join(line for name in _names(names) for line in _texts(values.get(name))))
    return any(all(term.holds(text) for term in terms) for terms in _alternatives(query))


def _fold(text: str) -> str:
    """One form for what reads alike: composed or not, wide or narrow, upper or lower case, any white space."""
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).split())


def _texts(value: Any) -> Iterator[str]:
    """All texts in a field's value: a text, a chat or what a custom field holds; as the page shows it, which takes HTML."""
    if isinstance(value, str):
        yield html.unescape(value)
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


@lru_cache(maxsize=64)
def _names(names: str) -> tuple[str, ...]:
    return tuple(json.loads(names))


@lru_cache(maxsize=64)
def _alternatives(query: str) -> tuple[tuple[Term, ...], ...]:
    alternatives: list[list[Term]] = [[]]
    for minus, phrase, word in _PART.findall(query):
        if word == "|" and not minus:
            alternatives.append([])
        elif term := _term(phrase or word, not minus, open_end=not phrase and word.endswith("*")):
            alternatives[-1].append(term)
    return tuple(map(tuple, _said(alternatives)))


def _said(alternatives: list[list[Term]]) -> Iterable[list[Term]]:
    """Without empty ones, as of a ``|`` at an end; but a query that says nothing at all matches everything."""
    return [terms for terms in alternatives if terms] or [[]]


def _term(text: str, wanted: bool, open_end: bool) -> Term | None:
    folded = _fold(text.removesuffix("*") if open_end and text != "*" else text)
    if not folded:
        return None
    return Term(folded, wanted, _spaced(folded[0]), _spaced(folded[-1]) and not open_end)


@lru_cache(maxsize=4096)
def _in_word(sign: str) -> bool:
    """Whether a sign belongs to a word: letters, their marks, digits, the underscore."""
    return unicodedata.category(sign)[0] in "LMN" or sign == "_"


@lru_cache(maxsize=4096)
def _spaced(sign: str) -> bool:
    """Whether a word that begins or ends with this sign ends there visibly."""
    return _in_word(sign) and not _UNSPACED.match(unicodedata.name(sign, ""))
