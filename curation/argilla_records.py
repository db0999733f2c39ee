"""Rows as Argilla shows them: plain data, no server.

Argilla's page puts the text of a field into the document as HTML, and text that looks like HTML into a frame of the same
origin: what a model wrote could act there with the reviewer's rights. So fields are sent with ``&`` and ``<`` as character
references, which the page shows as the characters they stand for. What is suggested for a text question it shows as text.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from pairsmith.curation.gate_scores import Line, nearest_scores
from pairsmith.curation.review_form import TEXTS
from pairsmith.curation.review_records import suggest, turn
from pairsmith.curation.visible import visible
from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.spec import ReviewSpec
from pairsmith.validators.length import words

CORRECTED = "corrected_"
"""What the names of the questions for texts begin with there: Argilla's library takes no question named like a field."""
FURTHER = "further_negatives"
"""Field of a row's negatives after the first, where it has any."""
SCORE = "score_"
"""Metadata of that beginning is the score of the gate named after it."""
RULE = "\n\n———\n\n"  # between the texts of one field
SIGNS = re.compile(r"[\u2400-\u2421]|⟨U\+[0-9A-F]{4,5}⟩")  # what stands for invisible characters where texts are shown
NO_AGENT = re.compile(r"[^A-Za-z0-9_:./-]+")  # what Argilla takes in no name of an agent


def name_there(question: str) -> str:
    """What a question is called on the server."""
    return f"{CORRECTED}{question}" if question in TEXTS else question


def our_name(question: str) -> str:
    """What we call a question of the server."""
    return question.removeprefix(CORRECTED)


class Suggestion(NamedTuple):
    """What is filled in before a person answers. ``score``: one for each of several values; 0 to 1."""

    question: str
    value: str | list[str]
    score: float | list[float] | None = None
    agent: str | None = None


@dataclass(frozen=True)
class Shown:
    """A row as it is shown. ``twice``: two reviewers answer it; ``order``: in which it should be answered."""

    external_id: str
    twice: bool
    order: int
    fields: dict[str, str]
    metadata: dict[str, Any]
    suggestions: tuple[Suggestion, ...]

    @property
    def size(self) -> int:
        """Characters that are sent of it, about."""
        texts = [*self.fields.values(), *(str(one.value) for one in self.suggestions)]
        return sum(map(len, texts))

    def payload(self, question_ids: Mapping[str, str]) -> dict[str, Any]:
        """What the server's API takes."""
        suggested = [
            {
                "question_id": question_ids[name_there(name)],
                "type": "model",
                "value": value,
                "score": score,
                "agent": agent,
            }
            for name, value, score, agent in self.suggestions
        ]
        return {
            "external_id": self.external_id,
            "fields": self.fields,
            "metadata": self.metadata,
            "suggestions": suggested,
        }


def external_id(row_id: str, content_hash: str) -> str:
    """Names the row, as its texts were, on the server."""
    return f"{row_id}-{content_hash}"


def to_shown(sample: pa.Table, lines: Mapping[str, Sequence[Line]], spec: ReviewSpec) -> list[Shown]:
    """The rows of a sample (schema SAMPLE) in the order in which they should be answered; each one once.

    ``lines``: verdicts by row id. The parts take turns by their shares, each in the order in which it was drawn, so that
    whenever a reviewer stops, all parts were seen in proportion. A larger sample leaves the order of its rows as it was.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in sample.to_pylist():
        rows.setdefault(external_id(row["id"], row["content_hash"]), []).append(row)
    shown = [_shown(name, parts, lines.get(parts[0]["id"], ()), spec) for name, parts in rows.items()]
    return sorted(shown, key=lambda one: (one.order, one.external_id))


def _shown(name: str, parts: Sequence[dict[str, Any]], lines: Sequence[Line], spec: ReviewSpec) -> Shown:
    row = parts[0]
    order = min(turn(part, spec) for part in parts)
    metadata = {
        **{key: row[key] for key in ("group", "query_language", "document_language", "model")},
        "part": sorted(part["part"] for part in parts),
        "reasons": sorted({reason for part in parts for reason in part["reasons"]}),
        "order": order,
        "words": round(sum(words(row[key], _language(row, key)) for key in ("query", "positive"))),
        **({"doubt": row["doubt"]} if row["doubt"] is not None else {}),
        **{f"{SCORE}{gate}": score for gate, score in nearest_scores(lines).items()},
    }
    suggestions = (*_prefilled(row), *_suggested(parts, lines))
    return Shown(name, any(part["overlap"] for part in parts), order, _fields(row), metadata, suggestions)


def _language(row: Mapping[str, Any], field: str) -> str:
    return str(row["query_language" if field == "query" else "document_language"])


def _fields(row: Mapping[str, Any]) -> dict[str, str]:
    """``task`` says the language too: whether a text is in another one is among what is asked."""
    codes = dict.fromkeys((row["query_language"], row["document_language"]))
    names = " → ".join(LANGUAGES[code].name if code in LANGUAGES else code for code in codes)
    texts = {"task": f"{row['instruction']}\n({row['group']}: {names})".strip()}
    texts |= {"query": row["query"], "positive": row["positive"]}
    first, further = row["negatives"][:1], row["negatives"][1:]
    if first:
        texts["negative"] = first[0]
    if further:
        texts[FURTHER] = RULE.join(further)
    return {name: _inert(visible(text)) for name, text in texts.items()}


def _inert(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _prefilled(row: Mapping[str, Any]) -> list[Suggestion]:
    """The texts themselves, so that mending one is not writing it anew; without what is invisible in them."""
    texts = {"query": row["query"], "positive": row["positive"], "negative": next(iter(row["negatives"]), "")}
    return [Suggestion(name, text) for name in TEXTS if (text := bare(visible(texts[name])))]


def bare(shown: str) -> str:
    """A text as it is shown, without the signs for what is invisible in it."""
    return SIGNS.sub("", shown).strip()


def _suggested(parts: Sequence[Mapping[str, Any]], lines: Sequence[Line]) -> list[Suggestion]:
    """What the gates found wrong.

    No decision is suggested: the page ticks what is, and the key that chooses an option then takes it away.
    """
    found = suggest(parts, lines)
    if not found.wrong:
        return []
    return [Suggestion("wrong", list(found.wrong), list(found.sureness), _agent(", ".join(found.gates)))]


def _agent(name: str) -> str | None:
    return NO_AGENT.sub(" ", name).strip()[:200] or None


def in_batches(shown: Iterable[Shown], rows: int, characters: int) -> Iterable[list[Shown]]:
    """The rows in batches of at most ``rows``, and of at most ``characters`` unless a single one has more."""
    batch: list[Shown] = []
    size = 0
    for one in shown:
        if batch and (len(batch) == rows or size + one.size > characters):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one.size
    if batch:
        yield batch
