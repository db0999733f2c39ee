"""Gate ``privacy``: secrets, card numbers, and contact data of the kind that belongs to people.

By default it reports: the row stays, marked for a person. Nothing found is ever shown whole.
"""

import unicodedata
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from pairsmith.factory.spec import PrivacySpec
from pairsmith.validators.contacts import emails, phones
from pairsmith.validators.gate import Findings, Reason, Scope, texts
from pairsmith.validators.secrets import cards, secrets
from pairsmith.validators.traces import traces

SHOWN = 4  # characters of what was found

FINDERS: dict[Reason, Callable[[str], Iterator[str]]] = {
    Reason.SECRET: secrets,
    Reason.CARD_NUMBER: cards,
    Reason.EMAIL: emails,
    Reason.PHONE: phones,
}


class PrivacyGate:
    """Row gate. One line for each kind found in a field: ``score`` counts, ``related`` is the first one, masked."""

    name = "privacy"
    scope: Scope = "row"

    def __init__(self, spec: PrivacySpec) -> None:
        self._drops = spec.action == "drop"

    def judge(self, rows: pa.Table) -> pa.Table:
        """Verdicts on each text field of ``rows``: ``unverified`` or ``drop`` with the reason, as the spec asks."""
        findings, fields = Findings(rows, self.name), texts(rows)
        say = findings.drop if self._drops else findings.unverified
        for place in np.flatnonzero(traces(fields)).tolist():
            text = fields[place]
            for reason, items in personal(text.text).items():
                say(text.row, text.field, reason, float(len(items)), 1.0, masked(items[0]))
        return findings.table()


def personal(text: str) -> dict[Reason, list[str]]:
    """What stands in ``text``, by kind, kinds that do not occur left out. Full-width forms are read as plain ones."""
    plain = unicodedata.normalize("NFKC", text)
    found = {reason: list(find(plain)) for reason, find in FINDERS.items()}
    cards_found = found[Reason.CARD_NUMBER]
    found[Reason.PHONE] = [phone for phone in found[Reason.PHONE] if not any(phone in card for card in cards_found)]
    return {reason: items for reason, items in found.items() if items}


def masked(found: str) -> str:
    """The first characters of something that must not be shown."""
    return found[:SHOWN] + "…"
