"""Tasks: every form of a brainstorm's answer is read, near-duplicates are merged."""

import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.factory.records import TASKS
from pairsmith.factory.tasks import MAX_TASK, Answered, Found, cap_tasks, merge_tasks, parse_tasks
from pairsmith.factory.text import tokens
from pairsmith.factory.topics import default_weights, draw_topics

RECORDED = Path(__file__).parent.parent / "examples/recorded/brainstorm.jsonl"
WANTED = [
    "Match a patient's notes with a diagnosis.",
    'Classify "yes" or "no" answers.',
    "検索クエリに合う記事を探す。",
]

LINES = "\n".join(f"{number}. {task}" for number, task in enumerate(WANTED, start=1))
FORMS = {
    "bare JSON list": json.dumps(WANTED),
    "pretty-printed, not ASCII": json.dumps(WANTED, indent=2, ensure_ascii=False),
    "fenced": f"```json\n{json.dumps(WANTED)}\n```",
    "preface and afterword": f"Here are [3] tasks:\n\n{json.dumps(WANTED)}\n\nLet me know if you want more!",
    "Python list": str(WANTED),
    "objects with one text": json.dumps([{"task": task} for task in WANTED]),
    "objects with an unknown key": json.dumps([{"challenge": task} for task in WANTED]),
    "objects with a topic": json.dumps([{"topic": "health", "task": task} for task in WANTED]),
    "one object a line": "\n".join(json.dumps({"task": task}) for task in WANTED),
    "object that holds the list": json.dumps({"tasks": WANTED}),
    "object by number": json.dumps({f"task_{number}": task for number, task in enumerate(WANTED)}),
    "lists by topic": json.dumps({"health": WANTED[:1], "others": WANTED[1:]}),
    "numbered strings in a list": json.dumps([f"{n}. {task}" for n, task in enumerate(WANTED, start=1)]),
    "numbered lines": LINES,
    "numbered lines after a preface": f"Sure! Tasks [with labels]:\n\n{LINES}\n",
    "numbered with brackets": LINES.replace(". ", ") "),
    "bulleted lines": "\n".join(f"* {task}" for task in WANTED),
    "bulleted objects": "\n".join(f"- {json.dumps({'task': task})}" for task in WANTED),
    "bold numbered lines": "\n".join(f"{n}. **{task}**" for n, task in enumerate(WANTED, start=1)),
    "quoted lines": "\n".join(f"- `{task}`," for task in WANTED),
    "lines with notes below": "\n".join(f"{n}. {task}\n\n   - a note" for n, task in enumerate(WANTED, start=1)),
    "'Task n' lines": "\n".join(f"- Task {n}: {task}" for n, task in enumerate(WANTED, start=1)),
    "list of lists": json.dumps([[task] for task in WANTED]),
    "empty items among them": json.dumps([WANTED[0], "", "  ", WANTED[1], None, "...", 7, WANTED[2]]),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_tasks(form):
    assert parse_tasks(FORMS[form]) == WANTED


@pytest.mark.parametrize(
    "form", ["bare JSON list", "Python list", "objects with one text", "object that holds the list"]
)
def test_an_answer_cut_off_anywhere_keeps_whole_items_only(form):
    whole = FORMS[form]
    for end in range(len(whole)):
        found = parse_tasks(whole[:end])
        assert found == WANTED[: len(found)]
    assert parse_tasks(whole[: whole.rindex("検") if "検" in whole else whole.rindex("\\u691c")]) == WANTED[:2]


def test_a_numbered_line_that_was_cut_off_is_dropped():
    assert parse_tasks("1. Find a reply.\n2. Find a twin.\n3. Find the docu") == ["Find a reply.", "Find a twin."]


def test_lines_without_full_stops_are_all_kept():
    assert parse_tasks("- Find a reply\n- Find a twin") == ["Find a reply", "Find a twin"]


@pytest.mark.parametrize(
    "task",
    [
        "Classify a text as one of [positive, negative].",
        'Assign one of ["spam", "ham", "other", "unsure"] to a message.',
        "Fill the {name} slot of a template.",
        "Task-oriented dialogue matching.",
        "24.5-inch monitors: find manuals.",
    ],
)
def test_brackets_hyphens_and_numbers_in_a_task_are_part_of_it(task):
    assert parse_tasks(f"1. {task}\n2. {task}") == [task, task]
    assert parse_tasks(json.dumps([task])) == [task]


HOLLOW = ["", "[]", "[1, 2]", "null", "```\n```", '{"tasks": []}', '{"error": "overloaded"}', '{"error": {"code": 5}}']
ENDLESS = ["[" * 50_000, '{"a":' * 20_000, "1. " * 20_000, "`" * 50_000, "['" * 20_000]


@pytest.mark.parametrize("answer", [*HOLLOW, *ENDLESS, "I'm sorry, I can't help with that."])
def test_nothing_is_found_where_there_is_nothing(answer):
    assert parse_tasks(answer) == []


def test_a_text_that_is_no_sentence_any_more_is_dropped():
    assert parse_tasks(json.dumps(["x" * (MAX_TASK + 1), "Find a reply."])) == ["Find a reply."]


def test_half_surrogates_do_not_reach_the_table():
    found = parse_tasks('["Find \\ud800 a reply."]')
    assert merge_tasks([Found(found[0], "short_short", "r")], 0.7)["task"].to_pylist() == found


def test_the_recorded_brainstorms_bring_twenty_tasks_each_but_for_the_one_cut_off():
    answers = [json.loads(line)["completion"] for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    assert sorted(len(parse_tasks(answer)) for answer in answers) == [16, *[20] * 15]


@given(st.text())
def test_any_text_gives_clean_tasks(answer):
    for task in parse_tasks(answer):
        assert task == " ".join(task.split())
        assert tokens(task)


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1).map(lambda text: f"a {text} b."), min_size=1
    )
)
def test_a_json_list_of_sentences_comes_out_as_it_went_in(tasks):
    plain = [task for task in tasks if "**" not in task]
    assert parse_tasks(json.dumps(plain)) == plain


def _merged_by_all_pairs(tasks, threshold):
    kept = []
    for task, group, request_id, topic in tasks:
        units = set(tokens(task))
        for row in kept:
            other = set(tokens(row[0]))
            if row[1] == group and units | other and len(units & other) / len(units | other) >= threshold:
                row[4] += 1
                break
        else:
            kept.append([task, group, request_id, topic, 1])
    return kept


words = st.lists(st.sampled_from(list("abcdefgh")), min_size=1, max_size=8).map(" ".join)
groups = st.sampled_from(["short_long", "long_short"])
lines = st.lists(st.builds(Found, words, groups, st.sampled_from(["r1", "r2"]), st.sampled_from([None, "a / b / c"])))
thresholds = st.sampled_from([0.1, 0.3, 0.5, 0.6, 2 / 3, 0.7, 0.75, 0.8, 1.0])


@given(lines, thresholds)
def test_merging_equals_the_comparison_of_all_pairs(tasks, threshold):
    table = merge_tasks(tasks, threshold)
    assert table.schema == TASKS
    assert [list(row.values()) for row in table.to_pylist()] == _merged_by_all_pairs(tasks, threshold)
    assert sum(table["merged"].to_pylist()) == len(tasks)


@given(lines, lines, thresholds)
def test_later_tasks_only_append(first, more, threshold):
    kept = merge_tasks(first, threshold)
    longer = merge_tasks([*first, *more], threshold)
    names = ["task", "group", "request_id", "topic"]
    assert longer.select(names).slice(0, kept.num_rows).equals(kept.select(names))


def test_case_width_and_punctuation_do_not_make_a_new_task():
    tasks = [
        Found("Find a reply!", "short_short", "r"),
        Found("ｆind   A REPLY", "short_short", "r"),
        Found("Find a reply.", "long_long", "r"),
    ]
    assert merge_tasks(tasks, 1.0)["merged"].to_pylist() == [2, 1]


def test_a_threshold_of_zero_leaves_one_task_a_group():
    tasks = [Found("a", "sts", "r"), Found("b", "sts", "r"), Found("c", "bitext", "r")]
    assert merge_tasks(tasks, 0)["merged"].to_pylist() == [2, 1]


# ------------------------------------------------------------------------------------------------------------- the cap

PICKS = draw_topics(default_weights(), 0, "short_long", 0, 4)


@st.composite
def capped(draw):
    """(answers, asked, per_topic): answers of any length, to prompts whose topics are known or not, some asked again."""
    per_topic = draw(st.integers(1, 3))
    topics = st.lists(st.sampled_from(PICKS), min_size=2, max_size=2)
    length = st.sampled_from([2 * per_topic, 2 * per_topic]) | st.integers(0, 10)
    answers = [
        Answered(draw(groups), f"r{number}", [f"task {number}.{one}" for one in range(draw(length))], listed)
        for number, listed in enumerate(draw(st.lists(topics | st.just([]), max_size=8)))
    ]
    return answers, 2 * per_topic, per_topic


@given(capped())
def test_no_answer_brings_more_than_was_asked_and_no_topic_in_a_setting_more_than_its_cap(drawn):
    answers, asked, per_topic = drawn
    kept, over = cap_tasks(answers, asked, per_topic)
    assert len(kept) + over == sum(len(answer.tasks) for answer in answers), "nothing is lost uncounted"
    assert max(Counter(found.request_id for found in kept).values(), default=0) <= asked
    picks = {answer.request_id: answer.topics for answer in answers}
    tasks = {task: (answer, place) for answer in answers for place, task in enumerate(answer.tasks)}
    known = Counter()
    for found in kept:
        answer, place = tasks[found.task]
        assert (found.group, found.request_id) == (answer.group, answer.request_id)
        if found.topic is not None:
            pick = picks[found.request_id][place // per_topic]
            assert found.topic == pick.topic.path
            known[found.group, pick] += 1
    assert max(known.values(), default=0) <= per_topic


@given(capped(), st.integers(0, 8))
def test_later_answers_change_nothing_about_what_was_kept(drawn, end):
    answers, asked, per_topic = drawn
    first, _ = cap_tasks(answers[:end], asked, per_topic)
    assert cap_tasks(answers, asked, per_topic)[0][: len(first)] == first


def test_a_task_has_its_topic_where_the_answer_brings_the_asked_number_and_none_otherwise():
    tasks = ["a", "b", "c", "d"]
    exact, over = cap_tasks([Answered("short_long", "r", tasks, PICKS[:2])], 4, 2)
    assert [found.topic for found in exact] == [PICKS[0].topic.path] * 2 + [PICKS[1].topic.path] * 2
    assert over == 0
    for brought, listed, lost in ((tasks[:3], PICKS[:2], 0), ([*tasks, "e"], PICKS[:2], 1), (tasks, [], 0)):
        kept, over = cap_tasks([Answered("short_long", "r", brought, listed)], 4, 2)
        assert [found.task for found in kept] == brought[:4]
        assert {found.topic for found in kept} == {None}
        assert over == lost


def test_ten_thousand_tasks_merge_in_seconds():
    draw = random.Random(0)
    vocabulary = [f"w{number}" for number in range(5000)]
    weights = [1 / (rank + 1) for rank in range(5000)]
    tasks = [Found(" ".join(draw.choices(vocabulary, weights, k=14)), "short_long", "r") for _ in range(10_000)]
    start = time.perf_counter()
    assert merge_tasks(tasks, 0.7).num_rows > 9_000
    assert time.perf_counter() - start < 15
