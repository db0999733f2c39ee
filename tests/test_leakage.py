"""Gate ``leakage``: copies and leaks are caught, and texts that only look like it pass."""

import time

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.factory.records import PAIRS
from pairsmith.factory.spec import LeakageSpec
from pairsmith.validators.copying import copied
from pairsmith.validators.labels import leaked
from pairsmith.validators.leakage import LeakageGate


def row(group, query, positive, *negatives):
    texts = {"query": query, "positive": positive, "negatives": list(negatives)}
    fixed = {"id": "r", "request_id": "r", "content_hash": "h", "instruction": "task", "model": "m"}
    return {**fixed, "group": group, "query_language": "en", "document_language": "en", **texts}


def judge(*row_parts):
    table = pa.Table.from_pylist([row(*row_parts)], schema=PAIRS)
    return LeakageGate(LeakageSpec()).judge(table).to_pylist()


def drops(*row_parts):
    return {(line["field"], line["reason"]) for line in judge(*row_parts) if line["verdict"] == "drop"}


COPIES = [
    (
        "how to descale a kettle without vinegar",
        "How to descale a kettle without vinegar? Fill it with water and citric acid.",
    ),
    (
        "wie lange hält sich offener Wein",
        "Offene Flaschen. Wie lange hält sich offener Wein? Drei bis fünf Tage, gekühlt.",
    ),
    ("billige Winterreifen test", "Billige Winterreifen Test\n\nWir haben zwölf Reifen auf Schnee gefahren."),
    ("दही घर पर कैसे जमाएँ", "दही घर पर कैसे जमाएँ। गुनगुने दूध में एक चम्मच जामन मिलाएँ।"),
    ("怎样在家里自制豆腐脑", "怎样在家里自制豆腐脑。先把黄豆浸泡一夜，再磨成豆浆。"),
    ("วิธีปลูกมะเขือเทศในกระถางบนระเบียง", "วิธีปลูกมะเขือเทศในกระถางบนระเบียง เริ่มจากเลือกกระถางที่ระบายน้ำได้ดี"),
    ("كيف أزيل بقع القهوة من السجاد", "كيف أزيل بقع القهوة من السجاد؟ امسح البقعة بقطعة قماش مبللة."),
    (
        "what does a torn meniscus feel like at night",
        "People ask what does a torn meniscus feel like at night and hear little.",
    ),
    # lightly edited: one word in twelve
    (
        "which trees can be planted close to a house without harming the foundations",
        "Which trees can be planted near to a house without harming the foundations? Small ones with shallow roots.",
    ),
]


@pytest.mark.parametrize(("query", "document"), COPIES)
def test_a_document_that_repeats_its_query_is_dropped(query, document):
    assert drops("short_long", query, document, "something else") == {("positive", "query_copied")}


def test_the_hard_negative_must_not_repeat_the_query_either():
    query = "how to descale a kettle without vinegar"
    assert drops("short_long", query, "Citric acid works.", f"{query}: see page 3") == {("negative", "query_copied")}


PASSES = [
    ("Hallelujah", "Hallelujah was first recorded in 1984, and sold badly."),
    ("galinha Preta Lusitânica", "A galinha Preta Lusitânica é rústica e adapta-se bem ao pasto."),
    ("One Hundred Years of Solitude", "One Hundred Years of Solitude\n\nThe novel follows seven generations."),
    (
        "TypeError: 'NoneType' object is not iterable",
        "You get TypeError: 'NoneType' object is not iterable when f returns None.",
    ),
    ("std::vector push_back invalidates", "In C++ std::vector push_back invalidates iterators when it reallocates."),
    (
        '"the fault, dear Brutus, is not in our stars"',
        "Cassius says: the fault, dear Brutus, is not in our stars, but in us.",
    ),
    ("世界人权宣言", "世界人权宣言于1948年通过，共三十条。"),
    ("長江", "長江は中国で最も長い川である。"),
    ("best way to clean", "There is no best way to clean a cast iron pan; salt does well."),
    ("What is the unit of power?", "The unit of power is the watt, named after James Watt."),
    (
        "Who founded the Office of Western Medicine?",
        "Nestorians worked there; a Mongol founded the Office of Western Medicine.",
    ),
    ("to be or not to be", "Hamlet's speech begins with a question of being."),
]


@pytest.mark.parametrize(("query", "document"), PASSES)
def test_names_code_quotations_and_shared_phrases_are_no_copies(query, document):
    assert drops("short_long", query, document, "something else") == set()


def test_short_pairs_may_share_words_but_not_be_the_same():
    reply = "Shall we fold dumplings at my place this Saturday evening?"
    assert drops("short_short", reply, f"{reply} Sure, I bring the chives.") == {("positive", "query_copied")}
    assert drops("short_short", "Canon EOS R50 camera body", "Canon EOS R50 camera body only") == set()
    assert drops("short_short", "Canon EOS R50", "canon  EOS R50.") == {("positive", "identical_texts")}


def test_a_negative_that_equals_the_positive_or_the_query_is_dropped():
    assert drops("sts", "A dog runs.", "A hound runs.", "a HOUND runs") == {("negative", "positive_equals_negative")}
    assert drops("bitext", "A dog runs.", "Ein Hund läuft.", "A dog runs") == {("negative", "identical_texts")}


def test_labels_that_differ_in_signs_only_are_different():
    assert drops("long_short", "int main() { return 0; }", "C++", "C#") == set()


def test_every_field_gets_a_line():
    lines = judge("short_long", "a query", "a document", "one", "two")
    assert [line["field"] for line in lines] == ["query", "positive", "negative", "negative_2"]


LEAKS = [
    ("The patient went home well. (low)", "low"),
    ("Label: low\nThe patient went home well.", "low"),
    ("low - The patient went home well.", "low"),
    ("The patient went home well, risk: low.", "low"),
    ("All in all this is a false dilemma and nothing more than that.", "false dilemma"),
    ("Most of it is plain spam from a known sender.", "spam"),
    ("Wir lesen viel über 900 – Geschichte in diesem Band.", "900 – Geschichte"),
    ("int main() { return 0; } (C)", "C"),
    ("int main() { return 0; }\nC#", "C#"),
    ("국가가 먼저 가겠습니다. (더불어민주당)", "더불어민주당"),
    ("这部电影太感人了，属于正面评价。", "正面"),
    ("รีวิวนี้จัดอยู่ในกลุ่มเป็นกลาง", "เป็นกลาง"),
    ("Отзыв отрицательный, больше не куплю", "отрицательный"),
    ("Nothing works!\n★☆☆☆☆", "★☆☆☆☆"),
]


@pytest.mark.parametrize(("text", "label"), LEAKS)
def test_a_label_that_stands_in_the_text_is_a_leak(text, label):
    assert drops("long_short", text, label, "something else") == {("query", "label_leak")}


def test_the_misleading_label_must_not_stand_in_the_text_either():
    assert drops("long_short", "Send it. [urgent request]", "complaint", "urgent request") == {("query", "label_leak")}


NO_LEAKS = [
    ("She has mild COPD and high blood pressure.", "high"),  # an everyday word in running text
    ("import java.util.List; // sorts the list", "Java"),  # part of a dotted name
    ("Write it in JavaScript, please.", "Java"),  # part of another word
    ("She moved to Germany last year.", "German"),
    ("char c = 'c'; /* see section (c) above */ return c;", "C"),
    ("The low-cost airline was late again.", "low"),
    ("昨天下了雨，今天天气很好。", "好"),
    ("人文学科的日本人文化研究", "人"),
    ("พนักงานบวกเลขผิด", "ลบ"),
    ("The parcel arrived; among other things it was wet.", "other"),
]


@pytest.mark.parametrize(("text", "label"), NO_LEAKS)
def test_a_word_that_is_only_part_of_the_text_is_no_leak(text, label):
    assert drops("long_short", text, label, "something else") == set()


def test_a_common_word_as_misleading_label_leaks_only_alone():
    assert leaked("major", "A major bug hit us.", answer=False) is None
    assert leaked("major", "A bug hit us. (major)", answer=False)


def test_equal_labels_are_reported_on_the_negative():
    assert drops("long_short", "A text.", "Sports", "sports ") == {("negative", "positive_equals_negative")}


@settings(deadline=None)
@given(st.text(min_size=1), st.text())
def test_no_text_makes_the_rules_fail(left, right):
    copied(left, right, 0.8)
    leaked(left, right, answer=True)


@settings(deadline=None)
@given(st.lists(st.from_regex(r"[a-z]{3,8}", fullmatch=True), min_size=6, max_size=20), st.text(max_size=200))
def test_a_long_plain_query_is_found_wherever_it_stands(units, rest):
    query = " ".join(units)
    assert copied(query, f"{rest}\n{query}\n{rest}", 0.8)


@pytest.mark.parametrize("piece", ["a ", "a", "\n", "( ", ": ", "label ", "กา", "a.", "- "])
def test_long_hostile_texts_take_linear_time(piece):
    text = piece * (100_000 // len(piece))
    start = time.perf_counter()
    for label in ("label a", "C", "a", "กากากากา", "a a a a a a a b"):
        leaked(label, text, answer=True)
        copied(label, text, 0.8)
        copied(text, text + "b", 0.8)
    assert time.perf_counter() - start < 20
