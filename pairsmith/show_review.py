"""What people's answers say, as a table for the terminal that fits on a page: what there is more of is in the report."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Result = dict[str, Any]

GROUPS = 7  # there are seven
LANGUAGES = 6
REASONS = 6
THRESHOLDS = 3
OTHERS = 7  # languages, or reasons, that have no line of their own
REVIEWERS = 7
SUSPECTS = 4
_WIDTH = 38


def review(figures: Result) -> str:
    """See :func:`pairsmith.curation.review_figures.figures`; 40 lines or so, however many rows and languages there are."""
    return "\n".join(
        line
        for part in (
            _progress,
            _agreement,
            _defects,
            _wrong_rejections,
            _confusion,
            _relevance,
            _thresholds,
            _acceptance,
        )
        for line in part(figures)
    )


def _progress(figures: Result) -> Iterator[str]:
    progress = figures["progress"]
    shown = progress["shown"]
    parts = ", ".join(f"{name} {one['answered']:,} of {one['drawn']:,}" for name, one in progress["parts"].items())
    yield f"reviewed   {shown['answered']:,} of {shown['drawn']:,} rows: {parts}"
    more = {name: shown[key] for key, name in _STATES.items() if shown[key]}
    if progress["not_in_sample"]:
        more["responses to rows that are not in the sample now"] = progress["not_in_sample"]
    if more:
        yield "           " + _counts(more)
    if progress["reviewers"]:
        yield "reviewers  " + _listed([_pace(name, one) for name, one in progress["reviewers"].items()], REVIEWERS)


_STATES = {"discarded": "discarded", "drafts": "drafts", "second_missing": "waiting for a second reviewer"}


def _pace(name: str, one: Result) -> str:
    pace = "" if one["rows_an_hour"] is None else f" ({one['rows_an_hour']:,.0f} rows an hour)"
    return f"{name} {one['submitted']:,}{pace}"


def _agreement(figures: Result) -> Iterator[str]:
    found = figures["agreement"]
    if found["missing"]:
        yield f"agreement  {found['missing']}"
    for name, one in found["questions"].items():
        if one["rows"] and name in ("decision", "positive_relevance", "negative_relevance"):
            kappas = [f"kappa of {pair} {_coefficient(*list(k.values())[:3])}" for pair, k in one["kappas"].items()]
            few = kappas if len(kappas) == 1 else []
            alpha = _coefficient(one["alpha"], one["alpha_low"], one["alpha_high"])
            yield f"agreement  {name} on {one['rows']:,} rows: alpha {', '.join([alpha, *few])}"


def _coefficient(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "not defined"
    return f"{value:.2f}" + ("" if low is None else f" ({low:.2f} to {high:.2f})")


def _defects(figures: Result) -> Iterator[str]:
    found = figures["defects"]
    if not found["overall"]["rows"]:
        return
    yield (
        f"defective  of {found['population']:,} accepted rows; each of the random ones answered stands for"
        f" {found['weight']:,.3g} of them"
    )
    yield _rate("all", found["overall"], "95% interval ")
    yield from _rates(found["by_group"], GROUPS)
    yield from _rates({f"language {name}": one for name, one in found["by_language"].items()}, LANGUAGES)
    if figures["not_caught"]:
        yield "  no gate saw: " + _counts(_first(figures["not_caught"], REASONS))


def _wrong_rejections(figures: Result) -> Iterator[str]:
    found = figures["wrong_rejections"]
    if not found["overall"]["rows"]:
        return
    covered = "" if found["covered"] == 1 else f", {found['covered']:.1%} of which are in strata that were answered"
    yield f"rejected wrongly  of {found['population']:,} rejected rows whose reason can be seen{covered}; weighted"
    yield _rate("all", found["overall"], "95% interval ")
    yield from _rates(found["by_reason"], REASONS)


def _rates(rates: Mapping[str, Result], most: int) -> Iterator[str]:
    """The most answered ones in a line each, the others together in one."""
    ordered = sorted(rates.items(), key=lambda item: (-item[1]["rows"], item[0]))
    for name, one in ordered[:most]:
        yield _rate(name, one)
    others = [f"{name.removeprefix('language ')} {one['hits']} of {one['rows']}" for name, one in ordered[most:]]
    if others:
        yield "  fewer answers: " + _listed(others, OTHERS)


def _rate(name: str, one: Result, lead: str = "") -> str:
    hits = f"{one['hits']:>5,} of {one['rows']:<6,}{one['rate']:>7.1%}"
    return f"  {name:<{_WIDTH}}{hits}  {lead}{one['low']:.1%} to {one['high']:.1%}"


def _confusion(figures: Result) -> Iterator[str]:
    told = [one for one in figures["confusion"] if one["answered"]]
    if told:
        yield f"{'what gates said, and people':<{_WIDTH + 2}}   rows   agree   keep   something else"
    for one in told[:REASONS]:
        name = f"{one['gate']}:{one['reason']}" + ("" if one["rejected"] else " (not verified)")
        instead = f": {_counts(_first(one['instead'], 3))}" if one["instead"] else ""
        yield f"  {name:<{_WIDTH}}{one['answered']:>7,}{one['agree']:>8,}{one['keep']:>7,}{one['other']:>7,}{instead}"
    if len(told) > REASONS:
        yield f"  and {len(told) - REASONS:,} more reasons"


def _relevance(figures: Result) -> Iterator[str]:
    rated = {
        name: f"{one['positive']:g} / {'-' if one['negative'] is None else format(one['negative'], 'g')}"
        for name, one in figures["relevance"].items()
        if one["positive"] is not None
    }
    if rated:
        yield "relevance  positive / negative, median: " + ", ".join(f"{name} {said}" for name, said in rated.items())
    suspects = [row for one in figures["relevance"].values() for row in one["possible_false_negatives"]]
    if suspects:
        yield f"           negatives rated as high as the positive: {len(suspects):,} ({_listed(suspects, SUSPECTS)})"


def _thresholds(figures: Result) -> Iterator[str]:
    supported = [one for one in figures["thresholds"] if one["suggested"] is not None]
    for one in supported[:THRESHOLDS]:
        name = one["key"] or f"the threshold of gate {one['gate']}"
        yield (
            f"threshold  {name}: {one['current']:g} -> {one['suggested']:g} would let {one['rows']:,} answered rows"
            f" {one['move']}, {one['better']:,} for the better and {one['worse']:,} for the worse; some {one['estimated']:,}"
            " rows in all"
        )
    if figures["thresholds"] and not supported:
        answers = _counts({one["key"] or one["gate"]: one["answers"] for one in figures["thresholds"]})
        yield f"threshold  none is to be moved, as far as answers tell ({answers})"


def _acceptance(figures: Result) -> Iterator[str]:
    yield f"acceptance {figures['acceptance']['text']}"


def _listed(names: Sequence[str], most: int) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _first(numbers: Mapping[str, int], most: int) -> dict[str, int]:
    return dict(list(numbers.items())[:most])


def _counts(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in numbers.items())
