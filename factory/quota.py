"""What a service says in its headers about what is left: ``x-ratelimit-remaining-requests`` and their kind.

Sources: OpenAI's rate limit headers (durations such as ``6m0s``), the same without ``-requests`` as many gateways send
them (``x-ratelimit-limit``, the IETF draft's ``ratelimit-limit``), and Anthropic's (``anthropic-ratelimit-requests-limit``,
with times of day). Headers come from outside: what cannot be read is as if it were not there.
"""

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

FLOOR = 1 / 30
"""Requests a second that are sent whatever is said or seen: a probe each half minute finds out that a limit is gone."""

_ENOUGH = 3  # cases that headers do not explain: one or two may be requests that crossed on their way
_BLIND = 1.0  # seconds until the next try when nothing is left and nothing says when there will be
_EPOCH = 1e9  # a reset from here on is a moment since 1970 and not a number of seconds: no quota lasts 30 years
_LONGEST = 86400.0  # seconds; a longer reset is a fault or a quota by the month, which waiting does not help
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|[dhms])", re.ASCII)
_FORMS = {
    "requests": ("x-ratelimit-{}-requests", "anthropic-ratelimit-requests-{}", "x-ratelimit-{}", "ratelimit-{}"),
    "tokens": ("x-ratelimit-{}-tokens", "anthropic-ratelimit-tokens-{}"),
}
_HEADERS = {
    kind: [(form.format("limit"), form.format("remaining"), form.format("reset")) for form in forms]
    for kind, forms in _FORMS.items()
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
    total = sum(float(count) * _UNITS[unit] for count, unit in parts)
    return min(total, _LONGEST)


def _moment(text: str) -> float | None:
    """Seconds since 1970; a time that names no zone is UTC, as HTTP's are."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


@dataclass(frozen=True, slots=True)
class News:
    """The headers of a response, in lower case, to request ``number``; ``surprising``: a 429 although some was left."""

    headers: Mapping[str, str]
    now: float
    number: int
    surprising: bool


class Quota:
    """The bucket at the service, as its last headers showed it.

    Its level is what remained, less what was sent after the request that brought the news (the service may not have
    counted that yet), plus what has flowed in since: it will be full at ``reset``, so (limit - remaining) / reset a
    second. A service that refuses while that should have left some fills it all at once at ``reset`` instead.
    """

    def __init__(self, kind: str) -> None:
        self._headers = _HEADERS[kind]
        self._left: float | None = None
        self._at = 0.0
        self._full = 0.0
        self._full_at = 0.0
        self._rate = 0.0
        self._seen = 0  # number of the request that brought the news
        self._taken_before = 0.0
        self._contradicted = 0
        self._surprises = 0
        self.taken = 0.0  # units of all that was sent so far

    def read(self, news: News, taken: float) -> None:
        """Take in what a response says. ``taken``: units sent up to and with its request."""
        if news.number <= self._seen:
            return
        for limit_name, remaining_name, reset_name in self._headers:
            remaining = number(news.headers.get(remaining_name))
            if remaining is not None:
                self._surprises += news.surprising and remaining < 1
                limit, reset = number(news.headers.get(limit_name)), seconds(news.headers.get(reset_name))
                self._learn(remaining, limit or 0.0, reset or 0.0, news.now)
                self._seen, self._taken_before = news.number, taken
                return

    def _learn(self, remaining: float, limit: float, reset: float, now: float) -> None:
        self._left, self._at, self._full, self._full_at = remaining, now, max(remaining, limit), now + reset
        if limit > remaining and reset > 0:
            self._rate = (limit - remaining) / reset

    @property
    def _at_once(self) -> bool:
        return self._surprises >= _ENOUGH

    def level(self, now: float) -> float:
        """Units left now, as far as is known."""
        if self._left is None or self._contradicted >= _ENOUGH:
            return math.inf
        if self._at_once:
            level = self._full if now > self._full_at > self._at else self._left
        else:
            level = min(self._full, self._left + self._rate * (now - self._at))
        return level - (self.taken - self._taken_before)

    def wait(self, now: float, cost: float) -> float:
        """Seconds until ``cost`` is left at the service; at most until the floor's next probe."""
        missing = min(cost, max(1.0, self._full)) - self.level(now)
        if missing <= 0:
            return 0.0
        if self._at_once and self._full_at > now:
            due = self._full_at - now
        elif self._rate:
            due = missing / self._rate
        else:
            due = self._at + _BLIND - now
        return max(0.0, min(due, self._at + 1 / FLOOR - now))

    def contradict(self) -> None:
        """A request was answered that was sent with nothing left: after a few of these the headers are not believed."""
        self._contradicted += 1
