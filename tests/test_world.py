"""Several processes train as one: negatives of the whole step, dropout and all."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file
from tiny import save_mistral
from trainings import rows

from pairsmith.trainer.facts import read_facts

SCRIPT = Path(__file__).with_name("world_step.py")


def step_of(processes: int, model: Path, target: Path, budget: int) -> dict:
    """Loss and gradients of a step taken by so many processes over gloo."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = os.pathsep.join([str(SCRIPT.parent), os.environ.get("PYTHONPATH", "")])
    started = [
        subprocess.Popen(
            [sys.executable, SCRIPT, model, target, str(budget)],
            env={
                **os.environ,
                "PYTHONPATH": path,
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": str(processes),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "OMP_NUM_THREADS": "1",
            },
        )
        for rank in range(processes)
    ]
    assert [process.wait(300) for process in started] == [0] * processes
    return load_file(target)


@pytest.mark.slow
@pytest.mark.parametrize("budget", [150, 100_000])  # the second: one micro-batch, so that one process has none
def test_two_processes_give_the_loss_and_the_gradients_of_one(tmp_path, budget):
    model = save_mistral(tmp_path / "model")
    one, two = (step_of(count, model, tmp_path / f"{count}.safetensors", budget) for count in (1, 2))
    assert one.keys() == two.keys()
    assert float(one["loss"]) == float(two["loss"])
    largest = max(slope.abs().max() for name, slope in one.items() if name != "loss")
    assert all((one[name] - two[name]).abs().max() < 1e-12 * largest for name in one)


@pytest.mark.slow
def test_two_processes_train_the_model_of_one_and_only_the_first_speaks(tmp_path: Path) -> None:
    """The whole command by torchrun, in micro-batches small enough for both, with dropout."""
    model = save_mistral(tmp_path / "model")
    pq.write_table(rows(48), tmp_path / "rows.parquet")
    settings = ("batch=8", "max_length=64", "tokens=200", "learning_rate=0.001", "precision=fp32")
    command = ["train", tmp_path / "rows.parquet", "--model", model, "--device", "cpu", "--json"]
    command += [part for setting in settings for part in ("--set", setting)]
    starters = {"one": ["-m", "pairsmith"]}
    starters["two"] = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "pairsmith"]
    told, losses, weights = {}, {}, {}
    for name, starter in starters.items():
        out = tmp_path / name
        done = subprocess.run(
            [sys.executable, *starter, *map(str, command), "--out", out],
            env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, check=True, timeout=600,
        )  # fmt: skip
        told[name] = json.loads(done.stdout)
        losses[name] = [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]
        weights[name] = load_file(out / "model" / "adapter_model.safetensors")
    assert told["one"]["steps"] == told["two"]["steps"] == len(losses["two"]) == 6
    assert read_facts(tmp_path / "two").processes == 2
    assert losses["two"] == pytest.approx(losses["one"], rel=1e-4)
    moved = max(float((weights["one"][name] - kept).abs().max()) for name, kept in weights["two"].items())
    assert moved < 1e-5, "a hundredth of what one step at this rate moves a weight by"
