"""Plan: pure, seeded, prefix-stable; nothing is lost on the way to the table and back; every error is one line."""

import json
import math
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.factory.errors import InputError, SpecError
from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.plan import (
    brainstorm_requests,
    draw_requests,
    expected_tasks,
    read_requests,
    requests_of,
    requests_table,
    summary,
)
from pairsmith.factory.prompts import variants
from pairsmith.factory.records import REQUESTS, TASKS, Request
from pairsmith.factory.spec import Spec
from pairsmith.factory.taxonomy import ATTRIBUTES, GROUNDED, GROUPS, UNGROUNDED_ATTRIBUTES
from pairsmith.factory.topics import most_draws, read_topics

RECORDED = Path(__file__).parent.parent / "examples/recorded/requests.jsonl"
GOLDEN = [
    ("0fb84b6280635654", "bitext"),
    ("dc3f792d675db978", "short_long"),
    ("d15b57a8cec150d0", "short_long"),
]  # of the first three requests: changes with a template's name, a weight or the sampler


def tasks_table(count, groups=("short_long", "long_short", "short_short", "long_long")):
    lines = [(f"task {number} of {group}", group, "b", None, 1) for group in groups for number in range(count)]
    return pa.Table.from_pylist([dict(zip(TASKS.names, line, strict=True)) for line in lines], schema=TASKS)


def plan(tasks=400, **spec):
    return list(draw_requests(Spec(**spec), tasks_table(tasks)))


# ------------------------------------------------------------------------------------------------------------- draws


def test_the_same_spec_gives_the_same_requests_and_another_seed_others():
    assert plan(size=50) == plan(size=50)
    assert plan(size=50) != plan(size=50, seed=1)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 60), st.integers(0, 60), st.integers(0, 30), st.integers(0, 30), st.integers(1, 4), st.integers(0, 9)
)
def test_asking_for_more_only_appends(size, more, tasks, more_tasks, examples, seed):
    settings_ = {"seed": seed, "brainstorm": {"examples_per_task": examples}}
    short = plan(tasks, size=size, **settings_)
    assert plan(tasks, size=size + more, **settings_)[: len(short)] == short
    later = {request.id: request for request in plan(tasks + more_tasks, size=size + more, **settings_)}
    assert all(later[request.id] == request for request in short)


def test_more_tasks_leave_the_order_of_a_plan_that_was_not_short():
    small = Spec(size=100)
    requests = list(draw_requests(small, expected_tasks(small)))
    large = Spec(size=1000)
    assert len(requests) == 100
    assert list(draw_requests(large, expected_tasks(large)))[:100] == requests


def test_the_order_in_which_a_file_lists_weights_does_not_matter():
    forward = {"groups": {"sts": 1, "bitext": 2}, "languages": {"en": 1, "fr": 2, "de": 0.5}}
    backward = {name: dict(reversed(weights.items())) for name, weights in forward.items()}
    assert plan(size=40, **forward) == plan(size=40, **backward)


def test_another_process_draws_the_same_ids():
    code = (
        "from pairsmith.factory.plan import *; from pairsmith.factory.spec import Spec; s = Spec(size=60, seed=5);"
        "print([request.id for request in draw_requests(s, expected_tasks(s))])"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout


def test_a_known_plan_stays_as_it_is():
    first = plan(size=3, seed=7)
    assert [(request.id, request.group) for request in first] == GOLDEN


def test_ids_are_unique_and_draw_counts_repeats_of_the_same_content():
    requests = plan(
        size=300,
        groups={"sts": 1},
        languages={"en": 1},
        placeholders={"sts": {"difficulty": {}, "unit": {"phrase": 1}}},
    )
    assert len({request.id for request in requests}) == 300
    contents = Counter(request.model_dump_json(exclude={"id", "draw"}) for request in requests)
    assert max(request.draw for request in requests) == max(contents.values()) - 1 > 0


def test_weights_are_met():
    requests = plan(tasks=4000, size=6000)
    groups = Counter(request.group for request in requests)
    shares = {group: facts.share / sum(facts.share for facts in GROUPS.values()) for group, facts in GROUPS.items()}
    for group, share in shares.items():
        assert abs(groups[group] - 6000 * share) < 4 * math.sqrt(6000 * share)
    alone = [request.language for request in requests if request.language]
    assert abs(Counter(alone)["en"] / len(alone) - 0.431) < 0.035
    types = Counter(request.attributes["query_type"] for request in requests if request.group == "short_long")
    assert abs(types["common"] / types.total() - 0.1) < 0.03
    stated = [request for request in requests if GROUPS[request.group].placeholders]
    assert abs(sum("difficulty" in request.attributes for request in stated) / len(stated) - 0.5) < 0.03
    templates = Counter(request.template for request in requests if request.group == "sts")
    assert set(templates) == set(variants("sts", "generate"))
    assert min(templates.values()) > 0.25 * templates.total()


def test_every_attribute_comes_from_its_set():
    for request in plan(size=500):
        allowed = GROUPS[request.group].placeholders
        assert set(allowed) - set(request.attributes) <= {"difficulty"}
        assert all(value in allowed[name] for name, value in request.attributes.items())


def test_a_placeholder_without_values_is_left_out():
    for request in plan(size=30, groups={"sts": 1}, placeholders={"sts": {"unit": {}, "high_score": {4: 0, 5: 1}}}):
        assert "unit" not in request.attributes
        assert request.attributes["high_score"] == 5


def test_languages_of_a_pair_differ_and_are_drawn_alike():
    requests = plan(size=3000, groups={"bitext": 1})
    assert all(request.source_language != request.target_language for request in requests)
    sources = Counter(request.source_language for request in requests)
    targets = Counter(request.target_language for request in requests)
    assert abs(sources["en"] - targets["en"]) < 150
    assert len(sources) > 60


def test_a_language_or_group_of_weight_zero_is_never_drawn():
    requests = plan(size=200, groups={"sts": 1, "bitext": 1, "short_long": 0}, languages={"en": 1, "fr": 1, "de": 0})
    assert {request.group for request in requests} == {"sts", "bitext"}
    assert {code for r in requests for code in (r.query_language, r.document_language)} == {"en", "fr"}


def test_bitext_with_one_language_is_refused():
    with pytest.raises(SpecError, match="needs two languages"):
        plan(size=1, languages={"en": 1})
    assert len(plan(size=5, languages={"en": 1}, groups={"sts": 1})) == 5


# ------------------------------------------------------------------------------------------------------------- tasks


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 80))
def test_a_task_is_used_at_most_so_often_and_not_twice_in_a_row(tasks, examples, size):
    spec = {"groups": {"short_short": 1}, "brainstorm": {"examples_per_task": examples}, "size": size}
    used = [request.task for request in plan(tasks, **spec)]
    assert max(Counter(used).values(), default=0) <= examples
    assert tasks == 1 or all(one != other for one, other in pairwise(used))
    assert len(used) <= size


def test_given_room_every_task_is_used_as_often_as_allowed():
    used = Counter(
        request.task for request in plan(10, size=60, groups={"long_long": 1}, brainstorm={"examples_per_task": 3})
    )
    assert list(used.values()) == [3] * 10


def test_a_group_without_tasks_leaves_the_others_as_they_are():
    spec = Spec(size=200)
    some = list(draw_requests(spec, tasks_table(200, groups=("short_long", "long_short", "short_short"))))
    whole = list(draw_requests(spec, tasks_table(200)))
    assert some == [request for request in whole if request.group != "long_long"]
    report = summary(spec, some)
    assert report["short"] == {"long_long": len(whole) - len(some)}
    assert report["total"] + sum(report["short"].values()) == report["wanted"] == 200
    assert "brainstorm.calls" in report["advice"]


def test_the_default_number_of_brainstorms_brings_enough_tasks():
    for size in (1, 10, 100, 1000, 10_000):
        spec = Spec(size=size)
        assert len(list(draw_requests(spec, expected_tasks(spec)))) == size


def test_no_more_topics_are_asked_for_than_there_are_settings_for():
    section = {"topics": {"law": 1}}
    for each, examples in ((1, 2), (3, 1)):
        spec = Spec(size=400_000, brainstorm={**section, "tasks_per_topic": each, "examples_per_task": examples})
        calls = Counter(request.group for request in brainstorm_requests(spec))
        listed = calls["short_long"] * spec.brainstorm.topics_per_call
        assert most_draws(section["topics"]) - spec.brainstorm.topics_per_call < listed <= most_draws(section["topics"])
    tiny = Spec(size=1000, brainstorm={**section, "tasks_per_call": 50_000})
    assert {request.call for request in brainstorm_requests(tiny)} == {0}


def test_a_call_asks_for_whole_topics():
    spec = Spec(brainstorm={"tasks_per_topic": 3, "calls": 1})
    assert (spec.brainstorm.topics_per_call, spec.brainstorm.asked_per_call) == (7, 21)
    assert expected_tasks(spec).num_rows == 21 * len(brainstorm_requests(spec))


def test_brainstorm_calls_follow_the_spec():
    assert [request.id for request in brainstorm_requests(Spec(groups={"sts": 1, "bitext": 1}))] == []
    named = brainstorm_requests(Spec(groups={"sts": 1, "long_long": 1, "short_long": 0}, brainstorm={"calls": 2}))
    assert [tuple(request) for request in named] == [
        ("brainstorm-long_long-0", "long_long", 0),
        ("brainstorm-long_long-1", "long_long", 1),
    ]
    few, many = brainstorm_requests(Spec(size=1000)), brainstorm_requests(Spec(size=20_000))
    assert set(few) < set(many)


# ------------------------------------------------------------------------------------------------------------- tables

codes = st.sampled_from(list(LANGUAGES))
attributes = st.dictionaries(
    st.sampled_from(ATTRIBUTES),
    st.one_of(st.text(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)),
)


@st.composite
def any_request(draw):
    group = draw(st.sampled_from(list(GROUPS)))
    names = ("source_language", "target_language") if GROUPS[group].bilingual else ("language",)
    grounded = group == GROUNDED and draw(st.booleans())
    given = {"passage": draw(st.text().filter(str.strip)), "document": draw(st.text())} if grounded else {}
    task = draw(st.text(min_size=1)) if GROUPS[group].brainstormed else draw(st.none() | st.text())
    drawn = draw(attributes)
    return Request(
        id=draw(st.text(min_size=1, max_size=50)),
        group=group,
        task=None if grounded else task,
        attributes={name: drawn[name] for name in drawn if not grounded or name not in UNGROUNDED_ATTRIBUTES},
        **given,
        template=draw(st.none() | st.text()),
        draw=draw(st.integers(0, 2**31 - 1)),
        **{name: draw(codes) for name in names},
    )


@given(st.lists(any_request(), max_size=8))
def test_requests_come_back_from_their_table_as_they_went_in(requests):
    table = requests_table(requests)
    assert table.schema == REQUESTS
    back = list(requests_of(table))
    assert back == requests
    kinds = [[type(value) for value in request.attributes.values()] for request in requests]
    by_name = [[type(two.attributes[name]) for name in one.attributes] for one, two in zip(requests, back, strict=True)]
    assert by_name == kinds


# ---------------------------------------------------------------------------------------------------- files of requests


def test_the_recorded_requests_are_read(tmp_path):
    requests = read_requests(RECORDED)
    assert len(requests) == 764
    assert len({request.language or request.source_language for request in requests}) > 20
    copy = tmp_path / "windows.jsonl"
    copy.write_bytes(b"\xef\xbb\xbf\n" + RECORDED.read_bytes().replace(b"\n", b"\r\n\r\n"))
    assert read_requests(copy) == requests


GOOD = {"id": "a", "group": "sts", "language": "en", "attributes": {}}

FAULTS = [
    ("{", "not JSON"),
    ("[1]", "not a JSON object"),
    ("[" * 100_000, "not JSON"),
    ('{"id": "b", "group": "sts", "language": "en", "attributes": {"num_words": NaN}}', "NaN"),
    ('{"id": "b", "group": "sts", "language": "en", "attributes": {"num_words": 1e999}}', "not JSON"),
    (json.dumps({**GOOD, "id": "\ud800"}), "surrogate"),
    (json.dumps({**GOOD, "id": "b", "group": "short_lon"}), "did you mean 'short_long'?"),
    (json.dumps({**GOOD, "id": "b", "langage": "en"}), "unknown key 'langage' (did you mean 'language'?)"),
    (json.dumps({**GOOD, "id": "b", "language": "xx"}), "'language' is 'xx'"),
    (json.dumps({**GOOD, "id": "b", "attributes": {"num_word": 5}}), "did you mean 'num_words'?"),
    (json.dumps({**GOOD, "id": "b", "attributes": {"num_words": [5]}}), "attributes.num_words"),
    (json.dumps({**GOOD, "id": "b", "group": "short_long"}), "group short_long needs 'task'"),
    (json.dumps({**GOOD, "id": "b", "group": "bitext"}), "group bitext needs 'source_language'"),
    (json.dumps({**GOOD, "id": "b", "draw": 2**40}), "draw"),
    (json.dumps({"group": "sts", "language": "en"}), "'id' is missing"),
    (json.dumps(GOOD), "id 'a' stands in line 1 already"),
]


@pytest.mark.parametrize(("line", "message"), FAULTS)
def test_a_faulty_line_is_named_in_one_line(tmp_path, line, message):
    path = tmp_path / "requests.jsonl"
    path.write_text(json.dumps(GOOD) + "\n\n" + line + "\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_requests(path)
    told = str(caught.value)
    assert message in told
    assert told.startswith(f"{path}:3: ")
    assert "\n" not in told
    assert len(told) < 600


def test_a_missing_empty_or_binary_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_requests(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n\n")
    with pytest.raises(InputError, match="holds no request"):
        read_requests(tmp_path / "empty.jsonl")
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        read_requests(tmp_path / "binary.jsonl")


def test_a_line_separator_in_a_task_does_not_end_the_line(tmp_path):
    path = tmp_path / "requests.jsonl"
    path.write_text(json.dumps({**GOOD, "task": "a\u2028b\x85c"}, ensure_ascii=False), encoding="utf-8")
    assert read_requests(path)[0].task == "a\u2028b\x85c"


# ------------------------------------------------------------------------------------------------------------- summary


def test_a_summary_is_json_and_adds_up():
    spec = Spec(size=300)
    report = summary(spec, draw_requests(spec, expected_tasks(spec)))
    assert json.loads(json.dumps(report, sort_keys=True)) == json.loads(json.dumps(report))
    assert report["total"] == sum(report["by_group"].values()) == 300
    assert sum(report["by_language_pair"].values()) == report["by_group"]["bitext"]
    assert sum(report["by_language"].values()) == 300 + report["by_group"]["bitext"]
    assert report["short"] == {}
    assert report["advice"] is None
    assert len(report["examples"]) == 3
    assert len({example["group"] for example in report["examples"]}) == 3


def test_a_summary_says_how_many_topics_are_listed_and_the_share_of_each_domain():
    spec = Spec(groups={"long_long": 1}, brainstorm={"calls": 5, "topics": {"law": 3, "science": 1, "daily life": 0}})
    report = summary(spec, [])["brainstorm"]
    assert report["topics"] == len(read_topics()["law"]) + 25, "75 of law come round, 25 of science do not"
    assert report["domains"] == {"law": 0.75, "science": 0.25}
    recorded = Spec(models={"brainstorm": {"provider": "recorded", "answers": "a.jsonl"}})
    assert summary(recorded, [])["brainstorm"]["topics"] == 0, "recorded answers are not asked by topic"


def test_the_estimate_for_an_example_is_within_the_known_range():
    spec = Spec(size=1000)
    bill = summary(spec, draw_requests(spec, expected_tasks(spec)))["generate"]
    assert 360 < (bill["tokens_in"] + bill["tokens_out"]) / 1000 < 1000
    price = spec.prices["gpt-4o-mini"]
    assert bill["cost"] == pytest.approx(
        (bill["tokens_in"] * price.input + bill["tokens_out"] * price.output) / 1e6, abs=1e-3
    )


def test_a_cost_that_is_not_known_is_told_with_the_reason():
    recorded = {"provider": "recorded", "answers": "a.jsonl"}
    spec = Spec(requests="requests.jsonl", models={"generate": {"model": "llama"}, "brainstorm": recorded})
    report = summary(spec, read_requests(RECORDED))
    assert report["generate"]["cost"] is None
    assert "'llama'" in report["generate"]["reason"]
    assert report["brainstorm"] == {
        "requests": 0, "topics": 0, "domains": {}, "model": "gpt-4o-mini", "tokens_in": 0,
        "tokens_out": 0, "cost": 0.0, "reason": "recorded answers cost nothing",
    }  # fmt: skip
    assert report["total"] == report["wanted"] == 764


@pytest.mark.slow
def test_half_a_million_requests_are_planned_in_two_minutes():
    spec = Spec(size=500_000)
    start = time.perf_counter()
    assert requests_table(draw_requests(spec, expected_tasks(spec))).num_rows == 500_000
    assert time.perf_counter() - start < 120
