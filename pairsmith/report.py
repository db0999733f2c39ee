"""``report.html``: what a run made, what its gates dropped and why, with examples. One file, no scripts, no links.

Texts come from language models and are untrusted: everything is escaped, and the page's own policy forbids scripts,
images and connections.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from pairsmith import report_charts as charts
from pairsmith import report_costs as costs
from pairsmith import report_counts as counts
from pairsmith import report_examples as examples
from pairsmith.factory.accounts import Book, dollars
from pairsmith.factory.rounds import SliceState
from pairsmith.factory.tables import TableFile
from pairsmith.report_review import review
from pairsmith.report_verdicts import Said, read_said

if TYPE_CHECKING:
    from jinja2 import Template


@dataclass(frozen=True)
class ReportData:
    """All that a report shows. Files have the schemas of :mod:`pairsmith.factory.records`.

    ``funnel``: see :meth:`pairsmith.validators.funnel.Funnel.counts`; ``verdicts``: of all gates, ``parse`` among them;
    ``release``: version released from this run, if any; ``generated_with``: package -> version; ``book``: what was paid;
    ``slices``: how each slice stands to the target, empty where there is none; ``decisions``: accepted rows by what became of
    them where people have judged some, see :func:`pairsmith.deciding.decided`.
    """

    name: str
    funnel: dict[str, Any]
    requests: TableFile
    candidates: TableFile
    verdicts: TableFile
    rejected: TableFile
    accepted: TableFile
    release: str | None
    generated_with: dict[str, str]
    book: Book = field(default_factory=Book)
    slices: Mapping[str, SliceState] = field(default_factory=dict)
    decisions: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] | None = None


def write_report(data: ReportData) -> str:
    """The report as one HTML page: the same for the same data, and of bounded size, whatever the number of rows."""
    return "".join(_template().generate(_context(data)))


def _context(data: ReportData) -> dict[str, Any]:
    said = read_said(data.verdicts)
    return {
        "data": data,
        "costs": costs.costs(data.book),
        "target": costs.target(data.funnel.get("target"), data.slices),
        "review": review(data.figures),
        "language_name": counts.language_name,
        **_figures(data, said),
        **_charts(data, said),
        **_examples(data, said),
    }


def _figures(data: ReportData, said: Said) -> dict[str, Any]:
    funnel = data.funnel
    gates = [gate["gate"] for gate in funnel["gates"]]
    failed = sum(funnel["failed"].values())
    asked = counts.asked_rows(data.requests.read(*counts.REQUEST))
    dropped = counts.by_reason(said.drops, asked)
    rows = asked, data.accepted.read(*counts.ROW), data.rejected.read(*counts.ROW), dropped
    return {
        "funnel": funnel,
        "failed": failed,
        "balanced": funnel["asked"] == funnel["accepted"] + funnel["rejected"] + failed + funnel["pending"],
        "stages": counts.stages(funnel, said.drops),
        "reasons": counts.reasons(dropped, gates),
        "unverified": counts.reasons(counts.by_reason(said.unverified, asked), gates),
        "by_group": counts.by_group(*rows),
        "by_model": counts.by_model(*rows),
        "by_language": counts.by_language(*rows),
    }


def _charts(data: ReportData, said: Said) -> dict[str, Any]:
    boxes, ticks = charts.lengths(said.lengths, data.candidates.read(*charts.ASKED))
    return {"boxes": boxes, "ticks": ticks, "language_scores": charts.language_scores(said.languages)}


def _examples(data: ReportData, said: Said) -> dict[str, Any]:
    files = examples.Files(data.requests, data.candidates, data.verdicts, data.rejected, data.accepted)
    sources = examples.Sources(files, said)
    pairings, more_reasons = examples.pairings(sources)
    clusters, more_clusters = examples.clusters(sources)
    return {
        "pairings": pairings,
        "more_reasons": more_reasons,
        "accepted": examples.accepted_by_group(sources),
        "clusters": clusters,
        "more_clusters": more_clusters,
        "personal": examples.personal_data(said.personal),
    }


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(dollars=dollars, number=_number, percent=_percent, words=_words)
    environment.filters["total"] = lambda bins: sum(bins.values())
    return environment.from_string(files("pairsmith").joinpath("report.html.jinja").read_text(encoding="utf-8"))


def _number(value: float) -> str:
    """Thousands separated, a fraction with three digits; what is not nothing is never shown as 0."""
    if not math.isfinite(value):
        return str(value)
    if 0 < value < 0.001:
        return "< 0.001"
    return f"{value:,.0f}" if value == round(value) or value >= 100 else f"{value:,.3g}"


def _percent(part: float, whole: float) -> str:
    """``part`` of ``whole`` in percent. What is not nothing is never shown as 0, what is not all never as 100."""
    if not whole:
        return "–"
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "< 0.1 %"
    return f"{min(share, 99.9) if part < whole else share:.1f} %".replace(".0 %", " %")


def _words(code: str) -> str:
    """A reason code or a field's name as words."""
    return code.replace("_", " ")
