"""An embedder is trained on releases and labelled rows: data, model, loop, scores before and after, and what users load."""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from pairsmith.factory.errors import InputError
from pairsmith.factory.extras import TRAINS, need_extra
from pairsmith.factory.folder import RunFolder, file_digest, written_whole
from pairsmith.progress import bar, note
from pairsmith.sources import Named, read_sources
from pairsmith.trainer.data import read_split
from pairsmith.trainer.recipe import Recipe
from pairsmith.trainer.recipe_file import read_recipe

if TYPE_CHECKING:
    from pairsmith.trainer.checkpoint import Identity
    from pairsmith.trainer.encoder import Encoder
    from pairsmith.trainer.held_out import HeldOutScores
    from pairsmith.trainer.log import Line
    from pairsmith.trainer.mix import Mix
    from pairsmith.trainer.train import Trained, Watch
    from pairsmith.trainer.world import World

DATA = "data"
BEFORE = "before.json"
HELD_OUT = "test"


class Wanted(NamedTuple):
    """What the command line asks for; see ``pairsmith train --help``."""

    data: list[str]
    model: str
    out: Path
    weights: list[float]
    recipe: Path | None
    settings: list[str]
    adapter: Path | None
    since: str | None
    merge: bool
    device: str


def train_model(wanted: Wanted) -> dict[str, Any]:
    """Train, or go on where a training into the same folder was cut, and write the model that users load.

    Started by ``torchrun`` or ``accelerate launch``, all processes train together, and the first one writes and tells; for the
    others the result is empty.
    """
    need_extra("train", "to train", *TRAINS)
    recipe = read_recipe(wanted.recipe, wanted.settings)
    from pairsmith.trainer.encoder import load_encoder
    from pairsmith.trainer.mix import mix

    world = _joined(wanted.device)
    _make(wanted.out)
    with RunFolder(wanted.out).held() if world.first else nullcontext(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # packages tell each other by which name to call them
        sources, releases, since = _read_together(wanted, world)
        rows = mix(sources, recipe)
        encoder = load_encoder(wanted.model, recipe, wanted.device, wanted.adapter)
        about = _identity(encoder, rows, since, wanted, recipe, world)
        return _trained(encoder, rows, about, wanted, world, held_out_rows(releases))


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"--out {out}: there is a file of this name; name a folder") from None


def held_out_rows(releases: Sequence[Named]) -> pa.Table | None:
    """The rows of all releases that nothing is trained on; None where there are none."""
    parts = [rows for named in releases if (rows := read_split(named.release.folder, HELD_OUT)) is not None]
    return pa.concat_tables(parts).combine_chunks() if parts else None


def _joined(device: str) -> "World":
    """All processes of this training, each with the accelerator of its own number."""
    import torch

    from pairsmith.trainer.world import join

    if device == "cpu" or not torch.cuda.is_available():
        return join(torch.device("cpu"))
    number, count = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if number >= count:
        raise InputError(f"process {number + 1} of this machine has no CUDA device, there are {count}; start {count}")
    torch.cuda.set_device(number)
    return join(torch.device("cuda", number))


def _read_together(wanted: Wanted, world: "World") -> Any:
    """The first process brings what lies on the Hub; then the others read what came."""
    for mine in (world.first, not world.first):
        if mine:
            found = read_sources(wanted.data, wanted.weights, wanted.since, wanted.out / DATA)
        world.wait()
    return found


def _identity(
    encoder: "Encoder", rows: "Mix", since: str | None, wanted: Wanted, recipe: Recipe, world: "World"
) -> "Identity":
    from pairsmith.trainer.adapter import WEIGHTS
    from pairsmith.trainer.checkpoint import Identity
    from pairsmith.trainer.facts import ModelFacts, public
    from pairsmith.trainer.fingerprint import fingerprint

    model = ModelFacts(
        name=public(encoder.name),
        revision=encoder.revision,
        digest=fingerprint(encoder.model),
        adapter=public(str(wanted.adapter), 2) if wanted.adapter else None,
        adapter_digest=file_digest(wanted.adapter / WEIGHTS) if wanted.adapter else None,
    )
    return Identity(sources=rows.sources, since=since, model=model, recipe=recipe, processes=world.size)


def _trained(
    encoder: "Encoder", rows: "Mix", about: "Identity", wanted: Wanted, world: "World", unseen: pa.Table | None
) -> dict[str, Any]:
    from pairsmith.exporting import export_model
    from pairsmith.trainer.facts import write_facts
    from pairsmith.trainer.train import train

    scores = {}
    if world.first and unseen is not None:
        scores["before"] = _before(encoder, unseen, about.recipe, wanted.out)
    world.wait()
    with _watched(encoder) if world.first else nullcontext(_unwatched()) as watch:
        done = train(encoder, rows, wanted.out, about, world, watch)
    world.leave()
    if not world.first:
        return {}
    if unseen is not None:
        scores["after"] = _scores(encoder, unseen, about.recipe)
    facts = _facts(about, done, encoder.device.type).model_copy(update={"held_out": scores})
    write_facts(wanted.out, facts)
    told = any(rows.rows["instruction"].to_pylist())  # a model that was trained without instructions is used without
    exported = export_model(encoder, facts, wanted.out, wanted.merge, *([] if told else [""]))
    held_out = {when: one.whole.model_dump() for when, one in scores.items()}
    return {"out": str(wanted.out), **facts.model_dump(mode="json", include=_TOLD), "held_out": held_out, **exported}


_TOLD = {"steps", "left_out", "texts", "tokens", "run_tokens", "seconds", "first_loss", "last_loss"}


def _facts(about: "Identity", done: "Trained", device: str) -> Any:
    from pairsmith.trainer.facts import TrainingFacts, hardware, versions
    from pairsmith.trainer.log import totals

    return TrainingFacts(
        sources=about.sources,
        since=about.since,
        model=about.model,
        recipe=about.recipe,
        versions=versions(),
        hardware=hardware(device),
        processes=about.processes,
        steps=len(done.lines),
        left_out=done.left_out,
        **totals(done.lines)._asdict(),
        first_loss=done.lines[0].loss,
        last_loss=done.lines[-1].loss,
        averaged=done.averaged,
    )


def _before(encoder: "Encoder", unseen: pa.Table, recipe: Recipe, out: Path) -> "HeldOutScores":
    """The scores of the model before the first step. A training that goes on has the same: they are measured again only where
    their file is not whole."""
    from pairsmith.trainer.checkpoint import steps
    from pairsmith.trainer.held_out import HeldOutScores

    path = out / BEFORE
    if steps(out):
        with suppress(OSError, ValueError):
            return HeldOutScores.model_validate_json(path.read_bytes())
    scores = _scores(encoder, unseen, recipe)
    with written_whole(path) as beside:
        beside.write_text(f"{scores.model_dump_json(indent=1)}\n", encoding="utf-8")
    return scores


def _scores(encoder: "Encoder", unseen: pa.Table, recipe: Recipe) -> "HeldOutScores":
    from pairsmith.trainer.embed import embed
    from pairsmith.trainer.held_out import held_out, score

    note(f"measuring on held-out rows: {min(len(unseen), 2_000):,} queries")
    return score(held_out(unseen), lambda texts: embed(encoder, texts, recipe.tokens), recipe.dimensions)


@contextmanager
def _watched(encoder: "Encoder") -> Iterator["Watch"]:
    """Progress on stderr: loss, pace, padding, work, margin, masked share, time left."""
    from pairsmith.trainer.train import Watch

    with bar("train", None, "step") as shown:

        def begin(total: int, done: int) -> None:
            shown.total, shown.initial, shown.n = total, done, done
            if done < total:  # else nothing would clear the line
                shown.refresh()

        def step(line: "Line") -> None:
            shown.set_postfix_str(progress(line, encoder.linear_weights), refresh=False)
            shown.update()

        yield Watch(note, begin, step)


def _unwatched() -> "Watch":
    """Of several processes the first one speaks for all."""
    from pairsmith.trainer.train import Watch

    def hush(*_: object) -> None:
        pass

    return Watch(hush, hush, hush)


def progress(line: "Line", linear_weights: int) -> str:
    """A step's figures in a line. ``linear_weights``: those that each token meets, N of 6N."""
    from pairsmith.trainer.flops import step_flops

    seconds = max(line.seconds, 1e-9)
    work = step_flops(linear_weights, line.tokens) / seconds / 1e12
    return (
        f"loss {line.loss:.4f}, margin {line.margin:.3f}, masked {line.masked:.2%}, {line.tokens / seconds:,.0f} tokens/s, "
        f"{line.tokens / line.run_tokens:.0%} real, {work:.3g} model-TFLOP/s"
    )
