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
_MARGIN = 2.0  # requests' worth that must be left for one: headers are rounded, and so is the time
_PRECISE = 0.5  # of the limit must be used up for the rate to be read: what remains is a whole number
_ROUNDING = 1e-6  # units that adding up many small refills may lose
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
    """The headers of a response, in lower case; ``surprising``: a 429 although some was left.

    Services count a request when it comes in, so what they say of the level holds for about the moment it was ``sent``.
    """

    headers: Mapping[str, str]
    sent: float
    now: float
    refused: bool
    surprising: bool


class Quota:
    """The bucket at the service, as its headers show it.

    It is followed here: what is sent is taken out, and what flows in is added: it will be full at ``reset``, so
    (limit - remaining) / reset a second. Each answer says how much was left when its request came in, which corrects
    the level; what was sent since is subtracted already. A service that refuses while there should have been some left
    fills its bucket all at once at ``reset`` instead.
    """

    def __init__(self, kind: str) -> None:
        self._headers = _HEADERS[kind]
        self._known = False
        self._level = 0.0
        self._at = 0.0
        self._corrected = 0.0  # sum of all corrections: a request on its way has seen only those before it
        self._full = 0.0
        self._full_at = math.inf
        self._turned = -math.inf  # when it was filled all at once
        self._rate = 0.0
        self._last_sent = 0.0
        self._contradicted = 0
        self._surprises = 0

    def sent(self, now: float, cost: float) -> float:
        """Take ``cost`` out. Returns a mark that :meth:`read` needs to know what the service says it of."""
        self._refill(now)
        self._last_sent = now
        self._level -= cost
        return self._level - self._corrected

    def read(self, news: News, mark: float) -> None:
        """Take in what a response says of the moment that ``mark`` was made."""
        for limit_name, remaining_name, reset_name in self._headers:
            remaining = number(news.headers.get(remaining_name))
            if remaining is not None and news.sent >= self._turned:
                self._surprises += news.surprising and remaining < 1
                if not news.refused and self._surprises < _ENOUGH:
                    self._surprises = 0
                limit, reset = number(news.headers.get(limit_name)), seconds(news.headers.get(reset_name))
                self._learn(remaining, limit or 0.0, reset or 0.0, news)
                self._correct(remaining - (mark + self._corrected), news)
                return

    def _learn(self, remaining: float, limit: float, reset: float, news: News) -> None:
        self._full, self._full_at = max(remaining, limit), news.now + reset
        missing = limit - remaining
        if reset > 0 and missing >= _PRECISE * limit > 0:
            self._rate = missing / reset
        elif reset > 0 and missing > 0 and not self._rate:
            self._rate = max(missing - 1, 0.5) / reset  # what remains was rounded down

    def _correct(self, by: float, news: News) -> None:
        self._refill(news.now)
        if not self._known:
            self._known, self._at = True, news.sent
        self._corrected += by
        self._level += by
        self._refill(news.now)

    def _refill(self, now: float) -> None:
        if self._known and self._surprises >= _ENOUGH:
            if now >= self._full_at - _ROUNDING:
                self._level, self._turned, self._full_at = self._full, now, math.inf
        elif self._known:
            self._level = min(self._full, self._level + self._rate * max(0.0, now - self._at))
        self._at = max(self._at, now)

    def empty(self, now: float) -> bool:
        """Whether nothing at all is left now, as far as is known."""
        self._refill(now)
        return self._known and self._level < _ROUNDING

    def short(self, now: float, cost: float) -> bool:
        """Whether too little for ``cost`` is left now, as far as is known and believed."""
        self._refill(now)
        return self._known and self._contradicted < _ENOUGH and self._needed(cost) - self._level > _ROUNDING

    def _needed(self, cost: float) -> float:
        return min(_MARGIN * cost, max(1.0, self._full))

    def wait(self, now: float, cost: float) -> float:
        """Seconds until ``cost`` is left at the service; at most until the floor's next probe."""
        if not self.short(now, cost):
            return 0.0
        if self._surprises >= _ENOUGH and self._full_at < math.inf:
            due = self._full_at - now
        elif self._rate:
            due = (self._needed(cost) - self._level) / self._rate
        else:
            due = self._last_sent + _BLIND - now
        return max(0.0, min(due, self._last_sent + 1 / FLOOR - now))

    def contradict(self) -> None:
        """A request was answered that was sent with nothing left: after a few of these the headers are not believed."""
        self._contradicted += 1
