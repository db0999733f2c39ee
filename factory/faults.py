"""A service's error answers, told apart: ask again later, give up this one request, or stop the run.

Sources: the error codes of the OpenAI API, and the wordings of vLLM, llama.cpp, TGI, Azure and OpenRouter.
"""

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from pairsmith.factory.errors import RetryError, RowError, ServiceError, StopError

PASSING = {408: "timeout", 409: "conflict", 425: "too_early", 429: "rate_limit"}
"""Statuses below 500 that pass, with their reason code; every status from 500 on passes as ``server_error``."""

RETRY_REASONS = frozenset(
    {*PASSING.values(), "server_error", "connection", "unreachable", "invalid_body", "no_choices"}
)
"""Every reason code of a passing fault: a request given up for one of these deserves another try in a later run."""

LOST_REASONS = frozenset({"timeout", "connection", "invalid_body", "no_choices"})
"""Reason codes of faults after which the service may have done the work all the same, and bill it."""

_HOPELESS = frozenset({401, 402, 403, 404, 405, 407, 410})
_HOPELESS_CODES = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "invalid_api_key",
        "model_not_found",
        "unsupported_parameter",
        "unsupported_value",
    }
)
_FILTERED = re.compile(
    r"content[_ ]?(?:filter|policy|management policy)|responsibleai|moderation|data_inspection_failed", re.IGNORECASE
)
_TOO_LONG = re.compile(
    r"context[_ ]?(?:length|window|size)|maximum context|request too large|prompt is too long|too many tokens",
    re.IGNORECASE,
)
_SCHEMA = re.compile(r"response[_ ]?format|json[_ ]?schema|structured[_ ]?output|guided|grammar", re.IGNORECASE)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104  compared with, not bound to
_SEEN = 4000  # characters of an error body that are looked at: enough for a message, and a bound on the work
_SHOWN = 300  # characters of it that a message shows


@dataclass(frozen=True)
class Service:
    """An endpoint as messages name it: never with the key, nor with a user name or password out of its URL."""

    base_url: str
    model: str
    key_env: str
    secret: str = field(default="", repr=False)

    @property
    def place(self) -> str:
        """The endpoint's URL without credentials and query."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"

    @property
    def local(self) -> bool:
        """Whether it runs on this machine."""
        return (urlsplit(self.base_url).hostname or "") in _LOOPBACK

    def says(self, text: str) -> str:
        """``text`` from outside as part of a message: one line, without the key, cut to 300 characters."""
        clean = text.replace(self.secret, "***") if self.secret else text
        line = " ".join("".join(c if c.isprintable() else " " for c in clean[:_SEEN]).split())
        return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."


def fault(service: Service, status: int, headers: Mapping[str, str], content: bytes) -> ServiceError:
    """The error that a response of ``status`` (300 or more) stands for, ready to be raised.

    ``headers`` are looked up in lower case. A content filter comes first, since gateways report it with 400 and 403
    alike; an exhausted quota comes with 429 but does not pass.
    """
    codes, text = _read(content)
    told = f"{service.place}: {_title(status)}: {service.says(text) or 'no message'}"
    if status < 400:
        target = service.says(headers.get("location", "nowhere"))
        return StopError(f"{told}; it redirects to {target}: correct 'base_url' in factory.yml and run again")
    below_500 = status < 500
    if below_500 and (_FILTERED.search(" ".join(codes)) or (status in (400, 403) and _FILTERED.search(text))):
        return RowError(told, "content_filter")
    if below_500 and status not in _HOPELESS and _TOO_LONG.search(" ".join((*codes, text))):
        return RowError(told, "context_length")
    if below_500 and (status in _HOPELESS or not _HOPELESS_CODES.isdisjoint(codes)):
        return StopError(f"{told}; {_advice(service, status, codes)}")
    if status in PASSING or not below_500:
        return RetryError(told, PASSING.get(status, "server_error"), retry_after(headers), stated_limits(headers))
    return RowError(told, "bad_request")


def refuses_schema(status: int, content: bytes) -> bool:
    """Whether the endpoint refuses ``response_format`` as such: each server has its own words for it."""
    return status in (400, 415, 422, 501) and bool(_SCHEMA.search(_text(content)))


def refuses_max_tokens(status: int, content: bytes) -> bool:
    """Whether the endpoint wants the newer name ``max_completion_tokens`` for the cap on an answer."""
    return status in (400, 422) and "max_completion_tokens" in _text(content)


def stated_limits(headers: Mapping[str, str]) -> dict[str, str] | None:
    """Those of ``headers`` (by lower-case name) in which a service states its limits; None where it states none."""
    return {name: value for name, value in headers.items() if "ratelimit" in name} or None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as the service asks: ``retry-after-ms``, or ``retry-after`` in seconds or as an HTTP date.

    A date is read by the service's own clock (header ``date``) where it tells it: that of this machine may be off.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    until = _moment(value)
    if until is None:
        return None
    now = _moment(headers.get("date"))
    return max(0.0, until - (time.time() if now is None else now))


def _moment(date: str | None) -> float | None:
    """An HTTP date in seconds since 1970."""
    try:
        return parsedate_to_datetime(date or "").timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


def _text(content: bytes) -> str:
    return content[:_SEEN].decode("utf-8", "replace")


def _read(content: bytes) -> tuple[list[str], str]:
    """The machine-readable codes of an error body, and what it says; bodies come in many forms, or are HTML."""
    try:
        body: Any = json.loads(content)
    except (ValueError, RecursionError):
        return [], _text(content)
    found = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(found, dict):
        return [], str(found)[:_SEEN]
    inner = found.get("innererror")
    values = [found.get("code"), found.get("type"), inner.get("code") if isinstance(inner, dict) else None]
    message = found.get("message") or found.get("detail") or found
    return [value for value in values if isinstance(value, str)], str(message)[:_SEEN]


def _title(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _advice(service: Service, status: int, codes: list[str]) -> str:
    if status == 401 or "invalid_api_key" in codes:
        return f"put a valid key into the environment variable {service.key_env} and run again"
    if status in (404, 405, 410) or "model_not_found" in codes:
        return f"correct 'model' (now '{service.model}') or 'base_url' in factory.yml and run again"
    if status == 402 or any(code.startswith(("insufficient", "billing")) for code in codes):
        return "add credit at the provider and run again: what was answered is kept"
    if status == 403:
        return f"ask the provider for access of {service.key_env}'s key to model '{service.model}' and run again"
    if status == 407:
        return "the proxy wants a login: put it into HTTPS_PROXY, or take the proxy out"
    return "change that setting of the model in factory.yml and run again"
