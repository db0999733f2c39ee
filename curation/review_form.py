"""What a reviewer is asked of a row: the questions, their options in words, and the answers as they are kept.

The same form is shown by Argilla and by the page for those without a server. Answers come from outside: they are checked
here, once, wherever they come from.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pairsmith.factory.errors import nearest
from pairsmith.factory.records import digest
from pairsmith.validators.gate import Reason

LONGEST = 100_000
"""Characters of a corrected text, at most."""


class Decision(StrEnum):
    """What becomes of the row."""

    KEEP = "keep"
    FIX = "fix"
    DROP = "drop"


class Flaw(StrEnum):
    """What people see and no gate looks for. The other things that can be wrong are the gates' own reasons."""

    WRONG_ANSWER = "wrong_answer"
    FALSE_NEGATIVE = "false_negative"
    OFF_TASK = "off_task"
    UNNATURAL = "unnatural"


WRONG: dict[str, str] = {
    Flaw.WRONG_ANSWER: "The positive does not answer the query",
    Flaw.FALSE_NEGATIVE: "The hard negative answers it too",
    Flaw.OFF_TASK: "Not what the task asks for",
    Flaw.UNNATURAL: "Unnatural, garbled or translated word by word",
    Reason.WRONG_LANGUAGE: "In another language than it says",
    Reason.MIXED_LANGUAGE: "Two languages in one text",
    Reason.WRONG_SCRIPT: "In another script than its language is written in",
    Reason.TOO_SHORT: "Much shorter than was asked for",
    Reason.TOO_LONG: "Much longer than was asked for",
    Reason.QUERY_COPIED: "The query stands in the positive word by word",
    Reason.LABEL_LEAK: "The label stands in the text",
    Reason.IDENTICAL_TEXTS: "Two of the texts are the same",
    Reason.POSITIVE_EQUALS_NEGATIVE: "Positive and negative say the same",
    Reason.REFUSAL: "A refusal or an apology in place of a text",
    Reason.META_TALK: "Talks about the task or about being a model",
    Reason.EXPLAINS_RELEVANCE: "Explains why it is relevant, or is not",
    Reason.PLACEHOLDER: "A placeholder was left in",
    Reason.INSTRUCTION_ECHO: "Repeats the instruction",
    Reason.MARKUP_LEAK: "Markup or JSON was left in",
    Reason.ROLE_LEAK: "The name of a role or a key was left in",
    Reason.MOJIBAKE: "Broken characters",
    Reason.CONTROL_CHARACTERS: "Invisible characters that do not belong there",
    Reason.REPETITION: "Says the same again and again",
    Reason.SERVICE_RESIDUE: "A message of the service was left in",
    Reason.CONTAMINATION: "Known from an evaluation set",
    Reason.SECRET: "A password or key",
    Reason.CARD_NUMBER: "A card number",
    Reason.EMAIL: "A mail address",
    Reason.PHONE: "A phone number",
}
"""What may be wrong with a row: code -> words. A gate's reason that no person can see from the row alone is not among them."""

RATINGS = (1, 2, 3, 4, 5)  # 1 not relevant at all, 5 answers it fully


@dataclass(frozen=True)
class Question:
    """One question. ``options``: value -> words, in the order of their keys; ``about``: what it means, for the reviewer."""

    name: str
    title: str
    kind: Literal["label", "labels", "rating", "text"]
    about: str
    options: dict[str, str] = field(default_factory=dict)
    required: bool = False


QUESTIONS = (
    Question(
        "decision",
        "Keep, fix or drop?",
        "label",
        "Would you train on this row as it is? Fix: yes, once a text is corrected below.",
        {Decision.KEEP: "Keep", Decision.FIX: "Fix", Decision.DROP: "Drop"},
        required=True,
    ),
    Question("wrong", "What is wrong?", "labels", "All that apply; nothing where you keep the row.", WRONG),
    Question(
        "positive_relevance",
        "How well does the positive answer the query?",
        "rating",
        "1 not at all, 5 fully; for pairs of sentences: how alike their meaning is.",
    ),
    Question(
        "negative_relevance",
        "How well does the hard negative answer it?",
        "rating",
        "1 not at all, 5 fully. A good hard negative looks right and is not: 1 to 3.",
    ),
    Question("query", "Corrected query", "text", "Only where you chose Fix: the whole text as it should be."),
    Question("positive", "Corrected positive", "text", "Only where you chose Fix: the whole text as it should be."),
    Question(
        "negative", "Corrected hard negative", "text", "Only where you chose Fix: the whole text as it should be."
    ),
)
"""In the order in which they are asked: the one that must be answered first, at one key."""

TEXTS = ("query", "positive", "negative")
"""Questions whose answer replaces the text of that name; ``negative`` is the first of a row's negatives."""

Corrected = Annotated[str, Field(max_length=LONGEST)]
Rating = Annotated[int, Field(ge=RATINGS[0], le=RATINGS[-1])]


class Answers(BaseModel):
    """What one reviewer said of one row. ``wrong`` are codes of :data:`WRONG`; a text is None where it was not changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision: Decision | None = None
    wrong: tuple[str, ...] = ()
    positive_relevance: Rating | None = None
    negative_relevance: Rating | None = None
    query: Corrected | None = None
    positive: Corrected | None = None
    negative: Corrected | None = None

    @field_validator("wrong")
    @classmethod
    def _known(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            if code not in WRONG:
                raise ValueError(f"unknown label '{code}'{nearest(code, WRONG)}")
        return tuple(sorted(set(codes)))

    @property
    def corrections(self) -> dict[str, str]:
        """Name of a text -> what it should be."""
        return {name: text for name in TEXTS if (text := getattr(self, name)) is not None}


@cache
def form_version() -> str:
    """Digest of all questions and options: answers to another form are not comparable."""
    return form_digest(QUESTIONS, RATINGS)


def form_digest(questions: Iterable[Question], ratings: Iterable[int]) -> str:
    """Digest of a form, ours or one that is met on a server."""
    return digest([[each.name, each.kind, list(each.options), each.required] for each in questions], list(ratings))


@cache
def guidelines() -> str:
    """What reviewers are told before they begin, as Markdown."""
    return (files("pairsmith.cards") / "guidelines.md").read_text(encoding="utf-8")
