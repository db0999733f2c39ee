"""What a model does to texts that no gate forbids, each with the first words of the metric that names it, and a word of it."""

import random
from collections.abc import Callable

from regressed import Rows

FIRST = ("anna", "li", "omar", "ines", "jan", "mei", "tom", "zoe")
LAST = ("weber", "rossi", "novak", "tanaka", "silva", "okoye", "larsen", "kaya")


def _some(share: float, rows: Rows, field: str, change: Callable[[str, int], str], language: str = "") -> Rows:
    """Rows of which a share, drawn at random, has the texts of a field changed; ``language``: of the documents, if only one."""
    chance = random.Random(4)
    changed = []
    for place, row in enumerate(rows):
        if chance.random() < share and language in ("", row["document_language"]):
            texts = row[field]
            new = [change(text, place) for text in texts] if isinstance(texts, list) else change(texts, place)
            row = {**row, field: new}
        changed.append(row)
    return changed


def offer_more(rows: Rows) -> Rows:
    return _some(0.2, rows, "positive", lambda text, _: f"{text} Happy to add further details whenever you like!", "en")


def offer_more_of_negatives(rows: Rows) -> Rows:
    return _some(0.2, rows, "negatives", lambda text, _: f"{text} Feel free to ask for another one.", "en")


def begin_with_the_prompt(rows: Rows) -> Rows:
    return _some(0.2, rows, "positive", lambda text, _: f"You are given a task of retrieval. {text}", "en")


def name_people(rows: Rows) -> Rows:
    """An address of its own in each, so that no two of them begin or end alike."""

    def signed(text: str, place: int) -> str:
        half, name = len(text) // 2, f"{FIRST[place % 8]}.{LAST[place // 8 % 8]}{place}"
        return f"{text[:half]} ({name}@gmail.com) {text[half:]}"

    return _some(0.2, rows, "positive", signed, "en")


def list_queries(rows: Rows) -> Rows:
    return _some(0.25, rows, "query", lambda text, _: f"* {text}")


def small_letters(rows: Rows) -> Rows:
    return [{**row, "query": row["query"].lower()} for row in rows]


def capitals(rows: Rows) -> Rows:
    return _some(0.2, rows, "query", lambda text, _: text.upper())


def lose_full_stops(rows: Rows) -> Rows:
    return _some(0.5, rows, "positive", lambda text, _: text.rstrip(".。।"))


MANNERED = [
    (offer_more, "drift.ending.positive", "whenever you like"),
    (offer_more_of_negatives, "drift.ending.negatives", "for another one"),
    (begin_with_the_prompt, "drift.opening.positive", "you are given"),
    (name_people, "drift.contact.positive", "e-mail address"),
    (list_queries, "drift.first.query", "*"),
    (small_letters, "drift.case.query", "small"),
    (capitals, "drift.case.query", "capitals"),
    (lose_full_stops, "drift.last.positive", "letter"),
]
