"""From the answers of a brainstorm to the table of tasks: parse every form, cap the tasks of a topic, merge near-duplicates.

The answers are untrusted text: nothing in them is evaluated.
"""

import functools
import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import regex

from pairsmith.factory.reader import Reading, read_values
from pairsmith.factory.records import TASKS
from pairsmith.factory.text import tokens
from pairsmith.factory.topics import Pick

MAX_TASK = 1000  # characters; a task is one sentence, what is longer is another kind of text

MAX_DEPTH = 3  # how deep in an answer that was cut off lists are looked for

_ROUNDING = 1e-9  # the filters must not lose what the exact comparison accepts

_KEYS = ("task", "instruction", "description", "text")  # preferred where an object has several texts
_MARK = r"(?:\(?\d{1,3}[.):]|[-*+•–‣◦])"
_ITEM = regex.compile(rf"([^\S\n]*)({_MARK})[^\S\n]+(\S.*)")
_BARE_MARK = regex.compile(rf"\s*(?:{_MARK}[^\S\n]*)?(?:\*\*|`)?")
_NUMBERING = regex.compile(r"(?i)^(?:\(?\d{1,3}[.):](?!\d)\s*|[-*+•–‣◦]\s+|task\s*(?:\d{1,3}\s*[.):–-]|:)\s+)+")
_QUOTED = regex.compile(r"""(?:"([^"]*)"|'([^']*)'|`([^`]*)`|“([^”]*)”),?""")
_END = tuple(".!?。！？।።…\"')")  # what a whole sentence may end with


class Answered(NamedTuple):
    """Tasks of one brainstorm's answer, in order. ``topics``: what its prompt listed, or ``()`` where that is not known."""

    group: str
    request_id: str
    tasks: list[str]
    topics: Sequence[Pick] = ()


class Found(NamedTuple):
    """A task and where it comes from. ``topic``: the path of the topic that it was asked for, None where not known."""

    task: str
    group: str
    request_id: str
    topic: str | None = None


def parse_tasks(answer: str) -> list[str]:
    """Tasks in a brainstorm's answer, in order; ``[]`` where there is none.

    Reads JSON and Python lists (bare, fenced, after a preface, cut off: whole items are kept), lists of objects with a
    text, objects that hold a list, and numbered or bulleted lines. Numbering, empty items and items over
    :data:`MAX_TASK` characters are dropped.
    """
    listed = _listed(answer, MAX_DEPTH)
    lines = _line_items(answer)
    return _cleaned(lines if len(lines) > len(listed) else listed)


def cap_tasks(answers: Iterable[Answered], asked: int, per_topic: int) -> tuple[list[Found], int]:
    """The tasks that are kept of each answer, in order, and how many are over the cap.

    ``asked``: tasks asked for in one answer; what comes after them is over the cap. Where an answer brings exactly
    ``per_topic`` tasks for each of its topics, its tasks are those of its topics, in order, and of all answers of a
    group at most ``per_topic`` tasks of the same topic and setting are kept: the first ones. What comes later never
    changes an earlier decision.
    """
    kept: list[Found] = []
    over = 0
    held: Counter[tuple[str, Pick]] = Counter()
    for answer in answers:
        matched = len(answer.tasks) == len(answer.topics) * per_topic
        for number, task in enumerate(answer.tasks):
            pick = answer.topics[number // per_topic] if matched else None
            if number >= asked or (pick and held[answer.group, pick] >= per_topic):
                over += 1
                continue
            if pick:
                held[answer.group, pick] += 1
            kept.append(Found(task, answer.group, answer.request_id, pick.topic.path if pick else None))
    return kept, over


def merge_tasks(tasks: Iterable[Found], threshold: float) -> pa.Table:
    """Tasks, near-duplicates merged within their group, as a table of schema :data:`TASKS`.

    ``tasks``: in the order in which they came. A task whose set of folded tokens has a Jaccard similarity of at least
    ``threshold`` with one that was kept before is merged into the first such one; ``merged`` counts what a row stands
    for. What comes later never changes an earlier decision.
    """
    tasks = list(tasks)
    stands_for = [0] * len(tasks)
    indexes: dict[str, _Index] = {}
    sets = _TokenSets([found.task for found in tasks])
    for number, found in enumerate(tasks):
        if found.group not in indexes:
            indexes[found.group] = _Index(sets, threshold)
        index = indexes[found.group]
        twin = index.first_similar(number)
        if twin is None:
            index.add(number)
        stands_for[number if twin is None else twin] += 1
    lines = [(*task, count) for task, count in zip(tasks, stands_for, strict=True) if count]
    columns = list(zip(*lines, strict=True)) or [()] * len(TASKS)
    return pa.Table.from_arrays(
        [pa.array(column, type=field.type) for column, field in zip(columns, TASKS, strict=True)], schema=TASKS
    )


def _listed(answer: str, depth: int) -> list[str]:
    """Texts of the values in an answer. One that was cut off may hold more whole items inside than it shows itself."""
    found: list[str] = []
    for reading in read_values(answer):
        if not _stands_alone(answer, reading):
            continue
        texts = list(_texts(reading.value))
        inside = [] if reading.complete or not depth else _listed(answer[reading.start + 1 :], depth - 1)
        found += inside if len(inside) > len(texts) else texts
    return found


def _stands_alone(answer: str, reading: Reading) -> bool:
    """Whether the value is an answer or an item of one; brackets inside a listed sentence are part of the sentence."""
    line = answer[answer.rfind("\n", 0, reading.start) + 1 : reading.start]
    return _ITEM.match(line) is None or _BARE_MARK.fullmatch(line) is not None


def _texts(value: Any, listed: bool = False) -> Iterator[str]:
    """Tasks in a value that was read; the reader bounds how deep it is nested.

    ``listed``: the value is an item of a list. Then an object's text is a task whatever its key; elsewhere it could as
    well be an error message.
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, listed=True)
    elif isinstance(value, dict):
        yield from _texts_of_object(value, listed)


def _texts_of_object(value: dict[str, Any], listed: bool) -> Iterator[str]:
    inner = [item for item in value.values() if isinstance(item, list | dict)]
    strings = {key: item for key, item in value.items() if isinstance(item, str)}
    named = [strings[key] for key in _KEYS if key in strings]
    if inner:
        for item in inner:
            yield from _texts(item)
    elif strings and all(key.strip()[-1:].isdigit() for key in strings):
        yield from strings.values()
    elif named:
        yield named[0]
    elif strings and listed:
        yield max(strings.values(), key=len)


class _Item(NamedTuple):
    indent: int
    numbered: bool
    text: str


def _line_items(answer: str) -> list[str]:
    """Outermost numbered lines, or bulleted ones where no line is numbered; indented lines go on with their item."""
    items: list[_Item] = []
    for line in answer.splitlines():
        match = _ITEM.fullmatch(line)
        if match:
            indent, mark, text = match.groups()
            items.append(_Item(len(indent), mark[-1] in ".):", text))
        elif items and line[:1].isspace() and line.strip():
            items[-1] = items[-1]._replace(text=f"{items[-1].text} {line.strip()}")
    if any(item.numbered for item in items):
        items = [item for item in items if item.numbered]
    outermost = min((item.indent for item in items), default=0)
    return _whole([item.text for item in items if item.indent == outermost])


def _whole(lines: list[str]) -> list[str]:
    """Without a last line that was cut off: all others end like a sentence, it does not."""
    if len(lines) > 1 and not lines[-1].endswith(_END) and all(line.endswith(_END) for line in lines[:-1]):
        return lines[:-1]
    return lines


def _cleaned(items: Sequence[str]) -> list[str]:
    return [task for task in map(clean_task, items) if len(task) <= MAX_TASK and tokens(task)]


def clean_task(item: str) -> str:
    """A task on one line, without numbering, bold marks, quotes around the whole, and halves of surrogate pairs."""
    encodable = item.replace("**", "").encode("utf-8", "ignore").decode("utf-8")
    task = _NUMBERING.sub("", " ".join(encodable.split()))
    quoted = _QUOTED.fullmatch(task)
    return next(text for text in quoted.groups() if text is not None).strip() if quoted else task


class _TokenSets:
    """The texts' sets of folded tokens. ``ranks``: each token as its rank among all, rarest first, ascending.

    ``bits``: a 64-bit sketch of each set; two sets differ in at least as many tokens as their sketches differ in bits.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        units = [frozenset(tokens(text)) for text in texts]
        counts = Counter(token for unit in units for token in unit)
        rank = {token: number for number, token in enumerate(sorted(counts, key=lambda token: (counts[token], token)))}
        self.ranks = [sorted(rank[token] for token in unit) for unit in units]
        self.sizes = np.array([len(ranks) for ranks in self.ranks], dtype=np.int64)
        sketches = [functools.reduce(lambda bits, rank: bits | 1 << rank % 64, ranks, 0) for ranks in self.ranks]
        self.bits = np.array(sketches, dtype=np.uint64)


class _Index:
    """The sets that were kept, searchable for one that is similar enough: exact, by prefix filtering.

    Two sets of Jaccard similarity ``t`` or more share a token among the ``n - ceil(t * n) + 1`` rarest of either
    (Chaudhuri et al. 2006; Bayardo et al. 2007), and differ in no more than ``(1 - t) / (1 + t)`` of their tokens.
    """

    def __init__(self, sets: _TokenSets, threshold: float) -> None:
        self._sets = sets
        self._threshold = threshold
        self._by_token: dict[int, array[int]] = defaultdict(lambda: array("q"))
        self._first: int | None = None

    def add(self, number: int) -> None:
        """Keep a set."""
        if self._first is None:
            self._first = number
        for token in self._prefix(number):
            self._by_token[token].append(number)

    def first_similar(self, number: int) -> int | None:
        """The first kept set that reaches the threshold."""
        if self._threshold <= 0:
            return self._first
        found = [self._by_token[token] for token in self._prefix(number) if token in self._by_token]
        if not found:
            return None
        near = np.concatenate([np.frombuffer(numbers, dtype=np.int64) for numbers in found])
        bits, sizes = self._sets.bits, self._sets.sizes
        allowed = (1 - self._threshold) / (1 + self._threshold) * (sizes[near] + sizes[number]) + _ROUNDING
        near = np.unique(near[np.bitwise_count(bits[near] ^ bits[number]) <= allowed])
        units = set(self._sets.ranks[number])
        return next((int(other) for other in near if self._similar(units, self._sets.ranks[other])), None)

    def _similar(self, units: set[int], ranks: list[int]) -> bool:
        shared = len(units.intersection(ranks))
        return shared / (len(units) + len(ranks) - shared) >= self._threshold

    def _prefix(self, number: int) -> list[int]:
        ranks = self._sets.ranks[number]
        return ranks[: len(ranks) - math.ceil(self._threshold * len(ranks) - _ROUNDING) + 1]
