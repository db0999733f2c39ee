"""What gates say of rows, checked: nothing may disappear in a gate, nor come from nowhere.

Row gates judge every parsed row, with no short cut, so that their rates are independent of each other. Gates of scope
``kept`` and corpus gates look at what all row gates and the gates before them kept, so that no row that is lost anyway
survives for its twins.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.factory.errors import PairsmithError
from pairsmith.factory.records import VERDICTS
from pairsmith.validators.gate import UNNAMED, Gate, Joining, Share, Sketching, Verdict
from pairsmith.validators.texts import chosen

T = TypeVar("T")

_KNOWN = [verdict.value for verdict in Verdict]


class Judged(NamedTuple):
    """What gates make of a table of rows: verdicts (schema VERDICTS), and a sketch for each gate that compares sketches."""

    verdicts: pa.Table
    sketches: list[pa.Table]


def judge_rows(gates: Sequence[Gate], rows: pa.Table) -> Judged:
    """All that can be said of ``rows`` (schema PAIRS) without knowing others."""
    verdicts = [VERDICTS.empty_table(), *(judge(gate, rows) for gate in gates if gate.scope == "row" and len(rows))]
    kept = without(rows, dropped_ids(pa.concat_tables(verdicts)))
    for gate in gates:
        if gate.scope == "kept" and len(kept):
            verdicts.append(judge(gate, kept))
            kept = without(kept, dropped_ids(verdicts[-1]))
    return Judged(pa.concat_tables(verdicts), [_sketch(gate, kept) for gate in sketching(gates)])


def sketching(gates: Sequence[Gate]) -> list[Sketching]:
    """The corpus gates that judge by sketches."""
    return [gate for gate in gates if gate.scope == "corpus" and isinstance(gate, Sketching)]


def judge(gate: Gate, rows: pa.Table) -> pa.Table:
    """The gate's verdicts on ``rows``. :class:`PairsmithError` where it fails, loses a row or invents one."""
    return _checked(gate, _tried(gate, rows.num_rows, lambda: gate.judge(rows)), rows["id"])


def judge_sketches(gate: Sketching, sketches: Sequence[Path], progress: Share) -> Iterator[pa.Table]:
    """The gate's verdicts on the rows of each sketch file, in order; checked as those of :func:`judge`."""
    found = iter(_tried(gate, 0, lambda: gate.judge_sketches(sketches, progress)))
    for path in sketches:
        with pa.memory_map(str(path)) as source:
            ids = pa.ipc.open_file(source).read_all()["id"]
            verdicts = _tried(gate, len(ids), lambda: next(found, VERDICTS.empty_table()))
            yield _checked(gate, verdicts, ids)
    _tried(gate, 0, lambda: list(found))  # it may have something to do at its end


def judge_beside(gate: Gate, rows: pa.Table, standing: Iterable[pa.Table], folder: Path) -> pa.Table:
    """The verdicts of a corpus gate where a few ``rows`` join the ``standing`` ones, see :class:`Joining`.

    A gate that cannot do that judges all of them anew, by sketches (which lie in ``folder`` meanwhile) or at once; then there
    are verdicts on the standing rows that it drops too.
    """
    if isinstance(gate, Joining):
        return _checked(gate, _tried(gate, rows.num_rows, lambda: gate.judge_beside(rows, standing)), rows["id"])
    if isinstance(gate, Sketching):
        found = list(_judge_anew(gate, chain(standing, [rows]), folder, rows["id"]))
    else:
        found = [_telling(judge(gate, pa.concat_tables([*standing, rows]).combine_chunks()), rows["id"])]
    return pa.concat_tables(found)


def _judge_anew(gate: Sketching, pieces: Iterable[pa.Table], folder: Path, ids: pa.ChunkedArray) -> Iterator[pa.Table]:
    with TemporaryDirectory(dir=folder, prefix=".beside.", suffix=".part") as beside:
        paths = []
        for number, sketch in enumerate(_sketch(gate, piece) for piece in pieces):
            paths.append(Path(beside) / f"{number}.arrow")
            with pa.ipc.new_file(str(paths[-1]), sketch.schema) as writer:
                writer.write_table(sketch)
        for verdicts in judge_sketches(gate, paths, lambda _: None):
            yield _telling(verdicts, ids)


def _telling(verdicts: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    """The verdicts on the rows ``ids``, and of the others those that drop."""
    mine = pc.is_in(verdicts["id"], value_set=ids.combine_chunks())
    return verdicts.filter(pc.or_(mine, pc.equal(verdicts["verdict"], Verdict.DROP.value)))


def dropped_ids(verdicts: pa.Table) -> pa.Array:
    """Ids of rows that at least one verdict drops, each once."""
    return pc.unique(verdicts.filter(pc.equal(verdicts["verdict"], Verdict.DROP.value))["id"])


def without(rows: pa.Table, ids: pa.Array) -> pa.Table:
    """The rows whose id is not among ``ids``."""
    return chosen(rows, pc.invert(pc.is_in(rows["id"], value_set=ids))) if len(ids) else rows


def _sketch(gate: Sketching, rows: pa.Table) -> pa.Table:
    sketch = _tried(gate, rows.num_rows, lambda: gate.sketch(rows))
    if not sketch["id"].equals(rows["id"]):
        raise PairsmithError(f"gate '{gate.name}': its sketch has not one line for each row, in their order")
    return sketch


def _tried(gate: Gate, count: int, work: Callable[[], T]) -> T:
    """Gates fail in one line that names the gate: a user's own may raise anything."""
    try:
        return work()
    except (PairsmithError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        told = " ".join(str(error).split())
        raise PairsmithError(
            f"gate '{gate.name}': failed on {count:,} rows ({type(error).__name__}: {told})"
        ) from error


def _checked(gate: Gate, verdicts: pa.Table, given: pa.ChunkedArray) -> pa.Table:
    verdicts = _tried(gate, len(given), lambda: verdicts.cast(VERDICTS))
    odd = set(pc.unique(verdicts["verdict"]).to_pylist()) - set(_KNOWN)
    if odd:
        raise PairsmithError(f"gate '{gate.name}': says {sorted(map(str, odd))}; a verdict is one of {sorted(_KNOWN)}")
    judged = pc.unique(verdicts["id"])
    lost, unknown = _beyond(given, judged), _beyond(judged, given)
    if lost or unknown:
        row, said = min(
            chain(((id, "no verdict on") for id in lost), ((id, "a verdict on the unknown") for id in unknown))
        )
        raise PairsmithError(f"gate '{gate.name}': gives {said} row '{row}'; every row needs a line")
    return _named(verdicts)


def _named(verdicts: pa.Table) -> pa.Table:
    """The verdicts with a reason wherever one is not ``keep``: it is counted and stored."""
    bare = pc.and_(pc.is_null(verdicts["reason"]), pc.not_equal(verdicts["verdict"], Verdict.KEEP.value))
    if not pc.any(bare).as_py():
        return verdicts
    place = VERDICTS.get_field_index("reason")
    return verdicts.set_column(place, VERDICTS.field(place), pc.if_else(bare, UNNAMED, verdicts["reason"]))


def _beyond(ids: pa.ChunkedArray | pa.Array, known: pa.ChunkedArray | pa.Array) -> list[str]:
    """Those of ``ids`` that are not ``known``."""
    return list(ids.filter(pc.invert(pc.is_in(ids, value_set=known))).to_pylist())
