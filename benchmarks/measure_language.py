"""How the gate ``language`` does on text that did not set its thresholds: true and wrong claims, inserted sentences.

    python benchmarks/measure_language.py UDHR TATOEBA [XQUAD] [MEDQUAD]

UDHR and TATOEBA as for calibrate_language.py; XQUAD: folder of ``xquad.xx.json`` (CC BY-SA 4.0); MEDQUAD: JSON lines
(``.gz``) with ``answer`` (CC BY 4.0). The last two are clean paragraphs of many sentences: what is dropped there is a
false alarm.
"""

import argparse
import gzip
import json
import random
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa

from calibrate_language import halves, load
from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.records import PAIRS
from pairsmith.factory.spec import LanguageSpec
from pairsmith.validators.claim import BINS, INSEPARABLE
from pairsmith.validators.detect import extent, scripts
from pairsmith.validators.language import LanguageGate

Case = tuple[str, str, str]  # text, claimed language, true language


def judge(cases: list[Case]) -> list[dict[str, object]]:
    """The gate's verdict on each text, taken as the query of a row."""
    fixed = {"group": "short_short", "instruction": "", "positive": "1", "content_hash": "", "model": ""}
    rows = [
        dict.fromkeys(PAIRS.names)
        | fixed
        | {"id": str(number), "request_id": str(number), "query": text, "negatives": []}
        | {"query_language": claim, "document_language": claim}
        for number, (text, claim, _) in enumerate(cases)
    ]
    verdicts = LanguageGate(LanguageSpec()).judge(pa.Table.from_pylist(rows, schema=PAIRS))
    return [row for row in verdicts.to_pylist() if row["field"] == "query"]


def tell(title: str, cases: list[Case], worst_by: int, dropped_is_good: bool, show: int = 0) -> None:
    """Print the verdicts by length, and the ten languages that fare worst from 40 letters on."""
    by_length: dict[int, Counter[str]] = defaultdict(Counter)
    by_language: dict[str, Counter[bool]] = defaultdict(Counter)
    for case, verdict in zip(cases, judge(cases), strict=True):
        number = sum(extent(scripts(case[0])) >= bound for bound in BINS)
        by_length[number][f"{verdict['verdict']}:{verdict['reason']}"] += 1
        if number >= 2:
            dropped = verdict["verdict"] == "drop"
            by_language[case[worst_by]][dropped is not dropped_is_good] += 1
            if show and dropped is not dropped_is_good:
                show -= 1
                print("   ", case[1:], verdict["reason"], verdict["related"], repr(case[0][:150]))
    print(title)
    for number, counts in sorted(by_length.items()):
        total = counts.total()
        print(
            f"  {[0, *BINS][number]:>3}+ letters, n={total}:", {k: round(v / total, 4) for k, v in counts.most_common()}
        )
    rates = sorted(((counts[True] / counts.total(), name) for name, counts in by_language.items()), reverse=True)
    print("  worst from 40 letters on:", ", ".join(f"{name} {rate:.3f}" for rate, name in rates[:10] if rate))


def wrong_claims(texts: list[Case], draw: random.Random) -> list[Case]:
    """Each text under the name of another language: half of the time of one in the same script."""
    cases = []
    for text, _, true in texts:
        near = any(true in group for group in INSEPARABLE) and next(group for group in INSEPARABLE if true in group)
        others = [code for code in LANGUAGES if code != true and not (near and code in near)]
        same = [code for code in others if set(LANGUAGES[code].scripts) & set(LANGUAGES[true].scripts)]
        cases.append((text, draw.choice(same if same and draw.random() < 0.5 else others), true))
    return cases


def mixed(texts: dict[str, list[str]], draw: random.Random) -> list[Case]:
    """Paragraphs of three to five sentences of a language, one of another language in between (60 to 200 letters)."""
    usual = {name: own for name, own in texts.items() if "-" not in name}
    long = {name: [t for t in own if 60 <= extent(scripts(t)) <= 200] for name, own in usual.items()}
    cases = []
    for language, own in usual.items():
        for _ in range(12):
            other = draw.choice(["en", "en", *long])
            if other == language or any({other, language} <= group for group in INSEPARABLE) or not long[other]:
                continue
            parts = draw.sample(own, min(len(own), draw.randint(2, 4)))
            parts.insert(draw.randint(0, len(parts)), draw.choice(long[other]))
            cases.append((" ".join(parts), language, other))
    return cases


def clean(texts: dict[str, list[str]], draw: random.Random) -> list[Case]:
    """The same paragraphs with nothing inserted."""
    return [
        (" ".join(draw.sample(own, min(len(own), draw.randint(3, 5)))), name[:2], name)
        for name, own in texts.items()
        for _ in range(20)
    ]


def published(xquad: Path | None, medquad: Path | None) -> list[Case]:
    """Paragraphs of XQuAD in 12 languages, answers of MedQuAD in English."""
    cases = []
    for file in sorted(xquad.glob("xquad.*.json")) if xquad else []:
        language = file.name.split(".")[1]
        for article in json.loads(file.read_text(encoding="utf-8"))["data"]:
            cases += [(paragraph["context"], language, language) for paragraph in article["paragraphs"]]
            cases += [(item["question"], language, language) for p in article["paragraphs"] for item in p["qas"][:2]]
    if medquad:
        with gzip.open(medquad, "rt", encoding="utf-8") as lines:
            cases += [(json.loads(line)["answer"], "en", "medquad") for line in lines][::8]
    return cases


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("udhr", type=Path)
    parser.add_argument("tatoeba", type=Path)
    parser.add_argument("xquad", type=Path, nargs="?")
    parser.add_argument("medquad", type=Path, nargs="?")
    parser.add_argument("--show", type=int, default=0, help="print this many errors of each kind")
    arguments = parser.parse_args()
    draw = random.Random(1)
    texts = load(arguments.udhr, arguments.tatoeba)
    held_out = {name: half[1] for name, half in halves(texts).items()}
    true = [(text, name[:2], name[:2]) for name, own in held_out.items() for text in own]
    tell("true claims", true, 1, False, arguments.show)
    tell("wrong claims (worst true language)", wrong_claims(true, draw), 2, True, arguments.show)
    tell("one sentence of another language inserted", mixed(texts, draw), 1, True, arguments.show)
    tell("the same without it", clean(texts, draw), 1, False, arguments.show)
    tell("XQuAD, MedQuAD", published(arguments.xquad, arguments.medquad), 2, False, arguments.show)


if __name__ == "__main__":
    main()
