"""Renders what is asked of the language model: one template for each group and step, in several variants.

A template is a file ``templates/<group>/<step>_<variant>.jinja``. Its version (file name and digest of its content)
goes into the provenance of every row. Rendering is pure: the same request gives the same text on any machine. Keys,
rules and value sets follow Wang et al. 2024 (arXiv 2401.00368), appendix C; the shuffled guidelines, the topics that
seed a brainstorm and its shuffled pool of examples follow SPEED (arXiv 2410.18634). The wording is this project's own.
"""

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pairsmith.factory.errors import InputError
from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.records import Request, digest
from pairsmith.factory.spec import Spec
from pairsmith.factory.taxonomy import ATTRIBUTES, Group, Value
from pairsmith.factory.text import tokens, words
from pairsmith.factory.topics import Pick, draw_topics

if TYPE_CHECKING:
    from jinja2 import Environment, Template
    from jinja2.runtime import Context

Step = Literal["brainstorm", "generate", "ground"]

_FOLDER = Path(__file__).parent / "templates"
_TAG = re.compile(r"<(?=\s*/?\s*passage)", re.IGNORECASE)
_UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\U000e0000-\U000e007f]")


class Prompt(NamedTuple):
    """What is sent. ``version`` names the template, ``schema`` is the strict JSON schema of the answer."""

    text: str
    version: str
    schema: dict[str, Any]


@cache
def variants(group: Group, step: Step) -> tuple[str, ...]:
    """Names of the template variants of a group and step, sorted; empty where the group has no such step.

    ``generate`` writes all texts, ``ground`` those that a given passage lacks.
    """
    return tuple(sorted(path.stem.partition("_")[2] for path in (_FOLDER / group).glob(f"{step}_*.jinja")))


def render(request: Request) -> Prompt:
    """The generation prompt of ``request``; a request without ``template`` gets a variant that its id decides.

    A line whose placeholder the request does not state is left out. Values are inserted as they are (runs of white
    space made one space): a task is a model's output and never read as a template. A passage keeps its lines; what could
    pass for its fence in the prompt is made harmless. Raises :class:`InputError` for an unknown variant.
    """
    step: Step = "generate" if request.passage is None else "ground"
    known = variants(request.group, step)
    variant = request.template or _pick(known, request.id, "template")
    if variant not in known:
        raise InputError(
            f"request '{request.id}': group {request.group} has no template '{variant}'; use one of: {', '.join(known)}"
        )
    template, version = _template(f"{request.group}/{step}_{variant}")
    text = template.render(_values(request), seed=request.id)
    return Prompt(text.strip(), version, _object_schema({key: {"type": "string"} for key in request.keys.values()}))


def brainstorm_topics(spec: Spec, group: Group, call: int) -> list[Pick]:
    """The topics that a brainstorm lists, in the order in which it lists them."""
    number = spec.brainstorm.topics_per_call
    return draw_topics(spec.brainstorm.topics, spec.seed, group, call * number, number)


def brainstorm_prompt(spec: Spec, group: Group, call: int) -> Prompt:
    """The prompt that asks for tasks of ``group``: ``tasks_per_topic`` for each of :func:`brainstorm_topics`, in order.

    ``call`` counts the brainstorms of the group from 0. Which topics, examples and variant it gets depends on the seed,
    the group, the call and the spec's section ``brainstorm``, so that more calls leave the earlier ones as they are.
    """
    key = digest("brainstorm", spec.seed, group, call)
    variant = _pick(variants(group, "brainstorm"), key, "template")
    template, version = _template(f"{group}/brainstorm_{variant}")
    topics = [str(pick) for pick in brainstorm_topics(spec, group, call)]
    count, each = spec.brainstorm.asked_per_call, spec.brainstorm.tasks_per_topic
    text = template.render(count=count, each=each, topics=topics, seed=key)
    schema = _object_schema({"tasks": {"type": "array", "items": {"type": "string"}}})
    return Prompt(text.strip(), version, schema)


def _values(request: Request) -> dict[str, str | None]:
    values = {name: _plain(request.attributes.get(name)) for name in ATTRIBUTES}
    for name in ("language", "source_language", "target_language"):
        code = getattr(request, name)
        values[name] = LANGUAGES[code].name if code in LANGUAGES else None
    num_words = values["num_words"]
    if isinstance(request.attributes.get("num_words"), int | float):
        values["num_words"] = f"at least {num_words}"
    return {**values, "task": _plain(request.task), **_passage_values(request.passage)}


def _passage_values(passage: str | None) -> dict[str, str | None]:
    if passage is None:
        return {"passage": None, "passage_words": None}
    return {"passage": _fenced(passage), "passage_words": f"{words(tokens(passage)):.0f}"}


def _fenced(passage: str) -> str:
    """The passage as it stands between ``<passage>`` tags: no tag of that name in it, no unseen control or tag character."""
    return _TAG.sub("‹", _UNSEEN.sub(" ", passage)).strip()


def _plain(value: Value | None) -> str | None:
    if value is None:
        return None
    return f"{value:g}" if isinstance(value, float) else " ".join(str(value).split())


def _object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@cache
def _template(name: str) -> tuple["Template", str]:
    source = (_FOLDER / f"{name}.jinja").read_text(encoding="utf-8")
    return _environment().from_string(source), f"{name}-{digest(name, source)}"


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, StrictUndefined, pass_context

    environment = Environment(  # noqa: S701  plain text for a model, not HTML
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["shuffled"] = pass_context(_shuffled)
    return environment


def _shuffled(context: "Context", block: str, mark: str = "- ", keep: int | None = None) -> str:
    """The lines of ``block`` in an order that the prompt's seed decides: each led by ``mark``, "1." numbers them."""
    lines = [line.strip() for line in block.splitlines() if line.strip()]
    keys = [_hash(context["seed"], number) for number in range(len(lines))]
    order = sorted(range(len(lines)), key=keys.__getitem__)[:keep]
    return (
        "\n".join(
            f"{number}. {lines[index]}" if mark == "1." else mark + lines[index]
            for number, index in enumerate(order, start=1)
        )
        + "\n"
    )


def _hash(*parts: str | int) -> bytes:
    """SHA-256 of the parts: a draw that no version of Python and no machine changes."""
    return hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "surrogatepass")).digest()


def _pick(names: tuple[str, ...], *key: str | int) -> str:
    return names[int.from_bytes(_hash(*key)[:8], "big") % len(names)]
