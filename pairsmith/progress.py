"""Progress on stderr: what is being done, how much of it, at which rate, how long it will still take."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from tqdm import tqdm

    from pairsmith.factory.generate import Progress


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
def asking(step: str) -> Iterator[Callable[["Progress"], None]]:
    """Progress of a step that asks a language model."""
    with bar(step, None, "answer") as shown:

        def show(state: "Progress") -> None:
            shown.total = state.total
            state_now = {"failed": state.failed, "in flight": state.in_flight, "tokens": round(state.tokens)}
            shown.set_postfix({name: count for name, count in state_now.items() if count}, refresh=False)
            if state.says:
                shown.set_description(f"{step}: {'; '.join(state.says)}", refresh=False)
            if state.stopping:
                shown.set_description(f"{step}: stopping, waiting for what is paid", refresh=False)
            shown.update(state.done - shown.n)

        yield show
