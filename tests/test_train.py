"""The loop of training: losses that stay the same, a resume to the same bits, and one line for what goes wrong."""

import json
import math
import resource
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file
from trainings import Told, prepared, recipe, trained

from pairsmith.factory.errors import InputError, RoomError, RunError
from pairsmith.trainer import checkpoint
from pairsmith.trainer.log import FILE as LOG
from pairsmith.trainer.log import Line
from pairsmith.trainer.plot import write_plot
from pairsmith.trainer.train import train
from pairsmith.trainer.world import World

GOLDEN = Path(__file__).with_name("golden") / "losses.json"
GOLDEN_RECIPE = {"dropout": 0.0, "learning_rate": 0.01}  # steps that show in the loss; dropout depends on micro-batches
SCRIPT = Path(__file__).with_name("trainings.py")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_mistral(tmp_path_factory.mktemp("tiny") / "mistral")


@pytest.fixture(scope="module")
def whole(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nothing happened to: eight steps."""
    out = tmp_path_factory.mktemp("whole")
    trained(model, out)
    return out


def state(out: Path, step: int = 8) -> dict[str, torch.Tensor]:
    folder = out / checkpoint.FOLDER / f"step-{step:06}"
    return load_file(folder / checkpoint.WEIGHTS) | load_file(folder / checkpoint.OPTIMIZER)


def same_bits(one: Path, other: Path) -> bool:
    left, right = state(one), state(other)
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def losses(out: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (out / LOG).read_text().splitlines()]


@pytest.mark.parametrize("layout", ["padded", "packed"])
def test_the_losses_are_the_golden_ones_whatever_the_micro_batches(model: Path, tmp_path: Path, layout: str) -> None:
    trained(model, tmp_path, **GOLDEN_RECIPE, layout=layout)
    assert np.allclose(losses(tmp_path), json.loads(GOLDEN.read_text()), rtol=1e-3)


def test_a_layout_that_leaks_between_the_trainings_own_texts_is_refused_before_the_first_step(
    model: Path, tmp_path: Path
) -> None:
    encoder, mixed, about = prepared(model, recipe())
    embed = type(encoder).embed

    class Leaky(type(encoder)):  # type: ignore[misc]
        """Beside a text longer than any that the encoder was loaded with, texts read each other."""

        def embed(self, tokens: list[np.ndarray]) -> torch.Tensor:
            vectors = embed(self, tokens)
            return vectors + vectors.mean(0) if max(map(len, tokens)) > 50 else vectors  # type: ignore[no-any-return]

    encoder.__class__ = Leaky
    with pytest.raises(
        RunError, match=r"^\S*mistral: [^\n]* differs from one text at a time by [^\n]* --set layout=padded"
    ):
        train(encoder, mixed, tmp_path, about, World(), Told().watch())
    assert not checkpoint.steps(tmp_path)


def test_training_goes_on_after_ctrl_c_to_the_same_bits_and_losses(model: Path, whole: Path, tmp_path: Path) -> None:
    encoder, mixed, about = prepared(model, recipe())
    told = Told()

    def step(line: Line) -> None:
        if line.step == 3:  # between two checkpoints
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(encoder, mixed, tmp_path, about, World(), told.watch()._replace(step=step))
    assert checkpoint.steps(tmp_path)[-1] == 4  # the step that ran was finished, and saved
    trained(model, tmp_path, told)
    assert [line.step for line in told.lines] == [5, 6, 7, 8]
    assert same_bits(tmp_path, whole)
    assert losses(tmp_path) == losses(whole)
    before = (tmp_path / LOG).read_bytes()
    trained(model, tmp_path, told)  # there is nothing left to do
    assert (tmp_path / LOG).read_bytes() == before


@pytest.mark.slow
def test_training_goes_on_after_kill_9_at_any_moment_to_the_same_bits(model: Path, whole: Path, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    kills = 0
    while not (tmp_path / checkpoint.FOLDER / "step-000008").exists():
        with subprocess.Popen([sys.executable, SCRIPT, tmp_path, model], stderr=subprocess.DEVNULL) as process:
            goal = max(checkpoint.steps(tmp_path), default=0) + int(generator.integers(1, 4))
            while process.poll() is None and _lines(tmp_path) < goal:
                time.sleep(0.002)
            time.sleep(float(generator.uniform(0, 0.05)))  # in the middle of a step, or while a checkpoint is written
            if process.poll() is None:
                process.kill()
                kills += 1
        assert kills < 60
    assert kills
    assert same_bits(tmp_path, whole)
    assert losses(tmp_path) == losses(whole)


def _lines(out: Path) -> int:
    return (out / LOG).read_bytes().count(b"\n") if (out / LOG).exists() else 0


def test_what_was_half_written_is_written_again(model: Path, whole: Path, tmp_path: Path) -> None:
    trained(model, tmp_path)
    newest = tmp_path / checkpoint.FOLDER / "step-000008"
    newest.rename(newest.with_name(".step-000008.part"))  # as a kill leaves it
    with (tmp_path / LOG).open("a") as log:
        log.write('{"step": 9, "lo')
    trained(model, tmp_path)
    assert same_bits(tmp_path, whole)
    assert losses(tmp_path) == losses(whole)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"seed": 1}, r"is of the data words 1\.0\.0 \(rows 64-0\), not words 1\.0\.0 \(rows 64-1\)"),
        ({"temperature": 0.1}, r"is of the recipe with temperature 0\.02, not 0\.1"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused_in_one_line(
    model: Path, whole: Path, settings: dict[str, float], told: str
) -> None:
    before = (whole / LOG).read_bytes()
    with pytest.raises(RunError, match=rf"^[^\n]*step-000008 {told}; name another --out[^\n]*$"):
        trained(model, whole, **settings)
    assert (whole / LOG).read_bytes() == before


def test_a_checkpoint_of_another_model_is_refused_though_its_name_is_the_same(
    model: Path, whole: Path, tmp_path: Path
) -> None:
    other = tiny.save_mistral(tmp_path / "mistral")
    weights = load_file(other / "model.safetensors")
    name = next(name for name in weights if name.endswith("q_proj.weight"))
    save_file(weights | {name: weights[name] + 0.5}, other / "model.safetensors", {"format": "pt"})
    with pytest.raises(RunError, match=r"is of the model mistral \(weights \w+\), not mistral \(weights \w+\)"):
        trained(other, whole)


def test_what_decides_memory_and_pace_may_change_on_the_way(model: Path, tmp_path: Path) -> None:
    trained(model, tmp_path)
    trained(model, tmp_path, tokens=400, save_every=5)


def test_a_damaged_checkpoint_or_log_is_one_line_and_the_one_before_serves(
    model: Path, whole: Path, tmp_path: Path
) -> None:
    trained(model, tmp_path)
    newest = tmp_path / checkpoint.FOLDER / "step-000008"
    weights = newest / checkpoint.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-9])
    with pytest.raises(RunError, match=r"^[^\n]*weights\.safetensors: not readable [^\n]*; delete [^\n]*step-000008, "):
        trained(model, tmp_path)
    for file in newest.iterdir():
        file.unlink()
    newest.rmdir()
    trained(model, tmp_path)
    assert same_bits(tmp_path, whole)
    (tmp_path / LOG).write_text("{}\n")
    with pytest.raises(RunError, match=r"log\.jsonl: does not hold the 8 steps up to the newest checkpoint"):
        trained(model, tmp_path)


def test_a_loss_that_is_not_finite_stops_in_one_line_and_what_was_saved_stays(model: Path, tmp_path: Path) -> None:
    encoder, mixed, about = prepared(model, recipe())
    told = Told()

    def step(line: Line) -> None:
        if line.step == 3:
            with torch.no_grad():
                next(iter(encoder.trained.values())).fill_(math.nan)
            encoder.refresh()

    with pytest.raises(
        RunError, match=r"^step 4: the loss is nan; nothing was saved after it\. Its 8 rows \(r\d+, [^\n]*$"
    ):
        train(encoder, mixed, tmp_path, about, World(), told.watch()._replace(step=step))
    assert checkpoint.steps(tmp_path) == [2]
    ids = (tmp_path / "step-000004.rows.txt").read_text().split()
    assert len(ids) == len(set(ids)) == 8
    trained(model, tmp_path)
    assert checkpoint.steps(tmp_path) == [6, 8]


def test_the_model_is_the_mean_of_the_last_checkpoints_where_that_is_wanted(model: Path, tmp_path: Path) -> None:
    encoder, mixed, about = prepared(model, recipe(average=3))
    done = train(encoder, mixed, tmp_path, about, World(), Told().watch())
    assert done.averaged == checkpoint.steps(tmp_path) == [4, 6, 8]
    saved = [state(tmp_path, step) for step in done.averaged]
    for name, weight in encoder.trained.items():
        mean = torch.stack([each[name] for each in saved]).double().mean(0)
        assert torch.equal(weight, mean.float())
    with pytest.raises(
        InputError, match=r"average: 5 checkpoints are to be averaged, but 8 steps saved every 2 make 4"
    ):
        trained(model, tmp_path / "more", average=5)


def test_ctrl_c_does_not_change_which_checkpoints_are_averaged(model: Path, tmp_path: Path) -> None:
    straight, mixed, about = prepared(model, recipe(average=3))
    train(straight, mixed, tmp_path / "whole", about, World(), Told().watch())
    for cut in (3, 7):
        encoder, mixed, about = prepared(model, recipe(average=3))

        def step(line: Line, cut: int = cut) -> None:
            if line.step == cut - 1:  # the next one is finished, at no checkpoint of the recipe
                signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            train(encoder, mixed, tmp_path / "cut", about, World(), Told().watch()._replace(step=step))
        assert checkpoint.steps(tmp_path / "cut")[-1] == cut
    encoder, mixed, about = prepared(model, recipe(average=3))
    done = train(encoder, mixed, tmp_path / "cut", about, World(), Told().watch())
    assert done.averaged == [4, 6, 8]
    assert all(torch.equal(weight, straight.trained[name]) for name, weight in encoder.trained.items())
    with pytest.raises(RunError, match=r"is of the recipe with save_every 2, not 1; name another --out"):
        trained(model, tmp_path / "cut", average=3, save_every=1)


def test_a_full_disk_is_one_line_and_training_goes_on_when_there_is_room(
    model: Path, whole: Path, tmp_path: Path
) -> None:
    encoder, mixed, about = prepared(model, recipe())
    told, limits = Told(), resource.getrlimit(resource.RLIMIT_FSIZE)

    def step(line: Line) -> None:
        if line.step == 3:  # from now on no file may grow as large as the weights are
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))

    try:
        with pytest.raises(RoomError, match=r"^[^\n]*weights\.safetensors: no room for it \([^\n]*$"):
            train(encoder, mixed, tmp_path, about, World(), told.watch()._replace(step=step))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in (tmp_path / checkpoint.FOLDER).iterdir()] == ["step-000002"]
    trained(model, tmp_path, told)
    assert same_bits(tmp_path, whole)
    assert losses(tmp_path) == losses(whole)


def test_a_folder_that_somebody_put_beside_the_checkpoints_is_passed_over(model: Path, tmp_path: Path) -> None:
    (tmp_path / checkpoint.FOLDER / "step-000004 (copy)").mkdir(parents=True)
    trained(model, tmp_path)
    assert checkpoint.steps(tmp_path) == [6, 8]


def test_rows_that_no_batch_takes_are_told_before_the_first_step(model: Path, tmp_path: Path) -> None:
    encoder, mixed, about = prepared(model, recipe())
    told, alike = Told(), np.maximum(np.arange(64) - 40, 0)  # 41 rows have one positive
    train(encoder, replace(mixed, positives=alike), tmp_path, about, World(), told.watch())
    assert told[0].endswith("of 64 rows are left out: their query or positive is in every batch already")


def test_memory_that_runs_out_halves_the_micro_batch_says_so_and_is_remembered(
    model: Path, whole: Path, tmp_path: Path
) -> None:
    encoder, mixed, about = prepared(model, recipe(tokens=100_000))
    told, embed = Told(), type(encoder).embed

    class Small(type(encoder)):  # type: ignore[misc]
        def embed(self, tokens: list[np.ndarray]) -> torch.Tensor:
            if sum(map(len, tokens)) > 400:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return embed(self, tokens)  # type: ignore[no-any-return]

    encoder.__class__ = Small
    train(encoder, mixed, tmp_path, about, World(), told.watch())
    assert all("out of memory; again with" in line for line in told)
    assert told.lines[-1].budget <= 400 < recipe(tokens=100_000).tokens
    kept = json.loads((tmp_path / checkpoint.FOLDER / "step-000008" / checkpoint.STATE).read_text())
    assert kept["budget"] == told.lines[-1].budget
    assert np.allclose(losses(tmp_path), losses(whole), rtol=0.3)  # other micro-batches have other dropout


def test_the_picture_of_a_training_is_well_formed_whatever_the_number_of_steps(whole: Path, tmp_path: Path) -> None:
    lines = [Line.model_validate_json(line) for line in (whole / LOG).read_text().splitlines()]
    for shown in (lines[:1], lines, lines * 400):
        write_plot(tmp_path, shown)
        drawn = ET.fromstring((tmp_path / "log.svg").read_text())
        curves = [each for each in drawn.iter() if each.tag.endswith("polyline")]
        assert len(curves) == 6
        assert "nan" not in (tmp_path / "log.svg").read_text()
        assert max(len(curve.attrib["points"].split()) for curve in curves) <= 601


def test_only_the_first_process_writes(model: Path, tmp_path: Path) -> None:
    class Second(World):
        """The second of two, which the first lets have its way."""

        first = False  # type: ignore[assignment]

    encoder, mixed, about = prepared(model, recipe())
    train(encoder, mixed, tmp_path, about, Second(), Told().watch())
    assert not list(tmp_path.iterdir())
