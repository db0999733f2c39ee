"""Pairsmith's gates beside its peers: the same rows, the same machine, the same run.

    python benchmarks/peers.py                     # 20,000 documents: some minutes
    python benchmarks/peers.py --documents 3000

Near-duplicates from raw text to clusters, at three thresholds, held against exact truth; and row gates beside a plain loop.
Each runs in a process, and where it needs one in an environment, of its own (made under ``.venv/peers`` when it is missing).
Prints Markdown; all figures lie in ``peers.json`` in the scratch folder.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from pairsmith.factory.text import shingles, tokens, unspaced_letters, words
from rehearsal.corpus import build, told
from rehearsal.exact import Pairs, similar_pairs
from rehearsal.markdown import table

ROOT = Path(__file__).parent.parent
SCRIPTS = ROOT / "benchmarks" / "peers"
sys.path.insert(0, str(SCRIPTS))

from environments import ENVIRONMENTS, environment, measured  # noqa: E402

THRESHOLDS = (0.7, 0.8, 0.9)
GRAM = 3  # tokens
NEAR_WORDS = 12  # shorter texts are near-duplicates of none by this project's rule, so that they are left out
UNSPACED = 1 / 3  # of the characters: more, and a document counts as one in a script without spaces
PATIENCE = 3600.0  # seconds for one run
SEED = 1


class Tool(NamedTuple):
    """A way to find duplicates. ``environment``: name of its requirements, empty for this Python."""

    name: str
    script: str
    environment: str = ""
    options: tuple[str, ...] = ()


OURS = "pairsmith"
TOOLS = (
    Tool(OURS, "dedup_ours.py"),
    Tool("datasketch update + MinHashLSH", "dedup_datasketch.py", options=("--way", "update")),
    Tool("datasketch bulk + MinHashLSH", "dedup_datasketch.py", options=("--way", "bulk")),
    Tool("rensa", "dedup_rensa.py", "rensa"),
    Tool("datatrove", "dedup_datatrove.py", "datatrove"),
    Tool("distilabel MinHashDedup", "dedup_distilabel.py", "distilabel_minhash"),
)


class Truth(NamedTuple):
    """All pairs of documents from the lowest threshold on, and which documents are in scripts without spaces."""

    pairs: Pairs
    unspaced: list[bool]


def documents(corpus: Path, wanted: int, file: Path) -> list[str]:
    """The first ``wanted`` rows whose query and positive are long enough, written to ``file``; returns their texts."""
    chosen, texts = [], []
    for row in pq.read_table(corpus, columns=["id", "query", "positive"]).to_pylist():
        text = f"{row['query']}\n{row['positive']}"
        if len(chosen) < wanted and words(tokens(text)) >= NEAR_WORDS:
            chosen.append(row)
            texts.append(text)
    file.write_text("".join(json.dumps(row) + "\n" for row in chosen), encoding="utf-8")
    return texts


def truth_of(texts: list[str]) -> Truth:
    """Compare all texts exactly."""
    pairs = similar_pairs([shingles(tokens(text), GRAM) for text in texts], min(THRESHOLDS))
    return Truth(pairs, [unspaced_letters(text) > UNSPACED * len(text) for text in texts])


def run(tool: Tool, file: Path, threshold: float, found: Path) -> dict[str, Any] | str:
    """What the tool's script tells, or why it tells nothing; what it found lies in ``found``."""
    python: Path | str = Path(sys.executable)
    if tool.environment:
        python = environment(SCRIPTS / f"{tool.environment}.txt", ENVIRONMENTS / tool.environment)
    if isinstance(python, str):
        return python
    given = ["--documents", str(file), "--threshold", str(threshold), "--found", str(found)]
    return measured([str(python), str(SCRIPTS / tool.script), *given, *tool.options], PATIENCE)


def quality(found: dict[str, list[int]], truth: Truth, threshold: float) -> dict[str, list[int]]:
    """Counts ``[right, of]``. Recall, for spaced and unspaced scripts: pairs of which both are in one cluster, or, where a tool
    only says what to remove, one is removed. Precision: of what it removes, documents that have a twin at the threshold.
    """
    pairs = [pair for pair, similarity in truth.pairs.items() if similarity >= threshold]
    labels = found.get("clusters")
    removed = found["removed"] if labels is None else in_others_place(labels)
    together = [removed[a] or removed[b] if labels is None else labels[a] == labels[b] for a, b in pairs]
    counts = {}
    for name, unspaced in (("spaced", False), ("unspaced", True)):
        these = [hit for hit, (one, _) in zip(together, pairs, strict=True) if truth.unspaced[one] == unspaced]
        counts[name] = [sum(these), len(these)]
    twins = {one for pair in pairs for one in pair}
    gone = [place for place, flag in enumerate(removed) if flag]
    counts["precision"] = [sum(place in twins for place in gone), len(gone)]
    return counts


def in_others_place(labels: list[int]) -> list[bool]:
    """Documents that are removed when one of each cluster stays: all but the first."""
    seen: Counter[int] = Counter()
    flags = []
    for label in labels:
        flags.append(seen[label] > 0)
        seen[label] += 1
    return flags


def duplicates(scratch: Path, corpus: Path, wanted: int) -> list[dict[str, Any]]:
    """Run every tool at every threshold."""
    file, found = scratch / "documents.jsonl", scratch / "found.json"
    texts = documents(corpus, wanted, file)
    truth = truth_of(texts)
    lines = []
    for threshold in THRESHOLDS:
        for tool in TOOLS:
            line = one(tool, file, threshold, found, truth)
            print(f"{tool.name} at {threshold}: {line.get('failed') or line['us_cpu']}", file=sys.stderr, flush=True)
            lines.append(line)
    return lines


def one(tool: Tool, file: Path, threshold: float, found: Path, truth: Truth) -> dict[str, Any]:
    """Run one tool; what it cost and how good it was, or why it ``failed``. Without figures of our own there is no table."""
    figures = run(tool, file, threshold, found)
    line: dict[str, Any] = {"tool": tool.name, "threshold": threshold}
    if isinstance(figures, dict):
        made = quality(json.loads(found.read_text(encoding="utf-8")), truth, threshold)
        return line | {"documents": figures["rows"], "version": figures["version"]} | cost(figures) | made
    if tool.name == OURS:
        raise SystemExit(f"peers.py: {tool.name}: {figures}")
    return line | {"failed": figures}


def cost(figures: dict[str, Any]) -> dict[str, float]:
    """us for a row: of CPU and of wall time; and MB."""
    share = 1e6 / figures["rows"]
    return {
        "us_cpu": round(figures["cpu_generating"] * share, 2),
        "us_wall": round(figures["seconds"] * share, 2),
        "peak_mb": figures["peak_rss_mb"],
    }


def row_gates(corpus: Path) -> list[dict[str, Any]]:
    """The plain loop and the row gates, over all rows."""
    lines = []
    for way in ("gates", "loop"):
        figures = measured(
            [sys.executable, str(SCRIPTS / "row_gates.py"), "--way", way, "--pairs", str(corpus)], PATIENCE
        )
        if isinstance(figures, str):
            raise SystemExit(f"peers.py: row gates, {way}: {figures}")
        lines.append({"tool": figures["peer"], "rows": figures["rows"], **cost(figures)})
    return lines


def share(counts: list[int]) -> str:
    """``[998, 1000]`` as ``.998``; 1 only where none is missing."""
    right, of = counts
    if right == of:
        return "1" if of else "-"
    return f"{min(right / of, 0.9999):.4f}".lstrip("0")


def tell(lines: list[dict[str, Any]], gates: list[dict[str, Any]]) -> None:
    """Print both tables as Markdown."""
    ours = {line["threshold"]: line["us_cpu"] for line in lines if line["tool"] == OURS}
    found = [_cells(line, ours[line["threshold"]]) for line in lines if "failed" not in line]
    costs = ("us of CPU", "us of wall", "peak MB")
    print(table(("documents", "threshold", *costs, "CPU x ours", "recall", "recall, unspaced", "precision"), found))
    for line in lines:
        if "failed" in line:
            print(f"{line['tool']} at {line['threshold']}: {line['failed']}\n")
    print(table(("rows", *costs), [[line["tool"], line["us_cpu"], line["us_wall"], line["peak_mb"]] for line in gates]))


def _cells(line: dict[str, Any], ours: float) -> list[Any]:
    costs = [line[name] for name in ("us_cpu", "us_wall", "peak_mb")]
    shares = [share(line[name]) for name in ("spaced", "unspaced", "precision")]
    return [f"{line['tool']} {line['version']}", line["threshold"], *costs, f"{line['us_cpu'] / ours:.1f}", *shares]


def main() -> None:
    """Run all, print the tables, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--scratch", type=Path, default=ROOT / "runs" / "rehearsal")
    given = parser.parse_args()
    rows = given.documents * 5 // 4  # some are too short
    corpus = build(given.scratch / str(rows), rows, SEED, told(rows, "corpus"))
    lines = duplicates(given.scratch, corpus, given.documents)
    gates = row_gates(corpus)
    tell(lines, gates)
    (given.scratch / "peers.json").write_text(
        json.dumps({"duplicates": lines, "rows": gates}, indent=1), encoding="utf-8"
    )
    print(f"\nall figures: {given.scratch / 'peers.json'}")


if __name__ == "__main__":
    main()
