"""``pairsmith train``: from releases and labelled rows to a model that users load, and one line for what does not fit."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny
import torch
from local_hub import OURS, LocalHub, speak_to
from published import FACTS, SPEC, rows, sent
from stored import stored
from trainings import rows as labelled

from pairsmith.cli import main
from pairsmith.curation.manifest import note_commit, read_manifest
from pairsmith.curation.release import write_release
from pairsmith.factory.errors import InputError, RemoteError
from pairsmith.sources import read_sources
from pairsmith.trainer.data import read_training
from pairsmith.trainer.facts import read_facts

QUICK = ("--set", "batch=8", "--set", "max_length=64", "--set", "save_every=3", "--device", "cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return tiny.save_mistral(tmp_path_factory.mktemp("tiny") / "mistral")


def release(folder: Path, count: int, changed: int = 0, splits: float = 0.2) -> Path:
    """The next version below ``folder``; the texts of the first ``changed`` rows are others than in the one before."""
    table = pa.concat_tables([rows(*range(changed), texts=" now"), rows(*range(changed, count))])
    spec = replace(FACTS, spec=SPEC.model_copy(update={"splits": {"test": splits} if splits else {}}))
    return write_release(stored(table), spec, folder)[0]


def written(path: Path, count: int) -> Path:
    pq.write_table(labelled(count), path)
    return path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main(["train", *map(str, arguments)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("pairsmith: ")
    return told.splitlines()[0]


@pytest.mark.slow  # the model is loaded back in processes of their own
def test_a_model_is_trained_on_a_release_and_labelled_rows_and_says_what_it_was_made_of(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = release(tmp_path / "releases", 60)
    note_commit(folder, "acme/pairs", "c" * 40)
    data = (folder, written(tmp_path / "more.parquet", 16), "--weights", "1", "2.5")
    command = ["train", *map(str, data), "--model", str(model), "--out", str(tmp_path / "out"), *QUICK, "--json"]
    assert main([*command, "--merge"]) == 0
    out, err = capsys.readouterr()
    assert "Warning" not in err
    told = json.loads(out)
    facts = read_facts(tmp_path / "out")
    manifest = read_manifest(folder)
    one, other = facts.sources
    assert (one.name, one.version, one.revision, one.row_set) == ("demo", "1.0.0", "c" * 40, manifest["row_set"])
    assert (other.name, other.version, other.weight, other.rows) == ("more.parquet", None, 2.5, 16)
    drawn = one.rows + round(2.5 * 16)
    assert facts.left_out == 0
    assert facts.steps == round(drawn / 8)
    assert facts.tokens <= facts.run_tokens
    assert facts.held_out["before"].whole.queries == facts.held_out["after"].whole.queries == 60 - one.rows
    assert told["difference"] < 1e-6
    assert Path(told["model"], "README.md").read_text().count(manifest["row_set"][:12])
    assert facts.model.name == "mistral"
    assert str(tmp_path) not in (tmp_path / "out" / "training.json").read_text()
    before = (tmp_path / "out" / "log.jsonl").read_bytes()
    (tmp_path / "out" / "before.json").write_text("{")
    assert main(command) == 0  # there is nothing left to train
    assert read_facts(tmp_path / "out").held_out == facts.held_out
    assert (tmp_path / "out" / "log.jsonl").read_bytes() == before
    release(tmp_path / "releases", 61)
    command[1] = str(tmp_path / "releases")
    assert main(command) == 2
    assert "is of the data demo 1.0.0 (rows" in capsys.readouterr().err


def test_of_the_rows_that_the_earlier_version_has_too_a_share_is_trained_on_again(tmp_path: Path) -> None:
    old = release(tmp_path / "releases", 40, splits=0)
    new = release(tmp_path / "releases", 50, changed=4, splits=0)
    sources, _, since = read_sources([str(new)], [], str(old), tmp_path)
    assert (sources[0].facts.rows, sources[0].facts.known, since) == (50, 36, "demo 1.0.0")
    fresh = {row for row, known in zip(sources[0].rows["id"].to_pylist(), sources[0].known, strict=True) if not known}
    assert fresh == {f"{number:016x}" for number in (*range(4), *range(40, 50))}
    with pytest.raises(InputError, match=r"^--since [^\n]*: no row that is trained on is in it"):
        read_sources([str(written(tmp_path / "rows.parquet", 8))], [], str(old), tmp_path)


def test_what_does_not_fit_is_one_line(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    some = written(tmp_path / "some.parquet", 16)
    rest = ("--model", model, "--out", tmp_path / "out")
    (tmp_path / "file").touch()
    assert "there is a file of this name; name a folder" in refused(
        capsys, some, "--model", model, "--out", tmp_path / "file"
    )
    assert "weight_decay: Input should be a finite number" in refused(capsys, some, *rest, "--set", "weight_decay=.inf")
    assert "'nowhere' is no folder of a release or run" in refused(capsys, "nowhere", *rest)
    assert "1 for 2 sources of rows" in refused(capsys, some, some, *rest, "--weights", "1")
    assert "unknown name 'temperatur' (did you mean 'temperature'?)" in refused(
        capsys, some, *rest, "--set", "temperatur=1"
    )
    assert "batch: Input should be greater than or equal to 2" in refused(capsys, some, *rest, "--set", "batch=1")
    assert "give a name and a value" in refused(capsys, some, *rest, "--set", "batch")
    assert "are too few for a batch of 2,048" in refused(capsys, some, *rest)
    assert "the group bitext has no row" in refused(capsys, some, *rest, "--set", "alone=[bitext]")
    (tmp_path / "recipe.yml").write_text("batch: [")
    assert "not readable as YAML" in refused(capsys, some, *rest, "--recipe", tmp_path / "recipe.yml")


def test_a_release_whose_rows_are_not_those_it_names_is_refused(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = release(tmp_path / "releases", 20)
    file = next(folder.glob("data/*/train-*.parquet"))
    file.write_bytes(file.read_bytes()[:-1] + b"X")
    rest = ("--model", model, "--out", tmp_path / "out")
    assert "is not the file that its manifest names" in refused(capsys, folder, *rest)
    empty = release(tmp_path / "others", 20, splits=0)
    for one in empty.glob("data/sts/*"):
        one.rename(one.with_name("dev-00000-of-00001.parquet"))
    with pytest.raises(InputError, match=r"the group sts has no row in the split 'train'"):
        read_training(empty)


def test_a_version_on_the_hub_is_brought_once_with_its_commit_and_a_missing_tag_is_one_line(
    our_hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = sent(release(tmp_path / "releases", 20)).commit
    sources, releases, _ = read_sources([f"{OURS}@v1.0.0"], [], None, tmp_path / "data")
    assert (sources[0].facts.name, sources[0].facts.version, sources[0].facts.revision) == (OURS, "1.0.0", commit)
    with pytest.raises(RemoteError, match=r"^[^\n]*@v2\.0\.0 is not there; versions: v1\.0\.0$"):
        read_sources([f"{OURS}@v2.0.0"], [], None, tmp_path / "data")
    speak_to("http://127.0.0.1:9", monkeypatch)  # where nobody listens: what was brought serves
    again, *_ = read_sources([f"{OURS}@v1.0.0"], [], None, tmp_path / "data")
    assert again[0].facts == sources[0].facts
    assert releases[0].release.folder.is_relative_to(tmp_path / "data")
