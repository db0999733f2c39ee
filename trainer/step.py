"""One training step of any size in the memory of one micro-batch: GradCache (Gao et al. 2021, arXiv 2101.06983).

All texts of the step (queries, positives, negatives; a text that occurs twice is embedded once) are one list, sorted by
length and cut by a budget of tokens. First pass: every micro-batch is embedded without a graph. The loss of the whole step
is taken on these vectors, which gives their gradients. Second pass: every micro-batch is embedded again, with the dropout of
the first pass, and its vectors' gradients run back into the weights. The micro-batch that ends the first pass begins the
second one with its graph kept: a step that is one micro-batch is embedded once.

Several processes deal the micro-batches among them, each sees all vectors, and the weights' gradients are summed: the
negatives are those of the whole step, and the result is that of one process but for the order of the sum.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
import torch

from pairsmith.factory.errors import RunError
from pairsmith.trainer.batches import Batch
from pairsmith.trainer.device import put, seed
from pairsmith.trainer.encoder import Encoder
from pairsmith.trainer.layout import cut, run_tokens
from pairsmith.trainer.loss import Loss, info_nce
from pairsmith.trainer.masks import blocked
from pairsmith.trainer.recipe import Recipe
from pairsmith.trainer.selfcheck import check_layout, sample
from pairsmith.trainer.world import World

T = TypeVar("T")

# torch has a class for it on accelerators; its allocator on CPU and what allocates beside it say so in words
_OUT_OF_MEMORY = ("can't allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


class StepResult(NamedTuple):
    """Figures of a step over all processes. ``tokens``: real ones, each text's once; ``run_tokens``: padding included;
    ``budget``: tokens of a micro-batch at which it went through."""

    loss: float
    margin: float
    hits: float
    masked: float
    texts: int
    tokens: int
    run_tokens: int
    budget: int


class Pooled(NamedTuple):
    """``texts``: the step's different texts; places in it of the queries (b,) and of the candidates (m,)."""

    texts: list[str]
    queries: np.ndarray
    candidates: np.ndarray


def pooled(batch: Batch) -> Pooled:
    """All texts of a step as one list."""
    places: dict[str, int] = {}
    candidates = [*batch.positives, *(text for texts in batch.negatives for text in texts)]
    queries, others = (
        np.array([places.setdefault(text, len(places)) for text in texts], np.int64)
        for texts in (batch.queries, candidates)
    )
    return Pooled(list(places), queries, others)


class GradCache:
    """Steps of one training. ``budget``: tokens of a micro-batch, halved whenever memory ran out."""

    def __init__(self, encoder: Encoder, recipe: Recipe, world: World, say: Callable[[str], None]) -> None:
        self.encoder = encoder
        self.recipe = recipe
        self.world = world
        self.say = say
        self.budget = recipe.tokens

    def check(self, batch: Batch, number: int) -> None:
        """Before step ``number``, the first one: compare the layout with one text at a time on the batch's own texts.

        Raises :class:`RunError` where they differ, and the step is not to be taken.
        """
        texts = pooled(batch).texts
        while self._whole(lambda: check_layout(self.encoder, texts, self.budget)) is None:
            lengths = np.array([len(ids) for ids in sample(self.encoder.tokenize(texts), self.budget)])
            self._halve(number, lengths, cut(lengths, self.budget, self.encoder.layout))

    def gradients(self, batch: Batch, number: int) -> StepResult:
        """Leave in each trained weight's ``grad`` the gradient of the mean loss of step ``number``; all else is as before.

        Where the loss is not finite, the gradients are not taken. Raises :class:`RunError` where one text alone does not fit
        into memory.
        """
        pool = pooled(batch)
        tokens = self.encoder.tokenize(pool.texts)
        lengths = np.array([len(ids) for ids in tokens])
        closed = put(blocked(batch, self.recipe), self.encoder.device)
        while True:
            micro = cut(lengths, self.budget, self.encoder.layout)
            loss = self._attempt(pool, tokens, micro, closed, number)
            if loss is not None:
                break
            self._halve(number, lengths, micro)
        run = sum(run_tokens(lengths[places], self.encoder.layout) for places in micro)
        figures = (loss.value.item(), loss.margin, loss.hits, loss.masked)
        return StepResult(*figures, len(tokens), int(lengths.sum()), run, self.budget)

    def _attempt(
        self, pool: Pooled, tokens: list[np.ndarray], micro: list[np.ndarray], closed: torch.Tensor, number: int
    ) -> Loss | None:
        """The step with these micro-batches; None where memory ran out on any process."""
        for weight in self.encoder.trained.values():
            weight.grad = None
        mine = list(enumerate(micro))[self.world.rank :: self.world.size]

        def embed(place: int, places: np.ndarray) -> torch.Tensor:
            _seed(self.encoder.device, self.recipe.seed, number, place)
            return self.encoder.embed([tokens[at] for at in places])

        first = self._whole(lambda: _first_pass(mine, embed, len(tokens), self.encoder))
        if first is None:
            return None
        vectors, held = first
        self.world.sum(vectors)
        found = self._whole(lambda: self._loss(vectors.requires_grad_(), pool, closed))
        if found is None:
            return None
        loss, slopes = found
        if slopes is None:
            return loss
        if self._whole(lambda: _second_pass(mine, embed, held, slopes)) is None:
            return None
        self.world.sum_gradients(self.encoder.trained.values())
        return loss

    def _loss(self, vectors: torch.Tensor, pool: Pooled, closed: torch.Tensor) -> tuple[Loss, torch.Tensor | None]:
        """The loss, and the gradient of the vectors where it is finite."""
        queries, candidates = (vectors[put(at, vectors.device)] for at in pool[1:])
        asked = self.recipe
        loss = info_nce(queries, candidates, closed, asked.temperature, asked.mask_margin, asked.dimensions)
        return loss, torch.autograd.grad(loss.value, vectors)[0] if loss.value.isfinite() else None

    def _whole(self, work: Callable[[], T]) -> T | None:
        """What ``work`` gives, or None where any process had too little memory for its part: then all try again together."""
        done = None
        try:
            done = work()
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
        return None if self.world.any(done is None, self.encoder.device) else done

    def _halve(self, number: int, lengths: np.ndarray, micro: list[np.ndarray]) -> None:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(micro) == len(lengths):
            raise RunError(
                f"step {number}: out of memory with one text of {lengths.max()} tokens at a time; set 'checkpointing: true' "
                "or a smaller 'max_length'"
            )
        largest = max(run_tokens(lengths[places], self.encoder.layout) for places in micro)
        self.budget = min(self.budget, largest) // 2
        self.say(f"step {number}: out of memory; again with {self.budget:,} tokens in a micro-batch")


def _first_pass(
    mine: list[tuple[int, np.ndarray]], embed: Callable[[int, np.ndarray], torch.Tensor], texts: int, encoder: Encoder
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """All texts' vectors (those of other processes' micro-batches are zero), and the longest texts' with their graph."""
    kind = next(iter(encoder.trained.values())).dtype
    vectors, held = torch.zeros(texts, encoder.dimension, dtype=kind, device=encoder.device), None
    for count, (place, places) in enumerate(reversed(mine), start=1):
        with torch.set_grad_enabled(count == len(mine)):
            held = embed(place, places)
        vectors[put(places, vectors.device)] = held.detach()
    return vectors, held


def _second_pass(
    mine: list[tuple[int, np.ndarray]],
    embed: Callable[[int, np.ndarray], torch.Tensor],
    held: torch.Tensor | None,
    slopes: torch.Tensor,
) -> bool:
    """The vectors' gradients, run back into the weights; from the longest texts to the shortest."""
    for place, places in mine:
        vectors = embed(place, places) if held is None else held
        held = None
        vectors.backward(slopes[put(places, slopes.device)])
        del vectors
    return True


def _seed(device: torch.device, *parts: int) -> None:
    """Dropout of a micro-batch depends on the seed, the step and its place alone: the second pass repeats the first, a resumed
    training the cut one, and several processes one."""
    seed(int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1)), device)


def out_of_memory(error: RuntimeError) -> bool:
    """Whether memory ran out: torch has a class for it on accelerators; on CPU its allocator says so in words."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in _OUT_OF_MEMORY)
