"""Topics that seed a brainstorm: a shipped tree of three levels, and which of its topics are drawn, in which settings.

The draws of a group are one endless sequence that depends on the weights, the seed and the group alone, so that asking
for more only appends. Topics from a tree that seed a brainstorm follow SPEED (arXiv 2410.18634); the tree is this
project's own.
"""

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache, lru_cache
from importlib.resources import files
from itertools import count, islice
from typing import NamedTuple, TypeVar

from pairsmith.factory.lexicon import read_lexicon
from pairsmith.factory.records import digest

NEGLIGIBLE = 1e-12  # of the largest weight: a domain of less than that never comes in as many draws as there can be

T = TypeVar("T")


class Topic(NamedTuple):
    """A leaf of the tree and the way to it."""

    domain: str
    field: str
    name: str

    @property
    def path(self) -> str:
        """``domain / field / topic``: how tables name it."""
        return " / ".join(self)


class Pick(NamedTuple):
    """A topic in a setting: what a brainstorm asks tasks for."""

    topic: Topic
    setting: str

    def __str__(self) -> str:
        """The pick as a prompt states it."""
        return f"{self.topic.field}: {self.topic.name}; setting: {self.setting}"


@cache
def read_topics() -> dict[str, tuple[Topic, ...]]:
    """The topics of each domain of ``data/topics.yml``, in the order of the file."""
    tree: dict[str, dict[str, list[str]]] = read_lexicon("pairsmith.factory", "topics.yml")
    return {
        domain: tuple(Topic(domain, field, name) for field, names in fields.items() for name in names)
        for domain, fields in tree.items()
    }


def default_weights() -> dict[str, float]:
    """Each domain with its number of topics: then every topic comes equally often."""
    return {domain: float(len(topics)) for domain, topics in read_topics().items()}


def draw_topics(weights: Mapping[str, float], seed: int, group: str, start: int, number: int) -> list[Pick]:
    """The draws ``start`` to ``start + number - 1`` of a group, counted from 0.

    ``weights``: of the domains, some above 0. After any number of draws each domain has had its share of them, rounded
    up or down. Within a domain all topics come before any comes again, and a topic comes in a setting that it had only
    after :func:`most_draws`.
    """
    return _draws(_whole(weights), seed, group).between(start, start + number)


def most_draws(weights: Mapping[str, float]) -> int:
    """How many draws of a group there are before some topic comes in a setting that it had already."""
    whole, topics = dict(_whole(weights)), read_topics()
    total = sum(whole.values())
    return min(len(topics[domain]) * _turns() * total // weight for domain, weight in whole.items())


class _Draws:
    """Draws that are made once, as far as they are asked for."""

    def __init__(self, picks: Iterator[Pick]) -> None:
        self._rest = picks
        self._made: list[Pick] = []

    def between(self, start: int, stop: int) -> list[Pick]:
        """A stretch of them."""
        self._made += islice(self._rest, max(stop - len(self._made), 0))
        return self._made[start:stop]


@lru_cache(maxsize=16)
def _draws(weights: tuple[tuple[str, int], ...], seed: int, group: str) -> _Draws:
    return _Draws(_drawn(dict(weights), seed, group))


def _drawn(weights: dict[str, int], seed: int, group: str) -> Iterator[Pick]:
    settings = _shuffled(_settings(), "setting", seed, group)
    begin = {topic: _number("setting", seed, group, topic) for domain in weights for topic in read_topics()[domain]}
    orders: dict[str, tuple[Topic, ...]] = {}
    for domain, time in _rotation(weights, seed, group):
        turn, place = divmod(time, len(read_topics()[domain]))
        if place == 0:
            orders[domain] = _shuffled(read_topics()[domain], "topic", seed, group, turn)
        topic = orders[domain][place]
        yield Pick(topic, _setting(settings, begin[topic], turn))


def _rotation(weights: dict[str, int], seed: int, group: str) -> Iterator[tuple[str, int]]:
    """Domains in turn, each with how often it came before.

    Of the domains that may come again without having more than their share rounded up, the one whose next time is due
    first: after any number of steps each has its share, rounded up or down (Balinski and Young 1975, the quota method).
    """
    names = _shuffled(tuple(weights), "domain", seed, group)
    total = sum(weights.values())
    interval = {name: total / weight for name, weight in weights.items()}
    times = dict.fromkeys(names, 0)
    for step in count(1):
        allowed = [name for name in names if weights[name] * step > times[name] * total]
        name = min(allowed, key=lambda name: (times[name] + 1) * interval[name])
        yield name, times[name]
        times[name] += 1


def _setting(settings: tuple[str, ...], begin: int, turn: int) -> str:
    """The setting of a topic's ``turn``: one after the other, then two at a time, each pair once (:func:`_turns`)."""
    apart, place = divmod(turn % _turns(), len(settings))
    first, second = (settings[(begin + place + step) % len(settings)] for step in (0, apart))
    return f"{first}, {second}" if apart else first


@cache
def _settings() -> tuple[str, ...]:
    return tuple((files("pairsmith.factory") / "data" / "settings.txt").read_text(encoding="utf-8").splitlines())


def _turns() -> int:
    """In how many settings a topic can come: single ones, and pairs that are less than half of the circle apart."""
    return len(_settings()) * ((len(_settings()) + 1) // 2)


def _whole(weights: Mapping[str, float]) -> tuple[tuple[str, int], ...]:
    """The weights above 0 as whole numbers in the same proportion, by name: shares are compared without rounding."""
    least = NEGLIGIBLE * max(weights.values())
    exact = {name: Fraction(weight) for name, weight in sorted(weights.items()) if weight > least}
    common = math.lcm(*(weight.denominator for weight in exact.values()))
    return tuple((name, int(weight * common)) for name, weight in exact.items())


def _shuffled(items: tuple[T, ...], *key: str | int) -> tuple[T, ...]:
    return tuple(sorted(items, key=lambda item: digest(*key, item)))


def _number(*key: str | int | Topic) -> int:
    return int(digest(*key), 16)
