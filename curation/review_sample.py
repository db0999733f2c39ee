"""Which rows people are shown: a pure function of the run's tables, the spec, the seed, the count and the user's own gates.

A larger count keeps every row of a smaller one, in each part and in its order; rows that a run gains later fall in between
where their lot puts them. Nothing is remembered but the sample itself.

Takes three passes over narrow columns of the accepted rows, two of the rejected ones, three over the verdicts, and one over
the candidates: half a minute for 2 million rows with 21 verdicts each. Memory holds some 30 bytes a row, 75 at most while
rows are sorted, and the texts of the drawn ones.
"""

from collections import Counter
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.apportion import seats
from pairsmith.curation.doubt import DOUBTFUL, read_doubts
from pairsmith.curation.frame import Flags, Frame, Places, read_frame
from pairsmith.curation.review_rows import Part
from pairsmith.curation.sample_lines import Chosen, sample_lines
from pairsmith.factory.parse import GATE as PARSE
from pairsmith.factory.records import digest
from pairsmith.factory.spec import LengthSpec, ReviewSpec
from pairsmith.factory.tables import TableFile

UNSEEN = (PARSE, "duplicates", "target")
"""Gates whose reason nobody can see in the row: it has no texts, another row is like it, or there are enough rows."""

SMALL = 0.02
"""Share of the rejected rows under which a stratum is drawn from together with the other small ones. Of the 50 rejected rows
that are shown by default one is due to 2 %: a smaller stratum would mostly get none, and be left out of what is estimated."""

OTHERS = "others"


class Drawn(NamedTuple):
    """What is drawn from: the tables of a run."""

    candidates: TableFile
    accepted: TableFile
    rejected: TableFile
    verdicts: TableFile


def draw(
    tables: Drawn, spec: ReviewSpec, count: int, seed: int, own: str = "", length: LengthSpec | None = None
) -> pa.Table:
    """``count`` lines of schema SAMPLE, part by part in the order in which they were drawn; fewer where rows are lacking.

    A row that is drawn as random and as doubtful has two lines. ``own``: digest of the gates that a user wrote; with others
    the lots are others, for with them one can reject just the rows that people found defective, and none but those.
    ``length``: what the gate of that name went by, if not by the defaults.
    :class:`InputError` where the tables are of several runs.
    """
    lots = digest(seed, own)
    accepted = read_frame(tables.accepted, lots)
    rejected = _pooled(read_frame(tables.rejected, lots, _can_be_seen, ("reasons", "query")))
    doubt, ranks = read_doubts(tables.verdicts, accepted, length or LengthSpec())
    every, doubtful, others = np.arange(len(accepted)), np.flatnonzero(doubt >= DOUBTFUL), np.arange(len(rejected))
    parts = split(spec, count, len(every), len(doubtful), len(others))
    # By square roots, a language with a hundredth of the rows of another one has a tenth of its seats.
    chosen = {
        Part.RANDOM: (accepted, every, np.argsort(accepted.order)[: parts[Part.RANDOM]]),
        Part.DOUBTFUL: (
            accepted,
            doubtful,
            _by_stratum(accepted, doubtful, -doubt[doubtful], 0.5, parts[Part.DOUBTFUL]),
        ),
        Part.REJECTED: (rejected, others, _by_stratum(rejected, others, rejected.order, 1, parts[Part.REJECTED])),
    }
    lines = [_told(part, *of_part) for part, of_part in chosen.items()]
    return sample_lines(lines, tables.candidates, tables.verdicts, ranks, spec, seed)


def split(spec: ReviewSpec, count: int, accepted: int, doubtful: int, rejected: int) -> dict[Part, int]:
    """How many of ``count`` lines each part gets, of so many that it could have; with a larger count none gets fewer.

    What a part lacks goes to the random one. What that lacks goes to the rejected one, if it has a share: then all accepted
    rows are shown already.
    """
    shares = (1 - spec.doubtful - spec.rejected, spec.doubtful, spec.rejected)
    _, due_doubtful, due_rejected = np.bincount(seats(shares, [count] * 3, count), minlength=3).tolist()
    doubtful = min(due_doubtful, doubtful)
    random = min(count - doubtful - min(due_rejected, rejected), accepted)
    rest = count - doubtful - random if spec.rejected else 0
    return {Part.RANDOM: random, Part.DOUBTFUL: doubtful, Part.REJECTED: min(rest, rejected)}


def _can_be_seen(rows: pa.Table) -> Flags:
    """Rejected rows that have texts, and of whose reasons none is of a gate in :data:`UNSEEN`."""
    reasons = rows["reasons"].combine_chunks()
    unseen = pc.match_substring_regex(pc.list_flatten(reasons), f"^({'|'.join(UNSEEN)}):")
    found = np.array(pc.is_valid(rows["query"]).to_numpy(), np.bool_)
    found[pc.list_parent_indices(reasons).filter(unseen).to_numpy()] = False
    return found


def _pooled(frame: Frame) -> Frame:
    """The frame with its small strata as one, the last."""
    large = frame.sizes >= SMALL * len(frame)
    place = np.where(large, np.cumsum(large) - 1, large.sum()).astype(np.int32)
    names = [name for name, own in zip(frame.strata, large.tolist(), strict=True) if own]
    return replace(frame, strata=[*names, OTHERS], stratum=place[frame.stratum])


def _by_stratum(frame: Frame, among: Places, key: npt.NDArray[Any], power: float, count: int) -> Places:
    """``count`` rows of ``among``: the next seat to a stratum by its rows to the ``power``, in it to the least ``key``."""
    stratum = frame.stratum[among]
    rooms = np.bincount(stratum, minlength=len(frame.strata))
    by_key = among[np.lexsort((key, stratum))]
    starts = np.cumsum(rooms) - rooms
    seated: Counter[int] = Counter()
    found = []
    for one in seats((rooms**power).tolist(), rooms.tolist(), count):
        found.append(starts[one] + seated[one])
        seated[one] += 1
    return by_key[np.array(found, np.int64)]


def _told(part: Part, frame: Frame, among: Places, places: Places) -> Chosen:
    """The rows at ``places``, drawn from those at ``among``."""
    sizes = np.bincount(frame.stratum[among], minlength=len(frame.strata))
    stratum = frame.stratum[places]
    names = [frame.strata[one] for one in stratum.tolist()]
    return Chosen(part, frame.ids(places), names, sizes[stratum].tolist(), len(among))
