"""Small trainings: seeded rows of words, and one training of a tiny model on them; `python trainings.py OUT MODEL` runs one."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from pairsmith.trainer.checkpoint import Identity
from pairsmith.trainer.data import TRAINING
from pairsmith.trainer.encoder import Encoder, load_encoder
from pairsmith.trainer.facts import ModelFacts, SourceFacts
from pairsmith.trainer.fingerprint import fingerprint
from pairsmith.trainer.log import Line
from pairsmith.trainer.mix import Mix, Source, mix
from pairsmith.trainer.recipe import Recipe
from pairsmith.trainer.train import Trained, Watch, train
from pairsmith.trainer.world import World

torch.set_num_threads(1)  # how many share a sum decides its last bits; and of tiny sums one makes the most

TEXT = "volcano magma lava bread yeast oven bees dance flowers night train Paris river mountain road winter sea"
WORDS = TEXT.split()


def rows(count: int, seed: int = 0) -> pa.Table:
    """Rows of two groups whose query shares words with its positive."""
    generator = np.random.default_rng(seed)
    lines = []
    for number in range(count):
        words = generator.choice(WORDS, 12).tolist()
        text = " ".join(words * int(generator.integers(1, 4)))
        lines.append(
            {
                "id": f"r{number}", "group": "short_long" if number % 3 else "sts", "instruction": "Find what fits.",
                "query": f"{number} {' '.join(words[:3])}", "positive": f"{number}: {text}",
                "negatives": [f"{number}? {' '.join(generator.choice(WORDS, 8))}"] if number % 2 else [],
            }
        )  # fmt: skip
    return pa.Table.from_pylist(lines, schema=TRAINING)


def recipe(**settings: Any) -> Recipe:
    """Eight steps an epoch of 64 rows, in float32 and micro-batches of a few texts."""
    return Recipe(**{"batch": 8, "tokens": 200, "max_length": 64, "save_every": 2, "precision": "fp32"} | settings)


class Told(list[str]):
    """What a training told: ``lines`` of its steps, and what it said."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []

    def watch(self) -> Watch:
        return Watch(self.append, lambda total, done: None, self.lines.append)


def prepared(model: Path, asked: Recipe, count: int = 64, seed: int = 0) -> tuple[Encoder, Mix, Identity]:
    """The model, the rows, and what a training of them is of."""
    facts = SourceFacts(name="words", version="1.0.0", row_set=f"{count}-{seed}", rows=count)
    mixed = mix([Source(facts, rows(count, seed), np.zeros(count, bool))], asked)
    encoder = load_encoder(model, asked, "cpu")
    known = ModelFacts(name=model.name, digest=fingerprint(encoder.model))
    return encoder, mixed, Identity(sources=mixed.sources, since=None, model=known, recipe=asked, processes=1)


def trained(
    model: Path, out: Path, told: Told | None = None, count: int = 64, seed: int = 0, **settings: Any
) -> Trained:
    """Train the model on these rows into ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    encoder, mixed, about = prepared(model, recipe(**settings), count, seed)
    return train(encoder, mixed, out, about, World(), (Told() if told is None else told).watch())


if __name__ == "__main__":
    trained(Path(sys.argv[2]), Path(sys.argv[1]))
