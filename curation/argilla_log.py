"""What a review server says, kept in a file of bounded size; whatever happens to that file, the server goes on."""

import logging
import threading
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

MOST_BYTES = 1_000_000  # of each of two files: some thousand errors with their traces
_LINE = 10_000  # bytes of a line that are written at once
_LAST = 300  # characters of the last line that a message quotes


class ServerLog(threading.Thread):
    """Writes ``output`` to the file at ``path`` until it ends; a full file is put aside, and one such is kept.

    ``last``: the last line of it that is not empty, shortened; of this start, not of one before.
    """

    def __init__(self, output: IO[bytes], path: Path) -> None:
        super().__init__(daemon=True)
        self.path = path
        self.last = ""
        self._output = output

    def run(self) -> None:
        """Read to the end: a pipe that nobody empties would stop the server."""
        handler = _Handler(self.path, maxBytes=MOST_BYTES, backupCount=1, encoding="utf-8", delay=True)
        begins = True  # a line longer than what is read at once goes on
        for part in iter(lambda: self._output.readline(_LINE), b""):
            text = part.decode(errors="replace").rstrip()
            if begins and text.strip():
                self.last = text.strip()[:_LAST]
            begins = part.endswith(b"\n")
            handler.emit(logging.LogRecord("argilla", logging.INFO, "", 0, text, None, None))
        with suppress(OSError):
            handler.close()


class _Handler(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """On a full disk lines are lost, and nothing else: by default each would be a traceback on the terminal."""
