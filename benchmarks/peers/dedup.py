"""What every script that looks for duplicates shares: its arguments, the documents, their shingles, what it found.

Only the standard library and ``regex``: each script runs with the Python of its own environment. All are given the same
texts, and all but datatrove's signatures the same shingles: sets of token 3-grams by the definition in ``factory/text.py``.
"""

import argparse
import importlib.util
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

GRAM = 3  # tokens
SLOTS = 128  # of a signature


def parser(description: str | None) -> argparse.ArgumentParser:
    """The arguments that all scripts take."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=Path, required=True, help="JSON lines, {id, query, positive}")
    parser.add_argument("--threshold", type=float, required=True)
    parser.add_argument("--found", type=Path, required=True, help="where to write what was found")
    return parser


def documents(path: Path) -> list[str]:
    """The texts."""
    with path.open(encoding="utf-8") as lines:
        items = [json.loads(line) for line in lines]
    return [f"{item['query']}\n{item['positive']}" for item in items]


def shingles(text: str) -> set[str]:
    """The token 3-grams of a text."""
    return _text.shingles(_text.tokens(text), GRAM)


def tokens(text: str) -> list[str]:
    """The tokens of a text."""
    return _text.tokens(text)


def _loaded() -> ModuleType:
    """``factory/text.py`` by its path: the environments of the peers hold no Pairsmith."""
    path = Path(__file__).parents[2] / "factory" / "text.py"
    spec = importlib.util.spec_from_file_location("pairsmith_text", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_text = _loaded()


class Clusters:
    """Documents that were put together, directly or through others."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def find(self, one: int) -> int:
        """The cluster of a document, named by one of its members."""
        while self._parent[one] != one:
            self._parent[one] = one = self._parent[self._parent[one]]
        return one

    def join(self, one: int, others: Iterable[int]) -> None:
        """Put them together."""
        for other in others:
            self._parent[self.find(other)] = self.find(one)

    def labels(self) -> list[int]:
        """The cluster of each document."""
        return [self.find(one) for one in range(len(self._parent))]


def tell_clusters(path: Path, labels: Sequence[int]) -> None:
    """Write what was found: for each document the number of its cluster."""
    path.write_text(json.dumps({"clusters": list(labels)}), encoding="utf-8")


def tell_removed(path: Path, removed: Sequence[bool]) -> None:
    """Write what was found where it is no more than which documents are to be removed."""
    path.write_text(json.dumps({"removed": list(removed)}), encoding="utf-8")
