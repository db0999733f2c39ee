"""A connection to an Argilla server, whosever it is: each thing that can go wrong with one is one line.

Datasets are made with Argilla's own library. Records and responses go through the server's documented API (``/api/v1``): the
library's own reading of them leaves out when a response was given, and its writing draws a progress bar of its own.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pairsmith.factory.errors import InputError, RunError
from pairsmith.factory.extras import need_extra

if TYPE_CHECKING:
    import argilla as rg

URL, KEY = "ARGILLA_API_URL", "ARGILLA_API_KEY"
"""Argilla's usual environment variables."""
MAJOR = 2
"""Version of the server whose API this is; all of its servers from 2.1 on know how many answers a record needs."""
OLDEST = (2, 1)
TIMEOUT = 120.0  # seconds: a batch of records takes a busy server some
LONGEST_DETAIL = 300  # characters of what the server says of a request that it refuses


class Connection:
    """A server and a key that it accepts. ``url``: of the server, as it stands in messages and reviews; no key is in it."""

    def __init__(self, url: str, client: "rg.Argilla") -> None:
        self.url = url
        self.client = client

    def ask(self, method: str, path: str, **said: Any) -> Any:
        """What the server answers, parsed; ``said``: ``json`` or ``params``. :class:`RunError` where it does not."""
        with explained(self.url):
            response = self.client.http_client.request(method, f"/api/v1/{path}", timeout=TIMEOUT, **said)
            response.raise_for_status()
            return response.json() if response.content else None

    def user(self) -> tuple[str, str]:
        """Name and role (owner, admin or annotator) of the key's user."""
        me = self.ask("GET", "me")
        return me["username"], me["role"]


def connect(run_folder: Path, url: str | None, api_key: str | None) -> Connection:
    """The server of ``url``, else of ``ARGILLA_API_URL``, else the one that ``pairsmith review serve`` runs for this run.

    A key from the environment goes only to a server that is named, and the key of the run's own server only to that one.
    """
    place, key = _place_and_key(run_folder, url, api_key)
    _check_key(key)
    need_extra("review", "to review on a server", "argilla")
    _check_server(place)
    import argilla as rg

    logging.getLogger("argilla.sdk").setLevel(logging.CRITICAL)  # what it logs is said in one line here
    with explained(place):
        client = rg.Argilla(api_url=place, api_key=key, retries=2, timeout=int(TIMEOUT), trust_env=not _is_here(place))
        return Connection(place, client)


def _place_and_key(run_folder: Path, url: str | None, api_key: str | None) -> tuple[str, str]:
    from pairsmith.curation.argilla_local import local_server

    own = local_server(run_folder)
    named = url or os.environ.get(URL)
    if named:
        place = _checked_url(named)
        key = api_key or os.environ.get(KEY) or (own.owner.api_key if own and own.url == place else None)
        if not key:
            raise RunError(
                f"no key for {place}; set {KEY} to the API key that Argilla's page shows under 'My settings'"
            )
        return place, key
    if own is None:
        raise RunError(
            f"{run_folder}: no Argilla server; start one with 'pairsmith review serve {run_folder}', or name one by {URL}"
        )
    if not own.runs:  # else the key would go to whoever listens there now
        raise RunError(
            f"{run_folder}: its review server does not run; start it with 'pairsmith review serve {run_folder}', or name"
            f" another by {URL}"
        )
    return own.url, api_key or own.owner.api_key


def _checked_url(url: str) -> str:
    if "@" in url:  # before anything of it stands in a message
        raise InputError(f"the URL of the Argilla server holds a user or a password; leave it out and set {KEY}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InputError(
            f"the URL of the Argilla server cannot be read ({error}); give one like http://127.0.0.1:6900"
        ) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"'{url}' is no URL of an Argilla server; give one like http://127.0.0.1:6900")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def _is_here(place: str) -> bool:
    """Whether a server is on this machine: a proxy, which the environment may name, could not reach it, and gets no key."""
    return urlsplit(place).hostname in ("localhost", "127.0.0.1", "::1")


def _check_key(key: str) -> None:
    """A key that cannot stand in a header would be named in the error that says so."""
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InputError(f"the API key has a space or a character that no key has; set {KEY} to it again")


def _check_server(place: str) -> None:
    import httpx

    with explained(place):
        found = httpx.get(f"{place}/api/v1/version", timeout=30.0, trust_env=not _is_here(place))
    try:
        version = str(found.raise_for_status().json()["version"])
        numbers = tuple(int(number) for number in version.split(".")[:2])
    except (httpx.HTTPStatusError, ValueError, KeyError, TypeError):
        raise RunError(
            f"{place}: no Argilla server answers there (HTTP {found.status_code}); check the URL, and that a Space is public"
        ) from None
    if numbers[0] != MAJOR or numbers < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise RunError(
            f"{place}: Argilla {version}; this needs a server of version {oldest} to {MAJOR}.x, as"
            " 'pairsmith review serve' starts one"
        )


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Errors of the network, of the server and of Argilla's library as one line each, none with a key in it."""
    import httpx

    try:
        yield
    except httpx.ConnectError:
        raise RunError(
            f"{place}: nothing answers there; start the run's own server with 'pairsmith review serve', or check the URL"
        ) from None
    except httpx.TimeoutException:
        raise RunError(f"{place}: no answer in time; run the command again, nothing is doubled") from None
    except httpx.TransportError as error:
        raise RunError(
            f"{place}: the connection broke ({type(error).__name__}); run the command again, nothing is doubled"
        ) from None
    except httpx.HTTPStatusError as error:
        raise RunError(f"{place}: {_refused(error.response.status_code, error.response.text)}") from None
    except ValueError:
        raise RunError(f"{place}: what came is no answer of an Argilla server; check the URL") from None
    except Exception as error:
        if not type(error).__module__.startswith("argilla."):
            raise
        raise RunError(f"{place}: {_explained(error)}") from None


def _explained(error: BaseException) -> str:
    """Argilla's library wraps what went wrong, at times more than once, and not always with the server's status."""
    cause: BaseException | None = error
    status, said = None, ""
    while cause is not None:
        status = getattr(cause, "status_code", status)
        said = str(cause) or said
        cause = cause.__cause__ or cause.__context__
    if type(error).__name__ == "ArgillaCredentialsError":
        status = 401
    return _refused(status, said) if status else f"{said or type(error).__name__}; run the command again"


def _refused(status: int, detail: str) -> str:
    said = " ".join(detail.split())[:LONGEST_DETAIL]
    what: Mapping[int, str] = {
        401: f"the server knows no such key; set {KEY} to the API key that its page shows under 'My settings'",
        403: "the key's user may not do that; use the key of an owner, or of an admin of the workspace",
        404: "it was there a moment ago and is gone (HTTP 404); run the command again",
        409: f"someone else makes the same thing at the same time (HTTP 409: {said}); run the command again",
        413: "a proxy before the server takes no request of that size (HTTP 413); use the server's own address",
        429: "the server is asked too often (HTTP 429); run the command again in a minute, nothing is doubled",
    }
    if status >= 500:
        return f"the server failed (HTTP {status}); look into its log, then run the command again, nothing is doubled"
    return what.get(status, f"the server refused it (HTTP {status}: {said})")
