"""Texts that gate ``privacy`` must look at: all others lack what every finding holds.

A phone or card number is eight digits close together, an address has an at sign, and a key is a long run of characters that
says what it is. Characters count as what full-width and other forms are read as (NFKC).
"""

import unicodedata
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from pairsmith.validators.characters import Characters, changed, kind_table
from pairsmith.validators.contacts import DIGITS
from pairsmith.validators.texts import Texts

Flags = npt.NDArray[np.bool_]

_APART = 3  # signs between two groups of digits: a bracket, a separator, a bracket
_BODY = 16  # characters of the shortest key
_AT, _INSIDE, _DASH, _WIDE = 32, 64, 128, 256  # bits of a character's kind; those below count its digits
_DIGITS = 31
# What a key begins with or stands after, folded. Many finds are faster than one search for any of them.
_KEYS = (
    *("akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "aiza", "hf_", "npm_", "pypi-"),
    *("k_live_", "sg.", "eyj", "private key", "sk-", "xox", "bearer", "key", "secret", "token", "passw"),
)


def traces(fields: Texts) -> Flags:
    """Whether each text may hold a secret, a card number, an address or a phone number; surely not where False."""
    found, keys = (np.concatenate(part) for part in zip(*map(_traces, fields.slices), strict=True))
    for place in np.flatnonzero(keys & ~found).tolist():
        found[place] = any(map(fields.plain[place].__contains__, _KEYS))
    return found


def _traces(chars: Characters) -> tuple[Flags, Flags]:
    """Texts with an at sign or enough digits, and texts with a run of characters as long as a key."""
    kinds = _kinds()[chars.codes]
    found = np.zeros(len(chars.starts) - 1, np.bool_)
    found[chars.texts_at(np.flatnonzero(kinds & _AT))] = True
    places = np.flatnonzero(kinds & _DIGITS)
    digits = np.repeat(places, kinds[places] & _DIGITS)
    first, last = digits[: 1 - DIGITS[0]], digits[DIGITS[0] - 1 :]
    found[chars.texts_at(first[last - first <= (DIGITS[0] - 1) * (_APART + 1)])] = True
    keys = np.zeros(len(found), np.bool_)
    edges = np.flatnonzero(np.diff(kinds & _INSIDE, prepend=np.uint16(0)))
    starts, ends = edges[::2], edges[1::2]
    keys[chars.texts_at(starts[ends - starts >= _BODY])] = True
    keys[chars.texts_at(np.flatnonzero(kinds & _WIDE))] = True
    dashes = np.flatnonzero(kinds & _DASH)
    keys[chars.texts_at(dashes[:-4][dashes[4:] - dashes[:-4] == 4])] = True  # before a private key
    return found, keys


@cache
def _kinds() -> npt.NDArray[np.uint16]:
    """Of each character, read as a plain one: its digits, and whether it may stand in a key."""
    classes = {1: r"\d", _AT: "@", _INSIDE: r"[\w\p{M}\p{Cf}.\~+/!@\#$%^\&*\-]", _DASH: r"\-"}
    kinds = kind_table(classes, np.uint16)
    read = changed(partial(unicodedata.normalize, "NFKC"))
    found = kinds[list(map(ord, "".join(read.values())))]
    sizes = np.fromiter(map(len, read.values()), np.int64)
    starts = np.cumsum(sizes) - sizes
    marks = np.bitwise_or.reduceat(found & ~np.uint16(_DIGITS), starts)
    marks[(sizes > 1) & (marks & _INSIDE > 0)] |= _WIDE
    kinds[list(read)] = marks | np.add.reduceat(found & np.uint16(_DIGITS), starts, dtype=np.uint16)
    return kinds
