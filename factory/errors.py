"""Errors that a person can act on. Each message is one line: what, where, the value, what to do next.

::

    PairsmithError                 one line on stderr, exit code 2, nothing lost
    ├── SpecError                  factory.yml is not what it should be
    ├── InputError                 a file that the spec or the command line names
    ├── RunError                   the run folder: missing stage, other format, held by another process
    │   └── RoomError              the disk is full, or a file as large as it may be
    ├── RemoteError                the Hub: not reached, not allowed, or what is there is something else
    ├── QualityError               a release fails its check: exit code 1
    └── ServiceError               the language model's service
        ├── RetryError             passing (429, 5xx, timeout, reset): ask again after ``wait`` seconds
        ├── RowError               this request only (400, content filter, context length): give up, ``reason`` is kept
        └── StopError              every request would fail alike (401, 403, no quota, unknown model): stop at once
"""

import difflib
from collections.abc import Iterable, Mapping


class PairsmithError(Exception):
    """Base of all errors that end a command with one line and ``exit_code``."""

    exit_code = 2


class SpecError(PairsmithError):
    """``factory.yml`` holds something that cannot be used."""


class InputError(PairsmithError):
    """A file named by the spec or the command line cannot be used."""


class RunError(PairsmithError):
    """The run folder is not in the state that the command needs."""


class RoomError(RunError):
    """A file cannot be written whole: the disk is full, a quota used up, or the file as large as a file may be."""


class RemoteError(PairsmithError):
    """The Hub did not do, or does not hold, what the command needs."""


class QualityError(PairsmithError):
    """A release fails its check, so that it is not published."""

    exit_code = 1


class ServiceError(PairsmithError):
    """The language model's service did not answer a request."""


class RetryError(ServiceError):
    """A passing fault. ``wait``: seconds that the service asked for, or None; ``reason``: a countable code.

    ``headers``: what the service said of its limits, by lower-case name.
    """

    def __init__(
        self, message: str, reason: str, wait: float | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.wait = wait
        self.headers = headers


class RowError(ServiceError):
    """A fault of one request only. ``reason``: a countable code that is stored with the request.

    ``paid``: the service did the work, and bills it, although nothing of use came of it.
    """

    def __init__(self, message: str, reason: str, paid: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.paid = paid


class StopError(ServiceError):
    """A fault that every further request would meet: nothing more is sent, the state is kept."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a misspelt name: `` (did you mean 'x'?)`` or the empty string."""
    match = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.5)
    return f" (did you mean '{match[0]}'?)" if match else ""
