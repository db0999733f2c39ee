"""The live table of a step that asks: one row a group, redrawn in place on a terminal, a line now and then elsewhere.

It is drawn where progress is reported, in the event loop that also asks: a drawing takes some milliseconds, and there are
few. Names of models and messages of services come from outside: nothing in them acts on the terminal.
"""

import os
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pairsmith.curation.visible import visible
from pairsmith.factory.accounts import dollars
from pairsmith.factory.generate import Progress

DELAY = 0.5  # seconds before the table appears: what is done by then needs none
REDRAW = 0.4  # seconds between two drawings
LINE = 10.0  # seconds between two lines, where there is no terminal
COLUMNS = ("asked", "answered", "failed", "accepted", "rejected", "rate", "tokens", "cost", "left")

Judged = Mapping[str, Mapping[str, int]]
"""``accepted`` and ``rejected`` rows by group, as they were judged last; nothing before that."""


@dataclass
class Board:
    """Shows each :class:`Progress` that it is given.

    ``title``: step and round; ``priced``: whether a model of the step has a price. Whatever goes wrong with showing ends
    the showing and nothing else.
    """

    title: str
    judged: Judged
    priced: bool
    _began: float = field(default_factory=time.monotonic)
    _shown_at: float | None = None
    _state: Progress | None = None
    _live: Live | None = field(default_factory=lambda: _live() if _redraws() else None)
    _broken: bool = False

    def show(self, state: Progress) -> None:
        """Draw the state, if it is time to."""
        now = time.monotonic()
        news = state.stopping and not (self._state and self._state.stopping)
        self._state = state
        if self._broken or not (news or self._due(now)):
            return
        self._shown_at = now
        try:
            self._draw(state)
        except Exception:  # a terminal that is gone must not cost a paid answer
            self._broken = True

    def close(self) -> None:
        """Take the table away; where something was shown the last state stays, in one line."""
        try:
            if self._live is not None:
                self._live.stop()
            if self._shown_at is not None and self._state is not None and not self._broken:
                _print(line(self.title, self._state, self.priced))
        except Exception:
            self._broken = True

    def _due(self, now: float) -> bool:
        if self._shown_at is None:
            return now - self._began >= (DELAY if self._live else LINE)
        return now - self._shown_at >= (REDRAW if self._live else LINE)

    def _draw(self, state: Progress) -> None:
        if self._live is None:
            _print(line(self.title, state, self.priced))
        else:
            self._live.start()
            self._live.update(table(self.title, state, self.judged, self.priced), refresh=True)


def table(title: str, state: Progress, judged: Judged, priced: bool) -> Group:
    """The state as a table, and under it what holds up an endpoint, and what a stop waits for."""
    notes = [Text(note, style="yellow") for note in _notes(state)]
    return Group(Text(title, style="bold"), _table(state, judged, priced), *notes)


def line(title: str, state: Progress, priced: bool) -> str:
    """The state in one line."""
    left = "" if state.seconds_left is None or state.stopping else f", {_clock(state.seconds_left)} left"
    waiting = state.total - state.done
    parts = [
        f"{title}: asked {state.total:,} = answered {state.done - state.failed:,} + failed {state.failed:,}"
        f" + to come {waiting:,}",
        f"{_rate(state.rate)} a second{left if waiting else ''}",
        f"{state.tokens:,.0f} tokens" + (f", {dollars(state.usd)}" if priced else ""),
        *_notes(state),
    ]
    return "; ".join(parts)


def _table(state: Progress, judged: Judged, priced: bool) -> Table:
    shown = Table(box=None, show_footer=True, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    groups = list(dict.fromkeys([*state.asked, *state.groups]))
    rows = [_cells(state, [group], judged, priced) for group in groups]
    total = _cells(state, groups, judged, priced)
    total[5] = _rate(state.rate)
    total[8] = "–" if state.seconds_left is None or state.stopping else _clock(state.seconds_left)
    shown.add_column("group", footer="all", overflow="ellipsis", max_width=16)
    for name, footer in zip(COLUMNS, total, strict=True):
        shown.add_column(name, footer=footer, justify="right", no_wrap=True)
    for group, cells in zip(groups, rows, strict=True):
        shown.add_row(_plain(group), *cells)
    return shown


def _cells(state: Progress, groups: Iterable[str], judged: Judged, priced: bool) -> list[str]:
    """The columns of some groups together; the rate and the time left are those of the whole alone."""
    tallies = [state.groups[group] for group in groups if group in state.groups]
    found = [judged[group] for group in groups if group in judged]
    return [
        f"{sum(state.asked.get(group, 0) for group in groups):,}",
        f"{sum(tally.answered for tally in tallies):,}",
        f"{sum(tally.failed for tally in tallies):,}",
        f"{sum(one['accepted'] for one in found):,}" if found else "–",
        f"{sum(one['rejected'] for one in found):,}" if found else "–",
        "",
        _short(sum(tally.tokens for tally in tallies)),
        dollars(sum(tally.usd for tally in tallies)) if priced else "–",
        "",
    ]


def _notes(state: Progress) -> list[str]:
    notes = [" ".join(visible(one).split()) for one in state.says]
    if state.stopping and state.in_flight:
        number = f"{state.in_flight:,} request{'s' * (state.in_flight != 1)}"
        notes.append(f"stopping: waits for {number} that are paid; Ctrl-C again leaves at once")
    return notes


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"


def _short(number: float) -> str:
    """A count of at most five characters: 9,999, 12.3k, 123k, 1.2M."""
    if number < 10_000:
        return f"{number:,.0f}"
    unit, size = next((unit, size) for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)) if number >= size)
    return f"{number / size:.3g}{unit}" if number / size < 1000 else f"{number / size:.0f}{unit}"


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _plain(text: str) -> str:
    return escape(visible(text))


def _redraws() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def _live() -> Live:
    console = Console(stderr=True, highlight=False)
    return Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, vertical_overflow="crop")


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
