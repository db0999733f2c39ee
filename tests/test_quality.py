"""``quality.yml``: read strictly, every finding in one line; bounds come to numbers."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.curation.quality import SHIPPED, Bound, Change, read_quality
from pairsmith.factory.errors import InputError

EXAMPLE = Path(__file__).parents[1] / "examples/quality.yml"
NUMBERS = st.floats(-1e6, 1e6)


def refused(tmp_path: Path, text: str) -> str:
    path = tmp_path / "quality.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_quality(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("path", [SHIPPED, EXAMPLE], ids=["shipped", "example"])
def test_every_bound_that_comes_with_pairsmith_has_a_reason(path: Path) -> None:
    quality = read_quality(path)
    assert quality.metrics and all(len(bound.reason.split()) > 5 for bound in quality.metrics.values())


def test_the_example_differs_from_what_is_shipped_by_the_evaluation_set_alone() -> None:
    shipped, example = read_quality(SHIPPED), read_quality(EXAMPLE)
    assert {name: bound for name, bound in example.metrics.items() if name != "contamination.rows"} == shipped.metrics
    assert (example.drift, example.recheck, example.known_issues) == (shipped.drift, shipped.recheck, [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metrics: {rows: {min: 1}}", "metrics.rows.reason: Field required"),
        ("metrics: {rows: {min: 1, reason: ' '}}", "say why"),
        ("metrics: {rows: {reason: we like rows}}", "give min, max, max_drop or max_rise"),
        ("metrics: {rows: {min: 3, max: 2, reason: we like rows}}", "min 3 is above max 2"),
        ("metrics: {rows: {mim: 3, reason: we like rows}}", "unknown key 'metrics.rows.mim' (did you mean 'min'?)"),
        ("metrics: {rows: {max_drop: a tenth, reason: we like rows}}", "found 'a tenth'"),
        ("metrics: {rows: {max_drop: -1, reason: we like rows}}", "greater than or equal to 0"),
        ("metrics: {rows: {min: .nan, reason: we like rows}}", "finite number"),
        ("metric: {}", "unknown key 'metric' (did you mean 'metrics'?)"),
        ("metrics:\n  rows: {min: 1, reason: a}\n  rows: {min: 2, reason: b}", "'rows' stands twice at line 2"),
        ("known_issues: [{finding: a, reason: b}, {finding: a, reason: c}]", "'a' is named twice"),
        ("drift: {alpha: 0.6}", "less than 0.5"),
        ("- rows", "holds list, not keys"),
        ("a: [", "not readable as YAML"),
        ("!!python/object/apply:os.system [true]", "not readable as YAML"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    said = refused(tmp_path, "metrics: {rows: {min: 1}, loss: {max: none, reason: no loss}}\nrecheck: -1")
    assert all(name in said for name in ("metrics.rows.reason", "metrics.loss.max", "recheck"))


def test_a_file_that_is_not_there_is_said_with_what_writes_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pairsmith init"):
        read_quality(tmp_path / "quality.yml")


def test_percentages_are_of_the_baseline_and_numbers_in_the_metrics_unit() -> None:
    bound = Bound.model_validate({"max_drop": "5%", "max_rise": 0.5, "reason": "it moves little"})
    assert bound.limits(200.0) == (190.0, 200.5)
    assert bound.limits(None) == (-math.inf, math.inf)


@given(baseline=NUMBERS, drop=st.floats(0, 1e6), rise=st.floats(0, 1e6), relative=st.booleans())
def test_an_unchanged_metric_holds_any_bound_on_its_change(
    baseline: float, drop: float, rise: float, relative: bool
) -> None:
    change = {"max_drop": Change(by=drop, relative=relative), "max_rise": Change(by=rise, relative=relative)}
    low, high = Bound.model_construct(**change, reason="any").limits(baseline)
    assert low <= baseline <= high
