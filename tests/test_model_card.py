"""The model card says what a model was made of and how to use it, and nothing in it acts."""

from dataclasses import replace
from pathlib import Path

import pytest
from trained import facts, scores

from pairsmith.curation.front_matter import front_matter
from pairsmith.model_card import licence_of, render_model_card
from pairsmith.trainer.export import Exported
from pairsmith.trainer.facts import ModelFacts, SourceFacts, TrainingFacts, read_facts, write_facts

MERGED = Exported(Path("runs/mine/model"), True, False, "last", 64, "Find the answer.")
ADAPTER = replace(MERGED, merged=False)
HOSTILE = "a | b `c` <script>alert(1)</script> {{ 7 * 7 }} [x](javascript:a)\n---\n# Heading\n```"


def card(training: TrainingFacts | None = None, exported: Exported = MERGED, licence: str | None = "apache-2.0") -> str:
    return render_model_card(training or facts(), exported, 1.5e-7, licence)


def test_a_card_names_data_recipe_scores_hardware_tokens_and_time() -> None:
    text = card()
    for told in (
        "1.2.0",
        "5" * 40,
        "ab" * 32,
        "98,765",
        "100,001",
        "1:02:05",
        "a processor",
        "0.2500",
        "0.5000",
        "1.5e-07",
    ):
        assert told in text
    for setting in facts().recipe.model_dump():
        assert f"| {setting} |".replace("_", "&#95;") in text or f"| {setting} |" in text
    assert "| all, 32 dimensions | 50 | 0.2500 | 0.5000 (0.36 to 0.64) | 0.1250 | 0.2500 (0.14 to 0.39) |" in text
    assert "| all, int8 |" in text and "| all, binary |" in text


def test_the_metadata_are_those_that_the_hub_reads() -> None:
    data = front_matter(card())
    assert data["license"] == "apache-2.0"
    assert (data["base_model"], data["base_model_relation"]) == ("mistralai/Mistral-7B-v0.1", "finetune")
    assert data["datasets"] == ["acme/pairs"]
    assert data["library_name"] == "sentence-transformers"
    local = front_matter(card(facts(model=ModelFacts(name="/home/me/base", digest="0")), ADAPTER, None))
    assert {"license", "base_model"}.isdisjoint(local)
    assert local["base_model_relation"] == "adapter"


def test_a_card_shows_how_to_use_what_lies_there() -> None:
    assert "vllm serve mine/model --runner pooling" in card()
    assert "text-embeddings-router" not in card(exported=ADAPTER)
    assert "reads both ways" in card(exported=replace(MERGED, both_ways=True))
    assert "without instructions" in card(exported=replace(MERGED, instruction=""))
    assert "## Scores" not in card(facts(held_out={}))


def test_scores_of_few_queries_are_told_with_what_they_are_worth() -> None:
    few = scores(1.0)
    few = few.model_copy(update={"whole": few.whole.model_copy(update={"queries": 12})})
    assert "| all | 12 | 1.0000 | 1.0000 (0.74 to 1.00) |" in card(facts(held_out={"before": few, "after": few}))


def test_a_licence_that_nobody_told_is_not_made_up() -> None:
    assert "Licence: apache&#45;2.0, that of" in card() or "Licence: apache-2.0, that of" in card()
    assert "Licence: not told: no card" in card(licence=None)


def test_a_card_says_that_a_tag_does_not_pin_an_adapter() -> None:
    assert "snapshot_download" in card(exported=ADAPTER)
    assert "snapshot_download" not in card()


def test_a_card_does_not_say_where_things_lie_on_this_machine() -> None:
    text = card(facts(model=ModelFacts(name="/home/me/base", digest="0", adapter="/home/me/runs/first/model")))
    assert "/home/me" not in text
    assert "`first/model`" in text


def test_nothing_in_a_card_acts() -> None:
    sources = [SourceFacts(name=HOSTILE, version=HOSTILE, revision=HOSTILE, row_set=HOSTILE, rows=1, license=HOSTILE)]
    training = facts(
        sources=sources, model=ModelFacts(name=HOSTILE, digest=HOSTILE), since=HOSTILE, hardware={HOSTILE: HOSTILE}
    )
    text = card(training, replace(MERGED, instruction=HOSTILE), HOSTILE)
    body = text.partition("\n---\n")[2]
    assert not [mark for mark in ("<script", "{{", "](", "\n# Heading", "\n---\n") if mark in body]
    assert body.count("```") == card().count("```")
    assert front_matter(text)["license"] == HOSTILE


def test_facts_come_back_as_they_were_written(tmp_path: Path) -> None:
    write_facts(tmp_path, facts())
    assert read_facts(tmp_path) == facts()


@pytest.mark.parametrize(("text", "found"), [("---\nlicense: mit\n---\n", "mit"), ("no metadata", None), (None, None)])
def test_the_licence_is_what_the_base_models_card_says(text: str | None, found: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "README.md").write_text(text)
    assert licence_of(str(tmp_path)) == found
