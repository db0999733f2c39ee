"""The run folder: whole files, fresh stages, one writer."""

import multiprocessing
import os
from pathlib import Path

import pytest

from pairsmith.factory.errors import InputError, RunError
from pairsmith.factory.folder import MANIFEST, RunFolder, written_whole


def made(folder: RunFolder, name: str, text: str) -> None:
    with written_whole(folder.path / name) as beside:
        beside.write_text(text)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), written_whole(target) as beside:
        beside.write_text("half")
        _ = 1 / 0
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_stage_is_fresh_until_an_input_or_an_output_changes(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    made(folder, "out", "1")
    assert not folder.fresh("stage", {"in": "a"})
    folder.done("stage", {"in": "a"}, ("out",), {"rows": 1})
    again = RunFolder(tmp_path)
    assert again.fresh("stage", {"in": "a"})
    assert again.facts("stage") == {"rows": 1}
    assert not again.fresh("stage", {"in": "b"})
    made(again, "out", "22")
    assert not again.fresh("stage", {"in": "a"})
    (tmp_path / "out").unlink()
    assert not again.fresh("stage", {"in": "a"})


def test_a_file_that_a_stage_reads_is_digested_once_until_it_changes(tmp_path: Path) -> None:
    """Bytes that change with size and time as they were are not looked at: so it is known that nothing was read again."""
    source = tmp_path / "in"
    source.write_text("1")
    os.utime(source, ns=(0, 0))
    folder = RunFolder(tmp_path)
    before = folder.digest("in")
    made(folder, "out", "1")
    folder.done("stage", {"in": before}, ("out",), {})
    source.write_text("2")
    assert RunFolder(tmp_path).digest("in") != before
    os.utime(source, ns=(0, 0))
    assert RunFolder(tmp_path).digest("in") == before
    source.write_text("22")
    os.utime(source, ns=(0, 0))
    assert RunFolder(tmp_path).digest("in") != before
    source.unlink()
    assert RunFolder(tmp_path).digest("in") is None


def test_an_older_pairsmith_refuses_a_newer_folder_in_one_line(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text('{"format_version": 99, "stages": {}}')
    with pytest.raises(RunError, match="format 99"):
        RunFolder(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"stages": 3}', '{"format_version": 1, "stages": {}, "read": 3}'])
def test_a_damaged_manifest_is_one_clear_line(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(RunError, match="delete it"):
        RunFolder(tmp_path)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../secret"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="leads out"):
        RunFolder(tmp_path).inside(name, wanted_by="factory.yml: requests")


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "run" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match="leads out"):
        RunFolder(tmp_path / "run").inside("link", wanted_by="x")


def test_a_missing_artifact_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="pairsmith gate"):
        RunFolder(tmp_path).need("accepted.parquet", "gate")


def test_what_a_killed_process_left_half_written_goes_with_the_next_one(tmp_path: Path) -> None:
    (tmp_path / ".verdicts.parquet.123.part").write_text("half")
    (tmp_path / "releases/.1.0.0.part/data").mkdir(parents=True)
    (tmp_path / "releases/.1.0.0.part/data/.x.part").write_text("half")
    (tmp_path / ".gone.part").symlink_to(tmp_path / "nowhere")
    with RunFolder(tmp_path).held():
        assert sorted(path.name for path in tmp_path.rglob("*")) == [".lock", "releases"]


def _hold(path: Path, holds: "multiprocessing.synchronize.Event", let_go: "multiprocessing.synchronize.Event") -> None:
    with RunFolder(path).held():
        holds.set()
        let_go.wait(30)


def test_two_processes_do_not_write_one_run(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    holds, let_go = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path, holds, let_go))
    other.start()
    assert holds.wait(30)
    with pytest.raises(RunError, match="another pairsmith"), RunFolder(tmp_path).held():
        pass
    let_go.set()
    other.join(30)
    with RunFolder(tmp_path).held():
        pass
