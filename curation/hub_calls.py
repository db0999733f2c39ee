"""Calls to the Hub: what it, or the way to it, did not let us do, as one line.

Address, token and caches are ``huggingface_hub``'s own settings (``HF_ENDPOINT``, ``HF_TOKEN``, ``HF_HOME``). No message of
the library is shown: it may quote the request, and spans lines.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from traceback import walk_tb
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from pairsmith.factory.errors import PairsmithError, RemoteError

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

Result = TypeVar("Result")

_TRIES = 5  # times that somebody else may be first before we give up: each one read what the other wrote
_MOVED = (409, 412)
_SERVER_FAULT = 500
_SAID = 200  # characters of a server's reason
_STATUSES = {
    401: "was asked with a token that the Hub does not know; put a valid one into HF_TOKEN",
    403: "may not be written with this token; ask whose it is for the right, or take another repository",
    413: "is sent more than the Hub takes at once; ask who runs it",
    507: "finds no room: the disk of the Hub is full; make room there and run again",
}


class MovedError(Exception):
    """Somebody else committed first, or made what we wanted to make: read again what is there, and decide again."""


def hub() -> "HfApi":
    """The client of the Hub, without Xet: its uploads may make several commits of one, so that half of it could be seen.

    Raises :class:`RemoteError` where address or token are none that could be sent.
    """
    os.environ["HF_HUB_DISABLE_XET"] = "1"  # read when the library is imported, also by processes that we start
    if endpoint := os.environ.get("HF_ENDPOINT"):
        _need_address(endpoint)  # which the library stumbles over while it is imported
    from huggingface_hub import HfApi, constants, get_token
    from huggingface_hub.utils.tqdm import disable_progress_bars

    constants.HF_HUB_DISABLE_XET = True  # where it was imported before
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(
        logging.ERROR
    )  # its lines about a try that failed quote links that are keys
    if not all("!" <= letter <= "~" for letter in get_token() or ""):
        raise RemoteError(
            "HF_TOKEN holds what no token does, such as a space or a letter with an accent; copy it again"
        )
    return HfApi(library_name="pairsmith")


def _need_address(endpoint: str) -> None:
    try:
        address = urlsplit(endpoint)
        good = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        good = False
    if not good:
        raise RemoteError("HF_ENDPOINT is no address such as https://huggingface.co; correct it, or leave it out")


@contextmanager
def told(repository: str, unchanged: str) -> Iterator[None]:
    """Turn what the library raises into :class:`RemoteError`, or into :class:`MovedError` where somebody else was first.

    ``unchanged``: how things stand when it fails, for example "nothing was published".
    """
    try:
        yield
    except (PairsmithError, MovedError):
        raise
    except Exception as error:
        causes = list(_causes(error))
        if any(_status(cause) in _MOVED for cause in causes):
            raise MovedError from None
        line = next((line for line in map(_line, causes) if line), None)
        if line is None:
            raise
        raise RemoteError(f"{_place()}: {repository} {line}; {unchanged}") from None


def until_settled(repository: str, unchanged: str, action: Callable[[], Result], say: Callable[[str], None]) -> Result:
    """Do ``action`` again, from reading on, as often as somebody else was first; see :func:`told` for its faults."""
    for _ in range(_TRIES):
        try:
            with told(repository, unchanged):
                return action()
        except MovedError:
            say(f"{repository}: somebody else committed at the same time; what is there now is read again")
    raise RemoteError(f"{repository}: others commit all the time; nothing was changed by this one: try again later")


def _place() -> str:
    from huggingface_hub import constants

    address = urlsplit(constants.ENDPOINT)
    return f"{address.scheme}://{address.netloc.rpartition('@')[2]}"  # without a password


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """What was raised, and what that was raised from: the innermost says most, so it comes first."""
    if error is not None:
        yield from _causes(error.__cause__)
        yield error


def _status(error: BaseException) -> int | None:
    from huggingface_hub.errors import HfHubHTTPError

    return error.response.status_code if isinstance(error, HfHubHTTPError) else None


def _line(error: BaseException) -> str | None:
    """What happened, None for what is no fault of the Hub or the way to it."""
    import httpx2
    from huggingface_hub import errors

    if isinstance(error, errors.OfflineModeIsEnabled):
        return "is not asked, because HF_HUB_OFFLINE is set"
    if isinstance(error, errors.LocalTokenNotFoundError):
        return "wants a token; put one into HF_TOKEN"
    if isinstance(error, errors.GatedRepoError):
        return "is gated; accept its terms on the Hub first"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "is not there, or not for this token; correct the name, or put a token into HF_TOKEN that may see it"
    if isinstance(error, errors.RevisionNotFoundError):
        return "has no such version; correct what follows '@'"
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return "lacks a file of this version, so it is no release of Pairsmith, or not a whole one"
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        return _STATUSES.get(status) or (_refused(error) if status < _SERVER_FAULT else _later(status))
    if isinstance(error, httpx2.TransportError):
        return f"can't be reached, or the connection was cut ({type(error).__name__}); try again"
    if isinstance(error, errors.HFValidationError):
        return "has a name that the Hub does not allow"
    strange = (errors.FileMetadataError, errors.LocalEntryNotFoundError, JSONDecodeError, httpx2.RequestError)
    if isinstance(error, strange) or _misread(error):
        return "is answered for by something that is no Hub; check HF_ENDPOINT"
    return None


def _misread(error: BaseException) -> bool:
    """Whether the library stumbled over an answer: it is JSON, and not what a Hub says."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    inside = bool(frames) and str(frames[-1].f_globals.get("__name__")).startswith("huggingface_hub.")
    return inside and isinstance(error, (AttributeError, LookupError, TypeError, ValueError))


def _later(status: int) -> str:
    return f"answered with status {status}; try again later"


def _refused(error: "HfHubHTTPError") -> str:
    """With the server's reason, which is from outside: short, and without the token, which it was sent."""
    from huggingface_hub import get_token

    reason = " ".join((error.server_message or "no reason given").replace(get_token() or "\0", "...").split())
    return f"was refused with status {error.response.status_code} ({reason[:_SAID]})"
