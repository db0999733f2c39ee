"""What fails its check is not published, and what it is compared with is what readers have."""

from pathlib import Path

import pytest
from local_hub import OURS, LocalHub
from published import NOTHING, asked, contents, release, said, sent, state

from pairsmith.cli import main
from pairsmith.curation.hub_release import parse_published
from pairsmith.curation.publish import publish
from pairsmith.curation.yank import yank
from pairsmith.factory.errors import QualityError

FEWER = asked(rows={"max_drop": 1})
"""One row less than the baseline holds, two do not."""


def test_what_fails_its_check_is_not_published_and_the_line_names_what_and_how_to_see_all(
    our_hub: LocalHub, first: Path
) -> None:
    bounds = asked(
        rows={"min": 50}, negatives__coverage={"min": 1}, loss__unreleased={"max": 0}, schema__missing={"min": 1}
    )
    with pytest.raises(QualityError) as refused:
        sent(first, bounds=bounds)
    line = str(refused.value)
    assert "with 4 findings: schema.missing is 0; at least 1 holds; then " in line and line.count(" and 1 more") == 1
    assert line.endswith(f"nothing was published; 'pairsmith check {first}' shows all")
    assert not (our_hub.folder / "datasets").exists()
    assert sent(first).new


def test_a_version_is_compared_with_what_is_published_not_with_steps_between(
    our_hub: LocalHub, first: Path, tmp_path: Path
) -> None:
    sent(first)
    before = state(our_hub)
    step = release(tmp_path / "releases", *range(39))
    second = release(tmp_path / "releases", *range(38))
    with pytest.raises(QualityError, match=rf"rows is 38, it was 40; .*--against {first}'"):
        sent(second, bounds=FEWER)
    assert state(our_hub) == before
    assert sent(step, bounds=FEWER).new
    assert sent(second, bounds=FEWER).new


def test_a_published_version_that_is_nowhere_here_is_brought_to_be_compared_with(
    our_hub: LocalHub, first: Path, tmp_path: Path
) -> None:
    sent(first)
    second = release(tmp_path / "releases", *range(30)).rename(tmp_path / "alone")
    before, here = state(our_hub), contents(tmp_path)
    with pytest.raises(QualityError, match=rf"rows is 30, it was 40; .*--against {OURS}@v1\.0\.0'"):
        sent(second, bounds=FEWER)
    assert state(our_hub) == before
    assert {name for name in contents(tmp_path) if not name.startswith("hub/")} == {
        name for name in here if not name.startswith("hub/")
    }


def test_where_nothing_is_published_a_version_is_compared_with_the_one_that_it_follows(
    our_hub: LocalHub, first: Path, tmp_path: Path
) -> None:
    second = release(tmp_path / "releases", *range(30))
    with pytest.raises(QualityError, match=rf"--against {first}'"):
        sent(second, bounds=FEWER)
    assert sent(first, bounds=FEWER).new


def test_a_yanked_version_is_nothing_to_be_like(our_hub: LocalHub, first: Path, tmp_path: Path) -> None:
    sent(first)
    sent(release(tmp_path / "releases", *range(60)))
    third = release(tmp_path / "releases", *range(40))
    with pytest.raises(QualityError, match="rows is 40, it was 60"):
        sent(third, bounds=FEWER)
    yank(parse_published(f"{OURS}@v1.1.0"), "twenty rows are wrong", said)
    assert sent(third, bounds=FEWER).new


def test_a_check_that_held_is_not_done_again_for_the_same_baseline(our_hub: LocalHub, first: Path) -> None:
    told: list[str] = []
    publish(first, OURS, False, NOTHING, told.append)
    publish(first, OURS, False, asked(rows={"min": 50}), told.append)
    assert [line for line in told if "checking it" in line] == [
        f"{first}: checking it without a baseline, before anything is sent"
    ], "what is there already is not sent"


@pytest.mark.parametrize(("least", "code", "match"), [(50, 1, "rows is 40"), ("x", 2, "metrics.rows.min")])
def test_the_command_holds_a_release_to_the_bounds_of_its_run(
    our_hub: LocalHub,
    first: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    least: object,
    code: int,
    match: str,
) -> None:
    quality = tmp_path / "quality.yml"
    quality.write_text(f"metrics: {{rows: {{min: {least}, reason: it must}}}}")
    for options in ([], ["--quality", str(quality)]):
        assert main(["publish", str(first), "--repo", OURS, *options]) == code
        line = capsys.readouterr().err.splitlines()[-1]
        assert line.startswith("pairsmith: ") and match in line
        if code == 1:
            assert line.endswith(f"'pairsmith check {first} --quality {quality}' shows all")
    assert main(["check", str(first)]) == code
    assert not (our_hub.folder / "datasets").exists()
