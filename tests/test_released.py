"""Gate ``duplicates`` against earlier releases: as in one run with them, and from what lies beside them."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored import stored
from test_duplicates import LONG, queries, row, table

from pairsmith.curation.release import write_release
from pairsmith.curation.release_facts import ReleaseFacts
from pairsmith.factory.errors import InputError
from pairsmith.factory.spec import DuplicatesSpec, GatesSpec, ReleaseSpec
from pairsmith.validators.build import sources
from pairsmith.validators.duplicates import DuplicatesGate
from pairsmith.validators.minhash import bands_for
from pairsmith.validators.released import find_releases, signatures_of, standing, write_signatures

FUNNEL = {"asked": 3, "answered": 3, "failed": {}, "pending": 0, "rejected": 0, "accepted": 3, "gates": []}
FACTS = ReleaseFacts("demo", ReleaseSpec(license="cc0-1.0"), FUNNEL, {}, {"pairsmith": "0"})
Rows = list[dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder."""
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def release(rows: Rows, folder: Path, signed: bool = True) -> Path:
    """The next version below ``folder``, which holds ``rows``."""
    path, _ = write_release(stored(table(rows)), FACTS, folder)
    if signed:
        write_signatures(path, bands_for(0.7, 128))
    return path


def judge(rows: Rows, run: Path, *against: str, **spec: Any) -> Rows:
    return DuplicatesGate(DuplicatesSpec(against=list(against), **spec), run).judge(table(rows)).to_pylist()


def lost(rows: Rows, run: Path, *against: str, **spec: Any) -> dict[str, str]:
    return {line["id"]: line["related"] for line in judge(rows, run, *against, **spec) if line["verdict"] == "drop"}


def flip(file: Path, place: int) -> None:
    """Change one byte of a file."""
    content = bytearray(file.read_bytes())
    content[place] ^= 0x10
    file.write_bytes(content)


OLD = [row("old1", "ferry times", LONG), row("old2", "a short one", "It is short.")]
NEW = [
    row("new1", "When does it go?", LONG.replace("strong", "strong for it"), negative="much more text than any other"),
    row("new2", "A SHORT  one", "Another answer."),
    row("new3", "something else", "Quite different from the others."),
]


def test_released_rows_survive_whatever_is_longer(run: Path, tmp_path: Path) -> None:
    release(OLD, tmp_path / "releases")
    assert lost(NEW, run, "../releases") == {"new1": "old1", "new2": "old2"}
    assert lost(NEW, run, "../releases/1.0.0") == {"new1": "old1", "new2": "old2"}
    assert lost(NEW, run) == {}


@settings(max_examples=10)
@given(old=st.integers(0, 10_000), new=st.integers(0, 10_000), signed=st.booleans())
def test_against_a_release_is_as_in_one_run_with_it(
    old: int, new: int, signed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("against")
    released = [{**one, "id": f"r{one['id']}", "negatives": ["long " * 1_000]} for one in queries(old)]
    rows = queries(new)
    rows[::4] = [{**one, "id": f"n{one['id']}"} for one in queries(old)[::4]]
    release(released, folder / "releases", signed)
    together = [line for line in judge(released + rows, folder) if not line["id"].startswith("r")]
    found = judge(rows, folder, "releases")
    apart = [line | {"score": None} for line in found]
    assert apart == [line | {"score": None} for line in together]


def test_no_text_of_a_release_is_read_where_its_signatures_lie_beside_it(run: Path, tmp_path: Path) -> None:
    shutil.rmtree(release(OLD, tmp_path / "releases") / "data")
    assert set(lost(NEW, run, "../releases")) == {"new1", "new2"}
    shutil.rmtree(run / ".released")
    assert set(lost(NEW, run, "../releases", threshold=0.6, permutations=64)) == {"new1", "new2"}


def test_signatures_that_are_not_there_are_made_once_and_kept_in_the_run_folder(run: Path, tmp_path: Path) -> None:
    path = release(OLD, tmp_path / "releases", signed=False)
    assert set(lost(NEW, run, "../releases")) == {"new1", "new2"}
    assert not signatures_of(path).exists()
    shutil.rmtree(path / "data")
    assert set(lost(NEW, run, "../releases")) == {"new1", "new2"}
    assert len(list((run / ".released").iterdir())) == 1


def test_what_was_kept_of_a_release_is_made_again_where_it_is_damaged(run: Path, tmp_path: Path) -> None:
    release(OLD, tmp_path / "releases")
    lost(NEW, run, "../releases")
    (kept,) = (run / ".released").glob("*/*.arrow")
    whole = kept.read_bytes()
    for damage in (kept.unlink, lambda: kept.write_bytes(b"ARROW1"), lambda: flip(kept, len(whole) // 2)):
        damage()
        assert set(lost(NEW, run, "../releases")) == {"new1", "new2"}
        assert kept.read_bytes() == whole


def test_other_signatures_are_taken_up(run: Path, tmp_path: Path) -> None:
    path = release(OLD, tmp_path / "releases")
    lost(NEW, run, "../releases")
    (before,) = (run / ".released").iterdir()
    table = pq.read_table(signatures_of(path))
    table = table.set_column(table.schema.get_field_index("length"), table.schema.field("length"), [[1, 2]])
    pq.write_table(table, signatures_of(path))
    lost(NEW, run, "../releases")
    (now,) = (run / ".released").iterdir()
    assert now != before
    assert pa.ipc.open_file(now / "00000.arrow").read_all()["length"].to_pylist() == [1, 2]


def test_a_damaged_page_of_signatures_is_one_line_that_names_the_file(run: Path, tmp_path: Path) -> None:
    path = signatures_of(release(OLD, tmp_path / "releases"))
    whole, group = path.read_bytes(), pq.read_metadata(path).row_group(0)
    for column in (group.column(number) for number in range(0, group.num_columns, 5)):
        flip(path, column.data_page_offset + column.total_compressed_size - 1)  # the last byte of its last page
        with pytest.raises(
            InputError, match=r"^[^\n]*1\.0\.0\.signatures\.parquet: not readable [^\n]*; delete it[^\n]*$"
        ):
            judge(NEW, run, "../releases")
        path.write_bytes(whole)
    assert set(lost(NEW, run, "../releases")) == {"new1", "new2"}


@pytest.mark.parametrize(
    "change", [{}, {"unicode": "1.0"}, {"hashing": 0}, {"format": 0}, {"row_set": "of other rows"}]
)
def test_signatures_of_other_hashes_or_rows_are_left_alone_and_the_texts_read(
    run: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    path = signatures_of(release(OLD, tmp_path / "releases"))
    schema = pq.read_schema(path)
    facts = json.loads(schema.metadata[b"pairsmith"]) | change
    empty = schema.with_metadata({"pairsmith": json.dumps(facts)}).empty_table()
    pq.write_table(empty, path)
    assert set(lost(NEW, run, "../releases")) == {"new1", "new2"}
    assert pq.read_metadata(path).num_rows == 0


def test_a_row_is_not_its_own_twin_and_stays_when_it_was_released(run: Path, tmp_path: Path) -> None:
    corrected = {**OLD[0], "positive": LONG.replace("strong", "strong for it")}
    twin = row("twin", "ferry times", LONG, negative="far more text than the released row has")
    release(OLD, tmp_path / "releases")
    assert lost([corrected, OLD[1], twin], run, "../releases") == {"twin": "old1"}


def test_two_released_twins_both_stay(run: Path, tmp_path: Path) -> None:
    twins = [row("a", "ferry times", LONG), row("b", "ferry times", LONG)]
    release(twins, tmp_path / "releases")
    assert lost([*twins, row("c", "ferry times", LONG)], run, "../releases") == {"c": "a"}
    assert lost(twins, run) == {"b": "a"}


def test_of_a_row_in_several_releases_the_newest_text_counts(run: Path, tmp_path: Path) -> None:
    release(OLD, tmp_path / "releases")
    release([{**OLD[0], "positive": "It runs twice a day.", "content_hash": "new"}, OLD[1]], tmp_path / "releases")
    assert list(find_releases(["../releases"], run)) == ["../releases/1.0.1", "../releases/1.0.0"]
    other = row("new1", "When does it go?", LONG)
    assert lost([other], run, "../releases") == {}
    assert lost([other], run, "../releases/1.0.0") == {"new1": "old1"}


@given(st.lists(st.integers(0, 9), max_size=20), st.integers(0, 20))
def test_a_released_id_stands_once_and_in_the_run_where_it_is_there(names: list[int], first: int) -> None:
    first = min(first, len(set(names)))
    names = [*dict.fromkeys(names)][:first] + names
    parts = [pa.array(map(str, part), pa.string()) for part in (names[:3], names[3:3], names[3:])]
    released, out = standing(parts, first)
    assert released.tolist() == [name in names[first:] for name in names]
    assert out.tolist() == [place >= first and name in names[:place] for place, name in enumerate(names)]


def test_the_same_rows_give_the_same_signatures(tmp_path: Path) -> None:
    rows = queries(4)
    one, other = release(rows, tmp_path / "one"), release(rows[::-1], tmp_path / "other")
    assert signatures_of(one).read_bytes() == signatures_of(other).read_bytes()
    found = pq.read_table(signatures_of(one))
    assert sorted(found["id"].to_pylist()) == sorted(each["id"] for each in rows)
    assert np.count_nonzero(found["query_tokens"]) > 10


def test_other_releases_mean_other_verdicts_may_be_due(run: Path, tmp_path: Path) -> None:
    spec = GatesSpec(duplicates=DuplicatesSpec(against=["../releases"]))
    release(OLD, tmp_path / "releases")
    before = sources(spec, run)
    release([*OLD, NEW[2]], tmp_path / "releases")
    assert before.items() < sources(spec, run).items()


def test_what_is_no_release_is_one_clear_line(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"against: '\.\./nothing' is no release and no folder of releases"):
        DuplicatesGate(DuplicatesSpec(against=["../nothing"]), run)
    path = release(OLD, tmp_path / "releases")
    signatures_of(path).write_bytes(b"PAR1 and then nothing")
    with pytest.raises(InputError, match=r"1\.0\.0\.signatures\.parquet: not readable .*; delete it"):
        judge(NEW, run, "../releases")
    signatures_of(path).unlink()
    file = next(path.glob("data/*/*.parquet"))
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"data/short_long/.*\.parquet: not readable"):
        judge(NEW, run, "../releases")
    (path / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match=r"manifest\.json: not readable .*is .* a release"):
        judge(NEW, run, "../releases")
