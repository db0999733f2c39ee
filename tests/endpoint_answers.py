"""What the endpoint's model says: an obedient model, the same words for the same prompt on any machine."""

import json
import re
from hashlib import blake2b
from pathlib import Path
from typing import Any

from endpoint_replies import Received

ITEMS = 20  # in a list of which no schema states the length: as many as a brainstorm asks for

_KEY = re.compile(r'"([A-Za-z][A-Za-z0-9_]*)"(:\s*\[)?')
_AT_LEAST = re.compile(r"at least (\d+) words")

_WORDS: dict[str, list[str]] = json.loads(Path(__file__).with_name("endpoint_words.json").read_text())


def answer_text(request: Received, malformed: float = 0.0) -> str:
    """A JSON object that follows the schema of ``request``, or the quoted key names of its prompt.

    A share of ``malformed`` of the prompts, always the same ones, gets an answer that is none.
    """
    root = _hash(request.prompt.encode(), b"")
    answer = {
        name: _value(schema, _hash(root, name.encode()), "" if "query" in name else request.prompt)
        for name, schema in _asked(request).items()
    }
    text = json.dumps(answer, ensure_ascii=False)
    return _spoilt(answer, text, root[9]) if int.from_bytes(root[:8]) < malformed * 2**64 else text


def sentence(seed: bytes) -> str:
    """An English sentence: one of some 10^16, the same for the same 16 bytes."""
    pick = [int.from_bytes(seed[at : at + 2]) for at in range(0, 16, 2)]
    who, does, what_kind, what, when = (
        _of(_WORDS[name], pick[at]) for at, name in enumerate(("people", "verbs", "adjectives", "things", "times"))
    )
    where, near = _of(_WORDS["places"], pick[5]), _of(_WORDS["places"], pick[6])
    return (
        f"The {who} at the {where} {does} {17 + pick[7] % 4000} {what_kind} parts of the {what} near the {near} {when}."
    )


def _asked(request: Received) -> dict[str, Any]:
    """The schema of each key that the answer must have."""
    wanted = request.body.get("response_format") or {}
    if "json_schema" in wanted:
        return wanted["json_schema"]["schema"].get("properties", {})
    return {name: {"type": "array" if many else "string"} for name, many in _KEY.findall(request.prompt)}


def _value(schema: dict[str, Any], seed: bytes, prompt: str) -> Any:
    kind = schema.get("type", "string")
    if "enum" in schema:
        return _of(schema["enum"], int.from_bytes(seed[:2]))
    if kind == "object":
        return {name: _value(one, _hash(seed, name.encode()), prompt) for name, one in schema["properties"].items()}
    if kind == "array":
        count = schema.get("minItems", ITEMS)
        return [_value(schema.get("items", {}), _hash(seed, bytes([n])), "") for n in range(count)]
    if kind in ("integer", "number"):
        return schema.get("minimum", 0) + seed[0] % 2
    return seed[0] % 2 == 0 if kind == "boolean" else _text(seed, prompt)


def _text(seed: bytes, prompt: str) -> str:
    """One sentence, or as many as it takes to reach the number of words that ``prompt`` asks for."""
    told = _AT_LEAST.search(prompt)
    text, number = sentence(seed), 0
    while told and text.count(" ") + 1 < int(told[1]):
        number += 1
        text += " " + sentence(_hash(seed, number.to_bytes(4)))
    return text


def _spoilt(answer: dict[str, Any], text: str, way: int) -> str:
    if way % 3 == 0:
        return text[: len(text) * 2 // 3]
    if way % 3 == 1:
        return json.dumps(dict(list(answer.items())[1:]))
    return f"Certainly! Here is what came to my mind: {' '.join(str(value) for value in answer.values())}"


def _hash(seed: bytes, name: bytes) -> bytes:
    return blake2b(seed + b"\0" + name, digest_size=16).digest()


def _of(values: list[Any], number: int) -> Any:
    return values[number % len(values)]
