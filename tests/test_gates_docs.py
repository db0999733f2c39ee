"""docs/gates.md: its example gate works as printed."""

import re
from pathlib import Path

import pyarrow as pa
import yaml

from pairsmith.factory.records import PAIRS
from pairsmith.factory.spec import GatesSpec
from pairsmith.validators.build import build_gates

PAGE = (Path(__file__).parent.parent / "docs/gates.md").read_text(encoding="utf-8")


def block(language):
    return re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[1]


def test_the_example_gate_is_found_by_its_import_path_and_judges(tmp_path):
    (tmp_path / "my_gates.py").write_text(block("python"), encoding="utf-8")
    gate = build_gates(GatesSpec.model_validate(yaml.safe_load(block("yaml"))["gates"]), tmp_path)[-1]
    row = {"id": "r", "request_id": "r", "content_hash": "h", "group": "sts", "instruction": "i", "model": "m"}
    texts = {"query": "BUY THIS WONDERFUL THING NOW", "positive": "a calm text of some length", "negatives": ["NATO"]}
    rows = pa.Table.from_pylist([{**row, **texts, "query_language": "en", "document_language": "en"}], schema=PAIRS)
    lines = gate.judge(rows).to_pylist()
    assert [(line["gate"], line["field"], line["verdict"], line["reason"]) for line in lines] == [
        ("no_shouting", "query", "drop", "shouting"),
        ("no_shouting", "positive", "keep", None),
        ("no_shouting", "negative", "keep", None),
    ]


def test_every_gate_has_a_place_on_the_page():
    for name in GatesSpec.model_fields:
        assert name in PAGE
