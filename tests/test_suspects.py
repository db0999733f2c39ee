"""What gates look for in a whole part at once never hides what the checks of single texts find."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import without_numba

from pairsmith.factory.lexicon import Phrases, plain, plain_of
from pairsmith.factory.records import PAIRS
from pairsmith.factory.spec import FormatSpec, LeakageSpec
from pairsmith.factory.text import fold
from pairsmith.validators import format as format_gate
from pairsmith.validators.characters import characters, slices
from pairsmith.validators.format import FormatGate
from pairsmith.validators.gate import Findings, texts
from pairsmith.validators.leakage import LeakageGate
from pairsmith.validators.loops import loops
from pairsmith.validators.privacy import personal
from pairsmith.validators.repetition import repetition
from pairsmith.validators.spotting import Sought, Spotter
from pairsmith.validators.traces import traces

PROVOKING = """
[Name]|{company}|<b>|</p>|&nbsp;|```|~~~|XXXX|XX/XX/XXXX|DD/MM/YYYY|dd.mm.yyyy|{0}|%name%|%(name)s|$NAME$
$user_name|@@name@@|## Input|##NAME##|○○さん|○月○日|××××|****** | ... |…… |Dear _____,|TODO: |FIXME|: TBD.
NAME / ADDRESS|(insert your name here)|Your name here|(ihr name hier)|Xx/xX/2024|%²x%
Dear Recipient Name|INSERT NAME HERE|lorem ipsum dolor
(укажите имя)|（请填写姓名）|《姓名》|«ime kraja»|enter your name here,|Ã©|â€™|??????????|锟斤拷|ðŸ˜€|РџСЂ|Ð¿Ñ€
Sure! Here is the query:|Query:|**Query**:|### Input|Klar! Hier ist der Text:|[Document]|user_query|Label:
Let me know if you need any changes.|Word count: 213|<think>|[INST]|Sentence 1: hello
I'm sorry, but I cannot help with that request.|As an AI language model, I cannot write such content.
Es tut mir leid, aber ich kann diese Anfrage|{"error": {"message": "x", "code": 429}}
<html><head><title>502 Bad Gateway</title>|Rate limit reached for requests|"query": "|"}|{"query": "
This passage is relevant because it answers the user's query.|This label fits because the text expresses anger.
Dieser Text ist relevant, weil er die|your output must|at least 50 words|high school level education
extremely long-tail|ha |no |again and again and again |la la la la la la |哈|.|,|?|!|。| |AKIAIOSFODNN7ABCDEFG
ghp_0123456789abcdefABCDEF0123456789abcd|password: ab12CD34ef56GH78|sk-proj-abc123def456ghi789jkl
-----BEGIN PRIVATE KEY-----|jane.roe@gmail.com|ｊａｎｅ＠gmail.com|+49 30 901820|call (555) 823-4567|tel: 030 12345678
4539 1488 0343 6467|２０２４|①②③|½|¼¼¼|㎏|İ|ß|é|＜|：
"""
SPECIAL = [
    "\n\n", "\n", "\x00", "\x9f", "\ue000", "\u202e", "\u200b", "\u00ad", "\ufffd", "\u0301", ">\u0338",
    "User: hi\nAssistant: yes", "\u3000", "<|im_end|>", r"\n\n",
]  # fmt: skip
PIECES = [*PROVOKING.strip().replace("\n", "|").split("|"), *SPECIAL]
TEXT = st.one_of(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map(" ".join),
    st.lists(st.sampled_from([*PIECES, "word", "Wort ", "字"]), min_size=1, max_size=8).map("".join),
    st.tuples(st.sampled_from([*PIECES, "x "]), st.integers(1, 90)).map(lambda pair: pair[0] * pair[1]),
    st.text(min_size=1, max_size=30),
)
MANY = 3000  # rare meetings of pieces showed up within so many
LANGUAGES = ("en", "de", "ru", "zh", "ja", "th", "fi")


@st.composite
def rows(draw: st.DrawFn) -> pa.Table:
    def row(number: int) -> dict[str, object]:
        fixed = dict.fromkeys(PAIRS.names) | {
            "id": f"{number}",
            "request_id": f"{number}",
            "content_hash": "",
            "model": "m",
        }
        groups = ("long_short", "short_long", "short_short", "long_long", "sts")
        query, positive, negative, instruction = (draw(TEXT) for _ in range(4))
        if draw(st.booleans()):
            positive = f"{positive} {query}"
        language = draw(st.sampled_from(LANGUAGES))
        return fixed | {
            "group": draw(st.sampled_from(groups)),
            "instruction": instruction,
            "query": query,
            "positive": positive,
            "negatives": [negative],
            "query_language": language,
            "document_language": draw(st.sampled_from((language, "en"))),
        }

    return pa.Table.from_pylist([row(number) for number in range(draw(st.integers(1, 3)))], schema=PAIRS)


def format_finds_what_its_checks_find(table: pa.Table) -> None:
    expected, fields = Findings(table, "format"), texts(table)
    contexts = [format_gate.Context(**row) for row in table.select(format_gate.Context._fields).to_pylist()]
    for check in format_gate.CHECKS:
        for text in fields:
            found = check.find(text, contexts[text.row])
            if found is not None and not (check.prose_only and text.is_label):
                expected.drop(text.row, text.field, check.reason, found[1], None, format_gate.shown(found[0]))
    assert FormatGate(FormatSpec()).judge(table).equals(expected.table())


def leakage_finds_what_its_checks_find(table: pa.Table) -> None:
    gate, expected, fields = LeakageGate(LeakageSpec()), Findings(table, "leakage"), list(texts(table))
    for row, group in enumerate(table["group"].to_pylist()):
        for field, *rest in gate.row(group, [text for text in fields if text.row == row]):
            expected.drop(row, field, *rest)
    assert LeakageGate(LeakageSpec()).judge(table).equals(expected.table())


def privacy_reads_all_that_is_personal(table: pa.Table) -> None:
    fields = texts(table)
    assert [text for text, seen in zip(fields.text, traces(fields), strict=True) if not seen and personal(text)] == []


@settings(max_examples=80)
@given(rows())
def test_gate_format_finds_what_its_checks_find_in_every_text(table: pa.Table) -> None:
    format_finds_what_its_checks_find(table)


@settings(max_examples=150)
@given(rows())
def test_gate_leakage_finds_what_its_checks_find_in_every_row(table: pa.Table) -> None:
    leakage_finds_what_its_checks_find(table)


@settings(max_examples=150)
@given(rows())
def test_every_text_with_something_personal_is_read(table: pa.Table) -> None:
    privacy_reads_all_that_is_personal(table)


@pytest.mark.slow
@settings(max_examples=MANY)
@given(rows())
def test_gates_find_what_their_checks_find_in_thousands_of_texts(table: pa.Table) -> None:
    format_finds_what_its_checks_find(table)
    leakage_finds_what_its_checks_find(table)
    privacy_reads_all_that_is_personal(table)


LOOPING = st.lists(
    st.sampled_from(["ha", "no", "ß", "SS", "哈", "哈哈哈哈", " ", "  ", "\n", "\u3000", "abc", "İ", "."]), max_size=12
).map("".join)


@given(st.lists(st.tuples(LOOPING, st.integers(1, 40), LOOPING), min_size=1, max_size=4))
def test_every_text_that_loops_is_looked_at(parts: list[tuple[str, int, str]]) -> None:
    found = [unit * count + end for unit, count, end in parts]
    seen = loops(slices(found))
    assert [text for text, one in zip(found, seen, strict=True) if not one and repetition(text)] == []


WORDS = ("relevan", "the query", "as ", "an", "weil", "er", "查询", "答", "it's", "xy")


@given(
    st.lists(st.lists(st.sampled_from([*WORDS, " ", "a", "r", "字"]), max_size=8).map("".join), min_size=1, max_size=5),
    st.data(),
)
def test_a_phrase_is_spotted_where_one_of_its_needles_stands_in_a_text_of_its_language(
    found: list[str], data: st.DataObject
) -> None:
    phrases = {
        None: Phrases("relevant?|as |it's"),
        "de": Phrases("weil|er"),
        "zh": Phrases("查询|答"),
        "fi": Phrases("[ab]"),
    }
    spotter = Spotter([Sought(f"kind {code}", code, one) for code, one in phrases.items()])
    codes = [data.draw(st.sampled_from((None, "de", "zh", "fi"))) for _ in found]
    folded = list(map(plain, found))
    languages = np.array([[spotter.languages[code], 0] for code in codes])
    spotted = spotter.spot(characters(folded), languages)
    with without_numba():
        assert np.array_equal(spotter.spot(characters(folded), languages), spotted)
    for text, own, line in zip(folded, codes, spotted, strict=True):
        for code, kind in ((code, spotter.kinds[f"kind {code}"]) for code in phrases):
            needles = phrases[code].needles
            assert line[kind] == (
                code in (None, own) and (needles is None or any(needle in text for needle in needles))
            )


@given(st.one_of(st.text(), TEXT))
def test_a_text_is_as_plain_from_its_fold_as_by_itself(text: str) -> None:
    assert plain_of(fold(text), text) == plain(text)


@pytest.mark.parametrize("judge", [FormatGate(FormatSpec()), LeakageGate(LeakageSpec())])
def test_no_rows_no_verdicts(judge: FormatGate | LeakageGate) -> None:
    assert judge.judge(PAIRS.empty_table()).num_rows == 0
