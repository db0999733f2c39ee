"""Ctrl-C while a model is trained: the first ends the training after the step that runs, the second at once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """``asked``: whether somebody wants the training to end."""

    def __init__(self) -> None:
        self.asked = False

    def _interrupted(self, _: int, __: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Inside it Ctrl-C is noted; weights are never left half updated by it."""
    stop = Stop()
    before = signal.signal(signal.SIGINT, stop._interrupted)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
