"""What the gate ``contamination`` costs with few and with many evaluation texts, as a ratio to plain Python 13-gram sets.

    python benchmarks/contamination.py                          # the recorded run's texts, 1,000 to 100,000 evaluation texts
    python benchmarks/contamination.py 1000000 FILE...          # so many, made of the texts in files of your own

Evaluation texts are made by putting sentences anew together (seeded), of every second recorded row where no files are
given; rows are the other recorded ones, so often repeated that they fill a part. The peer cuts both sides into words with
a regular expression, keeps every run of 13 words of the evaluation texts in a set, and asks it for each run of a field: one
rule of the gate's four. CPU of one process.
"""

import json
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pairsmith.asking import generate
from pairsmith.factory.spec import ContaminationSpec
from pairsmith.gating import gate
from pairsmith.run import CANDIDATES, open_run
from pairsmith.validators.contamination import ContaminationGate
from pairsmith.validators.evaluation import evaluation_texts
from pairsmith.validators.evaluation_index import FOLDER
from pairsmith.validators.texts import texts

RECORDED = Path(__file__).parent.parent / "examples" / "recorded"
NUMBERS = (1_000, 10_000, 100_000)
ROWS = 4_000  # about a part of a run
NGRAM = 13
TRIES = 3  # the least counts: the cores are shared
PEER_AT_MOST = 100_000  # evaluation texts: more take the peer gigabytes

_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"(?<=[.!?。！？।])\s*")


def recorded_rows(scratch: Path) -> pa.Table:
    """The rows of the recorded run."""
    shutil.copytree(RECORDED, scratch / "run")
    run = open_run(scratch / "run")
    generate(run)
    gate(run)
    return pq.read_table(scratch / "run" / CANDIDATES)


def part(rows: pa.Table) -> pa.Table:
    """The rows repeated up to ROWS."""
    return pa.concat_tables([rows] * (ROWS // len(rows) + 1)).slice(0, ROWS).combine_chunks()


def sentences(rows: pa.Table, files: list[Path]) -> list[str]:
    """Different sentences of four words or more."""
    given = (text for file in files for text in evaluation_texts(file)) if files else iter(texts(rows).text)
    cut = (sentence.strip() for text in given for sentence in _SENTENCE_END.split(text))
    return sorted({sentence for sentence in cut if len(sentence) >= 15})


def recombined(number: int, pool: list[str]) -> Iterator[str]:
    """``number`` texts: a question is one sentence with a word of another one, a passage up to four sentences."""
    rng = random.Random(7)
    for _ in range(number):
        chosen = rng.choices(pool, k=rng.choice((1, 1, 2, 4)))
        words = chosen[0].split(" ")
        words[rng.randrange(len(words))] = rng.choice(rng.choice(pool).split(" "))
        yield " ".join([*words, *chosen[1:]])


def least(work: Callable[[], object]) -> float:
    """CPU seconds of the quickest of some tries."""
    return min(timed(work) for _ in range(TRIES))


def timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def runs(text: str) -> Iterator[str]:
    """The peer's view of a text."""
    words = _WORD.findall(text.casefold())
    return (" ".join(words[start : start + NGRAM]) for start in range(len(words) - NGRAM + 1))


def peer(file: Path, rows: pa.Table) -> tuple[float, float]:
    """CPU seconds to build the set and to ask it for all fields."""
    known: set[str] = set()
    built = timed(lambda: known.update(run for text in evaluation_texts(file) for run in runs(text)))
    fields = texts(rows).text
    return built, least(lambda: [any(run in known for run in runs(field)) for field in fields])


def measure(number: int, pool: list[str], rows: pa.Table, scratch: Path) -> None:
    """Print one line of the table."""
    folder = scratch / str(number)
    folder.mkdir()
    file = folder / "evaluation.jsonl"
    with file.open("w", encoding="utf-8") as lines:
        for text in recombined(number, pool):
            lines.write(json.dumps(text) + "\n")
    made = ContaminationGate(ContaminationSpec(evaluation=[file.name]), folder)
    built = timed(made.prepare)
    size = sum(path.stat().st_size for path in (folder / FOLDER).rglob("*") if path.is_file())
    tokens = texts(rows).tokens  # all gates share them
    spent = least(lambda: made.judge(rows))
    dropped = sum(verdict == "drop" for verdict in made.judge(rows)["verdict"].to_pylist())
    line = f"{number:>10,}{built / number * 1e6:>10.0f}{size / number:>8.0f}{file.stat().st_size / number:>8.0f}"
    line += f"{spent / len(rows) * 1e6:>9.1f}{dropped / len(tokens.words):>9.1%}"
    if number <= PEER_AT_MOST:
        peer_built, peer_spent = peer(file, rows)
        line += f"{built / peer_built:>12.1f}{peer_spent / spent:>12.1f}"
    print(line, flush=True)
    shutil.rmtree(folder)


def main() -> None:
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdecimal()]
    files = [Path(argument) for argument in sys.argv[1:] if not argument.isdecimal()]
    with tempfile.TemporaryDirectory() as scratch:
        recorded = recorded_rows(Path(scratch))
        pool = sentences(recorded.take(np.arange(0, len(recorded), 2)), files)
        rows = part(recorded.take(np.arange(1, len(recorded), 2)))
        print("evaluation  us/text  B/text  (file)   us/row  dropped  build/peer    peer/row")
        for number in numbers or NUMBERS:
            measure(number, pool, rows, Path(scratch))


if __name__ == "__main__":
    main()
