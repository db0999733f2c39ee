"""MinHash signatures of many texts at once, bit for bit those of datasketch, and the keys of their bands.

Broder 1997, "On the resemblance and containment of documents"; bands: Leskovec, Rajaraman, Ullman, "Mining of Massive
Datasets", section 3.4. A signature is that of ``datasketch.MinHash(num_perm=slots, seed=1, scheme="affine32")`` whose
``hashfunc`` gives the same 32-bit hashes.
"""

from functools import cache
from math import comb
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from pairsmith.validators import compiled
from pairsmith.validators.characters import Offsets
from pairsmith.validators.tokens import Hashes, mixed

MISSED = 0.002  # share of pairs just at the threshold that the bands may miss
AGREE = 2  # bands in which two texts must agree: of texts that share a quarter, one pair in a hundred, not one in ten

Words = npt.NDArray[np.uint32]

_SEED = 1  # datasketch's default
_EMPTY = np.uint32(0xFFFFFFFF)  # slot of a text without shingles
_SLICE = 100_000  # shingles that are permuted at once: they stay in the processor's cache
_BAND_BASE = np.uint64(0xFF51AFD7ED558CCD)  # odd


class Bands(NamedTuple):
    """How a signature of ``number * size`` slots is cut: texts that agree in :data:`AGREE` whole bands are compared."""

    number: int
    size: int

    @property
    def slots(self) -> int:
        """Slots of the signature."""
        return self.number * self.size


def bands_for(threshold: float, permutations: int) -> Bands:
    """The longest bands of which enough fit in ``permutations`` slots, and as few of them as are enough.

    Enough: a pair whose Jaccard similarity is ``threshold`` is missed with a chance of at most :data:`MISSED`. For
    thresholds so low that no band will do: bands of one slot, all there are.
    """
    for size in range(permutations // AGREE, 1, -1):
        for count in range(AGREE, permutations // size + 1):
            if missed(threshold, Bands(count, size)) <= MISSED:
                return Bands(count, size)
    return Bands(permutations, 1)


def missed(similarity: float, bands: Bands) -> float:
    """The chance that two texts of this Jaccard similarity agree in fewer than :data:`AGREE` bands."""
    agree = similarity**bands.size
    return sum(comb(bands.number, k) * agree**k * (1 - agree) ** (bands.number - k) for k in range(AGREE))


def signatures(hashes: Words | Hashes, starts: Offsets, slots: int) -> Words:
    """Signatures, (texts, slots), of texts whose shingle hashes are ``hashes[starts[i]:starts[i + 1]]``.

    The lower 32 bits of each hash count. A shingle may occur several times.
    """
    factors, addends = _permutations(slots)
    if fast := compiled.kernels():
        return cast(Words, fast.signatures(hashes, starts, factors, addends))
    spread = _spread(hashes.astype(np.uint32))
    found = np.full((slots, len(starts) - 1), _EMPTY)
    filled = np.flatnonzero(np.diff(starts))
    for texts in np.split(filled, np.unique(np.searchsorted(starts[filled], _cuts(len(hashes))))):
        if len(texts):
            _least(spread, starts, texts, (factors, addends), found)
    return np.ascontiguousarray(found.T)


def _cuts(size: int) -> Offsets:
    return np.arange(_SLICE, size, _SLICE, dtype=np.int64)


def _least(spread: Words, starts: Offsets, texts: Offsets, permutations: tuple[Words, Words], found: Words) -> None:
    """One slot after the other over all shingles of ``texts``, which stand end to end: no array of both."""
    first, last = starts[texts[0]], starts[texts[-1] + 1]
    part, begins = spread[first:last], starts[texts] - first
    for slot, (factor, addend) in enumerate(zip(*permutations, strict=True)):
        found[slot, texts] = np.minimum.reduceat(part * factor + addend, begins)


@cache
def _permutations(slots: int) -> tuple[Words, Words]:
    """The factors and addends of datasketch's permutations."""
    from datasketch import MinHash  # half a second, for what draws a sketch alone

    factors, addends = MinHash(num_perm=slots, seed=_SEED, scheme="affine32").permutations
    return factors, addends


def _spread(hashes: Words) -> Words:
    """Every bit of the result hangs on every bit of the hash (finalizer of MurmurHash3; Appleby 2011)."""
    hashes = (hashes ^ (hashes >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    hashes = (hashes ^ (hashes >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return hashes ^ (hashes >> np.uint32(16))


def band_keys(signatures: Words, bands: Bands, scopes: npt.NDArray[np.uint64]) -> Words:
    """Keys, (bands, texts): equal where the slots of the band and the scopes are, else by a chance of 1 in 2^32."""
    slots = np.ascontiguousarray(signatures.T).reshape(bands.number, bands.size, -1)
    found = np.broadcast_to(scopes, (bands.number, len(scopes)))
    for place in range(bands.size):
        found = found * _BAND_BASE + slots[:, place]
    return (mixed(found) >> np.uint64(32)).astype(np.uint32)
