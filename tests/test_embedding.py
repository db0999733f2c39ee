"""`pairsmith embed`: files of texts to vectors, in order, whole, cut or as integers; what is no file of texts is refused."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from sentence_transformers import SentenceTransformer
from tiny import TEXTS, minilm

from pairsmith.cli import main
from pairsmith.embedding import _encoded, _vectors
from pairsmith.factory.errors import RunError
from pairsmith.trainer.vectors import quantise, unit

MODEL = ["--model", str(minilm())]


def parquet(texts: pa.Array) -> bytes:
    file = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": texts}), file)
    return file.getvalue().to_pybytes()


NUMBERS = parquet(pa.array([1]))


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    return SentenceTransformer(str(minilm()), device="cpu").encode(TEXTS)


def written(folder: Path, suffix: str) -> Path:
    path = folder / f"texts{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.table({"id": list(map(str, range(len(TEXTS)))), "text": TEXTS}), path)
    else:
        lines = TEXTS if suffix == ".txt" else [json.dumps({"text": text, "id": 1}) for text in TEXTS]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".parquet"])
def test_the_vectors_are_those_of_sentence_transformers_in_the_order_of_the_texts(
    suffix: str, expected: np.ndarray, tmp_path: Path
) -> None:
    out = tmp_path / "vectors.npy"
    left = tmp_path / ".vectors.npy.1234.part"  # by a kill
    left.touch()
    assert main(["embed", str(written(tmp_path, suffix)), *MODEL, "--out", str(out)]) == 0
    assert not left.exists()
    found = np.load(out)
    assert (found.shape, found.dtype) == (expected.shape, np.float32)
    assert np.abs(found - expected).max() < 1e-5


@pytest.mark.parametrize("kind", [None, "int8", "binary"])
def test_a_table_has_texts_and_vectors_cut_and_as_integers(
    kind: Any, expected: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "vectors.parquet"
    options = ["--dimensions", "20", *(["--quantise", kind] if kind else []), "--json"]
    assert main(["embed", str(written(tmp_path, ".txt")), *MODEL, "--out", str(out), *options]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["texts"], told["dimensions"]) == (len(TEXTS), 20)
    table = pq.read_table(out)
    assert table["text"].to_pylist() == TEXTS
    found, cut = np.array(table["embedding"].to_pylist()), unit(expected, 20)
    if kind is None:
        assert np.abs(found - cut).max() < 1e-5
    else:
        made = quantise(cut, kind)
        assert found.shape == made.shape
        assert (np.abs(found.astype(int) - made) <= 1).mean() > 0.98  # where rounding decides, batches differ


def test_queries_carry_the_instruction(expected: np.ndarray, tmp_path: Path) -> None:
    out = tmp_path / "vectors.npy"
    told = ["--query-instruction", "Find it."]
    assert main(["embed", str(written(tmp_path, ".txt")), *MODEL, "--out", str(out), *told]) == 0
    asked = SentenceTransformer(str(minilm()), device="cpu").encode(
        [f"Instruct: Find it.\nQuery: {one}" for one in TEXTS]
    )
    assert np.abs(np.load(out) - asked).max() < 1e-5
    assert np.abs(asked - expected).max() > 0.01


@pytest.mark.parametrize(
    ("name", "content", "options", "said"),
    [
        ("a.csv", b"x", [], "ends in .txt, .jsonl, .parquet"),
        ("a.txt", b"", [], "no texts in it"),
        ("a.txt", b"\xff\xfe", [], "cannot be read as UTF-8"),
        ("a.jsonl", b'{"query": "x"}', [], "a.jsonl:1: no text in 'text'"),
        ("a.jsonl", b"[1]", [], "not an object"),
        ("a.parquet", b"x", [], "not readable as Parquet"),
        ("missing.txt", None, [], "missing.txt: cannot be read"),
        ("a.txt", b"x", ["--dimensions", "385"], "makes vectors of 384"),
        ("a.txt", b"x", ["--out", "vectors.csv"], "ends in .npy or .parquet"),
        ("a.txt", b"x", ["--model", "."], "no modules.json"),
        ("a.txt", b"x", ["--model", ""], "named by nothing"),
        ("a.txt", b"x", ["--model", "a/b/c"], "is no repository"),
        ("a.jsonl", b'{"text": "x"}\n{"text": "\\ud83d"}', [], "a.jsonl:2: its text holds half a character"),
        ("a.parquet", NUMBERS, [], "the column 'text' is int64, not string"),
        ("a.parquet", NUMBERS, ["--out", "a.parquet"], "would take the place of the texts"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line_and_nothing_is_written(
    name: str,
    content: bytes | None,
    options: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path(name).write_bytes(content)
    assert main(["embed", name, *MODEL, "--out", "vectors.npy", *options]) == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert errors.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ([] if content is None else [name])


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_a_column_of_any_type_of_strings_is_read(kind: pa.DataType, expected: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(parquet(pa.array(TEXTS, pa.string()).cast(kind)))
    assert main(["embed", str(tmp_path / "a.parquet"), *MODEL, "--out", str(tmp_path / "vectors.npy")]) == 0
    assert np.abs(np.load(tmp_path / "vectors.npy") - expected).max() < 1e-5


@pytest.mark.parametrize("changed", [["one", "two", "three"], ["one"]])
def test_a_file_that_changes_while_it_is_read_gives_no_vectors(changed: list[str], tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("".join(f"{text}\n" for text in changed))
    with pytest.raises(RunError, match="was changed while it was read"):
        list(_vectors(SentenceTransformer(str(minilm()), device="cpu"), path, 2, "", None, None))


def test_where_memory_runs_out_fewer_texts_run_together_and_one_that_is_too_long_is_told(
    expected: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    class Small(SentenceTransformer):
        room = 5

        def encode(self, *arguments: Any, batch_size: int = 32, **options: Any) -> Any:
            if batch_size > self.room:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().encode(*arguments, batch_size=batch_size, **options)

    model = Small(str(minilm()), device="cpu")
    found, batch = _encoded(model, TEXTS, "", 32)
    assert batch == 4
    assert np.abs(found - expected).max() < 1e-5
    assert capsys.readouterr().err.count("out of memory") == 3
    model.room = 0
    with pytest.raises(RunError, match="out of memory with a single text"):
        _encoded(model, TEXTS, "", 32)


def test_an_adapter_whose_base_model_has_gone_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "modules.json").write_text("[]")
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(tmp_path / "gone")}))
    text = written(tmp_path, ".txt")
    assert main(["embed", str(text), "--model", str(tmp_path), "--out", str(tmp_path / "vectors.npy")]) == 2
    assert f"an adapter for the model in {tmp_path / 'gone'}, which is not there" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["train", "rows.parquet", "--model", ".", "--out", "out"],
                                     ["embed", "a.txt", "--model", ".", "--out", "vectors.npy"]])  # fmt: skip
def test_without_the_packages_one_line_names_the_extra(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a text\n")
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['torch', 'transformers', 'peft', 'sentence_transformers', 'tokenizers']))\n"
        "from pairsmith.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    purpose = f"to {command[0]} takes the package 'torch'"
    assert done.stderr == f"pairsmith: {purpose}; pip install 'pairsmith[train]' brings it\n", done.stderr
