"""Gate ``contamination``: nothing of an evaluation set may be trained on.

A text is contaminated by an evaluation text when, folded and cut into tokens (punctuation aside),

- it is the same,
- it holds a run of ``ngram`` tokens of it (13: Brown et al. 2020, arXiv 2005.14165, appendix C),
- it holds the whole of it, if that has eight words or more,
- it is nearly the same: Jaccard of token 3-grams, or a lightly edited sentence (one word in eight).

Counts are of words; a script without spaces takes two or four tokens for one (:func:`pairsmith.factory.text.words`).
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from pairsmith.factory.spec import ContaminationSpec
from pairsmith.factory.text import bag_jaccard, excerpt, jaccard, tokens, words
from pairsmith.validators.evaluation import evaluation_file, evaluation_texts
from pairsmith.validators.gate import Findings, Reason, Scope, texts

SHINGLE = 3  # tokens
WHOLE = 2  # words fewer than ``minimum_tokens`` that count where the whole field is the evaluation text
INSIDE = 8  # words of an evaluation text that counts where it stands whole in a longer field
EDITED_WORDS = 8  # of an evaluation text for which a light edit is looked for
EDITED = 0.77  # multiset Jaccard of the words of a lightly edited text: one word in eight exchanged
EDITED_OVERLAP = 0.3  # ... whose 3-grams must still overlap this much, so that the order is that of the original


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
        self._spec = spec
        self._files = [(name, evaluation_file(name, folder)) for name in spec.evaluation]
        self._index: EvaluationIndex | None = None

    def judge(self, rows: pa.Table) -> pa.Table:
        """Verdicts on each text field of ``rows``; ``related`` names the file and the evaluation text."""
        if self._index is None:
            self._index = EvaluationIndex(self._spec)
            for name, path in self._files:
                for evaluation_text in evaluation_texts(path):
                    self._index.add(name, evaluation_text)
        findings = Findings(rows, self.name)
        for text in texts(rows):
            match = None if text.is_label else self._index.find(text.text)
            if match is None:
                findings.keep(text.row, text.field)
            else:
                related = self._index.shown(match.entry)
                findings.drop(text.row, text.field, Reason.CONTAMINATION, match.score, match.threshold, related)
        return findings.table()


class _Entry(NamedTuple):
    file: str
    text: str
    units: list[str]
    grams: frozenset[str]


class EvaluationIndex:
    """Evaluation texts by what they share with others."""

    def __init__(self, spec: ContaminationSpec) -> None:
        self._spec = spec
        self._entries: list[_Entry] = []
        self._whole: dict[str, int] = {}
        self._grams: dict[str, list[int]] = defaultdict(list)  # 3-gram -> entries
        self._runs: dict[int, dict[str, int]] = defaultdict(dict)  # tokens -> run -> entry
        self._inside: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))  # ... -> opening

    def add(self, file: str, text: str) -> None:
        """Take up one evaluation text, unless it is too short to tell anything."""
        units = tokens(text)
        length = words(units)
        if length < max(self._spec.minimum_tokens - WHOLE, 1):
            return
        number = self._whole.setdefault(" ".join(units), len(self._entries))
        if number < len(self._entries):
            return
        whole_only = length < self._spec.minimum_tokens
        grams = [] if whole_only else _ngrams(units, SHINGLE)
        self._entries.append(_Entry(file, text, units, frozenset(grams)))
        for gram in self._entries[number].grams:
            self._grams[gram].append(number)
        if whole_only:
            return
        scale = _scale(units)
        for run in _ngrams(units, self._spec.ngram * scale):
            self._runs[self._spec.ngram * scale].setdefault(run, number)
        if length >= INSIDE:
            self._inside[INSIDE * scale][" ".join(units[: INSIDE * scale])].append(number)

    def shown(self, entry: int) -> str:
        """File and excerpt of an evaluation text."""
        file, text, *_ = self._entries[entry]
        return f"{file}: {excerpt(text)}"

    def find(self, text: str) -> Match | None:
        """The evaluation text that ``text`` repeats, or None."""
        units = tokens(text)
        if (number := self._whole.get(" ".join(units))) is not None:
            return Match(number, 1.0, self._spec.overlap)
        grams = _ngrams(units, SHINGLE)
        known = [gram in self._grams for gram in grams]
        return self._shared(units, known) or self._near(units, set(grams), known)

    def _shared(self, units: list[str], known: list[bool]) -> Match | None:
        """A whole evaluation text, or a run of one, inside ``units``: looked for where all 3-grams are known ones."""
        for start, end in _stretches(known):
            stretch = units[start : end + SHINGLE - 1]
            for size, openings in self._inside.items():
                for place, opening in enumerate(_ngrams(stretch, size)):
                    for number in openings.get(opening, ()):
                        wanted = self._entries[number].units
                        if stretch[place : place + len(wanted)] == wanted:
                            return Match(number, 1.0, self._spec.overlap)
            for size, runs in self._runs.items():
                for run in _ngrams(stretch, size):
                    if (found := runs.get(run)) is not None:
                        return Match(found, self._run_length(found, stretch), size)
        return None

    def _run_length(self, number: int, stretch: list[str]) -> int:
        """Tokens of the longest run that an evaluation text shares with a stretch."""
        from difflib import SequenceMatcher

        wanted = self._entries[number].units
        matcher = SequenceMatcher(None, stretch, wanted, autojunk=False)
        return matcher.find_longest_match().size

    def _near(self, units: list[str], grams: set[str], known: list[bool]) -> Match | None:
        """The nearest evaluation text of about the same length, if it is near enough (exact, by prefix filtering)."""
        least = min(self._spec.overlap, EDITED_OVERLAP)
        if sum(known) < least * len(grams) or not grams:
            return None
        rarest = sorted(grams, key=lambda gram: (len(self._grams.get(gram, ())), gram))
        probes = rarest[: len(grams) - int(least * len(grams)) + 1]
        candidates = {number for gram in probes for number in self._grams.get(gram, ())}
        found = (self._similar(number, units, grams) for number in sorted(candidates))
        return max(filter(None, found), key=lambda match: (match.score, -match.entry), default=None)

    def _similar(self, number: int, units: list[str], grams: set[str]) -> Match | None:
        entry = self._entries[number]
        overlap = jaccard(grams, entry.grams)
        if overlap >= self._spec.overlap:
            return Match(number, overlap, self._spec.overlap)
        if overlap >= EDITED_OVERLAP and words(entry.units) >= EDITED_WORDS:
            edited = bag_jaccard(units, entry.units)
            return Match(number, edited, EDITED) if edited >= EDITED else None
        return None


def _scale(units: list[str]) -> int:
    """Tokens for a word in the script of the text: 1 (spaced), 2 (Han, kana) or 4 (Thai, Lao, Khmer, Myanmar)."""
    ratio = len(units) / words(units)
    return 1 if ratio < 1.5 else 2 if ratio < 3 else 4


def _ngrams(units: list[str], size: int) -> list[str]:
    """Runs of exactly ``size`` tokens, in order; none in a shorter text."""
    return [" ".join(units[start : start + size]) for start in range(len(units) - size + 1)]


def _stretches(known: list[bool]) -> Iterator[tuple[int, int]]:
    """Start and end of each run of True."""
    position = 0
    for value, run in groupby(known):
        length = sum(1 for _ in run)
        if value:
            yield position, position + length
        position += length
