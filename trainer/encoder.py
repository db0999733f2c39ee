"""The model that is trained: texts in, one vector each out, with an adapter whose weights the optimizer updates."""

import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from peft import PeftModel

from pairsmith.factory.errors import InputError
from pairsmith.trainer import base
from pairsmith.trainer.adapter import attach, block_linears, weights_of
from pairsmith.trainer.base import first_position
from pairsmith.trainer.device import choose, put
from pairsmith.trainer.masters import copy_back, masters
from pairsmith.trainer.packed import NAME, Segments, register
from pairsmith.trainer.pooling import pool_packed, pool_padded
from pairsmith.trainer.recipe import Recipe
from pairsmith.trainer.selfcheck import choose_layout
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
        self._working = dict(sorted((name, p) for name, p in self.model.named_parameters() if p.requires_grad))
        self.trained = masters(self._working)
        self._inner = cast(Any, self.model.get_base_model())
        self._own_attention: str = self._inner.config._attn_implementation
        self._takes = inspect.signature(self._inner.forward).parameters.keys()
        self._first = first_position(self._inner)

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
        return self._packed(tokens, lengths) if self.layout == "packed" else self._padded(tokens, lengths)

    def embed_alone(self, ids: np.ndarray) -> torch.Tensor:
        """One text by itself, with the model's own attention -> (1, dimension): what every layout must equal."""
        return self._padded([ids], np.array([len(ids)]))

    def refresh(self) -> None:
        """Let the model see the trained weights after an optimizer's step."""
        copy_back(self.trained, self._working)

    def _padded(self, tokens: list[np.ndarray], lengths: np.ndarray) -> torch.Tensor:
        padding = max(self._inner.config.pad_token_id or 0, 0)  # some configs say -1 for none
        ids = np.full((len(tokens), lengths.max()), padding, np.int64)
        real = np.arange(ids.shape[1]) < lengths[:, None]
        ids[real] = np.concatenate(tokens)
        # With causal attention no token sees the padding on its right, and no mask means the fastest kernel.
        mask = None if self.causal or real.all() else self._put(real)
        hidden = self._run(ids, self._own_attention, attention_mask=mask)
        return pool_padded(hidden, self._put(lengths), self.pooling)

    def _packed(self, tokens: list[np.ndarray], lengths: np.ndarray) -> torch.Tensor:
        positions = np.concatenate([np.arange(self._first, self._first + length) for length in lengths])
        segments = Segments.of(lengths, self.device)
        ids = np.concatenate(tokens).astype(np.int64)[None]
        hidden = self._run(ids, NAME, position_ids=self._put(positions[None]), segments=segments)
        return pool_packed(hidden[0], self._put(lengths), self.pooling)

    def _run(self, ids: np.ndarray, attention: str, **how: Any) -> torch.Tensor:
        """Last hidden states. A cache would be of no use, and is one of the ways to leak between packed texts."""
        if self._inner.config._attn_implementation != attention:
            self._inner.config._attn_implementation = attention
        settings = {"use_cache": False} if "use_cache" in self._takes else {}
        return self._inner(input_ids=self._put(ids), **settings, **how).last_hidden_state  # type: ignore[no-any-return]

    def _put(self, values: np.ndarray) -> torch.Tensor:
        return put(values, self.device)


def load_encoder(model: str | Path, recipe: Recipe, device: str = "auto", adapter: Path | None = None) -> Encoder:
    """A model of transformers (a folder, or a name on the Hub) with a LoRA adapter, new or gone on from, set to train.

    Raises :class:`InputError`, in one line, for whatever makes the model unfit for the recipe.
    """
    name = str(model)
    place = choose(device)
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
    peft_model = attach(frozen, name, recipe, adapter).to(place).train()
    if recipe.checkpointing:
        base.recompute_blocks(name, frozen)
    register()
    encoder = Encoder(
        name=name,
        revision=base.commit_of(name),
        model=peft_model,
        tokenizer=tokenizer,
        pooling=pooling,
        causal=causal,
        layout="padded",
        device=place,
        linear_weights=linear_weights,
    )
    encoder.layout = choose_layout(encoder, recipe.layout)
    return encoder
