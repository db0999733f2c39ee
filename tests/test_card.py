import html
import os
import re
import subprocess
import sys
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.curation.acceptance import Statement
from pairsmith.curation.card import MEANINGS, CardFacts, inert, render_card, to_try
from pairsmith.curation.contents import Contents
from pairsmith.curation.review_facts import AgreementFacts, PartFacts, ReviewFacts
from pairsmith.factory.accounts import Book
from pairsmith.factory.ledger import Line
from pairsmith.factory.records import RELEASE

HOSTILE = """# a | b `code` <script>alert(1)</script>
---
{{ 7 * 7 }} {% raw %} [x](javascript:a) ![i](//e.org/i) www.e.org *b* _c_ ~~d~~ $e$ @f :g:"""
GATE = {"gate": "format", "judged": 9, "dropped": 1, "only": 1, "unverified": 2, "reasons": {"refusal": 1}}
FUNNEL = {"asked": 9, "answered": 9, "failed": {}, "pending": 0, "rejected": 1, "accepted": 8, "gates": [GATE]}


def row(number, group="sts", language="en", split="train", **more):
    given = {"id": f"{number:016x}", "request_id": str(number), "content_hash": "0", "group": group, "split": split}
    given |= {"instruction": "Find it.", "query": f"query {number}", "positive": "text", "negatives": ["other"]}
    given |= {"query_language": language, "document_language": language, "model": "recorded"}
    return dict.fromkeys(RELEASE.names) | given | more


ROWS = [
    row(1),
    row(2, split="test"),
    row(3, "bitext", "no", document_language="fa"),
    row(4, "bitext", "no", document_language="fa", split="test"),
    row(5, "short_short", "sw", negatives=[]),
]


def facts(rows=ROWS, **changed):
    files: dict[str, dict[str, list[str]]] = {"all": {}}
    for group, split in sorted({(row["group"], row["split"]) for row in rows}):
        for config in ("all", group):
            path = f"data/{group}/{split}-00000-of-00001.parquet"
            files.setdefault(config, {}).setdefault(split, []).append(path)
    table, contents = pa.Table.from_pylist(rows, RELEASE), Contents()
    contents.add(table)
    by_id = {row["id"]: row for row in rows}
    given = {"name": "tiny", "version": "1.0.0", "license": "cc0-1.0", "description": "Five rows.", "files": files}
    given |= {
        "contents": contents,
        "tried": [by_id[each] for each in to_try(table)],
        "funnel": FUNNEL,
        "thresholds": {"length": {"at_least": 0.8}},
    }
    given |= {"models": {"recorded": 5}, "tool_versions": {"pairsmith": "0.1.0"}, "parent": None}
    return CardFacts(**given | {"changelog": "## 1.0.0\n\nFirst release.\n"} | changed)


def parts(card):
    """Front matter as read by YAML, and the body."""
    _, front, body = re.split(r"^---\n", card, maxsplit=2, flags=re.MULTILINE)
    return yaml.safe_load(front), body


REVIEW = ReviewFacts(
    decisions={"accepted": 9, "released": 5, "kept": 1, "corrected": 2, "dropped": 2, "not_corrected": 1, "failed": 1},
    reviewers=2,
    parts={"random": PartFacts(8, 4)},
    statement=Statement(9, 8, 4, 4, 4, 1, 0.5, None, 0.95, None, "Of 9 accepted rows, 4 <b>were</b> reviewed."),
    agreement=AgreementFacts(3, 0.812, 0.5, 1.0, None),
    guidelines="abc",
    forms=["def"],
)


def test_what_people_did_stands_on_the_card_and_no_text_claims_to_be_a_model_s_alone():
    rows = [row(1, review="kept"), row(2, review="corrected"), row(3, review="corrected", document="books#1"), row(4)]
    _, body = parts(render_card(facts(rows, review=REVIEW)))
    assert "## Reviewed by people\n\nOf 9 accepted rows, 4 &#60;b&#62;were&#60;/b&#62; reviewed." in body
    assert "| random | 8 | 4 |" in body
    assert "9 accepted = 5 in this version + 2 that people dropped + 1 that they wanted corrected" in body
    assert "Reviewers: 2. Rows of the sample that two or more of them answered: 3; " in body
    assert (
        "alpha: 0.81 (95 % interval 0.50 to 1.00). Digest of the guidelines for reviewers in this version of Pairsmith: `abc`."
        in body
    )
    assert "corrected by people in 2 rows, and all passed the gates" in body.replace("\n", " ")
    assert "unchanged but where people corrected it" in body
    assert "Every other text but what people corrected is synthetic" in body
    assert "People have looked at 3 of the rows" in body
    assert "- All texts but the passages and what people corrected are a language model's" in body
    _, body = parts(render_card(facts(rows[:2], review=REVIEW)))
    assert "- All texts but what people corrected are a language model's" in body


def test_agreement_that_is_not_defined_says_why_and_without_a_sample_nothing_is_claimed():
    why = AgreementFacts(3, None, None, None, "all answers are the same")
    _, body = parts(render_card(facts(review=replace(REVIEW, agreement=why, statement=None, parts={}))))
    assert "alpha: not told (all answers are the same)." in body
    assert "part of the sample" not in body
    assert "Reviewed by people" not in render_card(facts())
    assert "corrected" not in render_card(facts()).replace(MEANINGS["review"], "").replace(MEANINGS["id"], "")


def test_front_matter_survives_yaml_with_norwegian_as_a_string():
    front, _ = parts(render_card(facts()))
    assert front["language"] == ["en", "fa", "no", "sw"]
    assert front["license"] == "cc0-1.0" and front["pretty_name"] == "tiny"
    assert front["size_categories"] == ["n<1K"] and "synthetic" in front["tags"]
    configs = {config["config_name"]: config for config in front["configs"]}
    assert configs["all"]["default"] is True and "default" not in configs["sts"]
    assert [files["split"] for files in configs["all"]["data_files"]] == ["train", "test"]
    assert [files["split"] for files in configs["short_short"]["data_files"]] == ["train"]
    assert configs["bitext"]["data_files"][1]["path"] == ["data/bitext/test-00000-of-00001.parquet"]


@pytest.mark.parametrize("name", ["no", "1.0", "null", "a: b", "- x", "yes # no"])
def test_a_name_stays_what_it_is(name):
    front, _ = parts(render_card(facts(name=name)))
    assert front["pretty_name"] == name


@given(st.text())
def test_an_inert_text_is_one_line_that_holds_no_active_mark_and_reads_as_the_text(text):
    shown = inert(text)
    assert not re.search(r"[\\`*{}\[\]<>|~@$^\n\r]|#(?!\d+;)|&(?!#\d+;)", shown)
    assert len(shown.splitlines()) <= 1
    if text.isascii() and text.isprintable():
        assert html.unescape(shown) == text


def test_hostile_texts_break_neither_table_nor_page():
    rows = [
        row(n, group, query=HOSTILE, positive=HOSTILE, negatives=[HOSTILE]) for n, group in enumerate(("sts", "bitext"))
    ]
    rows = [{**each, "instruction": HOSTILE, "model": HOSTILE} for each in rows]
    funnel = {**FUNNEL, "gates": [{**GATE, "gate": HOSTILE, "reasons": {HOSTILE: 1}}]}
    changed = {
        "thresholds": {HOSTILE: {HOSTILE: [HOSTILE]}},
        "tool_versions": {HOSTILE: HOSTILE},
        "models": {HOSTILE: 2},
        "book": Book([Line(HOSTILE, HOSTILE, HOSTILE, HOSTILE, 1, 1, 1, 0, None, 1, 1)]),
    }
    card = render_card(facts(rows, funnel=funnel, **changed))
    _, body = parts(card)
    plain = parts(render_card(facts([row(1), row(2, "bitext")])))[1]
    assert "No price is known for 1 of the requests. The tokens of 1 answers are estimated" in body
    assert set(re.findall(r"<[^>]*>", body)) == {'<span dir="auto">', "</span>"}
    assert re.findall(r"^#+ .*$", body, re.MULTILINE) == re.findall(r"^#+ .*$", plain, re.MULTILINE)
    assert "49" not in body and "](" not in body and "www.e" not in body
    for table in re.findall(r"(?:^\|.*\n)+", body, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_a_setting_of_several_values_is_told_as_a_list():
    body = render_card(facts(thresholds={"contamination": {"evaluation": []}, "duplicates": {"against": ["a", "b"]}}))
    assert "| contamination | evaluation | none |" in body and "| duplicates | against | a, b |" in body


def test_a_template_in_a_value_is_not_rendered():
    assert "49" not in render_card(facts(description="{{ 7 * 7 }}", changelog="{{ 7 * 7 }}"))


def test_long_texts_are_cut_and_it_says_by_how_much():
    body = render_card(facts([row(1, query="word " * 1000)]))
    assert "(4,720 more characters)" in body and body.count("word word") < 60


def test_a_row_with_personal_data_is_no_example():
    rows = [row(n, positive="Write to ann.lee@gmail.com or call.") for n in range(3)]
    assert "ann.lee" not in render_card(facts(rows))
    body = render_card(facts([*rows, row(4, positive="Nobody is named.")]))
    assert "ann.lee" not in body and "Nobody is named." in body


def test_every_column_of_a_release_is_explained():
    assert list(MEANINGS) == RELEASE.names


def test_counts_are_those_of_the_rows():
    _, body = parts(render_card(facts()))
    assert re.search(r"\| `bitext` \|[^|]*\| 2 \| 1 \| 1 \|", body)
    assert "| Norwegian | no | 2 |" in body and "| Persian | fa | 2 |" in body
    assert "9 asked = 8 accepted + 1 rejected + 0 failed + 0 pending" in body


def test_how_rows_are_split_is_said_where_they_are():
    said = "a hash of their cluster draws it"
    assert said in render_card(facts([row(1), row(2, split="test")]))
    assert said not in render_card(facts([row(1), row(2)]))


def test_what_was_paid_and_what_was_wanted_is_said():
    lines = [
        Line("a", "brainstorm", "sts", "chat", 1, 100, 50, 0, 0.02, 0, 0),
        Line("a", "generate", "sts/en", "chat", 6, 600, 300, 60, 0.30, 0, 0),
        Line("a", "generate", "sts/de", "batch", 2, 200, 100, 0, 0.10, 0, 0),
        Line("b", "generate", "sts/en", "chat", 3, 300, 150, 0, 0.90, 0, 0),
    ]
    book = Book(lines, {("a", "sts/en"): 5, ("b", "sts/en"): 3})
    target = {"wanted": 10, "missing": {"sts/en": 2}, "rounds": 2}
    _, body = parts(render_card(facts(book=book, funnel={**FUNNEL, "target": target}, models={"a": 4, "b": 1})))
    assert "| a | generate | 8 | 800 | 60 | 400 | $0.400 | $0.0800 |" in body
    assert "| all | | 12 | 1,200 | 60 | 600 | $1.32 | $0.165 |" in body
    assert "| a | 4 | 80.0% |" in body and "| b | 1 | 20.0% |" in body
    assert "10 rows were wanted, by group and language; 8 of them are there after 2 rounds of asking." in body
    _, recorded = parts(render_card(facts()))
    assert "Nothing was paid: no model was asked." in recorded and "rows were wanted" not in recorded


def test_the_card_names_its_parent_and_keeps_the_changelog_below_its_section():
    _, body = parts(render_card(facts(version="1.1.0", parent="1.0.0", changelog="## 1.1.0\n\n2 rows added.\n")))
    assert "Version 1.1.0, follows 1.0.0" in body and "\n### 1.1.0\n" in body


def test_the_same_facts_give_the_same_card():
    assert render_card(facts()) == render_card(facts(list(reversed(ROWS))))


def test_the_code_on_the_card_loads_the_release(tmp_path):
    given = facts()
    folder = tmp_path / "releases/1.0.0"
    for group, split in {(each["group"], each["split"]) for each in ROWS}:
        path = folder / f"data/{group}/{split}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        chosen = [each for each in ROWS if (each["group"], each["split"]) == (group, split)]
        pq.write_table(pa.Table.from_pylist(chosen, RELEASE), path)
    (folder / "README.md").write_text(render_card(given), encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", render_card(given), re.DOTALL)
    code = "".join(blocks) + (
        "print(everything.num_rows, one_group.num_rows, train.num_rows, sorted(train.column_names))\n"
        "print(everything['query_language'], load_dataset(path, split='test').num_rows, len(everything.column_names))\n"
    )
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()[-2:]
    assert first == "3 1 2 ['anchor', 'negative', 'positive']"
    assert second.endswith(f"2 {len(RELEASE.names)}") and "'no'" in second


def test_a_card_names_the_sources_of_passages_and_only_then_speaks_of_a_corpus():
    names = ["a.jsonl#1", "a.jsonl#x#y", "hf://datasets/o/n@5/{{ 7 * 7 }}|*.parquet#2", None]
    rows = [row(number, "short_long", document=name) for number, name in enumerate(names)]
    front, body = parts(render_card(facts(rows)))
    assert front["source_datasets"] == ["original", "extended"]
    assert front["language_creators"] == ["found", "machine-generated"]
    assert "In 3 rows the positive is a passage" in body and "| a.jsonl | 2 |" in body
    assert html.unescape(body).count("| hf://datasets/o/n@5/{{ 7 * 7 }}|*.parquet | 1 |") == 1
    assert "{{" not in body
    assert "No text was taken from a corpus" not in body
    front, body = parts(render_card(facts()))
    assert front["source_datasets"] == ["original"] and front["language_creators"] == ["machine-generated"]
    assert "No text was taken from a corpus" in body and "licences of their sources" not in body


def test_a_card_claims_a_model_for_no_row_whose_writer_is_not_known():
    every = {"unknown": 5}, ["found"], ["extended"]
    some = {"recorded": 3, "unknown": 2}, ["found", "machine-generated"], ["original", "extended"]
    for models, creators, source in (every, some):
        front, body = parts(render_card(facts(models=models)))
        assert front["annotations_creators"] == front["language_creators"] == creators
        assert front["source_datasets"] == source and ("synthetic" in front["tags"]) == (len(models) > 1)
        assert f"{models['unknown']} of 5 rows were taken from files" in body
        assert ("Every text of the other rows is synthetic" in body) == (len(models) > 1)
        assert "No text was taken from a corpus" not in body and "were written by language models" not in body


def test_the_terms_of_each_model_and_the_text_of_a_licence_stand_in_the_card() -> None:
    stated = facts(
        models={"m": 3, "other": 1}, terms={"m": "free | use"}, license="other", license_link="https://x.example"
    )
    front, body = parts(render_card(stated))
    assert (front["license"], front["license_link"]) == ("other", "https://x.example")
    assert "| m | 3 |" in body
    assert "free &#124; use |" in body
    assert "| other | 1 |" in body
    assert "not stated |" in body
