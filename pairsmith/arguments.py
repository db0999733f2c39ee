"""What each command takes on the command line."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

MOST_DRAWN = 100  # times that a row is drawn in an epoch: beyond it a model learns the rows by heart
MOST_SHOWN = 50_000  # rows for people: more than they can read, and what a server on SQLite searches at once


def add_arguments(verb: argparse.ArgumentParser, name: str) -> None:
    """Give the parser of the command ``name`` its arguments and options."""
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
    _add_quality(verb)
    about = "terminal (default), markdown for a pull request, junit, json or github (annotations)"
    formats = ("terminal", "markdown", "junit", "json", "github")
    verb.add_argument("--format", choices=formats, default="terminal", metavar="FORMAT", help=about)
    about = "write the same bounds as suites of Great Expectations here, with its pages (Data Docs)"
    verb.add_argument("--expectations", type=Path, metavar="FOLDER", help=about)


def _add_quality(verb: argparse.ArgumentParser) -> None:
    about = (
        "the bounds, each with its reason; default: quality.yml of the run that holds the release, else those of 'init'"
    )
    verb.add_argument("--quality", type=Path, metavar="FILE", help=about)


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
        _add_quality(verb)
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


def _cores() -> int:
    """Cores that this process may run on: under taskset, or in a container that is pinned to some, fewer than there are.

    A container's share of their time (a cgroup quota, ``docker run --cpus``) is not looked at: there ``--workers`` says it.
    """
    allowed: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)  # Linux has it
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = 0.0
    if not 0 < weight <= MOST_DRAWN:
        raise argparse.ArgumentTypeError(f"'{text}' is no weight; give a number above 0 and up to {MOST_DRAWN}")
    return weight
