"""Rows from files of pairs: whatever the file, each row is judged, and what cannot be read is said in one line."""

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import QUICK, answer, parts_of, record, written

from pairsmith.asking import generate
from pairsmith.cli import main
from pairsmith.factory.errors import InputError
from pairsmith.factory.occurrences import Occurrences
from pairsmith.factory.pairs import DECODED, READ_BYTES, PairsFile, nothing_seen
from pairsmith.factory.records import PAIRS, content_hash
from pairsmith.factory.spec import PairsSpec
from pairsmith.gating import gate
from pairsmith.run import open_run

ENTRY = {"path": "mine.parquet", "group": "sts", "language": "en", "instruction": "Find the answer."}
GATES = {**QUICK, "leakage": {"enabled": True}}
ROWS = 23


def rows(count: int = ROWS, **columns: Sequence[Any] | pa.Array) -> pa.Table:
    """Rows with the three columns that any such file has; every fifth positive is its query."""
    texts = {
        "query": [f"word{n} asks for what" for n in range(count)],
        "positive": [
            " ".join(f"word{n * step}" for step in range(1, 30)) if n % 5 else f"word{n} asks for what"
            for n in range(count)
        ],
        "negative": [f"another text about word{n} and its kind" for n in range(count)],
    }
    return pa.table(texts | columns)


def run_of(folder: Path, table: pa.Table, entry: Any = ENTRY, group: int = 1000, **spec: Any) -> Path:
    """A run on one file, in row groups of ``group`` rows."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / "mine.parquet", row_group_size=group)
    (folder / "factory.yml").write_text(json.dumps({"pairs": [entry], "gates": GATES, **spec}))  # JSON is YAML
    return folder


def gate_here(folder: Path, size: int = 5000, text: int = 10**7) -> dict[str, Any]:
    """Gate in this process, in parts of ``size`` rows or ``text`` characters."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pairsmith.pairs.PART", size)
        patch.setattr("pairsmith.pairs.PART_TEXT", text)
        return gate(open_run(folder))


def tables(folder: Path) -> list[pa.Table]:
    """What the gate stage wrote, without the order of the verdicts."""
    found = {
        name: pq.read_table(folder / f"{name}.parquet") for name in ("candidates", "accepted", "rejected", "verdicts")
    }
    lines = found.pop("verdicts").sort_by([(name, "ascending") for name in ("id", "gate", "field", "related")])
    return [*found.values(), lines]


TEXT = st.one_of(
    st.none(),
    st.sampled_from(["", " \n", "\u200b", "\u3164", "n/a", "...", "a query of some words", "同じ文", "long " * 40]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)
ROW = st.fixed_dictionaries({"query": TEXT, "positive": TEXT, "negatives": st.none() | st.lists(TEXT, max_size=3)})
SCHEMA = pa.schema([PAIRS.field(name).with_nullable(True) for name in ("query", "positive", "negatives")])


@settings(max_examples=15)
@given(st.lists(ROW, min_size=1, max_size=30), st.integers(1, 9), st.integers(1, 9), st.integers(1, 400))
def test_every_row_is_accepted_or_rejected_however_the_file_and_the_parts_are_cut(
    tmp_path_factory: pytest.TempPathFactory, texts: list[dict[str, Any]], group: int, size: int, characters: int
) -> None:
    folder, table = tmp_path_factory.mktemp("pairs"), pa.Table.from_pylist(texts, schema=SCHEMA)
    found = gate_here(run_of(folder / "cut", table, group=group), size, characters)
    gate_here(run_of(folder / "whole", table))
    assert all(one.equals(other) for one, other in zip(tables(folder / "cut"), tables(folder / "whole"), strict=True))
    candidates, accepted, rejected, verdicts = tables(folder / "cut")
    ids = pq.read_table(folder / "cut" / "requests.parquet")["id"].to_pylist()
    assert sorted(accepted["id"].to_pylist() + rejected["id"].to_pylist()) == sorted(ids) == sorted(set(ids))
    assert found["asked"] == found["answered"] == len(texts) == found["accepted"] + found["rejected"]
    assert set(candidates["id"].to_pylist()) | set(rejected["id"].to_pylist()) == set(ids)
    assert set(verdicts["id"].to_pylist()) == set(ids)


def test_a_file_of_texts_alone_is_enough_with_what_the_spec_says(tmp_path: Path) -> None:
    gate_here(run_of(tmp_path, rows()))
    found = pq.read_table(tmp_path / "candidates.parquet").to_pylist()
    assert len(found) == ROWS and pq.read_schema(tmp_path / "candidates.parquet").equals(PAIRS)
    for row, given_row in zip(found, rows().to_pylist(), strict=True):
        assert (row["query"], row["positive"], row["negatives"]) == (
            *list(given_row.values())[:2],
            [given_row["negative"]],
        )
        assert row["content_hash"] == content_hash(row["query"], row["positive"], row["negatives"])
        assert row["id"] == row["request_id"]
        said = {name: row[name] for name in ("group", "instruction", "query_language", "document_language", "model")}
        assert list(said.values()) == ["sts", "Find the answer.", "en", "en", "unknown"]
    assert 0 < len(pq.read_table(tmp_path / "accepted.parquet")) < ROWS


def test_equal_rows_have_ids_of_their_own_and_a_row_keeps_its_id_when_others_come_before_it(tmp_path: Path) -> None:
    few = pa.concat_tables([rows(3)] * 3)
    gate_here(run_of(tmp_path / "few", few))
    gate_here(run_of(tmp_path / "more", pa.concat_tables([rows(ROWS).slice(10), few])))
    ids = [pq.read_table(tmp_path / name / "candidates.parquet")["id"].to_pylist() for name in ("few", "more")]
    assert len(set(ids[0])) == 9 and ids[1][-9:] == ids[0]


@given(st.lists(st.lists(st.integers(-5, 5), max_size=9), max_size=12))
def test_occurrences_are_counted_however_they_come(parts: list[list[int]]) -> None:
    seen, known = Occurrences(), Counter[int]()
    for part in parts:
        wanted = []
        for key in part:
            wanted.append(known[key])
            known[key] += 1
        assert seen.earlier(part).tolist() == wanted


def test_a_column_goes_before_the_spec_which_fills_its_gaps(tmp_path: Path) -> None:
    columns = {
        "group": ["sts", None, "bitext"], "query_language": [None, "de", "fr"], "document_language": [None, None, "de"],
        "instruction": [None, "Mine.", None], "id": [7, 8, 9], "num_words": [None, "50", None], "other": [1.5, None, 2.0],
    }  # fmt: skip
    gate_here(run_of(tmp_path, rows(3, **columns), {"path": "mine.parquet", "group": "short_long", "language": "en"}))
    found = pq.read_table(tmp_path / "candidates.parquet").to_pylist()
    names = ("id", "group", "query_language", "document_language", "instruction", "num_words")
    assert [tuple(row[name] for name in names) for row in found] == [
        ("7", "sts", "en", "en", "Retrieve semantically similar text.", None),
        ("8", "short_long", "de", "en", "Mine.", "50"),
        ("9", "bitext", "fr", "de", "Retrieve parallel sentences.", None),
    ]


@pytest.mark.parametrize(
    "kind",
    [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())],
    ids=lambda kind: str(kind)[:10],
)
def test_strings_and_lists_of_every_kind_are_read(tmp_path: Path, kind: pa.DataType) -> None:
    gate_here(run_of(tmp_path / "plain", rows()))
    plain = rows()
    columns = {name: plain[name].cast(kind) for name in ("query", "positive")}
    lists = pa.array([[text, None] for text in plain["negative"].to_pylist()], pa.large_list(pa.large_string()))
    gate_here(run_of(tmp_path / "other", pa.table(columns | {"negatives": lists})))
    assert written(tmp_path / "other") == written(tmp_path / "plain")


@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.large_list(pa.string()), pa.list_(pa.string(), 2)], ids=str)
def test_a_null_list_of_negatives_is_none_of_them(tmp_path: Path, kind: pa.DataType) -> None:
    lists = [None, ["one text", "other text"], None, [None, "third text"], None, [None, None]]
    table = rows(6, query=[f"word{n} asks" for n in range(6)], negatives=pa.array(lists, kind)).drop_columns("negative")
    gate_here(run_of(tmp_path, table, group=4))
    found = pq.read_table(tmp_path / "candidates.parquet")["negatives"].to_pylist()
    assert found == [[], ["one text", "other text"], [], ["third text"], [], []]


def test_a_row_without_a_text_is_rejected_with_what_there_is_of_it(tmp_path: Path) -> None:
    table = rows(4, query=["a query of words", None, " \u200b", "a query of words"], negative=["other", "x", None, ""])
    gate_here(run_of(tmp_path, table))
    rejected = {row["id"]: row for row in pq.read_table(tmp_path / "rejected.parquet").to_pylist()}
    lines = [row for row in pq.read_table(tmp_path / "verdicts.parquet").to_pylist() if row["gate"] == "parse"]
    assert [(row["reason"], row["related"]) for row in lines] == [
        (None, None), ("empty_text", "query"), ("empty_text", "query"), ("empty_text", "negative"),
    ]  # fmt: skip
    assert [json.loads(rejected[row["id"]]["raw"])["query"] for row in lines[1:]] == table["query"].to_pylist()[1:]
    assert all(rejected[row["id"]]["reasons"] == ["parse:row:empty_text"] for row in lines[1:])


def test_the_rows_of_a_run_are_judged_as_they_were_in_it(tmp_path: Path) -> None:
    first = record(tmp_path / "first", [answer(n) for n in range(40)], {"contamination": {"enabled": False}})
    generate(open_run(first))
    gate(open_run(first))
    table = pq.read_table(first / "candidates.parquet")
    again = run_of(tmp_path / "again", table, "mine.parquet", gates={"contamination": {"enabled": False}})
    gate(open_run(again))
    before, after = tables(first), tables(again)
    assert before[0].equals(after[0]) and before[1].equals(after[1])
    known = pc.is_in(before[3]["id"], value_set=table["id"].combine_chunks())
    assert before[3].filter(known).equals(after[3])


def test_a_further_run_is_skipped_and_more_rows_leave_finished_parts_as_they_are(tmp_path: Path) -> None:
    run = run_of(tmp_path, rows(20))
    gate_here(run, 5)
    before, parts = (run / "manifest.json").stat().st_mtime_ns, parts_of(run)
    gate_here(run, 5)
    assert (run / "manifest.json").stat().st_mtime_ns == before and parts_of(run) == parts
    run_of(tmp_path, rows(25), group=7)
    assert gate_here(run, 5)["answered"] == 25
    assert parts.items() < parts_of(run).items() and len(parts_of(run)) == 5


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_line_goes_from_a_file_to_a_release_and_a_report_without_a_journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(tmp_path, rows(40))
    done = call(capsys, "run", run, "--workers", 1)
    assert done["release"]["version"] == "1.0.0" and not done["paid"]["requests"]
    assert not (run / "journal.sqlite").exists()
    page, card = (run / "report.html").read_text(), (run / "releases/1.0.0/README.md").read_text()
    assert "sts" in page and "unknown" in page and "Find the answer." in page
    assert "do not say who wrote them" in card and "written by language models" not in card and "synthetic" not in card
    state = call(capsys, "status", run)
    assert state["stages"] == dict.fromkeys(("gate", "release", "report"), "done") and state["next"].startswith(
        "nothing"
    )
    truth = {"id": pq.read_table(run / "requests.parquet")["id"][0].as_py(), "defect": "identical_texts"}
    (run / "truth.jsonl").write_text(json.dumps(truth))
    assert call(capsys, "score", run, "--truth", "truth.jsonl")["defects"]["identical_texts"]["caught"] == 1
    for command in (["plan"], ["generate"], ["batch", "export"], ["batch", "submit"], ["batch", "collect"]):
        assert main([*command, str(run)]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and "'pairs' in factory.yml" in told and "pairsmith gate" in told
    assert not (run / "journal.sqlite").exists()


PLAIN = {"path": "mine.parquet"}
ENGLISH = {**PLAIN, "group": "short_long", "language": "en"}


@pytest.mark.parametrize(
    ("table", "entry", "told"),
    [
        (rows().rename_columns(["query", "positve", "negative"]), ENTRY, "is missing (did you mean 'positve'?)"),
        (rows(query=list(range(ROWS))), ENTRY, "the column 'query' is int64, not string"),
        (rows(negatives=["x"] * ROWS).drop_columns("negative"), ENTRY, "the column 'negatives' is string, not list"),
        (rows(negatives=[["x"]] * ROWS), ENTRY, "a column 'negative' and a column 'negatives'"),
        (rows(num_words=[5] * ROWS), ENTRY, "the column 'num_words' is int64, not string"),
        (rows(0), ENTRY, "has no rows"),
        (rows(), PLAIN, "the column 'group' is missing; add it, or say it for all rows by 'group: short_long'"),
        (rows(), {**PLAIN, "group": "sts"}, "'query_language' is missing; add it, or say it for all rows by 'language: en'"),
        (rows(), ENGLISH, "the column 'instruction' is missing"),
        (rows(instruction=[*["Mine."] * 20, *[None] * 3]), ENGLISH, "row 20: there is no 'instruction'"),
        (rows(group=[*["sts"] * 22, "stss"]), ENTRY, "row 22: 'group' is 'stss', which is none of short_long"),
        (rows(query_language=[*["en"] * 22, "eng"]), ENTRY, "(did you mean 'en'?)"),
        (rows(id=[*map(str, range(22)), "3"]), ENTRY, "row 22: 'id' is '3', as that of an earlier row"),
        (rows(id=[*map(str, range(22)), None]), ENTRY, "row 22: its 'id' is missing"),
        (rows(request_id=["r"] * ROWS), ENTRY, "row 1: 'request_id' is 'r', as that of an earlier row"),
        (rows(query=pa.array([b"\xff"] * ROWS).view(pa.string())), ENTRY, "rows 0 to 22: the column 'query' is damaged (Inv"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_as_it_should_be_is_one_line(
    tmp_path: Path, table: pa.Table, entry: dict[str, str], told: str
) -> None:
    run = run_of(tmp_path, table, entry)
    with pytest.raises(InputError) as raised:
        gate_here(run)
    said = str(raised.value)
    assert told in said and str(run / "mine.parquet") in said and "\n" not in said
    assert not (run / "candidates.parquet").exists() and not list(run.rglob(".*.part"))


def test_a_file_that_cannot_be_read_is_one_line_with_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused() -> str:
        assert main(["gate", str(run), "--workers", "1"]) == 2
        told = capsys.readouterr().err
        assert told.startswith("pairsmith: ") and told.count("\n") == 1 and "mine.parquet" in told
        return told

    run = run_of(tmp_path, rows())
    file = run / "mine.parquet"
    for content in (b"", b"query,positive\na,b\n", file.read_bytes()[:-200]):
        file.write_bytes(content)
        assert "not readable as Parquet" in refused() and "'pairs' in factory.yml" in refused()
    file.unlink()
    assert "is not there" in refused()
    file.mkdir()
    assert "is a folder" in refused()
    (run / "factory.yml").write_text(json.dumps({"pairs": ["../mine.parquet"]}))
    assert "leads out of the run folder" in refused()
    pq.write_table(rows(), run / "candidates.parquet")
    (run / "factory.yml").write_text(json.dumps({"pairs": [{**ENTRY, "path": "candidates.parquet"}]}))
    with pytest.raises(InputError, match="is written by the gates themselves"):
        gate_here(run)


@pytest.mark.parametrize("coded", [False, True])
def test_long_rows_are_few_at_a_time_however_the_file_holds_them(tmp_path: Path, coded: bool) -> None:
    long = pa.array(["word " * 20_000] * 400)  # 100 kB each: 40 MB in all, of which the file holds one text
    table = pa.table({"query": [f"question {n}" for n in range(400)], "positive": long})
    if coded:
        table = table.set_column(1, "positive", long.dictionary_encode())
    pq.write_table(table, tmp_path / "mine.parquet")
    file = PairsFile(PairsSpec(**ENTRY), tmp_path / "mine.parquet")
    read = list(file.tables(nothing_seen()))
    assert max(each.nbytes for each in read) < READ_BYTES + DECODED * 110_000
    assert pa.concat_tables(read)["query"].to_pylist() == table["query"].to_pylist()


def test_a_file_that_is_damaged_in_the_middle_is_one_line_and_finished_parts_stay(tmp_path: Path) -> None:
    run = run_of(tmp_path, rows(60), group=10)
    shutil.copytree(run, tmp_path.with_name("whole"))
    file = run / "mine.parquet"
    content = file.read_bytes()
    place = pq.ParquetFile(file).metadata.row_group(5).column(1).data_page_offset
    file.write_bytes(content[:place] + bytes(200) + content[place + 200 :])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pairsmith.factory.pairs.READ", 10)
        patch.setattr("pairsmith.factory.pairs.DECODED", 10)
        with pytest.raises(InputError, match="not readable as Parquet") as raised:
            gate_here(run, 10)
    assert str(file) in str(raised.value) and not (run / "verdicts.parquet").exists()
    before = parts_of(run)
    assert len(before) >= 4
    file.write_bytes(content)
    gate_here(run, 10)
    assert before.items() < parts_of(run).items()
    gate_here(tmp_path.with_name("whole"), 10)
    assert written(run) == written(tmp_path.with_name("whole"))
