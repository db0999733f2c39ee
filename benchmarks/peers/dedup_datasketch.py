"""datasketch: a MinHash for each document and ``MinHashLSH`` with the bands it chooses itself; what it answers is not verified.

``--way update``: the loop of its documentation, ``update`` for each shingle. ``--way bulk``: ``MinHash.bulk``.
"""

import measure  # isort: split

from collections.abc import Iterable
from importlib.metadata import version

import dedup
from datasketch import MinHash, MinHashLSH


def updated(texts: list[str]) -> Iterable[MinHash]:
    """Signatures by ``update``."""
    for text in texts:
        signature = MinHash(num_perm=dedup.SLOTS)
        for shingle in dedup.shingles(text):
            signature.update(shingle.encode())
        yield signature


def in_bulk(texts: list[str]) -> Iterable[MinHash]:
    """Signatures by ``bulk``."""
    return MinHash.bulk(
        ([shingle.encode() for shingle in dedup.shingles(text)] for text in texts), num_perm=dedup.SLOTS
    )


WAYS = {"update": updated, "bulk": in_bulk}


def main() -> None:
    """Find duplicates, print one line."""
    parser = dedup.parser(__doc__)
    parser.add_argument("--way", choices=WAYS, required=True)
    given = parser.parse_args()
    texts = dedup.documents(given.documents)
    stopwatch = measure.Stopwatch()
    index = MinHashLSH(threshold=given.threshold, num_perm=dedup.SLOTS)
    clusters = dedup.Clusters(len(texts))
    for place, signature in enumerate(WAYS[given.way](texts)):
        clusters.join(place, index.query(signature))
        index.insert(place, signature)
    stopwatch.tell(f"datasketch {given.way} + MinHashLSH", version("datasketch"), texts)
    dedup.tell_clusters(given.found, clusters.labels())


if __name__ == "__main__":
    main()
