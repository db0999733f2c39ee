"""What people's answers say of a run."""

from typing import Any

from pairsmith.curation.review_figures import figures
from pairsmith.curation.review_rows import FILE, SAMPLE
from pairsmith.curation.reviews import FILE as REVIEWS
from pairsmith.curation.reviews import read_reviews
from pairsmith.factory.tables import TableFile
from pairsmith.run import VERDICTS_FILE, Run


def reviewed(run: Run) -> dict[str, Any]:
    """All figures, of the sample as it was drawn last and of the answers that are in ``reviews.jsonl`` by now.

    :class:`pairsmith.factory.errors.InputError` where no sample was drawn, or a file is damaged.
    """
    sample = TableFile(run.path / FILE, SAMPLE, "delete it, and 'pairsmith review push' draws it again")
    reviews = read_reviews(run.path / REVIEWS)
    rows = sample.read(*SAMPLE.names)
    return figures(rows, reviews, run.table(VERDICTS_FILE), run.spec.review, run.spec.gates)
