"""Sources: which passages of given documents are chosen, and what is said of files that cannot be read."""

import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import COMMIT, Hub
from pairsmith.factory.documents import read_documents
from pairsmith.factory.errors import InputError, SpecError
from pairsmith.factory.folder import RunFolder
from pairsmith.factory.passages import LONGEST_WORD, passages
from pairsmith.factory.plan import draw_requests, expected_tasks, grounded_requests, passages_wanted, summary
from pairsmith.factory.sources import Choice, choose_passages, source_files
from pairsmith.factory.spec import SourceSpec, Spec, read_spec
from pairsmith.factory.supply import distinct_passages
from pairsmith.factory.text import fold, tokens, words

TOPICS = ("harbour", "orchard", "violin", "glacier", "bakery", "lantern", "quarry", "meadow", "ferry", "compass")


def text(number: int) -> str:
    """A small document of its own for each number."""
    topic = TOPICS[number % len(TOPICS)]
    return (
        f"The {topic} of parish {number} was rebuilt in {1700 + number}. Its keeper wrote down every visitor.\n\n"
        f"Forty years later the {topic} burned down, and nobody paid for a third one. The book of visitors is kept "
        f"in the town hall under shelf mark {number}."
    )


def spec(*sources: dict[str, Any], **more: Any) -> Spec:
    return Spec(**{"groups": {"short_long": 1}, "languages": {"en": 1}, "sources": list(sources), "size": 10, **more})


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def choose(folder: Path, wanted: Spec) -> Choice:
    files = [source_files(source, RunFolder(folder)) for source in wanted.sources]
    return choose_passages(wanted, passages_wanted(wanted), files)


def chosen(folder: Path, wanted: Spec) -> list[tuple[str, str]]:
    table = choose(folder, wanted).passages
    return list(zip(table["document"].to_pylist(), table["passage"].to_pylist(), strict=True))


# ------------------------------------------------------------------------------------------------------------- passages

scripts = st.sampled_from(
    ["word ", "Ein Satz. ", "短い文。", "ประโยค", " ", "\n", "\n\n", "。", "x" * 70, "- ", "!?", "שלום "]
)


@settings(max_examples=150)
@given(st.lists(scripts | st.text(max_size=8), max_size=120).map("".join), st.integers(1, 40), st.integers(1, 40))
def test_a_passage_is_a_piece_of_its_document_and_within_the_bounds(document: str, one: int, two: int) -> None:
    least, most = sorted((one, two))
    place = 0
    for passage in passages(document, most, least):
        assert least <= words(tokens(passage)) <= most
        assert len(passage) <= most * LONGEST_WORD
        place = document.index(passage, place) + len(passage)


def test_passages_end_where_paragraphs_or_sentences_do() -> None:
    paragraph = "The mill stood by the weir. It ground rye until noon. " * 3
    found = passages("\n\n".join([paragraph] * 4), most=50, least=10)
    assert found == [paragraph.strip()] * 4
    assert all(part.endswith(".") for part in passages(paragraph * 5, most=20, least=5))
    assert all(
        part.endswith("。") for part in passages("水車は堰のそばにあった。昼まで粉をひいた。" * 9, most=15, least=3)
    )


def test_running_text_without_stops_is_cut_between_words_and_data_is_left_out() -> None:
    assert [len(part.split()) for part in passages("word " * 100, most=30, least=5)] == [30, 30, 30, 10]
    assert passages("A1b2" * 5000, most=30, least=1) == []
    assert passages("=" * 5000 + " too short", most=30, least=5) == []


def test_a_document_as_long_as_a_book_is_cut_to_its_end() -> None:
    found = passages("word " * 40_000 + "A sentence ends here. " * 40_000, most=300, least=1)
    assert sum(len(part.split()) for part in found) == 200_000


# --------------------------------------------------------------------------------------------------------------- choice


@settings(max_examples=25)
@given(st.randoms(use_true_random=False), st.integers(1, 60), st.sampled_from(["d.parquet", "d.jsonl", "d.jsonl.gz"]))
def test_the_same_passages_are_chosen_whatever_the_order_of_the_rows_and_of_duplicates(
    tmp_path_factory: pytest.TempPathFactory, random: Any, size: int, name: str
) -> None:
    rows = [{"id": f"doc-{number}", "text": text(number % 40)} for number in range(60)]  # 20 of them twice
    wanted = spec({"path": name, "id": "id", "language": "en"}, size=size)
    found = []
    for _ in range(2):
        folder = tmp_path_factory.mktemp("run")
        random.shuffle(rows)
        if name.endswith("parquet"):
            pq.write_table(pa.Table.from_pylist(rows), folder / name, row_group_size=7)
        else:
            write_lines(folder / name, rows)
        found.append(chosen(folder, wanted))
    assert found[0] == found[1]
    assert len(found[0]) == min(size, 40) == len({passage for _, passage in found[0]})


@settings(max_examples=15)
@given(few=st.integers(1, 40), more=st.integers(0, 60), share=st.sampled_from([0.3, 1.0]), seed=st.integers(0, 3))
def test_asking_for_more_only_appends_to_passages_and_requests(
    tmp_path_factory: pytest.TempPathFactory, few: int, more: int, share: float, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("run")
    codes = ("en", "de", "sw")
    rows = [{"id": n % 25, "text": text(n % 30), "lang": codes[n % 2]} for n in range(50)]
    write_lines(folder / "a.jsonl", rows)
    write_lines(folder / "b.jsonl", [{"text": text(n)} for n in range(20, 32)])
    sources = (
        {"path": "a.jsonl", "id": "id", "language_column": "lang"},
        {"path": "b.jsonl", "language": "en", "weight": 0.5},
    )

    def plan(size: int) -> tuple[dict[Any, list[str]], list[Any]]:
        one = spec(*sources, size=size, seed=seed, grounded=share, languages=dict.fromkeys(codes, 1))
        table = choose(folder, one).passages
        requests = list(draw_requests(one, expected_tasks(Spec(size=500)), table))
        assert sum(r.passage is not None for r in requests) == grounded_requests(one, distinct_passages(table))
        queues: dict[Any, list[str]] = {}
        for row in table.to_pylist():
            queues.setdefault((row["source"], row["language"]), []).append(row["document"])
        return queues, requests

    (short, first), (long, both) = plan(few), plan(few + more)
    assert both[: len(first)] == first
    for key, documents in short.items():
        assert long[key][: len(documents)] == documents
    texts = [(request.language, fold(request.passage)) for request in both if request.passage]
    assert len(texts) == len(set(texts))
    assert all(request.language != "sw" for request in both if request.passage)


def test_more_sources_share_a_language_by_weight_and_step_in_for_each_other(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", [{"text": text(n)} for n in range(400)])
    write_lines(tmp_path / "b.jsonl", [{"text": text(n)} for n in range(1000, 1400)])
    write_lines(tmp_path / "c.jsonl", [{"text": text(n)} for n in range(2000, 2010)])
    paths = {"a.jsonl": 3, "b.jsonl": 1, "c.jsonl": 4}
    one = spec(*({"path": path, "language": "en", "weight": weight} for path, weight in paths.items()), size=400)
    table = choose(tmp_path, one).passages
    requests = list(draw_requests(one, expected_tasks(one, 400), table))
    drawn = Counter(request.document.partition("#")[0] for request in requests)
    assert drawn["c.jsonl"] == 10
    assert 0.65 < drawn["a.jsonl"] / (drawn["a.jsonl"] + drawn["b.jsonl"]) < 0.85
    assert {request.task for request in requests} == {None}


def test_the_document_is_named_by_its_id_or_its_place(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    pq.write_table(pa.table({"text": [text(1)], "key": [77]}), tmp_path / "d" / "one.parquet")
    write_lines(tmp_path / "d.jsonl", [{"text": "short"}, {"text": text(2)}])
    languages = {"language": "en"}
    for given_source, document in (
        ({"path": "d/one.parquet"}, "d/one.parquet#0"),
        ({"path": "d/*.parquet"}, "d/*.parquet#d/one.parquet:0"),
        ({"path": "d/*.parquet", "id": "key"}, "d/*.parquet#77"),
        ({"path": "d.jsonl"}, "d.jsonl#2"),
    ):
        assert [name for name, _ in chosen(tmp_path, spec({**given_source, **languages}))] == [document]


def test_what_is_passed_over_is_counted_and_only_wanted_columns_are_read(tmp_path: Path) -> None:
    rows = [
        {"text": text(1), "lang": "en"},
        {"text": "Too short.", "lang": "en"},
        {"text": None, "lang": "en"},
        {"text": text(2), "lang": "tlh"},
        {"text": text(3), "lang": None},
        {"text": "\ud800" + text(4), "lang": "en"},
    ]
    write_lines(tmp_path / "d.jsonl", rows)
    choice = choose(tmp_path, spec({"path": "d.jsonl", "language_column": "lang"}))
    assert choice.documents == {"en": 1}
    assert choice.passed_over == {"too short": 2, "other language": 2, "half a character": 1}
    table = pa.table({"text": [text(1)], "huge": pa.array([{"never": "read"}])})
    pq.write_table(table, tmp_path / "d.parquet")
    source = SourceSpec(path="d.parquet", language="en")
    assert [document.text for document in read_documents(tmp_path / "d.parquet", "d", source)] == [text(1)]


def test_memory_holds_a_batch_of_a_parquet_file_and_not_the_file(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    schema = pa.schema([("text", pa.string())])
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for _ in range(20):
            writer.write_table(pa.table({"text": [os.urandom(1000).hex() for _ in range(500)]}, schema))
    before, most = pa.total_allocated_bytes(), 0
    for _ in read_documents(path, "d", SourceSpec(path="d.parquet", language="en")):
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < path.stat().st_size / 3


def test_a_small_size_that_draws_no_request_in_a_language_is_no_fault_of_its_source(tmp_path: Path) -> None:
    write_lines(tmp_path / "d.jsonl", [{"text": text(1)}])
    one = spec({"path": "d.jsonl", "language": "sw"}, size=1, languages={"en": 1, "sw": 1e-9})
    choice = choose(tmp_path, one)
    assert (choice.passages.num_rows, dict(choice.documents)) == (0, {"sw": 1})


def test_a_summary_says_how_many_requests_are_grounded_and_what_they_cost(tmp_path: Path) -> None:
    write_lines(tmp_path / "d.jsonl", [{"text": text(n)} for n in range(30)])
    one = spec({"path": "d.jsonl", "language": "en"}, size=100)
    choice = choose(tmp_path, one)
    tasks = expected_tasks(one, 30)
    report = summary(one, draw_requests(one, tasks, choice.passages), documents=choice.documents)
    assert (report["grounded"], report["documents"], report["total"]) == ({"en": 30}, {"en": 30}, 100)
    assert report["brainstorm"]["requests"] == tasks.num_rows / one.brainstorm.tasks_per_call < 5
    assert {example["template"].split("/")[1][:6] for example in report["examples"]} == {"ground", "genera"}
    whole = spec({"path": "d.jsonl", "language": "en"}, size=20)
    assert (
        summary(whole, draw_requests(whole, expected_tasks(whole, 20), choice.passages))["brainstorm"]["requests"] == 0
    )


# ---------------------------------------------------------------------------------------------------------------- faults


def fault(folder: Path, **source: Any) -> str:
    with pytest.raises(InputError) as caught:
        choose(folder, spec({"language": "en", **source}))
    told = str(caught.value)
    assert "\n" not in told
    assert len(told) < 500
    return told


LINES = [
    (b"{", "d.jsonl:2: not JSON"),
    (b"[1]", "d.jsonl:2: not a JSON object"),
    (b"[" * 100_000, "d.jsonl:2: not JSON"),
    (b'{"text": "\xff\xfe"}', "d.jsonl:2: not UTF-8"),
    (b'{"txt": "a"}', "d.jsonl:2: no column 'text' (did you mean 'txt'?); it has txt"),
    (b'{"text": ["a"]}', "d.jsonl:2: column 'text' holds list, not a text"),
    (b'{"text": 5}', "(found 5)"),
]


@pytest.mark.parametrize(("line", "message"), LINES)
def test_a_faulty_line_is_told_in_one_line(tmp_path: Path, line: bytes, message: str) -> None:
    (tmp_path / "d.jsonl").write_bytes(json.dumps({"text": text(1)}).encode() + b"\n" + line + b"\n")
    assert message in fault(tmp_path, path="d.jsonl")


@pytest.mark.parametrize("identity", ["", " ", None, True, 1.5, ["a"], "x" * 1001])
def test_what_is_no_id_is_told_in_one_line(tmp_path: Path, identity: Any) -> None:
    write_lines(tmp_path / "d.jsonl", [{"text": text(1), "key": identity}])
    told = fault(tmp_path, path="d.jsonl", id="key")
    assert told.startswith("d.jsonl:1: ")
    assert "'key'" in told


def test_a_file_that_is_cut_off_or_of_another_kind_is_told_in_one_line(tmp_path: Path) -> None:
    whole = gzip.compress(os.urandom(5000) + b"\n")
    (tmp_path / "d.jsonl.gz").write_bytes(whole[:3000])
    assert "d.jsonl.gz" in fault(tmp_path, path="d.jsonl.gz")
    (tmp_path / "e.jsonl.gz").write_bytes(b"no gzip")
    assert "e.jsonl.gz: not readable" in fault(tmp_path, path="e.jsonl.gz")
    (tmp_path / "d.parquet").write_bytes(b"PAR1 no parquet")
    assert "d.parquet: not readable as Parquet" in fault(tmp_path, path="d.parquet")
    (tmp_path / "empty.jsonl").write_bytes(b"\n\n")
    assert "it is empty" in fault(tmp_path, path="empty.jsonl")


def test_faults_of_parquet_columns_are_told_in_one_line(tmp_path: Path) -> None:
    binary = pa.table({"text": pa.array([b"a"]), "body": pa.array([[1]])})
    pq.write_table(binary, tmp_path / "d.parquet")
    assert "d.parquet, row 0: column 'text' holds bytes" in fault(tmp_path, path="d.parquet")
    assert "d.parquet, row 0: column 'body' holds list" in fault(tmp_path, path="d.parquet", text="body")
    assert "no column 'bdy' (did you mean 'body'?); it has text, body" in fault(tmp_path, path="d.parquet", text="bdy")
    broken = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")])
    pq.write_table(pa.table({"text": broken}), tmp_path / "e.parquet")
    assert "not UTF-8" in fault(tmp_path, path="e.parquet")


def test_no_path_leaves_the_run_folder(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    write_lines(tmp_path / "secret.jsonl", [{"text": text(1)}])
    (folder / "link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    for path in ("../secret.jsonl", str(tmp_path / "secret.jsonl"), "link.jsonl", "../*.jsonl", "*.jsonl"):
        assert "leads out of the run folder" in fault(folder, path=path)
    assert "is not there" in fault(folder, path="none.jsonl")
    assert "no file matches" in fault(folder, path="none/*.jsonl")


def test_a_source_without_use_says_what_it_holds(tmp_path: Path) -> None:
    write_lines(tmp_path / "d.jsonl", [{"text": text(1), "lang": "eng"}])
    told = fault(tmp_path, path="d.jsonl", language=None, language_column="lang")
    assert "1 other language, e.g. 'eng' (did you mean 'en'?)" in told


SPECS = [
    ({"path": "d.txt"}, "sources.0.path"),
    ({"path": "a#b.jsonl"}, "sources.0.path"),
    ({"path": "d.jsonl", "language": None}, "either 'language'"),
    ({"path": "d.jsonl", "language_column": "lang"}, "either 'language'"),
    ({"path": "d.jsonl", "language": "xx"}, "unknown language 'xx'"),
    ({"path": "d.jsonl", "language": "de"}, "has no weight in 'languages'"),
    ({"path": "d.jsonl", "words": 10}, "more than the 10 'words'"),
    ({"path": "d.jsonl", "pth": "x"}, "did you mean 'path'"),
    ({"path": "hf://models/a/b/c.jsonl"}, "is no hf://datasets/"),
    ({"path": "hf://datasets/a/b/../c.jsonl"}, "is no hf://datasets/"),
]


@pytest.mark.parametrize(("source", "message"), SPECS)
def test_a_faulty_source_in_the_spec_is_told_with_its_place(
    tmp_path: Path, source: dict[str, Any], message: str
) -> None:
    given_spec = {"languages": {"en": 1}, "sources": [{"language": "en", **source}]}
    (tmp_path / "factory.yml").write_text(json.dumps(given_spec))
    with pytest.raises(SpecError) as caught:
        read_spec(tmp_path / "factory.yml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------------------------------------------------------- Hub


FILES = {
    "data/a.jsonl": json.dumps({"id": "one", "text": text(1)}).encode(),
    "data/b.jsonl": json.dumps({"id": "two", "text": text(2)}).encode(),
    "data/deep/c.jsonl": json.dumps({"id": "three", "text": text(3)}).encode(),
    "README.md": b"# tiny",
}
CODE = """
import sys
from pathlib import Path
from pairsmith.factory.errors import InputError
from pairsmith.factory.folder import RunFolder
from pairsmith.factory.sources import choose_passages, source_files
from pairsmith.factory.spec import Spec
folder = RunFolder(Path(sys.argv[1]))
for path in sys.argv[2:]:
    spec = Spec(sources=[{"path": path, "id": "id", "language": "en"}])
    try:
        files = source_files(spec.sources[0], folder)
        print(*choose_passages(spec, {"en": 9}, [files]).passages["document"].to_pylist())
    except InputError as error:
        print("fault:", error)
"""


def from_hub(folder: Path, url: str, *paths: str, **settings: str) -> list[str]:
    """The documents chosen for each path, or the fault, told by another process: the library reads its settings once."""
    environment = {
        "HF_ENDPOINT": url,
        "HF_HOME": str(folder / "cache"),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        **settings,
    }
    command = [sys.executable, "-c", CODE, str(folder), *paths]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_files_of_the_hub_are_read_from_one_commit_and_from_the_cache_after_that(tmp_path: Path) -> None:
    pinned = f"hf://datasets/tiny/texts@{COMMIT}/data/a.jsonl"
    with Hub(FILES) as hub:
        paths = ("hf://datasets/tiny/texts/data/*.jsonl", "hf://datasets/tiny/texts@main/**/*.jsonl")
        flat, deep = from_hub(tmp_path, hub.url, *paths)
        name = f"hf://datasets/tiny/texts@{COMMIT}"
        assert set(flat.split()) == {f"{name}/data/*.jsonl#one", f"{name}/data/*.jsonl#two"}
        assert set(deep.split()) == {f"{name}/**/*.jsonl#{identity}" for identity in ("one", "two", "three")}
        read = [path for path in hub.asked if "/resolve/" in path]
        assert all(path.startswith(f"/datasets/tiny/texts/resolve/{COMMIT}/") for path in read)
        before = len(hub.asked)
        assert from_hub(tmp_path, hub.url, pinned, HF_HUB_OFFLINE="1") == [f"{pinned}#one"]
        assert len(hub.asked) == before
    assert {path.name for path in tmp_path.iterdir()} == {"cache"}


def test_faults_of_the_hub_are_told_in_one_line(tmp_path: Path) -> None:
    path = "hf://datasets/tiny/texts/data/a.jsonl"
    faults = {
        "hf://datasets/tiny/none/a.jsonl": "is not there, or is private",
        "hf://datasets/tiny/texts@v9/data/a.jsonl": "@v9 has no such revision",
        path.replace("a.j", "d.j"): "no file 'data/d.jsonl' (did you mean",
        f"hf://datasets/tiny/texts@{COMMIT}/data/d.jsonl": "has no such file",
    }
    with Hub(FILES) as hub:
        told = list(zip(from_hub(tmp_path, hub.url, *faults), faults.values(), strict=True))
        told += [(line, "(OfflineModeIsEnabled)") for line in from_hub(tmp_path, hub.url, path, HF_HUB_OFFLINE="1")]
        hub.status = 403
        told += [(line, "answered with status 403") for line in from_hub(tmp_path, hub.url, path, HF_TOKEN="hf_secret")]
    told += [(line, "cannot be reached") for line in from_hub(tmp_path, "http://127.0.0.1:9", path)]
    assert len(told) == 7
    for line, message in told:
        assert line.startswith("fault: hf://datasets/tiny/")
        assert message in line
        assert "hf_secret" not in line
