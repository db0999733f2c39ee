"""Push and pull against the real Argilla server: what people answer there comes back, whatever goes wrong on the way."""

import os
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import argilla as rg
import pyarrow.parquet as pq
import pytest
from argilla_fixture import Served
from argilla_people import Person, copied, lines, of_run, records, silent

from pairsmith.cli import main
from pairsmith.curation import argilla as reviewing
from pairsmith.curation.argilla_connection import connect
from pairsmith.curation.review_form import form_version
from pairsmith.run import open_run

pytestmark = pytest.mark.slow


def test_what_two_reviewers_answer_comes_back_with_the_figures_that_one_gets_by_hand(
    server: Served, recorded: Path, tmp_path: Path, call: Any
) -> None:
    run = copied(recorded, tmp_path / "run", "two-reviewers")
    pushed = call("review", "push", run)
    once, twice = records(server, "two-reviewers"), records(server, "two-reviewers-twice")
    shown = once + twice
    assert sum(pushed["parts"].values()) == 200
    assert pushed["new"] == len(shown) == len({record["external_id"] for record in shown})
    assert len(twice) > 10
    assert pushed["absent"] == []

    ann, bob = Person(server, "ann"), Person(server, "bob")
    alone, shared = ([record for record in queue if "random" in record["metadata"]["part"]] for queue in (once, twice))
    assert len(alone) >= 48
    assert len(shared) >= 15
    decided = shared[:15] + alone[:45]
    for place, record in enumerate(decided):
        bad = place % 10 == 0  # 6 of 60
        ann.answer(record, decision="drop" if bad else "keep", wrong=["unnatural"] if bad else [])
    rejected = [record for record in shown if record["metadata"]["part"] == ["rejected"]]
    for place, record in enumerate(rejected[:20]):
        ann.answer(record, decision="keep" if place < 5 else "drop")  # 5 of 20 rejected wrongly
    drafted, gone, changed = alone[45:48]
    ann.answer(drafted, "draft", positive_relevance=3)
    ann.answer(gone, "discarded")
    ann.answer(changed, decision="keep")
    ann.answer(changed, decision="fix", query="as it should be")
    both = decided[:15]
    for record in both:
        bob.answer(record, decision="keep")

    pulled = call("review", "pull", run)
    assert pulled["new"] == pulled["responses"] == 60 + 20 + 3 + len(both)
    assert pulled["left_out"] == []
    assert pulled["missing"] == 0
    by_key = {(line["id"], line["content_hash"], line["reviewer"]): line for line in lines(run)}
    assert len(by_key) == pulled["responses"]
    key = tuple(changed["external_id"].rsplit("-", 1))
    assert by_key[*key, "ann"]["answers"]["query"] == "as it should be"
    assert by_key[*key, "ann"]["answers"]["decision"] == "fix"
    assert {line["source"] for line in lines(run)} == {server.url}
    assert {line["form"] for line in lines(run)} == {form_version()}
    assert Counter(line["status"] for line in lines(run)) == {"submitted": 81 + len(both), "draft": 1, "discarded": 1}

    # Where the two of them disagree, the stricter answer counts: a drop stays one. One was fixed: 7 defective of 61.
    figures = pulled["figures"]
    overall = figures["defects"]["overall"]
    assert (overall["rows"], overall["hits"]) == (61, 7)
    assert overall["rate"] == pytest.approx(7 / 61)
    assert (overall["low"], overall["high"]) == (pytest.approx(0.0474, abs=1e-4), pytest.approx(0.2222, abs=1e-4))
    progress = figures["progress"]["parts"]
    assert [progress["random"][name] for name in ("answered", "drafts", "discarded")] == [61, 1, 1]
    assert progress["rejected"]["answered"] == 20

    # Of the rows that both answered, ann dropped 2 of 15 and bob none: 2 pairs of 15 differ, and 2 x 2 x 28 / (30 x 29)
    # would by chance; seen as two people with habits of their own, they agree as often as chance has it.
    agreement = figures["agreement"]["questions"]["decision"]
    assert agreement["alpha"] == pytest.approx(1 - (2 / 15) / (2 * 2 * 28 / (30 * 29)))
    assert agreement["kappas"]["ann / bob"]["kappa"] == pytest.approx(0)

    # Each answered row of a stratum stands for as many as the stratum has for one.
    strata: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    places = {record["external_id"]: place for place, record in enumerate(rejected[:20])}
    for row in pq.read_table(run / "review" / "sample.parquet").to_pylist():
        if row["part"] == "rejected" and (place := places.get(f"{row['id']}-{row['content_hash']}")) is not None:
            strata[row["stratum"]].append((row["stratum_rows"], place < 5))
    kept = sum(mine[0][0] * sum(wrong for _, wrong in mine) / len(mine) for mine in strata.values())
    wrongly = figures["wrong_rejections"]["overall"]
    assert (wrongly["rows"], wrongly["hits"]) == (20, 5)
    assert wrongly["rate"] == pytest.approx(kept / sum(mine[0][0] for mine in strata.values()))

    again = call("review", "pull", run)
    assert again["new"] == 0
    assert len(lines(run)) == pulled["responses"]
    bob.answer(both[0], decision="drop")
    assert call("review", "pull", run)["new"] == 1
    assert lines(run)[-1]["reviewer"] == "bob"
    assert lines(run)[-1]["answers"]["decision"] == "drop"


def test_pushing_again_adds_only_what_is_new_and_touches_nothing_that_is_there(
    server: Served, recorded: Path, tmp_path: Path, call: Any
) -> None:
    run = copied(recorded, tmp_path / "run", "again")
    assert call("review", "push", run, "--sample", 40)["known"] == 0
    answered = of_run(server, "again")[0]
    Person(server, "ann").answer(answered, decision="fix", query="mended")
    Person(server, "ann").answer(of_run(server, "again")[1], "draft", positive_relevance=1)
    before = of_run(server, "again")
    assert call("review", "push", run, "--sample", 40)["new"] == 0
    assert of_run(server, "again") == before
    assert call("review", "push", run, "--sample", 10)["new"] == 0  # a sample gets no smaller
    grown = call("review", "push", run, "--sample", 80)
    assert grown["new"] > 20
    assert grown["known"] == len(before)
    by_id = {record["external_id"]: record for record in of_run(server, "again")}
    assert [by_id[record["external_id"]] for record in before] == before
    assert len(by_id) == grown["new"] + grown["known"]


def test_one_reviewer_needs_one_dataset_and_answers_in_the_order_of_the_draw(
    server: Served, recorded: Path, tmp_path: Path, call: Any
) -> None:
    run = copied(recorded, tmp_path / "run", "alone", "\nreview: {reviewers: [ann], sample: 30}\n")
    pushed = call("review", "push", run)
    assert list(pushed["pages"]) == ["alone"]
    assert "sort=metadata.order.asc" in pushed["pages"]["alone"]
    orders = [record["metadata"]["order"] for record in records(server, "alone")]
    random = [record for record in records(server, "alone") if "random" in record["metadata"]["part"]]
    sample = pq.read_table(run / "review" / "sample.parquet", filters=[("part", "==", "random")])
    drawn = [f"{row['id']}-{row['content_hash']}" for row in sample.sort_by("place").to_pylist()]
    assert [record["external_id"] for record in random] == drawn
    assert orders == sorted(orders)


def test_what_is_shown_can_be_filtered_by_all_that_is_known_of_a_row(
    server: Served, recorded: Path, tmp_path: Path, call: Any
) -> None:
    run = copied(recorded, tmp_path / "run", "filters", "\nreview: {reviewers: [ann], sample: 60}\n")
    call("review", "push", run)
    client = rg.Argilla(api_url=server.url, api_key=server.owner.api_key)
    dataset = client.datasets("filters", workspace="curation")
    shown = records(server, "filters")
    filters = [("part", "==", "rejected"), ("group", "==", "sts"), ("query_language", "in", ["ar", "th"])]
    filters += [("score_language", "<=", 0.2), ("words", ">=", 50), ("doubt", ">=", 0.9)]
    for name, how, value in filters:
        found = {
            record.id for record in dataset.records(rg.Query(filter=rg.Filter([(f"metadata.{name}", how, value)])))
        }
        assert found == {record["external_id"] for record in shown if holds(record["metadata"].get(name), how, value)}
        assert found or name == "query_language"
    hidden = {one.name for one in dataset.settings.metadata if not one.visible_for_annotators}
    assert hidden == {"part"}


def holds(there: Any, how: str, value: Any) -> bool:
    """What a filter means."""
    if there is None:
        return False
    if how == "in":
        return bool(there in value)
    if how == "==":
        return bool(value in there if isinstance(there, list) else value == there)
    return bool(there <= value if how == "<=" else there >= value)


def test_progress_is_told_on_stderr_and_no_key_anywhere(
    server: Served, recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copied(recorded, tmp_path / "run", "quiet", "\nreview: {reviewers: [ann, zoe], sample: 20}\n")
    assert main(["review", "push", str(run)]) == 0
    assert main(["review", "pull", str(run)]) == 0
    told = capsys.readouterr()
    assert re.search(r"sent \d+ rows to http://127\.0\.0\.1:\d+", told.out)
    assert "no users of workspace 'curation' yet: zoe" in told.out
    assert "0 responses" in told.out
    keys = [account.api_key for account in (server.owner, *server.reviewers.values())]
    written = "".join(path.read_text(errors="replace") for path in run.rglob("*") if path.suffix in (".json", ".jsonl"))
    assert not any(key in told.out + told.err + written for key in keys)
    assert os.environ["ARGILLA_API_KEY"] in keys


def test_a_dataset_is_read_whole_however_its_pages_are_cut(
    server: Served, recorded: Path, tmp_path: Path, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = copied(recorded, tmp_path / "run", "pages", "\nreview: {reviewers: [ann], sample: 60}\n")
    call("review", "push", run)
    connection = connect(run, None, None)
    spec = open_run(run).spec.review
    for page in (1, 7, 60, 1000):
        monkeypatch.setattr("pairsmith.curation.argilla_datasets.PAGE", page)
        pulled = reviewing.pull(connection, spec, "pages", silent)
        assert pulled.records == {record["external_id"] for record in records(server, "pages")}
