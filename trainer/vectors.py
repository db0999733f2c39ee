"""Vectors as users get them: of unit length, cut to leading dimensions, or as small integers.

Eight bits: each vector is scaled so that its largest entry is 127, and rounded. No ranges have to be fitted or kept,
so vectors of different files compare, and the cosine of the integers is that of the texts, nearly. One bit: the sign, packed;
the bits that differ (Hamming distance) rank as an angle does. Both are as other tools read them: int8, and
sentence-transformers' ``ubinary``.
"""

from typing import Literal

import numpy as np

Quantised = Literal["int8", "binary"]
QUANTISED: tuple[Quantised, ...] = ("int8", "binary")

_LARGEST = 127


def unit(vectors: np.ndarray, dimensions: int | None = None) -> np.ndarray:
    """(n, d) -> (n, ``dimensions`` or d), float32: the leading dimensions, scaled to length 1; zeros stay zeros."""
    leading = vectors[:, :dimensions].astype(np.float64)
    lengths = np.linalg.norm(leading, axis=1, keepdims=True)
    return (leading / np.where(lengths == 0, 1, lengths)).astype(np.float32)


def quantise(vectors: np.ndarray, kind: Quantised) -> np.ndarray:
    """(n, d) floats -> (n, d) int8, or (n, ⌈d / 8⌉) uint8 with a bit a dimension, the first one highest.

    >>> quantise(np.array([[0.5, -1.0, 0.25]]), "int8")
    array([[  64, -127,   32]], dtype=int8)
    >>> quantise(np.array([[0.5, -1.0, 0.25]]), "binary")
    array([[160]], dtype=uint8)
    """
    if kind == "binary":
        return np.packbits(vectors > 0, axis=-1)
    largest = np.abs(vectors).max(axis=-1, keepdims=True, initial=0)
    return np.rint(vectors / np.where(largest == 0, 1, largest) * _LARGEST).astype(np.int8)


def restored(codes: np.ndarray, kind: Quantised, dimensions: int) -> np.ndarray:
    """(n, ``dimensions``) float32, whose products rank as the codes do: by cosine of the integers, or by bits that differ.

    Bits are -1 and 1, so that the products are whole numbers: as many bits differ, exactly as similar.
    """
    if kind == "binary":
        bits = np.unpackbits(codes, axis=-1, count=dimensions)
        return bits.astype(np.float32) * 2 - 1
    return unit(codes)
