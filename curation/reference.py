"""What names a release on a command line: its folder, a run (its newest release), or ``ORG/NAME@v1.2.0`` on the Hub."""

import sys
from collections.abc import Callable
from pathlib import Path

from pairsmith.curation.hub_release import parse_published
from pairsmith.curation.manifest import MANIFEST, versions
from pairsmith.curation.pull import pull
from pairsmith.factory.errors import InputError

RELEASES = "releases"


def _warn(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def opened(reference: str, cache: Path, say: Callable[[str], None] = _warn) -> Path:
    """The folder of the release that ``reference`` names; one on the Hub is brought whole into ``cache`` first, and verified.

    ``say`` is told when it is yanked. Raises :class:`InputError` where it names none.
    """
    path = Path(reference)
    if not reference.strip():
        raise InputError("a release is named by nothing; is a variable of the script empty?")
    if path.is_dir():
        return local_release(path)
    if "@" not in reference:
        raise InputError(
            f"'{reference}' is no folder of a release or run; a release on the Hub is named ORG/NAME@v1.2.0"
        )
    published = parse_published(reference)
    folder = cache / published.repository / str(published.version)
    return pull(published, folder, say).folder


def local_release(path: Path) -> Path:
    """A folder with releases in it, or below ``releases``, stands for the newest of them."""
    for folder in (path / RELEASES, path):
        if known := versions(folder):
            return folder / str(known[-1])
    if (path / MANIFEST).is_file() and (path / "data").is_dir():
        return path
    raise InputError(f"{path}: no release; make one with 'pairsmith release {path}', or name the folder of one")
