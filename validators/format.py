"""Gate ``format``: is this a text, and nothing but a text?

Refusals, talk about the text, unfilled templates, leaked mark-up and roles, broken characters, loops, messages of a service.
Each detector looks at one field by itself; the row's instruction and query say what the field is about, since a text about
templates, HTML or encodings may show some.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pairsmith.factory.spec import FormatSpec
from pairsmith.factory.talk import refusal, service_error
from pairsmith.factory.text import excerpt
from pairsmith.validators.echo import instruction_echo
from pairsmith.validators.encoding import control_character, mojibake
from pairsmith.validators.gate import Findings, Reason, Scope, Text, texts
from pairsmith.validators.markup import markup_leak, role_leak
from pairsmith.validators.meta_talk import meta_talk
from pairsmith.validators.placeholder import placeholder
from pairsmith.validators.relevance_talk import explains_relevance
from pairsmith.validators.repetition import repetition
from pairsmith.validators.signs import Flags
from pairsmith.validators.suspects import Evidence
from pairsmith.validators.texts import LABELLED
from pairsmith.validators.topic import about

_DOCUMENT_QUERIES = frozenset({"long_short", "long_long"})  # groups whose query is a long text
_DOCUMENT_POSITIVES = frozenset({"short_long", "long_long"})


class FormatGate:
    """Drops a field for each thing that no text of the asked kind holds. A row gate."""

    name = "format"
    scope: Scope = "row"

    def __init__(self, spec: FormatSpec) -> None:
        self.spec = spec

    def judge(self, rows: pa.Table) -> pa.Table:
        """One line ``keep`` for a clean field, else one line ``drop`` for each reason; ``related`` is the excerpt."""
        findings, fields = Findings(rows, self.name), texts(rows)
        evidence = Evidence(fields)
        columns = [rows[name].to_pylist() for name in Context._fields]
        for check in CHECKS:
            suspects = check.suspects(evidence)
            if check.prose_only:
                suspects = suspects & ~fields.is_label
            for place in np.flatnonzero(suspects).tolist():
                text = fields[place]
                found = check.find(text, Context(*(column[text.row] for column in columns)))
                if found is not None:
                    findings.drop(text.row, text.field, check.reason, score=found[1], related=shown(found[0]))
        return findings.table()


class Context(NamedTuple):
    """What a row says beside the text that is looked at."""

    group: str
    instruction: str
    query: str
    positive: str
    negatives: list[str]
    query_language: str
    document_language: str

    def around(self, text: Text) -> str:
        """What the text is about, but for itself."""
        return self.instruction if text.field == "query" else f"{self.instruction}\n{self.query}"

    def languages(self) -> tuple[str, str]:
        """Of the row's texts."""
        return self.query_language, self.document_language

    def is_document(self, text: Text) -> bool:
        """Whether a long text was asked for, which may have headings."""
        return self.group in (_DOCUMENT_QUERIES if text.field == "query" else _DOCUMENT_POSITIVES)

    def labels(self) -> tuple[str, ...]:
        """The labels of a text to classify."""
        return (self.positive, *self.negatives) if self.group == LABELLED else ()


Finding = tuple[str, float | None]  # what was found, and its score


class _Check(NamedTuple):
    """One thing that no text holds. ``suspects``: the texts that may hold it, to which alone ``find`` is put."""

    reason: Reason
    suspects: Callable[[Evidence], Flags]
    find: Callable[[Text, Context], Finding | None]
    prose_only: bool = False  # not asked of labels


def _plain(find: Callable[[Text, Context], str | None]) -> Callable[[Text, Context], Finding | None]:
    """A check without a score."""

    def found(text: Text, row: Context) -> Finding | None:
        shown = find(text, row)
        return None if shown is None else (shown, None)

    return found


CHECKS = (
    _Check(Reason.REFUSAL, Evidence.refusal, _plain(lambda text, row: refusal(text.text, row.languages()))),
    _Check(
        Reason.META_TALK,
        Evidence.meta_talk,
        _plain(lambda text, row: meta_talk(text.text, row.languages(), row.is_document(text), text.is_label)),
    ),
    _Check(
        Reason.PLACEHOLDER, Evidence.placeholder, _plain(lambda text, row: placeholder(text.text, row.around(text)))
    ),
    _Check(Reason.MARKUP_LEAK, Evidence.markup, _plain(lambda text, row: markup_leak(text.text, row.around(text)))),
    _Check(Reason.ROLE_LEAK, Evidence.role, _plain(lambda text, row: role_leak(text.text, row.around(text)))),
    _Check(Reason.MOJIBAKE, Evidence.mojibake, _plain(lambda text, _: mojibake(text.text, text.language))),
    _Check(Reason.CONTROL_CHARACTERS, Evidence.control, _plain(lambda text, _: control_character(text.text))),
    _Check(Reason.SERVICE_RESIDUE, Evidence.service, _plain(lambda text, row: _service(text, row.instruction))),
    _Check(
        Reason.EXPLAINS_RELEVANCE,
        Evidence.relevance,
        _plain(lambda text, row: explains_relevance(text.text, text.language, row.labels())),
        prose_only=True,
    ),
    _Check(
        Reason.INSTRUCTION_ECHO,
        Evidence.echo,
        _plain(lambda text, row: instruction_echo(text.text, row.instruction)),
        prose_only=True,
    ),
    _Check(Reason.REPETITION, Evidence.loops, lambda text, _: repetition(text.text), prose_only=True),
)


def _service(field: Text, instruction: str) -> str | None:
    """An error body; not where errors are what the task is about, and not a query that is the name of an error."""
    found = service_error(field.text)
    named = field.field == "query" and len(field.text) < 80 and field.text.strip()[:1] not in "{<"
    return None if found is None or named or about("errors", instruction) else found


def shown(found: str) -> str:
    """What was found as a verdict shows it, without lone surrogates and controls; those that are all there is are named."""
    line = "".join(char if char.isprintable() else " " for char in found)
    return excerpt(line) or excerpt(repr(found))
