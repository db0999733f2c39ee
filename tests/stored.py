"""Tables of tests as the Parquet files that a run keeps; they are gone when the tests end."""

import tempfile
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pairsmith.factory.tables import BATCH, TableFile

_FOLDER = tempfile.TemporaryDirectory(prefix="pairsmith-")
_NUMBERS = count()


def stored(table: pa.Table, batch: int = BATCH, group: int = BATCH) -> TableFile:
    """The table as a file, in row groups of ``group`` rows, that is read in batches of ``batch`` rows."""
    path = Path(_FOLDER.name) / f"{next(_NUMBERS)}.parquet"
    pq.write_table(table, path, row_group_size=group)
    return TableFile(path, table.schema, "write it again", batch)
