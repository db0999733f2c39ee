"""A release goes to the Hub whole or not at all, once, and comes back bit for bit; what is in the way is told."""

import errno
import random
import threading
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from local_hub import OURS, READER, LocalHub, cutting, speak_to, tree
from stored import stored

from pairsmith.curation.hub_release import parse_published, read_file, release_paths
from pairsmith.curation.manifest import read_manifest
from pairsmith.curation.publish import Publication, publish
from pairsmith.curation.pull import pull
from pairsmith.curation.reference import opened
from pairsmith.curation.release import write_release
from pairsmith.curation.release_facts import ReleaseFacts
from pairsmith.curation.yank import marked_card, marked_changelog, yank
from pairsmith.factory import folder as run_folder
from pairsmith.factory.errors import InputError, RemoteError, RunError
from pairsmith.factory.records import PAIRS, content_hash
from pairsmith.factory.spec import ReleaseSpec

FUNNEL = {"asked": 3, "answered": 3, "failed": {}, "pending": 0, "rejected": 0, "accepted": 3, "gates": []}
SPEC = ReleaseSpec(license="cc0-1.0", terms={"m": "output may be used freely"})
FACTS = ReleaseFacts("demo", SPEC, FUNNEL, {}, {"pairsmith": "0"})


def rows(*numbers: int, texts: str = "") -> pa.Table:
    found = [
        {
            "id": f"{number:016x}",
            "request_id": f"r{number}",
            "content_hash": content_hash(f"query {number}", f"positive {number}{texts}", []),
            "group": "sts" if number % 2 else "long_long",
            "instruction": "Find it.",
            "query": f"query {number}",
            "positive": f"positive {number}{texts}",
            "negatives": [],
            "query_language": "en",
            "document_language": "en",
            "model": "m",
        }
        for number in numbers
    ]
    return pa.Table.from_pylist(found, schema=PAIRS)


def release(folder: Path, *numbers: int, facts: ReleaseFacts = FACTS, texts: str = "") -> Path:
    return write_release(stored(rows(*numbers, texts=texts)), facts, folder)[0]


def said(_: str) -> None:
    pass


def sent(release: Path, public: bool = False) -> Publication:
    return publish(release, OURS, public, said)


def state(hub: LocalHub) -> tuple[object, ...]:
    """All that anybody can see of the repository."""
    refs = hub.api().list_repo_refs(OURS, repo_type="dataset")
    commits = [one.commit_id for one in hub.api().list_repo_commits(OURS, repo_type="dataset")]
    return commits, sorted((tag.name, tag.target_commit) for tag in refs.tags)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return release(tmp_path / "releases", *range(40))


def test_what_is_published_is_one_private_commit_and_comes_back_bit_for_bit(
    our_hub: LocalHub,
    first: Path,
    tmp_path: Path,
) -> None:
    done = sent(first)
    commits, tags = state(our_hub)
    assert done.new
    assert len(commits) == 2, "the one of an empty repository, and ours"
    assert tags == [("v1.0.0", done.commit)]
    assert our_hub.api().repo_info(OURS, repo_type="dataset").private
    back = pull(parse_published(f"{OURS}@v1.0.0"), tmp_path / "back", said)
    assert contents(back.folder) == contents(first)
    assert (back.commit, back.new, back.yanked) == (done.commit, True, None)
    assert not pull(parse_published(f"{OURS}@1.0.0"), tmp_path / "back", said).new


def test_publishing_again_changes_nothing(our_hub: LocalHub, first: Path) -> None:
    done = sent(first)
    before = state(our_hub)
    again = sent(first)
    assert (again.new, again.commit, state(our_hub)) == (False, done.commit, before)


def test_the_next_version_takes_away_the_files_that_it_has_no_more_and_the_tag_before_keeps_them(
    our_hub: LocalHub,
    first: Path,
    tmp_path: Path,
) -> None:
    sent(first)
    second = release(tmp_path / "releases", *(number for number in range(40) if number % 2))
    sent(second)
    assert any(path.startswith("data/long_long/") for path in tree(our_hub.api(), "v1.0.0"))
    assert not any(path.startswith("data/long_long") for path in tree(our_hub.api(), second_tag(second)))
    assert contents(pull(parse_published(f"{OURS}@{second.name}"), tmp_path / "b", said).folder) == contents(second)
    assert contents(pull(parse_published(f"{OURS}@1.0.0"), tmp_path / "a", said).folder) == contents(first)


def second_tag(release: Path) -> str:
    return f"v{release.name}"


def test_a_tag_that_is_there_with_other_rows_is_refused_and_stays(
    our_hub: LocalHub,
    first: Path,
    tmp_path: Path,
) -> None:
    sent(first)
    before = state(our_hub)
    other = release(tmp_path / "others", *range(7))
    with pytest.raises(RemoteError, match=r"other rows .*never moved"):
        sent(other)
    assert state(our_hub) == before


def test_what_others_published_meanwhile_is_not_taken_away(
    our_hub: LocalHub,
    first: Path,
    tmp_path: Path,
) -> None:
    sent(first)
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    for folder in (theirs, ours):
        release(folder, *range(40))
    sent(release(theirs, *range(45)))
    before = state(our_hub)
    release(ours, *range(39))
    late = release(ours, *range(38), facts=FACTS)
    assert late.name == "1.0.2"
    with pytest.raises(RemoteError, match=r"holds version 1\.1\.0 already"):
        sent(late)
    assert state(our_hub) == before


def test_of_two_that_publish_at_once_one_does_and_the_other_is_told(
    our_hub: LocalHub,
    first: Path,
    tmp_path: Path,
) -> None:
    sent(first)
    folders = []
    for number in range(2):
        release(tmp_path / str(number), *range(40))
        folders.append(release(tmp_path / str(number), *range(50 + number)))
    outcomes: list[object] = []

    def race(folder: Path) -> None:
        try:
            outcomes.append(sent(folder))
        except RemoteError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=race, args=(folder,)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [one for one in outcomes if isinstance(one, Publication)]
    assert len(won) == 1, outcomes
    commits, tags = state(our_hub)
    assert len(commits) == 3
    assert tags[1] == ("v1.1.0", won[0].commit)


def test_the_same_release_published_twice_at_once_is_one_commit(our_hub: LocalHub, first: Path) -> None:
    done: list[Publication] = []
    threads = [threading.Thread(target=lambda: done.append(sent(first))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    commits, tags = state(our_hub)
    assert len(commits) == 2
    assert {one.commit for one in done} == {tags[0][1]}
    assert len(done) == 3


def test_cut_between_commit_and_tag_the_next_try_only_tags(
    our_hub: LocalHub,
    first: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cut(*_: object, **__: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(HfApi, "create_tag", cut)
    with pytest.raises(ConnectionResetError):
        sent(first)
    monkeypatch.undo()
    speak_to(our_hub.url, monkeypatch)
    done = sent(first)
    commits, tags = state(our_hub)
    assert (len(commits), tags) == (2, [("v1.0.0", done.commit)])


@pytest.mark.parametrize(
    ("token", "match"),
    [
        ("hf_wrong00000", "token that the Hub does not know"),
        (READER.token, "may not be written with this token"),
        ("", "HF_TOKEN"),
    ],
)
def test_a_token_that_may_not_write_is_told_so_and_its_text_is_in_no_message(
    our_hub: LocalHub,
    first: Path,
    monkeypatch: pytest.MonkeyPatch,
    token: str,
    match: str,
) -> None:
    if token == READER.token:
        our_hub.api().create_repo(OURS, repo_type="dataset")
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", "/nonexistent")
    with pytest.raises(RemoteError, match=match) as refused:
        sent(first)
    assert "nothing was published" in str(refused.value)
    assert "hf_" not in str(refused.value)


def test_a_full_hub_has_nothing_of_it_and_the_next_try_is_whole(
    our_hub: LocalHub, first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    our_hub.api().create_repo(OURS, repo_type="dataset", private=True)
    before = state(our_hub)

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(run_folder, "to_disk", full)
        with pytest.raises(RemoteError, match=r"disk of the Hub is full.*nothing was published"):
            sent(first)
    assert state(our_hub) == before
    sent(first)
    assert contents(pull(parse_published(f"{OURS}@v1.0.0"), tmp_path / "back", said).folder) == contents(first)


@pytest.mark.slow  # the library tries for some 25 seconds
def test_a_connection_that_is_cut_in_the_upload_publishes_nothing_and_the_next_try_is_whole(
    our_hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = random.Random(7).randbytes(200_000).hex()
    folder = release(tmp_path / "r", *range(4), texts=long)
    with monkeypatch.context() as cut, cutting(our_hub.url, after=100_000) as url:
        speak_to(url, cut)
        with pytest.raises(RemoteError, match=r"connection was cut.*nothing was published"):
            sent(folder)
    assert not state(our_hub)[1]
    assert set(tree(our_hub.api())) == {".gitattributes"}
    assert not list((our_hub.folder / "arriving").iterdir())
    sent(folder)
    assert contents(pull(parse_published(f"{OURS}@v1.0.0"), tmp_path / "back", said).folder) == contents(folder)


def test_a_repository_with_something_else_is_left_alone(our_hub: LocalHub, first: Path) -> None:
    our_hub.api().create_repo(OURS, repo_type="dataset", private=True)
    operation = CommitOperationAdd("photos/1.png", b"x")
    our_hub.api().create_commit(OURS, [operation], commit_message="photos", repo_type="dataset")
    before = state(our_hub)
    with pytest.raises(RemoteError, match="something else"):
        sent(first)
    assert state(our_hub) == before


def test_another_dataset_is_left_alone(our_hub: LocalHub, first: Path, tmp_path: Path) -> None:
    sent(first)
    before = state(our_hub)
    with pytest.raises(RemoteError, match="'demo', not 'poems'"):
        sent(release(tmp_path / "p", *range(3), facts=replace(FACTS, name="poems")))
    assert state(our_hub) == before


def test_private_rows_do_not_get_into_a_public_repository_unsaid(
    our_hub: LocalHub,
    first: Path,
) -> None:
    our_hub.api().create_repo(OURS, repo_type="dataset", private=False)
    with pytest.raises(RemoteError, match="say --public"):
        sent(first)
    assert sent(first, public=True).new


def test_with_nobody_at_the_address_one_line_says_so(
    our_hub: LocalHub,
    first: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    speak_to("http://127.0.0.1:9", monkeypatch)
    with pytest.raises(RemoteError, match=r"127\.0\.0\.1:9.*can't be reached.*nothing was published"):
        sent(first)


def test_offline_nothing_is_asked(our_hub: LocalHub, first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(RemoteError, match="HF_HUB_OFFLINE"):
        sent(first)


@pytest.mark.parametrize(
    ("spec", "match"),
    [
        (ReleaseSpec(terms={"m": "free"}), "nobody knows which"),
        (ReleaseSpec(license="cc0-1.0"), "terms of 'm'"),
        (ReleaseSpec(), "nobody knows which.*terms of 'm'"),
    ],
)
def test_a_card_without_a_licence_or_the_terms_of_its_models_is_not_published(
    our_hub: LocalHub,
    tmp_path: Path,
    spec: ReleaseSpec,
    match: str,
) -> None:
    folder = release(tmp_path / "r", *range(3), facts=replace(FACTS, spec=spec))
    with pytest.raises(RunError, match=match):
        sent(folder)
    assert not (our_hub.folder / "datasets").exists()


def test_another_licence_with_its_text_is_published(our_hub: LocalHub, tmp_path: Path) -> None:
    spec = ReleaseSpec(terms={"m": "free"}, license_link="https://example.org/licence")
    assert sent(release(tmp_path / "r", *range(3), facts=replace(FACTS, spec=spec))).new


def test_a_release_that_was_changed_is_not_published(first: Path) -> None:
    data = first / next(iter(read_manifest(first)["files"]))
    data.write_bytes(data.read_bytes() + b"x")
    with pytest.raises(RunError, match="was changed"):
        sent(first)
    data.unlink()
    with pytest.raises(RunError, match="is missing"):
        sent(first)


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
