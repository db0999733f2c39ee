"""The model that is trained: texts in, one vector each out, with an adapter whose weights the optimizer updates."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import PeftModel

from pairsmith.factory.errors import InputError
from pairsmith.trainer import base
from pairsmith.trainer.adapter import attach, block_linears, weights_of
from pairsmith.trainer.pooling import pool_padded
from pairsmith.trainer.recipe import Recipe
from pairsmith.trainer.tokens import load_tokenizer, tokenize


@dataclass
class Encoder:
    """A model with its adapter, tokenizer and way of reading.

    ``trained``: the weights that the optimizer updates, by name, in float32; ``linear_weights``: N of 6N.
    """

    name: str
    revision: str | None
    model: PeftModel
    tokenizer: Any
    pooling: str
    causal: bool
    layout: str
    device: torch.device
    linear_weights: int
    trained: dict[str, torch.nn.Parameter] = field(init=False)

    def __post_init__(self) -> None:
        self.trained = dict(sorted((name, p) for name, p in self.model.named_parameters() if p.requires_grad))

    @property
    def dimension(self) -> int:
        """Width of an embedding."""
        return int(self.model.config.hidden_size)

    def tokenize(self, texts: list[str]) -> list[np.ndarray]:
        """Token ids (int32) of each text, special tokens included, never more than the recipe's ``max_length``."""
        return tokenize(self.tokenizer, texts)

    def embed(self, tokens: list[np.ndarray]) -> torch.Tensor:
        """One micro-batch: token ids of n texts -> (n, dimension), not normalised; float64 only where the model is."""
        lengths = np.array([len(ids) for ids in tokens])
        ids = np.full((len(tokens), lengths.max()), self._padding, np.int64)
        real = np.arange(ids.shape[1]) < lengths[:, None]
        ids[real] = np.concatenate(tokens)
        # With causal attention no token sees the padding on its right, and no mask means the fastest kernel.
        masked = not self.causal and not real.all()
        mask = torch.from_numpy(real).to(self.device) if masked else None
        hidden = self._run(torch.from_numpy(ids), attention_mask=mask)
        return pool_padded(hidden, torch.from_numpy(lengths).to(self.device), self.pooling)

    def refresh(self) -> None:
        """Let the model see the trained weights after an optimizer's step."""

    def _run(self, ids: torch.Tensor, **how: Any) -> torch.Tensor:
        inner = self.model.get_base_model()
        return inner(input_ids=ids.to(self.device), use_cache=False, **how).last_hidden_state  # type: ignore[no-any-return, operator]

    @property
    def _padding(self) -> int:
        return int(self.tokenizer.pad_token_id or 0)


def load_encoder(model: str | Path, recipe: Recipe, device: str = "auto", adapter: Path | None = None) -> Encoder:
    """A model of transformers (a folder, or a name on the Hub) with a LoRA adapter, new or gone on from.

    Raises :class:`InputError`, in one line, for whatever makes the model unfit for the recipe.
    """
    name = str(model)
    place = _device(device)
    precision = recipe.precision if recipe.precision != "auto" else "bf16" if place.type == "cuda" else "fp32"
    frozen = base.load_base(name, recipe, base.DTYPES[precision])
    causal = base.is_causal(frozen) if recipe.attention == "auto" else recipe.attention == "causal"
    if causal and not base.is_causal(frozen):
        raise InputError(f"{name}: it was made to read both ways; 'attention: causal' is for decoders")
    if not causal:
        base.read_both_ways(frozen)
    pooling = recipe.pooling if recipe.pooling != "auto" else base.made_for(name, causal)
    base.check_positions(name, frozen, recipe.max_length)
    tokenizer = load_tokenizer(name, pooling, recipe.max_length)
    linear_weights = weights_of(block_linears(frozen))
    peft_model = attach(frozen, name, recipe, adapter).to(place)
    if recipe.checkpointing:
        frozen.gradient_checkpointing_enable({"use_reentrant": False})
    return Encoder(
        name=name,
        revision=getattr(frozen.config, "_commit_hash", None),
        model=peft_model,
        tokenizer=tokenizer,
        pooling=pooling,
        causal=causal,
        layout="padded",
        device=place,
        linear_weights=linear_weights,
    )


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: this torch finds no CUDA device; leave --device out to train on the CPU")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", torch.cuda.current_device())
