"""Gate ``contamination``: nothing of an evaluation set may be trained on.

A text is contaminated by an evaluation text when, folded and cut into tokens (punctuation aside),

- it is the same,
- it holds the whole of it, if that has eight words or more,
- it holds a run of ``ngram`` tokens of it (13: Brown et al. 2020, arXiv 2005.14165, appendix C),
- it is nearly the same: Jaccard of token 3-grams, or a lightly edited sentence (one word in eight).

The rules are tried in this order; of several evaluation texts the one found first in the text is named, and of those that
are nearly the same the nearest one; else the first one of the files. Hashes say which to compare, the texts decide.
"""

from collections.abc import Iterator
from enum import IntEnum
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pairsmith.factory.spec import ContaminationSpec
from pairsmith.factory.text import tokens
from pairsmith.validators.evaluation import evaluation_file
from pairsmith.validators.evaluation_index import (
    SLICE,
    EvaluationIndex,
    Progress,
    distinct_grams,
    omitted,
    open_index,
)
from pairsmith.validators.gate import Findings, Reason, Scope, Texts, texts
from pairsmith.validators.overlap import (
    EDITED,
    EDITED_OVERLAP,
    INSIDE,
    ROUNDING,
    least_overlap,
    nearness,
    run_length,
)
from pairsmith.validators.segments import Segments


class Match(NamedTuple):
    """An evaluation text found in a field. ``score``: overlap, or the run's length in tokens; ``threshold`` alike."""

    entry: int
    score: float
    threshold: float


class ContaminationGate:
    """Reads only rows that the row gates kept; each row is judged alone. Labels are exempt."""

    name = "contamination"
    scope: Scope = "kept"

    def __init__(self, spec: ContaminationSpec, folder: Path) -> None:
        self._spec, self._folder = spec, folder
        self._files = [(name, evaluation_file(name, folder)) for name in spec.evaluation]
        self._index: EvaluationIndex | None = None

    def prepare(self, progress: Progress = lambda _: None) -> None:
        """Read the evaluation files, unless their index is in the run folder already; ``judge`` does it too."""
        if self._files and self._index is None:
            self._index = open_index(self._spec, self._files, self._folder, progress)

    def judge(self, rows: pa.Table) -> pa.Table:
        """Verdicts on each text field of ``rows``; ``related`` names the file and the evaluation text."""
        self.prepare()
        findings = Findings(rows, self.name)
        if self._index is not None:
            found = texts(rows)
            for place, (entry, score, threshold) in matches(found, self._index, self._spec):
                related = self._index.shown(entry)
                row, field = int(found.row[place]), found.field[place]
                findings.drop(row, field, Reason.CONTAMINATION, score, threshold, related)
        return findings.table()


def matches(found: Texts, index: EvaluationIndex, spec: ContaminationSpec) -> Iterator[tuple[int, Match]]:
    """The place of every contaminated text that is no label, and the evaluation text that it repeats."""
    for first in range(0, len(found), SLICE):
        last = min(first + SLICE, len(found))
        segments = Segments(found.tokens, first, last)
        among = ~found.is_label[first:last]
        unspaced = among & (found.tokens.words[first:last] < segments.counts)
        candidates = np.concatenate(
            (
                _whole(segments, among, index),
                *(_inside(segments, among if scale == 1 else unspaced, index, scale) for scale in index.scales),
                *(
                    _runs(segments, among if scale in index.spaced else unspaced, index, scale * spec.ngram)
                    for scale in index.scales
                ),
                _near(segments, among, index, spec),
            )
        )
        candidates = candidates[np.lexsort(candidates.T[::-1])]
        for text, group in groupby(map(_Candidate._make, candidates.tolist()), key=lambda candidate: candidate.text):
            match = _verified(tokens(found.text[first + text]), group, index, spec)
            if match is not None:
                yield first + text, match


class _Rule(IntEnum):
    WHOLE = 0
    INSIDE = 1
    RUN = 2
    NEAR = 3


class _Candidate(NamedTuple):
    """What the hashes propose. ``size`` and ``place``: of a run, in tokens; sorted, the first one is to be named."""

    text: int
    rule: int
    size: int
    place: int
    entry: int


Candidates = npt.NDArray[np.int64]  # lines of :class:`_Candidate`


def _lines(text: npt.NDArray[np.int64], rule: _Rule, size: int, place: Candidates, entry: Candidates) -> Candidates:
    return np.column_stack([text, np.full(len(text), rule), np.full(len(text), size), place, entry])


def _whole(segments: Segments, among: npt.NDArray[np.bool_], index: EvaluationIndex) -> Candidates:
    text, entry = index.exact.find(segments.whole())
    text, entry = text[among[text]], entry[among[text]]
    return _lines(text, _Rule.WHOLE, 0, np.zeros_like(text), entry)


def _inside(segments: Segments, among: npt.NDArray[np.bool_], index: EvaluationIndex, scale: int) -> Candidates:
    """Where an entry's opening stands and the hash of as many tokens from there on is that of the entry."""
    heads = segments.heads(INSIDE * scale, among)
    number, entry = index.openings.find(segments.rolling(INSIDE * scale)[heads])
    head, length = heads[number], index.entries.tokens[entry].astype(np.int64)
    fits = head + length <= segments.starts[segments.text[head] + 1]
    head, entry, length = head[fits], entry[fits], length[fits]
    same = ~segments.of(head, length) == index.entries.whole[entry]
    head, entry = head[same], entry[same]
    return _lines(segments.text[head], _Rule.INSIDE, INSIDE * scale, segments.place(head), entry)


def _runs(segments: Segments, among: npt.NDArray[np.bool_], index: EvaluationIndex, size: int) -> Candidates:
    heads = segments.heads(size, among)
    number, entry = index.exact.find(segments.rolling(size)[heads])
    head = heads[number]
    return _lines(segments.text[head], _Rule.RUN, size, segments.place(head), entry)


def _near(
    segments: Segments, among: npt.NDArray[np.bool_], index: EvaluationIndex, spec: ContaminationSpec
) -> Candidates:
    """Entries of about the same length that share enough 3-grams, counting as shared all that the index leaves out."""
    text, keys = distinct_grams(segments, among)
    own = np.bincount(text, minlength=len(segments.counts))
    number, entry = index.grams.find(keys)
    text, entry, shared = _counted(*_as_long(text[number], entry, own, segments.counts, index, spec.overlap))
    grams, editable = index.entries.grams[entry].astype(np.int64), index.entries.editable[entry]
    shared = shared + omitted(grams, least_overlap(spec, editable))
    both = own[text] + grams
    near = _reaches(shared, both, spec.overlap) | (editable & _reaches(shared, both, EDITED_OVERLAP))
    return _lines(text[near], _Rule.NEAR, 0, np.zeros(int(near.sum()), np.int64), entry[near])


def _as_long(
    text: Candidates, entry: Candidates, own: Candidates, counts: Candidates, index: EvaluationIndex, overlap: float
) -> tuple[Candidates, Candidates]:
    """The pairs of text and entry that have about as many 3-grams, or tokens, as a near text or an edited one."""
    long = _alike(own[text], index.entries.grams[entry], overlap)
    long |= _alike(counts[text], index.entries.tokens[entry], EDITED)
    return text[long], entry[long]


def _alike(one: Candidates, other: npt.NDArray[np.uint32], least: float) -> npt.NDArray[np.bool_]:
    """Whether of two sizes the smaller is at least that share of the larger."""
    least = least * (1 - ROUNDING)
    return (one >= least * other) & (other >= least * one)


def _counted(text: Candidates, entry: Candidates) -> tuple[Candidates, Candidates, Candidates]:
    """Every pair of text and entry once, and how often it was there."""
    pairs, counts = np.unique((text << 32) | entry, return_counts=True)
    return pairs >> 32, pairs & 0xFFFFFFFF, counts


def _reaches(shared: Candidates, both: Candidates, overlap: float) -> npt.NDArray[np.bool_]:
    """Whether two sets of together ``both`` 3-grams may have that Jaccard similarity."""
    return shared * (1 + overlap) >= overlap * both - ROUNDING


def _verified(
    units: list[str], candidates: Iterator[_Candidate], index: EvaluationIndex, spec: ContaminationSpec
) -> Match | None:
    """The first candidate that stands the comparison of the texts, or the nearest of those that are only near."""
    nearest: Match | None = None
    for _, rule, size, place, entry in candidates:
        wanted = index.units(entry)
        if rule == _Rule.NEAR:
            near = nearness(units, wanted, spec.overlap)
            if near is not None and (nearest is None or near[0] > nearest.score):
                nearest = Match(entry, *near)
        elif rule == _Rule.RUN:
            if length := run_length(units, place, size, wanted):
                return Match(entry, length, size)
        elif units[place : place + len(wanted)] == wanted and (rule == _Rule.INSIDE or len(units) == len(wanted)):
            return Match(entry, 1.0, spec.overlap)
    return nearest
