"""What some commands need beside Pairsmith's own packages: one line names the extra that brings what is missing."""

from importlib.util import find_spec

from pairsmith.factory.errors import RunError

TRAINS = ("torch", "transformers", "peft", "sentence_transformers")
"""What it takes to train a model, and to load any that was trained: an adapter's too."""


def need_extra(extra: str, purpose: str, *packages: str) -> None:
    """Raise :class:`RunError` where one of the packages, named as they are imported, is not installed.

    ``extra``: that of ``pyproject.toml`` which brings them all; ``purpose``: what they are for, as a line begins. Nothing is
    imported.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise RunError(f"{purpose} takes the package '{missing[0]}'; pip install 'pairsmith[{extra}]' brings it")
