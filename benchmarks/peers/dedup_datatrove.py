"""datatrove: its signature, bucket and cluster stages, one task each; what they answer is not verified.

Its tokenizers know one language at a time (spaCy, NLTK and others, which load data): it is given this project's tokens, and
told to leave numbers and diacritics as they are. Its buckets for a threshold t are those with (1/b)^(1/r) nearest to t.
"""

import measure  # isort: split

import struct
import tempfile
from importlib.metadata import version
from pathlib import Path

import dedup
from datatrove.data import Document
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupSignature,
)
from datatrove.utils.logging import logger
from datatrove.utils.text import TextNormConfig
from datatrove.utils.word_tokenizers import WordTokenizer


class Tokens(WordTokenizer):
    """The tokens of ``factory/text.py``."""

    def word_tokenize(self, text: str) -> list[str]:
        """The tokens of a text."""
        return dedup.tokens(text)

    def sent_tokenize(self, text: str) -> list[str]:
        """Not asked for."""
        return [text]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        """Not asked for."""
        return [(0, len(text))]


def config_for(threshold: float) -> MinhashConfig:
    """Hashes in a bucket, and as many buckets as the slots give, that fit the threshold best."""
    size = min(range(2, 33), key=lambda size: abs((size / dedup.SLOTS) ** (1 / size) - threshold))
    norm = TextNormConfig(norm_numbers=False, norm_unicode_diacritics=False, remove_punctuation=False)
    return MinhashConfig(dedup.GRAM, dedup.SLOTS // size, size, norm_config=norm)


def found(texts: list[str], config: MinhashConfig, folder: str) -> dict[int, int]:
    """Document -> cluster, of those that have twins."""
    documents = (Document(text=text, id=str(place)) for place, text in enumerate(texts))
    MinhashDedupSignature(f"{folder}/signatures", config, Tokens()).run(documents)
    buckets = MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config)
    for rank in range(config.num_buckets):
        buckets.run(None, rank, config.num_buckets)
    MinhashDedupCluster(f"{folder}/buckets", f"{folder}/clusters", config, save_cluster_id=True).run(None, 0, 1)
    written = Path(folder, "clusters", "000000.clusters")
    return dict(struct.iter_unpack("<2I", written.read_bytes())) if written.exists() else {}


def main() -> None:
    """Find duplicates, print one line."""
    given = dedup.parser(__doc__).parse_args()
    logger.remove()
    texts = dedup.documents(given.documents)
    with tempfile.TemporaryDirectory() as folder:
        stopwatch = measure.Stopwatch()
        clusters = found(texts, config_for(given.threshold), folder)
        stopwatch.tell("datatrove", version("datatrove"), texts)
    dedup.tell_clusters(given.found, [clusters.get(place, -1 - place) for place in range(len(texts))])


if __name__ == "__main__":
    main()
