"""A model goes to the Hub whole or not at all, private by default, with a licence and a version of its data; users load it."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pyarrow.parquet as pq
import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from local_hub import OWNER, READER, LocalHub, speak_to
from safetensors.numpy import load_file, save_file
from test_export import trained
from tiny import TEXTS, save_mistral
from trained import facts
from trainings import rows

from pairsmith.cli import main
from pairsmith.curation.hub_calls import hub
from pairsmith.curation.publish_model import publish_model
from pairsmith.curation.publishable_model import read_model
from pairsmith.exporting import export_model
from pairsmith.factory.errors import InputError, RemoteError, RunError
from pairsmith.trainer.facts import read_facts, write_facts

OURS = "acme/embedder"


def model(folder: Path, seed: int = 0) -> Path:
    """A folder with the files of a model, made up but for their names."""
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A model\n")
    for name in ("modules.json", "tokenizer.json", "1_Pooling/config.json"):
        (folder / name).write_text("{}")
    save_file({"a": np.full(4, seed, np.float32)}, folder / "model.safetensors")
    write_facts(folder, facts())
    return folder


def state(hub: LocalHub) -> tuple[Any, ...]:
    api = hub.api()
    refs = api.list_repo_refs(OURS)
    files = {item.path for item in api.list_repo_tree(OURS, recursive=True)}
    return len(api.list_repo_commits(OURS)), sorted(tag.name for tag in refs.tags), files


def test_a_model_is_published_in_one_commit_with_a_tag_and_private(our_hub: LocalHub, tmp_path: Path) -> None:
    folder = model(tmp_path / "model")
    done = publish_model(folder, OURS, public=False)
    assert done.tag.startswith("v1.2.0-")
    commits, tags, files = state(our_hub)
    assert (commits, tags) == (2, [done.tag])  # the Hub makes the first one
    assert {"README.md", "training.json", "1_Pooling/config.json", "model.safetensors"} <= files
    assert our_hub.api().model_info(OURS).private
    again = publish_model(folder, OURS, public=False)
    assert (again.new, again.commit) == (False, done.commit)
    assert state(our_hub) == (commits, tags, files)


def test_the_next_model_takes_the_place_of_the_last_one_whose_tag_stays(our_hub: LocalHub, tmp_path: Path) -> None:
    first = publish_model(model(tmp_path / "a"), OURS, public=False)
    second = model(tmp_path / "b", seed=1)
    (second / "tokenizer_config.json").write_text("{}")
    (second / "1_Pooling" / "config.json").unlink()
    done = publish_model(second, OURS, public=False)
    assert done.tag != first.tag
    _, tags, files = state(our_hub)
    assert tags == sorted([first.tag, done.tag])
    assert "tokenizer_config.json" in files and "1_Pooling/config.json" not in files


def test_what_is_there_is_not_taken_over_and_nothing_gets_public_unsaid(our_hub: LocalHub, tmp_path: Path) -> None:
    folder, api = model(tmp_path / "model"), our_hub.api()
    api.create_repo(OURS, private=True)
    api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id=OURS)
    with pytest.raises(RemoteError, match="holds files of something else"):
        publish_model(folder, OURS, public=False)
    with pytest.raises(RemoteError, match="is private; leave out --public"):
        publish_model(folder, OURS, public=True)
    publish_model(folder, "acme/open", public=True)
    with pytest.raises(RemoteError, match="say --public"):
        publish_model(folder, "acme/open", public=False)
    with pytest.raises(InputError, match="is no repository"):
        publish_model(folder, "acme", public=False)


def test_who_may_not_write_publishes_nothing(
    our_hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", READER.token)
    with pytest.raises(RemoteError, match="nothing was published"):
        publish_model(model(tmp_path / "model"), OURS, public=False)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("README.md", "# no head", "names no licence"),
        ("README.md", "---\nlicense: other\n---\n", "nobody knows which"),
        ("README.md", None, "README.md is missing"),
        ("training.json", json.dumps({"sources": [{"row_set": "ab", "version": None}]}), "has no version"),
        ("training.json", json.dumps({"sources": [{"version": "1.0.0"}]}), "which rows"),
        ("training.json", "[]", "not readable"),
        ("model.safetensors", None, "no weights"),
        ("pytorch_model.bin", "", "pytorch_model.bin is no file that a model needs"),
        (".env", "", ".env is no file that a model needs"),
        ("adapter_config.json", json.dumps({"base_model_name_or_path": "/home/me/base"}), "train with --merge"),
    ],
)
def test_what_nobody_could_use_is_refused(name: str, content: str | None, said: str, tmp_path: Path) -> None:
    folder = model(tmp_path / "model")
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    with pytest.raises((RunError, InputError), match=said):
        read_model(folder)


@pytest.mark.parametrize("command", [["pull"], ["yank", "--why", "bad"]])
def test_a_models_tag_is_no_release_and_one_line_says_what_it_is_for(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, f"{OURS}@v1.2.0-0123abcd"]) == 2
    assert f"is loaded by 'pairsmith embed FILE --model {OURS}@v1.2.0-0123abcd'" in capsys.readouterr().err


def test_two_who_publish_at_once_leave_whole_models_under_tags_of_their_own(our_hub: LocalHub, tmp_path: Path) -> None:
    our_hub.api().create_repo(OURS, private=True)
    folders = [model(tmp_path / str(seed), seed) for seed in range(4)]

    def publish(folder: Path) -> str:
        while True:
            try:
                return publish_model(folder, OURS, public=False).tag
            except RemoteError as fault:
                assert "somebody else committed at the same time; run the same command again" in str(fault)

    with ThreadPoolExecutor(len(folders)) as pool:
        tags = list(pool.map(publish, folders))
    commits, there, _ = state(our_hub)
    assert (commits, there) == (1 + len(folders), sorted(tags))
    api = our_hub.api()
    for folder, tag in zip(folders, tags, strict=True):
        path = api.hf_hub_download(OURS, "model.safetensors", revision=tag, cache_dir=tmp_path / "cache")
        assert Path(path).read_bytes() == (folder / "model.safetensors").read_bytes()


def test_what_was_cut_between_commit_and_tag_is_finished_by_the_same_command(
    our_hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: Any, **__: Any) -> None:
        raise httpx2.ConnectError("cut")

    folder = model(tmp_path / "model")
    with monkeypatch.context() as patched, pytest.raises(RemoteError, match=r"but not the tag v1\.2\.0-"):
        patched.setattr(HfApi, "create_tag", cut)
        publish_model(folder, OURS, public=False)
    assert state(our_hub)[:2] == (2, [])
    done = publish_model(folder, OURS, public=False)
    assert (done.new, state(our_hub)[:2]) == (True, (2, [done.tag]))


@pytest.mark.slow
def test_an_adapter_is_embedded_with_as_its_tag_has_it_on_the_base_that_it_names(
    our_hub: LocalHub, tmp_path: Path
) -> None:
    base, api = save_mistral(tmp_path / "base"), hub()
    (base / "README.md").write_text("---\nlicense: mit\n---\n")
    api.create_repo("acme/base", private=True)
    files = [CommitOperationAdd(path.name, path) for path in base.iterdir()]
    commit = api.create_commit("acme/base", files, commit_message="base").oid
    environment = {**os.environ, "HF_ENDPOINT": our_hub.url, "HF_TOKEN": OWNER.token, "HF_HOME": str(tmp_path / "home")}

    def run(*arguments: str | Path) -> str:
        command = [sys.executable, "-m", "pairsmith", *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    pq.write_table(rows(16), tmp_path / "rows.parquet")
    (tmp_path / "texts.txt").write_text("a text\n")
    out, settings = tmp_path / "out", ("batch=8", "max_length=32", "learning_rate=0.01")
    told = [word for setting in settings for word in ("--set", setting)]
    run("train", tmp_path / "rows.parquet", "--model", "acme/base", "--out", out, *told, "--device", "cpu")
    folder, weights = out / "model", out / "model" / "adapter_model.safetensors"
    assert read_facts(out).model.revision == commit
    assert json.loads((folder / "adapter_config.json").read_text())["revision"] == commit
    write_facts(folder, facts(model=read_facts(out).model))  # of data with a version
    found = []
    for scale in (1, 5):
        save_file({name: scale * weight for name, weight in load_file(weights).items()}, weights)
        found.append(publish_model(folder, OURS, public=False).tag)
    for asked in (*found, "main"):
        run("embed", tmp_path / "texts.txt", "--model", f"{OURS}@{asked}", "--out", tmp_path / f"{asked}.npy")
    first, second, newest = (np.load(tmp_path / f"{asked}.npy") for asked in (*found, "main"))
    assert (second == newest).all()
    assert np.abs(first - second).max() > 0.01


@pytest.mark.slow
def test_the_command_publishes_a_training_and_users_load_it_from_the_hub(
    our_hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = save_mistral(tmp_path / "base")
    (base / "README.md").write_text("---\nlicense: mit\n---\n")
    encoder, recipe = trained(base)
    made = facts(model=facts().model.model_copy(update={"name": str(base), "revision": None}), recipe=recipe)
    told = export_model(encoder, made, tmp_path / "out", merge=True)
    assert told["merged"] and told["difference"] < 1e-5
    speak_to(our_hub.url, monkeypatch)
    assert main(["publish", str(tmp_path / "out"), "--repo", OURS, "--json"]) == 0
    published = json.loads(capsys.readouterr().out)
    code = (
        "import sys, json; from sentence_transformers import SentenceTransformer\n"
        "model = SentenceTransformer(sys.argv[1], revision=sys.argv[2], device='cpu')\n"
        "print(json.dumps(model.encode(sys.argv[3]).tolist()))"
    )
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
    tag = published["published"].partition("@")[2]
    done = subprocess.run(
        [sys.executable, "-c", code, OURS, tag, TEXTS[0]], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    loaded = np.array(json.loads(done.stdout.splitlines()[-1]))
    encoder.model.eval()
    vector = encoder.embed(encoder.tokenize(TEXTS[:1])).detach().numpy()[0]
    assert np.abs(loaded - vector / np.linalg.norm(vector)).max() < 1e-5
