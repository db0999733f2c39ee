"""Whatever is cut, full or refused: nothing half-published, one clear line, and the next try is whole."""

import errno
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants
from huggingface_hub.utils._runtime import is_xet_available
from local_hub import OURS, READER, LocalHub, cutting, speak_to, tree
from published import contents, release, said, sent, state

from pairsmith.curation.hub_calls import hub
from pairsmith.curation.hub_release import parse_published
from pairsmith.curation.pull import pull
from pairsmith.factory import folder as run_folder
from pairsmith.factory.errors import RemoteError


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
        if our_hub.folder in path.parents:
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


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b"{}", b"null", None])
def test_what_is_no_hub_is_called_so(
    our_hub: LocalHub, first: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes | None
) -> None:
    with something_else(answer) as url:
        speak_to(url, monkeypatch)
        with pytest.raises(RemoteError, match=r"no Hub; check HF_ENDPOINT; nothing was published") as refused:
            sent(first)
    assert "me:secret" in url and "secret" not in str(refused.value)


@contextmanager
def something_else(answer: bytes | None) -> Iterator[str]:
    """A server that answers everything alike; None: it sends whoever asks to where they are."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if answer is not None else 302)
            self.send_header("Location", self.path)
            self.send_header("Content-Length", str(len(answer or b"")))
            self.end_headers()
            self.wfile.write(answer or b"")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://me:secret@127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HF_ENDPOINT", "localhost:8642"),
        ("HF_ENDPOINT", "http://[::1"),
        ("HF_ENDPOINT", "http://127.0.0.1:99999"),
        ("HF_TOKEN", "hf_\u00e9"),
        ("HF_TOKEN", "hf_a b"),
    ],
)
def test_an_address_or_a_token_that_could_not_be_sent_is_named(
    our_hub: LocalHub, first: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(RemoteError, match=name) as refused:
        sent(first)
    assert value not in str(refused.value)


def test_xet_stays_off_whatever_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "0")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    hub()
    assert not is_xet_available()
    assert os.environ["HF_HUB_DISABLE_XET"] == "1", "for the process that loads the tag"
