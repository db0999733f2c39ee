"""The text fields of a table of rows, and what gates need of them, computed once for all gates."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.factory.lexicon import plain_of
from pairsmith.validators.characters import Characters, decoded, strings
from pairsmith.validators.folding import folded
from pairsmith.validators.tokens import Tokens

LABELLED = "long_short"  # group whose positive and negatives are class labels, not documents


class Text(NamedTuple):
    """One text field of one row."""

    row: int  # position in the table
    field: str  # query | positive | negative (negative_2, ... where a row has several)
    text: str
    language: str  # claimed, ISO 639-1
    is_label: bool  # a class label of group long_short, not a document


class Texts:
    """Every text field of every row, row by row: query, positive, negatives. Sequences have one entry a text field."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows
        negatives = rows["negatives"].combine_chunks()
        counts = pc.list_value_length(negatives).to_numpy(zero_copy_only=False).astype(np.int64)
        ends = np.cumsum(counts + 2)
        self.queries: npt.NDArray[np.int64] = ends - counts - 2
        """Place of each row's query; its positive and negatives follow."""
        self.row: npt.NDArray[np.int64] = np.repeat(np.arange(len(rows)), counts + 2)
        self.number: npt.NDArray[np.int64] = np.arange(len(self.row)) - self.queries[self.row]
        """0 for a query, 1 for a positive, 2 and more for the negatives."""

    def chosen(self, rows: pa.Table, wanted: npt.NDArray[np.bool_]) -> "Texts":
        """Those of ``rows``, which are the ``wanted`` ones of these: what was folded and cut here is not again."""
        found, places = Texts(rows), np.flatnonzero(wanted[self.row])
        known: dict[str, Any] = self.__dict__
        for name in ("text", "folded"):
            if name in known:
                found.__dict__[name] = [known[name][place] for place in places.tolist()]
        if "folded_slices" in known:
            found.__dict__["folded_slices"] = _chosen(self.folded_slices, places)
        if "tokens" in known:
            found.__dict__["tokens"] = self.tokens.chosen(places)
        return found

    @cached_property
    def _strings(self) -> pa.LargeStringArray:
        """Each as it is, in Arrow's memory."""
        negatives = self.rows["negatives"].combine_chunks().flatten()
        texts = [*self.rows["query"].chunks, *self.rows["positive"].chunks, negatives]
        size, others = len(self.rows), np.flatnonzero(self.number > 1)
        place = np.empty(len(self), np.int64)
        place[self.queries], place[self.queries + 1] = np.arange(size), np.arange(size, 2 * size)
        place[others] = np.arange(2 * size, len(place))
        return pa.concat_arrays([part.cast(pa.large_string()) for part in texts]).take(pa.array(place))

    @cached_property
    def text(self) -> list[str]:
        """Each as it is."""
        return list(self._strings.to_pylist())

    @cached_property
    def is_query(self) -> npt.NDArray[np.bool_]:
        """Whether it is its row's query."""
        return np.equal(self.number, 0)

    @cached_property
    def is_label(self) -> npt.NDArray[np.bool_]:
        """Whether it is a class label."""
        labelled = pc.equal(self.rows["group"], LABELLED).to_numpy()
        return np.asarray(labelled[self.row] & ~self.is_query, np.bool_)

    @cached_property
    def language(self) -> list[str]:
        """The language claimed for each (ISO 639-1)."""
        asked, answered = (self.rows[name].to_pylist() for name in ("query_language", "document_language"))
        places = zip(self.row.tolist(), self.is_query.tolist(), strict=True)
        return [asked[row] if query else answered[row] for row, query in places]

    @cached_property
    def field(self) -> list[str]:
        """The name of each field: query, positive, negative, negative_2, ..."""
        names = field_names(int(self.number.max(initial=0)) + 1)
        return [names[number] for number in self.number.tolist()]

    @cached_property
    def slices(self) -> list[Characters]:
        """The code points of each, as it is."""
        return list(decoded(self._strings))

    @cached_property
    def folded(self) -> list[str]:
        """Each text as :func:`pairsmith.factory.text.fold` leaves it."""
        return list(chain.from_iterable(map(strings, self.folded_slices)))

    @cached_property
    def folded_slices(self) -> list[Characters]:
        """The code points of each, folded."""
        return list(map(folded, decoded(self._strings)))

    @cached_property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Characters of each, folded."""
        return np.concatenate([np.diff(some.starts) - 1 for some in self.folded_slices])

    @cached_property
    def plain(self) -> list[str]:
        """Each text as phrases are matched against, see :func:`pairsmith.factory.lexicon.plain`."""
        return list(map(plain_of, self.folded, self.text))

    @cached_property
    def tokens(self) -> Tokens:
        """The tokens of each."""
        return Tokens(self.folded_slices)

    def __getitem__(self, place: int) -> Text:
        label = bool(self.is_label[place])
        return Text(int(self.row[place]), self.field[place], self.text[place], self.language[place], label)

    def __len__(self) -> int:
        return len(self.row)

    def __iter__(self) -> Iterator[Text]:
        return map(Text, self.row.tolist(), self.field, self.text, self.language, self.is_label.tolist())


def _chosen(slices: Sequence[Characters], places: npt.NDArray[np.int64]) -> list[Characters]:
    """Those of the texts of all ``slices`` that stand at ``places``, which ascend."""
    ends = np.cumsum([len(some.starts) - 1 for some in slices])
    begins = np.concatenate(([0], ends[:-1]))
    parts = np.split(places, np.searchsorted(places, ends[:-1]))
    return [some.at(mine - begin) for some, mine, begin in zip(slices, parts, begins, strict=True)]


def field_names(count: int) -> list[str]:
    """Names of the first ``count`` text fields of a row."""
    return ["query", "positive", "negative", *(f"negative_{number}" for number in range(2, count))][:count]


_last: Texts | None = None


def texts(rows: pa.Table) -> Texts:
    """The text fields of ``rows``. Gates that are given the same table one after the other share them."""
    global _last  # one table is judged by all gates before the next one comes
    if _last is None or _last.rows is not rows:
        _last = Texts(rows)
    return _last


def chosen(rows: pa.Table, wanted: pa.ChunkedArray) -> pa.Table:
    """The rows that are ``wanted``; what is known of the texts of ``rows`` stays known."""
    global _last
    kept = rows.filter(wanted)
    if _last is not None and _last.rows is rows:
        _last = _last.chosen(kept, wanted.to_numpy())
    return kept
