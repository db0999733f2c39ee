"""Answers that do not parse are asked for again, with what was wrong: each time a request of its own, with its lineage.

Neither a refusal nor a filtered answer is mended this way: its fault is not the form.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pairsmith.factory.chat import Answer, Ask, Entry
from pairsmith.factory.parse import Parsed, ParseReason, parse_entry, parse_text
from pairsmith.factory.records import Request, digest
from pairsmith.factory.spec import RepairSpec

if TYPE_CHECKING:
    from jinja2 import Template

SHOWN = (
    12_000  # characters of a faulty answer that are shown to the model again: more than any answer that was asked for
)

WATCHED = 20_000  # asks that are remembered until their answer is there: far more than are ever on their way

FAULTS = {
    ParseReason.EMPTY_ANSWER: "it is empty",
    ParseReason.NOT_JSON: "it is not JSON",
    ParseReason.TRUNCATED: "it breaks off before its end",
    ParseReason.ARRAY: "it is a JSON array where one JSON object is wanted",
    ParseReason.NESTED: "the wanted keys are not at the top level of one JSON object",
    ParseReason.MISSING_KEY: "these keys are missing",
    ParseReason.WRONG_TYPE: "a value is not a string",
    ParseReason.EMPTY_TEXT: "a text is empty",
    ParseReason.PLACEHOLDER_ONLY: "a placeholder stands where a text is wanted",
}
"""Reasons that another try can mend, in the words that the model is told."""

_NAMED = {ParseReason.MISSING_KEY, ParseReason.WRONG_TYPE, ParseReason.EMPTY_TEXT, ParseReason.PLACEHOLDER_ONLY}

Revisions = Callable[[str], list[Entry]]
"""Answers to the repairs of an ask, by its key, the last one last."""


class Resolved(NamedTuple):
    """What an ask brought in the end. ``entry`` has the first ask's key, the last answer, and the tokens of all."""

    entry: Entry
    parsed: Parsed


class Repairs:
    """Says of each answer as it comes whether it is to be asked for again, and with what: no answer waits for another.

    ``complete``: every answer was seen together with its request, so that none is left to be looked at afterwards.
    """

    def __init__(self, spec: RepairSpec) -> None:
        self._spec = spec
        self._open: dict[str, tuple[Request, Ask, int]] = {}
        self.complete = True

    def watch(self, asks: Iterable[tuple[Request, Ask]]) -> Iterator[Ask]:
        """The asks, each remembered with its request; the oldest are forgotten beyond :data:`WATCHED`."""
        for request, ask in asks:
            if len(self._open) >= WATCHED:
                del self._open[next(iter(self._open))]
            self._open[ask.key] = (request, ask, 0)
            yield ask

    def __call__(self, ask: Ask, answer: Answer) -> Ask | None:
        """The ask that repairs ``answer``, if it needs one and has a try left."""
        if ask.key not in self._open:
            self.complete = False
            return None
        request, first, number = self._open.pop(ask.key)
        parsed = parse_text(answer.text, request, answer.finish_reason)
        if parsed.reason not in FAULTS or number >= self._spec.attempts:
            return None
        again = _ask(ask.key, answer.text, parsed, first, number + 1, self._spec.mode)
        self._open[again.key] = (request, first, number + 1)
        return again


def resolve(entry: Entry, request: Request, revisions: Revisions) -> Resolved:
    """The answer as it stands, or the last of its repairs."""
    parsed = parse_entry(entry, request)
    if parsed.reason not in FAULTS:
        return Resolved(entry, parsed)
    for revision in revisions(entry.key):
        entry = replace(
            entry,
            text=revision.text,
            finish_reason=revision.finish_reason,
            prompt_version=revision.prompt_version,
            tokens_in=_sum(entry.tokens_in, revision.tokens_in),
            tokens_out=_sum(entry.tokens_out, revision.tokens_out),
        )
        parsed = parse_entry(entry, request)
    return Resolved(entry, parsed)


def repair_asks(
    answers: Iterable[tuple[Entry, Request]], revisions: Revisions, asked: Callable[[str], Ask], spec: RepairSpec
) -> Iterator[Ask]:
    """What is still to be asked to repair ``answers``: nothing where a repair has parsed, or the tries are used up.

    ``asked``: what was sent, by key.
    """
    for entry, request in answers:
        if parse_entry(entry, request).reason not in FAULTS:
            continue
        tries = revisions(entry.key)
        last = tries[-1] if tries else entry
        parsed = parse_entry(last, request)
        if parsed.reason in FAULTS and len(tries) < spec.attempts:
            yield _ask(last.key, last.text, parsed, asked(entry.key), len(tries) + 1, spec.mode)


def _ask(parent: str, faulty: str, parsed: Parsed, first: Ask, number: int, mode: str) -> Ask:
    template, version = _template(mode)
    text = template.render(prompt=first.prompt, answer=faulty[:SHOWN], fault=_fault(parsed)).strip()
    draw = f"{first.draw} repair {number}"
    return replace(first, prompt=text, prompt_version=version, draw=draw, parent=parent)


def _fault(parsed: Parsed) -> str:
    words = FAULTS[parsed.reason] if parsed.reason else ""
    return f"{words}: {parsed.detail}" if parsed.reason in _NAMED and parsed.detail else words


@cache
def _template(mode: str) -> tuple["Template", str]:
    from jinja2 import Environment, StrictUndefined

    source = (Path(__file__).parent / "templates" / f"repair_{mode}.jinja").read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined)  # noqa: S701  plain text for a model, not HTML
    return environment.from_string(source), f"repair/{mode}-{digest('repair', mode, source)}"


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)
