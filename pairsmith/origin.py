"""Where the rows of a run come from: the answers of its journal, or files of pairs."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import pyarrow as pa

from pairsmith.factory.journal import Counts
from pairsmith.pairs import Pairs
from pairsmith.parsing import Answers
from pairsmith.run import JOURNAL, Run

Originals = Callable[[Collection[str]], Iterator[dict[str, Any]]]
"""Those rows of a part whose id is among the given ones, in their order, with the columns of REJECTED that stand neither in
the candidates nor in the verdicts, ``id`` among them; ``raw`` is empty where the candidates hold all there is of a row."""


class Origin(Protocol):
    """Gives rows in parts, always the same ones. ``written``: what :meth:`parse` writes into the run folder.

    ``wanted``: rows by slice that take the place of no other, as far as :meth:`parse` has come.
    """

    @property
    def written(self) -> tuple[str, ...]: ...

    @property
    def wanted(self) -> Mapping[str, int]: ...

    def inputs(self) -> dict[str, Any]:
        """What decides the rows, ready for JSON."""

    def counts(self) -> Counts:
        """How many rows there are, and how many are missing and why."""

    def room(self) -> str:
        """What the files that gating writes take on disk, in words."""

    def parse(self) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Part by part: rows (schema PAIRS), and verdicts of gate ``parse`` on all that there was (schema VERDICTS)."""

    def originals(self) -> Iterator[Originals]:
        """The same parts once more, for what was there of their rejected rows."""


@contextmanager
def open_origin(run: Run) -> Iterator[Origin]:
    """What the spec of the run names."""
    if run.spec.pairs:
        yield Pairs(run)
    else:
        run.folder.need(JOURNAL, "generate")
        with run.journal() as journal:
            yield Answers(run, journal)
