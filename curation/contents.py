"""What is in a release, counted as its rows go by."""

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

COLUMNS = ["group", "split", "query_language", "document_language", "model", "document", "review"]


@dataclass
class Contents:
    """Rows by (group, split), by (language of the query, of the documents), by model, by source of their passage, and by what
    people's answers came to (:class:`~pairsmith.factory.records.Mark`; rows that nobody has judged are in none)."""

    groups: Counter[tuple[str, str]] = field(default_factory=Counter)
    languages: Counter[tuple[str, str]] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    reviews: Counter[str] = field(default_factory=Counter)

    def add(self, rows: pa.Table) -> None:
        """Count rows with the columns :data:`COLUMNS`. A source's name holds no ``#``."""
        self.groups.update(_counted(rows, "group", "split"))
        self.languages.update(_counted(rows, "query_language", "document_language"))
        self.models.update(_values(rows["model"]))
        self.sources.update(document.partition("#")[0] for document in rows["document"].drop_null().to_pylist())
        self.reviews.update(_values(rows["review"].drop_null()))

    @property
    def rows(self) -> int:
        """All rows."""
        return self.groups.total()

    def counts(self) -> dict[str, dict[str, int]]:
        """Rows by group, by split, and by the language of the query and of the documents, the most first."""
        return {
            "group": commonest_first(_summed(self.groups, 0)),
            "split": commonest_first(_summed(self.groups, 1)),
            "query_language": commonest_first(_summed(self.languages, 0)),
            "document_language": commonest_first(_summed(self.languages, 1)),
        }


def commonest_first(counts: Counter[str]) -> dict[str, int]:
    """The counts, the largest first, equal ones by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _values(column: pa.ChunkedArray) -> dict[str, int]:
    return {str(item["values"]): item["counts"] for item in pc.value_counts(column).to_pylist()}


def _summed(pairs: Counter[tuple[str, str]], side: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    for pair, count in pairs.items():
        counts[pair[side]] += count
    return counts


def _counted(rows: pa.Table, first: str, second: str) -> dict[tuple[str, str], int]:
    counted = rows.group_by([first, second]).aggregate([([], "count_all")])
    keys = zip(counted[first].to_pylist(), counted[second].to_pylist(), strict=True)
    return dict(zip(keys, counted["count_all"].to_pylist(), strict=True))
