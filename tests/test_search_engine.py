"""Every filter, order and query that the SDK and the web page can send, against answers computed here from what was pushed."""

import math
import random
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import argilla as rg
import pytest
from argilla_fixture import Served

pytestmark = pytest.mark.slow

TEXTS = (
    "A cat sat on the mat",
    "Concatenate the strings, then stop",
    "Naïve café owners drink coffee",
    unicodedata.normalize("NFD", "A CAFÉ in the Straße"),
    "100% of it_is 'quoted' and \"double\" with a back\\slash",
    "100 percent of itxis; 1000 more",
    "أحب القراءة في المكتبة كل يوم",
    "المكتبات مغلقة اليوم",
    "ฉันรักแมวและสุนัข",
    "我喜欢在图书馆看书",
    "图 书 分开",
    "मुझे किताबें पढ़ना पसंद है",
    "वह किताब मेरी है",
    "東京タワーは高い",
    "학교에서 책을 읽는다",
    "line one\nline   two",
    "R&amp;D &lt;b>bold&lt;/b> in HTML",
)
LABELS = ("keep", "fix", "drop")
REASONS = ("wrong_language", "copied", "off_topic")
STATUSES = ("submitted", "draft", "discarded")
MISSING = object()


@dataclass
class Row:
    """A record as it was pushed, and what two reviewers answered."""

    id: str
    fields: dict[str, str]
    metadata: dict[str, Any]
    suggestions: dict[str, dict[str, Any]]
    vector: list[float]
    answers: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    server_id: str = ""

    @property
    def status(self) -> str:
        """Two submitted answers complete a record."""
        return "completed" if sum(status == "submitted" for status, _ in self.answers.values()) >= 2 else "pending"


@dataclass(frozen=True)
class Pushed:
    """A dataset on the server and the rows in it, in the order in which they came in."""

    served: Served
    dataset: str
    sdk: rg.Dataset
    rows: list[Row]
    moments: dict[str, dict[str, datetime]]

    def ask(self, who: str | None = None, *, limit: int = 1000, offset: int = 0, **body: Any) -> tuple[list[str], int]:
        """Ids in the order of the answer, and the total: as the page asks (``who``), or over everyone's answers."""
        key = self.served.reviewers[who].api_key if who else None
        me = "me/" if who else ""
        path = f"{me}datasets/{self.dataset}/records/search?limit={limit}&offset={offset}"
        answer = self.served.call("POST", path, key, json=body)
        return [item["record"]["external_id"] for item in answer["items"]], answer["total"]

    def found(self, *filters: dict[str, Any], who: str | None = None) -> set[str]:
        ids, total = self.ask(who, filters={"and": list(filters)})
        assert total == len(ids) == len(set(ids))
        return set(ids)

    def those(self, holds: Callable[[Row], bool]) -> set[str]:
        ids = {row.id for row in self.rows if holds(row)}
        assert 0 < len(ids) < len(self.rows), "the example tells nothing"
        return ids


def make_rows() -> list[Row]:
    chance = random.Random(7)
    rows = []
    for number in range(120):
        metadata = {
            "language": chance.choice(["en", "ar", "th"]),
            "tags": chance.sample(["a", "b", "c"], chance.randint(1, 2)),
            "length": chance.randint(-5, 5),
            "score": round(chance.uniform(-1, 1), 3),
        }
        suggestions = {
            "decision": {"value": chance.choice(LABELS), "score": round(chance.random(), 3), "agent": "gates"},
            "wrong": {"value": chance.sample(REASONS, 2), "score": [round(chance.random(), 3) for _ in range(2)]},
            "stars": {"value": chance.randint(1, 5), "agent": chance.choice(["judge", "person"]), "type": "human"},
        }
        rows.append(
            Row(
                id=f"row-{number:03}",
                fields={"query": TEXTS[number % len(TEXTS)], "positive": f"passage {chance.choice('xyz')} {number}"},
                metadata={name: value for name, value in metadata.items() if chance.random() < 0.85},
                suggestions={name: value for name, value in suggestions.items() if chance.random() < 0.8},
                vector=[chance.gauss(0, 1) for _ in range(4)],
            )
        )
    return rows


def answer_some(rows: Iterable[Row]) -> None:
    chance = random.Random(8)
    for row in rows:
        for who in ("ann", "bob"):
            if chance.random() < 0.6:
                status = chance.choice(STATUSES)
                values = {
                    "decision": chance.choice(LABELS),
                    "wrong": chance.sample(REASONS, chance.randint(1, 2)),
                    "stars": chance.randint(1, 5),
                }
                row.answers[who] = (status, {} if status == "discarded" else values)


@pytest.fixture(scope="module")
def pushed(argilla: Served) -> Pushed:
    client = rg.Argilla(api_url=argilla.url, api_key=argilla.owner.api_key)
    settings = rg.Settings(
        fields=[rg.TextField("query"), rg.TextField("positive")],
        questions=[
            rg.LabelQuestion("decision", labels=list(LABELS)),
            rg.MultiLabelQuestion("wrong", labels=list(REASONS)),
            rg.RatingQuestion("stars", values=[1, 2, 3, 4, 5]),
        ],
        metadata=[
            rg.TermsMetadataProperty("language"),
            rg.TermsMetadataProperty("tags"),
            rg.IntegerMetadataProperty("length"),
            rg.FloatMetadataProperty("score"),
        ],
        vectors=[rg.VectorField("meaning", dimensions=4)],
        distribution=rg.TaskDistribution(min_submitted=2),
    )
    dataset = rg.Dataset("search", workspace="curation", settings=settings, client=client).create()
    rows = make_rows()
    for start in range(0, len(rows), 30):  # apart in time
        dataset.records.log([record(row) for row in rows[start : start + 30]])
    answer_some(rows)
    argilla_id = str(dataset.id)
    listed = argilla.call("GET", f"datasets/{argilla_id}/records?limit=1000")["items"]
    ids = {item["external_id"]: item["id"] for item in listed}
    for row in rows:
        row.server_id = ids[row.id]
    for who in ("ann", "bob"):
        send_answers(argilla, who, rows)
    listed = argilla.call("GET", f"datasets/{argilla_id}/records?limit=1000")["items"]
    moments = {
        item["external_id"]: {name: datetime.fromisoformat(item[name]) for name in ("inserted_at", "updated_at")}
        for item in listed
    }
    return Pushed(argilla, argilla_id, dataset, rows, moments)


def record(row: Row) -> rg.Record:
    suggestions = [rg.Suggestion(name, **value) for name, value in row.suggestions.items()]
    return rg.Record(
        id=row.id, fields=row.fields, metadata=row.metadata, suggestions=suggestions, vectors={"meaning": row.vector}
    )


def send_answers(served: Served, who: str, rows: list[Row]) -> None:
    items = [
        {
            "record_id": row.server_id,
            "status": row.answers[who][0],
            "values": {name: {"value": value} for name, value in row.answers[who][1].items()} or None,
        }
        for row in rows
        if who in row.answers
    ]
    for item in items:
        served.call("POST", "me/responses/bulk", served.reviewers[who].api_key, json={"items": [item]})


def terms(scope: dict[str, Any], *values: Any) -> dict[str, Any]:
    return {"type": "terms", "scope": scope, "values": [str(value) for value in values]}


def between(scope: dict[str, Any], **bounds: Any) -> dict[str, Any]:
    return {"type": "range", "scope": scope, **bounds}


def metadata(name: str) -> dict[str, Any]:
    return {"entity": "metadata", "metadata_property": name}


def suggestion(question: str, name: str | None = "value") -> dict[str, Any]:
    return {"entity": "suggestion", "question": question, "property": name}


def response(question: str) -> dict[str, Any]:
    return {"entity": "response", "question": question}


def of_record(name: str) -> dict[str, Any]:
    return {"entity": "record", "property": name}


STATUS = {"entity": "response", "property": "status"}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def test_metadata_by_terms(pushed: Pushed) -> None:
    wanted = pushed.those(lambda row: row.metadata.get("language") in ("ar", "th"))
    assert pushed.found(terms(metadata("language"), "ar", "th", "xx")) == wanted
    assert pushed.found(terms(metadata("tags"), "a")) == pushed.those(lambda row: "a" in row.metadata.get("tags", []))
    assert pushed.found(terms(metadata("language"), "a")) == set()


@pytest.mark.parametrize("name", ["length", "score"])
@pytest.mark.parametrize("bounds", [(-0.5, None), (None, 0), (-0.25, 3)])
def test_metadata_by_range(pushed: Pushed, name: str, bounds: tuple[float | None, float | None]) -> None:
    least, most = bounds
    given = {key: bound for key, bound in (("ge", least), ("le", most)) if bound is not None}
    wanted = pushed.those(
        lambda row: (
            name in row.metadata
            and (least is None or row.metadata[name] >= least)
            and (most is None or row.metadata[name] <= most)
        )
    )
    assert pushed.found(between(metadata(name), **given)) == wanted
    assert pushed.found(between(metadata(name), **{key: str(bound) for key, bound in given.items()})) == wanted


@pytest.mark.parametrize("who", ["ann", "bob"])
@pytest.mark.parametrize("statuses", [("pending",), ("draft",), ("submitted",), ("discarded",), ("pending", "draft")])
def test_status_of_the_users_own_response(pushed: Pushed, who: str, statuses: tuple[str, ...]) -> None:
    wanted = pushed.those(lambda row: row.answers.get(who, ("pending", {}))[0] in statuses)
    assert pushed.found(terms(STATUS, *statuses), who=who) == wanted


def test_status_of_anyones_response(pushed: Pushed) -> None:
    assert pushed.found(terms(STATUS, "pending")) == pushed.those(lambda row: not row.answers)
    wanted = pushed.those(lambda row: any(status == "draft" for status, _ in row.answers.values()))
    assert pushed.found(terms(STATUS, "draft")) == wanted


def test_what_the_page_shows_as_pending(pushed: Pushed) -> None:
    wanted = pushed.those(lambda row: "ann" not in row.answers and row.status == "pending")
    assert pushed.found(terms(STATUS, "pending"), terms(of_record("status"), "pending"), who="ann") == wanted


def answered(row: Row, question: str, who: str | None) -> Iterable[list[Any]]:
    return (listed(values.get(question)) for name, (_, values) in row.answers.items() if who in (None, name))


@pytest.mark.parametrize("who", [None, "ann", "bob"])
def test_values_of_responses(pushed: Pushed, who: str | None) -> None:
    for question, value in (("decision", "fix"), ("wrong", "copied"), ("stars", 4)):
        wanted = pushed.those(lambda row: any(value in given for given in answered(row, question, who)))  # noqa: B023
        assert pushed.found(terms(response(question), value), who=who) == wanted
    wanted = pushed.those(lambda row: any(2 <= star <= 3 for given in answered(row, "stars", who) for star in given))
    assert pushed.found(between(response("stars"), ge=2, le=3), who=who) == wanted


def test_values_of_suggestions(pushed: Pushed) -> None:
    for question, value in (("decision", "keep"), ("wrong", "off_topic"), ("stars", 5)):
        wanted = pushed.those(lambda row: value in listed(row.suggestions.get(question, {}).get("value")))  # noqa: B023
        assert pushed.found(terms(suggestion(question), value)) == wanted
        assert pushed.found(terms(suggestion(question, None), value)) == wanted
    wanted = pushed.those(lambda row: row.suggestions.get("stars", {}).get("value", 9) <= 2)
    assert pushed.found(between(suggestion("stars"), le=2)) == wanted


@pytest.mark.parametrize("question", ["decision", "wrong"])
def test_scores_of_suggestions(pushed: Pushed, question: str) -> None:
    wanted = pushed.those(
        lambda row: any(0.3 <= score <= 0.5 for score in listed(row.suggestions.get(question, {}).get("score")))
    )
    assert pushed.found(between(suggestion(question, "score"), ge=0.3, le=0.5)) == wanted


def test_agents_and_types_of_suggestions(pushed: Pushed) -> None:
    wanted = pushed.those(lambda row: row.suggestions.get("stars", {}).get("agent") == "judge")
    assert pushed.found(terms(suggestion("stars", "agent"), "judge")) == wanted
    assert pushed.found(terms(suggestion("stars", "type"), "human")) == pushed.those(
        lambda row: "stars" in row.suggestions
    )


def test_status_and_ids_of_records(pushed: Pushed) -> None:
    assert pushed.found(terms(of_record("status"), "completed")) == pushed.those(lambda row: row.status == "completed")
    some = pushed.rows[3:9]
    assert pushed.found(terms(of_record("external_id"), *(row.id for row in some))) == {row.id for row in some}
    assert pushed.found(terms(of_record("id"), "no id", *(row.server_id for row in some))) == {row.id for row in some}


@pytest.mark.parametrize("name", ["inserted_at", "updated_at"])
def test_dates_of_records(pushed: Pushed, name: str) -> None:
    moments = {row: moment[name] for row, moment in pushed.moments.items()}
    middle = sorted(moments.values())[len(moments) // 2]
    later = {row for row, moment in moments.items() if moment >= middle}
    assert 0 < len(later) < len(moments)
    assert pushed.found(between(of_record(name), ge=middle.isoformat())) == later
    elsewhere = middle.replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert pushed.found(between(of_record(name), ge=elsewhere.isoformat())) == later
    today = middle.date().isoformat()
    assert pushed.found(between(of_record(name), ge=today, le=today)) == moments.keys()
    assert pushed.found(terms(of_record(name), middle.isoformat())) == {
        row for row, moment in moments.items() if moment == middle
    }


def test_filters_that_mean_nothing_are_refused(pushed: Pushed) -> None:
    for wrong in (
        between(metadata("score"), ge="much"),
        between(STATUS, ge="a"),
        between(of_record("inserted_at"), ge="x"),
        between(of_record("inserted_at"), ge="0001-01-01T00:00:00+14:00"),
    ):
        with pytest.raises(AssertionError, match="422"):
            pushed.found(wrong)


SORTS: dict[str, tuple[dict[str, Any], Callable[[Row], list[Any]]]] = {
    "metadata text": (metadata("language"), lambda row: listed(row.metadata.get("language"))),
    "metadata list": (metadata("tags"), lambda row: row.metadata.get("tags", [])),
    "metadata integer": (metadata("length"), lambda row: listed(row.metadata.get("length"))),
    "metadata float": (metadata("score"), lambda row: listed(row.metadata.get("score"))),
    "suggestion value": (suggestion("stars"), lambda row: listed(row.suggestions.get("stars", {}).get("value"))),
    "suggestion label": (suggestion("decision"), lambda row: listed(row.suggestions.get("decision", {}).get("value"))),
    "suggestion score": (
        suggestion("wrong", "score"),
        lambda row: listed(row.suggestions.get("wrong", {}).get("score")),
    ),
    "suggestion agent": (
        suggestion("stars", "agent"),
        lambda row: listed(row.suggestions.get("stars", {}).get("agent")),
    ),
    "own rating": (response("stars"), lambda row: [star for given in answered(row, "stars", "ann") for star in given]),
    "own label": (
        response("decision"),
        lambda row: [label for given in answered(row, "decision", "ann") for label in given],
    ),
    "own status": (STATUS, lambda row: [row.answers["ann"][0]] if "ann" in row.answers else []),
    "record status": (of_record("status"), lambda row: [row.status]),
    "record id": (of_record("external_id"), lambda row: [row.id]),
    "server id": (of_record("id"), lambda row: [row.server_id]),
}


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("what", SORTS)
def test_order_with_records_without_a_value_last(pushed: Pushed, what: str, order: str) -> None:
    scope, values = SORTS[what]
    extreme = min if order == "asc" else max
    having = {row.id: extreme(values(row)) for row in pushed.rows if values(row)}
    first = sorted(having.values(), reverse=order == "desc")
    ids, total = pushed.ask("ann", sort=[{"scope": scope, "order": order}])
    assert total == len(pushed.rows) == len(set(ids))
    assert [having[row] for row in ids[: len(first)]] == first
    assert not having.keys() & set(ids[len(first) :])


def test_a_rating_by_several_people_counts_by_its_mean(pushed: Pushed) -> None:
    means = {}
    for row in pushed.rows:
        stars = [star for given in answered(row, "stars", None) for star in given]
        if stars:
            means[row.id] = sum(stars) / len(stars)
    ids, _ = pushed.ask(sort=[{"scope": response("stars"), "order": "desc"}])
    assert [means[row] for row in ids[: len(means)]] == sorted(means.values(), reverse=True)


@pytest.mark.parametrize("name", ["inserted_at", "updated_at"])
def test_order_by_dates_and_by_several_things(pushed: Pushed, name: str) -> None:
    ids, _ = pushed.ask(sort=[{"scope": of_record(name), "order": "desc"}])
    moments = [pushed.moments[row][name] for row in ids]
    assert moments == sorted(moments, reverse=True)
    by = [{"scope": metadata("language"), "order": "asc"}, {"scope": of_record("external_id"), "order": "desc"}]
    ids, _ = pushed.ask(sort=by)
    known = [row for row in pushed.rows if "language" in row.metadata]
    known.sort(key=lambda row: row.id, reverse=True)
    assert ids[: len(known)] == [row.id for row in sorted(known, key=lambda row: row.metadata["language"])]


def test_without_an_order_each_user_has_their_own_and_keeps_it(pushed: Pushed) -> None:
    everyone, _ = pushed.ask()
    assert [row // 30 for row in map(int, (name.removeprefix("row-") for name in everyone))] == sorted(
        [0, 1, 2, 3] * 30
    )
    ann, _ = pushed.ask("ann")
    bob, _ = pushed.ask("bob")
    assert sorted(ann) == sorted(bob) == sorted(everyone)
    assert ann != bob and ann != everyone
    pages = [pushed.ask("ann", limit=50, offset=offset) for offset in (0, 50, 100, 150)]
    assert [row for page, _ in pages for row in page] == ann
    assert {total for _, total in pages} == {len(ann)}


QUERIES = {
    "cat": ["A cat sat on the mat"],
    "CAT mat": ["A cat sat on the mat"],
    '"sat on"': ["A cat sat on the mat"],
    '"on sat"': [],
    "concat": [],
    "concat*": ["Concatenate the strings, then stop"],
    "the -cat": [TEXTS[1], TEXTS[3]],
    "cat | coffee": [TEXTS[0], TEXTS[2]],
    "café": [TEXTS[2], TEXTS[3]],
    unicodedata.normalize("NFD", "CAFÉ"): [TEXTS[2], TEXTS[3]],
    "cafe": [],
    "strasse": [TEXTS[3]],
    "100%": [TEXTS[4]],
    "it_is": [TEXTS[4]],
    "100": [TEXTS[4], TEXTS[5]],
    "%": [TEXTS[4]],
    "_": [],
    "'quoted'": [TEXTS[4]],
    'double" with': [TEXTS[4]],
    "back\\slash": [TEXTS[4]],
    "'; DROP TABLE records; --": [],
    "المكتبة": [TEXTS[6]],
    "المكتب*": [TEXTS[6], TEXTS[7]],
    "แมว": [TEXTS[8]],
    "图书馆": [TEXTS[9]],
    "图 书": [TEXTS[9], TEXTS[10]],
    "किताब": [TEXTS[12]],
    "किताब*": [TEXTS[11], TEXTS[12]],
    "タワー": [TEXTS[13]],
    "학교에서": [TEXTS[14]],
    '"one line two"': [TEXTS[15]],
    "R&D": [TEXTS[16]],
    "<i>": [],
    "<b>bold</b>": [TEXTS[16]],
    "&amp;": [],
    "": list(TEXTS),
    "   ": list(TEXTS),
    "|": list(TEXTS),
}


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("field", ["query", None])
def test_text_queries(pushed: Pushed, query: str, field: str | None) -> None:
    wanted = {row.id for row in pushed.rows if row.fields["query"] in QUERIES[query]}
    text = {"q": query, **({"field": field} if field else {})}
    if query in ("_", "100", "%"):  # passages hold numbers
        wanted |= {row.id for row in pushed.rows if field is None and query in row.fields["positive"].split()}
    ids, total = pushed.ask("ann", query={"text": text})
    assert set(ids) == wanted
    assert total == len(wanted)


def test_text_in_one_field_only_and_with_filter_and_order(pushed: Pushed) -> None:
    ids, _ = pushed.ask(query={"text": {"q": "passage", "field": "query"}})
    assert not ids
    wanted = pushed.those(
        lambda row: (
            row.fields["query"] == TEXTS[0]
            and row.fields["positive"].startswith("passage y")
            and row.metadata.get("length", -9) >= -4
        )
    )
    ids, _ = pushed.ask(
        query={"text": {"q": "cat passage y"}},
        filters={"and": [between(metadata("length"), ge=-4)]},
        sort=[{"scope": of_record("external_id"), "order": "desc"}],
    )
    assert ids == sorted(wanted, reverse=True)


def cosine(one: list[float], other: list[float]) -> float:
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return dot / math.hypot(*one) / math.hypot(*other)


@pytest.mark.parametrize("order", ["most_similar", "least_similar"])
def test_similarity_to_a_vector_or_a_record(pushed: Pushed, order: str) -> None:
    sign = 1 if order == "most_similar" else -1
    value = [0.3, -1.0, 0.5, 2.0]
    ranked = sorted(pushed.rows, key=lambda row: -sign * cosine(row.vector, value))
    ids, _ = pushed.ask("ann", limit=10, query={"vector": {"name": "meaning", "value": value, "order": order}})
    assert ids == [row.id for row in ranked[:10]]
    own = pushed.rows[5]
    ranked = sorted(pushed.rows, key=lambda row: -sign * cosine(row.vector, own.vector))
    ranked.remove(own)
    vector = {"name": "meaning", "record_id": own.server_id, "order": order}
    ids, _ = pushed.ask("ann", limit=10, offset=5, query={"vector": vector})
    assert ids == [row.id for row in ranked[5:15]]
    wanted = [row.id for row in ranked if row.metadata.get("language") == "en" and row.fields["query"] == TEXTS[0]]
    ids, _ = pushed.ask(
        query={"vector": vector, "text": {"q": "cat"}}, filters={"and": [terms(metadata("language"), "en")]}
    )
    assert ids == wanted


def test_the_sdk_gets_the_same(pushed: Pushed) -> None:
    def ask(*conditions: tuple[str, str, Any], query: str | None = None) -> set[str]:
        asked = rg.Query(query=query, filter=list(conditions) or None)
        return {
            found.id for found in pushed.sdk.records(asked, with_responses=False)
        }  # the SDK can't read discarded ones

    assert ask(query="cat") == {row.id for row in pushed.rows if row.fields["query"] == TEXTS[0]}
    assert ask(("metadata.length", ">=", 2), ("response.status", "in", ["draft", "submitted"])) == pushed.those(
        lambda row: (
            row.metadata.get("length", 0) >= 2
            and any(status in ("draft", "submitted") for status, _ in row.answers.values())
        )
    )
    assert ask(("decision.suggestion", "==", "fix")) == pushed.those(
        lambda row: row.suggestions.get("decision", {}).get("value") == "fix"
    )
    assert ask(("status", "==", "completed")) == pushed.those(lambda row: row.status == "completed")
    assert ask(("id", "in", ["row-003", "row-004"])) == {"row-003", "row-004"}
    moment = pushed.moments["row-060"]["inserted_at"]
    assert ask(("inserted_at", ">=", moment)) == {
        row for row, moments in pushed.moments.items() if moments["inserted_at"] >= moment
    }
    nearest = list(pushed.sdk.records(rg.Query(similar=rg.Similar("meaning", pushed.rows[0].vector)), limit=1))
    assert (nearest[0][0] if isinstance(nearest[0], tuple) else nearest[0]).id == "row-000"


def test_progress_and_metrics(pushed: Pushed) -> None:
    progress = pushed.served.call("GET", f"datasets/{pushed.dataset}/progress")
    completed = sum(row.status == "completed" for row in pushed.rows)
    assert (progress["total"], progress["completed"]) == (len(pushed.rows), completed)
    mine = pushed.served.call("GET", f"me/datasets/{pushed.dataset}/metrics", pushed.served.reviewers["ann"].api_key)
    for status in STATUSES:
        assert mine["responses"][status] == sum(row.answers.get("ann", ("", {}))[0] == status for row in pushed.rows)
    properties = pushed.served.call("GET", f"me/datasets/{pushed.dataset}/metadata-properties")["items"]
    metrics = {one["name"]: pushed.served.call("GET", f"metadata-properties/{one['id']}/metrics") for one in properties}
    tags = [tag for row in pushed.rows for tag in row.metadata.get("tags", [])]
    assert {one["term"]: one["count"] for one in metrics["tags"]["values"]} == {
        tag: tags.count(tag) for tag in set(tags)
    }
    lengths = [row.metadata["length"] for row in pushed.rows if "length" in row.metadata]
    assert (metrics["length"]["min"], metrics["length"]["max"]) == (min(lengths), max(lengths))
