"""What a text is about, as far as it excuses marks that would be faults elsewhere: a text about HTML holds tags."""

from functools import cache
from typing import Literal

from pairsmith.factory.lexicon import Phrases, plain, read_lexicon

Topic = Literal[
    "templates",
    "forms",
    "filler",
    "tokens",
    "markup",
    "code",
    "errors",
    "encodings",
    "technical",
    "mathematics",
    "formats",
    "courts",
    "chats",
    "fields",
]


@cache
def _topic(topic: Topic) -> Phrases:
    return Phrases(*read_lexicon("pairsmith.validators", "format.yml")["topics"][topic])


def about(topic: Topic, *texts: str) -> bool:
    """Whether one of ``texts`` names the topic (words in ``data/format.yml``)."""
    return any(_topic(topic).search(plain(text)) for text in texts)
