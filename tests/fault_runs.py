"""Runs of the pool against a server that misbehaves, and what must hold after each of them."""

from pathlib import Path
from typing import Any

from endpoint import Endpoint, Received
from fault_cases import RETRIES

from pairsmith.factory.chat import Ask, open_chat
from pairsmith.factory.generate import Generated, generate
from pairsmith.factory.journal import Journal
from pairsmith.factory.lanes import Member
from pairsmith.factory.spec import ModelSpec

STEP = "generate"
ASKS, FAULTY, SLOTS = 12, "prompt 3", 4


def ask(server: Endpoint, journal: Journal, number: int = ASKS, **options: Any) -> Generated:
    spec = ModelSpec(base_url=server.base_url, model="m", **{"concurrency": SLOTS, "retries": RETRIES, **options})
    asks = (Ask(f"r{n}", "m", {}, f"prompt {n}", "v", None, "0") for n in range(number))
    return generate(asks, [Member(spec, open_chat(spec, Path()))], journal, STEP, {"": number})


def tries(server: Endpoint, prompt: str) -> list[Received]:
    return [one for one in server.received if one.prompt == prompt]


def assert_accounts(server: Endpoint, journal: Journal, free: bool = False) -> None:
    """Every ask has one fate; whatever was paid is an answer, or noted as lost; a sound request is paid once."""
    counts = journal.counts(STEP)
    assert counts["asked"] == counts["answered"] + sum(counts["failed"].values()) + counts["pending"]
    for prompt, answered, lost in journal.select("SELECT prompt, answer IS NOT NULL, lost FROM asks"):
        paid = server.paid[prompt] - (free and prompt == FAULTY)
        assert answered <= paid <= answered + lost, prompt
        assert prompt == FAULTY or not lost
