"""What a training notes of itself, made up, for tests of what is written about models."""

from typing import Any

from pairsmith.trainer.facts import ModelFacts, SourceFacts, TrainingFacts
from pairsmith.trainer.held_out import Figures, HeldOutScores
from pairsmith.trainer.recipe import Recipe


def scores(ndcg: float) -> HeldOutScores:
    figures = Figures(queries=50, ndcg=ndcg, recall=ndcg / 2)
    return HeldOutScores(
        documents=140,
        whole=figures,
        groups={"sts": figures, "short_long": figures},
        dimensions={32: figures},
        quantised={"int8": figures, "binary": figures},
    )


def facts(**changed: Any) -> TrainingFacts:
    given: dict[str, Any] = {
        "sources": [
            SourceFacts(name="acme/pairs@v1.2.0", version="1.2.0", revision="5" * 40, row_set="ab" * 32, rows=900),
            SourceFacts(name="labelled", row_set="cd" * 32, rows=100, weight=0.5, license="cc0-1.0"),
        ],
        "model": ModelFacts(name="mistralai/Mistral-7B-v0.1", revision="7" * 40, digest="ef" * 32),
        "recipe": Recipe(dimensions=[64, 32]),
        "versions": {"python": "3.11.9", "pairsmith": "0.1.0", "torch": "2.13.0"},
        "hardware": {"processor": "a processor", "threads": 2},
        "processes": 1,
        "steps": 12,
        "left_out": 3,
        "texts": 3456,
        "tokens": 98_765,
        "run_tokens": 100_001,
        "seconds": 3725.4,
        "first_loss": 3.25,
        "last_loss": 0.75,
        "held_out": {"before": scores(0.25), "after": scores(0.5)},
    }
    return TrainingFacts(**{**given, **changed})
