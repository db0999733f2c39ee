"""The least version that a change allows, whatever comes together; the digest of rows; manifests from elsewhere."""

import hashlib
import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored import stored
from test_release import FACTS, ROWS, pair, table

from pairsmith.cli import main
from pairsmith.curation.comparison import compare
from pairsmith.curation.difference import LEVELS, Difference, SchemaChange, raised
from pairsmith.curation.manifest import Version, read_manifest
from pairsmith.curation.release import write_release
from pairsmith.curation.release_files import row_set_hash
from pairsmith.factory.errors import RunError
from pairsmith.factory.spec import ReleaseSpec

LEVEL = {"added": "minor", "removed": "patch", "corrected": "patch", "card": "patch", "splits": "major"}
COLUMNS = {"new column": "minor", "column gone": "major", "column of another type": "major", "meaning": "major"}
PLAIN = replace(FACTS, spec=ReleaseSpec(splits={}))


def as_before(release: Path, changes: set[str]) -> None:
    """Make a release one of an earlier Pairsmith, from whose columns those of now differ by ``changes``."""
    for name in read_manifest(release)["files"]:
        rows = pq.read_table(release / name)
        if "new column" in changes:
            rows = rows.drop_columns("unit")
        if "column gone" in changes:
            rows = rows.append_column("mood", rows["id"])
        if "column of another type" in changes:
            place = rows.column_names.index("tokens_out")
            rows = rows.set_column(place, "tokens_out", rows["tokens_out"].cast(pa.string()))
        pq.write_table(rows, release / name)
    if "meaning" in changes:
        manifest = read_manifest(release) | {"meanings": 0}
        (release / "manifest.json").write_text(json.dumps(manifest))


def changed(changes: set[str]) -> tuple[pa.Table, Any]:
    """The rows and facts of the next version."""
    numbers = [n for n in range(9 if "added" in changes else 8) if n or "removed" not in changes]
    rows = [{**pair(n), **({"instruction": "Else."} if n == 3 and "corrected" in changes else {})} for n in numbers]
    spec = ReleaseSpec(
        splits={"test": 1e-9} if "splits" in changes else {}, license="mit" if "card" in changes else "other"
    )
    return table(*rows), replace(FACTS, spec=spec)


SINGLE: dict[str, dict[str, Any]] = {
    "major": {"columns": SchemaChange(removed=("a",)), "meanings": True, "anew": True, "moved": 1},
    "minor": {"added": 1},
    "patch": {"removed": 1, "corrected": 1, "reviewed": 1, "card": ("license",)},
}


def test_the_least_level_is_the_highest_of_all_that_changed_in_every_combination() -> None:
    changes = [(level, name, value) for level, some in SINGLE.items() for name, value in some.items()]
    for chosen in itertools.product((False, True), repeat=len(changes)):
        found = list(itertools.compress(changes, chosen))
        change = Difference(**{name: value for _, name, value in found})
        assert change.empty == (not found)
        assert change.least[0] == max((level for level, _, _ in found), key=LEVELS.index, default="patch")


@settings(max_examples=10)
@given(changes=st.sets(st.sampled_from([*LEVEL, *COLUMNS])), bump=st.sampled_from(["auto", *LEVELS]))
def test_a_version_is_of_the_highest_level_of_its_changes_and_a_smaller_one_is_refused(
    changes: set[str], bump: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    releases = tmp_path_factory.mktemp("releases")
    parent, _ = write_release(stored(table(*map(pair, range(8)))), PLAIN, releases)
    as_before(parent, changes)
    rows, facts = changed(changes)
    if changes <= {"new column"}:
        assert write_release(stored(rows), facts, releases, bump)[0] == parent, "no reason for a release"
        return
    least = max(({**LEVEL, **COLUMNS}[change] for change in changes), key=LEVELS.index)
    wanted = least if bump == "auto" else bump
    if LEVELS.index(wanted) < LEVELS.index(least):
        with pytest.raises(RunError, match=f"makes it a {least} version"):
            write_release(stored(rows), facts, releases, bump)
        assert [path.name for path in releases.iterdir()] == ["1.0.0"]
        return
    folder, change = write_release(stored(rows), facts, releases, bump)
    assert folder.name == str(raised(Version(1, 0, 0), wanted))
    assert change is not None
    assert change.least[0] == least
    assert compare(parent, folder)["bump"] == least, "'pairsmith diff' says the same"


@settings(max_examples=10)
@given(
    random=st.randoms(use_true_random=False),
    files=st.integers(1, 5),
    compression=st.sampled_from(["none", "gzip", "zstd"]),
    dictionary=st.booleans(),
)
def test_the_digest_of_rows_hangs_on_no_order_no_file_and_no_writer(
    random: Any, files: int, compression: str, dictionary: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("release")
    rows = ROWS.append_column("split", pa.array(["train", "test"] * (len(ROWS) // 2)))
    wanted = row_set_hash(rows)
    order = list(range(len(rows)))
    random.shuffle(order)
    parts = []
    for number, places in enumerate(np.array_split(order, files)):
        path = folder / f"{number}.parquet"
        part = rows.take(pa.array(places))
        pq.write_table(part, path, row_group_size=7, compression=compression, use_dictionary=dictionary, version="1.0")
        parts.append(pq.read_table(path))
    assert row_set_hash(pa.concat_tables(parts)) == wanted
    for name, other in (("id", "z"), ("content_hash", "z"), ("split", "dev")):
        place = rows.column_names.index(name)
        column = pa.array([other, *rows[name].to_pylist()[1:]])
        assert row_set_hash(rows.set_column(place, name, column)) != wanted


def test_the_digest_is_the_one_that_the_docs_tell() -> None:
    rows = pa.table({"id": ["b", "a"], "content_hash": ["2", "1"], "split": ["test", "train"]})
    assert row_set_hash(rows) == hashlib.sha256(b"a\t1\ttrain\nb\t2\ttest").hexdigest()


@pytest.mark.parametrize(
    "text",
    ["[]", "null", "3", "{", "{}", '{"format_version": 2}', '{"format_version": 1}']
    + [
        json.dumps({"format_version": 1, "name": "", "version": "", "row_set": "", "rows": 1, "files": f})
        for f in ([], {})
    ],
)
def test_a_manifest_that_is_none_is_one_clear_line(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release, _ = write_release(stored(ROWS), FACTS, tmp_path / "releases")
    other = Path(shutil.copytree(release, tmp_path / "other"))
    (other / "manifest.json").write_text(text)
    for order in ([release, other], [other, release]):
        assert main(["diff", *map(str, order)]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert f"{other}/manifest.json: " in told
