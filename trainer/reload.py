"""What was exported, as users get it: loaded by sentence-transformers in a process of its own, and compared."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import normalize

from pairsmith.factory.errors import RunError
from pairsmith.trainer.encoder import Encoder

PROBES = (
    "How do volcanoes form?",
    "Magma rises through the crust; where it reaches the surface and cools, rock piles up to a mountain.",
    "Brot backen ohne Hefe",
    "人工知能とは何ですか",
    "a",
    "a text that is longer than any model reads, so that it is cut " * 200,
)
"""Short, long, of several scripts, and one that is cut."""

FARTHEST = {"float32": 1e-6, "bfloat16": 1e-2, "float16": 1e-3}
"""Cosine distance to the trained model, by the coarser precision of the two, that rounding explains with room to spare; a lost
end-of-text token, another pooling or attention make 0.05 and more."""

_SAID = 300  # characters of what went wrong


@dataclass(frozen=True)
class Loaded:
    """What sentence-transformers made of the probes: unit vectors (n, d) float32; ``precision``: of its weights."""

    vectors: np.ndarray
    precision: str


def verify(encoder: Encoder, folder: Path) -> float:
    """Load ``folder`` in a process of its own and compare, see :func:`difference`. Raises :class:`RunError` where it does not
    load, or is another model."""
    return difference(encoder, _apart(folder, encoder.device.type), folder)


def difference(encoder: Encoder, loaded: Loaded, folder: Path) -> float:
    """Largest difference between entries of unit vectors of the model in memory and of the one loaded from ``folder``.

    One text at a time, so that padding plays no part. Raises :class:`RunError` where they are two models.
    """
    ours = _ours(encoder)
    distance = float((1 - (ours.astype(np.float64) * loaded.vectors).sum(axis=1)).max())
    precision = str(next(encoder.model.parameters()).dtype).removeprefix("torch.")
    coarser = max((precision, loaded.precision), key=lambda name: FARTHEST.get(name, 0))
    if not distance <= FARTHEST[coarser]:
        raise RunError(
            f"{folder}: sentence-transformers loads another model than was trained (cosine distance {distance:.2g} in "
            f"{coarser}), so this one is thrown away; the checkpoints are whole, and the same command exports again"
        )
    return float(np.abs(ours - loaded.vectors).max())


def load(folder: Path, device: str = "cpu") -> Loaded:
    """Load a model as its users do."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device=device, model_kwargs={"use_safetensors": True})
    with _one_thread():
        vectors = [model.encode(text, convert_to_tensor=True).float() for text in PROBES]
    return Loaded(torch.stack(vectors).cpu().numpy(), str(model.dtype).removeprefix("torch."))


def _ours(encoder: Encoder) -> np.ndarray:
    training = encoder.model.training
    encoder.model.eval()
    with torch.inference_mode(), _one_thread():
        vectors = [normalize(encoder.embed_alone(ids).float(), dim=-1) for ids in encoder.tokenize(list(PROBES))]
    encoder.model.train(training)
    return torch.cat(vectors).cpu().numpy()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums of several threads on a CPU are put together in an order that differs between processes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _apart(folder: Path, device: str) -> Loaded:
    if device == "cuda":
        torch.cuda.empty_cache()  # the other process needs room for the model
    command = [sys.executable, "-m", __name__, str(folder), device]
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        killed = f"killed by signal {-done.returncode}; is there memory for the model a second time?"
        said = killed if done.returncode < 0 else (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise RunError(f"{folder}: sentence-transformers can't load it: {said[:_SAID]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    return Loaded(np.array(answer["vectors"], np.float32), answer["precision"])


if __name__ == "__main__":
    found = load(Path(sys.argv[1]), sys.argv[2])
    print(json.dumps({"vectors": found.vectors.tolist(), "precision": found.precision}))
