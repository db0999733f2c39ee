"""Gate ``format``: is this a text, and nothing but a text?

Refusals, talk about the text, unfilled templates, leaked mark-up and roles, broken characters, loops, messages of a service.
Each detector looks at one field by itself; the row's instruction and query say what the field is about, since a text about
templates, HTML or encodings may show some.
"""

from collections.abc import Iterator

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
from pairsmith.validators.topic import about

_DOCUMENT_QUERIES = frozenset({"long_short", "long_long"})  # groups whose query is a long text
_DOCUMENT_POSITIVES = frozenset({"short_long", "long_long"})
Finding = tuple[Reason, str, float | None]


class FormatGate:
    """Drops a field for each thing that no text of the asked kind holds. A row gate."""

    name = "format"
    scope: Scope = "row"

    def __init__(self, spec: FormatSpec) -> None:
        self.spec = spec

    def judge(self, rows: pa.Table) -> pa.Table:
        """One line ``keep`` for a clean field, else one line ``drop`` for each reason; ``related`` is the excerpt."""
        findings = Findings(rows, self.name)
        rest = list(zip(*(rows[name].to_pylist() for name in _CONTEXT), strict=True))
        for text in texts(rows):
            found = list(_faults(text, *rest[text.row]))
            for reason, shown, score in found:
                findings.drop(text.row, text.field, reason, score=score, related=_shown(shown))
            if not found:
                findings.keep(text.row, text.field)
        return findings.table()


_CONTEXT = ("group", "instruction", "query", "positive", "negatives", "query_language", "document_language")


def _faults(
    field: Text, group: str, instruction: str, query: str, positive: str, negatives: list[str], *languages: str
) -> Iterator[Finding]:
    text = field.text
    context = instruction if field.field == "query" else f"{instruction}\n{query}"
    labels = (positive, *negatives) if group == "long_short" and not field.is_label else ()
    document = group in (_DOCUMENT_QUERIES if field.field == "query" else _DOCUMENT_POSITIVES)
    checks = (
        (Reason.REFUSAL, refusal(text, languages)),
        (Reason.META_TALK, meta_talk(text, languages, document, field.is_label)),
        (Reason.PLACEHOLDER, placeholder(text, context)),
        (Reason.MARKUP_LEAK, markup_leak(text, context)),
        (Reason.ROLE_LEAK, role_leak(text, context)),
        (Reason.MOJIBAKE, mojibake(text, field.language)),
        (Reason.CONTROL_CHARACTERS, control_character(text)),
        (Reason.SERVICE_RESIDUE, _service(field, instruction)),
    )
    yield from ((reason, shown, None) for reason, shown in checks if shown is not None)
    if not field.is_label:
        yield from _prose_faults(field, instruction, labels)


def _prose_faults(field: Text, instruction: str, labels: tuple[str, ...]) -> Iterator[Finding]:
    if (sentence := explains_relevance(field.text, field.language, labels)) is not None:
        yield Reason.EXPLAINS_RELEVANCE, sentence, None
    if (echo := instruction_echo(field.text, instruction)) is not None:
        yield Reason.INSTRUCTION_ECHO, echo, None
    if (loop := repetition(field.text)) is not None:
        yield Reason.REPETITION, loop[1], loop[0]


def _service(field: Text, instruction: str) -> str | None:
    """An error body; not where errors are what the task is about, and not a query that is the name of an error."""
    found = service_error(field.text)
    named = field.field == "query" and len(field.text) < 80 and field.text.strip()[:1] not in "{<"
    return None if found is None or named or about("errors", instruction) else found


def _shown(found: str) -> str:
    """What was found as a verdict shows it, without lone surrogates and controls; those that are all there is are named."""
    line = "".join(char if char.isprintable() else " " for char in found)
    return excerpt(line) or excerpt(repr(found))
