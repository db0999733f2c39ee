"""The local Hub answers the real client as the Hub does, commits whole or not at all, and outlives its end."""

import errno
import hashlib
import http.client
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants, errors
from local_hub import OURS, OWNER, READER, STRANGER, LocalHub, tree

from pairsmith.curation.hub_accounts import ANY, read_accounts
from pairsmith.curation.hub_answers import checked_path
from pairsmith.curation.hub_store import HubRefusal, Store
from pairsmith.factory import folder as run_folder

CARD = b"---\nlicense: cc0-1.0\n---\n# Pairs\n"
LARGE = bytes(range(256)) * 4000


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with LocalHub(tmp_path / "hub") as hub:
        hub.api().create_repo(OURS, repo_type="dataset", private=True)
        yield hub


def commit(api: HfApi, files: dict[str, bytes | None], parent: str | None = None) -> str:
    operations = [
        CommitOperationDelete(path) if data is None else CommitOperationAdd(path, data) for path, data in files.items()
    ]
    done = api.create_commit(OURS, operations, commit_message="a commit", repo_type="dataset", parent_commit=parent)
    return str(done.oid)


def download(api: HfApi, path: str, revision: str, cache: Path) -> bytes:
    return Path(api.hf_hub_download(OURS, path, repo_type="dataset", revision=revision, cache_dir=cache)).read_bytes()


def head(api: HfApi) -> str:
    return str(api.repo_info(OURS, repo_type="dataset").sha)


def test_what_is_committed_is_downloaded_at_its_tag_after_a_restart(served: LocalHub, tmp_path: Path) -> None:
    first = commit(served.api(), {"README.md": CARD, "data/sts/train.parquet": LARGE, "note.txt": b"first"})
    served.api().create_tag(OURS, tag="v1.0.0", revision=first, repo_type="dataset")
    second = commit(served.api(), {"note.txt": None, "data/sts/train.parquet": LARGE + b"more"})
    with LocalHub(served.folder) as again:
        api = again.api()
        assert head(api) == second
        assert download(api, "data/sts/train.parquet", "v1.0.0", tmp_path / "a") == LARGE
        assert download(api, "data/sts/train.parquet", "main", tmp_path / "a") == LARGE + b"more"
        assert download(api, "README.md", "v1.0.0", tmp_path / "a") == CARD
        assert {path for path in tree(api) if "." in path} == {".gitattributes", "README.md", "data/sts/train.parquet"}
        assert "note.txt" in tree(api, "v1.0.0")
        assert [one.commit_id for one in api.list_repo_commits(OURS, repo_type="dataset")][:2] == [second, first]
        info = api.repo_info(OURS, repo_type="dataset")
        assert info.card_data is not None
        assert (info.private, info.card_data.license) == (True, "cc0-1.0")


def test_what_git_would_call_a_file_is_what_the_server_calls_it(served: LocalHub) -> None:
    commit(served.api(), {"README.md": CARD, "data/a.parquet": LARGE})
    files = tree(served.api())
    assert files["README.md"].blob_id == hashlib.sha1(b"blob %d\0" % len(CARD) + CARD).hexdigest()
    assert files["data/a.parquet"].lfs.sha256 == hashlib.sha256(LARGE).hexdigest()


def test_the_same_files_again_make_no_commit(served: LocalHub) -> None:
    files = {"README.md": CARD, "data/a.parquet": LARGE}
    assert commit(served.api(), files) == commit(served.api(), files)


def test_of_commits_on_one_parent_one_happens_and_the_others_change_nothing(served: LocalHub) -> None:
    parent, outcomes = head(served.api()), []

    def race(number: int) -> None:
        try:
            outcomes.append(commit(served.api(), {f"{number}.txt": b"x", "both.parquet": LARGE}, parent))
        except errors.HfHubHTTPError as error:
            outcomes.append(error.response.status_code)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(412) == 5
    assert len([path for path in tree(served.api()) if path.endswith(".txt")]) == 1
    assert len(list(served.api().list_repo_commits(OURS, repo_type="dataset"))) == 2


def test_a_tag_that_is_there_is_not_moved(served: LocalHub) -> None:
    first = commit(served.api(), {"a.txt": b"1"})
    served.api().create_tag(OURS, tag="v1.0.0", revision=first, repo_type="dataset")
    second = commit(served.api(), {"a.txt": b"2"})
    with pytest.raises(errors.HfHubHTTPError) as refused:
        served.api().create_tag(OURS, tag="v1.0.0", revision=second, repo_type="dataset")
    assert refused.value.response.status_code == 409
    assert {tag.name: tag.target_commit for tag in served.api().list_repo_refs(OURS, repo_type="dataset").tags} == {
        "v1.0.0": first
    }


def test_each_may_do_what_the_token_allows(served: LocalHub) -> None:
    assert served.api(READER).repo_info(OURS, repo_type="dataset").private
    for account in (STRANGER, None):
        with pytest.raises(errors.RepositoryNotFoundError):
            served.api(account).repo_info(OURS, repo_type="dataset")
    with pytest.raises(errors.HfHubHTTPError) as refused:
        commit(served.api(READER), {"a.txt": b"x"})
    assert refused.value.response.status_code == 403
    with pytest.raises(errors.HfHubHTTPError) as refused:
        served.api(STRANGER).create_repo("acme/mine", repo_type="dataset")
    assert refused.value.response.status_code == 403
    with pytest.raises(errors.HfHubHTTPError) as refused:
        HfApi(served.url, token="hf_wrong0000").whoami()
    assert refused.value.response.status_code == 401


def test_a_public_dataset_is_read_by_all_and_written_by_its_owner(served: LocalHub) -> None:
    served.api().create_repo("acme/open", repo_type="dataset", private=False)
    assert not served.api(None).repo_info("acme/open", repo_type="dataset").private
    with pytest.raises(errors.HfHubHTTPError):
        served.api(STRANGER).create_tag("acme/open", tag="v1", repo_type="dataset")


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=10-19"}])
def test_contents_are_reached_by_a_link_alone_and_in_parts(served: LocalHub, headers: dict[str, str]) -> None:
    commit(served.api(), {"a.parquet": LARGE})
    place = urlsplit(served.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    signed = {"Authorization": f"Bearer {OWNER.token}"}
    connection.request("GET", f"/datasets/{OURS}/resolve/main/a.parquet", headers=signed)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 302
    link = str(answer.getheader("Location")).removeprefix(served.url)
    connection.request("GET", link, headers=headers)
    answer = connection.getresponse()
    assert answer.read() == (LARGE[10:20] if headers else LARGE)
    for other in (link.partition("?")[0], link[:-1] + ("0" if link[-1] != "0" else "1")):
        connection.request("GET", other)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 403
    connection.request("PUT", link, body=b"other")
    assert connection.getresponse().status == 403
    connection.close()


def test_an_upload_that_breaks_off_or_is_another_content_leaves_nothing(served: LocalHub) -> None:
    sha256 = hashlib.sha256(LARGE).hexdigest()
    place, link = urlsplit(served.url), read_accounts(served.folder).sign("PUT", sha256)
    for body, said in ((LARGE[:-1] + b"x", len(LARGE)), (LARGE[:5000], len(LARGE))):
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
        connection.putrequest("PUT", f"/contents/{sha256}?{link}")
        connection.putheader("Content-Length", str(said))
        connection.endheaders()
        connection.send(body)
        if len(body) == said:
            assert connection.getresponse().status == 400
        connection.close()
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    connection.request("GET", "/api/whoami-v2", headers={"Authorization": f"Bearer {OWNER.token}"})
    assert connection.getresponse().status == 200
    connection.close()
    assert not (served.folder / "blobs" / sha256).exists()


def test_a_server_without_room_says_so_and_nothing_changes(served: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    before = head(served.api())

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(run_folder, "to_disk", full)
    for path in ("a.txt", "a.parquet"):
        with pytest.raises((errors.HfHubHTTPError, RuntimeError)) as refused:
            commit(served.api(), {path: LARGE})
        error = refused.value if isinstance(refused.value, errors.HfHubHTTPError) else refused.value.__cause__
        assert isinstance(error, errors.HfHubHTTPError)
        assert error.response.status_code == 507
    monkeypatch.undo()
    assert head(served.api()) == before


def test_a_card_that_the_hub_would_refuse_is_refused(served: LocalHub) -> None:
    with pytest.raises(ValueError, match="license"):
        commit(served.api(), {"README.md": b"---\nlicense: [1]\n---\n"})


def test_a_page_of_another_site_gets_nothing(served: LocalHub) -> None:
    place = urlsplit(served.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    connection.request("GET", f"/api/datasets/{OURS}", headers={"Host": "evil.example"})
    assert connection.getresponse().status == 400
    connection.close()


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", "a/../b", "a\\b", ".git/config", "a\nb", "", "a/"])
def test_no_path_leaves_the_folder_it_is_written_to(path: str) -> None:
    with pytest.raises(HubRefusal):
        checked_path(path)


@pytest.mark.parametrize("name", ["../x/y", "a/..", "a", "a/b/c", "/a", "a/ b", "a/b\n"])
def test_no_name_of_a_dataset_leaves_the_servers_folder(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path)
    with pytest.raises(HubRefusal):
        store.create(name, True, "me", {})
    with pytest.raises(HubRefusal):
        store.repository(name)


def test_the_first_start_makes_a_token_that_only_its_owner_can_read(tmp_path: Path) -> None:
    made = read_accounts(tmp_path / "hub")
    assert made.accounts[0].writes == (ANY,)
    assert stat.S_IMODE((tmp_path / "hub" / "accounts.json").stat().st_mode) == 0o600
    assert read_accounts(tmp_path / "hub") == made
