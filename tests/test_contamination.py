"""Gate ``contamination``: evaluation texts are found, whole, edited or inside others; texts on the same matter pass."""

import csv
import gzip
import io
import json
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from plain_contamination import plain_match

from pairsmith.factory.errors import InputError
from pairsmith.factory.records import PAIRS
from pairsmith.factory.spec import ContaminationSpec
from pairsmith.factory.text import EXCERPT
from pairsmith.validators.contamination import ContaminationGate
from pairsmith.validators.evaluation import evaluation_texts
from pairsmith.validators.evaluation_index import FOLDER

RECORDED = Path(__file__).parent.parent / "examples/recorded"
BANKING = "evaluation/banking77_test.csv"
QUESTION = "Why does the tide come in twice a day on most coasts but only once on some?"
PASSAGE = "The harbour froze every January until the power station opened, and since then boats go out all winter."
THAI = "พิพิธภัณฑ์สถานแห่งชาติพระนครเปิดให้เข้าชมทุกวันพุธถึงวันอาทิตย์ตั้งแต่เก้าโมงเช้าถึงสี่โมงเย็น"
CHINESE = "博物馆每周三至周日上午九点至下午四点开放参观"


def row(group, query, positive, *negatives):
    fixed = {"id": "r", "request_id": "r", "content_hash": "h", "instruction": "task", "model": "m"}
    texts = {"query": query, "positive": positive, "negatives": list(negatives)}
    return {**fixed, "group": group, "query_language": "en", "document_language": "en", **texts}


def gate_on(folder, *texts, **spec):
    (folder / "test.jsonl").write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
    return ContaminationGate(ContaminationSpec(evaluation=["test.jsonl"], **spec), folder)


def found(gate, *texts):
    """What the gate says of each text: None, or evaluation text, score and threshold."""
    lines = gate.judge(pa.Table.from_pylist([row("sts", "", "", *texts)], schema=PAIRS)).to_pylist()[2:]
    return [
        (line["related"].removeprefix("test.jsonl: "), line["score"], line["threshold"])
        if line["verdict"] == "drop"
        else None
        for line in lines
    ]


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
def test_an_evaluation_text_is_found_whole_edited_or_inside_another(text, tmp_path):
    assert found(gate_on(tmp_path, QUESTION, PASSAGE, THAI, CHINESE), text) != [None]


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
def test_a_text_on_the_same_matter_passes(text, tmp_path):
    assert found(gate_on(tmp_path, QUESTION, PASSAGE, THAI, CHINESE), text) == [None]


def test_a_short_evaluation_text_counts_only_as_a_whole_field(tmp_path):
    made = gate_on(tmp_path, "I lost my card", "Change currency", "多少钱", "为什么")
    assert found(made, "i lost my card!") == [("I lost my card", 1.0, 0.7)]
    assert found(made, "Yesterday I lost my card in a bar.", "Change currency", "多少钱") == [None, None, None]


def test_thresholds_are_the_specs(tmp_path):
    cut = "We know the harbour froze every January until then."
    assert found(gate_on(tmp_path, "one two three four", minimum_tokens=1), "zero one two three") == [None]
    assert found(gate_on(tmp_path, PASSAGE, ngram=6), cut) == [(PASSAGE, 6.0, 6.0)]
    assert found(gate_on(tmp_path, PASSAGE), cut) == [None]


def test_an_edit_of_one_word_is_caught_in_real_questions(tmp_path):
    rng = random.Random(7)
    with (RECORDED / BANKING).open(encoding="utf-8") as file:
        questions = [row["text"] for row in csv.DictReader(file)]
    long = [question.split() for question in questions if len(question.split()) >= 8][:500]
    edited = [[*words[:place], "zebra", *words[place + 1 :]] for words in long for place in [rng.randrange(len(words))]]
    caught = found(gate_on(tmp_path, *questions), *map(" ".join, edited))
    assert sum(match is not None for match in caught) >= 0.95 * len(edited)


def judge(folder, evaluation, *rows):
    gate = ContaminationGate(ContaminationSpec(evaluation=evaluation), folder)
    return gate.judge(pa.Table.from_pylist(list(rows), schema=PAIRS)).to_pylist()


@pytest.fixture
def recorded(tmp_path):
    """A folder with the evaluation file of the recorded run."""
    (tmp_path / "evaluation").mkdir()
    shutil.copy(RECORDED / BANKING, tmp_path / BANKING)
    return tmp_path


def test_the_verdict_names_file_and_text_for_each_field_but_labels(recorded):
    question = "What do I do if my card is still not here?"
    label = "How do I locate my card?"
    lines = judge(recorded, [BANKING], row("short_long", "a", "b", label), row("long_short", question, label))
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
    "../outside.csv": (b"text", "outside the folder"),
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
    with pytest.raises(InputError, match="outside the folder"):
        ContaminationGate(ContaminationSpec(evaluation=["a.txt"]), tmp_path / "run")


UNITS = st.sampled_from([*"abcdefg", *"漢字仮名", *"กขค", "ー", "Ａ"])
EVALUATION = st.lists(st.lists(UNITS, min_size=1, max_size=40), min_size=1, max_size=6)
SPECS = st.builds(
    ContaminationSpec,
    ngram=st.sampled_from([1, 2, 4, 13]),
    overlap=st.sampled_from([0, 0.2, 0.5, 0.7, 1]),
    minimum_tokens=st.sampled_from([1, 3, 5]),
)


@st.composite
def overlapping(draw):
    """Evaluation texts, and texts made of pieces of them and of others."""
    evaluation = draw(EVALUATION)
    piece = st.builds(lambda text, start, size: text[start : start + size], st.sampled_from(evaluation),
                      st.sampled_from([0, 0, 3, 9]), st.sampled_from([5, 15, 30, 99]))  # fmt: skip
    made = draw(st.lists(st.lists(st.one_of(piece, piece, st.lists(UNITS, max_size=3)), max_size=4), max_size=6))
    return [" ".join(text) for text in evaluation], [" ".join(unit for part in text for unit in part) for text in made]


def answers(evaluation, texts, spec):
    with tempfile.TemporaryDirectory() as folder:
        return found(gate_on(Path(folder), *evaluation, **spec.model_dump(exclude={"evaluation"})), *texts)


@settings(deadline=None, max_examples=100)
@given(overlapping(), SPECS)
def test_verdicts_are_those_of_the_plain_definition(texts, spec):
    evaluation, fields = texts
    plain = [plain_match(evaluation, text, spec) for text in fields]
    assert answers(evaluation, fields, spec) == [
        wanted and (" ".join(wanted[0].split()), *wanted[1:]) for wanted in plain
    ]


def patched(rng):
    """A text of up to three pieces of three passages that all texts share, and of words of its own."""
    words = []
    for _ in range(rng.randint(1, 3)):
        passage, start = rng.choice("abc"), rng.randrange(8)
        words += [f"{passage}{place}" for place in range(start, start + rng.randint(1, 9))]
        words += [f"own{rng.randrange(10**9)}" for _ in range(rng.choice([0, 0, 1, 3]))]
    return " ".join(words)


@pytest.mark.parametrize("overlap", [0.1, 0.2, 0.25, 0.5, 0.7, 1])
def test_of_near_texts_none_is_lost_though_what_they_share_is_common(overlap, tmp_path):
    rng = random.Random(overlap)
    evaluation, fields = [patched(rng) for _ in range(40)], [patched(rng) for _ in range(100)]
    wanted = [plain_match(evaluation, text, ContaminationSpec(overlap=overlap)) for text in fields]
    assert found(gate_on(tmp_path, *evaluation, overlap=overlap), *fields) == wanted
    assert any(match and match[1] < 1 for match in wanted) or overlap == 1


def test_edited_questions_are_judged_as_by_the_plain_definition(recorded):
    rng = random.Random(7)
    with (recorded / BANKING).open(encoding="utf-8") as file:
        rows = [" ".join(row["text"].split()) for row in csv.DictReader(file)]  # as a verdict shows them
    questions = [text for text in rows if len(text) <= EXCERPT][::20]
    edited = []
    for words in map(str.split, questions):
        for _ in range(rng.choice([1, 1, 2, 3])):
            words[rng.randrange(len(words))] = rng.choice(["zebra", "", "my card", words[0]])
        edited.append(" ".join(words))
    wanted = [plain_match(questions, text, ContaminationSpec()) for text in edited]
    assert found(gate_on(recorded, *questions), *edited) == wanted
    assert {match[2] for match in wanted if match} == {0.7, 0.77, 13}


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=5), st.lists(st.text(), max_size=5))
@example(["\ud800 half a character is kept as a sign"], ["\ufffd half a character is kept as a sign"])
def test_no_text_makes_the_search_fail(texts, fields):
    fields = [text.encode(errors="replace").decode() for text in [*fields, *texts]]
    answers(texts, fields, ContaminationSpec(minimum_tokens=1))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.from_regex(r"[a-z]{2,6}|[一-十]{2,4}", fullmatch=True), min_size=5, max_size=40))
def test_an_evaluation_text_always_finds_itself(units):
    text = " ".join(units)
    assert answers([text], [text.title()], ContaminationSpec())[0][1] == 1.0


def index_of(folder):
    (made,) = (path for path in (folder / FOLDER).iterdir() if path.is_dir())
    return made


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in index_of(folder).iterdir()}


def test_an_index_is_made_once_and_again_when_files_or_settings_change(tmp_path):
    assert found(gate_on(tmp_path, QUESTION), QUESTION) != [None]
    first, made = index_of(tmp_path), times(tmp_path)
    told = []
    gate_on(tmp_path, QUESTION).prepare(told.append)
    assert times(tmp_path) == made and told == []
    gate = gate_on(tmp_path, PASSAGE, THAI)
    gate.prepare(told.append)
    assert sum(told) == 2 and index_of(tmp_path) != first
    assert found(gate, QUESTION, PASSAGE) == [None, (PASSAGE, 1.0, 0.7)]
    second = index_of(tmp_path)
    gate_on(tmp_path, PASSAGE, THAI, ngram=6).prepare()
    assert index_of(tmp_path) != second


def damages(folder):
    """A way to damage each file of the index: cut, changed, gone."""
    names = sorted(path.name for path in index_of(folder).iterdir())
    return [(name, way) for name in names for way in ("cut", "changed", "gone")]


def damage(path, way):
    content = path.read_bytes()
    if way == "gone":
        path.unlink()
    elif way == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(content[:-9] + bytes(255 - byte for byte in content[-9:]))


def test_a_damaged_index_is_made_again(tmp_path):
    gate_on(tmp_path, QUESTION, PASSAGE).prepare()
    for name, way in damages(tmp_path):
        damage(index_of(tmp_path) / name, way)
        assert found(gate_on(tmp_path, QUESTION, PASSAGE), PASSAGE) == [(PASSAGE, 1.0, 0.7)], (name, way)


def test_an_index_that_was_not_finished_is_made_again(tmp_path):
    (tmp_path / "bad.jsonl").write_text(f'{json.dumps(QUESTION)}\n{{"', encoding="utf-8")
    with pytest.raises(InputError, match="line 2 is no JSON"):
        judge(tmp_path, ["bad.jsonl"], row("sts", "a", "b", "c"))
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [".lock"]
    (tmp_path / "bad.jsonl").write_text(json.dumps(QUESTION), encoding="utf-8")
    assert judge(tmp_path, ["bad.jsonl"], row("sts", QUESTION, "b", "c"))[0]["verdict"] == "drop"


JUDGE = """
import sys
from pathlib import Path
from pairsmith.factory.spec import ContaminationSpec
from pairsmith.factory.text import EXCERPT
from pairsmith.validators.contamination import ContaminationGate
told = []
ContaminationGate(ContaminationSpec(evaluation=["test.jsonl"]), Path(sys.argv[1])).prepare(told.append)
print(sum(told))
"""


def test_of_processes_that_want_an_index_at_once_one_makes_it_and_all_map_it(tmp_path):
    gate = gate_on(tmp_path, *(f"{QUESTION} {number} {PASSAGE}" for number in range(3000)))
    command = [sys.executable, "-c", JUDGE, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sorted(int(process.communicate()[0]) for process in running) == [0, 3000]
    told = []
    gate.prepare(told.append)
    assert told == [] and found(gate, f"{QUESTION} 2999 {PASSAGE}")[0][1] == 1.0
