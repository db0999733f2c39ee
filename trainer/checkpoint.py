"""Checkpoints: all that a training needs to go on to the same bits, in folders that appear whole or not at all.

No pickle: tensors are safetensors, the rest JSON. Order and dropout depend on seed and step alone, so no random state is
kept. ``state.json`` names the data, recipe and model of the training; a checkpoint of others is refused.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError

from pairsmith.factory.errors import RunError
from pairsmith.factory.folder import written_whole
from pairsmith.trainer.facts import ModelFacts, SourceFacts
from pairsmith.trainer.recipe import Recipe

FOLDER = "checkpoints"
WEIGHTS = "weights.safetensors"
OPTIMIZER = "optimizer.safetensors"
STATE = "state.json"
KEPT = 2
"""Newest checkpoints that stay, where ``average`` needs no more: one to go on from, and one in case it is damaged."""

FREE = ("tokens", "checkpointing", "save_every")
"""Of the recipe, what may change on the way: it decides memory and pace, not what is learnt."""


class Identity(BaseModel):
    """What a training is of. ``processes``: how many deal the sums; another number changes no more than their last bits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: list[SourceFacts]
    since: str | None
    model: ModelFacts
    recipe: Recipe
    processes: int


class State(BaseModel):
    """``step``: done so far; ``budget``: tokens of a micro-batch then, which memory may have halved."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: int
    budget: int
    identity: Identity


def save(out: Path, state: State, weights: Mapping[str, torch.Tensor], optimizer: Mapping[str, torch.Tensor]) -> None:
    """Write the checkpoint of a step, and delete those that nobody needs any more.

    Raises :class:`RoomError` where the disk has no room for it; those before it stay.
    """
    from safetensors.torch import save as packed

    folder = _folder(out, state.step)
    beside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        for name, tensors in ((WEIGHTS, weights), (OPTIMIZER, optimizer)):
            with written_whole(beside / name) as file:
                file.write_bytes(packed({key: value.detach().cpu().contiguous() for key, value in tensors.items()}))
        with written_whole(beside / STATE) as file:
            file.write_text(f"{state.model_dump_json(indent=1)}\n", encoding="utf-8")
    except BaseException:
        shutil.rmtree(beside)
        raise
    _folder_to_disk(beside)
    if folder.exists():  # made once more, after a damaged one
        shutil.rmtree(folder)
    beside.rename(folder)
    _folder_to_disk(folder.parent)
    for old in _needless(out, state.identity.recipe):
        shutil.rmtree(_folder(out, old))


def steps(out: Path) -> list[int]:
    """Steps whose checkpoints are there, in order."""
    names = (path.name.removeprefix("step-") for path in (out / FOLDER).glob("step-*"))
    return sorted(int(name) for name in names if name.isdecimal())


def last(out: Path, recipe: Recipe) -> list[int]:
    """The checkpoints that ``average`` counts, if it were to end now: of those in between the recipe's own, not those that
    Ctrl-C left."""
    *before, newest = steps(out)
    return [*_due(before, recipe), newest][-recipe.average :] if recipe.average else []


def _needless(out: Path, recipe: Recipe) -> list[int]:
    known = steps(out)
    averaged = _due(known, recipe)[-recipe.average :] if recipe.average else []
    return sorted({*known} - {*known[-KEPT:], *averaged})


def _due(known: list[int], recipe: Recipe) -> list[int]:
    return [step for step in known if step % recipe.save_every == 0]


def newest(out: Path, identity: Identity, device: torch.device) -> tuple[State, dict[str, Any], dict[str, Any]] | None:
    """State, weights and optimizer of the newest checkpoint; None where there is none.

    Raises :class:`RunError` where it is of another training or not readable.
    """
    if not (known := steps(out)):
        return None
    folder = _folder(out, known[-1])
    state = _state(folder)
    _need_same(folder, state.identity, identity)
    return state, _tensors(folder, WEIGHTS, device), _tensors(folder, OPTIMIZER, torch.device("cpu"))


def weights_of(out: Path, step: int) -> dict[str, torch.Tensor]:
    """The weights of a checkpoint."""
    return _tensors(_folder(out, step), WEIGHTS, torch.device("cpu"))


def _folder(out: Path, step: int) -> Path:
    return out / FOLDER / f"step-{step:06}"


def _folder_to_disk(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _state(folder: Path) -> State:
    try:
        return State.model_validate_json((folder / STATE).read_bytes())
    except (OSError, ValidationError) as error:
        raise _damaged(folder, STATE, error) from None


def _tensors(folder: Path, name: str, device: torch.device) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(folder / name, device=str(device))
    except (OSError, SafetensorError) as error:
        raise _damaged(folder, name, error) from None


def _damaged(folder: Path, name: str, error: Exception) -> RunError:
    said = str(error).splitlines()[0]
    return RunError(
        f"{folder / name}: not readable ({said}); delete {folder}, and training goes on from the one before"
    )


def _need_same(folder: Path, was: Identity, now: Identity) -> None:
    """Raise where the checkpoint is of another training, with the first thing that differs."""
    for what, old, new in _compared(was, now):
        if old != new:
            raise RunError(f"{folder} is of {what} {old}, not {new}; name another --out, or give what it was made with")


def _compared(was: Identity, now: Identity) -> list[tuple[str, str, str]]:
    old, new = (_told(each) for each in (was, now))
    return [(what, old.get(what, "nothing"), new.get(what, "nothing")) for what in [*old, *(new.keys() - old.keys())]]


def _told(one: Identity) -> dict[str, str]:
    """What identifies a training, in words, by name."""
    adapter = (
        f", going on from {one.model.adapter} {(one.model.adapter_digest or '')[:12]}" if one.model.adapter else ""
    )
    free = set(FREE) - ({"save_every"} if one.recipe.average else set())  # what is averaged is what was saved
    options = one.recipe.model_dump(mode="json", exclude=free)
    return {
        "the data": ", ".join(_source(source) for source in one.sources),
        "the earlier version": one.since or "none",
        "the model": f"{one.model.name} (weights {one.model.digest[:12]}{adapter})",
        **{f"the recipe with {name}": json.dumps(value) for name, value in options.items()},
    }


def _source(source: SourceFacts) -> str:
    weight = f" with weight {source.weight:g}" if source.weight != 1 else ""
    return f"{source}{weight}"
