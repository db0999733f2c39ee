"""Raw answer -> pair, or a reason code. The first gate of the line, named ``parse``: nothing that it drops disappears.

Read are fences, prefaces, trailing commas, pretty-printing, extra keys and single quotes (see
:mod:`pairsmith.factory.reader`); everything else gets its own reason.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import pyarrow as pa
import regex

from pairsmith.factory.chat import Entry
from pairsmith.factory.reader import Reading, read_values
from pairsmith.factory.records import PAIRS, VERDICTS, Request, content_hash
from pairsmith.factory.talk import refusal, service_error
from pairsmith.factory.tasks import MAX_TASK, clean_task
from pairsmith.factory.taxonomy import ATTRIBUTES, GROUNDED_KEYS, GROUPS, Group, Role
from pairsmith.factory.text import EXCERPT, excerpt, fold, whole

GATE = "parse"


_SHOWN = regex.compile(r"[^\s\p{Cf}\x1c-\x1f]")
_BLANK = regex.compile(r"(?V1)[[\p{Cc}\p{Cf}\u2800\u3164\uffa0\u115f\u1160]--[\s\x1c-\x1f]]+")


class ParseReason(StrEnum):
    """Why an answer gave no pair."""

    EMPTY_ANSWER = "empty_answer"
    CONTENT_FILTER = "content_filter"
    SERVICE_ERROR = "service_error"
    REFUSAL = "refusal"
    NOT_JSON = "not_json"
    TRUNCATED = "truncated"
    ARRAY = "array"
    NESTED = "nested"
    MISSING_KEY = "missing_key"
    WRONG_TYPE = "wrong_type"
    EMPTY_TEXT = "empty_text"
    PLACEHOLDER_ONLY = "placeholder_only"


class Parsed(NamedTuple):
    """``texts`` by role, or None with the ``reason`` and what shows it (``detail``: a key, an excerpt)."""

    texts: dict[Role, str] | None
    reason: ParseReason | None = None
    detail: str | None = None


# What stands where a text should be: the format's own type names and nothing else. Labels are exempt ("null" may be one).
_NO_TEXT = frozenset({"n/a", "null", "undefined", "string", "<string>", "todo", "tbd", "your text here", "text here"})


# So many letters are more than any of these, or a key of the format, has: then no closer look is needed.
LETTERS = 1 + max(len(word) for group in GROUPS.values() for word in (*_NO_TEXT, *group.keys.values()))
_SAYS_SOMETHING = re.compile(rf"(?:[^A-Za-z]*[A-Za-z]){{{LETTERS}}}")


def parse_answer(answer: str, group: Group, finish_reason: str = "stop", *, grounded: bool = False) -> Parsed:
    """The pair in ``answer``, or why there is none. Never raises, never evaluates.

    ``grounded``: the request gave the positive, and the answer holds all but that, and the instruction.
    """
    if not _SHOWN.search(answer):
        reason = ParseReason.CONTENT_FILTER if finish_reason == "content_filter" else ParseReason.EMPTY_ANSWER
        return Parsed(None, reason, finish_reason)
    keys = GROUNDED_KEYS if grounded else GROUPS[group].keys
    readings = [r for r in _unquoted(answer) if isinstance(r.value, dict) or _holds_object(r.value)]
    whole = [r for r in readings if r.complete and isinstance(r.value, dict)]
    best = next((r for r in whole if set(keys.values()) <= r.value.keys()), None)
    if best is None:
        return _no_pair(answer, readings, keys, finish_reason)
    if answer.lstrip()[0] == '"':
        return Parsed(None, ParseReason.NESTED, "a JSON string that holds the JSON")
    return _texts(best.value, keys, is_label=group == "long_short")


def _unquoted(answer: str) -> Iterator[Reading]:
    """Values of the answer; where the whole answer is one JSON string, those inside the string."""
    stripped = answer.strip()
    if stripped.startswith('"') and stripped.endswith('"'):
        inner = next(read_values(f"[{stripped}]"), None)
        if inner is not None and len(inner.value) == 1 and isinstance(inner.value[0], str):
            return read_values(inner.value[0])
    return read_values(answer)


def _holds_object(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def _no_pair(answer: str, readings: list[Reading], keys: dict[Role, str], finish_reason: str) -> Parsed:
    shown = excerpt(answer)
    known = set(keys.values())
    if not any(_names(reading.value) & known for reading in readings):
        if found := service_error(answer):
            return Parsed(None, ParseReason.SERVICE_ERROR, found)
        if found := refusal(answer):
            return Parsed(None, ParseReason.REFUSAL, found)
    if finish_reason == "content_filter":
        return Parsed(None, ParseReason.CONTENT_FILTER, shown)
    if not readings:
        cut = finish_reason == "length"
        return Parsed(None, ParseReason.TRUNCATED if cut else ParseReason.NOT_JSON, shown)
    first = readings[0]
    if not first.complete:
        return Parsed(None, ParseReason.TRUNCATED, answer.rstrip()[-EXCERPT:])
    if isinstance(first.value, list):
        return Parsed(None, ParseReason.ARRAY, shown)
    if any(_names(value) & known for value in first.value.values()):
        return Parsed(None, ParseReason.NESTED, shown)
    best = max((r.value for r in readings if isinstance(r.value, dict)), key=lambda value: len(known & value.keys()))
    return Parsed(None, ParseReason.MISSING_KEY, ", ".join(key for key in keys.values() if key not in best))


def _names(value: Any) -> set[str]:
    """Keys of an object, or of the objects in an array."""
    if isinstance(value, dict):
        return set(value)
    if isinstance(value, list):
        return {key for item in value if isinstance(item, dict) for key in item}
    return set()


def _texts(value: dict[str, Any], keys: dict[Role, str], is_label: bool) -> Parsed:
    for key in keys.values():
        if not isinstance(value[key], str):
            return Parsed(None, ParseReason.WRONG_TYPE, f"{key}: {type(value[key]).__name__}")
    texts = {role: whole(value[key]) for role, key in keys.items()}
    if "instruction" in texts:
        texts["instruction"] = clean_task(texts["instruction"])
        if len(texts["instruction"]) > MAX_TASK:
            shown = f"{keys['instruction']}: {len(texts['instruction'])} characters, not a sentence"
            return Parsed(None, ParseReason.WRONG_TYPE, shown)
    for role, key in keys.items():
        if reason := lacking(texts[role], key, is_label=is_label and role != "query"):
            empty = reason is ParseReason.EMPTY_TEXT
            return Parsed(None, reason, key if empty else f"{key}: {excerpt(texts[role])}")
    return Parsed(texts)


def lacking(text: str, key: str, *, is_label: bool) -> ParseReason | None:
    """Why ``text``, the value of ``key``, is none: it shows nothing, or what stands where a text should be."""
    if _SAYS_SOMETHING.match(text):
        return None
    folded = _visible(text)
    if not folded:
        return ParseReason.EMPTY_TEXT
    return ParseReason.PLACEHOLDER_ONLY if _says_nothing(folded, key, exempt=is_label) else None


def _visible(text: str) -> str:
    """The folded text without characters that show nothing (controls, blank fillers)."""
    return fold(_BLANK.sub("", text))


def _says_nothing(folded: str, key: str, exempt: bool) -> bool:
    if all(unicodedata.category(char)[0] in "PZ" for char in folded):
        return True
    bare = folded.strip("<>[]{}() .\"'")
    return bare in (key.casefold(), key.casefold().replace("_", " ")) or (not exempt and folded in _NO_TEXT)


def parse_text(answer: str, request: Request, finish_reason: str) -> Parsed:
    """What an answer to ``request`` brought."""
    return parse_answer(answer, request.group, finish_reason, grounded=request.passage is not None)


def parse_entry(entry: Entry, request: Request) -> Parsed:
    """What a stored answer to ``request`` brought."""
    return parse_text(entry.text, request, entry.finish_reason)


def candidates(
    answers: Iterable[tuple[Entry, Parsed]], requests: Mapping[str, Request], parents: Mapping[str, str]
) -> tuple[pa.Table, pa.Table]:
    """Rows of parsed ``answers``, in the order in which they come: pairs (schema PAIRS) and verdicts (schema VERDICTS).

    Every answer gets one verdict line of gate ``parse``; those that parse get a row. ``parents``: request id -> row id, of
    the requests that those of ``requests`` take the place of.
    """
    pairs: list[dict[str, Any]] = []
    verdicts: list[dict[str, Any]] = []
    for entry, parsed in answers:
        request = requests[entry.request_id]
        verdicts.append(_verdict(entry, parsed))
        if parsed.texts is not None:
            pairs.append(_row(entry, request, parsed.texts, parents.get(request.parent or "")))
    return pa.Table.from_pylist(pairs, schema=PAIRS), pa.Table.from_pylist(verdicts, schema=VERDICTS)


def _verdict(entry: Entry, parsed: Parsed) -> dict[str, Any]:
    head = {"request_id": entry.request_id, "id": entry.key, "gate": GATE, "field": "row"}
    if parsed.reason is None:
        return {**head, "verdict": "keep"}
    return {**head, "verdict": "drop", "reason": parsed.reason.value, "related": parsed.detail}


def _row(entry: Entry, request: Request, texts: dict[Role, str], parent: str | None) -> dict[str, Any]:
    positive = texts["positive"] if request.passage is None else request.passage
    negatives = [texts["negative"]] if "negative" in texts else []
    return {
        "id": entry.key,
        "request_id": request.id,
        "content_hash": content_hash(texts["query"], positive, negatives),
        "parent": parent,
        "group": request.group,
        "instruction": texts.get("instruction", request.instruction),
        "query": texts["query"],
        "positive": positive,
        "negatives": negatives,
        "query_language": request.query_language,
        "document_language": request.document_language,
        **{name: _shown(request.attributes.get(name)) for name in ATTRIBUTES},
        "document": request.document,
        "model": entry.model,
        "prompt_version": entry.prompt_version,
        "tokens_in": entry.tokens_in,
        "tokens_out": entry.tokens_out,
    }


def _shown(value: str | int | float | None) -> str | None:
    return None if value is None else str(value)
