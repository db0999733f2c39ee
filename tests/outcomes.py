"""Answers and failures as the journal keeps them, one at a time."""

import time

from pairsmith.factory.chat import Answer
from pairsmith.factory.journal import Journal, Outcome


def store(journal: Journal, key: str, answer: Answer, attempts: int = 1) -> None:
    """Keep an answer."""
    now = time.time()
    journal.record([Outcome(key, answer, None, None, attempts, now, now)])


def give_up(journal: Journal, key: str, reason: str, detail: str) -> None:
    """Note that an ask failed."""
    now = time.time()
    journal.record([Outcome(key, None, reason, detail, 1, now, now)])
