"""A cached step gives the gradients of the full batch: exactly, with dropout, over processes, and after memory ran out."""

from functools import partial

import numpy as np
import pytest
import torch
from tiny import TEXTS, minilm, save_mistral
from transformers.models.mistral.modeling_mistral import MistralMLP, MistralRMSNorm

from pairsmith.factory.errors import RunError
from pairsmith.trainer.batches import Batch
from pairsmith.trainer.encoder import load_encoder
from pairsmith.trainer.loss import info_nce
from pairsmith.trainer.masks import blocked
from pairsmith.trainer.recipe import Recipe
from pairsmith.trainer.step import GradCache, pooled
from pairsmith.trainer.world import World

PLAIN = {"dropout": 0.0, "temperature": 0.05, "negatives": 2}


@pytest.fixture(scope="module")
def mistral(tmp_path_factory):
    return save_mistral(tmp_path_factory.mktemp("mistral"))


def batch_of(rows: int, seed: int = 0) -> Batch:
    """Rows of texts of very different lengths; some texts occur twice, and rows have no, one or two negatives."""
    rng = np.random.default_rng(seed)
    words = " ".join(TEXTS).split()

    def text() -> str:
        return " ".join(rng.choice(words, int(rng.integers(1, 60))))

    shared = text()
    return Batch(
        ids=[f"r{row}" for row in range(rows)],
        queries=[f"Instruct: find it\nQuery: {row} {text()}" for row in range(rows)],
        positives=[f"{row} {text()}" for row in range(rows)],
        negatives=[[[], [text()], [shared, text()]][row % 3] for row in range(rows)],
        plain=[f"{row}" for row in range(rows)],
        groups=["short_long"] * rows,
        labels=[None] * rows,
        documents=[None] * rows,
    )


def started(encoder):
    """LoRA begins at zero, where half of all gradients are zero: move it from there, the same way each time."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in encoder.trained.values():
            weight.add_(torch.randn(weight.shape, generator=generator, dtype=torch.float64).to(weight) * 0.1)
    encoder.refresh()
    return encoder


def exact(model, recipe: Recipe):
    """The encoder in float64, where rounding hides nothing."""
    encoder = load_encoder(model, recipe, "cpu")
    encoder.model.double()
    for module in encoder.model.modules():
        if isinstance(module, MistralRMSNorm):  # its own goes through float32
            module.forward = partial(torch.nn.RMSNorm.forward, module)
            module.normalized_shape, module.eps = module.weight.shape, module.variance_epsilon
    return started(encoder)


def full_batch(encoder, batch: Batch, recipe: Recipe) -> tuple[float, dict[str, torch.Tensor]]:
    """The same step with one text at a time and one graph: no cache, no padding, no texts shared."""
    candidates = [*batch.positives, *(text for texts in batch.negatives for text in texts)]
    queries, others = (
        torch.cat([encoder.embed([ids]) for ids in encoder.tokenize(texts)]) for texts in (batch.queries, candidates)
    )
    closed = torch.from_numpy(blocked(batch, recipe))
    loss = info_nce(queries, others, closed, recipe.temperature, recipe.mask_margin, recipe.dimensions).value
    slopes = torch.autograd.grad(loss, list(encoder.trained.values()))
    return loss.item(), dict(zip(encoder.trained, slopes, strict=True))


def largest_difference(encoder, expected: dict[str, torch.Tensor]) -> float:
    norm = max(slope.abs().max().item() for slope in expected.values())
    return max((encoder.trained[name].grad - slope).abs().max().item() for name, slope in expected.items()) / norm


def test_the_tests_own_norm_is_the_models(mistral):
    recipe = Recipe(**PLAIN)
    plain, other = started(load_encoder(mistral, recipe, "cpu")), exact(mistral, recipe)
    tokens = plain.tokenize(TEXTS)
    assert torch.allclose(plain.embed(tokens).double(), other.embed(tokens), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("layout", ["padded", "packed"])
@pytest.mark.parametrize("options", [{}, {"dimensions": [32, 8]}, {"attention": "bidirectional"}, {"mask_margin": 0.1}])
def test_gradients_are_those_of_the_full_batch(mistral, layout, options):
    recipe = Recipe(**PLAIN, **options, layout=layout, tokens=200)
    encoder, batch = exact(mistral, recipe), batch_of(12)
    result = GradCache(encoder, recipe, World(), print).gradients(batch, 1)
    loss, expected = full_batch(encoder, batch, recipe)
    assert result.loss == pytest.approx(loss, rel=1e-12)
    assert largest_difference(encoder, expected) < 1e-12
    assert all(weight.grad.abs().max() > 0 for weight in encoder.trained.values())


def test_gradients_of_a_real_encoder_are_those_of_the_full_batch():
    recipe = Recipe(**PLAIN, tokens=400)
    encoder, batch = exact(minilm(), recipe), batch_of(6)
    GradCache(encoder, recipe, World(), print).gradients(batch, 1)
    assert largest_difference(encoder, full_batch(encoder, batch, recipe)[1]) < 1e-12


class Wrapped:
    """An encoder that does one thing otherwise."""

    def __init__(self, encoder) -> None:
        self._encoder = encoder

    def __getattr__(self, name: str):
        return getattr(self._encoder, name)


class Remembering(Wrapped):
    """An encoder that keeps the graph of every text's vector as it was first embedded."""

    def __init__(self, encoder) -> None:
        super().__init__(encoder)
        self.first: dict[bytes, torch.Tensor] = {}

    def embed(self, tokens):
        state = torch.get_rng_state()
        with torch.enable_grad():
            for ids, vector in zip(tokens, self._encoder.embed(tokens), strict=True):
                self.first.setdefault(ids.tobytes(), vector)
        torch.set_rng_state(state)
        return self._encoder.embed(tokens)

    def vectors(self, texts: list[str]) -> torch.Tensor:
        return torch.stack([self.first[ids.tobytes()] for ids in self.tokenize(texts)])


def test_the_second_pass_has_the_dropout_of_the_first(mistral):
    recipe, batch = Recipe(**PLAIN | {"dropout": 0.3}, tokens=150), batch_of(8)
    encoder = Remembering(exact(mistral, recipe))
    result = GradCache(encoder, recipe, World(), print).gradients(batch, 1)
    candidates = [*batch.positives, *(text for texts in batch.negatives for text in texts)]
    closed = torch.from_numpy(blocked(batch, recipe))
    loss = info_nce(encoder.vectors(batch.queries), encoder.vectors(candidates), closed, recipe.temperature).value
    slopes = torch.autograd.grad(loss, list(encoder.trained.values()))
    assert result.loss == pytest.approx(loss.item(), rel=1e-12)
    assert largest_difference(encoder, dict(zip(encoder.trained, slopes, strict=True))) < 1e-12


@pytest.mark.parametrize("layout", ["padded", "packed"])
def test_recomputed_blocks_give_the_same_gradients_with_dropout_in_micro_batches(mistral, layout, monkeypatch):
    runs, told = [], []
    forward = MistralMLP.forward
    monkeypatch.setattr(MistralMLP, "forward", lambda *given, **named: runs.append(1) or forward(*given, **named))
    for checkpointing in (False, True):
        runs.clear()
        recipe = Recipe(**PLAIN | {"dropout": 0.3}, tokens=150, layout=layout, checkpointing=checkpointing)
        encoder = exact(mistral, recipe)
        result = GradCache(encoder, recipe, World(), print).gradients(batch_of(8), 1)
        told.append((result.loss, {name: weight.grad for name, weight in encoder.trained.items()}, len(runs)))
    (loss, slopes, few), (same, others, many) = told
    assert loss == same
    assert all(torch.equal(slope, others[name]) and slope.abs().max() > 0 for name, slope in slopes.items())
    assert many > few, "blocks ran again"


def test_temperature_reaches_the_gradients_and_the_cache_does_not_change_its_meaning(mistral):
    batch, norms = batch_of(8), []
    for temperature in (0.02, 0.05, 1.0):
        recipe = Recipe(**PLAIN | {"temperature": temperature}, tokens=150)
        encoder = exact(mistral, recipe)
        GradCache(encoder, recipe, World(), print).gradients(batch, 1)
        assert largest_difference(encoder, full_batch(encoder, batch, recipe)[1]) < 1e-12
        norms.append(sum(float(weight.grad.square().sum()) for weight in encoder.trained.values()) ** 0.5)
    assert norms[0] > norms[1] > norms[2] > 0


def test_every_row_of_the_step_is_a_negative_however_small_the_micro_batches(mistral):
    """Gradients that are added up over small batches have the small batches' negatives only: the loss would be lower."""
    batch, losses = batch_of(12), []
    for tokens in (1, 150, 100_000):
        recipe = Recipe(**PLAIN, tokens=tokens)
        losses.append(GradCache(exact(mistral, recipe), recipe, World(), print).gradients(batch, 1).loss)
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-12)
    alone = [Batch(**{name: values[at : at + 1] for name, values in vars(batch).items()}) for at in range(len(batch))]
    recipe = Recipe(**PLAIN)
    small = [GradCache(exact(mistral, recipe), recipe, World(), print).gradients(one, 1).loss for one in alone]
    assert sum(small) / len(small) < 0.9 * losses[0]


def test_dropout_depends_on_step_and_seed_alone(mistral):
    batch = batch_of(6)
    losses = {}
    for seed, number in [(0, 1), (0, 1), (0, 2), (1, 1)]:
        recipe = Recipe(**PLAIN | {"dropout": 0.3}, tokens=150, seed=seed)
        encoder = exact(mistral, recipe.model_copy(update={"seed": 0}))
        torch.rand(17)  # whatever else draws
        losses.setdefault((seed, number), set()).add(
            GradCache(encoder, recipe, World(), print).gradients(batch, number).loss
        )
    assert [len(told) for told in losses.values()] == [1, 1, 1]
    assert len(set.union(*losses.values())) == 3


def test_a_text_that_occurs_twice_is_embedded_once_and_counts_twice(mistral):
    recipe, batch = Recipe(**PLAIN, tokens=200), batch_of(12)
    encoder = exact(mistral, recipe)
    result = GradCache(encoder, recipe, World(), print).gradients(batch, 1)
    given = [*batch.queries, *batch.positives, *(text for texts in batch.negatives for text in texts)]
    assert result.texts == len(set(given)) < len(given)
    pool = pooled(batch)
    assert [pool.texts[place] for place in [*pool.queries, *pool.candidates]] == given


class Small(Wrapped):
    """An encoder on a machine whose memory holds few tokens."""

    def __init__(self, encoder, room: int) -> None:
        super().__init__(encoder)
        self._room = room

    def embed(self, tokens):
        if torch.is_grad_enabled() and sum(map(len, tokens)) > self._room:
            raise torch.OutOfMemoryError("no more")
        return self._encoder.embed(tokens)


def test_when_memory_runs_out_the_budget_halves_and_the_step_gives_the_same_gradients(mistral):
    recipe, batch, said = Recipe(**PLAIN, tokens=5_000), batch_of(12), []
    encoder = exact(mistral, recipe)
    step = GradCache(Small(encoder, 300), recipe, World(), said.append)
    result = step.gradients(batch, 3)
    assert result.budget == step.budget <= 600
    assert said and all("step 3: out of memory; again with" in line for line in said)
    assert largest_difference(encoder, full_batch(encoder, batch, recipe)[1]) < 1e-12
    count = len(said)
    step.gradients(batch, 4)
    assert len(said) == count


def test_memory_that_runs_out_in_the_check_before_the_first_step_or_in_the_loss_halves_the_budget_too(
    mistral, monkeypatch
):
    recipe, batch, said = Recipe(**PLAIN, tokens=5_000), batch_of(12), []
    encoder = exact(mistral, recipe)
    step = GradCache(Small(encoder, 250), recipe, World(), said.append)
    step.check(batch, 1)
    assert said and step.budget < 5_000

    def short(*given):
        monkeypatch.undo()
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr("pairsmith.trainer.step.info_nce", short)
    count = len(said)
    step.gradients(batch, 1)
    assert len(said) > count
    assert largest_difference(encoder, full_batch(encoder, batch, recipe)[1]) < 1e-12


def test_a_text_that_does_not_fit_alone_is_one_clear_line(mistral):
    recipe = Recipe(**PLAIN, tokens=5_000)
    encoder = exact(mistral, recipe)
    with pytest.raises(
        RunError, match=r"step 1: out of memory with one text of \d+ tokens at a time; set 'checkpointing"
    ):
        GradCache(Small(encoder, 2), recipe, World(), print).gradients(batch_of(4), 1)
    with pytest.raises(RunError, match=r"step 7: out of memory with one text of \d+ tokens at a time"):
        GradCache(Small(encoder, 2), recipe, World(), print).check(batch_of(4), 7)


def test_other_errors_are_not_taken_for_lack_of_memory(mistral):
    recipe = Recipe(**PLAIN)
    encoder = exact(mistral, recipe)

    class Broken(Small):
        def embed(self, tokens):
            raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        GradCache(Broken(encoder, 0), recipe, World(), print).gradients(batch_of(4), 1)


def test_a_loss_that_is_not_finite_is_told_and_leaves_no_gradient(mistral):
    recipe = Recipe(**PLAIN)
    encoder = exact(mistral, recipe)
    with torch.no_grad():
        next(iter(encoder.trained.values())).fill_(torch.nan)
    result = GradCache(encoder, recipe, World(), print).gradients(batch_of(4), 1)
    assert not np.isfinite(result.loss)
    assert all(weight.grad is None for weight in encoder.trained.values())
