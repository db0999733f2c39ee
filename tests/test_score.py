"""Scoring against planted defects follows the stated rules of counting."""

from pathlib import Path

import pyarrow as pa
import pytest
from stored import stored

from pairsmith.factory.errors import InputError
from pairsmith.factory.records import VERDICTS
from pairsmith.factory.tables import TableFile
from pairsmith.score import Truth, read_truth, score
from pairsmith.show import score as shown


def drops(*lines: tuple[str, str]) -> TableFile:
    rows = [
        {"request_id": r, "id": f"k{r}", "gate": gate, "field": "query", "verdict": "drop", "reason": "x"}
        for r, gate in lines
    ]
    keep = {"request_id": "a", "id": "ka", "gate": "length", "field": "query", "verdict": "keep"}
    return stored(pa.Table.from_pylist([*rows, keep], schema=VERDICTS), batch=2)


def scored(truths: list[Truth], *lines: tuple[str, str]) -> dict[str, object]:
    return score(truths, {truth.id for truth in truths}, drops(*lines))


def test_a_defect_is_not_caught_by_the_duplicates_gate() -> None:
    truths = [Truth(id="a", defect="refusal"), Truth(id="b", defect="refusal"), Truth(id="c", defect="refusal")]
    found = scored(truths, ("a", "duplicates"), ("b", "format"), ("b", "duplicates"))["defects"]["refusal"]
    assert (found["caught"], found["total"], found["by_gate"]) == (1, 3, {"format": 1})


def test_of_a_duplicate_pair_either_one_counts_and_losing_both_loses_a_sound_row() -> None:
    truths = [Truth(id="a"), Truth(id="b", defect="near_duplicate", of="a")]
    for lost in ("a", "b"):
        report = scored(truths, (lost, "duplicates"))
        assert report["defects"]["near_duplicate"]["caught"] == 1
        assert report["sound"]["rejected"] == 0
    report = scored(truths, ("a", "duplicates"), ("b", "duplicates"))
    assert report["sound"]["rejected"] == 1
    assert scored(truths)["defects"]["near_duplicate"]["caught"] == 0


def test_sound_rows_and_variants_are_counted() -> None:
    truths = [Truth(id="a"), Truth(id="b", variant="ok_extra_key"), Truth(id="c")]
    report = scored(truths, ("b", "parse"), ("c", "language"))
    assert (report["sound"]["rejected"], report["sound"]["total"]) == (2, 3)
    assert report["variants"] == {"ok_extra_key": {"rejected": 1, "total": 1}}
    assert "66.7%" in shown(report)


def test_truth_of_another_run_is_refused() -> None:
    with pytest.raises(InputError, match="was not asked"):
        score([Truth(id="zz")], {"a"}, drops())


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    path.write_text('{"id": "a", "defect": null}\n\n{"id": 3}\n')
    with pytest.raises(InputError, match=r"truth\.jsonl:3"):
        read_truth(path)
    with pytest.raises(InputError, match="not readable"):
        read_truth(tmp_path / "none")
