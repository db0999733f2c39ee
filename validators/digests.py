"""Digests of whole texts, many at once: equal for equal texts, and else, for all that people and models write, by a chance
of about 1 in 2^128. Polynomials modulo 2^64 are no secret hash: who builds texts for it can make two with one digest (by the
Thue-Morse sequence, whatever the base).
"""

from collections.abc import Iterable
from typing import cast

import numpy as np
import numpy.typing as npt

from pairsmith.validators import compiled
from pairsmith.validators.characters import Characters
from pairsmith.validators.tokens import mixed

Digests = npt.NDArray[np.uint64]

_BASES = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))  # odd, so that multiplication loses no bit


def digests(texts: Iterable[Characters]) -> Digests:
    """(texts, 2): two polynomials in the characters of each text, each of 64 bits, mixed."""
    return np.concatenate([np.empty((0, 2), np.uint64), *map(_digests, texts)])


def _digests(texts: Characters) -> Digests:
    codes, starts = texts
    if len(starts) == 1:
        return np.empty((0, 2), np.uint64)
    lengths = np.diff(starts)
    powers = [np.cumprod(np.full(int(lengths.max()), base), dtype=np.uint64) for base in _BASES]
    if fast := compiled.kernels():
        return cast(Digests, fast.digests(codes, starts, tuple(powers)))
    place = np.arange(len(codes)) - np.repeat(starts[:-1], lengths)
    found = [mixed(np.add.reduceat(codes * one[place], starts[:-1])) for one in powers]
    return np.stack(found, axis=1)
