"""Hypothesis for all tests: no deadline (the first call of a gate loads its lexicon), the same examples at each run of CI.

And the journal that tests of asking share, the Argilla server that tests of reviewing do, and the Hub of
those of publishing.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from argilla_fixture import argilla  # noqa: F401  # one server for all tests of a session
from argilla_people import call, recorded, refused, server  # noqa: F401
from hypothesis import settings
from local_hub import our_hub  # noqa: F401

from pairsmith.factory.journal import Journal

settings.register_profile("pairsmith", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("pairsmith")


@pytest.fixture(scope="session")
def forty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of 40 rows, to copy."""
    from published import release  # which takes a while to import

    return release(tmp_path_factory.mktemp("forty"), *range(40))


@pytest.fixture
def first(tmp_path: Path, forty: Path) -> Path:
    """The first release of a run, of 40 rows."""
    return Path(shutil.copytree(forty, tmp_path / "releases" / forty.name))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A new journal in the file ``journal.sqlite`` of the test's folder."""
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield journal
