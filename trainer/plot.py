"""``log.svg``: the course of a training as a picture: loss, margin and pace over the steps. No package is needed for it."""

import math
from collections.abc import Sequence
from pathlib import Path

from pairsmith.factory.folder import written_whole
from pairsmith.trainer.log import Line

FILE = "log.svg"

_WIDTH, _HEIGHT = 720, 150  # of one panel
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 26, 12, 22
_POINTS = 600  # of a line: there are no more pixels
_SMOOTHED = 0.02  # share of all steps whose mean is drawn over the single ones
_STYLE = (
    "svg{background:#fff;font:11px system-ui,sans-serif}text{fill:#444}.title{font-weight:600;fill:#111}"
    ".axis{stroke:#ccc}.raw{fill:none;stroke:#9db8dd}.mean{fill:none;stroke:#1f5fae;stroke-width:1.6}"
)


def write_plot(out: Path, lines: Sequence[Line]) -> None:
    """Write the picture of these steps into the folder ``out``."""
    panels = [
        ("loss", [line.loss for line in lines]),
        ("margin: cosine of the positive less that of the nearest other candidate", [line.margin for line in lines]),
        ("tokens a second", [line.tokens / max(line.seconds, 1e-9) for line in lines]),
    ]
    height = len(panels) * _HEIGHT
    drawn = [_panel(title, values, place * _HEIGHT) for place, (title, values) in enumerate(panels)]
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img" aria-label="Loss, margin and pace over {len(lines)} steps"><style>{_STYLE}</style>{"".join(drawn)}</svg>\n'
    )
    with written_whole(out / FILE) as beside:
        beside.write_text(text, encoding="utf-8")


def _panel(title: str, values: list[float], top: int) -> str:
    low, high = min(values), max(values)
    bottom, right = top + _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    labels = [
        f'<text class="title" x="{_LEFT}" y="{top + 16}">{title}</text>',
        f'<text x="{_LEFT - 6}" y="{top + _TOP + 8}" text-anchor="end">{high:.3g}</text>',
        f'<text x="{_LEFT - 6}" y="{bottom}" text-anchor="end">{low:.3g}</text>',
        f'<text x="{_LEFT}" y="{bottom + 15}">step 1</text>',
        f'<text x="{right}" y="{bottom + 15}" text-anchor="end">{len(values)}</text>',
        f'<path class="axis" d="M{_LEFT} {top + _TOP}V{bottom}H{right}" fill="none"/>',
    ]
    curves = [("raw", values), ("mean", _smoothed(values))]
    return "".join([*labels, *(_curve(name, each, low, high, top) for name, each in curves)])


def _curve(name: str, values: list[float], low: float, high: float, top: int) -> str:
    across, down = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    stride = max(1, math.ceil(len(values) / _POINTS))
    points = [
        f"{_LEFT + across * place / max(len(values) - 1, 1):.1f},"
        f"{top + _TOP + down * (high - values[place]) / ((high - low) or 1):.1f}"
        for place in sorted({*range(0, len(values), stride), len(values) - 1})
    ]
    return f'<polyline class="{name}" points="{" ".join(points)}"/>'


def _smoothed(values: list[float]) -> list[float]:
    """The mean of each value and those before it, over a share of all."""
    window, total, found = max(1, round(_SMOOTHED * len(values))), 0.0, []
    for place, value in enumerate(values):
        total += value - (values[place - window] if place >= window else 0)
        found.append(total / min(place + 1, window))
    return found
