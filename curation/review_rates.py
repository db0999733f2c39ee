"""Rates from people's answers: accepted rows that are defective, and rejected rows that were rejected wrongly.

Defective is what people would not train on as it is; wrongly rejected is what they would. Defects are told from the random
part alone: it is a simple random sample, in which each answered row stands for as many accepted rows as any other. Wrong
rejections are told from the rejected part, where a row stands for as many as its stratum has for each answered row.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pairsmith.curation.answered import Shown, decided, grouped, of_part
from pairsmith.curation.intervals import Estimate, Stratum, exact, weighted
from pairsmith.curation.review_form import Decision
from pairsmith.curation.review_rows import Part


def defects(rows: Sequence[Shown]) -> dict[str, Any]:
    """The rate of defective rows among the accepted ones: overall, by group, and by language of query or documents.

    Each with its exact 95 % interval. ``weight``: accepted rows for which each answered one stands; a pair of two languages
    counts in both.
    """
    drawn = of_part(rows, Part.RANDOM)
    answered = decided(drawn)
    population = drawn[0].population if drawn else 0
    return {
        "population": population,
        "weight": population / len(answered) if answered else None,
        "overall": _defective(answered),
        "by_group": {name: _defective(mine) for name, mine in grouped(answered, lambda row: [row.group]).items()},
        "by_language": {name: _defective(mine) for name, mine in grouped(answered, lambda row: row.languages).items()},
        "decisions": {each.value: sum(row.decision is each for row in answered) for each in Decision},
    }


def _defective(answered: Sequence[Shown]) -> dict[str, Any]:
    return _shown(exact(sum(row.defective for row in answered), len(answered)))


def wrong_rejections(rows: Sequence[Shown]) -> dict[str, Any]:
    """The rate of rejected rows that people would keep: overall, by gate, and by gate and reason, weighted by strata.

    ``population``: rejected rows whose reasons can be seen in the row itself; ``covered``: share of them that is in strata
    of which a row was answered; ``weights``: for each such stratum, rows for which each answered one stands.
    """
    drawn = of_part(rows, Part.REJECTED)
    answered = decided(drawn)
    strata = grouped(answered, lambda row: [row.stratum])
    population = drawn[0].population if drawn else 0
    known = sum(mine[0].stratum_rows for mine in strata.values())
    return {
        "population": population,
        "covered": known / population if known else None,
        "weights": {name: mine[0].stratum_rows / len(mine) for name, mine in strata.items()},
        "overall": _kept(strata, answered),
        "by_gate": {name: _kept(strata, mine) for name, mine in grouped(answered, _gates).items()},
        "by_reason": {name: _kept(strata, mine) for name, mine in grouped(answered, _reasons).items()},
    }


def _gates(row: Shown) -> Iterable[str]:
    return {said.gate for said in row.said}


def _reasons(row: Shown) -> Iterable[str]:
    return map(str, row.said)


def _kept(strata: Mapping[str, Sequence[Shown]], among: Sequence[Shown]) -> dict[str, Any]:
    """Of the rejected rows of a kind, those that people would keep. Of a stratum as large a share is of the kind as of its
    answered rows. ``strata``: all answered rows; ``among``: those of the kind."""
    found = []
    for name, mine in grouped(among, lambda row: [row.stratum]).items():
        population = round(mine[0].stratum_rows * len(mine) / len(strata[name]))
        found.append(Stratum(population, len(mine), sum(row.decision is Decision.KEEP for row in mine)))
    return _shown(weighted(found))


def _shown(estimate: Estimate) -> dict[str, Any]:
    """As plain data; where no row was looked at nothing is known of the interval either."""
    return estimate._asdict() if estimate.rows else {**estimate._asdict(), "low": None, "high": None}
