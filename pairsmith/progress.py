"""Progress on stderr: what is being done, how much of it, at which rate, how long it will still take."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from tqdm import tqdm

    from pairsmith.factory.generate import Progress
    from pairsmith.live import Judged


@contextmanager
def bar(what: str, total: int | None, unit: str = "row") -> Iterator["tqdm[NoReturn]"]:
    """A progress bar on stderr, for what takes more than a moment; on a file or pipe a line every ten seconds instead."""
    from tqdm import tqdm

    pace, delay = (0.1, 0.5) if sys.stderr.isatty() else (10.0, 10.0)
    with tqdm(
        desc=what,
        total=total,
        unit=unit,
        mininterval=pace,
        delay=delay,
        file=sys.stderr,
        dynamic_ncols=True,
        leave=False,
    ) as shown:
        yield shown


def note(line: str) -> None:
    """One line on stderr, of what is done next and why."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def asking(title: str, judged: "Judged", priced: bool) -> Iterator[Callable[["Progress"], None]]:
    """Progress of a step that asks a language model; see :class:`pairsmith.live.Board`."""
    from pairsmith.live import Board

    board = Board(title, judged, priced)
    try:
        yield board.show
    finally:
        board.close()
