"""What a run paid, and what each accepted row cost, read from its journal and its accepted rows."""

from collections import Counter
from typing import Any

from pairsmith.factory.accounts import Book, as_json, rows_by_slice
from pairsmith.factory.ledger import Line, ledger
from pairsmith.run import ACCEPTED, JOURNAL, Run

_ROW = ["model", "group", "query_language", "document_language"]


def read_ledger(run: Run) -> list[Line]:
    """Everything that was ever paid in this run, planned or not."""
    if not run.folder.has(JOURNAL):
        return []
    with run.journal() as journal:
        return ledger(journal.spent(), run.spec.prices)


def read_book(run: Run) -> Book:
    """The ledger beside the accepted rows of the last gating (none before that)."""
    rows: Counter[tuple[str, str]] = Counter()
    if run.folder.has(ACCEPTED):
        for batch in run.table(ACCEPTED).batches(*_ROW):
            rows.update(rows_by_slice(batch))
    return Book(read_ledger(run), rows)


def paid(run: Run) -> dict[str, Any]:
    """What the run paid in all and by model, ready for JSON."""
    book = read_book(run)
    return {**as_json(book.total()), "by_model": [as_json(one) for one in book.by("model")]}


def written(book: Book) -> dict[str, Any]:
    """The whole ledger, ready for JSON: in all, by model and step, by model, step and slice; accepted rows by model."""
    return {
        "total": as_json(book.total()),
        "by_step": [as_json(one) for one in book.by("model", "step")],
        "by_slice": [as_json(one) for one in book.by("model", "step", "slice")],
        "accepted_by_model": book.models(),
    }
