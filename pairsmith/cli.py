"""The command line: one verb a stage, the run folder as argument, progress on stderr, JSON on stdout with ``--json``.

Exit codes: 0 done, 1 a check found that quality fell (nothing is published then), 2 something that a person must mend (one line
says what), 130 stopped by Ctrl-C.
"""

import argparse
import shlex
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from pairsmith import __version__
from pairsmith.arguments import add_arguments
from pairsmith.commands import COMMANDS, GROUPS
from pairsmith.factory.errors import PairsmithError


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
        return _refuse(str(error), getattr(error, "exit_code", PairsmithError.exit_code))
    except MemoryError:
        return _refuse("out of memory; allow the process more, or take fewer '--workers': what was finished stays")
    except Exception as error:
        if not type(error).__module__.startswith("pyarrow"):  # which is too heavy to import for its exceptions
            raise
        return _refuse(f"{error}; {_again(options)}")
    if not result:  # another process tells
        return 0
    try:
        print(_safe(_view("plain" if options.json else command.view)(result)), flush=True)
    except BrokenPipeError:
        sys.stderr.close()  # the reader has had enough (`| head`)
    return _refuse(result["mend"]) if "mend" in result else int(result.get("exit", 0))


def _view(name: str) -> Callable[[dict[str, Any]], str]:
    """See :class:`~pairsmith.commands.Command`."""
    module, _, function = name.rpartition(".")
    view: Callable[[dict[str, Any]], str] = getattr(import_module(f"pairsmith.{module or 'show'}"), function)
    return view


def _without_key(arguments: list[str], key: str | None) -> list[str]:
    """What was typed, fit to be shown: no message holds a key."""
    if not key:
        return arguments
    return [f"{one.removesuffix(key)}KEY" if one == key or one.endswith(f"={key}") else one for one in arguments]


def _again(options: argparse.Namespace) -> str:
    """What to do where a table is damaged."""
    from pairsmith.factory.spec import FILE

    folder = getattr(options, "folder", None)
    if folder and (Path(folder) / FILE).is_file():
        return f"'pairsmith run {folder}' makes damaged artifacts again"
    return "take what is damaged again from where it came"


def _refuse(message: str, exit_code: int = PairsmithError.exit_code) -> int:
    print(f"pairsmith: {_safe(' '.join(message.split()))}", file=sys.stderr)
    return exit_code


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
        add_arguments(verb, name)
    return parser
