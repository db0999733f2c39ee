"""The form as an Argilla dataset: its fields, questions, metadata; and what someone changed of it on the server."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pairsmith.curation.argilla_records import FURTHER, SCORE, name_there, our_name
from pairsmith.curation.review_form import QUESTIONS, RATINGS, Question, form_digest, guidelines
from pairsmith.factory.errors import nearest

if TYPE_CHECKING:
    import argilla as rg

FIELDS = {
    "task": "Task",
    "query": "Query",
    "positive": "Positive",
    "negative": "Hard negative",
    FURTHER: "Further hard negatives",
}
"""Name -> title. The last two are there where the row has any."""
OPTIONAL = ("negative", FURTHER)
KINDS = {"label": "label_selection", "labels": "multi_label_selection", "rating": "rating", "text": "text"}
"""Kind of a question -> what Argilla calls it."""
HIDDEN = ("part",)
"""Metadata that reviewers do not see: it would lead them."""
_TERMS = {
    "group": "Group",
    "query_language": "Language of the query",
    "document_language": "Language of the documents",
    "model": "Model",
    "part": "Part of the sample",
    "reasons": "What gates found",
}

JsonQuestion = Mapping[str, Any]
"""A question as the server's API has it."""


def settings(client: "rg.Argilla", answers: int, gates: Iterable[str]) -> "rg.Settings":
    """A dataset whose records are done with so many submitted ``answers``; ``gates``: those whose scores are shown."""
    import argilla as rg

    metadata = [
        *(_terms(client, name, title) for name, title in _TERMS.items()),
        rg.IntegerMetadataProperty("order", title="Order", client=client),
        rg.IntegerMetadataProperty("words", title="Words of query and positive", client=client),
        rg.FloatMetadataProperty("doubt", title="Doubt of the gates", client=client),
        *(rg.FloatMetadataProperty(f"{SCORE}{gate}", title=f"Score of {gate}", client=client) for gate in gates),
    ]
    for one in metadata:
        one.visible_for_annotators = one.name not in HIDDEN
    return rg.Settings(
        fields=[
            rg.TextField(name, title=title, required=name not in OPTIONAL, use_markdown=False, client=client)
            for name, title in FIELDS.items()
        ],
        questions=[_question(client, question) for question in QUESTIONS],
        metadata=metadata,
        guidelines=guidelines(),
        allow_extra_metadata=True,  # a gate that is added later has its score there too
        distribution=rg.TaskDistribution(min_submitted=answers),
    )


def _terms(client: "rg.Argilla", name: str, title: str) -> "rg.TermsMetadataProperty":
    import argilla as rg

    return rg.TermsMetadataProperty(name, title=title, client=client)


def _question(client: "rg.Argilla", question: Question) -> Any:
    import argilla as rg

    name = name_there(question.name)
    said: dict[str, Any] = {
        "title": question.title,
        "description": question.about,
        "required": question.required,
        "client": client,
    }
    match question.kind:
        case "label":
            return rg.LabelQuestion(name, labels=question.options, **said)
        case "labels":
            all_of_them = len(question.options)
            return rg.MultiLabelQuestion(
                name, labels=question.options, visible_labels=all_of_them, labels_order="suggestion", **said
            )
        case "rating":
            return rg.RatingQuestion(name, values=list(RATINGS), **said)
        case "text":
            return rg.TextQuestion(name, **said)


def misfits(questions: Sequence[JsonQuestion]) -> list[str]:
    """What of the questions on the server keeps their answers from being read; empty where nothing does.

    Questions that are missing because the dataset is from another version are none, but for the one that must be answered.
    """
    there = {one["name"]: one for one in questions}
    found = []
    for question in QUESTIONS:
        name = name_there(question.name)
        one = there.get(name)
        if one is None:
            if question.required:
                found.append(f"the question '{name}' is not there")
        elif one["settings"]["type"] != KINDS[question.kind]:
            found.append(f"the question '{name}' is of type '{one['settings']['type']}', not '{KINDS[question.kind]}'")
    return found


def changes(questions: Sequence[JsonQuestion], fields: Sequence[Mapping[str, Any]]) -> list[str]:
    """What differs from our form: then no further rows can be asked about beside those that are there."""
    there = {one["name"]: one for one in questions}
    found = misfits(questions)
    for question in QUESTIONS:
        name = name_there(question.name)
        one = there.pop(name, None)
        if one is None:
            if not question.required:
                found.append(f"the question '{name}' is not there")
        elif one["settings"]["type"] == KINDS[question.kind]:
            found += _differences(question, one)
    found += [
        f"the question '{name}'{nearest(name, [name_there(each.name) for each in QUESTIONS])} is none of ours"
        for name in there
    ]
    names = {field["name"] for field in fields}
    found += [f"the field '{name}' is not there" for name in FIELDS if name not in names]
    return found + [
        f"the field '{field['name']}' is none of ours and required"
        for field in fields
        if field["name"] not in FIELDS and field["required"]
    ]


def _differences(question: Question, there: JsonQuestion) -> list[str]:
    name = there["name"]
    if bool(there["required"]) != question.required:
        return [f"the question '{name}' is {'required' if there['required'] else 'not required'} there"]
    ours = [str(rating) for rating in RATINGS] if question.kind == "rating" else list(question.options)
    theirs = [str(option["value"]) for option in there["settings"].get("options", ())]
    lost = [f"the question '{name}' lacks the option '{value}'" for value in ours if value not in theirs]
    return lost + [
        f"the question '{name}' has the option '{value}', which is none of ours"
        for value in theirs
        if value not in ours
    ]


def form_there(questions: Sequence[JsonQuestion]) -> str:
    """The version of the form that is on the server; see :func:`pairsmith.curation.review_form.form_version`."""
    kinds = {theirs: ours for ours, theirs in KINDS.items()}
    ratings: list[int] = []
    found = []
    for one in questions:
        kind = kinds.get(one["settings"]["type"], one["settings"]["type"])
        options = one["settings"].get("options", ())
        if kind == "rating":
            ratings += [option["value"] for option in options if option["value"] not in ratings]
            options = ()
        words = {option["value"]: option["text"] for option in options}
        found.append(Question(our_name(one["name"]), one["title"], kind, "", words, bool(one["required"])))
    return form_digest(found, ratings)
