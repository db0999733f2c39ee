"""Phrases of many languages, kept as regular expressions in YAML, searched fast.

A pattern of dozens of alternatives is slow to search for, a plain string is not: each alternative's *needle*, a string that
every match of it holds, is looked for first, and the expression only where one is found.
"""

import re
import sys
from collections.abc import Iterator
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any

import yaml

from pairsmith.factory.text import fold

_APOSTROPHES = re.compile("[’‘ʼʻ`´ʹ]")
_IDEOGRAPHS = "\u2e80"  # from here on a character may be a word
_ENOUGH = 5  # letters from which a needle is rare in text


@lru_cache(maxsize=64)
def plain(text: str) -> str:
    """The folded text with straight apostrophes: what phrases are matched against."""
    if text.isascii():
        return " ".join(text.lower().split()).replace("`", "'")
    return _fold(text)


def plain_of(folded: str, text: str) -> str:
    """:func:`plain` of ``text``, whose fold is known."""
    if text.isascii():
        return folded.replace("`", "'")
    return _fold(text) if _APOSTROPHES.search(text) else folded.replace("i\u0307", "i")


def _fold(text: str) -> str:
    """A dotted capital I folds to two characters, of which the second is lost with the capital in ordinary spelling."""
    return fold(_APOSTROPHES.sub("'", text)).replace("i\u0307", "i")


def read_lexicon(package: str, name: str) -> Any:
    """The YAML file ``data/<name>`` of a package."""
    text = (files(package) / "data" / name).read_text(encoding="utf-8")
    if yaml.__with_libyaml__:  # ten times as fast
        return yaml.load(text, yaml.CSafeLoader)
    return yaml.safe_load(text)


class Phrases:
    """Alternatives, each a regular expression (without upper-case classes such as ``\\W``), folded as the texts are."""

    def __init__(self, *alternatives: str) -> None:
        self.pattern = "|".join(f"(?:{_fold(part)})" for part in alternatives)

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        """Compiled when it is first searched for: most phrases of most languages never are."""
        return re.compile(self.pattern)

    @cached_property
    def needles(self) -> list[str] | None:
        """See :func:`needles`."""
        return needles(self.pattern)

    def search(self, text: str, start: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        """The first match in ``text[start:end]``, which is plain (see :func:`plain`)."""
        if self.needles is not None and not any(map(text.__contains__, self.needles)):
            return None
        return self._regex.search(text, start, end)

    def match(self, text: str, start: int = 0) -> re.Match[str] | None:
        """A match that begins at ``start``."""
        return self._regex.match(text, start)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """A match of the whole text."""
        return self._regex.fullmatch(text)


def needles(pattern: str) -> list[str] | None:
    """Strings of which every match of ``pattern`` holds at least one; None where some alternative has none.

    >>> needles(r"\\bon-?topic\\b|(?:ir)?relevant (?:to|for)")
    ['topic', 'relevant ']
    """
    found: list[str] = []
    for alternative in _alternatives(pattern):
        best = _best_needles(alternative)
        if best is None:
            return None
        found += best
    kept: list[str] = []
    for needle in sorted(set(found), key=lambda one: (len(one), found.index(one))):
        if not any(map(needle.__contains__, kept)):
            kept.append(needle)
    return sorted(kept, key=found.index)


def _alternatives(pattern: str) -> list[str]:
    pieces, last = [], 0
    for position, char, depth in _walk(pattern):
        if char == "|" and depth == 0:
            pieces.append(pattern[last:position])
            last = position + 1
    return [*pieces, pattern[last:]]


def _walk(pattern: str) -> Iterator[tuple[int, str, int]]:
    """(position, sign, depth of groups) of each ``(``, ``|`` and ``)`` that is neither escaped nor in a class."""
    depth = 0
    for found in _SIGNS.finditer(pattern):
        sign = found.group()
        if len(sign) == 1:
            depth -= sign == ")"
            yield found.start(), sign, depth
            depth += sign == "("


def _best_needles(alternative: str) -> list[str] | None:
    if not _SPECIAL.search(alternative):
        return [alternative] if _tells(alternative) else None
    runs, groups = _mandatory(alternative)
    options = [[run] for run in runs if _tells(run)]
    options += [inner for group in groups if (inner := needles(group)) is not None]
    return max(options, key=lambda option: (min(min(map(_weight, option)), _ENOUGH), -len(option)), default=None)


def _tells(run: str) -> bool:
    return len(run) > 1 or run > _IDEOGRAPHS


def _weight(needle: str) -> int:
    """Letters, those outside ASCII twice: they are rarer, and words of them shorter."""
    return sum(1 + (not char.isascii()) for char in needle if char != " ")


_SIGNS = re.compile(r"\\.|\[.[^\]]*\]|[(|)]", re.DOTALL)  # whole escapes and classes, so that nothing in them counts
_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]()|]")
_PART = re.compile(
    r"(?P<group>\()|(?P<class>\[)|\\(?P<literal>[^\w\s])|(?P<escape>\\\w)|(?P<any>[.^$])|(?P<char>[^\\])", re.DOTALL
)
_REPEAT = re.compile(r"[?*+]\??|\{(\d*)[^}]*\}\??")


def _mandatory(alternative: str) -> tuple[list[str], list[str]]:
    """(runs of plain characters, contents of groups) that every match holds."""
    runs, groups, run, position = [], [], "", 0
    while position < len(alternative):
        part = _PART.match(alternative, position)
        if part is None:
            break
        end = _end(alternative, part)
        repeat = _REPEAT.match(alternative, end)
        optional = repeat is not None and (repeat.group()[0] in "?*" or repeat.group(1) in ("0", ""))
        char = part["char"] or part["literal"]
        if char and not optional:
            run += char
        if not char or repeat:
            runs.append(run)
            run = ""
        if part["group"] and not optional and alternative.startswith("(?:", position):
            groups.append(alternative[position + 3 : end - 1])
        position = repeat.end() if repeat else end
    return [*runs, run], groups


def _end(alternative: str, part: re.Match[str]) -> int:
    if part["class"]:
        return alternative.index("]", part.start() + 2) + 1
    if part["group"]:
        return (
            next(p for p, char, depth in _walk(alternative[part.start() :]) if char == ")" and depth == 0)
            + part.start()
            + 1
        )
    return part.end()
