"""The six groups of examples, the keys of their answers, and the value sets of their placeholders.

Sources: Wang et al. 2024 (arXiv 2401.00368), appendix C (groups, keys, value sets, sizes); sampling weights from
SPEED (arXiv 2410.18634) and its code. ``weights`` of equal size mean that the source states none.
"""

from dataclasses import dataclass, field
from typing import Literal

Group = Literal["short_long", "long_short", "short_short", "long_long", "sts", "bitext"]
Value = str | int | float
Role = Literal["query", "positive", "negative", "instruction"]


def _even(*values: Value) -> dict[Value, float]:
    return dict.fromkeys(values, 1.0)


@dataclass(frozen=True)
class GroupFacts:
    """What is fixed about a group.

    ``keys``: role -> key of the JSON answer (of one to a given passage: :data:`GROUNDED_KEYS`). ``instruction``: the one
    instruction of a symmetric group, else None (the brainstormed task is the instruction). ``share``: rows in the paper,
    in thousands. ``placeholders``: attribute -> {value: weight}, drawn independently for each request.
    """

    name: Group
    keys: dict[Role, str]
    share: float
    instruction: str | None = None
    placeholders: dict[str, dict[Value, float]] = field(default_factory=dict)

    @property
    def brainstormed(self) -> bool:
        """Asymmetric groups get their tasks from a brainstorm; the symmetric ones have one fixed instruction."""
        return self.instruction is None

    @property
    def bilingual(self) -> bool:
        """Query and positive are in two different languages."""
        return self.name == "bitext"


_DIFFICULTY = _even("high school", "college", "PhD")
_SCHOOL = _even("elementary school", "high school", "college")
_UNIT: dict[Value, float] = {"sentence": 0.9, "phrase": 0.05, "passage": 0.05}
_HIGH = _even(4, 4.5, 5)
_CLARITY: dict[Value, float] = {"clear": 0.6, "understandable with some effort": 0.2, "ambiguous": 0.2}

GROUPS: dict[Group, GroupFacts] = {
    facts.name: facts
    for facts in (
        GroupFacts(
            "short_long",
            {"query": "user_query", "positive": "positive_document", "negative": "hard_negative_document"},
            share=167,
            placeholders={
                "query_type": {"extremely long-tail": 0.4, "long-tail": 0.5, "common": 0.1},
                "query_length": {"less than 5 words": 0.4, "5 to 15 words": 0.4, "at least 10 words": 0.2},
                "clarity": _CLARITY,
                "num_words": _even(50, 100, 200, 300, 400, 500),
                "difficulty": _DIFFICULTY,
            },
        ),
        GroupFacts(
            "long_short",
            {"query": "input_text", "positive": "label", "negative": "misleading_label"},
            share=122,
            placeholders={
                "num_words": {
                    "less than 10": 0.1,
                    "at least 10": 0.3,
                    "at least 50": 0.2,
                    "at least 100": 0.2,
                    "at least 200": 0.2,
                },
                "difficulty": _DIFFICULTY,
                "clarity": _CLARITY,
            },
        ),
        GroupFacts("short_short", {"query": "input", "positive": "positive_document"}, share=13),
        GroupFacts("long_long", {"query": "input", "positive": "positive_document"}, share=17),
        GroupFacts(
            "sts",
            {"query": "S1", "positive": "S2", "negative": "S3"},
            share=99,
            instruction="Retrieve semantically similar text.",
            placeholders={
                "unit": _UNIT,
                "high_score": _HIGH,
                "low_score": _even(2.5, 3, 3.5),
                "difficulty": _SCHOOL,
            },
        ),
        GroupFacts(
            "bitext",
            {"query": "S1", "positive": "S2", "negative": "S3"},
            share=89,
            instruction="Retrieve parallel sentences.",
            placeholders={
                "unit": _UNIT,
                "high_score": _HIGH,
                "low_score": _even(1.5, 2, 2.5),
                "difficulty": _SCHOOL,
            },
        ),
    )
}

GROUNDED: Group = "short_long"
"""The group whose positive may be a passage of a given document."""

GROUNDED_KEYS: dict[Role, str] = {
    "instruction": "task",
    "query": "user_query",
    "negative": "hard_negative_document",
}
"""Role -> key of the answer for a given passage: the model writes the task too, as in Gecko (arXiv 2403.20327)."""

UNGROUNDED_ATTRIBUTES = ("num_words", "difficulty")
"""Placeholders of the documents: not asked for where the positive is given."""

ATTRIBUTES: tuple[str, ...] = (
    "query_type",
    "query_length",
    "clarity",
    "num_words",
    "difficulty",
    "unit",
    "high_score",
    "low_score",
)
"""Every placeholder of every group, in the order of the columns."""
