"""A release as training data: anchor, positive, negatives. Needs pyarrow only, no torch.

The instruction template is the method's (Wang et al. 2024, arXiv 2401.00368, section 3.2): queries carry the instruction,
documents carry nothing; in the symmetric groups (sts, bitext) both sides are queries.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pairsmith.factory.errors import InputError
from pairsmith.factory.records import RELEASE
from pairsmith.factory.tables import TableFile
from pairsmith.factory.taxonomy import GROUPS

_TEXT = pa.large_string()  # a column of the method's 500,000 rows is near the 2 GB that plain strings may hold

TRAINING = pa.schema(
    [
        pa.field("id", _TEXT, nullable=False),
        pa.field("group", _TEXT, nullable=False),
        pa.field("instruction", _TEXT, nullable=False),  # "" where there is none
        pa.field("query", _TEXT, nullable=False),
        pa.field("positive", _TEXT, nullable=False),
        pa.field("negatives", pa.large_list(_TEXT), nullable=False),
        pa.field("label", _TEXT),  # the class that the positive stands for
        pa.field("document", _TEXT),  # the one that the positive is from
    ]
)
"""What training reads of a row, whichever source it comes from."""

_REMEDY = "take the release again from where it came"

SYMMETRIC = [name for name, facts in GROUPS.items() if not facts.brainstormed]


def instruct(instruction: str, text: str) -> str:
    """What the model reads for a query."""
    return f"Instruct: {instruction}\nQuery: {text}"


def read_release(release: Path | str, split: str = "train") -> pa.Table:
    """Rows of one split of a release folder (schema RELEASE), in the order of their files.

    Raises :class:`InputError` when the folder holds no such split.
    """
    files = sorted(Path(release).glob(f"data/*/{split}-*.parquet"))
    if not files:
        raise InputError(
            f"{release}: no data/*/{split}-*.parquet; is it a release, and does it have the split '{split}'?"
        )
    return pa.concat_tables([pq.read_table(file, schema=RELEASE) for file in files])


def read_training(release: Path) -> pa.Table:
    """The rows to train on (:data:`TRAINING`), in the order of their files.

    Raises :class:`InputError` when a group of the release has no such row, or a file has not its columns.
    """
    for group in sorted(path for path in (release / "data").glob("*") if path.is_dir()):
        if not any(file.read("id").num_rows for file in _split(release, group.name, "train")):
            raise InputError(
                f"{release}: the group {group.name} has no row in the split 'train'; release it again with more rows of that "
                "group, or without it"
            )
    rows = read_split(release, "train")
    if rows is None:
        raise InputError(f"{release}: no data/*/train-*.parquet; is it a release, and does it have the split 'train'?")
    return rows


def read_split(release: Path, split: str) -> pa.Table | None:
    """The rows of one split (:data:`TRAINING`); None where there are none."""
    names = [name for name in TRAINING.names if name != "label"]
    parts = [file.read(*names) for file in _split(release, "*", split)]
    return training(pa.concat_tables(parts)) if sum(map(len, parts)) else None


def _split(release: Path, group: str, split: str) -> list[TableFile]:
    return [TableFile(file, RELEASE, _REMEDY) for file in sorted(release.glob(f"data/{group}/{split}-*.parquet"))]


def training(rows: pa.Table) -> pa.Table:
    """The columns of ``rows`` as :data:`TRAINING` has them, each in one piece; what is not there is null."""
    found = {name: rows[name] if name in rows.column_names else pa.nulls(len(rows), _TEXT) for name in TRAINING.names}
    return pa.table(found).cast(TRAINING).combine_chunks()


def columns(rows: pa.Table, negatives: int = 1, instructions: bool = True) -> pa.Table:
    """The view that sentence-transformers reads: ``anchor``, ``positive``, ``negative`` (``negative_2``, ... for more).

    All columns are strings and none is null. Rows with fewer than ``negatives`` negatives (short_short and long_long have
    none) are not in the view; ``negatives=0`` gives every row as a pair. With ``instructions`` the anchors, and in
    the symmetric groups all texts, carry their instruction.
    """
    rows = rows.filter(pc.greater_equal(pc.list_value_length(rows["negatives"]), negatives))
    names = ["negative" if number == 1 else f"negative_{number}" for number in range(1, negatives + 1)]
    texts = {"anchor": rows["query"], "positive": rows["positive"]}
    texts |= {name: pc.list_element(rows["negatives"], place) for place, name in enumerate(names)}
    if instructions:
        texts = {name: _instructed(rows, name, column) for name, column in texts.items()}
    return pa.table(texts)


def _instructed(rows: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Array:
    groups, tasks = rows["group"].to_pylist(), rows["instruction"].to_pylist()
    texts = zip(groups, tasks, column.to_pylist(), strict=True)
    return pa.array(
        [instruct(task, text) if name == "anchor" or group in SYMMETRIC else text for group, task, text in texts],
        pa.string(),
    )
