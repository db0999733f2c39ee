"""The verbs of the command line, what each does, and what shows its result. Nothing heavy is imported before it is wanted."""

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pairsmith.factory.errors import RunError


class Command(NamedTuple):
    """One verb. ``run`` does it and returns plain data; ``view`` names the function of :mod:`pairsmith.show`, or of another
    module of the room, that shows it to a person.

    Where the data have ``mend``, that is what a person must mend: the line is printed and the exit code is 2. Else it is
    ``exit``, where they have that.
    """

    help: str
    example: str
    run: Callable[[argparse.Namespace], dict[str, Any]]
    view: str


def _init(options: argparse.Namespace) -> dict[str, Any]:
    from pairsmith.curation.quality import SHIPPED
    from pairsmith.factory.scaffold import commented_yaml
    from pairsmith.factory.spec import FILE, Spec

    path: Path = options.folder / FILE
    if path.exists():
        raise RunError(f"{path} is there already and stays as it is; edit it, or choose another folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(commented_yaml(Spec()), encoding="utf-8")
    quality = path.with_name(SHIPPED.name)
    if not quality.exists():
        quality.write_bytes(SHIPPED.read_bytes())
    return {"written": str(path), "next": f"pairsmith plan {options.folder}"}


def _schema(_: argparse.Namespace) -> dict[str, Any]:
    from pairsmith.factory.spec import Spec

    return Spec.model_json_schema()


def _stage(module: str, function: str, *arguments: str) -> Callable[[argparse.Namespace], dict[str, Any]]:
    """What does a stage of a run, imported when it is wanted: help must not wait for heavy packages."""

    def stage(options: argparse.Namespace) -> dict[str, Any]:
        from pairsmith.run import open_run

        run = open_run(options.folder, getattr(options, "workers", 1))
        with run.folder.held():
            result: dict[str, Any] = getattr(importlib.import_module(module), function)(
                run, *(getattr(options, name) for name in arguments)
            )
        return {"run": str(options.folder), **result}

    return stage


def _status(options: argparse.Namespace) -> dict[str, Any]:
    from pairsmith.line import status
    from pairsmith.run import open_run

    return {"run": str(options.folder), **status(open_run(options.folder))}


def _serve(options: argparse.Namespace) -> dict[str, Any]:
    """Without holding the run: push and pull work on it while the server runs."""
    from pairsmith.run import open_run
    from pairsmith.serving import serve_run

    return {"run": str(options.folder), **serve_run(open_run(options.folder), options.port)}


def _serve_hub(options: argparse.Namespace) -> dict[str, Any]:
    from pairsmith.serving import serve_folder

    return serve_folder(options.folder, options.port)


def _publish(options: argparse.Namespace) -> dict[str, Any]:
    from pairsmith.curation.publishable_model import model_folder
    from pairsmith.publishing import publish_release, publish_trained

    if (model := model_folder(options.folder)) is not None:
        return publish_trained(model, options.repo, options.public)
    return publish_release(options.folder, options.repo, options.public, options.quality)


def _embed(options: argparse.Namespace) -> dict[str, Any]:
    from pairsmith.embedding import embed_file

    wanted = (options.query_instruction, options.dimensions, options.quantise)
    return embed_file(options.file, options.model, options.out, *wanted)


def _yank(options: argparse.Namespace) -> dict[str, Any]:
    from pairsmith.publishing import yank_version

    return yank_version(options.reference, options.why)


def _pull(options: argparse.Namespace) -> dict[str, Any]:
    from pairsmith.publishing import pull_version

    return pull_version(options.reference, options.to)


def _train(options: argparse.Namespace) -> dict[str, Any]:
    from pairsmith.training import Wanted, train_model

    return train_model(Wanted(**{name: getattr(options, name) for name in Wanted._fields}))


def _diff(options: argparse.Namespace) -> dict[str, Any]:
    from pairsmith.diffing import diff

    return diff(options.old, options.new)


def _convert(options: argparse.Namespace) -> dict[str, Any]:
    from pairsmith.converting import convert_answers

    return convert_answers(options.source, options.target, options.run)


def _score(options: argparse.Namespace) -> dict[str, Any]:
    from pairsmith.run import REQUESTS_FILE, VERDICTS_FILE, open_run
    from pairsmith.score import read_truth, score

    run = open_run(options.folder)
    inside = options.folder / options.truth
    truths = read_truth(inside if inside.is_file() else Path(options.truth))
    run.folder.need(VERDICTS_FILE, "gate")
    return score(truths, set(run.table(REQUESTS_FILE).read("id")["id"].to_pylist()), run.table(VERDICTS_FILE))


def _check(options: argparse.Namespace) -> dict[str, Any]:
    from pairsmith.checking import check_release

    found = check_release(options.folder, options.against, options.quality, options.expectations)
    return {**found, "format": options.format}


def _plan_review(options: argparse.Namespace) -> dict[str, Any]:
    from pairsmith.planning_review import plan_review
    from pairsmith.run import open_run

    found = plan_review(open_run(options.folder), options.max_defect_rate, options.confidence, options.expected)
    return {"run": str(options.folder), **found}


GROUPS = {
    "batch": "Ask by batch files: half the price, within a day, or on a GPU node",
    "review": "Let people look at rows, and tell from their answers what all rows are worth",
    "hub": "A Hub on this machine, to rehearse a publication",
}
"""First words of the commands that have two."""

COMMANDS: dict[str, Command] = {
    "init": Command("Write a factory.yml with every key, its default and a comment", "init runs/mine", _init, "init"),
    "schema": Command(
        "Print the JSON Schema of factory.yml, for editors", "schema > factory.schema.json", _schema, "plain"
    ),
    "plan": Command(
        "Show what would be asked and what it would cost; asks nothing that is paid for",
        "plan runs/mine",
        _stage("pairsmith.asking", "plan"),
        "plan",
    ),
    "generate": Command(
        "Ask the language model for all that is planned and not answered yet",
        "generate runs/mine",
        _stage("pairsmith.asking", "generate"),
        "counts",
    ),
    "batch export": Command(
        "Write what is pending to batch files",
        "batch export runs/mine",
        _stage("pairsmith.batching", "export_run"),
        "show_batch.export",
    ),
    "batch submit": Command(
        "Submit exported batch files to the Batch API, each one once",
        "batch submit runs/mine",
        _stage("pairsmith.batching", "submit_run"),
        "show_batch.submit",
    ),
    "batch collect": Command(
        "Bring in what batches have answered, from the Batch API or from files of 'vllm run-batch'",
        "batch collect runs/mine",
        _stage("pairsmith.collecting", "collect_run", "files"),
        "show_batch.collect",
    ),
    "batch convert": Command(
        "Turn recorded answers into an output file of a batch, or such a file into recorded answers",
        "batch convert completions.jsonl output.jsonl --run runs/mine",
        _convert,
        "show_batch.convert",
    ),
    "gate": Command(
        "Parse the answers, or read files of pairs, and judge every row",
        "gate runs/mine",
        _stage("pairsmith.gating", "gate"),
        "funnel",
    ),
    "review serve": Command(
        "Run the review server of the run on this machine until Ctrl-C; its own environment is made on first use",
        "review serve runs/mine",
        _serve,
        "show_reviewing.served",
    ),
    "review push": Command(
        "Send a sample of the rows to an Argilla server; what is there stays as it is",
        "review push runs/mine --sample 200",
        _stage("pairsmith.reviewing", "push", "url", "api_key", "sample"),
        "show_reviewing.pushed",
    ),
    "review pull": Command(
        "Bring in what people answered, from the Argilla server",
        "review pull runs/mine",
        _stage("pairsmith.reviewing", "pull", "url", "api_key"),
        "show_reviewing.pulled",
    ),
    "review plan": Command(
        "Show how many rows people must look at to show that few are defective",
        "review plan runs/mine --max-defect-rate 0.05",
        _plan_review,
        "show_reviewing.plan_review",
    ),
    "review export": Command(
        "Write a page and a file of JSON lines for each reviewer, to review a sample of the rows without a server",
        "review export runs/mine --sample 200",
        _stage("pairsmith.review_files", "export_run", "sample", "reviewer"),
        "show_reviewing.exported_review",
    ),
    "review import": Command(
        "Bring in answers from files that 'review export' wrote or its page downloaded",
        "review import runs/mine answers-reviewer.jsonl",
        _stage("pairsmith.review_files", "import_run", "files"),
        "show_reviewing.imported_review",
    ),
    "release": Command(
        "Write the accepted rows as the next version, which can't be changed afterwards",
        "release runs/mine --bump auto",
        _stage("pairsmith.releasing", "release", "bump"),
        "release",
    ),
    "check": Command(
        "Compare a release with a baseline and with the bounds of quality.yml: exit code 1 where quality fell",
        "check runs/mine --against releases/1.0.0 --quality quality.yml",
        _check,
        "check",
    ),
    "diff": Command(
        "Compare two releases: rows added, removed and why, changed; columns; distributions",
        "diff runs/mine/releases/1.0.0 runs/mine",
        _diff,
        "diff",
    ),
    "train": Command(
        "Fine-tune a text embedder on releases and labelled rows, and write it as sentence-transformers reads it",
        "train acme/pairs@v1.2.0 --model mistralai/Mistral-7B-v0.1 --out runs/model",
        _train,
        "trained",
    ),
    "embed": Command(
        "Write the vectors of a file of texts, by a trained model or any other in sentence-transformers' format",
        "embed texts.jsonl --model runs/model --out vectors.npy",
        _embed,
        "embedded",
    ),
    "publish": Command(
        "Publish a release, or a model, on the Hub: one commit, then a tag that never moves; what is there is compared",
        "publish runs/mine/releases/1.2.0 --repo acme/pairs",
        _publish,
        "published",
    ),
    "yank": Command(
        "Mark a published version as bad, in its card and changelog and for who pulls it; nothing is deleted",
        "yank acme/pairs@v1.2.0 --why 'a benchmark leaked into it'",
        _yank,
        "yanked",
    ),
    "pull": Command(
        "Bring a published version back, bit for bit",
        "pull acme/pairs@v1.2.0 --to releases/1.2.0",
        _pull,
        "pulled_release",
    ),
    "hub serve": Command(
        "Run a Hub on this machine until Ctrl-C, and say what to set so that publish, pull and load_dataset talk to it",
        "hub serve runs/hub",
        _serve_hub,
        "served_hub",
    ),
    "report": Command(
        "Write report.html: the funnel, reasons, examples",
        "report runs/mine",
        _stage("pairsmith.releasing", "report"),
        "path",
    ),
    "run": Command(
        "Do all that is missing or stale, and nothing else",
        "run runs/mine",
        _stage("pairsmith.line", "whole_line"),
        "line",
    ),
    "status": Command("Show which stages are done, stale or missing", "status runs/mine", _status, "status"),
    "score": Command(
        "Compare what the gates caught with a file of planted defects",
        "score runs/demo --truth truth.jsonl",
        _score,
        "score",
    ),
}
