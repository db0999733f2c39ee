"""The model card: ``README.md`` beside the weights, with the metadata that the Hub reads.

Names and versions come from files of others: all that stands in the card is inert, see :func:`pairsmith.curation.card.inert`.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pairsmith.curation.card import card_template
from pairsmith.curation.front_matter import front_matter
from pairsmith.curation.intervals import mean
from pairsmith.trainer.export import Exported
from pairsmith.trainer.facts import TrainingFacts
from pairsmith.trainer.held_out import Figures, HeldOutScores

if TYPE_CHECKING:
    from jinja2 import Template

CARD = "README.md"

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_CODED = re.compile(r"[^\w./@+:-]", re.ASCII)  # what could end a code span, a string or an argument


def render_model_card(facts: TrainingFacts, exported: Exported, difference: float, licence: str | None) -> str:
    """The card as Markdown with YAML front matter; the same facts give the same text.

    ``difference``: see :func:`pairsmith.trainer.reload.verify`; ``licence``: of the base model, None where nobody says it.
    """
    scores = facts.held_out if {"before", "after"} <= facts.held_out.keys() else {}
    name, base = exported.folder.resolve().parent.name, facts.model.name
    context = {
        "name": name,
        "base": base
        if _REPOSITORY.fullmatch(base)
        else Path(base).name,  # where it lies on this machine is nobody's business
        "adapter": "/".join(Path(facts.model.adapter or "").parts[-2:]),
        "place": f"{name}/{exported.folder.name}",
        "facts": facts,
        "exported": exported,
        "difference": difference,
        "license": licence,
        "scores": scores,
        "lines": list(_lines(scores["before"], scores["after"])) if scores else [],
        "interval": _interval,
        "recipe": [(name, _told(value)) for name, value in facts.recipe.model_dump().items()],
    }
    return f"---\n{_front_matter(facts, exported, licence)}---\n\n{_template().render(context)}"


def licence_of(model: str, revision: str | None = None) -> str | None:
    """The licence that the card of a model names: a folder, or a name on the Hub, whose card is fetched unless it is here."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        local = Path(model) / CARD
        path = local if Path(model).is_dir() else Path(hf_hub_download(model, CARD, revision=revision))
        told = front_matter(path.read_text(encoding="utf-8")).get("license")
    except (OSError, ValueError, HfHubHTTPError, LocalEntryNotFoundError):
        return None  # no card, or not to be had: the model's own card says "not told"
    return told if isinstance(told, str) else None


def _front_matter(facts: TrainingFacts, exported: Exported, licence: str | None) -> str:
    from huggingface_hub import ModelCardData

    card = ModelCardData(
        license=licence,
        base_model=facts.model.name if _REPOSITORY.fullmatch(facts.model.name) else None,
        base_model_relation="finetune" if exported.merged else "adapter",
        datasets=sorted({name for name in map(_repository, facts.sources) if name}) or None,
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=["sentence-transformers", "feature-extraction", "embeddings", "pairsmith"],
    )
    return str(card.to_yaml(line_break="\n")).rstrip("\n") + "\n"


def _repository(source: Any) -> str | None:
    """The dataset on the Hub that a source is, if it is one: it has a commit there."""
    name = source.name.partition("@")[0]
    return name if source.revision and _REPOSITORY.fullmatch(name) else None


def _lines(before: HeldOutScores, after: HeldOutScores) -> Iterator[tuple[str, Figures, Figures]]:
    yield "all", before.whole, after.whole
    for group, figures in after.groups.items():
        yield group, before.groups[group], figures
    for cut, figures in after.dimensions.items():
        yield f"all, {cut:,} dimensions", before.dimensions[cut], figures
    for kind, figures in after.quantised.items():
        yield f"all, {kind}", before.quantised[kind], figures


def _interval(value: float, queries: int) -> str:
    low, high = mean(value, queries)
    return f"({low:.2f} to {high:.2f})"


def _told(value: object) -> object:
    if value is None:
        return "none"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else value


@cache
def _template() -> "Template":
    return card_template(
        "model.md.jinja",
        coded=lambda text: _CODED.sub("_", str(text)),
        plain="{:g}".format,
        score="{:.4f}".format,
        duration=lambda seconds: str(timedelta(seconds=round(seconds))),
    )
