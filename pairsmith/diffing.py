"""Two releases compared, wherever they are: folders, runs, or tags on the Hub."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pairsmith.curation.comparison import compare
from pairsmith.curation.reference import opened
from pairsmith.progress import note


def diff(old: str, new: str) -> dict[str, Any]:
    """What changes from the release ``old`` to ``new``; what lies on the Hub is brought here for as long as that takes."""
    with TemporaryDirectory(prefix="pairsmith-") as cache:
        return compare(*(opened(reference, Path(cache), note) for reference in (old, new)))
