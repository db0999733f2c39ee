"""A trained model goes into the folder that users load, is loaded from there as they would, and gets its card."""

from pathlib import Path
from typing import Any

from pairsmith.model_card import CARD, licence_of, render_model_card
from pairsmith.trainer.encoder import Encoder
from pairsmith.trainer.export import SEARCH, Exported, export
from pairsmith.trainer.facts import TrainingFacts, write_facts
from pairsmith.trainer.reload import verify


def export_model(
    encoder: Encoder, facts: TrainingFacts, out: Path, merge: bool, instruction: str = SEARCH
) -> dict[str, Any]:
    """Write ``out/model`` and all that belongs in it. Where it went, what it is, and how far it is from the one in memory.

    Raises :class:`pairsmith.factory.errors.RunError` where sentence-transformers loads another model from there: then the one
    that was there stays.
    """
    difference = 0.0

    def finish(exported: Exported, beside: Path) -> None:
        nonlocal difference
        difference = verify(encoder, beside)
        card = render_model_card(facts, exported, difference, licence_of(encoder.name, encoder.revision))
        write_facts(beside, facts)
        (beside / CARD).write_text(card, encoding="utf-8")

    exported = export(encoder, facts.recipe, out, merge, instruction, finish)
    return {"model": str(exported.folder), "merged": exported.merged, "difference": difference}
