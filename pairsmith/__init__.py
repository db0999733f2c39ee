"""Pairsmith: trustworthy, versioned training data for text embedders, written by language models.

Rooms, and the way imports run: ``curation -> validators -> factory`` and ``trainer -> factory``; only this package knows
them all.
"""

__version__ = "0.1.0"
