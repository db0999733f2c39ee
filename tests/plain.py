"""A Python without numba."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pairsmith.validators import compiled


@contextmanager
def without_numba() -> Iterator[None]:
    """Inside it everything is computed by numpy, as where the extra ``fast`` is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "kernels", lambda: None)
        yield
