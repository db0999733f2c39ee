"""How many tokens a request will cost, before anything is asked: a rough estimate.

Tokens a character and a word were measured with a multilingual byte-pair vocabulary of 131,000 entries on our prompts
and on the Universal Declaration of Human Rights in its translations. On the 723 answers of ``examples/recorded`` whose
length follows from their requests the sum is 9 % above what the same vocabulary counts. Vocabularies differ; a bill
decides.
"""

import re

from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.records import Request
from pairsmith.factory.text import tokens, words

CHARACTERS_PER_TOKEN = 4.1  # of our prompts, which are in English
ENGLISH, LATIN, OTHER = 1.2, 2.3, 2.8  # tokens a word: English, other languages in Latin script, all other scripts
OVERSHOOT = 1.3  # "at least 100 words" brings about 130
ANSWER_FRAME = 25  # tokens of an answer's braces, keys and quotes

METHOD = (
    f"prompt: {CHARACTERS_PER_TOKEN} characters a token; answer: words asked for x {OVERSHOOT}, tokens a word "
    f"{ENGLISH} (English), {LATIN} (other Latin script), {OTHER} (other scripts), and {ANSWER_FRAME} tokens of JSON"
)

_QUERY_WORDS = 8
_LABEL_WORDS = 2
_SHORT_WORDS = 7
_LONG_WORDS = 300
_UNIT_WORDS = {"phrase": 4, "sentence": 11, "passage": 50}


def prompt_tokens(text: str) -> float:
    """Tokens of a rendered prompt."""
    return len(text) / CHARACTERS_PER_TOKEN


def text_tokens(text: str) -> int:
    """Tokens of any text, where a service tells none: by bytes, since other scripts have fewer characters a token."""
    return round(len(text.encode("utf-8", "replace")) / CHARACTERS_PER_TOKEN)


def answer_tokens(request: Request) -> float:
    """Tokens that the answer to ``request`` will probably have."""
    query_words, document_words = _words(request)
    query_tokens = query_words * _tokens_per_word(request.query_language)
    task = task_tokens(1) if "instruction" in request.keys else 0
    return ANSWER_FRAME + task + query_tokens + document_words * _tokens_per_word(request.document_language)


def task_tokens(count: int) -> float:
    """Tokens of a brainstorm's answer with ``count`` tasks: a sentence of about 20 English words each."""
    return count * 20 * ENGLISH


def _tokens_per_word(code: str) -> float:
    if code == "en":
        return ENGLISH
    return LATIN if LANGUAGES[code].scripts[0] == "Latin" else OTHER


def _words(request: Request) -> tuple[float, float]:
    """Words of the query and of positive and negative together; a given passage is not written again."""
    if request.passage is not None:
        return _QUERY_WORDS, words(tokens(request.passage))
    match request.group:
        case "short_long":
            return _QUERY_WORDS, 2 * _asked(request)
        case "long_short":
            return _asked(request), 2 * _LABEL_WORDS
        case "short_short":
            return _SHORT_WORDS, _SHORT_WORDS
        case "long_long":
            return _asked(request), _asked(request)
        case _:
            unit = _UNIT_WORDS.get(str(request.attributes.get("unit")), _UNIT_WORDS["sentence"])
            return unit, 2 * unit


def _asked(request: Request) -> float:
    number = re.search(r"\d+", str(request.attributes.get("num_words", _LONG_WORDS)))
    return OVERSHOOT * min(int(number.group()[:6]), 100_000) if number else _LONG_WORDS
