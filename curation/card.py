"""The dataset card: ``README.md`` of a release, with the metadata that the Hub and ``datasets`` read.

The front matter is written by ``huggingface_hub`` and never by hand: bare ``no`` (Norwegian) is false in YAML. Texts of
rows are untrusted: they stand within a line, and each mark in them that Markdown, HTML or a template could act on there
becomes a character reference, which CommonMark (section 2.5) reads as plain text.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pairsmith.curation.comparable import type_name
from pairsmith.curation.contents import Contents, commonest_first
from pairsmith.curation.review_facts import ReviewFacts
from pairsmith.curation.sample import stratified
from pairsmith.curation.visible import clip, visible
from pairsmith.factory.accounts import Book, dollars
from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.pairs import UNKNOWN
from pairsmith.factory.records import RELEASE, Mark
from pairsmith.factory.taxonomy import GROUPS
from pairsmith.validators.privacy import personal

if TYPE_CHECKING:
    from jinja2 import Template

EXCERPT = 280  # characters of a text in an example
COMMONEST = 3
TRIED = 10  # rows of a group among which one without personal data is looked for
SIZES = (("n<1K", 10**3), ("1K<n<10K", 10**4), ("10K<n<100K", 10**5), ("100K<n<1M", 10**6), ("1M<n<10M", 10**7))
TASKS = {
    "short_long": "text-retrieval",
    "long_short": "text-classification",
    "short_short": "sentence-similarity",
    "long_long": "sentence-similarity",
    "sts": "sentence-similarity",
    "bitext": "translation",
}
KINDS = {
    "short_long": "a short query and the long document that answers it",
    "long_short": "a text and its class label",
    "short_short": "two short texts that match",
    "long_long": "two long texts that match",
    "sts": "two texts of one meaning, in one language",
    "bitext": "a text and its translation",
}
MEANINGS = {
    "id": "names the row for life, through corrections and in every version",
    "request_id": "the request that the row answers",
    "content_hash": "digest of the texts: changes when one of them does",
    "parent": "the row that this one was made from, if any",
    "group": "kind of example, see above",
    "instruction": "the task, as it is put before the query in training",
    "query": "the text that is searched with (anchor)",
    "positive": "the text that should be found; in long_short the label",
    "negatives": "texts that should not be found although they look like it; empty in short_short and long_long",
    "query_language": "ISO 639-1 code of the query, as asked",
    "document_language": "ISO 639-1 code of positive and negatives, as asked",
    "query_type": "asked: how common the query is",
    "query_length": "asked: length of the query",
    "clarity": "asked: how clear the query or input is",
    "num_words": "asked: words of the documents or the input",
    "difficulty": "asked: education that it takes to understand the texts",
    "unit": "asked: phrase, sentence or passage",
    "high_score": "asked: similarity of query and positive, 1 to 5",
    "low_score": "asked: similarity of query and negative, 1 to 5",
    "document": "source and id of the document that the positive is a passage of; null where a model wrote the positive",
    "model": f"the language model that wrote the row; `{UNKNOWN}` where that is not known",
    "prompt_version": "digest of the prompt template; null where the prompt is not known",
    "tokens_in": "prompt tokens that the answer took",
    "tokens_out": "tokens of the answer",
    "review": "what people who looked at the row came to: `kept`, or `corrected` where they wrote some of its texts anew; null "
    "where nobody has judged it",
    "split": "the part of the release that the row belongs to",
}

# Marks that act within a line. Within a word an underscore does not; a colon may begin an emoji's name or end a scheme.
_ACTIVE = re.compile(r"[\\`*{}\[\]<>#|~&@$^]|(?<![^\W_])_|_(?![^\W_])|:(?=\S)|(?<=(?i:www))\.")
_LINES = str.maketrans({**dict.fromkeys("\n\u2028\u2029", " ⏎ "), **dict.fromkeys("\r\v\f\x85\t", " ")})


@dataclass(frozen=True)
class CardFacts:
    """What a card says.

    ``contents``: of the release; ``tried``: those of its rows that :func:`to_try` names (schema RELEASE without ``split``), in
    that order; ``files``: config -> split -> Parquet paths relative to the card, config
    ``all`` is the default one; ``funnel``: see :meth:`pairsmith.validators.funnel.Funnel.counts`; ``thresholds``: gate ->
    settings; ``models``: model -> rows; ``tool_versions``: package -> version; ``parent``: the version before, if any;
    ``description`` and ``changelog``: Markdown of the dataset's owner; ``book``: what was paid; ``review``: by people, if any;
    ``license_link``: where the licence's text stands, if that is said; ``terms``: model -> what its terms say of its output.
    """

    name: str
    version: str
    license: str
    description: str
    contents: Contents
    tried: list[dict[str, Any]]
    files: dict[str, dict[str, list[str]]]
    funnel: dict[str, Any]
    thresholds: dict[str, Any]
    models: dict[str, int]
    tool_versions: dict[str, str]
    parent: str | None
    changelog: str
    book: Book = field(default_factory=Book)
    review: ReviewFacts | None = None
    license_link: str = ""
    terms: dict[str, str] = field(default_factory=dict)


def render_card(facts: CardFacts) -> str:
    """The card as Markdown with YAML front matter; the same facts give the same text."""
    return f"---\n{_front_matter(facts)}---\n\n{_template().render(_context(facts))}"


def inert(text: object) -> str:
    """``text`` on one line, shown as it is by any Markdown renderer: no markup, HTML or template in it acts.

    Some renderers link what looks like a mail address or a bare URL; such a link says where it leads.
    """
    return _ACTIVE.sub(lambda mark: f"&#{ord(mark[0])};", visible(str(text).translate(_LINES)))


def _front_matter(facts: CardFacts) -> str:
    from huggingface_hub import DatasetCardData

    languages = sorted(_languages(facts.contents))
    groups = {group for group, _ in facts.contents.groups}
    unknown = facts.models.get(UNKNOWN, 0)
    found = bool(facts.contents.sources) or bool(unknown)
    written = ["machine-generated"] if unknown < facts.contents.rows else []
    card = DatasetCardData(
        language=languages,
        license=facts.license,
        license_link=facts.license_link or None,
        annotations_creators=[*(["found"] if unknown else []), *written],
        language_creators=[*(["found"] if found else []), *written],
        multilinguality="multilingual" if len(languages) > 1 else "monolingual",
        size_categories=[next((name for name, limit in SIZES if facts.contents.rows < limit), "n>10M")],
        source_datasets=[*(["original"] if written else []), *(["extended"] if found else [])],
        task_categories=sorted({TASKS[group] for group in groups} | {"feature-extraction"}),
        pretty_name=facts.name,
        tags=[*(["synthetic"] if written else []), "embeddings", "pairsmith"],
        configs=[_config(name, splits) for name, splits in facts.files.items()],
    )
    return str(card.to_yaml(line_break="\n")).rstrip("\n") + "\n"


def _config(name: str, splits: dict[str, list[str]]) -> dict[str, Any]:
    data_files = [{"split": split, "path": splits[split]} for split in _train_first(splits)]
    return {"config_name": name, "data_files": data_files, **({"default": True} if name == "all" else {})}


def _train_first(splits: Iterable[str]) -> list[str]:
    return sorted(splits, key=lambda name: (name != "train", name))


def _context(facts: CardFacts) -> dict[str, Any]:
    languages = commonest_first(_languages(facts.contents)).items()
    return {
        "facts": facts,
        "funnel": facts.funnel,
        "failed": sum(facts.funnel["failed"].values()),
        "groups": _by_group(facts.contents),
        "splits": _train_first({split for _, split in facts.contents.groups}),
        "kinds": KINDS,
        "languages": [(LANGUAGES[code].name if code in LANGUAGES else code, code, count) for code, count in languages],
        "unknown": facts.models.get(UNKNOWN, 0),
        "sources": list(commonest_first(facts.contents.sources).items()),
        "columns": [(field.name, type_name(field.type), MEANINGS[field.name]) for field in RELEASE],
        "gates": [{**gate, "commonest": _commonest(gate["reasons"])} for gate in facts.funnel["gates"]],
        "settings": _settings(facts.thresholds),
        "examples": [_example(row) for row in _chosen(facts.tried)],
        "sample": [(name, _train_first(splits)[0]) for name, splits in facts.files.items()][:2],
        "target": facts.funnel.get("target"),
        "paid": facts.book.total(),
        "costs": facts.book.by("model", "step"),
        "review": facts.review,
        "judged": facts.contents.reviews.total(),
        "corrected": facts.contents.reviews[Mark.CORRECTED],
        "unjudged": {gate["gate"]: gate["unverified"] for gate in facts.funnel["gates"] if gate["unverified"]},
    }


def _languages(contents: Contents) -> Counter[str]:
    """Rows by language; a row in two languages counts in both."""
    counts: Counter[str] = Counter()
    for pair, count in contents.languages.items():
        counts.update(dict.fromkeys(pair, count))
    return counts


def _by_group(contents: Contents) -> list[tuple[str, int, dict[str, int]]]:
    """Group, its rows, its rows by split; in the order of the method."""
    counts: dict[str, dict[str, int]] = {}
    for (group, split), count in contents.groups.items():
        counts.setdefault(group, {})[split] = count
    known = [*GROUPS, *sorted(counts.keys() - GROUPS.keys())]
    return [(name, sum(counts[name].values()), counts[name]) for name in known if name in counts]


def _commonest(reasons: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:COMMONEST]


def _settings(thresholds: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """Gate, setting, value; that a gate is enabled goes without saying."""
    found = {gate: values for gate, values in thresholds.items() if values}
    named = {gate: values if isinstance(values, dict) else {"options": values} for gate, values in found.items()}
    lines = [(gate, name, value) for gate, values in named.items() for name, value in values.items()]
    return [(gate, name, _told(value)) for gate, name, value in lines if (name, value) != ("enabled", True)]


def _told(value: Any) -> Any:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else value


def to_try(rows: pa.Table) -> list[str]:
    """Ids of some rows of each group (``rows``: ``id, group``) among which an example for the card is looked for."""
    ids: list[str] = stratified(rows, ["group"], TRIED, by="id")["id"].to_pylist()
    return ids


def _chosen(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row of each group, none with personal data: a card is more public than a row."""
    chosen: dict[str, dict[str, Any]] = {}
    for row in rows:
        texts = (row["instruction"], row["query"], row["positive"], *row["negatives"])
        if row["group"] not in chosen and not any(map(personal, texts)):
            chosen[row["group"]] = row
    return list(chosen.values())


def _example(row: dict[str, Any]) -> dict[str, Any]:
    texts = [
        ("query", row["query_language"], row["query"]),
        ("positive", row["document_language"], row["positive"]),
        *(("negative", row["document_language"], text) for text in row["negatives"]),
    ]
    clipped = [(name, language, *clip(text, EXCERPT)) for name, language, text in texts]
    return {"group": row["group"], "id": row["id"], "instruction": row["instruction"], "texts": clipped}


def card_template(file: str, **filters: Callable[..., Any]) -> "Template":
    """A card's template, of the room ``cards``.

    Beside ``filters`` it has ``number``, and ``inert`` for all that comes from outside.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(  # noqa: S701  Markdown: the filter `inert` escapes more than autoescape would
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters.update(inert=inert, number="{:,}".format, **filters)
    return environment.from_string(files("pairsmith.cards").joinpath(file).read_text(encoding="utf-8"))


@cache
def _template() -> "Template":
    return card_template(
        "dataset.md.jinja",
        dollars=dollars,
        percent="{:.1%}".format,
        figure=lambda value: "not told" if value is None else f"{value:.2f}",
        demoted=_demoted,
    )


def _demoted(markdown: str) -> str:
    """The same text with every heading one level lower, so that it fits below a section."""
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in markdown.strip().splitlines())
