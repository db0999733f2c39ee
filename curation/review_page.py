"""The page for those who review without a server: one HTML file that opens from the disk and asks nothing of a network.

Texts come from language models and are untrusted. They stand on the page as JSON in which no ``<`` is left, its script shows
them as text only, and its own policy allows that script and nothing else (by digest: none that a text brings would run).
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from pairsmith.curation.review_form import QUESTIONS, RATINGS, TEXTS, form_version, guidelines
from pairsmith.curation.review_records import Record
from pairsmith.curation.reviews import Key, Review
from pairsmith.curation.visible import visible
from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.records import digest

if TYPE_CHECKING:
    from jinja2 import Template

_UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
"""What could end the element that the data stand in, end a line of a script, or not be written as UTF-8."""


def review_page(
    shown: Sequence[Record], answered: Mapping[Key, Review], *, name: str, reviewer: str, file_name: str
) -> str:
    """The page of one reviewer, who finds what they have answered already. ``name``: of the dataset.

    The browser keeps further answers by dataset, reviewer, form and row: a page that is written again finds them.
    """
    from markupsafe import Markup

    style, script = (_part(f"review.{kind}") for kind in ("css", "js"))
    data = {
        "kept": f"pairsmith/{digest(name, reviewer, form_version())}",
        "reviewer": reviewer,
        "source": file_name,
        "form": form_version(),
        "texts": TEXTS,
        "languages": {code: language.name for code, language in LANGUAGES.items()},
        "records": [_record(record, answered.get(Key(record.id, record.content_hash, reviewer))) for record in shown],
    }
    return _template().render(
        name=name,
        reviewer=reviewer,
        questions=QUESTIONS,
        ratings=RATINGS,
        guidelines=Markup(_html(guidelines())),  # noqa: S704  our own words, with HTML in them escaped
        data=Markup(script_json(data)),  # noqa: S704  no '<' is left in it
        style=Markup(style),  # noqa: S704  our own
        script=Markup(script),  # noqa: S704  our own
        style_digest=_policy_digest(style),
        script_digest=_policy_digest(script),
    )


def script_json(data: Any) -> str:
    """JSON that means the same within a script element, whatever texts are in it."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(data, ensure_ascii=False, allow_nan=False))


def _record(record: Record, review: Review | None) -> dict[str, Any]:
    """What the page knows of a row: not why it is shown."""
    return {
        "id": record.id,
        "content_hash": record.content_hash,
        "group": record.group.replace("_", " "),
        "query_language": record.query_language,
        "document_language": record.document_language,
        "task": visible(record.instruction),
        "query": _text(record.query),
        "positive": _text(record.positive),
        "negatives": [_text(text) for text in record.negatives],
        "decision": record.suggestion.decision,
        "wrong": record.suggestion.wrong,
        "because": [visible(line) for line in record.suggestion.because],
        "review": review and {"status": review.status, "at": review.at, "answers": review.answers.model_dump()},
    }


def _text(text: str) -> dict[str, str]:
    """The text that is corrected, and, where it differs, how it is shown: with nothing hidden in it."""
    shown = visible(text)
    return {"text": text} if shown == text else {"text": text, "shown": shown}


def _policy_digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _html(markdown: str) -> str:
    from markdown_it import MarkdownIt

    html: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    return html


@cache
def _part(name: str) -> str:
    return (files("pairsmith.cards") / name).read_text(encoding="utf-8")


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_part("review.html.jinja"))
