"""Folding of many texts at once."""

from collections.abc import Sequence

import numpy as np

from pairsmith.factory.text import fold

_SLICE = 300  # texts at once: their characters stay in the processor's cache


def fold_all(texts: Sequence[str]) -> list[str]:
    """Each text as :func:`pairsmith.factory.text.fold` leaves it.

    Most are in plain ASCII with one space between two words, and are only put into lower case.
    """
    found: list[str] = []
    for start in range(0, len(texts), _SLICE):
        found += _folded(texts[start : start + _SLICE])
    return found


def _folded(texts: Sequence[str]) -> list[str]:
    plain = [text if text.isascii() else "" for text in texts]
    joined = "\n".join([*plain, ""])
    starts = np.cumsum([0, *map(len, plain)]) + np.arange(len(plain) + 1)
    codes = np.frombuffer(joined.encode("ascii"), np.uint8)
    blank = (codes == ord(" ")) | (codes == ord("\n"))
    odd = (codes < ord(" ")) & ~blank | (codes == 0x7F)
    odd |= blank & np.concatenate(([True], blank[:-1]))  # at the start and the end of a text too: a line break is there
    rest = np.logical_or.reduceat(odd, starts[:-1]).tolist()
    line, places = joined.lower().replace("\n", " "), starts.tolist()
    return [
        fold(text) if more else line[start : end - 1]
        for text, more, start, end in zip(texts, rest, places, places[1:], strict=False)
    ]
