"""Whether the compiled inner loops are there: with numba (extra ``fast``) they are, without it numpy does the same, slower."""

from functools import cache
from types import ModuleType


@cache
def kernels() -> ModuleType | None:
    """:mod:`pairsmith.validators.kernels`, or None where numba is not installed."""
    try:
        from pairsmith.validators import kernels
    except ImportError:
        return None
    return kernels
