"""distilabel: the step ``MinHashDedup``, its rows handed to it a thousand at a time, without a pipeline around it.

It says no more of a row than whether to keep it. It breaks with datasketch 1.8 and newer. Its own shingles are words (NLTK,
which loads data) or characters; it is given those that all others get.
"""

import measure  # isort: split

import os

os.environ["DISTILABEL_LOG_LEVEL"] = "ERROR"

import dedup
from distilabel import __version__
from distilabel.steps import MinHashDedup

BATCH = 1000


def main() -> None:
    """Find duplicates, print one line."""
    given = dedup.parser(__doc__).parse_args()
    rows = [{"text": text} for text in dedup.documents(given.documents)]
    step = MinHashDedup(name="dedup", tokenizer="ngrams", threshold=given.threshold, num_perm=dedup.SLOTS)
    step.load()
    step._tokenizer = lambda texts: [{shingle.encode() for shingle in dedup.shingles(text)} for text in texts]
    stopwatch = measure.Stopwatch()
    kept = [
        row["keep_row_after_minhash_filtering"]
        for start in range(0, len(rows), BATCH)
        for batch in step.process(rows[start : start + BATCH])
        for row in batch
    ]
    stopwatch.tell("distilabel MinHashDedup", __version__, [row["text"] for row in rows])
    dedup.tell_removed(given.found, [not keep for keep in kept])


if __name__ == "__main__":
    main()
