"""What is kept of a run's review server, and how its environment is made: all that needs no server."""

import fcntl
import io
import json
import socket
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import psutil
import pytest

from pairsmith.cli import main
from pairsmith.curation.argilla_environment import environment
from pairsmith.curation.argilla_local import FOLDER, LocalServer, local_server, new_server
from pairsmith.curation.argilla_log import ServerLog
from pairsmith.factory.errors import InputError, PairsmithError, RunError


@pytest.fixture
def server(tmp_path: Path) -> LocalServer:
    (tmp_path / FOLDER).mkdir(parents=True)
    return new_server(tmp_path, "curation").with_reviewers(["ann", "bob"])


def test_what_is_kept_is_read_again_and_for_its_owner_only(server: LocalServer, tmp_path: Path) -> None:
    assert local_server(tmp_path) is None
    server.keep()
    server.keep()
    assert local_server(tmp_path) == server
    assert stat.S_IMODE(server.file.stat().st_mode) == 0o600
    assert [path.name for path in server.folder.iterdir()] == ["server.json"]


def test_who_has_an_account_keeps_it_and_new_names_get_one(server: LocalServer) -> None:
    more = server.told().with_reviewers(["bob", "cleo"])
    assert more.reviewers.keys() == {"ann", "bob", "cleo"}
    assert more.untold.keys() == {"cleo"}
    assert (more.accounts["bob"].password, more.secret) == (server.accounts["bob"].password, server.secret)


def test_no_secret_is_made_twice_or_shown_by_accident(server: LocalServer, tmp_path: Path) -> None:
    other = new_server(tmp_path, "curation").with_reviewers(["ann", "bob"])
    secrets = [
        secret
        for one in (server, other)
        for secret in (one.secret, *(text for who in one.accounts.values() for text in (who.password, who.api_key)))
    ]
    assert len(set(secrets)) == len(secrets) == 14
    assert min(map(len, secrets)) >= 16  # 96 random bits
    assert not any(secret in repr(server) for secret in secrets)


def test_a_reviewer_cannot_be_the_owner(server: LocalServer) -> None:
    with pytest.raises(InputError, match="'owner' is the name of the server's owner"):
        server.with_reviewers(["owner"])


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format_version": 1, "accounts": {"ann": {}}}'])
def test_a_damaged_file_is_one_clear_line(server: LocalServer, tmp_path: Path, text: str) -> None:
    server.file.write_text(text)
    with pytest.raises(RunError, match=r"not readable.*delete it"):
        local_server(tmp_path)


def test_a_file_of_a_newer_pairsmith_is_refused(server: LocalServer, tmp_path: Path) -> None:
    server.keep()
    newer = {**json.loads(server.file.read_text()), "format_version": 2, "what we do not know": 1}
    server.file.write_text(json.dumps(newer))
    with pytest.raises(RunError, match="format 2"):
        local_server(tmp_path)


def package(folder: Path, works: bool = True) -> Path:
    """Requirements that need no network: a package in a folder; one that cannot be installed fails at once."""
    (folder / "tiny").mkdir(exist_ok=True)
    (folder / "tiny" / "setup.py").write_text("raise SystemExit('out of luck')")
    requirements = folder / "requirements.txt"
    requirements.write_text("# nothing\n" if works else f"{folder / 'tiny'}\n")
    return requirements


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return tmp_path / "cache" / "pairsmith"


def test_an_environment_is_made_once_and_a_half_made_one_again(cache: Path, tmp_path: Path) -> None:
    said: list[str] = []
    python = environment(said.append, package(tmp_path))
    assert python.is_relative_to(cache)
    assert "600 MB" in said[0]
    assert environment(said.append, package(tmp_path)) == python
    assert len(said) == 1
    (python.parent.parent / "ready").unlink()  # as a kill in the middle leaves it
    (python.parent.parent / "left").touch()
    assert environment(said.append, package(tmp_path)) == python
    assert len(said) == 2
    assert not (python.parent.parent / "left").exists()


@pytest.mark.slow
def test_an_environment_whose_python_is_gone_is_made_again(cache: Path, tmp_path: Path) -> None:
    python = environment(lambda _: None, package(tmp_path))
    python.unlink()  # as an update of the system's Python leaves it
    python.symlink_to(tmp_path / "gone")
    environment(lambda _: None, package(tmp_path))
    assert subprocess.run([python, "-c", ""]).returncode == 0


@pytest.mark.slow
def test_other_requirements_are_another_environment_and_a_failure_leaves_none(cache: Path, tmp_path: Path) -> None:
    python = environment(lambda _: None, package(tmp_path))
    with pytest.raises(RunError, match=r"could not be made: pip says '.+'; mend that") as failed:
        environment(lambda _: None, package(tmp_path, works=False))
    assert "\n" not in str(failed.value)
    assert [path for path in cache.iterdir() if path.is_dir()] == [python.parent.parent]


@pytest.mark.slow
def test_packages_that_pip_put_elsewhere_are_missed_at_once(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "tiny_package-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(
            "tiny_package-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-package\nVersion: 1.0\n"
        )
        archive.writestr(
            "tiny_package-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny_package-1.0.dist-info/RECORD", "")
    requirements = tmp_path / "pinned.txt"
    requirements.write_text("# pinned\nTiny.Package==1.0\n")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "elsewhere"))
    with pytest.raises(RunError, match=r"not there after pip was done: Tiny\.Package; see 'pip config list'"):
        environment(lambda _: None, requirements)
    assert not [path for path in cache.iterdir() if path.is_dir()]
    monkeypatch.delenv("PIP_TARGET")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "elsewhere"))  # where it is, but not for the server
    assert environment(lambda _: None, requirements).is_relative_to(cache)


@pytest.mark.slow
def test_who_is_killed_while_pip_works_leaves_the_next_to_wait_for_it(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # pip waits for its answer
        silent.settimeout(120)
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/simple")
        (tmp_path / "pinned.txt").write_text("tiny-package==1.0\n")
        code = "import sys; from pathlib import Path; from pairsmith.curation.argilla_environment import environment\n"
        code += "environment(print, Path(sys.argv[1]))"
        command = [sys.executable, "-c", code, str(tmp_path / "pinned.txt")]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as one:
            silent.accept()
            pip = psutil.Process(one.pid).children()
            one.kill()
        with next(cache.glob("*.lock")).open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for child in pip:
            child.kill()


@pytest.mark.slow
def test_two_at_once_make_one_environment(cache: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pairsmith.curation.argilla_environment import environment\n"
        "print(environment(lambda line: print(line.split()[0]), Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(package(tmp_path))]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [one.communicate(timeout=120)[0].split() for one in both]
    assert said[0][-1] == said[1][-1]
    assert sorted(word for words in said for word in words[:-1]) in (["making"], ["making", "waiting"])


def run_folder(tmp_path: Path) -> Path:
    run = tmp_path / "run"
    run.mkdir()
    (run / "factory.yml").write_text("{}")
    return run


def fake_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own Python in the place of the server's, which it has no packages for: it ends at once."""
    from pairsmith.curation import argilla_process

    monkeypatch.setattr(argilla_process, "environment", lambda _: Path(sys.executable))


def test_a_server_that_dies_at_start_is_one_line_with_its_last_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_environment(tmp_path, monkeypatch)
    run = run_folder(tmp_path)
    assert main(["review", "serve", str(run), "--port", "0"]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "the review server ended" in line and "No module named" in line and "log.txt" in line
    server = local_server(run)
    assert server is not None and server.untold.keys() == {"owner", "reviewer"}  # nobody was shown a password yet
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    assert (server.folder / ".gitignore").read_text() == "*\n"
    assert not any(account.password in (server.folder / "log.txt").read_text() for account in server.accounts.values())


def test_a_port_in_use_is_refused_where_it_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_environment(tmp_path, monkeypatch)
    run = run_folder(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["review", "serve", str(run), "--port", str(port)]) == 2
    assert f"--port {port}: Address already in use" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "65536", "http", ""])
def test_what_is_no_port_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["review", "serve", "runs/mine", "--port", port])
    assert "is no port" in capsys.readouterr().err or port == "-1"


def test_a_second_server_of_a_run_is_refused(tmp_path: Path) -> None:
    from pairsmith.curation.argilla_process import serve

    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    code = (
        "import fcntl, sys, time; f = open(sys.argv[1], 'ab'); fcntl.flock(f, 2); print(1, flush=True); time.sleep(99)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(folder / ".lock")], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline()
        with pytest.raises(PairsmithError, match="its review server runs already"):
            serve(tmp_path, ["ann"], "curation", 0, lambda _: None, lambda _: None)
        other.kill()


def logged(said: bytes, path: Path) -> ServerLog:
    log = ServerLog(io.BytesIO(said), path)
    log.start()
    log.join()
    return log


def test_the_log_keeps_the_newest_and_no_more_than_two_million_bytes(tmp_path: Path) -> None:
    log = logged(b"".join(b"line %d\n" % number for number in range(500_000)) + b" \n", tmp_path / "log.txt")
    files = list(tmp_path.iterdir())
    assert sum(path.stat().st_size for path in files) <= 2_000_000
    assert (tmp_path / "log.txt").read_text().rstrip().endswith("line 499999")
    assert log.last == "line 499999"


def test_the_last_line_of_a_log_is_of_this_start_and_short(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    logged(b"an error of yesterday\n", path)
    assert logged(b"", path).last == ""
    assert logged(b"OSError: " + b"x" * 50_000, path).last == "OSError: " + "x" * 291
    assert path.read_text().startswith("an error of yesterday\n")


@pytest.mark.parametrize("path", ["/dev/full", "."])
def test_a_log_that_cannot_be_written_is_read_to_its_end_without_a_word(
    path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    said = io.BytesIO(b"one\n" * 100_000 + b"the reason\n")
    log = ServerLog(said, Path(path))
    log.start()
    log.join()
    assert log.last == "the reason"
    assert not said.read()
    assert capfd.readouterr().err == ""
