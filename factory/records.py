"""The nouns of the line, each as one typed record, and the one Arrow schema of each table.

Request -> answer -> row (pair) -> verdicts. ``request_id`` and ``id`` name a row from the plan to the release.
"""

import hashlib
import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from pairsmith.factory.errors import nearest
from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.taxonomy import (
    ATTRIBUTES,
    GROUNDED,
    GROUNDED_KEYS,
    GROUPS,
    UNGROUNDED_ATTRIBUTES,
    Group,
    Role,
    Value,
)

Code = Annotated[str, StringConstraints(min_length=2, max_length=3)]


_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(*parts: Any) -> str:
    """Content key: the first 16 hex digits of SHA-256 over the canonical JSON of ``parts``.

    Sorted keys, no spaces, UTF-8: the same on every machine. 64 bits: a clash among 10 million keys has odds of 1 in
    370,000.
    """
    text = _CANONICAL.encode(parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Request(BaseModel):
    """One example that is asked for: the placeholders are drawn, the prompt is rendered purely from this.

    ``passage``: the positive where it is a real text, of ``document`` ("<source>#<id>"); the model then writes the task too.
    ``template`` names the prompt variant, or is None where the prompt is not known (recorded answers). ``draw`` tells
    requests with the same content apart. ``model``: the one that is asked, None for recorded answers. ``parent``: id of the
    request in whose place this one is asked because its answer was not accepted, as the ``attempt``-th one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    group: Group
    task: str | None = None
    language: Code | None = None
    source_language: Code | None = None
    target_language: Code | None = None
    attributes: dict[str, Value] = Field(default_factory=dict)
    template: str | None = None
    draw: Annotated[int, Field(ge=0, lt=2**31)] = 0
    model: str | None = None
    parent: str | None = None
    attempt: Annotated[int, Field(ge=0, lt=2**31)] = 0
    passage: str | None = None
    document: str | None = None

    @field_validator("attributes")
    @classmethod
    def _known_attributes(cls, attributes: dict[str, Value]) -> dict[str, Value]:
        for name in attributes:
            if name not in ATTRIBUTES:
                raise ValueError(f"unknown attribute '{name}'{nearest(name, ATTRIBUTES)}")
        return attributes

    @model_validator(mode="after")
    def _fits_group(self) -> "Request":
        facts = GROUPS[self.group]
        needed = ("source_language", "target_language") if facts.bilingual else ("language",)
        for name in needed:
            code = getattr(self, name)
            if code is None:
                raise ValueError(f"group {self.group} needs '{name}'")
            if code not in LANGUAGES:
                raise ValueError(f"'{name}' is '{code}', which is none of the {len(LANGUAGES)} languages")
        if facts.brainstormed and not self.task and self.passage is None:
            raise ValueError(f"group {self.group} needs 'task'")
        return self

    @model_validator(mode="after")
    def _passage_fits(self) -> "Request":
        if (self.passage is None) != (self.document is None):
            raise ValueError("'passage' and 'document', which says where it is from, go together")
        if self.passage is None:
            return self
        if self.group != GROUNDED or not self.passage.strip():
            raise ValueError(f"'passage' is a text, for group {GROUNDED} only")
        given = [name for name in UNGROUNDED_ATTRIBUTES if name in self.attributes] + (["task"] if self.task else [])
        if given:
            raise ValueError(f"'{given[0]}' goes with no 'passage': the passage is as it is, the model writes its task")
        return self

    @property
    def query_language(self) -> str:
        """ISO 639-1 code of the query."""
        return self.source_language or self.language or ""

    @property
    def document_language(self) -> str:
        """ISO 639-1 code of the positive and the negatives."""
        return self.target_language or self.language or ""

    @property
    def slice(self) -> str:
        """What targets and costs are counted by: group and language, or group and both languages."""
        return slice_of(self.group, self.query_language, self.document_language)

    @property
    def keys(self) -> dict[Role, str]:
        """Role -> key of the answer that is asked for."""
        return GROUPS[self.group].keys if self.passage is None else GROUNDED_KEYS

    @property
    def instruction(self) -> str:
        """What training puts before the query: the task, or the fixed instruction of a symmetric group.

        Empty where a passage is given: then the answer holds it.
        """
        return GROUPS[self.group].instruction or self.task or ""


def slice_of(group: str, query_language: str, document_language: str) -> str:
    """``sts/de``; ``bitext/fr-en`` where the documents are in another language than the query."""
    pair = "" if document_language == query_language else f"-{document_language}"
    return f"{group}/{query_language}{pair}"


_STRING = pa.string()
_ATTRIBUTE_FIELDS = [pa.field(name, _STRING) for name in ATTRIBUTES]

TASKS = pa.schema(
    [
        pa.field("task", _STRING, nullable=False),
        pa.field("group", _STRING, nullable=False),
        pa.field("request_id", _STRING, nullable=False),  # of the brainstorm request that brought it
        pa.field("topic", _STRING),  # "domain / field / topic" that it was asked for; null where that is not known
        pa.field("merged", pa.int32(), nullable=False),  # near-duplicate tasks that it stands for, itself included
    ]
)
"""Brainstormed tasks, near-duplicates merged."""

REQUESTS = pa.schema(
    [
        pa.field("id", _STRING, nullable=False),
        pa.field("group", _STRING, nullable=False),
        pa.field("task", _STRING),
        pa.field("language", _STRING),
        pa.field("source_language", _STRING),
        pa.field("target_language", _STRING),
        pa.field("attributes", _STRING, nullable=False),  # canonical JSON: it keeps 50 and "at least 50" apart
        pa.field("template", _STRING),
        pa.field("draw", pa.int32(), nullable=False),
        pa.field("model", _STRING),
        pa.field("parent", _STRING),  # id of the request that this one takes the place of
        pa.field("attempt", pa.int32(), nullable=False),  # 0, or the number of the further try
        pa.field("passage", _STRING),
        pa.field("document", _STRING),
    ]
)
"""What is asked, in the order in which it is asked."""

PASSAGES = pa.schema(
    [
        pa.field("source", pa.int32(), nullable=False),  # place in the list ``sources`` of the spec
        pa.field("language", _STRING, nullable=False),
        pa.field("document", _STRING, nullable=False),
        pa.field("passage", _STRING, nullable=False),
    ]
)
"""Chosen passages; those of a source and language stand together, in the order in which they are used."""

_ROW_HEAD = [
    pa.field("id", _STRING, nullable=False),
    pa.field("request_id", _STRING, nullable=False),
    pa.field("content_hash", _STRING, nullable=False),
    pa.field("parent", _STRING),  # id of the row that a promoted or re-asked row comes from
    pa.field("group", _STRING, nullable=False),
    pa.field("instruction", _STRING, nullable=False),
    pa.field("query", _STRING, nullable=False),
    pa.field("positive", _STRING, nullable=False),
    pa.field("negatives", pa.list_(_STRING), nullable=False),
    pa.field("query_language", _STRING, nullable=False),
    pa.field("document_language", _STRING, nullable=False),
]
_PROVENANCE = [
    pa.field("document", _STRING),  # "<source>#<id>" where the positive is a passage of a given document
    pa.field("model", _STRING, nullable=False),
    pa.field("prompt_version", _STRING),
    pa.field("tokens_in", pa.int64()),
    pa.field("tokens_out", pa.int64()),
]

PAIRS = pa.schema([*_ROW_HEAD, *_ATTRIBUTE_FIELDS, *_PROVENANCE])
"""Candidates and accepted rows: one (query, positive, negatives) example with all that is known of its origin."""

REVIEWED = PAIRS.append(pa.field("review", _STRING))
"""Accepted rows after people's answers; ``review``: what they came to (:class:`Mark`), null where nobody has judged the row."""

RELEASE = REVIEWED.append(pa.field("split", _STRING, nullable=False))
"""Rows of a release."""

VERDICTS = pa.schema(
    [
        pa.field("request_id", _STRING, nullable=False),
        pa.field("id", _STRING, nullable=False),
        pa.field("gate", _STRING, nullable=False),
        pa.field("field", _STRING, nullable=False),  # query | positive | negative | row
        pa.field("verdict", _STRING, nullable=False),  # keep | drop | unverified
        pa.field("reason", _STRING),
        pa.field("score", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("related", _STRING),  # the twin's id, the evaluation text, the offending excerpt
    ]
)
"""One line for each row, gate and text field (and one more for each further reason)."""

REJECTED = pa.schema(
    [
        pa.field("id", _STRING, nullable=False),
        pa.field("request_id", _STRING, nullable=False),
        pa.field("group", _STRING, nullable=False),
        pa.field("query_language", _STRING, nullable=False),
        pa.field("document_language", _STRING, nullable=False),
        pa.field("reasons", pa.list_(_STRING), nullable=False),  # "gate:field:reason"
        pa.field("query", _STRING),  # null where the answer did not parse
        pa.field("positive", _STRING),
        pa.field("negatives", pa.list_(_STRING)),
        pa.field("raw", _STRING, nullable=False),
    ]
)
"""Every answered request that was not accepted, with all its reasons and the raw answer."""


class Mark(StrEnum):
    """What people's answers came to for a row that is released."""

    KEPT = "kept"  # as it was
    CORRECTED = "corrected"  # some of its texts are people's


def content_hash(query: str, positive: str, negatives: Iterable[str]) -> str:
    """Changes when a text of the row changes; the row's ``id`` does not."""
    return digest(query, positive, list(negatives))
