"""LoRA on every linear layer of the blocks, and nothing outside them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from transformers.pytorch_utils import Conv1D

from pairsmith.factory.errors import InputError
from pairsmith.trainer.lora import lean
from pairsmith.trainer.recipe import Recipe

WEIGHTS = "adapter_model.safetensors"


def block_linears(model: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """The linear layers inside the repeated blocks, by name: those in a ``ModuleList``, so no pooler and no head."""
    lists = [name for name, module in model.named_modules() if isinstance(module, torch.nn.ModuleList)]
    return {name: module for name, module in _linears(model).items() if any(name.startswith(f"{at}.") for at in lists)}


def weights_of(linears: dict[str, Any]) -> int:
    """N of 6N: the weights that every token is multiplied with."""
    return sum(int(module.weight.numel()) for module in linears.values())


def attach(model: Any, name: str, recipe: Recipe, adapter: Path | None) -> PeftModel:
    """The model with a new adapter, or with ``adapter`` (a folder of peft's) to go on from.

    A new adapter's first weights depend on the recipe's seed alone. Raises :class:`InputError` when the model has no
    linear layers in blocks, or the adapter is not one for this model and recipe.
    """
    linears = block_linears(model)
    if not linears:
        raise InputError(f"{name}: no linear layers in repeated blocks, so there is nothing that LoRA can adapt")
    if adapter is not None:
        return _continued(model, name, recipe, adapter)
    targets = sorted({at.rpartition(".")[2] for at in linears})
    outside = sorted(at for at in _linears(model).keys() - linears if at.rpartition(".")[2] in targets)
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=int(recipe.alpha) if float(recipe.alpha).is_integer() else recipe.alpha,  # type: ignore[arg-type]
        lora_dropout=recipe.dropout,
        target_modules=targets,
        exclude_modules=outside or None,
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in linears.values()),
        task_type=TaskType.FEATURE_EXTRACTION,
    )
    with torch.random.fork_rng(), _quiet():
        torch.manual_seed(recipe.seed)
        # The adapter keeps the model's dtype: peft's own float32 copies would cast every input of every layer.
        return get_peft_model(model, lean(config), autocast_adapter_dtype=False)


def _continued(model: Any, name: str, recipe: Recipe, adapter: Path) -> PeftModel:
    if not (adapter / WEIGHTS).is_file():
        raise InputError(f"{adapter}: no {WEIGHTS}; --adapter takes the folder of an adapter that was trained before")
    try:
        config = LoraConfig.from_pretrained(str(adapter))
    except (OSError, ValueError, TypeError) as fault:
        raise InputError(f"{adapter}: adapter_config.json cannot be read: {' '.join(str(fault).split())}") from fault
    if (config.r, config.lora_alpha) != (recipe.rank, recipe.alpha):
        raise InputError(
            f"{adapter}: its rank and alpha are {config.r} and {config.lora_alpha:g}, the recipe's {recipe.rank} and "
            f"{recipe.alpha:g}; go on with --set rank={config.r} --set alpha={config.lora_alpha:g}"
        )
    config.lora_dropout = recipe.dropout
    config.inference_mode = False
    try:
        with _quiet():
            return PeftModel.from_pretrained(
                model, str(adapter), config=lean(config), is_trainable=True, autocast_adapter_dtype=False
            )
    except (ValueError, RuntimeError, KeyError) as fault:
        raise InputError(f"{adapter}: not an adapter for {name}: {' '.join(str(fault).split())[:200]}") from fault


@contextmanager
def _quiet() -> Iterator[None]:
    """peft asks transformers under a name of yesterday, which is nothing that a user can mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _linears(model: torch.nn.Module) -> dict[str, torch.nn.Module]:
    return {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear | Conv1D)}
