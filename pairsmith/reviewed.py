"""What people's answers say of a run."""

from typing import Any

import pyarrow as pa

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
    reviews = read_reviews(run.path / REVIEWS)
    return figures(read_sample(run), reviews, run.table(VERDICTS_FILE), run.spec.review, run.spec.gates)


def read_sample(run: Run) -> pa.Table:
    """The sample as it was drawn last (schema SAMPLE)."""
    sample = TableFile(run.path / FILE, SAMPLE, "delete it, and 'pairsmith review push' draws it again")
    return sample.read(*SAMPLE.names)
