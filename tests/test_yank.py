"""A bad version is marked, and comes back from the Hub with a warning; history stays."""

import json
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd
from local_hub import OURS, LocalHub
from published import contents, release, said, sent, state

from pairsmith.curation.hub_release import parse_published, read_file, release_paths
from pairsmith.curation.manifest import read_manifest
from pairsmith.curation.pull import pull
from pairsmith.curation.reference import opened
from pairsmith.curation.yank import marked_card, marked_changelog, yank
from pairsmith.factory.errors import InputError, RemoteError


def test_a_yanked_version_is_named_in_card_changelog_and_manifest_and_its_tag_stays(
    our_hub: LocalHub,
    first: Path,
    tmp_path: Path,
) -> None:
    sent(first)
    _, tags = state(our_hub)
    published = parse_published(f"{OURS}@v1.0.0")
    commit = yank(published, "a <b>benchmark</b> leaked", said)
    assert yank(published, "a <b>benchmark</b> leaked", said) == commit, "said once"
    assert state(our_hub)[1] == tags
    for name in ("README.md", "CHANGELOG.md", "manifest.json", "YANKED.json"):
        text = read_file(our_hub.api(), OURS, name, "main").decode()
        assert "benchmark" in text
        assert "<b>" not in text or name.endswith(".json")
    warnings: list[str] = []
    back = pull(published, tmp_path / "back", warnings.append)
    assert back.yanked == "a <b>benchmark</b> leaked"
    assert "yanked" in warnings[0]
    assert contents(back.folder) == contents(first)


def test_the_next_version_is_as_it_was_released_and_the_main_branch_still_names_the_yanked_one(
    our_hub: LocalHub,
    first: Path,
    tmp_path: Path,
) -> None:
    sent(first)
    yank(parse_published(f"{OURS}@v1.0.0"), "wrong", said)
    second = release(tmp_path / "releases", *range(50))
    sent(second)
    back = pull(parse_published(f"{OURS}@v1.1.0"), tmp_path / "back", said)
    assert (back.yanked, contents(back.folder)) == (None, contents(second))
    for name in ("README.md", "CHANGELOG.md", "manifest.json"):
        assert "wrong" in read_file(our_hub.api(), OURS, name, "main").decode()
    before = state(our_hub)
    assert not sent(second).new
    assert state(our_hub) == before


def test_a_version_that_is_not_there_is_neither_yanked_nor_pulled(
    our_hub: LocalHub,
    first: Path,
    tmp_path: Path,
) -> None:
    sent(first)
    missing = parse_published(f"{OURS}@v2.0.0")
    with pytest.raises(RemoteError, match=r"versions: v1\.0\.0"):
        yank(missing, "wrong", said)
    with pytest.raises(RemoteError, match=r"versions: v1\.0\.0"):
        pull(missing, tmp_path / "x", said)
    assert not (tmp_path / "x").exists()


def test_marks_that_are_made_again_stand_once() -> None:
    card, log = "---\nlicense: mit\n---\n\n# Pairs\n\nText.\n", "## 1.1.0\n\nMore.\n\n## 1.0.0\n\nFirst release.\n"
    once = marked_card(card, {"1.0.0": "a"}), marked_changelog(log, {"1.0.0": "a"})
    assert (marked_card(once[0], {"1.0.0": "a"}), marked_changelog(once[1], {"1.0.0": "a"})) == once
    assert once[0].startswith("---\nlicense: mit\n---\n\n> **Yanked:** version 1.0.0: a\n\n# Pairs\n")
    assert once[1] == "## 1.1.0\n\nMore.\n\n## 1.0.0\n\n**Yanked:** a\n\nFirst release.\n"
    assert (marked_card(once[0], {}), marked_changelog(once[1], {})) == (card, log)


def test_a_folder_a_run_and_a_published_version_are_opened(
    our_hub: LocalHub,
    first: Path,
    tmp_path: Path,
) -> None:
    sent(first)
    assert opened(str(first), tmp_path / "cache") == opened(str(tmp_path), tmp_path / "cache") == first
    folder = opened(f"{OURS}@v1.0.0", tmp_path / "cache")
    assert folder == tmp_path / "cache" / OURS / "1.0.0"
    assert contents(folder) == contents(first)
    (folder / "README.md").write_text("other")
    with pytest.raises(RemoteError, match=r"README\.md is not that of"):
        opened(f"{OURS}@v1.0.0", tmp_path / "cache")
    for wrong in ("nothing", f"{OURS}@main", "pairs@v1.0.0", str(tmp_path / "cache")):
        with pytest.raises(InputError):
            opened(wrong, tmp_path / "cache")


@pytest.mark.parametrize(
    "name", ["../x.parquet", "data/../../x.parquet", "/etc/x.parquet", "data/a/b/c.parquet", "data/a\n/b.parquet"]
)
def test_no_file_that_a_manifest_names_leaves_the_folder(name: str) -> None:
    with pytest.raises(RemoteError):
        release_paths({"files": {name: {}}})


def test_what_the_hub_says_of_a_yanked_version_does_nothing_on_a_terminal(
    our_hub: LocalHub, first: Path, tmp_path: Path
) -> None:
    sent(first)
    by_hand(our_hub, "YANKED.json", {"1.0.0": "bad\x1b[2J\nand\u202eworse"})
    warnings: list[str] = []
    pull(parse_published(f"{OURS}@v1.0.0"), tmp_path / "back", warnings.append)
    assert warnings == [f"warning: {OURS}@v1.0.0 is yanked: bad\u241b[2J and\u27e8U+202E\u27e9worse"]


def test_a_manifest_that_is_none_is_told_whatever_it_holds(our_hub: LocalHub, first: Path, tmp_path: Path) -> None:
    sent(first)
    second, good = release(tmp_path / "releases", *range(50)), read_manifest(first)
    for wrong in ({"name": None}, {"rows": "x"}, {"files": []}, {"files": {"a": 1}}, {"version": "9" * 5000}, None):
        by_hand(our_hub, "manifest.json", {**good, **wrong} if wrong else [])
        with pytest.raises(RemoteError, match=r"its manifest\.json is not one that this Pairsmith reads"):
            sent(second)


def by_hand(hub: LocalHub, path: str, content: object) -> None:
    operation = CommitOperationAdd(path, json.dumps(content).encode())
    hub.api().create_commit(OURS, [operation], commit_message="by hand", repo_type="dataset")
