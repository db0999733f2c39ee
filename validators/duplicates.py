"""Gate ``duplicates``: no two rows of a run say the same, exactly (after folding) or nearly.

Two views of each row are compared: the query, within its task (instruction and both languages: "Hallelujah" may be
asked of lyrics and of chords), and query and positive together, anywhere. Near means Jaccard of token 3-grams:
candidates come from MinHash LSH (Broder 1997; datasketch's hashes), with bands so generous that hardly a pair is lost,
and each is checked exactly.

Rows linked by such pairs form a cluster. One survives: the row with the most text, and of these the smallest id.
"""

from collections.abc import Hashable, Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import pyarrow as pa

from pairsmith.factory.spec import DuplicatesSpec
from pairsmith.factory.text import fold, jaccard, shingles, tokens, words
from pairsmith.validators.gate import Findings, Reason, Scope, texts

SHINGLE = 3  # tokens
NEAR_WORDS = 12  # shorter texts are twins only when they are equal: one other word asks something else
MISSED = 0.002  # share of pairs just at the threshold that the bands may miss

View = tuple[Hashable, str]
"""What is compared of a row: rows of another scope are never twins, whatever their text."""


class Link(NamedTuple):
    """A verified pair of rows in one view. ``score`` is their Jaccard similarity (1 for equal folded texts)."""

    left: int
    right: int
    score: float
    exact: bool


class DuplicatesGate:
    """Corpus gate. The query's line is the verdict of the first view, the positive's that of query and positive."""

    name = "duplicates"
    scope: Scope = "corpus"

    def __init__(self, spec: DuplicatesSpec) -> None:
        self._threshold = spec.threshold
        self._permutations = spec.permutations

    def judge(self, rows: pa.Table) -> pa.Table:
        """Verdicts on each text field of ``rows``; they do not depend on the order of the rows."""
        queries, pairs = _query_view(rows), _pair_view(rows)
        order = _best_first(rows, pairs)
        links = {"query": list(self._links(queries, order)), "positive": list(self._links(pairs, order))}
        clusters = Clusters(rows.num_rows)
        for link in chain(*links.values()):
            clusters.join(link.left, link.right)
        return self._verdicts(rows, links, clusters.best(order))

    def _links(self, view: list[View], order: list[int]) -> Iterator[Link]:
        """Pairs of rows that are twins in one view: enough of them to connect each cluster."""
        first: dict[View, int] = {}
        for row in order:
            twin = first.setdefault(view[row], row)
            if twin != row:
                yield Link(twin, row, 1.0, exact=True)
        distinct = list(first.values())
        for link in near_links([view[row] for row in distinct], self._threshold, self._permutations):
            yield link._replace(left=distinct[link.left], right=distinct[link.right])

    def _verdicts(self, rows: pa.Table, links: dict[str, list[Link]], best: list[int]) -> pa.Table:
        ids = rows["id"].to_pylist()
        strongest = {field: _strongest(found) for field, found in links.items()}
        findings = Findings(rows, self.name)
        for text in texts(rows):
            link = strongest.get(text.field, {}).get(text.row)
            if link is None or best[text.row] == text.row:
                findings.keep(text.row, text.field)
                continue
            reason = Reason.EXACT_DUPLICATE if link.exact else Reason.NEAR_DUPLICATE
            findings.drop(text.row, text.field, reason, link.score, self._threshold, ids[best[text.row]])
        return findings.table()


class Clusters:
    """Connected components of rows (union-find with path halving)."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def find(self, row: int) -> int:
        """The component of ``row``, named by one of its members."""
        parent = self._parent
        while parent[row] != row:
            parent[row] = row = parent[parent[row]]
        return row

    def join(self, left: int, right: int) -> None:
        """The components of both rows become one."""
        self._parent[self.find(right)] = self.find(left)

    def best(self, order: Iterable[int]) -> list[int]:
        """For each row the first one of its component in ``order``."""
        best: dict[int, int] = {}
        for row in order:
            best.setdefault(self.find(row), row)
        return [best[self.find(row)] for row in range(len(self._parent))]


def near_links(views: list[View], threshold: float, permutations: int) -> Iterator[Link]:
    """Pairs with the same scope and a Jaccard similarity of token 3-grams of at least ``threshold``.

    ``views``: the better the row, the earlier it stands. Of each component as many pairs as connect it. Every candidate
    pair is checked exactly; candidates are those that agree in a band of their MinHash signatures.
    """
    from datasketch import MinHash, MinHashLSH

    bands, size = bands_for(threshold, permutations)
    index = MinHashLSH(num_perm=permutations, params=(bands, size))
    grams = lru_cache(maxsize=20_000)(lambda place: _grams(views[place][1]))
    clusters = Clusters(len(views))
    blank = MinHash(num_perm=permutations)
    for place, (scope, text) in enumerate(views):
        units = tokens(text)
        if words(units) < NEAR_WORDS:
            continue
        signature = blank.copy()
        signature.update_batch(gram.encode() for gram in shingles(units, SHINGLE))
        for twin in sorted(index.query(signature)):
            if views[twin][0] != scope or clusters.find(twin) == clusters.find(place):
                continue
            score = jaccard(grams(twin), grams(place))
            if score >= threshold:
                clusters.join(twin, place)
                yield Link(twin, place, score, exact=False)
        index.insert(place, signature, check_duplication=False)


def bands_for(threshold: float, permutations: int) -> tuple[int, int]:
    """Bands and rows of a band: the longest that miss a pair at ``threshold`` with a chance of at most ``MISSED``.

    Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", section 3.4.2. For thresholds so low that no band will
    do: bands of one row, all there are.
    """
    for size in range(permutations, 1, -1):
        bands = permutations // size
        if (1 - threshold**size) ** bands <= MISSED:
            return bands, size
    return permutations, 1


def _grams(text: str) -> set[str]:
    return shingles(tokens(text), SHINGLE)


def _query_view(rows: pa.Table) -> list[View]:
    columns = ("instruction", "query_language", "document_language", "query")
    return [
        ((instruction, asked, answered), fold(query))
        for instruction, asked, answered, query in zip(*(rows[name].to_pylist() for name in columns), strict=True)
    ]


def _pair_view(rows: pa.Table) -> list[View]:
    pairs = zip(rows["query"].to_pylist(), rows["positive"].to_pylist(), strict=True)
    return [(None, f"{fold(query)}\n{fold(positive)}") for query, positive in pairs]


def _best_first(rows: pa.Table, pairs: list[View]) -> list[int]:
    """Rows in the order in which they would survive: most text (folded characters of all fields), then smallest id."""
    negatives = (sum(map(len, map(fold, row))) for row in rows["negatives"].to_pylist())
    length = [len(pair) + rest for (_, pair), rest in zip(pairs, negatives, strict=True)]
    ids = rows["id"].to_pylist()
    return sorted(range(rows.num_rows), key=lambda row: (-length[row], ids[row]))


def _strongest(links: list[Link]) -> dict[int, Link]:
    """For each row the link with the highest score."""
    strongest: dict[int, Link] = {}
    for link in links:
        for row in (link.left, link.right):
            if row not in strongest or link.score > strongest[row].score:
                strongest[row] = link
    return strongest
