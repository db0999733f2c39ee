"""The instruction or the demands of the prompt, said back in a text."""

from functools import cache
from typing import Any

from pairsmith.factory.lexicon import Phrases, plain, read_lexicon
from pairsmith.factory.taxonomy import GROUPS

_TOKENS = 6  # a shorter instruction may be said by chance
_HEAD = 1500  # folded characters in which demands are looked for
_WEAK = 3  # different demands that people make too
_SHORT = 300  # folded characters of a text in which two of them suffice
_FIXED = frozenset(plain(facts.instruction).rstrip(".") for facts in GROUPS.values() if facts.instruction)


@cache
def demands() -> tuple[Phrases, list[Phrases]]:
    """Demands of which one is enough, and those that people make too."""
    words: Any = read_lexicon("pairsmith.validators", "format.yml")["demands"]
    return Phrases(*words["strong"]), [Phrases(one) for one in words["weak"]]


def instruction_echo(text: str, instruction: str) -> str | None:
    """What ``text`` says back of the row's ``instruction`` or of the prompt's demands, or None."""
    folded, said = plain(text), plain(instruction).rstrip(".")
    if (len(said.split()) >= _TOKENS or said in _FIXED) and said in folded:
        return said
    strong, weak = demands()
    head = folded[:_HEAD]
    if match := strong.search(head):
        return match.group()
    found = [match.group() for one in weak if (match := one.search(head))]
    return "; ".join(found) if len(found) >= (_WEAK if len(folded) > _SHORT else _WEAK - 1) else None
