"""Rows of several sources as one list, and how often each is drawn in an epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.factory.errors import InputError
from pairsmith.trainer.facts import SourceFacts
from pairsmith.trainer.recipe import Recipe

Places = npt.NDArray[np.int64]


class Source(NamedTuple):
    """Rows (:data:`~pairsmith.trainer.data.TRAINING`) and what is known of them. ``known``: for each row, whether the earlier
    version that ``--since`` names has it too."""

    facts: SourceFacts
    rows: pa.Table
    known: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Mix:
    """``rows``: of all sources, one after another. For each row: the ``weights`` (times it is drawn in an epoch, on average)
    and ``kinds`` (rows of one kind have one weight), and numbers that are equal where query, positive or group are."""

    sources: list[SourceFacts]
    rows: pa.Table
    weights: npt.NDArray[np.float64]
    kinds: Places
    queries: Places
    positives: Places
    groups: Places
    names: list[str]
    """Of the groups, by number."""


def mix(sources: Sequence[Source], recipe: Recipe) -> Mix:
    """All sources together. Raises :class:`InputError` where ``alone`` names a group that has no row."""
    rows = pa.concat_tables([source.rows for source in sources]).combine_chunks()
    kinds = np.concatenate([2 * number + source.known for number, source in enumerate(sources)])
    weights = [one * source.facts.weight for source in sources for one in (1.0, recipe.replay)]
    groups = pc.dictionary_encode(rows["group"].combine_chunks())
    names: list[str] = groups.dictionary.to_pylist()
    empty = next((group for group in recipe.alone if group not in names), None)
    if empty:
        raise InputError(
            f"alone: the group {empty} has no row to train on; those with rows: {', '.join(sorted(names))}"
        )
    return Mix(
        sources=[source.facts for source in sources],
        rows=rows,
        weights=np.array(weights)[kinds],
        kinds=kinds.astype(np.int64),
        queries=_numbers(rows["query"]),
        positives=_numbers(rows["positive"]),
        groups=groups.indices.to_numpy().astype(np.int64),
        names=names,
    )


def drawn(rows: Mix, generator: np.random.Generator) -> Places:
    """Rows of one epoch, in random order: a row of weight 2.25 twice, and a quarter of all such rows once more."""
    whole = np.floor(rows.weights).astype(np.int64)
    parts = [np.repeat(np.arange(len(whole)), whole)]
    for kind in np.unique(rows.kinds):
        mine = np.flatnonzero(rows.kinds == kind)
        share = float(rows.weights[mine[0]] % 1)
        parts.append(generator.permutation(mine)[: round(share * len(mine))])
    return generator.permutation(np.concatenate(parts))


def _numbers(texts: pa.ChunkedArray) -> Places:
    return pc.dictionary_encode(texts.combine_chunks()).indices.to_numpy().astype(np.int64)  # type: ignore[no-any-return]
