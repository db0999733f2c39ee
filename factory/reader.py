"""Reads JSON-like values out of what a language model wrote. Untrusted text: nothing is evaluated, depth and work are bounded.

Strict JSON is tried first. Where it fails, the same grammar is read leniently: single or typographic quotes, Python's
``None``/``True``/``False``, trailing commas, comments, raw line breaks and unknown escapes in strings, and a quote inside
a string that is not followed by what could follow its end. A value that the text breaks off in is returned with
``complete=False``; containers then hold their whole items only.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

MAX_DEPTH = 40
MAX_FALSE_STARTS = (
    64  # brackets that begin no value, in one text: enough for any preface, and keeps hostile texts linear
)

_START = re.compile(r"[{\[]")
_SPACE = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|Infinity|NaN)")
_WORD = re.compile(r"[A-Za-z_]\w*")
_WORDS = {"null": None, "None": None, "true": True, "True": True, "false": False, "False": False}
_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "”“", "‘": "’"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\", "/": "/", "\n": ""}
# What may follow a string's end: a colon, a closing bracket, the end of the text, a comma before a value or a bracket, or
# (a forgotten comma) the next key.
_AFTER_STRING = re.compile(
    r"\s*(?:[:}\]]|/[/*]|\Z|,\s*(?:[\"'“„‘{}\[\]\-\d/]|null|None|true|True|false|False|\Z)|[\"'][\w ]{1,40}[\"']\s*:)"
)
_STRICT = json.JSONDecoder()


class Reading(NamedTuple):
    """One value found in a text: ``text[start:end]``. ``complete`` is False where the text broke off in it."""

    value: Any
    complete: bool
    start: int
    end: int


class _Malformed(Exception):
    """The text at this place is no value."""


class _CutOff(Exception):
    """The text ended inside a value; ``value`` holds the whole items read so far."""

    def __init__(self, value: Any = None) -> None:
        super().__init__("cut off")
        self.value = value


def read_values(text: str) -> Iterator[Reading]:
    """Every object or array in ``text`` from left to right, outermost only; prefaces, fences and what follows are skipped."""
    position, false_starts = 0, 0
    while false_starts < MAX_FALSE_STARTS and (match := _START.search(text, position)):
        reading = _read_at(text, match.start())
        if reading is None:
            false_starts += 1
            position = match.end()
        else:
            yield reading
            position = reading.end


def _read_at(text: str, start: int) -> Reading | None:
    try:
        value, end = _STRICT.raw_decode(text, start)
        return Reading(value, True, start, end)
    except (ValueError, RecursionError):
        pass
    try:
        value, end = _value(text, start, 0)
    except _CutOff as cut:
        return Reading(cut.value, False, start, len(text))
    except _Malformed:
        return None
    return Reading(value, True, start, end)


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    position = match.end() if match else position
    if position >= len(text):
        raise _CutOff
    return position


def _value(text: str, position: int, depth: int) -> tuple[Any, int]:
    if depth > MAX_DEPTH:
        raise _Malformed
    first = text[position]
    if first == "{":
        return _object(text, position + 1, depth)
    if first == "[":
        return _array(text, position + 1, depth)
    if first in _QUOTES:
        return _string(text, position)
    if number := _NUMBER.match(text, position):
        return float(number.group()), number.end()
    word = _WORD.match(text, position)
    if word and word.group() in _WORDS:
        return _WORDS[word.group()], word.end()
    if word and word.end() == len(text):
        raise _CutOff
    raise _Malformed


def _object(text: str, position: int, depth: int) -> tuple[dict[str, Any], int]:
    items: dict[str, Any] = {}
    try:
        while True:
            position = _skip(text, position)
            if text[position] == "}":
                return items, position + 1
            key, position = _key(text, position)
            position = _skip(text, position)
            if text[position] != ":":
                raise _Malformed
            items[key], position = _value(text, _skip(text, position + 1), depth + 1)
            position = _after_item(text, position, "}")
    except _CutOff:
        raise _CutOff(items) from None


def _array(text: str, position: int, depth: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    try:
        while True:
            position = _skip(text, position)
            if text[position] == "]":
                return items, position + 1
            value, position = _value(text, position, depth + 1)
            items.append(value)
            position = _after_item(text, position, "]")
    except _CutOff:
        raise _CutOff(items) from None


def _key(text: str, position: int) -> tuple[str, int]:
    if text[position] in _QUOTES:
        return _string(text, position)
    word = _WORD.match(text, position)
    if word is None:
        raise _Malformed
    return word.group(), word.end()


def _after_item(text: str, position: int, closing: str) -> int:
    position = _skip(text, position)
    if text[position] == ",":
        return position + 1
    if text[position] == closing or text[position] in _QUOTES:  # the second: a forgotten comma
        return position
    raise _Malformed


def _string(text: str, position: int) -> tuple[str, int]:
    closing = _QUOTES[text[position]]
    pieces: list[str] = []
    stop = re.compile(rf"[{closing}\\]")
    position += 1
    while match := stop.search(text, position):
        pieces.append(text[position : match.start()])
        position = match.end()
        if match.group() == "\\":
            piece, position = _escape(text, position)
            pieces.append(piece)
        elif _AFTER_STRING.match(text, position):
            return "".join(pieces), position
        else:
            pieces.append(match.group())
    raise _CutOff


def _escape(text: str, position: int) -> tuple[str, int]:
    if position >= len(text):
        raise _CutOff
    letter = text[position]
    if letter == "u" and re.fullmatch(r"[0-9a-fA-F]{4}", text[position + 1 : position + 5]):
        # One JSON string of up to two escapes: the standard decoder joins surrogate pairs.
        pair = re.match(r"u[dD][89abAB]..\\u[dD][c-fC-F]..", text[position : position + 11])
        length = 11 if pair else 5
        return json.loads(f'"\\{text[position : position + length]}"'), position + length
    return _ESCAPES.get(letter, "\\" + letter), position + 1
