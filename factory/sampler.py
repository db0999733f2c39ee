"""Draws by weight that depend on nothing but the seed, the place and the name of the draw.

Every draw is a SHA-256 of these three, so that the same spec and seed give the same requests on any machine, and no place
depends on another one. Groups, languages and placeholders are drawn independently, as in Wang et al. 2024 (arXiv
2401.00368); the difficulty stands in half of the requests, as in SPEED (arXiv 2410.18634).
"""

import functools
import hashlib
import json
import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any, Generic, TypeVar

from pairsmith.factory.errors import SpecError
from pairsmith.factory.prompts import Step, variants
from pairsmith.factory.spec import ModelSpec, Spec
from pairsmith.factory.taxonomy import GROUNDED, GROUPS, UNGROUNDED_ATTRIBUTES, Group, Value

DIFFICULTY_SHARE = 0.5  # of the requests that state a difficulty (SPEED)

T = TypeVar("T")


class Choice(Generic[T]):
    """Values with weights, in an order that does not depend on how a file lists them."""

    def __init__(self, weights: Mapping[T, float]) -> None:
        self.values = sorted((value for value, weight in weights.items() if weight > 0), key=canonical)
        self._sums = list(accumulate(weights[value] for value in self.values))

    def at(self, point: float) -> T:
        """The value at ``point`` (0 <= point < 1) of the weights laid end to end."""
        return self.values[min(bisect_right(self._sums, point * self._sums[-1]), len(self.values) - 1)]


class Sampler:
    """The draws of a spec by place: the position of a request, or the name of what it replaces. No state."""

    def __init__(self, spec: Spec) -> None:
        self._seed = spec.seed
        self._grounded = spec.grounded if spec.sources else 0.0
        self._groups = Choice(spec.groups)
        self._languages = Choice(spec.languages)
        self._models = _models(spec)
        self._placeholders = {group: _choices(spec.placeholder_weights(group)) for group in self._groups.values}
        self._targets: dict[str, Choice[str]] = {}
        if any(GROUPS[group].bilingual for group in self._groups.values):
            self._sources, self._targets = _language_pairs(spec.languages)

    def group(self, number: int) -> Group:
        """Group of the request at position ``number``."""
        return self._groups.at(self._point(number, "group"))

    def model(self, place: int | str) -> str | None:
        """The model that is asked; None where answers are recorded."""
        return self._models.at(self._point(place, "model")) if self._models else None

    def languages(self, number: int, group: Group) -> dict[str, str]:
        """The language of the request at position ``number``, or its two languages."""
        return self._drawn_languages(functools.partial(self._point, number), group)

    def grounds(self, number: int) -> bool:
        """Whether the request at position ``number`` starts from a passage where there is one."""
        return self.group(number) == GROUNDED and self._point(number, "grounded") < self._grounded

    def source(self, number: int) -> float:
        """Which source the passage at position ``number`` is from: a number in [0, 1)."""
        return self._point(number, "source")

    def form(self, place: int | str, group: Group, step: Step = "generate") -> dict[str, Any]:
        """How the request is put: attributes, template. ``step`` is ``ground`` where a passage is given."""
        draw = functools.partial(self._point, place)
        templates = variants(group, step)
        attributes = {name: choice.at(draw(name)) for name, choice in self._placeholders[group].items()}
        if draw("states difficulty") >= DIFFICULTY_SHARE:
            attributes.pop("difficulty", None)
        if step == "ground":
            attributes = {name: value for name, value in attributes.items() if name not in UNGROUNDED_ATTRIBUTES}
        template = templates[int(draw("template") * len(templates))]
        return {"attributes": attributes, "template": template}

    def _drawn_languages(self, point: Any, group: Group) -> dict[str, str]:
        if not GROUPS[group].bilingual:
            return {"language": self._languages.at(point("language"))}
        source = self._sources.at(point("source_language"))
        return {"source_language": source, "target_language": self._targets[source].at(point("target_language"))}

    def _point(self, place: int | str, name: str) -> float:
        return point(self._seed, place, name)


def point(seed: int, place: int | str, name: str) -> float:
    """A number in [0, 1) with 53 random bits, for the draw ``name`` at ``place``."""
    key = hashlib.sha256(f"{seed}/{place}/{name}".encode()).digest()
    return (int.from_bytes(key[:8], "big") >> 11) / 2**53


def model_weights(pool: Iterable[ModelSpec]) -> dict[str, float]:
    """Models by weight; the endpoints of one model share its weight. None for recorded answers."""
    return {one.model: one.weight for one in pool if one.provider != "recorded"}


def _models(spec: Spec) -> Choice[str] | None:
    weights = model_weights(spec.models.generate)
    return Choice(weights) if weights else None


def _choices(placeholders: Mapping[str, Mapping[Value, float]]) -> dict[str, Choice[Value]]:
    """Placeholders that have any value with a weight above 0; the others are left out of the requests."""
    choices = {name: Choice(weights) for name, weights in placeholders.items()}
    return {name: choice for name, choice in choices.items() if choice.values}


def _language_pairs(weights: Mapping[str, float]) -> tuple[Choice[str], dict[str, Choice[str]]]:
    """Source, and target for each source: two independent draws, given that they differ, without drawing again."""
    positive = {code: weight for code, weight in weights.items() if weight > 0}
    if len(positive) < 2:
        raise SpecError(
            f"languages: group bitext needs two languages with a weight above 0 (found {', '.join(positive)}); "
            "add another one, or take bitext out of groups"
        )
    others = {code: {other: weight for other, weight in positive.items() if other != code} for code in sorted(positive)}
    sources = Choice({code: positive[code] * math.fsum(others[code].values()) for code in others})
    return sources, {code: Choice(targets) for code, targets in others.items()}


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
