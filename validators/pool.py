"""Processes that judge parts. One that dies is replaced and its part is done again: it costs that part's time, no more."""

import json
import os
import selectors
import signal
import subprocess
import sys
from collections import Counter, deque
from contextlib import suppress
from typing import BinaryIO, cast

from pairsmith.factory import errors
from pairsmith.factory.errors import PairsmithError
from pairsmith.validators.parts import Line, Part, is_finished, judge_part, names

AHEAD = 2  # parts that each worker has: it goes on with the next one while this process is busy
DEATHS = 3  # of workers on one part, after which it is at fault: once may be chance, the out-of-memory killer, a person
OUT_OF_MEMORY = 98  # exit code of a worker that could not get the memory it needs


class Pool:
    """``size`` workers, started when a second part is given: for one part the start would take longer than the work."""

    def __init__(self, line: Line, size: int) -> None:
        self._line = line
        self._size = size
        self._queue: deque[Part] = deque()
        self._open: set[Part] = set()
        self._deaths: Counter[Part] = Counter()
        self._workers: list[Worker] = []
        self._selector = selectors.DefaultSelector()

    def __contains__(self, part: Part) -> bool:
        """Whether the part was given and is not finished."""
        return part in self._open

    def give(self, part: Part) -> None:
        """Have the part judged, once: parts without rows are all one and the same."""
        if part in self._open:
            return
        self._queue.append(part)
        self._open.add(part)
        if len(self._open) > 1:
            while len(self._workers) < min(self._size, len(self._open)) and self._size > 1:
                self._hire()
        self._hand_out()

    def wait(self) -> None:
        """Wait until something has come of the open parts, a part finished or a worker replaced."""
        if not self._workers:
            part = self._queue.popleft()
            judge_part(self._line.gates, part)
            self._open.remove(part)
        for key, _ in self._selector.select() if self._workers else ():
            worker: Worker = key.data
            messages = worker.read()
            for message in messages or ():
                self._take(worker.parts.popleft(), message)
            if messages is None:
                self._replace(worker)
        self._hand_out()

    def close(self) -> None:
        """End all workers, whatever they are doing."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._selector.close()

    def _hire(self) -> None:
        worker = Worker(self._line)
        self._workers.append(worker)
        self._selector.register(worker.output, selectors.EVENT_READ, worker)

    def _hand_out(self) -> None:
        """Give each worker what it lacks, those with the least first."""
        while self._queue and self._workers:
            worker = min(self._workers, key=lambda one: len(one.parts))
            if len(worker.parts) >= AHEAD:
                return
            worker.ask(self._queue.popleft())

    def _take(self, part: Part, message: dict[str, str]) -> None:
        if "error" in message:
            kind = getattr(errors, message["kind"], None)
            raise (kind or RuntimeError)(message["error"])
        self._open.remove(part)

    def _replace(self, worker: "Worker") -> None:
        self._selector.unregister(worker.output)
        self._workers.remove(worker)
        told = worker.end()
        if worker.parts and is_finished(worker.parts[0].folder):
            self._open.remove(worker.parts.popleft())
        elif worker.parts:
            part = worker.parts[0]
            self._deaths[part] += 1
            if self._deaths[part] >= DEATHS:
                raise PairsmithError(
                    f"rows {names(part)}: their worker died {DEATHS} times ({told}); free some memory, take these rows or the"
                    " gate that they break out of the run, or see with '--workers 1' what happens"
                )
        self._queue.extendleft(reversed(worker.parts))
        self._hire()


class Worker:
    """One process that judges the parts it is asked for, in their order."""

    def __init__(self, line: Line) -> None:
        self.parts: deque[Part] = deque()
        # A group of its own: Ctrl-C is for this process, which ends its workers. They end too when their input does.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pairsmith.validators.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,
        )
        self._input, self._output = cast("BinaryIO", self._process.stdin), cast("BinaryIO", self._process.stdout)
        self._rest = b""
        spec = line.spec.model_dump(mode="json")
        self._say({"gates": spec, "folder": str(line.folder), "path": sys.path})

    @property
    def output(self) -> int:
        """File descriptor that says when there is something to :meth:`read`."""
        return self._output.fileno()

    def ask(self, part: Part) -> None:
        """Have it judge the part after those it has."""
        self.parts.append(part)
        self._say({"folder": str(part.folder), "rows": part.rows})

    def read(self) -> list[dict[str, str]] | None:
        """What it has said of its parts since the last time; None where it is dead."""
        data = os.read(self.output, 2**16)
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines] if data else None

    def end(self) -> str:
        """End it if it is alive; says how it ended."""
        self._process.kill()
        with suppress(BrokenPipeError):
            self._input.close()
        self._output.close()
        code = self._process.wait()
        if code == OUT_OF_MEMORY:
            return "out of memory"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _say(self, message: object) -> None:
        with suppress(BrokenPipeError):  # it is dead: its output says so too
            self._input.write(json.dumps(message).encode() + b"\n")
            self._input.flush()
