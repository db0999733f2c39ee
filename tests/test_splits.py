"""Splits: no query of one is a near-duplicate of a query of another, within a version and across versions."""

import itertools
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from stored import stored
from test_release import FACTS, pair, read_rows, table

from pairsmith.curation.comparable import release_files
from pairsmith.curation.manifest import read_manifest
from pairsmith.curation.release import write_release
from pairsmith.curation.release_facts import ReleaseFacts
from pairsmith.curation.removed import BETWEEN, read_removed
from pairsmith.curation.splits import Splitting, assign_splits
from pairsmith.factory.spec import ReleaseSpec
from pairsmith.factory.text import fold, jaccard, shingles, tokens

HALF = Splitting({"test": 0.3, "dev": 0.2}, threshold=0.7)
WORDS = [f"w{number}" for number in range(60)]
Rows = list[dict[str, Any]]


def split(rows: Rows, how: Splitting = HALF, batch: int = 7) -> dict[str, str]:
    """The split of each row, by id."""
    with tempfile.TemporaryDirectory() as folder:
        found = assign_splits(stored(table(*rows), batch), [], how, Path(folder))
    return dict(zip((row["id"] for row in rows), found.to_pylist(), strict=True))


class Query(NamedTuple):
    """What makes two queries alike, by the definition."""

    folded: str
    grams: set[Any]

    def alike(self, other: "Query") -> bool:
        """Equal when folded, or a Jaccard similarity of token 3-grams from the threshold on."""
        both = self.grams and other.grams
        return self.folded == other.folded or bool(both and jaccard(self.grams, other.grams) >= HALF.threshold)


def query(text: str) -> Query:
    return Query(fold(text), set(shingles(tokens(text), 3)))


def alike(one: str, other: str) -> bool:
    return query(one).alike(query(other))


def crossing(split: dict[str, str | None]) -> list[tuple[str, str]]:
    """Pairs of near-duplicate queries in two splits; ``split``: query -> its split, None where it is left out."""
    there = [(query(text), name) for text, name in split.items() if name is not None]
    return [
        (one.folded, other.folded)
        for (one, mine), (other, its) in itertools.combinations(there, 2)
        if mine != its and one.alike(other)
    ]


def near_queries(seed: int, count: int, length: int = 14) -> list[str]:
    """Chains of queries of which each differs from one before by a word or two."""
    random = np.random.default_rng(seed)
    found: list[list[str]] = []
    while len(found) < count:
        if not found or random.random() < 0.3:
            found.append(list(random.choice(WORDS, random.integers(3, length))))
            continue
        text = list(found[random.integers(len(found))])
        text[random.integers(len(text))] = str(random.choice(WORDS))
        found.append(text if random.random() < 0.8 else [*text, str(random.choice(WORDS))])
    return [" ".join(text) for text in found]


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_two_splits_hold_near_duplicate_queries_whatever_their_tasks_and_languages(seed: int) -> None:
    queries = near_queries(seed, 60)
    rows = [pair(n, ["sts", "long_long"][n % 2], query, ["no", "de", "en"][n % 3]) for n, query in enumerate(queries)]
    found = split(rows)
    assert len({(row["query"], found[row["id"]]) for row in rows}) == len(set(queries)), (
        "equal queries are in one split"
    )
    assert crossing({row["query"]: found[row["id"]] for row in rows}) == []


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32 - 1), turned=st.permutations(range(30)))
def test_splits_do_not_hang_on_the_order_of_the_rows_or_on_batches(seed: int, turned: list[int]) -> None:
    rows = [pair(n, query=query) for n, query in enumerate(near_queries(seed, 30))]
    assert split([rows[n] for n in turned], batch=4) == split(rows)


@settings(max_examples=4, phases=[Phase.explicit, Phase.generate])
@given(seed=st.integers(0, 2**32 - 1))
def test_no_version_holds_a_query_that_is_near_one_of_another_split_in_any_version(seed: int) -> None:
    random = np.random.default_rng(seed)
    new = iter([pair(n, query=query) for n, query in enumerate(near_queries(seed, 60))])
    facts = ReleaseFacts("demo", ReleaseSpec(splits=HALF.shares), FACTS.funnel, {}, {})
    stays, known = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(3):
            stays = [row for row in stays if random.random() < 0.9] + list(itertools.islice(new, 20))
            release, _ = write_release(stored(table(*stays)), facts, Path(folder))
            found = {row["query"]: row["split"] for row in read_rows(release).to_pylist()}
            assert all(known.get(query, split) == split for query, split in found.items()), "released rows stay"
            known |= found
            assert crossing(known) == []


def test_the_held_out_share_is_what_was_asked() -> None:
    rows = [pair(n) for n in range(4000)]
    held = pc.sum(pc.equal(pa.array(split(rows, Splitting({"test": 0.1}, 0.7), 1000).values()), "test")).as_py()
    assert 320 < held < 480


def test_a_query_alone_is_in_the_same_split_whatever_else_is_there() -> None:
    rows = [pair(n) for n in range(50)]
    together = split(rows)
    assert len(set(together.values())) == 3
    assert all(split([row])[row["id"]] == together[row["id"]] for row in rows[:10])


def far_apart(releases: Path, facts: ReleaseFacts) -> tuple[Rows, dict[str, str]]:
    """A release with a row in each of two splits that a row between them would link."""
    for seed in range(100):
        words = [str(word) for word in np.random.default_rng(seed).choice(WORDS, 40, replace=False)]
        rows = [pair(1, query=" ".join(words[:30])), pair(2, query=" ".join(words[6:36]))]
        found = split(rows)
        if len(set(found.values())) == 2:
            write_release(stored(table(*rows)), facts, releases)
            return rows, found
    raise AssertionError("no such rows")


@pytest.fixture
def linked(tmp_path: Path) -> tuple[Path, Rows, ReleaseFacts, dict[str, Any]]:
    """A release with rows of two splits, and a row that is near both."""
    facts = ReleaseFacts("demo", ReleaseSpec(splits=HALF.shares), FACTS.funnel, {}, {})
    rows, _ = far_apart(tmp_path, facts)
    words = rows[0]["query"].split() + rows[1]["query"].split()[-6:]
    between = pair(3, query=" ".join(words[3:33]))
    assert not alike(rows[0]["query"], rows[1]["query"])
    assert all(alike(between["query"], row["query"]) for row in rows)
    return tmp_path, rows, facts, between


def test_a_new_row_between_two_splits_is_left_out_and_that_is_said(linked: Any) -> None:
    releases, rows, facts, between = linked
    folder, change = write_release(stored(table(*rows, between, pair(4))), facts, releases)
    assert change.added == 1
    assert {row["id"] for row in read_rows(folder).to_pylist()} == {row["id"] for row in [*rows, pair(4)]}
    assert read_manifest(folder)["left_out"] == {BETWEEN: 1}
    assert read_manifest(folder)["rows"] == 3
    assert "1 accepted row is left out" in (folder / "CHANGELOG.md").read_text()
    again, change = write_release(stored(table(*rows, between, pair(4))), facts, releases)
    assert (again, change.empty) == (folder, True)


def test_a_row_that_a_correction_brings_between_two_splits_is_removed_with_that_reason(linked: Any) -> None:
    releases, rows, facts, between = linked
    write_release(stored(table(*rows, pair(3))), facts, releases)
    folder, change = write_release(stored(table(*rows, between)), facts, releases)
    assert (folder.name, change.removed, change.moved) == ("1.1.1", 1, 0)
    assert read_removed(folder).to_pylist() == [{"id": between["id"], "version": "1.1.1", "reasons": [BETWEEN]}]


def test_a_corrected_row_keeps_its_split_however_different_its_query_is(tmp_path: Path) -> None:
    facts = ReleaseFacts("demo", ReleaseSpec(splits=HALF.shares), FACTS.funnel, {}, {})
    rows = [pair(n) for n in range(60)]
    first, _ = write_release(stored(table(*rows)), facts, tmp_path)
    corrected = [pair(n, query=f"Another query {n}") for n in range(60)]
    assert split(corrected) != split(rows)
    folder, change = write_release(stored(table(*corrected)), facts, tmp_path)
    assert (folder.name, change.corrected, change.moved) == ("1.0.1", 60, 0)  # type: ignore[union-attr]
    both = [{row["id"]: row["split"] for row in read_rows(release).to_pylist()} for release in (first, folder)]
    assert both[0] == both[1]


def test_a_row_that_is_corrected_to_a_query_of_another_split_is_left_out_and_none_moves(tmp_path: Path) -> None:
    facts = ReleaseFacts("demo", ReleaseSpec(splits=HALF.shares), FACTS.funnel, {}, {})
    rows = [pair(n) for n in range(30)]
    write_release(stored(table(*rows)), facts, tmp_path)
    found = split(rows)
    test, train = (next(row for row in rows if found[row["id"]] == name) for name in ("test", "train"))
    corrected = [pair(n, query=test["query"] if row is train else None) for n, row in enumerate(rows)]
    folder, change = write_release(stored(table(*corrected)), facts, tmp_path)
    assert (folder.name, change.removed, change.moved) == ("1.0.1", 1, 0)  # type: ignore[union-attr]
    assert read_removed(folder).to_pylist() == [{"id": train["id"], "version": "1.0.1", "reasons": [BETWEEN]}]


def test_a_row_that_was_removed_still_keeps_its_like_out_of_other_splits(tmp_path: Path) -> None:
    facts = ReleaseFacts("demo", ReleaseSpec(splits=HALF.shares), FACTS.funnel, {}, {})
    rows = [
        pair(n, query=f"{WORDS[n]} {WORDS[n + 1]} {WORDS[n + 2]} one two three four five six") for n in range(0, 40, 3)
    ]
    first, _ = write_release(stored(table(*rows, pair(99))), facts, tmp_path)
    old = {row["query"]: row["split"] for row in read_rows(first).to_pylist()}
    write_release(stored(table(pair(99))), facts, tmp_path)
    again = [pair(100 + n, query=f"{row['query']} seven") for n, row in enumerate(rows)]
    third, _ = write_release(stored(table(pair(99), *again)), facts, tmp_path)
    new = {row["query"]: row["split"] for row in read_rows(third).to_pylist()}
    for row in rows:
        assert new[f"{row['query']} seven"] == old[row["query"]]


@pytest.mark.parametrize("change", [{"splits": {"test": 0.9}}, {"threshold": 0.3}])
def test_splits_begin_anew_where_their_shares_or_the_threshold_change(tmp_path: Path, change: dict[str, Any]) -> None:
    rows = [pair(n, query=query) for n, query in enumerate(near_queries(5, 60))]
    spec = ReleaseSpec(splits=HALF.shares)
    write_release(stored(table(*rows)), ReleaseFacts("demo", spec, FACTS.funnel, {}, {}), tmp_path)
    near = FACTS.duplicates.model_copy(update={name: value for name, value in change.items() if name == "threshold"})
    spec = spec.model_copy(update={name: value for name, value in change.items() if name == "splits"})
    facts = ReleaseFacts("demo", spec, FACTS.funnel, {}, {}, duplicates=near)
    folder, changed = write_release(stored(table(*rows)), facts, tmp_path)
    assert folder.name == "2.0.0"
    assert changed.moved > 0  # type: ignore[union-attr]
    assert read_manifest(folder)["splits"] == facts.splitting.as_json()
    found = {row["id"]: row["split"] for row in read_rows(folder).to_pylist()}
    assert found == split(rows, facts.splitting)


def test_an_interrupted_assignment_leaves_nothing_that_the_next_one_trips_over(tmp_path: Path) -> None:
    (tmp_path / ".splits").mkdir(parents=True)
    (tmp_path / ".splits" / "000000.arrow").write_bytes(b"half")
    folder, _ = write_release(stored(table(*(pair(n) for n in range(5)))), FACTS, tmp_path)
    assert not (tmp_path / ".splits").exists()
    assert sum(len(file.read("id")) for file in release_files(folder)) == 5
