"""What a set of rows is like, in counts: all that drift is told from, whatever the number of rows.

A profile holds no text but openings and endings, and of each row some 16 bytes while it is made; then it is as large for
ten million rows as for ten thousand. It does not depend on the order of rows or files.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.diversity import ROWS, Sample, has_task, sample
from pairsmith.curation.habits import habits
from pairsmith.factory.tables import TableFile
from pairsmith.factory.text import fold

CATEGORIES = ("group", "query_language", "document_language", "model")
"""``document_language`` is that of rows in two languages: of all others the query's tells it."""

EXAMPLES = 5
OF_TEXTS = ("query", "positive", "negatives")

_TEXTS = ["id", "group", "instruction", *OF_TEXTS]
_ASKED = ("num_words", "query_length", "unit")
_READ = ["id", *CATEGORIES, "instruction", *OF_TEXTS, *_ASKED]

Keys = npt.NDArray[np.int64]


@dataclass
class Profile:
    """Counts of some rows.

    ``shares``: dimension -> category -> how many rows (of lengths: texts), the dimensions being :data:`CATEGORIES`,
    ``length.<field>`` (bins of characters, each twice as wide as the one before), ``negatives.<group>`` (how many a row has)
    and, of the sampled rows, those of :func:`~pairsmith.curation.habits.habits`. ``lengths``: ``<field>.<group>`` -> what
    length was asked for -> characters -> texts. ``scores``: ``<gate>.<field>.<group>`` -> score, to three digits -> verdicts.
    ``repeated``: ``query`` and ``task`` -> times that a folded one occurs -> how many such ones there are. ``examples``:
    dimension -> category -> ids of some rows.
    """

    rows: int = 0
    shares: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    lengths: dict[str, dict[str, Counter[int]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )
    scores: dict[str, Counter[float]] = field(default_factory=lambda: defaultdict(Counter))
    repeated: dict[str, dict[int, int]] = field(default_factory=dict)
    examples: dict[str, dict[str, list[str]]] = field(default_factory=lambda: defaultdict(dict))
    sample: Sample = field(default_factory=Sample)

    def as_json(self) -> dict[str, Any]:
        """As plain data, sorted."""
        return {
            "rows": self.rows,
            "shares": {name: _sorted(counts) for name, counts in sorted(self.shares.items())},
            "lengths": {
                name: {asked: _sorted(counts) for asked, counts in sorted(strata.items())}
                for name, strata in sorted(self.lengths.items())
            },
            "scores": {name: _sorted(counts) for name, counts in sorted(self.scores.items())},
            "repeated": {name: _sorted(counts) for name, counts in sorted(self.repeated.items())},
            "examples": {name: dict(sorted(ids.items())) for name, ids in sorted(self.examples.items())},
            "sample": self.sample.as_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Profile":
        """The profile that :meth:`as_json` gave."""
        return cls(
            data["rows"],
            {name: Counter(counts) for name, counts in data["shares"].items()},
            {
                name: {asked: Counter(_keyed(counts, int)) for asked, counts in strata.items()}
                for name, strata in data["lengths"].items()
            },
            {name: Counter(_keyed(counts, float)) for name, counts in data["scores"].items()},
            {name: _keyed(counts, int) for name, counts in data["repeated"].items()},
            {name: dict(ids) for name, ids in data["examples"].items()},
            Sample.from_json(data["sample"]),
        )


def _sorted(counts: Mapping[Any, int]) -> dict[str, int]:
    return {str(name): counts[name] for name in sorted(counts)}


def _keyed(counts: Mapping[str, int], kind: type) -> dict[Any, int]:
    return {kind(name): number for name, number in counts.items()}


def profile(files: Iterable[TableFile], ids: Iterable[str] | None = None, verdicts: TableFile | None = None) -> Profile:
    """The profile of the rows in ``files`` (schema RELEASE or PAIRS), or of those of them whose id is among ``ids``.

    ``verdicts`` (schema VERDICTS): of the run that the rows come from, for the scores of its gates.
    """
    made, wanted = Profile(), None if ids is None else _Known(_keys(ids))
    drawn, queries, tasks, seen, groups = _Drawn(), _Pile(), _Pile(), _Pile(), []
    for file in files:
        for rows in file.batches(*_READ):
            rows = rows if wanted is None else rows.filter(pa.array(wanted.places(rows["id"].to_pylist()) >= 0))
            if not rows.num_rows:
                continue
            _add(made, rows.sort_by("id"))
            drawn.add(rows)
            queries.add(map(fold, rows["query"].to_pylist()))
            asked = zip(rows["group"].to_pylist(), rows["instruction"].to_pylist(), strict=True)
            tasks.add(fold(task) for group, task in asked if has_task(group))
            if verdicts is not None:
                seen.add(rows["id"].to_pylist())
                groups += rows["group"].to_pylist()
    made.repeated = {"query": queries.spectrum(), "task": tasks.spectrum()}
    _add_habits(made, drawn.rows())
    made.sample = sample(drawn.rows())
    if verdicts is not None:
        made.scores = _scores(verdicts, _Known(seen.keys()), groups)
    return made


def bin_of(characters: int) -> str:
    """The bin of a length: ``0``, ``1``, ``2-3``, ``4-7`` and so on."""
    low = 1 << max(characters.bit_length() - 1, 0) if characters else 0
    return str(low) if low < 2 else f"{low}-{2 * low - 1}"


def _add(made: Profile, rows: pa.Table) -> None:
    """Count ``rows``, in the order of their ids."""
    made.rows += rows.num_rows
    ids, groups = rows["id"].to_pylist(), rows["group"].to_pylist()
    bilingual = rows.filter(pc.not_equal(rows["query_language"], rows["document_language"]))
    for name in CATEGORIES:
        counted = bilingual if name == "document_language" else rows
        _count(made, name, counted[name].to_pylist(), counted["id"].to_pylist())
    each = pc.list_value_length(rows["negatives"]).to_pylist()
    for group in set(groups):
        chosen = [place for place, one in enumerate(groups) if one == group]
        _count(made, f"negatives.{group}", [str(each[place]) for place in chosen], [ids[place] for place in chosen])
    asked = list(map(_joined, *(rows[name].to_pylist() for name in _ASKED)))
    owners = pc.list_parent_indices(rows["negatives"]).to_pylist()
    for name in OF_TEXTS:
        texts = pc.list_flatten(rows[name]) if name == "negatives" else rows[name]
        places = owners if name == "negatives" else range(len(ids))
        lengths = pc.utf8_length(texts).to_pylist()
        for place, length in zip(places, lengths, strict=True):
            made.lengths[f"{name}.{groups[place]}"][asked[place]][length] += 1
        _count(made, f"length.{name}", list(map(bin_of, lengths)), [ids[place] for place in places])


def _joined(*asked: str | None) -> str:
    return " / ".join(filter(None, asked))


def _add_habits(made: Profile, rows: Sequence[Mapping[str, Any]]) -> None:
    """Count what the texts of the sample are like. Nearly every opening is one of its own: only common ones have examples."""
    for name in OF_TEXTS:
        texts = ((row["id"], text) for row in rows for text in (row[name] if name == "negatives" else [row[name]]))
        for dimension, told in habits(name, texts).items():
            categories, ids = zip(*told, strict=True)
            _count(made, dimension, categories, ids, EXAMPLES)


def _count(made: Profile, dimension: str, categories: Sequence[str], ids: Sequence[str], fewest: int = 1) -> None:
    """Count a category for each id; of each category that has ``fewest`` of them the first ids are kept as examples."""
    counts = Counter(categories)
    made.shares[dimension].update(counts)
    found: dict[str, list[str]] = {category: [] for category, count in counts.items() if count >= fewest}
    for category, one in zip(categories, ids, strict=True):
        some = found.get(category)
        if some is not None and len(some) < EXAMPLES and one not in some:
            some.append(one)
    known = made.examples[dimension]
    for category, some in found.items():
        known[category] = sorted({*known.get(category, ()), *some})[:EXAMPLES]


def _keys(texts: Iterable[str]) -> Keys:
    """64 bits for each text, equal for equal texts, in this process alone."""
    return np.fromiter(map(hash, texts), np.int64)


class _Pile:
    """Keys of texts as they come: 8 bytes for each."""

    def __init__(self) -> None:
        self._keys = [np.empty(0, np.int64)]

    def add(self, texts: Iterable[str]) -> None:
        """Put further texts on the pile."""
        self._keys.append(_keys(texts))

    def keys(self) -> Keys:
        """All keys, in the order in which they came."""
        return np.concatenate(self._keys)

    def spectrum(self) -> dict[int, int]:
        """Times that a text occurs -> number of such texts."""
        times = np.unique(self.keys(), return_counts=True)[1]
        return dict(zip(*(part.tolist() for part in np.unique(times, return_counts=True)), strict=True))


class _Known:
    """Where keys stand among many others: 16 bytes for each."""

    def __init__(self, keys: Keys) -> None:
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]

    def places(self, texts: Iterable[str]) -> Keys:
        """For each text the place of its key, -1 where there is none."""
        keys = _keys(texts)
        if not len(self._keys):
            return np.full(len(keys), -1)
        near = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[near] == keys, self._order[near], -1)


class _Drawn:
    """The rows whose ids have the smallest digests, of all that go by."""

    def __init__(self) -> None:
        self._held: list[tuple[bytes, str, dict[str, Any]]] = []

    def add(self, rows: pa.Table) -> None:
        """Hold those of ``rows`` that belong to the sample."""
        ids = rows["id"].to_pylist()
        keys = [blake2b(one.encode("utf-8", "surrogatepass"), digest_size=8).digest() for one in ids]
        last = self._held[-1][0] if len(self._held) == ROWS else b"\xff" * 9
        near = [place for place, key in enumerate(keys) if key <= last]
        texts = rows.select(_TEXTS).take(pa.array(near, pa.int64())).to_pylist()
        self._held += [(keys[place], ids[place], row) for place, row in zip(near, texts, strict=True)]
        self._held = sorted(self._held, key=lambda one: one[:2])[:ROWS]

    def rows(self) -> list[dict[str, Any]]:
        """The rows, in the order of the sample."""
        return [row for _, _, row in self._held]


def _scores(verdicts: TableFile, known: _Known, groups: Sequence[str]) -> dict[str, Counter[float]]:
    """The scores of the rows that are ``known``, by gate, field and group."""
    found: dict[str, Counter[float]] = defaultdict(Counter)
    for batch in verdicts.batches("id", "gate", "field", "score"):
        batch = batch.filter(pc.is_finite(batch["score"]))
        lines = zip(*(batch[name].to_pylist() for name in ("gate", "field", "score")), strict=True)
        for place, (gate, of, score) in zip(known.places(batch["id"].to_pylist()), lines, strict=True):
            if place >= 0:
                found[f"{gate}.{of}.{groups[place]}"][float(f"{score:.3g}")] += 1
    return found
