"""Rows of a release in SQLite: in the memory of a batch, however many they are."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from regressed import next_version, read_rows
from stored import stored
from test_release import FACTS
from test_release import ROWS as TABLE

from pairsmith.curation.release import write_release
from pairsmith.curation.released_rows import Released
from pairsmith.curation.rows_database import SHOWN, write_rows

MEASURED = """
import sys
from pathlib import Path
from pairsmith.curation.released_rows import Released
from pairsmith.curation.rows_database import write_rows
write_rows(Released(Path(sys.argv[1])), Path(sys.argv[2]), ["id", "query", "positive", "negatives"])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(stored(TABLE), FACTS, tmp_path_factory.mktemp("releases"))[0]


def test_each_row_is_there_once_with_texts_as_they_begin_and_nulls_as_they_are(release: Path, tmp_path: Path) -> None:
    rows = read_rows(release)
    rows[0] |= {"query": "\0" + "ü" * 1000, "review": None}
    odd = next_version(release, tmp_path, rows)
    write_rows(Released(odd), tmp_path / "rows.sqlite", ["id", "query", "review", "negatives", "no column"])
    database = sqlite3.connect(tmp_path / "rows.sqlite")
    found = {one: rest for one, *rest in database.execute("SELECT id, query, review, negatives, positive FROM rows")}
    database.close()
    assert found == {
        row["id"]: [row["query"].replace("\0", "␀")[:SHOWN], row["review"], str(row["negatives"])[:SHOWN], None]
        for row in rows
    }
    assert len(found) == len(rows)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(release: Path, tmp_path: Path) -> None:
    rows = [{**row, "positive": row["positive"] + "x" * 3_000} for row in read_rows(release)]
    peaks = []
    for times in (100, 1_000):
        folder = tmp_path / str(times)
        many = [{**row, "id": f"{number}-{row['id']}"} for number in range(times) for row in rows]
        large = next_version(release, folder, many)
        asked = [sys.executable, "-c", MEASURED, str(large), str(folder / "rows.sqlite")]
        peaks.append(int(subprocess.run(asked, check=True, capture_output=True, text=True).stdout))
    assert peaks[1] - peaks[0] < 60_000, peaks  # kB; the texts of the larger one are 180 MB
