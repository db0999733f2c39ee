"""Gate ``leakage``: the answer must not stand in the question, nor the question in the answer.

Texts are compared folded (:mod:`pairsmith.factory.text`). What is judged depends on the group of the row: documents
must not copy the query (short_long, short_short, long_long), labels must not stand in the text that they classify
(long_short), and no two texts of a row may be the same (all groups). docs/gates.md gives the measured reason for each
constant.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pairsmith.factory.spec import LeakageSpec
from pairsmith.factory.text import excerpt, fold, tokens, words
from pairsmith.validators.copying import ANYWHERE, OWN_SENTENCE, copied
from pairsmith.validators.gate import Findings, Reason, Scope, Text, texts
from pairsmith.validators.labels import leaked
from pairsmith.validators.sharing import Flags, Numbers, may_copy, may_hold
from pairsmith.validators.texts import LABELLED, Texts

DOCUMENT_GROUPS = ("short_long", "short_short", "long_long")


class Finding(NamedTuple):
    """What is wrong with one field. ``related``: the excerpt that shows it."""

    field: str
    reason: Reason
    score: float
    threshold: float
    related: str


class LeakageGate:
    """Row gate. ``label_leak`` is said of the query, which holds the label; all else of the later of the two texts."""

    name = "leakage"
    scope: Scope = "row"

    def __init__(self, spec: LeakageSpec) -> None:
        self._containment = spec.query_containment

    def judge(self, rows: pa.Table) -> pa.Table:
        """Verdicts on each text field of ``rows``."""
        findings, fields = Findings(rows, self.name), texts(rows)
        groups = rows["group"].to_pylist()
        edges = [*fields.queries.tolist(), len(fields)]
        for row in np.flatnonzero(self._suspects(fields, groups)).tolist():
            for finding in self.row(groups[row], [fields[place] for place in range(edges[row], edges[row + 1])]):
                findings.drop(row, finding.field, *finding[1:])
        return findings.table()

    def _suspects(self, fields: Texts, groups: list[str]) -> Flags:
        """Rows in which something may be found."""
        found = np.zeros(len(groups), np.bool_)
        found[_alike(fields)] = True
        others = np.flatnonzero(~fields.is_query)
        queries, group = fields.queries[fields.row[others]], np.array(groups, np.str_)[fields.row[others]]
        least = np.where(group == "short_short", ANYWHERE, OWN_SENTENCE)
        copies = np.isin(group, DOCUMENT_GROUPS) & (fields.tokens.words[queries] >= least)
        found[fields.row[others[copies][may_copy(fields, queries[copies], others[copies], self._containment)]]] = True
        labels = group == LABELLED
        found[fields.row[others[labels][may_hold(fields, queries[labels], others[labels])]]] = True
        return found

    def row(self, group: str, fields: list[Text]) -> Iterator[Finding]:
        identical = list(_identical(fields))
        yield from identical
        query, *others = fields
        same = {finding.field for finding in identical}
        if group == LABELLED:
            for label in others:
                if (found := leaked(label.text, query.text, answer=label.field == "positive")) is not None:
                    yield Finding("query", Reason.LABEL_LEAK, 1.0, 1.0, found)
        elif group in DOCUMENT_GROUPS:
            for document in others:
                copy = None if document.field in same else copied(query.text, document.text, self._containment)
                if group == "short_short" and copy is not None and words(tokens(query.text)) < ANYWHERE:
                    copy = None  # short texts of a pair share a few words naturally: names, phrases
                if copy is not None:
                    yield Finding(document.field, Reason.QUERY_COPIED, *copy)


def _alike(fields: Texts) -> Numbers:
    """Rows with a text that seems to equal the query or the positive."""
    marks = np.array([hash(_bare_of(folded)) for folded in fields.folded], np.int64)
    same = (marks == marks[fields.queries[fields.row]]) & ~fields.is_query
    same |= (marks == marks[fields.queries[fields.row] + 1]) & (fields.number > 1)
    return np.asarray(fields.row[same])


def _identical(fields: list[Text]) -> Iterator[Finding]:
    """A text that equals the query or, for a negative, the positive (case, width, spacing, end marks aside)."""
    query, positive, *negatives = (_bare(text.text) for text in fields)
    if positive == query:
        yield Finding("positive", Reason.IDENTICAL_TEXTS, 1.0, 1.0, excerpt(query))
    for text, negative in zip(fields[2:], negatives, strict=True):
        if negative == positive:
            yield Finding(text.field, Reason.POSITIVE_EQUALS_NEGATIVE, 1.0, 1.0, excerpt(positive))
        elif negative == query:
            yield Finding(text.field, Reason.IDENTICAL_TEXTS, 1.0, 1.0, excerpt(query))


def _bare(text: str) -> str:
    """Folded, without the signs that end or enclose a sentence; a text of nothing else stays as it is."""
    return _bare_of(fold(text))


def _bare_of(folded: str) -> str:
    return folded.strip(" .!?…。！？।؟\"'“”«»") or folded
