"""Gate ``contamination``: evaluation texts are found, whole, edited or inside others; texts on the same matter pass."""

import csv
import gzip
import io
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.factory.errors import InputError
from pairsmith.factory.records import PAIRS
from pairsmith.factory.spec import ContaminationSpec
from pairsmith.validators.contamination import ContaminationGate, EvaluationIndex
from pairsmith.validators.evaluation import evaluation_texts

RECORDED = Path(__file__).parent.parent / "examples/recorded"
BANKING = "evaluation/banking77_test.csv"
QUESTION = "Why does the tide come in twice a day on most coasts but only once on some?"
PASSAGE = "The harbour froze every January until the power station opened, and since then boats go out all winter."
THAI = "พิพิธภัณฑ์สถานแห่งชาติพระนครเปิดให้เข้าชมทุกวันพุธถึงวันอาทิตย์ตั้งแต่เก้าโมงเช้าถึงสี่โมงเย็น"
CHINESE = "博物馆每周三至周日上午九点至下午四点开放参观"


def index(*texts, **spec):
    made = EvaluationIndex(ContaminationSpec(**spec))
    for text in texts:
        made.add("test.csv", text)
    return made


FOUND = [
    QUESTION.upper().replace("?", " !"),
    f"A reader asks: {QUESTION} We answer below, at some length, with drawings.",
    QUESTION.replace("coasts", "shores"),
    "It was hard: the harbour froze every January until the power station opened, and since then no more.",
    PASSAGE.replace("January", "February").replace("boats", "ships"),
    f"กรุณาทราบว่า{THAI}ยกเว้นวันหยุด",
    f"请注意：{CHINESE}，节假日除外。",
    CHINESE.replace("四点", "五点"),
]


@pytest.mark.parametrize("text", FOUND)
def test_an_evaluation_text_is_found_whole_edited_or_inside_another(text):
    assert index(QUESTION, PASSAGE, THAI, CHINESE).find(text)


PASSES = [
    "Tides come in twice a day because the Earth turns under two bulges of water.",
    "Why does the moon look larger on some nights?",
    "The harbour froze. The power station opened. Boats have gone out.",
    "博物馆每周一闭馆。",
    "พิพิธภัณฑ์ปิดทุกวันจันทร์",
    "",
    "?!",
]


@pytest.mark.parametrize("text", PASSES)
def test_a_text_on_the_same_matter_passes(text):
    assert index(QUESTION, PASSAGE, THAI, CHINESE).find(text) is None


def test_a_short_evaluation_text_counts_only_as_a_whole_field():
    made = index("I lost my card", "Change currency", "多少钱", "为什么")
    assert made.find("i lost my card!")
    assert made.find("Yesterday I lost my card in a bar.") is None
    assert made.find("Change currency") is None
    assert made.find("多少钱") is None


def test_thresholds_are_the_specs():
    assert index("one two three four", minimum_tokens=1).find("zero one two three") is None
    assert index(PASSAGE, ngram=6).find("We know the harbour froze every January until then.")
    assert index(PASSAGE).find("We know the harbour froze every January until then.") is None


def test_an_edit_of_one_word_is_caught_in_real_questions():
    rng = random.Random(7)
    with (RECORDED / BANKING).open(encoding="utf-8") as file:
        questions = [row["text"] for row in csv.DictReader(file)]
    made = index(*questions)
    long = [question.split() for question in questions if len(question.split()) >= 8][:500]
    edited = [[*words[:place], "zebra", *words[place + 1 :]] for words in long for place in [rng.randrange(len(words))]]
    assert sum(made.find(" ".join(words)) is not None for words in edited) >= 0.95 * len(edited)


def row(group, query, positive, *negatives):
    fixed = {"id": "r", "request_id": "r", "content_hash": "h", "instruction": "task", "model": "m"}
    texts = {"query": query, "positive": positive, "negatives": list(negatives)}
    return {**fixed, "group": group, "query_language": "en", "document_language": "en", **texts}


def judge(folder, evaluation, *rows):
    gate = ContaminationGate(ContaminationSpec(evaluation=evaluation), folder)
    return gate.judge(pa.Table.from_pylist(list(rows), schema=PAIRS)).to_pylist()


def test_the_verdict_names_file_and_text_for_each_field_but_labels():
    question = "What do I do if my card is still not here?"
    label = "How do I locate my card?"
    lines = judge(RECORDED, [BANKING], row("short_long", "a", "b", label), row("long_short", question, label))
    assert [(line["field"], line["verdict"]) for line in lines] == [
        ("query", "keep"),
        ("positive", "keep"),
        ("negative", "drop"),
        ("query", "keep"),
        ("positive", "keep"),
    ]
    assert lines[2]["related"] == f"{BANKING}: {label}"
    assert (lines[2]["reason"], lines[2]["score"]) == ("contamination", 1.0)


def test_without_evaluation_files_everything_passes(tmp_path):
    assert {line["verdict"] for line in judge(tmp_path, [], row("sts", QUESTION, "b", "c"))} == {"keep"}


def files(folder):
    """The same texts in every format."""
    table = pa.table({"n": [1, 2], "nested": [[{"q": QUESTION}], [{"q": PASSAGE}]]})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    quoted = PASSAGE.replace('"', '""')
    contents = {
        "a.csv": f'id,text\n1,"{QUESTION}"\n2,"{quoted}"\n'.encode("utf-8-sig"),
        "a.tsv": f"{QUESTION}\t1\n{PASSAGE}\t2\n".encode(),
        "a.jsonl": "".join(json.dumps({"x": [{"y": text}], "n": 1}) + "\n\n" for text in (QUESTION, PASSAGE)).encode(),
        "a.txt": f"{QUESTION}\r\n\r\n{PASSAGE}".encode(),
        "a.parquet": sink.getvalue(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        yield name
        yield f"{name}.gz"


def test_every_format_gives_the_same_texts(tmp_path):
    for name in files(tmp_path):
        found = [text for text in evaluation_texts(tmp_path / name) if len(text) > 10]
        assert found == [QUESTION, PASSAGE], name
        assert judge(tmp_path, [name], row("sts", QUESTION, "b", "c"))[0]["verdict"] == "drop", name


def test_a_cell_may_be_long(tmp_path):
    (tmp_path / "a.csv").write_text(f'"{"long text " * 50_000}"', encoding="utf-8")
    assert len(next(evaluation_texts(tmp_path / "a.csv"))) == 500_000


BROKEN = {
    "missing.csv": (None, "no file 'missing.csv'"),
    "../outside.csv": (b"text", "outside the run folder"),
    "a.xlsx": (b"text", "none of .csv"),
    "empty.txt": (b"\n \n", "holds no text"),
    "latin.txt": ("día".encode("latin-1"), "utf-8"),
    "bad.jsonl": (b'{"a": "b"}\n{"a": ', "line 2 is no JSON"),
    "deep.jsonl": (b"[" * 100_000, "repair it"),
    "bad.parquet": (b"PAR1 no", "repair it"),
    "numbers.parquet": ("numbers", "holds no text"),
    "bad.csv.gz": (b"no gzip", "repair it"),
    "cut.txt.gz": (gzip.compress(QUESTION.encode() * 9)[:-9], "repair it"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_be_used_is_one_clear_line(name, tmp_path):
    content, message = BROKEN[name]
    folder = tmp_path / "run"
    folder.mkdir()
    if content == "numbers":
        pq.write_table(pa.table({"n": [1, 2]}), folder / name)
    elif content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        judge(folder, [name], row("sts", "a", "b", "c"))
    assert message in str(caught.value)
    assert Path(name).name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_link_out_of_the_run_folder_is_refused(tmp_path):
    (tmp_path / "secret.txt").write_text(QUESTION)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "a.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(InputError, match="outside the run folder"):
        ContaminationGate(ContaminationSpec(evaluation=["a.txt"]), tmp_path / "run")


@settings(deadline=None)
@given(st.lists(st.text(), max_size=5), st.text())
def test_no_text_makes_the_search_fail(texts, text):
    index(*texts, minimum_tokens=1).find(text)


@settings(deadline=None)
@given(st.lists(st.from_regex(r"[a-z]{2,6}|[一-十]{2,4}", fullmatch=True), min_size=5, max_size=40))
def test_an_evaluation_text_always_finds_itself(units):
    text = " ".join(units)
    made = index(text)
    assert made.find(text.title()).score == 1.0
