"""The command line: one verb a stage, the run folder as argument, progress on stderr, JSON on stdout with ``--json``.

Exit codes: 0 done, 1 a check found that quality fell, 2 something that a person must mend (one line says what), 130 stopped by
Ctrl-C.
"""

import argparse
import importlib
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pairsmith import __version__
from pairsmith.factory.errors import PairsmithError, RunError

MOST_DRAWN = 100  # times that a row is drawn in an epoch: beyond it a model learns the rows by heart
MOST_SHOWN = 50_000  # rows for people: more than they can read, and what a server on SQLite searches at once


class Command(NamedTuple):
    """One verb. ``run`` does it and returns plain data; ``view`` names what of :mod:`pairsmith.show` shows it to a person.

    Where the data have ``mend``, that is what a person must mend: the line is printed and the exit code is 2. Else it is
    ``exit``, where they have that.
    """

    help: str
    example: str
    run: Callable[[argparse.Namespace], dict[str, Any]]
    view: str


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; never a traceback for what a person can mend."""
    options = _parser().parse_args(arguments)
    command = COMMANDS[options.command]
    try:
        result = command.run(options)
    except KeyboardInterrupt:
        again = _without_key(sys.argv[1:] if arguments is None else arguments, getattr(options, "api_key", None))
        print(f"pairsmith: stopped; go on with 'pairsmith {shlex.join(again)}'", file=sys.stderr)
        return 130
    except (PairsmithError, OSError) as error:
        return _refuse(str(error))
    except MemoryError:
        return _refuse("out of memory; allow the process more, or take fewer '--workers': what was finished stays")
    except Exception as error:
        if not type(error).__module__.startswith("pyarrow"):  # which is too heavy to import for its exceptions
            raise
        return _refuse(f"{error}; 'pairsmith run {options.folder}' makes damaged artifacts again")
    from pairsmith import show

    try:
        print(_safe(getattr(show, "plain" if options.json else command.view)(result)), flush=True)
    except BrokenPipeError:
        sys.stderr.close()  # the reader has had enough (`| head`)
    return _refuse(result["mend"]) if "mend" in result else int(result.get("exit", 0))


def _without_key(arguments: list[str], key: str | None) -> list[str]:
    """What was typed, fit to be shown: no message holds a key."""
    if not key:
        return arguments
    return [f"{one.removesuffix(key)}KEY" if one == key or one.endswith(f"={key}") else one for one in arguments]


def _refuse(message: str) -> int:
    print(f"pairsmith: {_safe(' '.join(message.split()))}", file=sys.stderr)
    return 2


def _safe(text: str) -> str:
    """What is printed holds texts from outside: nothing in them acts on the terminal."""
    from pairsmith.curation.visible import visible

    return visible(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pairsmith",
        description="Trustworthy, versioned training data for text embedders, written by language models.",
        epilog="First steps: pairsmith init runs/mine, then edit runs/mine/factory.yml, then pairsmith run runs/mine.",
    )
    parser.add_argument("--version", action="version", version=f"pairsmith {__version__}")
    groups = {"": parser.add_subparsers(required=True, metavar="COMMAND")}
    for name, about in GROUPS.items():
        groups[name] = groups[""].add_parser(name, help=about).add_subparsers(required=True, metavar="STEP")
    for name, command in COMMANDS.items():
        group, _, word = name.rpartition(" ")
        verb = groups[group].add_parser(
            word,
            help=command.help,
            description=f"{command.help}.",
            epilog=f"Example: pairsmith {command.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.set_defaults(command=name)
        _add_arguments(verb, name)
    return parser


def _add_arguments(verb: argparse.ArgumentParser, name: str) -> None:
    if name == "batch convert":
        verb.add_argument("source", type=Path, metavar="FROM", help="recorded answers, or an output file of a batch")
        verb.add_argument("target", type=Path, metavar="TO", help="the other of the two; must not be there yet")
        verb.add_argument("--run", type=Path, metavar="RUN", help="run whose journal knows request ids and batch keys")
    elif name == "check":
        _add_check_arguments(verb)
    elif name == "hub serve":
        verb.add_argument(
            "folder", type=Path, metavar="FOLDER", help="where its state is kept; made if it is not there"
        )
        about = "default: 8642, or another one where that is in use"
        verb.add_argument("--port", type=_port, metavar="N", help=about)
    elif name == "embed":
        _add_embed_arguments(verb)
    elif name in ("publish", "yank", "pull"):
        _add_hub_arguments(verb, name)
    elif name == "train":
        _add_train_arguments(verb)
    elif name == "diff":
        about = "folder of a release, a run (its newest release), or ORG/NAME@v1.2.0 on the Hub"
        verb.add_argument("old", metavar="A", help=about)
        verb.add_argument("new", metavar="B", help="the release that is compared with it, named in the same way")
    elif name != "schema":
        verb.add_argument("folder", type=Path, metavar="RUN", help="the run folder")
    if name == "batch collect":
        about = "output of 'vllm run-batch'; default: ask the Batch API"
        verb.add_argument("files", type=Path, nargs="*", metavar="FILE", help=about)
    if name in ("gate", "run"):
        about = "processes that judge rows; default: the %(default)s cores that this one may run on"
        verb.add_argument("--workers", type=_workers, default=_cores(), metavar="N", help=about)
    if name == "review serve":
        about = "default: the one of the last start, at first 6900; another one where that is in use"
        verb.add_argument("--port", type=_port, metavar="N", help=about)
    if name in ("review push", "review pull"):
        about = "of the Argilla server; default: ARGILLA_API_URL, else the one of 'pairsmith review serve'"
        verb.add_argument("--url", metavar="URL", help=about)
        about = (
            "default: ARGILLA_API_KEY, which is better: others on this machine can see what stands on a command line"
        )
        verb.add_argument("--api-key", metavar="KEY", help=about)
    if name in ("review push", "review export"):
        about = "rows to show in all, those that were shown before among them; default: 'review.sample' of factory.yml"
        verb.add_argument("--sample", type=_rows, metavar="N", help=about)
    if name == "review plan":
        about = "share of defective rows to stay below; default: max_defect_rate of factory.yml, or 0.05"
        verb.add_argument("--max-defect-rate", type=_share, metavar="R", help=about)
        verb.add_argument("--confidence", type=_share, metavar="C", help="default: that of factory.yml")
        about = "share of defective rows that you expect; default: a quarter of --max-defect-rate"
        verb.add_argument("--expected", type=_share, metavar="E", help=about)
    if name == "review export":
        verb.add_argument("--reviewer", metavar="NAME", help="write only for this one; default: for all of factory.yml")
    if name == "review import":
        about = "answers that the page downloaded, or the JSON lines filled in"
        verb.add_argument("files", type=Path, nargs="+", metavar="FILE", help=about)
    if name == "release":
        about = "level of the version; default: %(default)s, the least that the change allows; a smaller one is refused"
        verb.add_argument("--bump", choices=("auto", "patch", "minor", "major"), default="auto", help=about)
    if name == "score":
        verb.add_argument("--truth", required=True, metavar="FILE", help="JSON lines, beside the run or inside it")
    verb.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_check_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("folder", metavar="RELEASE", help="a release, a run (its newest one), or ORG/NAME@v1.2.0")
    verb.add_argument("--against", metavar="BASELINE", help="the release to compare it with, named alike")
    about = "the bounds, each with its reason; default: those that 'pairsmith init' writes"
    verb.add_argument("--quality", type=Path, metavar="FILE", help=about)
    about = "terminal (default), markdown for a pull request, junit, json or github (annotations)"
    formats = ("terminal", "markdown", "junit", "json", "github")
    verb.add_argument("--format", choices=formats, default="terminal", metavar="FORMAT", help=about)
    about = "write the same bounds as suites of Great Expectations here, with its pages (Data Docs)"
    verb.add_argument("--expectations", type=Path, metavar="FOLDER", help=about)


def _add_embed_arguments(verb: argparse.ArgumentParser) -> None:
    about = "texts: one a line (.txt), JSON lines or Parquet with 'text'"
    verb.add_argument("file", type=Path, metavar="FILE", help=about)
    about = "a model in sentence-transformers' format: its folder, that of a training, or a name on the Hub"
    verb.add_argument("--model", required=True, metavar="DIR", help=about)
    verb.add_argument("--out", required=True, type=Path, metavar="FILE", help="where the vectors go: .npy or .parquet")
    verb.add_argument("--query-instruction", metavar="TEXT", help="the task, where the texts are queries")
    about = "leading dimensions only, for a model that was trained for it"
    verb.add_argument("--dimensions", type=int, metavar="N", help=about)
    about = "int8 (a quarter of the size) or binary (a thirty-second); default: float32"
    verb.add_argument("--quantise", choices=("int8", "binary"), metavar="KIND", help=about)


def _add_train_arguments(verb: argparse.ArgumentParser) -> None:
    about = "a release, a run (its newest one), ORG/NAME@v1.2.0, or labelled rows: .parquet, .jsonl or a folder of them"
    verb.add_argument("data", nargs="+", metavar="DATA", help=about)
    about = "what is trained: a folder, or a name on the Hub"
    verb.add_argument("--model", required=True, metavar="MODEL", help=about)
    about = "folder for all that comes of it; the same command again goes on where it was cut"
    verb.add_argument("--out", type=Path, required=True, metavar="OUT", help=about)
    about = "how often a row of each DATA is drawn in an epoch; default: once"
    verb.add_argument("--weights", type=_weight, nargs="+", default=[], metavar="W", help=about)
    about = "YAML of what differs from the method's recipe"
    verb.add_argument("--recipe", type=Path, metavar="FILE", help=about)
    about = "one value of the recipe, such as batch=512; may be given again"
    verb.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE", help=about)
    about = "go on from this adapter: the model folder of an earlier training"
    verb.add_argument("--adapter", type=Path, metavar="FOLDER", help=about)
    about = "the version that --adapter was trained on: of its rows only a share is trained on again"
    verb.add_argument("--since", metavar="RELEASE", help=about)
    verb.add_argument("--merge", action="store_true", help="write the whole model, not the adapter alone")
    about = "default: the GPU where there is one"
    verb.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help=about)


def _add_hub_arguments(verb: argparse.ArgumentParser, name: str) -> None:
    if name == "publish":
        verb.add_argument(
            "folder", type=Path, metavar="RELEASE", help="its folder, or a run: its newest release; or a model"
        )
        verb.add_argument("--repo", required=True, metavar="ORG/NAME", help="repository; made if it is not there")
        verb.add_argument("--public", action="store_true", help="for all to see; default: private")
        return
    verb.add_argument(
        "reference", metavar="ORG/NAME@VERSION", help="a published version, for example acme/pairs@v1.2.0"
    )
    if name == "yank":
        verb.add_argument("--why", required=True, metavar="TEXT", help="what is wrong with it, for the card")
    else:
        about = "folder to bring it into; default: NAME/VERSION in this one"
        verb.add_argument("--to", type=Path, metavar="FOLDER", help=about)


def _workers(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of processes; give 1 or more")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is no port; give 1 to 65535, or 0 for any that is free")
    return int(text)


def _rows(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_SHOWN:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of rows; give 1 to {MOST_SHOWN:,}")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no share; give a number from 0 to below 1, such as 0.05")
    return share


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = 0.0
    if not 0 < weight <= MOST_DRAWN:
        raise argparse.ArgumentTypeError(f"'{text}' is no weight; give a number above 0 and up to {MOST_DRAWN}")
    return weight


def _cores() -> int:
    """Cores that this process may run on: under taskset, or in a container that is pinned to some, fewer than there are.

    A container's share of their time (a cgroup quota, ``docker run --cpus``) is not looked at: there ``--workers`` says it.
    """
    allowed: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)  # Linux has it
    return len(allowed(0)) if allowed else os.cpu_count() or 1


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
    return publish_release(options.folder, options.repo, options.public)


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
        "export",
    ),
    "batch submit": Command(
        "Submit exported batch files to the Batch API, each one once",
        "batch submit runs/mine",
        _stage("pairsmith.batching", "submit_run"),
        "submit",
    ),
    "batch collect": Command(
        "Bring in what batches have answered, from the Batch API or from files of 'vllm run-batch'",
        "batch collect runs/mine",
        _stage("pairsmith.collecting", "collect_run", "files"),
        "collect",
    ),
    "batch convert": Command(
        "Turn recorded answers into an output file of a batch, or such a file into recorded answers",
        "batch convert completions.jsonl output.jsonl --run runs/mine",
        _convert,
        "convert",
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
        "served",
    ),
    "review push": Command(
        "Send a sample of the rows to an Argilla server; what is there stays as it is",
        "review push runs/mine --sample 200",
        _stage("pairsmith.reviewing", "push", "url", "api_key", "sample"),
        "pushed",
    ),
    "review pull": Command(
        "Bring in what people answered, from the Argilla server",
        "review pull runs/mine",
        _stage("pairsmith.reviewing", "pull", "url", "api_key"),
        "pulled",
    ),
    "review plan": Command(
        "Show how many rows people must look at to show that few are defective",
        "review plan runs/mine --max-defect-rate 0.05",
        _plan_review,
        "plan_review",
    ),
    "review export": Command(
        "Write a page and a file of JSON lines for each reviewer, to review a sample of the rows without a server",
        "review export runs/mine --sample 200",
        _stage("pairsmith.review_files", "export_run", "sample", "reviewer"),
        "exported_review",
    ),
    "review import": Command(
        "Bring in answers from files that 'review export' wrote or its page downloaded",
        "review import runs/mine answers-reviewer.jsonl",
        _stage("pairsmith.review_files", "import_run", "files"),
        "imported_review",
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
