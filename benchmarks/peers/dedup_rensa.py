"""rensa (Rust): R-MinHash signatures of all documents at once and its LSH index; what it answers is not verified.

Its user chooses the bands, which must divide the slots: here the number whose threshold (1/b)^(1/r) is nearest.
"""

import measure  # isort: split

from importlib.metadata import version

import dedup
from rensa import RMinHash, RMinHashLSH

SEED = 1


def bands_for(threshold: float) -> int:
    """The number of bands that fits the threshold best."""
    divisors = [bands for bands in range(1, dedup.SLOTS + 1) if dedup.SLOTS % bands == 0]
    return min(divisors, key=lambda bands: abs((1 / bands) ** (bands / dedup.SLOTS) - threshold))


def main() -> None:
    """Find duplicates, print one line."""
    given = dedup.parser(__doc__).parse_args()
    texts = dedup.documents(given.documents)
    stopwatch = measure.Stopwatch()
    signatures = RMinHash.from_token_sets((list(dedup.shingles(text)) for text in texts), dedup.SLOTS, SEED)
    index = RMinHashLSH(given.threshold, dedup.SLOTS, bands_for(given.threshold))
    index.insert_many(signatures)
    clusters = dedup.Clusters(len(texts))
    for place, twins in enumerate(index.query_all(signatures)):
        clusters.join(place, twins)
    stopwatch.tell("rensa", version("rensa"), texts)
    dedup.tell_clusters(given.found, clusters.labels())


if __name__ == "__main__":
    main()
