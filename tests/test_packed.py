"""The packed layout is exact, and the self-check finds the leaks that packing is known for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from torch.nn.functional import scaled_dot_product_attention

from pairsmith.factory.errors import InputError, RunError
from pairsmith.trainer.encoder import Encoder, load_encoder
from pairsmith.trainer.masters import copy_back, masters
from pairsmith.trainer.packed import Segments, _varlen, attention
from pairsmith.trainer.recipe import Recipe
from pairsmith.trainer.selfcheck import check_layout, difference, sample

LENGTHS = np.array([7, 7, 4, 4, 4, 1])


@pytest.fixture(scope="module")
def mistral(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_mistral(tmp_path_factory.mktemp("mistral"))


def states(heads: int) -> torch.Tensor:
    return torch.randn(1, heads, int(LENGTHS.sum()), 8, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("window", [None, 3, 100])
def test_packed_attention_equals_each_text_by_itself(causal: bool, window: int | None) -> None:
    query, key, value = states(4), states(2), states(2)
    segments = Segments.of(LENGTHS, torch.device("cpu"))
    found, _ = attention(
        torch.nn.Module(), query, key, value, None, segments=segments, is_causal=causal, sliding_window=window
    )
    assert found.shape == (1, LENGTHS.sum(), 4, 8)
    parts = []
    for start, stop in zip(segments.bounds[:-1], segments.bounds[1:], strict=True):
        back = torch.arange(stop - start)[:, None] - torch.arange(stop - start)
        seen = (back.abs() < (window or 1000)) & ((back >= 0) | (not causal))
        one = [whole[:, :, start:stop] for whole in (query, key, value)]
        parts.append(scaled_dot_product_attention(*one, attn_mask=seen, enable_gqa=True).transpose(1, 2))
    expected = torch.cat(parts, 1)
    assert (found - expected).abs().max() < 1e-12
    weights = torch.randn_like(found)
    for one, other in zip(
        torch.autograd.grad((found * weights).sum(), (query, key, value)),
        torch.autograd.grad((expected * weights).sum(), (query, key, value)),
        strict=True,
    ):
        assert (one - other).abs().max() < 1e-12


@pytest.mark.parametrize(
    "more", [{"softcap": 30.0}, {"position_bias": torch.zeros(1)}, {"dropout": 0.1}], ids=["softcap", "bias", "dropout"]
)
def test_attention_that_would_not_be_exact_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError, match="packed attention does not compute"):
        attention(
            torch.nn.Module(),
            *(states(2) for _ in range(3)),
            None,
            segments=Segments.of(LENGTHS, torch.device("cpu")),
            **more,
        )


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("window", [None, 3])
def test_the_cuda_kernel_takes_what_it_is_given(causal: bool, window: int | None) -> None:
    """Its shapes and settings, by the kernel's own description of itself: no GPU is needed for that."""
    query, key, value = (states(heads).detach().to("meta", torch.bfloat16) for heads in (4, 2, 2))
    segments = Segments(tuple(LENGTHS), torch.empty(len(LENGTHS) + 1, dtype=torch.int32, device="meta"))
    assert _varlen(query, key, value, segments, None, causal, window).shape == (LENGTHS.sum(), 4, 8)


class Leaky(Encoder):
    """Packs by position numbers alone, with the model's own attention, as transformers invites to."""

    how: dict[str, Any]

    def embed(self, tokens: list[np.ndarray]) -> torch.Tensor:
        lengths = torch.tensor([len(ids) for ids in tokens])
        positions = torch.cat([torch.arange(length) for length in lengths])[None]
        ids = torch.from_numpy(np.concatenate(tokens).astype(np.int64))[None]
        how = {name: value(ids) if callable(value) else value for name, value in self.how.items()}
        self._inner.config._attn_implementation = self._own_attention
        hidden = self._inner(input_ids=ids, position_ids=positions, **how).last_hidden_state
        return hidden[0, lengths.cumsum(0) - 1]


@pytest.mark.parametrize(
    "how",
    [{}, {"use_cache": False, "attention_mask": torch.ones_like}],
    ids=["the default cache", "a mask of ones"],
)
def test_known_leaks_of_packing_are_caught(mistral: Path, how: dict[str, Any]) -> None:
    encoder = load_encoder(mistral, Recipe())
    encoder.__class__ = Leaky
    encoder.how = how
    with pytest.raises(RunError, match="differs from one text at a time by"):
        check_layout(encoder, tiny.TEXTS, 4_096)


def test_the_leak_of_packing_both_ways_is_caught(mistral: Path) -> None:
    encoder = load_encoder(mistral, Recipe(attention="bidirectional", pooling="last"))
    encoder.__class__ = Leaky
    encoder.how = {"use_cache": False}
    with pytest.raises(RunError, match="differs from one text at a time by"):
        check_layout(encoder, tiny.TEXTS, 4_096)


def test_packing_by_positions_passes_where_it_is_exact(mistral: Path) -> None:
    """The check isn't one that fails everything: without a cache and a mask, causal, transformers packs rightly."""
    encoder = load_encoder(mistral, Recipe())
    encoder.__class__ = Leaky
    encoder.how = {"use_cache": False}
    assert check_layout(encoder, tiny.TEXTS, 4_096) < 1e-4


def test_a_leak_is_caught_in_bfloat16_too_and_rounding_is_not_taken_for_one(mistral: Path) -> None:
    encoder = load_encoder(mistral, Recipe(precision="bf16"))
    for encoder.layout in ("padded", "packed"):
        assert check_layout(encoder, tiny.TEXTS, 4_096) < 0.05
    encoder.__class__ = Leaky
    encoder.how = {}
    with pytest.raises(RunError, match="differs from one text at a time by"):
        check_layout(encoder, tiny.TEXTS, 4_096)


def test_a_window_that_transformers_counts_otherwise_is_not_packed(tmp_path: Path) -> None:
    """A decoder with a window, read both ways: its masks reach one token further than its causal window."""
    tiny.save_mistral(tmp_path, sliding_window=8)
    assert load_encoder(tmp_path, Recipe()).layout == "packed"
    assert load_encoder(tmp_path, Recipe(attention="bidirectional")).layout == "padded"
    with pytest.raises(InputError, match=r"cannot run packed: .*; set layout to padded"):
        load_encoder(tmp_path, Recipe(attention="bidirectional", layout="packed"))


@pytest.mark.parametrize("layout", ["padded", "packed"])
def test_a_model_that_gives_no_numbers_is_not_said_to_leak(mistral: Path, layout: str) -> None:
    encoder = load_encoder(mistral, Recipe(layout=layout))
    with torch.no_grad():
        next(iter(encoder.trained.values())).fill_(torch.nan)
    with pytest.raises(RunError, match=r"^[^\n]*no finite number before the first step; [^\n]*$"):
        check_layout(encoder, tiny.TEXTS, 4_096)


@pytest.mark.parametrize("budget", [10, 1_000, 100_000])
def test_the_check_runs_texts_of_all_lengths_within_the_budget_of_tokens(budget: int) -> None:
    tokens = [np.zeros(length, np.int32) for length in (*range(3, 200), 512, 3)]
    lengths = [len(ids) for ids in sample(tokens, budget)]
    assert lengths[:2] == [512, 3], "the longest beside the shortest"
    assert len(lengths) == 2 or max(lengths) * len(lengths) <= budget
    assert len(lengths) > 4 or budget < 100_000


def test_packs_longer_than_the_models_positions_are_exact() -> None:
    encoder = load_encoder(tiny.minilm(), Recipe())
    tokens = encoder.tokenize(tiny.TEXTS) * 4
    assert encoder.layout == "packed" and sum(map(len, tokens)) > 512
    assert difference(encoder, tokens) < 1e-4


def test_recomputed_blocks_give_the_same_gradient(mistral: Path) -> None:
    gradients = []
    for checkpointing in (False, True):
        encoder = load_encoder(mistral, Recipe(checkpointing=checkpointing))
        torch.manual_seed(0)
        encoder.embed(encoder.tokenize(tiny.TEXTS)).sum().backward()
        gradients.append(
            torch.cat([weight.grad.flatten() for weight in encoder.trained.values() if weight.grad is not None])
        )
    assert gradients[0].norm() > 0 and torch.equal(*gradients)


def test_gradients_of_a_half_add_up_in_float32_and_updates_reach_the_model() -> None:
    working = {"w": torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16)), "f": torch.nn.Parameter(torch.ones(3))}
    trained = masters(working)
    assert trained["f"] is working["f"] and trained["w"].dtype == torch.float32
    for _ in range(1000):  # in bfloat16 the sum would stand still at 256 times the addend
        (working["w"] * 0.001953125).sum().backward()
    assert torch.allclose(trained["w"].grad, torch.full((3,), 1.953125))
    assert working["w"].grad is None
    with torch.no_grad():
        for _ in range(10):
            trained["w"].sub_(0.001)  # each less than a bfloat16 step at 1
    copy_back(trained, working)
    assert torch.equal(working["w"], torch.full((3,), 0.99, dtype=torch.bfloat16))


def test_a_bf16_model_trains_float32_weights(mistral: Path) -> None:
    encoder = load_encoder(mistral, Recipe(precision="bf16"))
    assert {weight.dtype for weight in encoder.trained.values()} == {torch.float32}
    assert {weight.dtype for weight in encoder.model.parameters()} == {torch.bfloat16}
    encoder.model.eval()
    tokens = encoder.tokenize(tiny.TEXTS)
    before = encoder.embed(tokens)
    assert before.dtype == torch.float32
    before.sum().backward()
    torch.optim.AdamW(encoder.trained.values(), lr=0.1).step()
    assert torch.equal(encoder.embed(tokens), before)
    encoder.refresh()
    assert not torch.equal(encoder.embed(tokens), before)
