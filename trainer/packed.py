"""Attention over texts packed end to end, where no token sees another text.

Packing by restarting position numbers is left to a model's masks in transformers, and leaks between texts without a word
under settings as common as a default cache. Here the bounds of the texts reach the attention itself: on CUDA they go to
the variable-length kernel, elsewhere each run of texts of one length is a batch of its own. What cannot be computed
exactly is refused.
"""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention

from pairsmith.trainer.device import put

NAME = "pairsmith_packed"
ALTERS = ("softcap", "s_aux", "position_bias", "cache")  # what would change the scores, and is not computed here
KERNEL_WIDTH = 256  # the widest head of the variable-length kernel


@dataclass(frozen=True)
class Segments:
    """Where the texts of a pack are. ``bounds``: (n + 1,) int32 on the device, the first 0, the last the sum."""

    lengths: tuple[int, ...]
    bounds: torch.Tensor

    @classmethod
    def of(cls, lengths: np.ndarray, device: torch.device) -> "Segments":
        """``lengths``: tokens of each text, in the order in which they are packed."""
        bounds = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        return cls(tuple(int(length) for length in lengths), put(bounds, device))


def attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    segments: Segments,
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    is_causal: bool | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' attention interface: (1, heads, tokens, d) each -> (1, tokens, heads, d).

    ``sliding_window`` w: a token sees those less than w away, as in transformers. Raises :class:`NotImplementedError`
    for a kind of attention that it would not compute exactly.
    """
    altered = [name for name in ALTERS if more.get(name) is not None]
    if attention_mask is not None or dropout or altered:
        named = altered or (["a mask"] if attention_mask is not None else ["dropout in attention"])
        raise NotImplementedError(f"packed attention does not compute {named[0]}")
    causal = bool(getattr(module, "is_causal", True)) if is_causal is None else is_causal
    window = sliding_window if sliding_window and sliding_window < max(segments.lengths) else None
    run = _varlen if _has_kernel(query) else _segmented
    return run(query, key, value, segments, scaling, causal, window)[None], None


def register() -> None:
    """Make the attention known to transformers, which builds no mask for a name that it has none for."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attention)


def _has_kernel(query: torch.Tensor) -> bool:
    half = query.dtype in (torch.bfloat16, torch.float16)
    width = query.shape[-1]
    return query.is_cuda and half and width <= KERNEL_WIDTH and width % 8 == 0


def _varlen(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    segments: Segments,
    scaling: float | None,
    causal: bool,
    window: int | None,
) -> torch.Tensor:
    """One call of the variable-length kernel, which reads (tokens, heads, d)."""
    from torch.nn.attention.varlen import varlen_attn

    far = -1 if window is None else window - 1
    longest = max(segments.lengths)
    query, key, value = (states[0].transpose(0, 1) for states in (query, key, value))
    out = varlen_attn(
        query,
        key,
        value,
        segments.bounds,
        segments.bounds,
        longest,
        longest,
        scale=scaling,
        window_size=(far, 0 if causal else far),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(out, torch.Tensor)  # noqa: S101  # a pair only where it is asked for
    return out


def _segmented(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    segments: Segments,
    scaling: float | None,
    causal: bool,
    window: int | None,
) -> torch.Tensor:
    """Neighbours of one length run as a batch: for texts sorted by length that is few calls, and nothing is padded."""
    parts = []
    start = 0
    for length, same in groupby(segments.lengths):
        count = len(list(same))
        stop = start + count * length
        q, k, v = (
            states[0, :, start:stop].unflatten(1, (count, length)).transpose(0, 1) for states in (query, key, value)
        )
        mask = _window_mask(length, window, causal, query.device) if window is not None and window < length else None
        out = scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=mask,
            is_causal=causal and mask is None,
            scale=scaling,
            enable_gqa=query.shape[1] != key.shape[1],
        )
        parts.append(out.transpose(1, 2).flatten(0, 1))
        start = stop
    return torch.cat(parts)


def _window_mask(length: int, window: int, causal: bool, device: torch.device) -> torch.Tensor:
    place = torch.arange(length, device=device)
    back = place[:, None] - place
    return (back.abs() < window) & (back >= 0) if causal else back.abs() < window
