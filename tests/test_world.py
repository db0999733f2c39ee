"""Several processes train as one: negatives of the whole step, dropout and all."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file
from tiny import save_mistral

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
