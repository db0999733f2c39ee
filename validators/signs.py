"""Which telling signs stand in many texts: one look at each character tells what most texts need not be searched for.

A sign is a kind of character (:class:`Sign`). What a check looks for holds certain signs, alone, doubled or side by side; a
text without them is sound as far as that check goes.
"""

from collections.abc import Iterable
from enum import IntFlag, auto
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pairsmith.validators.characters import Characters, kind_table

Bits = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.bool_]


class Sign(IntFlag):
    """Kinds of characters that checks look for."""

    SPACE = auto()
    UPPER = auto()
    COLON = auto()
    QUOTE = auto()
    ANGLE = auto()  # opens a tag
    ESCAPE = auto()  # of mark-up and code: & \ ` { }
    SQUARE = auto()
    OPENING = auto()  # brackets and quotes that may mark a place to fill, not round ones
    ROUND = auto()
    VARIABLE = auto()  # marks a place to fill before a name: %name%, $NAME$
    FRAME = auto()  # the same doubled: @@name@@
    NAME = auto()  # what a name begins with: a letter, or a bracket as in %(name)s
    UNDERSCORE = auto()
    STANDIN = auto()  # marks a place to fill beside another or a month: XX, ○○
    MONTH = auto()
    STAR = auto()
    HASH = auto()
    TILDE = auto()
    QUESTION = auto()
    DOT = auto()
    ELLIPSIS = auto()
    PART = auto()  # stands between the parts of a date: / . -
    SLASH = auto()
    HIGH = auto()  # letters of Latin-1 beyond ASCII, and what counts as one: superscripts, fractions
    LEAD = auto()  # begins what a wrong code page makes of a letter
    TRAIL = auto()  # goes on with it
    LOST = auto()  # rare beyond such damage
    CONTROL = auto()


_DOUBLED = Sign.HASH | Sign.TILDE | Sign.QUESTION | Sign.DOT | Sign.ELLIPSIS

_CLASSES: dict[int, str] = {
    Sign.SPACE: r"\s|[\x1c-\x1f]",
    Sign.UPPER: r"\p{Lu}",
    Sign.COLON: "[:：]",
    Sign.QUOTE: "[\"'”]",
    Sign.ANGLE: "<",
    Sign.ESCAPE: r"[\&\\`\{\}]",
    Sign.SQUARE: r"\[",
    Sign.OPENING: r"[\[\{<【〔［｛«»《〈「『]",
    Sign.ROUND: "[(（]",
    Sign.VARIABLE: "[%$]",
    Sign.FRAME: r"[@\#_\~]",
    Sign.NAME: r"[\p{L}\p{Nl}\p{No}(]",
    Sign.UNDERSCORE: "_",
    Sign.STANDIN: "[XxO×✕╳○〇◯△□●◇]",
    Sign.MONTH: "月",
    Sign.STAR: r"\*",
    Sign.HASH: r"\#",
    Sign.TILDE: r"\~",
    Sign.QUESTION: r"\?",
    Sign.DOT: r"\.",
    Sign.ELLIPSIS: "…",
    Sign.PART: r"[/.\-]",
    Sign.SLASH: "/",
    Sign.HIGH: "[\u00aa\u00b2\u00b3\u00b5\u00b9\u00ba\u00bc-\u00be\u00c0-\u00ff]",
    Sign.LEAD: "[ÃÂâïÐÑØÙÚÛ×ÎÏÄÅàáãäåæçèéðРС]",
    Sign.TRAIL: "[\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸЂЃѓЉЊЌЋЏђљњќћџЎўЈҐЁЄЇІіґё№єјЅѕї]",
    Sign.LOST: "[‚√锟烫屯占縺繧繝\ufffd]",
    Sign.CONTROL: "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff"
    "\ufff9-\ufffb\u202d\u202e\U000e0001-\U000e007f\U000f0000-\U0010ffff]",
}


class Signs(NamedTuple):
    """Of each text: the kinds of its characters, of those that stand there twice in a row, and what stands side by side."""

    some: Bits
    twice: Bits
    capitals: Flags
    """Two capitals, a space or slash, and a third capital or a slash."""
    parts: Flags
    """Two equal characters, a separator, two equal characters, the same separator: ``DD/MM/``."""
    named: Flags
    """A sign of a variable before a name, or two stand-ins: ``%name``, ``@@name``, ``XX``, ``○月``."""
    starred: Flags
    """Six asterisks in a row."""
    paused: Flags
    """Dots after a space."""
    keyed: Flags
    """A colon after a quotation mark or a space."""
    broken: Flags
    """What a wrong code page makes of one letter."""

    def have(self, signs: Sign) -> Flags:
        """Texts with one of ``signs``."""
        return _is(self.some, signs)

    def double(self, signs: Sign) -> Flags:
        """Texts in which a character that is one of ``signs`` stands twice in a row."""
        return _is(self.twice, signs)


def signs(slices: Iterable[Characters]) -> Signs:
    """The signs of all texts of ``slices``."""
    return Signs(*map(np.concatenate, zip(*map(_signs, slices), strict=True)))


def _signs(chars: Characters) -> Signs:
    codes = np.append(chars.codes, np.zeros(5, np.uint32))
    bits = _table()[codes]
    bits[chars.starts[1:] - 1] = bits[len(chars.codes) :] = 0  # what stands between and after the texts
    same = codes[1:] == codes[:-1]
    doubled = np.flatnonzero(same & _is(bits[1:], _DOUBLED))
    twice = np.zeros(len(chars.starts) - 1, np.uint32)
    np.bitwise_or.at(twice, chars.texts_at(doubled), bits[doubled])
    return Signs(
        some=np.bitwise_or.reduceat(bits, chars.starts[:-1]),
        twice=twice,
        capitals=_texts(chars, _capitals(bits)),
        parts=_texts(chars, _parts(codes, bits, same)),
        named=_texts(chars, _named(bits, same)),
        starred=_texts(chars, _starred(bits, same)),
        paused=_texts(chars, _side_by_side(bits, Sign.SPACE, Sign.ELLIPSIS | Sign.DOT)),
        keyed=_texts(chars, _side_by_side(bits, Sign.QUOTE | Sign.SPACE, Sign.COLON)),
        broken=_texts(chars, _side_by_side(bits, Sign.LEAD, Sign.TRAIL)),
    )


def _texts(chars: Characters, places: npt.NDArray[np.int64]) -> Flags:
    """The texts in which one of ``places`` lies."""
    found = np.zeros(len(chars.starts) - 1, np.bool_)
    found[chars.texts_at(places)] = True
    return found


def _is(bits: Bits, signs: Sign) -> Flags:
    return np.asarray(bits & np.uint32(signs), np.bool_)


def _side_by_side(bits: Bits, left: Sign, right: Sign) -> npt.NDArray[np.int64]:
    after = np.flatnonzero(_is(bits[1:], right))
    return after[_is(bits[after], left)]


def _capitals(bits: Bits) -> npt.NDArray[np.int64]:
    upper = _is(bits, Sign.UPPER)
    first = np.flatnonzero(upper[:-1] & upper[1:])
    first = first[first + 3 < len(bits)]
    gap, then = bits[first + 2], bits[first + 3]
    return np.asarray(first[_is(gap, Sign.SPACE | Sign.SLASH) & _is(then, Sign.UPPER | Sign.SLASH)])


def _parts(codes: Bits, bits: Bits, same: Flags) -> npt.NDArray[np.int64]:
    separator = np.flatnonzero(_is(bits, Sign.PART))
    separator = separator[(separator > 1) & (separator + 3 < len(codes))]
    pairs = same[separator - 2] & same[separator + 1]
    return np.asarray(separator[pairs & (codes[separator] == codes[separator + 3])])


def _named(bits: Bits, same: Flags) -> npt.NDArray[np.int64]:
    marks = np.flatnonzero(_is(bits[:-1], Sign.VARIABLE | Sign.FRAME))
    marks = marks[_is(bits[marks + 1], Sign.NAME)]
    framed = _is(bits[marks], Sign.FRAME) & (marks > 0) & same[marks - 1]
    standins = _side_by_side(bits, Sign.STANDIN, Sign.STANDIN | Sign.MONTH)
    return np.concatenate((marks[_is(bits[marks], Sign.VARIABLE) | framed], standins))


def _starred(bits: Bits, same: Flags) -> npt.NDArray[np.int64]:
    stars = np.flatnonzero(same & _is(bits[1:], Sign.STAR))  # the first of two
    return np.asarray(stars[:-4][stars[4:] - stars[:-4] == 4])


@cache
def _table() -> Bits:
    return kind_table(_CLASSES, np.uint32)
