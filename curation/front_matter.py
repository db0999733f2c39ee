"""The metadata at the head of a card: YAML between two lines of dashes."""

import re
from typing import Any

import yaml

_FRONT_MATTER = re.compile(r"\s*---\r?\n(.*?)\r?\n---[^\S\n]*(?:\n|$)", re.DOTALL)


def split_card(card: str) -> tuple[str, str]:
    """The head of a card with its lines of dashes, empty where there is none, and the rest.

    >>> split_card("---\\nlicense: mit\\n---\\n# Pairs\\n")
    ('---\\nlicense: mit\\n---\\n', '# Pairs\\n')
    """
    found = _FRONT_MATTER.match(card)
    return (card[: found.end()], card[found.end() :]) if found else ("", card)


def front_matter(card: str) -> dict[str, Any]:
    """The metadata of a card, nothing where it has none. Raises ``ValueError`` where they are no YAML mapping."""
    found = _FRONT_MATTER.match(card)
    if found is None:
        return {}
    try:
        data = yaml.safe_load(found[1])
    except yaml.YAMLError:
        raise ValueError("the metadata are no YAML") from None
    if not isinstance(data, dict):
        raise ValueError("the metadata are no mapping")
    return data
