"""Raw answer -> pair or reason."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.factory.chat import Entry
from pairsmith.factory.parse import (
    _SAYS_SOMETHING,
    ParseReason,
    _says_nothing,
    _visible,
    candidates,
    parse_answer,
    parse_entry,
)
from pairsmith.factory.records import PAIRS, VERDICTS, Request
from pairsmith.factory.taxonomy import GROUPS

STS = {"S1": "A dog runs.", "S2": "A hound sprints.", "S3": "A dog sleeps."}
LABELLED = {"input_text": "The match ended 3:2.", "label": "sports", "misleading_label": "politics"}


def reason(answer: str, group: str = "sts", finish_reason: str = "stop") -> ParseReason | None:
    return parse_answer(answer, group, finish_reason).reason  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps(STS),
        json.dumps(STS, indent=2),
        f"```json\n{json.dumps(STS)}\n```",
        f"Sure! Here are three sentences with the scores {{4.5, 3}}:\n\n{json.dumps(STS)}\nLet me know!",
        json.dumps(STS)[:-1] + ",}",
        json.dumps({**STS, "explanation": "n/a", "score": 4.5}),
        str(STS),
        json.dumps({**STS, "S1": 'A } and a { and a " in a text.'}),
        json.dumps({"thought": {"plan": "x"}}) + "\n" + json.dumps(STS),
        "\ufeff" + json.dumps(STS),
    ],
)
def test_harmless_oddities_are_read(answer: str) -> None:
    parsed = parse_answer(answer, "sts")
    assert parsed.reason is None
    assert parsed.texts is not None
    assert parsed.texts["positive"] == STS["S2"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("", "empty_answer"),
        (" \n\u200b", "empty_answer"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("Es tut mir leid, aber dabei kann ich nicht helfen.", "refusal"),
        ('{"error": {"message": "Rate limit reached for requests", "type": "rate_limit_error"}}', "service_error"),
        ("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", "service_error"),
        ("A dog runs. A hound sprints. A dog sleeps.", "not_json"),
        (json.dumps(STS)[:30], "truncated"),
        (json.dumps(STS)[:-1], "truncated"),
        ('{"S1": "A dog', "truncated"),
        (json.dumps([STS]), "array"),
        (json.dumps({"result": STS}), "nested"),
        (json.dumps({"examples": [STS]}), "nested"),
        (json.dumps(json.dumps(STS)), "nested"),
        (json.dumps({"S1": "x", "S3": "y"}), "missing_key"),
        (json.dumps({**STS, "S2": None}), "wrong_type"),
        (json.dumps({**STS, "S2": 42}), "wrong_type"),
        (json.dumps({**STS, "S2": ["A hound sprints."]}), "wrong_type"),
        (json.dumps({**STS, "S2": {"text": "A hound"}}), "wrong_type"),
        (json.dumps({**STS, "S2": True}), "wrong_type"),
        (json.dumps({**STS, "S2": ""}), "empty_text"),
        (json.dumps({**STS, "S2": " \u200b\u00a0\n"}), "empty_text"),
        (json.dumps({**STS, "S2": "\u3164\x00"}), "empty_text"),
        (json.dumps({**STS, "S2": "..."}), "placeholder_only"),
        (json.dumps({**STS, "S2": "<S2>"}), "placeholder_only"),
        (json.dumps({**STS, "S2": "N/A"}), "placeholder_only"),
    ],
)
def test_every_fault_has_its_own_reason(answer: str, expected: str) -> None:
    assert reason(answer) == expected


def test_an_answer_cut_by_the_token_limit_is_truncated_even_before_its_json_began() -> None:
    assert reason("Let me think about three sentences that", finish_reason="length") is ParseReason.TRUNCATED


def test_a_complete_object_is_read_although_the_talk_behind_it_was_cut() -> None:
    assert reason(json.dumps(STS) + "\nThis works since", finish_reason="length") is None


def test_what_a_content_filter_left_is_told_apart() -> None:
    assert reason("", finish_reason="content_filter") is ParseReason.CONTENT_FILTER


@pytest.mark.parametrize("label", ["null", "none", "C++", "?!a", "N/A"])
def test_short_labels_may_be_words_that_mean_nothing_elsewhere(label: str) -> None:
    assert reason(json.dumps({**LABELLED, "label": label}), "long_short") is None


def test_a_reply_of_one_emoji_is_a_text() -> None:
    assert (
        reason(json.dumps({"input": "we won!!!", "positive_document": "🎉"}, ensure_ascii=False), "short_short") is None
    )


def test_half_a_surrogate_pair_is_stored_as_a_replacement_character() -> None:
    parsed = parse_answer('{"S1": "x\\ud83d y", "S2": "ok \\ud83d\\ude00", "S3": "z"}', "sts")
    assert parsed.texts == {"query": "x\ufffd y", "positive": "ok 😀", "negative": "z"}


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zs"]), min_size=3, max_size=60).map(
    lambda t: f"a {t}"
)


@given(st.sampled_from(sorted(GROUPS)), st.data())
def test_what_goes_in_comes_out(group: str, data: st.DataObject) -> None:
    keys = GROUPS[group].keys  # type: ignore[index]
    texts = {role: data.draw(TEXTS) for role in keys}
    answer = json.dumps({key: texts[role] for role, key in keys.items()}, ensure_ascii=data.draw(st.booleans()))
    assert parse_answer(f"Here:\n```\n{answer}\n```", group).texts == texts  # type: ignore[arg-type]


@given(
    st.text(max_size=200) | st.text(st.sampled_from("{}[]\"'\\,: S123 ax\n"), max_size=200),
    st.sampled_from(sorted(GROUPS)),
    st.sampled_from(["stop", "length", "content_filter", "odd"]),
)
def test_any_answer_gives_a_pair_or_a_reason(answer: str, group: str, finish: str) -> None:
    parsed = parse_answer(answer, group, finish)  # type: ignore[arg-type]
    assert (parsed.texts is None) == (parsed.reason is not None)


def entry(number: int, text: str) -> Entry:
    return Entry(f"r{number}", f"k{number}", text, "stop", "m", "v", 10, 20, None, 1, 0.0, 0.0)


@given(
    st.lists(st.sampled_from([json.dumps(STS), "no", json.dumps([STS]), '{"S1": "x', ""]), max_size=12),
)
def test_every_answer_gets_one_verdict_and_those_that_parse_a_row(answers: list[str]) -> None:
    requests = {f"r{n}": Request(id=f"r{n}", group="sts", language="en") for n in range(len(answers))}
    entries = [entry(n, text) for n, text in enumerate(answers)]
    parsed = [(one, parse_entry(one, requests[one.request_id])) for one in entries]
    pairs, verdicts = candidates(parsed, requests, {})
    assert verdicts["id"].to_pylist() == [f"k{n}" for n in range(len(answers))]
    assert pairs["id"].to_pylist() == [f"k{n}" for n, text in enumerate(answers) if text == json.dumps(STS)]
    assert pairs.schema == PAIRS and verdicts.schema == VERDICTS


@given(
    st.lists(
        st.sampled_from(["a", "Q", "é", "A\u030a", "ﬁ", "\u00ad", "\u200b", " ", "<", "todo", "input", "\u3164"]),
        max_size=60,
    )
)
def test_a_text_of_many_letters_is_never_one_that_says_nothing(pieces: list[str]) -> None:
    text = "".join(pieces)
    if _SAYS_SOMETHING.match(text):
        folded = _visible(text)
        assert folded
        assert not any(
            _says_nothing(folded, key, exempt=False) for group in GROUPS.values() for key in group.keys.values()
        )
