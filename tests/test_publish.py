"""A release goes to the Hub whole or not at all, once, and comes back bit for bit; what must not go there is told."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd
from local_hub import OURS, LocalHub, tree
from published import FACTS, contents, release, said, sent, state

from pairsmith.curation.hub_release import CARD, CHANGELOG, parse_published
from pairsmith.curation.manifest import read_manifest
from pairsmith.curation.publish import Publication
from pairsmith.curation.pull import pull
from pairsmith.factory.errors import RemoteError, RunError
from pairsmith.factory.spec import ReleaseSpec


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
    late = release(ours, *range(38))
    assert late.name == "1.0.2"
    with pytest.raises(RemoteError, match=r"holds version 1\.1\.0 already"):
        sent(late)
    assert state(our_hub) == before


def test_who_lost_a_race_does_not_take_the_rows_of_the_winner_away_with_the_version_after(
    our_hub: LocalHub, first: Path, tmp_path: Path
) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    for folder in (theirs, ours):
        release(folder, *range(40))
    sent(release(theirs, *range(45)))
    before = state(our_hub)
    release(ours, *range(40), 50)
    with pytest.raises(RemoteError, match=r"holds version 1\.1\.0 with other rows .*take rows away"):
        sent(release(ours, *range(40), 50, 51))
    assert state(our_hub) == before


def test_a_tag_that_is_there_with_another_licence_is_refused(our_hub: LocalHub, first: Path, tmp_path: Path) -> None:
    sent(first)
    before = state(our_hub)
    spec = FACTS.spec.model_copy(update={"license": "cc-by-4.0"})
    other = release(tmp_path / "others", *range(40), facts=replace(FACTS, spec=spec))
    with pytest.raises(RemoteError, match=r"another card \(licence, .*never moved"):
        sent(other)
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


def test_a_manifest_that_lacks_what_a_release_says_is_not_published(first: Path) -> None:
    whole = read_manifest(first)
    for lacking in ("models", "parent", "files", "row_set"):
        manifest = {name: value for name, value in whole.items() if name != lacking}
        (first / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(RemoteError, match=r"its manifest\.json is not one that this Pairsmith reads"):
            sent(first)


def test_a_release_that_was_changed_is_not_published(first: Path) -> None:
    for name in (CARD, CHANGELOG):
        text = (first / name).read_text()
        (first / name).write_text(f"{text}\nOf the best quality.\n")
        with pytest.raises(RunError, match=f"{name} was changed"):
            sent(first)
        (first / name).write_text(text)
    data = first / next(iter(read_manifest(first)["files"]))
    data.write_bytes(data.read_bytes() + b"x")
    with pytest.raises(RunError, match="was changed"):
        sent(first)
    data.unlink()
    with pytest.raises(RunError, match="is missing"):
        sent(first)
