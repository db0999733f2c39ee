"""Commits to the journal what comes in while requests are asked: what arrives during one commit shares the next."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress

from pairsmith.factory.errors import RunError
from pairsmith.factory.journal import Journal, Outcome, Planned

BEHIND = 2000  # asks, of some kilobytes each


class Writer:
    """Writes to ``journal`` in a thread of its own, in the order in which things came.

    ``saved`` is called in the event loop with the outcomes that are on disk now; ``failed`` with the error that ended the
    writing, after which nothing more is written.
    """

    def __init__(
        self,
        journal: Journal,
        saved: Callable[[list[Outcome]], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._journal = journal
        self._saved = saved
        self._failed = failed
        self._planned: list[Planned] = []
        self._outcomes: dict[str, Outcome] = {}
        self._thread = ThreadPoolExecutor(1, "journal")
        self._task: asyncio.Task[None] | None = None
        self._broken = False

    @property
    def unsaved(self) -> int:
        """Outcomes that are not on disk yet: what a power cut would cost."""
        return len(self._outcomes)

    @property
    def busy(self) -> bool:
        """Whether something is being written."""
        return self._task is not None

    @property
    def behind(self) -> bool:
        """Whether so many asks of the plan are not on disk yet that no more should come."""
        return len(self._planned) >= BEHIND

    def plan(self, planned: list[Planned]) -> None:
        """Keep asks of the plan."""
        self._planned += planned
        self._go()

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome."""
        self._outcomes[outcome.key] = outcome
        self._go()

    async def flush(self) -> None:
        """Wait until all that came in is on disk."""
        while self._task is not None:
            await asyncio.shield(self._task)

    def close(self, lost: Mapping[str, int]) -> None:
        """End the thread; what is not on disk yet is written first, since it is paid, and so are ``lost`` tries by key."""
        self._thread.shutdown(wait=True)  # a commit under way ends
        with suppress(RunError) if self._broken else nullcontext():  # the first error is the one that is told
            if self._outcomes or self._planned:
                self._journal.record(list(self._outcomes.values()), self._planned)
            if lost:
                self._journal.lose(lost)

    def _go(self) -> None:
        if self._task is None and not self._broken:
            self._task = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._outcomes or self._planned:
                batch, planned = list(self._outcomes.values()), list(self._planned)
                await loop.run_in_executor(self._thread, self._journal.record, batch, planned)
                del self._planned[: len(planned)]
                for outcome in batch:
                    del self._outcomes[outcome.key]
                self._saved(batch)
        except Exception as error:
            self._broken = True
            self._failed(error)
        finally:
            self._task = None
