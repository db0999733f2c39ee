"""``training.json``: what a model was made of and what came of it, for its card and for who wants to make it again."""

import importlib.metadata
import platform
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from pairsmith.factory.errors import RunError
from pairsmith.factory.folder import written_whole
from pairsmith.trainer.held_out import HeldOutScores
from pairsmith.trainer.recipe import Recipe

FILE = "training.json"
_PACKAGES = ("pairsmith", "torch", "transformers", "peft", "safetensors", "tokenizers", "numpy")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceFacts(_Strict):
    """One source of rows. ``revision``: its commit on the Hub; ``row_set``: SHA-256 of the rows, that of its manifest where it
    is a release; ``rows``: of the split that is trained on; ``known``: those of them that an earlier version has too;
    ``license``: the release's."""

    name: str
    version: str | None = None
    revision: str | None = None
    row_set: str
    rows: int
    known: int = 0
    weight: float = 1.0
    license: str | None = None

    def __str__(self) -> str:
        return f"{self.name}{f' {self.version}' if self.version else ''} (rows {self.row_set[:12]})"


class ModelFacts(_Strict):
    """The model that was trained, as :func:`public` names it. ``revision``: its commit on the Hub; ``digest``: of its weights;
    ``adapter``: the one that was gone on from, and the SHA-256 of its weights."""

    name: str
    revision: str | None = None
    digest: str
    adapter: str | None = None
    adapter_digest: str | None = None


class TrainingFacts(_Strict):
    """A whole training. ``since``: the earlier version of which only a share was trained on again; ``left_out``: rows of all
    epochs that no batch could take; ``texts``, ``tokens``, ``run_tokens`` (padding included) and ``seconds`` are of all
    steps; ``averaged``: steps whose weights' mean the model is; ``held_out``: scores ``before`` and ``after``."""

    sources: list[SourceFacts]
    since: str | None = None
    model: ModelFacts
    recipe: Recipe
    versions: dict[str, str]
    hardware: dict[str, Any]
    processes: int
    steps: int
    left_out: int
    texts: int
    tokens: int
    run_tokens: int
    seconds: float
    first_loss: float
    last_loss: float
    averaged: list[int] = []
    held_out: dict[str, HeldOutScores] = {}


def public(name: str, parts: int = 1) -> str:
    """A name on the Hub as it is, and of a folder the last ``parts`` of its path: where it lies on this machine is nobody's
    business, and it may be moved."""
    return "/".join(Path(name).resolve().parts[-parts:]) if Path(name).exists() else name


def write_facts(out: Path, facts: TrainingFacts) -> None:
    """Write ``training.json`` into ``out``; the same facts give the same bytes."""
    with written_whole(out / FILE) as beside:
        beside.write_text(f"{facts.model_dump_json(indent=1)}\n", encoding="utf-8")


def read_facts(out: Path) -> TrainingFacts:
    """What ``training.json`` in ``out`` says. Raises :class:`RunError` where it is not there or not readable."""
    path = out / FILE
    try:
        return TrainingFacts.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise RunError(f"{path} is not there yet; make it with 'pairsmith train ... --out {out}'") from None
    except ValidationError as error:
        raise RunError(f"{path}: not readable ({error.errors()[0]['msg']}); train again into another folder") from None


def versions() -> dict[str, str]:
    """Versions of what decides the result."""
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in _PACKAGES}}


def hardware(device: str) -> dict[str, Any]:
    """What it runs on: the accelerator's name where there is one, the processor and the threads of a product."""
    import torch

    found: dict[str, Any] = {"processor": _processor(), "threads": torch.get_num_threads()}
    if device.startswith("cuda"):
        found |= {"accelerator": torch.cuda.get_device_name(device), "cuda": torch.version.cuda}
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
