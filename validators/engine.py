"""Where the gates judge parts: in this process, over the machine's cores, or on a cluster. Each gives the same verdicts."""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Protocol

from pairsmith.validators.parts import Line, Part
from pairsmith.validators.pool import AHEAD, Pool


class Engine(Protocol):
    """Where parts are judged."""

    def judge(self, line: Line, parts: Iterable[Part]) -> Iterator[Part]:
        """Each of ``parts``, in their order, once what the gates that judge each row alone find of it lies in its folder.

        ``parts`` is drawn from as work gets done; a part of it that is finished already is not done again.
        """
        ...


class LocalEngine:
    """On this machine, in so many processes; in this one where there is no more than one part to judge."""

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers

    def judge(self, line: Line, parts: Iterable[Part]) -> Iterator[Part]:
        """See :class:`Engine`."""
        most = AHEAD * self._workers if self._workers > 1 else 0
        window: deque[Part] = deque()
        with closing(Pool(line, self._workers)) as pool:
            for part in parts:
                window.append(part)
                if not part.finished:
                    pool.give(part)
                yield from _ready(window, pool, most)
            yield from _ready(window, pool, 0)


def _ready(window: deque[Part], pool: Pool, most: int) -> Iterator[Part]:
    """Parts at the head of ``window`` that are finished; those after which there would be more than ``most`` are waited for."""
    while window and (window[0] not in pool or len(window) > most):
        while window[0] in pool:
            pool.wait()
        yield window.popleft()
