"""Training from the first step to the last: read this from top to bottom.

One step: the rows that the order names, their gradient whatever the memory (:mod:`pairsmith.trainer.step`), the optimizer.
Only the first process writes; all read the same checkpoint when they go on.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from pairsmith.factory.errors import InputError, RunError
from pairsmith.factory.folder import written_whole
from pairsmith.trainer import checkpoint
from pairsmith.trainer.average import averaged
from pairsmith.trainer.batches import Batch, batch_of
from pairsmith.trainer.encoder import Encoder
from pairsmith.trainer.log import Line, Log
from pairsmith.trainer.mix import Mix
from pairsmith.trainer.optimizer import Optimizer
from pairsmith.trainer.order import Course, course
from pairsmith.trainer.plot import write_plot
from pairsmith.trainer.recipe import Recipe
from pairsmith.trainer.schedule import learning_rate
from pairsmith.trainer.step import GradCache, StepResult
from pairsmith.trainer.stop import stoppable
from pairsmith.trainer.world import World

_NAMED = 5  # rows of a failed batch that the message names; the file names all


class Watch(NamedTuple):
    """Who is told. ``say``: a line for a person; ``begin``: steps in all and steps done before; ``step``: each step's line."""

    say: Callable[[str], None]
    begin: Callable[[int, int], None]
    step: Callable[[Line], None]


class Trained(NamedTuple):
    """``lines``: the figures of every step; ``averaged``: steps whose weights' mean the model has now."""

    lines: list[Line]
    left_out: int
    averaged: list[int]


def train(encoder: Encoder, rows: Mix, out: Path, about: checkpoint.Identity, world: World, watch: Watch) -> Trained:
    """Train the encoder's adapter on the rows, going on from the newest checkpoint in ``out``.

    ``about``: what the training is of, its recipe among it. Raises :class:`RunError` where the checkpoint is of another
    training, the layout does not give what one text at a time gives, or the loss is not finite; KeyboardInterrupt, with
    all saved, after Ctrl-C.
    """
    recipe = about.recipe
    plan = course(rows, recipe)
    _check_average(plan, recipe)
    optimizer = Optimizer(encoder.trained, recipe)
    engine = GradCache(encoder, recipe, world, watch.say)
    done = _go_on(encoder, optimizer, engine, checkpoint.newest(out, about, encoder.device))
    world.wait()  # until all have read what the first one may now write over
    log = Log(out, done) if world.first else None
    if world.first:
        _begin(plan, done, watch)
    encoder.model.train()
    if done < len(plan.steps):
        engine.check(batch_of(rows.rows.take(plan.steps[done]), recipe.negatives), done + 1)
    with stoppable() as stop:
        for number in range(done + 1, len(plan.steps) + 1):
            began = time.perf_counter()
            batch = batch_of(rows.rows.take(plan.steps[number - 1]), recipe.negatives)
            found = engine.gradients(batch, number)
            norm = optimizer.clip() if math.isfinite(found.loss) else math.nan
            if not math.isfinite(norm):
                raise _not_finite(out, number, found, batch, world)
            rate = learning_rate(number, len(plan.steps), recipe)
            optimizer.step(rate)
            encoder.refresh()
            stopped = world.any(stop.asked, encoder.device)
            if log:
                line = _line(number, plan.epochs[number - 1], found, norm, rate, time.perf_counter() - began)
                log.write(line)
                watch.step(line)
                if stopped or number % recipe.save_every == 0 or number == len(plan.steps):
                    _save(
                        out,
                        log,
                        checkpoint.State(step=number, budget=engine.budget, identity=about),
                        encoder,
                        optimizer,
                    )
            if stopped and number < len(plan.steps):
                raise KeyboardInterrupt
    world.wait()
    if log:
        log.close()
    return Trained(log.lines if log else [], plan.left_out, _average(encoder, out, recipe))


def _begin(plan: Course, done: int, watch: Watch) -> None:
    if plan.left_out:
        rows = sum(map(len, plan.steps)) + plan.left_out
        watch.say(f"{plan.left_out:,} of {rows:,} rows are left out: their query or positive is in every batch already")
    watch.begin(len(plan.steps), done)


def _check_average(plan: Course, recipe: Recipe) -> None:
    saved = math.ceil(len(plan.steps) / recipe.save_every)
    if recipe.average > saved:
        raise InputError(
            f"average: {recipe.average} checkpoints are to be averaged, but {len(plan.steps):,} steps saved every "
            f"{recipe.save_every:,} make {saved}; set a smaller 'save_every' or 'average'"
        )


def _go_on(
    encoder: Encoder,
    optimizer: Optimizer,
    engine: GradCache,
    found: tuple[checkpoint.State, dict[str, torch.Tensor], dict[str, torch.Tensor]] | None,
) -> int:
    """Put everything as it was at the checkpoint; returns the steps that are done."""
    if found is None:
        return 0
    state, weights, kept = found
    with torch.no_grad():
        for name, weight in encoder.trained.items():
            weight.copy_(weights[name])
    encoder.refresh()
    optimizer.restore(kept)
    engine.budget = min(engine.budget, state.budget)
    return state.step


def _save(out: Path, log: Log, state: checkpoint.State, encoder: Encoder, optimizer: Optimizer) -> None:
    log.to_disk()
    checkpoint.save(out, state, encoder.trained, optimizer.state())
    write_plot(out, log.lines)


def _average(encoder: Encoder, out: Path, recipe: Recipe) -> list[int]:
    """Give the encoder the mean of the last checkpoints, where the recipe wants it; returns their steps."""
    if not recipe.average:
        return []
    taken, weights = averaged(out, recipe)
    with torch.no_grad():
        for name, weight in encoder.trained.items():
            weight.copy_(weights[name])
    encoder.refresh()
    return taken


def _not_finite(out: Path, number: int, found: StepResult, batch: Batch, world: World) -> RunError:
    """What a person needs to find the cause; the rows are in a file, since they may be thousands."""
    path = out / f"step-{number:06}.rows.txt"
    if world.first:
        with written_whole(path) as beside:
            beside.write_text("".join(f"{one}\n" for one in batch.ids), encoding="utf-8")
    what = f"the loss is {found.loss}" if not math.isfinite(found.loss) else "the gradient is not finite"
    return RunError(
        f"step {number:,}: {what}; nothing was saved after it. Its {len(batch):,} rows ({', '.join(batch.ids[:_NAMED])}, ...) "
        f"are in {path}; look at them, or set a smaller 'learning_rate' or 'precision: fp32'"
    )


def _line(number: int, epoch: int, found: StepResult, norm: float, rate: float, seconds: float) -> Line:
    return Line(
        step=number,
        epoch=epoch,
        loss=found.loss,
        margin=found.margin,
        hits=found.hits,
        masked=found.masked,
        norm=norm,
        learning_rate=rate,
        texts=found.texts,
        tokens=found.tokens,
        run_tokens=found.run_tokens,
        budget=found.budget,
        seconds=seconds,
    )
