"""What a service says in its headers about what is left: ``x-ratelimit-remaining-requests`` and their kind.

Sources: OpenAI's rate limit headers (durations such as ``6m0s``), the same without ``-requests`` as many gateways send
them (``x-ratelimit-limit``, the IETF draft's ``ratelimit-limit``), and Anthropic's (``anthropic-ratelimit-requests-limit``, with times of day).
Headers come from outside: what cannot be read is as if it were not there.
"""

import math
import re
import time
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

FLOOR = 1 / 30
"""Requests a second that are sent whatever is said or seen: a probe each half minute finds out that a limit is gone."""

_DISTRUST = 3  # answers to requests that should not have been let through: the headers count something else
_EPOCH = 1e9  # a reset from here on is a moment since 1970 and not a number of seconds: no quota lasts 30 years
_LONGEST = 86400.0  # seconds; a longer reset is a fault or a quota by the month, which waiting does not help
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|[dhms])")
_NAMES = {
    kind: [
        (f"x-ratelimit-{{}}-{kind}",),
        (f"anthropic-ratelimit-{kind}-{{}}",),
        *([("x-ratelimit-{}",), ("ratelimit-{}",)] if kind == "requests" else []),
    ]
    for kind in ("requests", "tokens")
}
_HEADERS = {
    kind: [tuple(form.format(part) for part in ("limit", "remaining", "reset")) for (form,) in forms]
    for kind, forms in _NAMES.items()
}


def number(value: str | None) -> float | None:
    """A finite number of 0 or more, else None; of a list (``100, 100;w=60``) the first."""
    if value is None:
        return None
    try:
        found = float(value.split(",", 1)[0].split(";", 1)[0])
    except ValueError:
        return None
    return found if 0 <= found < math.inf else None


def seconds(value: str | None) -> float | None:
    """A reset in seconds from now: ``1s``, ``6m0s``, ``120ms``, plain seconds, seconds since 1970, or an ISO time."""
    if value is None:
        return None
    text = value.strip()
    found = number(text)
    if found is None:
        found = _duration(text)
    if found is None:
        found = _moment(text)
    if found is not None and found > _EPOCH:
        found = (found / 1000 if found > _EPOCH * 1000 else found) - time.time()
    return None if found is None else min(max(0.0, found), _LONGEST)


@lru_cache(maxsize=1024)
def _duration(text: str) -> float | None:
    parts = _PART.findall(text)
    if not parts or "".join(count + unit for count, unit in parts) != text:
        return None
    return sum(float(count) * _UNITS[unit] for count, unit in parts)


def _moment(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


class Quota:
    """The bucket at the service, as its last headers showed it.

    Its level is what remained, less what was sent after the request that brought the news (the service may not have
    counted that yet), plus what has flowed in since: it will be full at ``reset``, so (limit - remaining) / reset.
    """

    def __init__(self, kind: str) -> None:
        self._headers = _HEADERS[kind]
        self._left: float | None = None
        self._at = 0.0
        self._full = 0.0
        self._seen = -1  # number of the request that brought the news
        self._taken_before = 0.0
        self._contradicted = 0
        self.rate: float | None = None
        self.taken = 0.0  # units of all that was sent so far

    def read(self, headers: Mapping[str, str], now: float, number_sent: int, taken: float) -> None:
        """Take the news of a landing in. ``number_sent``: of its request; ``taken``: units sent up to and with it."""
        if number_sent <= self._seen or self._contradicted >= _DISTRUST:
            return
        for limit_name, remaining_name, reset_name in self._headers:
            remaining = number(headers.get(remaining_name))
            if remaining is not None:
                self._learn(remaining, number(headers.get(limit_name)), seconds(headers.get(reset_name)), now)
                self._seen, self._taken_before = number_sent, taken
                return

    def _learn(self, remaining: float, limit: float | None, reset: float | None, now: float) -> None:
        self._left, self._at, self._full = remaining, now, max(remaining, limit or 0.0)
        if limit is not None and limit > remaining and reset:
            self.rate = (limit - remaining) / reset

    def level(self, now: float) -> float:
        """Units left now, as far as is known."""
        if self._left is None:
            return math.inf
        level = self._left + (self.rate or 0.0) * (now - self._at)
        return min(level, self._full) - (self.taken - self._taken_before)

    def wait(self, now: float, cost: float) -> float:
        """Seconds until ``cost`` is left at the service; at most until the floor's next probe."""
        if self._left is None or self._contradicted >= _DISTRUST:
            return 0.0
        missing = min(cost, max(1.0, self._full)) - self.level(now)
        if missing <= 0:
            return 0.0
        return min(missing / self.rate if self.rate else math.inf, max(0.0, self._at + 1 / FLOOR - now))

    def contradict(self) -> None:
        """A request was answered that was sent with nothing left: after a few of these the headers are not believed."""
        self._contradicted += 1
