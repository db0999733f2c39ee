"""Texts of a row that may leak into each other, by the hashes of their tokens: all others share too little for any finding."""

import numpy as np
import numpy.typing as npt

from pairsmith.validators.copying import EDITED_CONTAINMENT, SHINGLE
from pairsmith.validators.texts import Texts
from pairsmith.validators.tokens import Hashes, Ragged, mixed

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
_BASE = np.uint64(0x9E3779B97F4A7C15)


def may_copy(fields: Texts, queries: Numbers, documents: Numbers, containment: float) -> Flags:
    """Whether each document may copy the query beside it (:func:`pairsmith.validators.copying.copied`); both are places.

    Whoever copies has a share of the query's runs of three words, all of them where it is copied as it is. How many tokens
    three words are depends on the script of the query. The queries have three words or more.
    """
    found = np.zeros(len(queries), np.bool_)
    tokens = fields.tokens
    sizes = np.round(SHINGLE * np.diff(tokens.starts)[queries] / tokens.words[queries]).astype(np.int64)
    for size in np.unique(sizes).tolist():
        these = np.flatnonzero(sizes == size)
        shared = _shared(tokens.runs(size, queries[these]), tokens.runs(size, documents[these]))
        found[these] = shared >= min(containment, EDITED_CONTAINMENT)
    return found


def may_hold(fields: Texts, queries: Numbers, labels: Numbers) -> Flags:
    """Whether each query may hold the label beside it (:func:`pairsmith.validators.labels.leaked`); both are places.

    A label stands in whole words, all of which are tokens of the query, but for scripts without spaces and single letters.
    """
    tokens = fields.tokens
    unspaced = tokens.words[labels] != np.diff(tokens.starts)[labels]
    tiny = [sum(map(str.isalnum, fields.folded[label])) <= 1 for label in labels.tolist()]
    shared = _shared(tokens.runs(1, labels), tokens.runs(1, queries))
    return np.asarray(unspaced | np.array(tiny, np.bool_) | (shared == 1))


def _shared(own: Ragged, other: Ragged) -> npt.NDArray[np.float64]:
    """Of each text of ``own`` the share of its different runs that the text of ``other`` beside it has; 0 for none."""
    keys, places = np.unique(_beside(own), return_index=True)
    pairs = np.searchsorted(own.starts, places, side="right") - 1
    known = np.sort(_beside(other))
    at = np.searchsorted(known, keys)
    has = np.append(known, np.uint64(0))[at] == keys
    count = len(own.starts) - 1
    return np.bincount(pairs[has], minlength=count) / np.maximum(np.bincount(pairs, minlength=count), 1)


def _beside(runs: Ragged) -> Hashes:
    """The runs' hashes, different ones for different pairs."""
    pairs = np.repeat(np.arange(len(runs.starts) - 1, dtype=np.uint64), runs.counts)
    return mixed(runs.values + pairs * _BASE)
