"""What makes a text contaminated by an evaluation text: the definition, on the tokens of both.

Counts are of words; a script without spaces takes two or four tokens for one (:func:`pairsmith.factory.text.words`).
"""

from itertools import takewhile

import numpy as np
import numpy.typing as npt

from pairsmith.factory.spec import ContaminationSpec
from pairsmith.factory.text import bag_jaccard, jaccard, words

SHINGLE = 3  # tokens
WHOLE = 2  # words fewer than ``minimum_tokens`` that count where the whole field is the evaluation text
INSIDE = 8  # words of an evaluation text that counts where it stands whole in a longer field
EDITED_WORDS = 8  # of an evaluation text for which a light edit is looked for
EDITED = 0.77  # multiset Jaccard of the words of a lightly edited text: one word in eight exchanged
EDITED_OVERLAP = 0.3  # ... whose 3-grams must still overlap this much, so that the order is that of the original
SCALES = (1, 2, 4)
ROUNDING = 1e-6  # far below a 3-gram, far above the error of a product: no pair just at a threshold is lost


def scales(tokens: npt.NDArray[np.int64], length: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Tokens for a word, by the tokens and words of texts: 1 (spaced), 2 (Han, kana) or 4 (Thai, Lao, Khmer, Myanmar)."""
    ratio = tokens / np.maximum(length, 0.25)
    return np.where(ratio < 1.5, 1, np.where(ratio < 3, 2, 4))


def least_overlap(spec: ContaminationSpec, editable: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Jaccard of 3-grams below which no text is near an evaluation text; one may be ``editable`` from EDITED_WORDS."""
    return np.where(editable, min(spec.overlap, EDITED_OVERLAP), spec.overlap)


def ngrams(units: list[str], size: int) -> list[str]:
    """Runs of exactly ``size`` tokens, in order; none in a shorter text."""
    return [" ".join(units[start : start + size]) for start in range(len(units) - size + 1)]


def run_length(units: list[str], place: int, size: int, wanted: list[str]) -> int:
    """Tokens of the longest run through that at ``place`` which stands in the evaluation text ``wanted`` too.

    0 where not even the ``size`` tokens at ``place`` do.
    """
    run, before, after = units[place : place + size], units[:place][::-1], units[place + size :]
    return max(
        (
            _alike(before, wanted[:start][::-1]) + size + _alike(after, wanted[start + size :])
            for start, unit in enumerate(wanted)
            if unit == run[0] and wanted[start : start + size] == run
        ),
        default=0,
    )


def _alike(left: list[str], right: list[str]) -> int:
    """With how many equal tokens both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def nearness(units: list[str], wanted: list[str], overlap: float) -> tuple[float, float] | None:
    """Score and threshold of a text that is nearly the evaluation text ``wanted``; None if it is not."""
    shared = jaccard(set(ngrams(units, SHINGLE)), set(ngrams(wanted, SHINGLE)))
    if shared and shared >= overlap:
        return shared, overlap
    if shared >= EDITED_OVERLAP and words(wanted) >= EDITED_WORDS:
        edited = bag_jaccard(units, wanted)
        return (edited, EDITED) if edited >= EDITED else None
    return None
