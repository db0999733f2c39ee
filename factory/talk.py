"""What stands where an answer should: a model that declines, a service that reports an error.

Both are told by their form at the start of a text, from phrases kept as data (``data/talk.yml``). A refusal is built the
same way in every language: an apology, "I cannot", and what it will not do (the request, or to write such a text).
"""

import json
import re
from collections.abc import Collection, Iterable
from functools import cache
from typing import Any, NamedTuple

from pairsmith.factory.lexicon import Phrases, plain, read_lexicon
from pairsmith.factory.text import excerpt

_HEAD = 400  # a refusal says so at once
REFUSED = 3 * _HEAD  # characters that are folded for it
_AT_ONCE = 120  # folded characters in which a model that offers something else has said what it cannot do
_ERROR_HEAD = 3000  # an error page or a stack trace may be long, its title is not
_QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»", "「": "」", "『": "』"}
_OPENING = " \t\r\n#*_>-\"'“”„«»‘’「『（("


class Refusals(NamedTuple):
    """How a model declines in one language."""

    sorry: Phrases
    cannot: Phrases
    request: Phrases
    machine: Phrases


@cache
def _data() -> Any:
    return read_lexicon("pairsmith.factory", "talk.yml")


@cache
def refusals(language: str) -> Refusals | None:
    """The phrases of one language (ISO 639-1), compiled; None where none are known."""
    words = _data()["refusal"].get(language)
    return Refusals(**{name: Phrases(value) for name, value in words.items()}) if words else None


@cache
def _soft() -> Phrases:
    return Phrases(*_data()["soft"])


class Offers(NamedTuple):
    """What is offered in place of what is refused, in all languages."""

    made: Phrases
    offer: Phrases
    guidelines: Phrases


@cache
def offers() -> Offers:
    """The phrases, compiled."""
    return Offers(*(Phrases(*([_data()[name]] if name == "guidelines" else _data()[name])) for name in Offers._fields))


def refusal(text: str, languages: Collection[str] | None = None) -> str | None:
    """The excerpt that shows that a model declines in place of an answer, or None.

    ``languages`` None: ``text`` is a raw answer, which should have been JSON; every language is tried, and a polite opening
    with "I cannot" suffices. Else ``text`` is a field of an answer in one of ``languages`` (ISO 639-1; English is tried
    too): people apologise and cannot do things as well, so that the apology must open the text and what is declined must
    be the request, or the speaker a machine.
    """
    head = plain(text[:REFUSED].lstrip(_OPENING))[:_HEAD]
    if languages is None:
        found = any(_declines_answer(head, code) for code in ("en", *_data()["refusal"]))
    else:
        short = len(text) <= 2 * _HEAD
        found = not _mostly_about(text) and any(
            _declines_in_field(head, code) or (short and _offers_instead(head, code)) for code in {"en", *languages}
        )
    return excerpt(text) if found else None


def _mostly_about(text: str) -> bool:
    """Whether the text opens with a quotation and goes on for longer: it tells of a refusal."""
    opening = text.strip()[:_HEAD]
    closing = _QUOTES.get(opening[:1])
    end = opening.find(closing, 1) if closing else -1
    return 0 < end < len(text.strip()) / 2


def _declines_answer(head: str, language: str) -> bool:
    words = refusals(language)
    if words is None or not (cannot := words.cannot.search(head)):
        return False
    if words.sorry.match(head) or words.machine.search(head[:160]):
        return True
    return cannot.start() < 40 and words.request.search(head, cannot.start()) is not None


def _declines_in_field(head: str, language: str) -> bool:
    words = refusals(language)
    if words is None:
        return False
    sorry = words.sorry.match(head)
    machine = words.machine.match(head) or (words.machine.search(head[:100]) if sorry else None)
    if machine and words.cannot.search(head, machine.end(), machine.end() + 120):
        return True
    if words.machine.search(head[:200]) and offers().guidelines.search(head):
        return True
    if language == "en" and words.cannot.match(head):  # English alone has objects of its own for a request
        return words.request.search(head[:120]) is not None
    if sorry is None or _soft().match(head):
        return False
    cannot = words.cannot.search(head[:200])
    return cannot is not None and words.request.search(head[:300]) is not None


def _offers_instead(head: str, language: str) -> bool:
    """Whether the speaker at once declines to make one text and offers to make another."""
    words = refusals(language)
    cannot = words.cannot.search(head[:_AT_ONCE]) if words else None
    if cannot is None or (offer := offers().offer.search(head, cannot.end())) is None:
        return False
    refused = offers().made.search(head, 0, offer.start())
    return refused is not None and offers().made.search(head, offer.end()) is not None


@cache
def service_errors() -> tuple[Phrases, Phrases]:
    """What bodies of errors begin with, and what error pages hold."""
    return Phrases(*_data()["service"]), Phrases(_data()["error_page"])


def service_error(text: str) -> str | None:
    """The excerpt that shows that ``text`` is an error of a server, gateway or client, not a model's words; or None.

    Error pages, status lines, JSON error bodies, quota and filter notices, stack traces of HTTP clients. A text *about*
    such an error does not count: the body must be all there is.
    """
    stripped = text.strip()
    if not stripped:
        return None
    if stripped[0] == "{" and _error_body(stripped):
        return excerpt(text)
    head = plain(stripped[:_ERROR_HEAD])
    body, page = service_errors()
    if head.startswith(("<!doctype html", "<html", "<head>")):
        return excerpt(text) if page.search(head) else None
    return excerpt(text) if body.match(head) and _ends_soon(stripped) else None


def _ends_soon(text: str) -> bool:
    """Error bodies are short, or the many lines of a trace."""
    return len(text) <= 600 or text.startswith("Traceback")


_ERROR_KEYS = frozenset({"error", "errors", "detail", "message", "fault"})
_ERROR_MARKS = frozenset(
    {"code", "status", "type", "status_code", "statuscode", "request_id", "param", "error", "fault"}
)


def _error_body(text: str) -> bool:
    """A JSON object (or Python's ``repr`` of one) that holds an error and nothing else."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return (
            re.match(r"\{\s*[\"']error[\"']\s*:\s*(?:\{\s*[\"'](?:message|code|type|status)[\"']|[\"'])", text)
            is not None
        )
    if not isinstance(body, dict):
        return False
    keys = {key.casefold() for key in body}
    return bool(keys & {"error", "errors", "fault"} or (keys & _ERROR_KEYS and keys & _ERROR_MARKS)) and _small(body)


def _small(body: dict[str, Any]) -> bool:
    known: Iterable[str] = (
        _ERROR_KEYS | _ERROR_MARKS | {"object", "id", "timestamp", "path", "success", "data", "trace"}
    )
    return all(key.casefold() in known for key in body)
