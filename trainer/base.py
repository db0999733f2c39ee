"""The frozen model: loaded from safetensors, never with code of its own, and checked for what training needs."""

import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.utils import logging as transformers_logging
from transformers.utils.hub import cached_file, extract_commit_hash

from pairsmith.factory.errors import InputError
from pairsmith.trainer.recipe import Recipe
from pairsmith.trainer.tokens import first_line

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
READERS = {"lasttoken": "last", "mean": "mean", "cls": "cls"}  # sentence-transformers' names of poolings


def load_base(name: str, recipe: Recipe, dtype: torch.dtype) -> PreTrainedModel:
    """The model without a head, in ``dtype``, on the CPU, its own dropout off: the recipe's is the only one.

    Raises :class:`InputError` when it cannot be loaded whole, is no text encoder or decoder, or cannot take the
    recipe's length, dimensions or attention.
    """
    if _is_adapter(name):
        raise InputError(f"{name}: this is an adapter; give its base model with --model and this folder with --adapter")
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
        _check(name, config, recipe)
        model, info = AutoModel.from_pretrained(
            name, config=config, dtype=dtype, use_safetensors=True, trust_remote_code=False, output_loading_info=True
        )
    except (OSError, ValueError, KeyError, ImportError) as fault:
        raise InputError(f"{name}: cannot be loaded as a model of transformers: {first_line(fault)}") from fault
    absent = sorted(key for key in info["missing_keys"] if key.endswith("weight") and not key.startswith("pooler."))
    if absent:
        raise InputError(f"{name}: {len(absent)} weights are missing in its files, the first is {absent[0]}")
    _silence(model)
    return model  # type: ignore[no-any-return]


def commit_of(name: str) -> str | None:
    """The commit on the Hub that a model was just loaded from; None for a folder."""
    return None if Path(name).is_dir() else extract_commit_hash(cached_file(name, "config.json"), None)


def is_causal(model: PreTrainedModel) -> bool:
    """Whether the model was made to read from left to right: its attention layers, and its config, say so."""
    layers = [module.is_causal for module in model.modules() if isinstance(getattr(module, "is_causal", None), bool)]
    config = model.config
    both = getattr(config, "use_bidirectional_attention", None) or getattr(config, "is_causal", True) is False
    return any(layers) and not both


def read_both_ways(model: PreTrainedModel) -> None:
    """Let every token attend to all tokens of its text."""
    model.config.is_causal = False  # masks are made from this
    for module in model.modules():
        if isinstance(getattr(module, "is_causal", None), bool):
            module.is_causal = False  # type: ignore[assignment]  # and kernels without a mask run from this


def first_position(model: PreTrainedModel) -> int:
    """The position number of a text's first token: 0, but in RoBERTa's family the padding's id and one."""
    embeddings: Any = getattr(model, "embeddings", None)
    return int(embeddings.padding_idx) + 1 if hasattr(embeddings, "create_position_ids_from_input_ids") else 0


def made_for(name: str, causal: bool) -> str:
    """The pooling that the model was made for: sentence-transformers' files say, else `last` for decoders, or `mean`.

    Raises :class:`InputError` when these files ask for more than a pooling that the recipe knows.
    """
    modules = _json(name, "modules.json")
    if not modules:
        return "last" if causal else "mean"
    kinds = {module["type"].rpartition(".")[2]: module["path"] for module in modules}
    more = sorted(kinds.keys() - {"Transformer", "Pooling", "Normalize"})
    if more:
        raise InputError(f"{name}: it has a module {more[0]} after its transformer, which this trainer does not run")
    config = _json(name, f"{kinds.get('Pooling', '1_Pooling')}/config.json") or {}
    old = [key.removeprefix("pooling_mode_").removesuffix("_tokens") for key, on in config.items() if on is True]
    modes = [config["pooling_mode"]] if isinstance(config.get("pooling_mode"), str) else old
    known = [READERS[mode.replace("cls_token", "cls")] for mode in modes if mode.replace("cls_token", "cls") in READERS]
    if len(known) != 1:
        raise InputError(f"{name}: its pooling {', '.join(modes) or 'is not named'}; set pooling to last, mean or cls")
    return known[0]


def recompute_blocks(name: str, model: PreTrainedModel) -> None:
    """Gradient checkpointing. Raises :class:`InputError` when the model has none."""
    if not model.supports_gradient_checkpointing:
        raise InputError(f"{name}: a model of this kind cannot recompute its blocks; set checkpointing to false")
    model.activation_checkpointing_enable({"use_reentrant": False})


def _check(name: str, config: Any, recipe: Recipe) -> None:
    """Raise :class:`InputError` for what the config alone shows."""
    if config.is_encoder_decoder or config.get_text_config() is not config:
        raise InputError(f"{name}: '{config.model_type}' is not a text encoder or a text decoder")
    if recipe.dimensions and recipe.dimensions[0] > config.hidden_size:
        raise InputError(
            f"{name}: its embedding has {config.hidden_size} dimensions, the recipe asks for {recipe.dimensions[0]}"
        )


def check_positions(name: str, model: PreTrainedModel, max_length: int) -> None:
    """Raise :class:`InputError` when the model has fewer positions than a text may have tokens."""
    most = getattr(model.config, "max_position_embeddings", None)
    if most is not None and most - first_position(model) < max_length:
        room = most - first_position(model)
        raise InputError(f"{name}: it reads at most {room} tokens, the recipe's max_length is {max_length}")


def _silence(model: torch.nn.Module) -> None:
    """Turn the model's own dropout off: the layers, and the rates that attention functions are given."""
    for module in model.modules():
        for key, value in list(vars(module).items()):
            if isinstance(value, float) and (("drop" in key) or (isinstance(module, torch.nn.Dropout) and key == "p")):
                setattr(module, key, 0.0)


def _is_adapter(name: str) -> bool:
    return _json(name, "adapter_config.json") is not None


def _json(name: str, file: str) -> Any:
    """A JSON file of the model's, or None where it has none."""
    try:
        path = cached_file(
            name,
            file,
            _raise_exceptions_for_gated_repo=False,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
    except (OSError, ValueError):
        return None  # no such model: loading its weights says so better
    if path is None:
        return None
    with open(path, encoding="utf-8") as stream:  # noqa: PTH123
        return json.load(stream)
