"""Habits of whoever wrote the texts: how they open and end, the signs at both ends, their case, and contact data in them.

What a model does to all that it writes shows here: a greeting before the text or an offer after it, a bullet before queries,
texts cut off before their last full stop, queries in small letters only, an address that each letter has to name.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from pairsmith.factory.text import tokens
from pairsmith.validators.contacts import emails, phones

RUN = 3  # tokens of an opening or ending: "how do i", "let me know"
LABEL = 6
"""Tokens up to which a positive or negative may be a label: what such texts are like follows their task, and opening and ending
would be the same tokens."""

_PART = 200  # characters at either end in which tokens are looked for: many times those that are needed

Told = dict[str, list[tuple[str, str]]]


def habits(field: str, texts: Iterable[tuple[str, str]]) -> Told:
    """``<habit>.<field>`` -> category and id of each text that has one. ``texts``: id and text, of one field.

    Habits: ``opening`` and ``ending`` (:data:`RUN` tokens), ``first`` and ``last`` (sign, or what else stands there),
    ``contact`` (whether a person's address or number stands in it) and ``case``.
    """
    found: Told = defaultdict(list)
    for one, text in texts:
        text = text.strip()
        head = tokens(text[:_PART])
        if len(head) > (0 if field == "query" else LABEL):
            tail = tokens(text[-_PART:])
            found[f"opening.{field}"].append((" ".join(head[:RUN]), one))
            found[f"ending.{field}"].append((" ".join(tail[-RUN:]), one))
            found[f"first.{field}"].append((_sign(text[0]), one))
            found[f"last.{field}"].append((_sign(text[-1]), one))
            found[f"contact.{field}"].append((_contact(text), one))
            if case := case_of(text):
                found[f"case.{field}"].append((case, one))
    return found


def _sign(character: str) -> str:
    """The character, if it is punctuation or a symbol, else what kind it is of."""
    kind = unicodedata.category(character)[0]
    return character if kind in "PS" else "number" if kind == "N" else "letter"


def _contact(text: str) -> str:
    for kind, find in (("e-mail address", emails), ("phone number", phones)):
        if next(find(text), None):
            return kind
    return "none"


def case_of(text: str) -> str | None:
    """``capitals`` or ``small`` where all letters are, else what the first one is; None where no letter has case."""
    if text.islower():
        return "small"
    first = next((character for character in text if character.isupper() or character.islower()), None)
    if first is None:
        return None
    if text.isupper() and sum(map(str.isupper, text)) > 1:
        return "capitals"
    return "capital first" if first.isupper() else "small first"
