"""Rows like the recorded ones, each written anew from a recorded one: same group, task, attributes and lengths, other texts."""

import json
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from pairsmith.factory.parse import parse_answer
from pairsmith.factory.records import PAIRS, Request, content_hash
from pairsmith.factory.taxonomy import Role
from pairsmith.validators.length import words
from rehearsal.material import Text, pools, public

RECORDED = Path(__file__).parents[2] / "examples" / "recorded"
ELSEWHERE = 0.25  # share of rows in a language drawn from all, so that each of them, however rare, has some
PHRASE = 25  # words: a shorter text is spliced, since few whole sentences make it up
MODEL = "rehearsal"

Row = dict[str, Any]
"""Column of PAIRS -> value."""


class Template(NamedTuple):
    """A recorded example. ``lengths``: words of each text."""

    request: Request
    texts: dict[Role, str]
    lengths: dict[Role, float]
    defect: str | None

    @property
    def labels(self) -> bool:
        """Whether positive and negative are class labels."""
        return self.request.group == "long_short"

    def language(self, role: Role) -> str:
        """The language of one of its texts."""
        return self.request.query_language if role == "query" else self.request.document_language


def recorded() -> list[Template]:
    """Every recorded answer that parses."""
    lines = {name: _lines(name) for name in ("requests", "completions", "truth")}
    defects = {line["id"]: line["defect"] for line in lines["truth"]}
    answers = {line["id"]: line for line in lines["completions"]}
    return [
        template
        for line in lines["requests"]
        if (template := _template(Request(**line), answers[line["id"]], defects[line["id"]]))
    ]


def _lines(name: str) -> list[dict[str, Any]]:
    with (RECORDED / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _template(request: Request, answer: dict[str, str], defect: str | None) -> Template | None:
    texts = parse_answer(answer["completion"], request.group, answer["finish_reason"]).texts
    if texts is None:
        return None
    template = Template(request, texts, {}, defect)
    template.lengths.update({role: words(text, template.language(role)) for role, text in texts.items()})
    return template


class Writer:
    """Writes rows. Row ``number`` of a seed is the same in a corpus of any size."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.templates = recorded()
        self.sound = [template for template in self.templates if template.defect is None]
        self.pools = pools([*self._recorded_texts(), *public()])
        self.languages = list(self.pools)
        self.unspaced = [language for language, pool in self.pools.items() if pool.unspaced]

    def _recorded_texts(self) -> list[Text]:
        return [
            (template.language(role), text)
            for template in self.sound
            for role, text in template.texts.items()
            if not (template.labels and role != "query")
        ]

    def random(self, number: int) -> Random:
        """What decides row ``number``."""
        return Random(f"{self.seed}/{number}")

    def fresh(self, number: int) -> Row:
        """A sound row."""
        random = self.random(number)
        template = random.choice(self.sound)
        language = random.choice(self.languages) if random.random() < ELSEWHERE else None
        return self.row(number, random, template, language)

    def row(self, number: int, random: Random, template: Template, language: str | None = None) -> Row:
        """A row after ``template``; ``language``: in place of the recorded one (of its query, where there are two)."""
        asked = language or template.request.query_language
        answered = template.request.document_language if template.request.source_language else asked
        texts: dict[Role, str] = {
            role: text
            if template.labels and role != "query"
            else self.text(random, asked if role == "query" else answered, template.lengths[role])
            for role, text in template.texts.items()
        }
        return self.finished(number, template.request, texts, asked, answered)

    def text(self, random: Random, language: str, length: float) -> str:
        """A text of about ``length`` words."""
        pool = self.pools[language]
        return pool.phrase(random, length) if length < PHRASE else pool.passage(random, length)

    def finished(self, number: int, request: Request, texts: dict[Role, str], asked: str, answered: str) -> Row:
        """All columns of a row but the hash of its texts, which :func:`hashed` adds when they are final."""
        name = blake2b(f"{self.seed}/{number}".encode(), digest_size=8).hexdigest()
        negatives = [texts["negative"]] if "negative" in texts else []
        row: Row = dict.fromkeys(PAIRS.names)
        row |= {key: str(value) for key, value in request.attributes.items()}
        return row | {
            "id": name,
            "request_id": name,
            "group": request.group,
            "instruction": request.instruction,
            "query": texts["query"],
            "positive": texts["positive"],
            "negatives": negatives,
            "query_language": asked,
            "document_language": answered,
            "model": MODEL,
        }


def hashed(row: Row) -> Row:
    """The row with the hash of its texts."""
    return row | {"content_hash": content_hash(row["query"], row["positive"], row["negatives"])}
