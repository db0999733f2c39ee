"""How texts are folded, cut into tokens and measured: one definition for all gates.

Folding: Unicode NFKC, case folded, format characters (zero width joiners, soft hyphens, direction marks) removed, runs of
white space made one space. A token is a run of letters, marks and digits; in the scripts that are written without spaces
(Han, Hiragana, Katakana, Thai, Lao, Khmer, Myanmar) each character with its marks is a token.
"""

import unicodedata
from collections import Counter

import regex

UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"

_FORMAT = regex.compile(r"\p{Cf}+")
_TOKEN = regex.compile(
    rf"(?V1)(?:[[{UNSPACED}]&&[\p{{L}}\p{{N}}]][\p{{M}}ー]*|[[\p{{L}}\p{{N}}\p{{M}}]--[{UNSPACED}]]+)"
)
_UNSPACED_LETTER = regex.compile(rf"(?V1)[[{UNSPACED}]&&[\p{{L}}\p{{N}}]]")


EXCERPT = 200
"""Characters of a text that a verdict shows."""


def excerpt(text: str) -> str:
    """The text as a verdict shows it: one line, cut after :data:`EXCERPT` characters."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"


_HALF_CHARACTER = regex.compile("[\ud800-\udfff]")


def whole(text: str) -> str:
    """``text`` with each half of a surrogate pair replaced by U+FFFD: neither SQLite nor Arrow can hold one."""
    return _HALF_CHARACTER.sub("\ufffd", text)


def fold(text: str) -> str:
    """The text as two texts are compared when case, width, spacing and invisible characters must not matter."""
    line = unicodedata.normalize("NFKC", text).casefold().replace("\n", " ")
    if not line.isprintable():  # neither format characters nor any space but U+0020 are
        return " ".join(_FORMAT.sub("", line).split())
    while "  " in line:  # three times as fast as split and join: most texts have nothing to replace
        line = line.replace("  ", " ")
    return line.strip(" ")


def tokens(text: str) -> list[str]:
    """Tokens of the folded text (see the module's definition); punctuation is no token."""
    return _TOKEN.findall(fold(text))


def unspaced_letters(text: str) -> int:
    """How many letters stand in scripts that are written without spaces between words."""
    return len(_UNSPACED_LETTER.findall(text))


def shingles(units: list[str], size: int) -> set[str]:
    """The set of runs of ``size`` tokens, joined by a space; a shorter text is one shingle, an empty one none."""
    if len(units) <= size:
        return {" ".join(units)} if units else set()
    return {" ".join(units[start : start + size]) for start in range(len(units) - size + 1)}


_IDEOGRAPH = regex.compile(r"(?V1)[[\p{Han}\p{Hiragana}\p{Katakana}]&&[\p{L}\p{N}]]")


def words(units: list[str]) -> float:
    """Roughly how many words the tokens make, so that one threshold fits all scripts.

    A token is a word; where tokens are characters, two (Han, kana) or four (Thai, Lao, Khmer, Myanmar) count as one.
    """
    text = "".join(units)
    ideographs, unspaced = len(_IDEOGRAPH.findall(text)), unspaced_letters(text)
    return len(units) - ideographs / 2 - (unspaced - ideographs) * 3 / 4


def tokens_for(units: list[str], count: int) -> int:
    """How many tokens ``count`` words take in the script of ``units``: ``count`` where a token is a word."""
    return round(count * len(units) / words(units)) if units else count


def jaccard(left: set[str] | frozenset[str], right: set[str] | frozenset[str]) -> float:
    """Shared share of two sets, 0 to 1; 0 for two empty ones."""
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared) if shared else 0.0


def bag_jaccard(left: list[str], right: list[str]) -> float:
    """Shared share of two bags of tokens, each counted as often as it occurs, in any order; 0 for two empty ones."""
    shared = (Counter(left) & Counter(right)).total()
    return shared / (len(left) + len(right) - shared) if shared else 0.0
