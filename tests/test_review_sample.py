"""What is drawn for people: sizes, order, strata, and that the random part is a simple random sample."""

import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from drawn import ACCEPTED, SEEN, Row, lists_of_rows, row_id, tables
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import QUICK, answer, record

from pairsmith.asking import generate
from pairsmith.curation.apportion import seats
from pairsmith.curation.doubt import DOUBTFUL
from pairsmith.curation.frame import Lots
from pairsmith.curation.review_rows import SAMPLE, Part
from pairsmith.curation.review_sample import OTHERS, SMALL, Drawn, draw, split
from pairsmith.factory.errors import InputError
from pairsmith.factory.records import digest
from pairsmith.factory.spec import ReviewSpec
from pairsmith.gating import gate
from pairsmith.reviewed import read_sample
from pairsmith.reviewing import draw_sample
from pairsmith.run import ACCEPTED as ACCEPTED_FILE
from pairsmith.run import CANDIDATES, REJECTED_FILE, VERDICTS_FILE, open_run

SPEC = ReviewSpec(reviewers=("ann", "ben"))
counts = st.integers(0, 80)


def by_part(sample: pa.Table) -> dict[str, list[dict[str, object]]]:
    """Lines of each part, in the order in which they stand."""
    found: dict[str, list[dict[str, object]]] = {part: [] for part in Part}
    for line in sample.to_pylist():
        found[line["part"]].append(line)
    return found


def ids(lines: list[dict[str, object]]) -> list[object]:
    return [line["id"] for line in lines]


@given(lists_of_rows, counts, counts, st.integers(0, 3))
@settings(max_examples=40)
def test_a_larger_count_keeps_every_row_of_a_smaller_one_in_its_place(rows, one, other, seed):
    of = tables(rows)
    small, large = (by_part(draw(of, SPEC, count, seed)) for count in sorted((one, other)))
    for part in Part:
        assert small[part] == large[part][: len(small[part])]
        assert [line["place"] for line in large[part]] == list(range(len(large[part])))


@given(lists_of_rows, counts, st.integers(0, 3), st.integers(1, 9))
@settings(max_examples=40)
def test_neither_the_order_of_rows_nor_the_size_of_batches_plays_a_part(rows, count, seed, batch):
    assert draw(tables(rows), SPEC, count, seed) == draw(tables(rows, shuffle=seed, batch=batch), SPEC, count, seed)


@given(lists_of_rows, counts, st.sampled_from([(0.25, 0.25), (0, 0), (0.9, 0), (0, 0.9)]))
@settings(max_examples=40)
def test_parts_add_up_to_the_count_unless_rows_are_lacking(rows, count, shares):
    spec = ReviewSpec(doubtful=shares[0], rejected=shares[1])
    found = draw(tables(rows), spec, count, 0)
    accepted = sum(row.fate in ACCEPTED for row in rows)
    seen = sum(row.fate in SEEN for row in rows) if spec.rejected else 0
    assert found.schema == SAMPLE
    assert len(found) <= count
    if len(found) < count:
        assert Counter(found["part"].to_pylist())[Part.RANDOM] == accepted
        assert Counter(found["part"].to_pylist())[Part.REJECTED] == seen


@given(lists_of_rows, counts, st.integers(0, 3))
@settings(max_examples=40)
def test_every_line_agrees_with_the_row_and_counts_what_could_have_been_drawn(rows, count, seed):
    of = tables(rows)
    candidates = of.candidates.rows(row_id(number) for number in range(len(rows)))
    fate = {row_id(number): row for number, row in enumerate(rows)}
    for part, lines in by_part(draw(of, SPEC, count, seed)).items():
        assert len(set(ids(lines))) == len(lines)
        for line in lines:
            row = candidates[line["id"]]
            assert {name: line[name] for name in row.keys() & line.keys()} == {
                name: value for name, value in row.items() if name in line
            }
            assert fate[line["id"]].fate in (SEEN if part == Part.REJECTED else ACCEPTED)
            assert line["stratum"] in (fate[line["id"]].stratum, OTHERS)
        if part == Part.RANDOM:
            strata = Counter(row.stratum for row in rows if row.fate in ACCEPTED)
            assert {line["stratum"]: line["stratum_rows"] for line in lines}.items() <= strata.items()
            assert {line["population"] for line in lines} <= {strata.total()}
        if part == Part.REJECTED:
            assert {line["population"] for line in lines} <= {sum(row.fate in SEEN for row in rows)}


def test_the_random_part_is_a_simple_random_sample():
    """Chi-square of how often each of 60 rows is drawn, and mean and variance of those of a stratum, over 2,000 seeds."""
    rows, drawn, seeds, stratum = 60, 10, 2_000, 20
    names = pa.array([row_id(number) for number in range(rows)])
    chosen = np.array([np.argsort(Lots.of(names, seed).order)[:drawn] for seed in range(seeds)])
    share = drawn / rows
    counts = np.bincount(chosen.ravel(), minlength=rows)
    # Counts of a simple random sample vary together: the factor makes this a chi-square of rows - 1 degrees of freedom.
    statistic = ((counts - seeds * share) ** 2).sum() / (seeds * share * (1 - share)) * (rows - 1) / rows
    assert 31.7 < statistic < 98.3  # 0.1 % and 99.9 % of that distribution
    of_stratum = (chosen < stratum).sum(axis=1)
    mean = drawn * stratum / rows
    variance = mean * (1 - stratum / rows) * (rows - drawn) / (rows - 1)  # of the hypergeometric distribution
    assert abs(of_stratum.mean() - mean) < 4 * (variance / seeds) ** 0.5
    assert of_stratum.var() == pytest.approx(variance, rel=0.15)


def test_ids_that_differ_in_one_letter_have_lots_of_nothing_in_common():
    lots = Lots.of(pa.array([f"r{number}" for number in range(4_096)]), 0)
    for words in lots:
        bits = np.unpackbits(words.copy().view(np.uint8)).reshape(-1, 64)
        assert abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / 64  # five standard errors of a fair coin
    assert abs(np.corrcoef(np.array(lots, np.float64))[np.triu_indices(3, 1)]).max() < 5 / 64


@given(st.integers(0, 60), st.integers(0, 3))
@settings(max_examples=20)
def test_the_random_part_is_the_accepted_rows_with_the_least_lots(count, seed):
    rows = [Row(fate="sure" if number % 3 else "length") for number in range(60)]
    mine = pa.array([row_id(number) for number, row in enumerate(rows) if row.fate == "sure"])
    lots = Lots.of(mine, digest(seed, "")).order
    found = ids(by_part(draw(tables(rows), ReviewSpec(doubtful=0, rejected=0), count, seed))[Part.RANDOM])
    assert found == mine.take(np.argsort(lots)[:count]).to_pylist()


def test_rows_that_come_later_push_out_none_but_take_their_place_by_lot():
    rows = [Row() for _ in range(80)]
    before = ids(by_part(draw(tables(rows[:40]), SPEC, 80, 0))[Part.RANDOM])
    after = ids(by_part(draw(tables(rows), SPEC, 80, 0))[Part.RANDOM])
    known = set(before)
    assert [row for row in after if row in known] == before


@given(st.lists(st.integers(1, 200), min_size=1, max_size=9), st.integers(0, 60))
def test_seats_follow_the_divisors_of_webster(sizes, count):
    given_seats = np.bincount(seats(sizes, sizes, count), minlength=len(sizes))
    assert given_seats.sum() == min(count, sum(sizes))
    next_one = [size / (2 * got + 1) for size, got in zip(sizes, given_seats, strict=True) if got < size]
    last_one = [size / (2 * got - 1) for size, got in zip(sizes, given_seats, strict=True) if got]
    assert max(next_one, default=0) <= min(last_one, default=np.inf)


@given(
    st.lists(st.integers(0, 30), min_size=3, max_size=3), counts, st.sampled_from([(0.25, 0.25), (0.5, 0), (0, 0.5)])
)
def test_no_part_gets_fewer_seats_of_a_larger_count(rooms, count, shares):
    spec = ReviewSpec(doubtful=shares[0], rejected=shares[1])
    rooms[1] = min(rooms[1], rooms[0])  # doubtful rows are accepted ones
    small, large = (split(spec, size, *rooms) for size in (count, count + 1))
    assert all(small[part] <= large[part] for part in Part)


def test_rejected_rows_are_drawn_by_the_size_of_their_strata_and_small_strata_together():
    sizes = {"en": 120, "de": 60, "fr": 18, "ja": 1, "ko": 1}
    rows = [Row("length", languages=(name, name)) for name, size in sizes.items() for _ in range(size)]
    found = by_part(draw(tables(rows), SPEC, 50, 0))[Part.REJECTED]
    assert Counter(line["stratum"] for line in found) == {"sts/en": 30, "sts/de": 15, "sts/fr": 5}
    everything = by_part(draw(tables(rows), SPEC, 200, 0))[Part.REJECTED]
    assert Counter(line["stratum"] for line in everything)[OTHERS] == 2
    assert {line["stratum_rows"] for line in everything if line["stratum"] == OTHERS} == {2}
    assert 1 / len(rows) < SMALL < 18 / len(rows)


def test_what_nobody_can_see_in_the_row_is_not_among_the_rejected_ones():
    rows = [Row(fate) for fate in ("parse", "duplicates", "length", "format") for _ in range(5)]
    found = by_part(draw(tables(rows), SPEC, 99, 0))[Part.REJECTED]
    assert len(found) == 10
    assert {line["population"] for line in found} == {10}
    assert {(tuple(line["reasons"]), line["doubt"], line["doubt_score"]) for line in found} == {
        (("length:query:x",), None, 3.0),
        (("format:query:x",), None, 3.0),
    }


def test_doubtful_rows_are_the_nearest_to_a_threshold_and_those_not_verified_of_each_stratum():
    rows = [Row("near", languages=("en", "en"), score=0.06 + number / 1000) for number in range(96)]
    rows += [Row("unverified", languages=("de", "de")) for _ in range(4)]
    rows += [Row("sure", languages=("fr", "fr")) for _ in range(60)]
    found = by_part(draw(tables(rows), ReviewSpec(doubtful=0.5, rejected=0), 16, 0))[Part.DOUBTFUL]
    places = defaultdict(list)
    for line in found:
        places[line["stratum"]].append(line)
    assert {name: len(lines) for name, lines in places.items()} == {"sts/en": 5, "sts/de": 3}  # of 16 and 4: roots
    assert [line["doubt_score"] for line in places["sts/en"]] == pytest.approx([0.06 + n / 1000 for n in range(5)])
    assert all(line["reasons"] == ["language:query:no_detector"] for line in places["sts/de"])
    assert {line["stratum_rows"] for line in places["sts/en"]} == {16}  # a tenth of 160
    assert {line["population"] for line in found} == {20}
    assert {line["doubt_gate"] for line in found} == {"language:query"}
    assert min(line["doubt"] for line in found) >= DOUBTFUL


def test_with_no_doubtful_row_the_random_part_gets_the_seats():
    found = by_part(draw(tables([Row() for _ in range(90)]), ReviewSpec(doubtful=0.5, rejected=0), 40, 0))
    assert {part: len(lines) for part, lines in found.items()} == {Part.RANDOM: 40, Part.DOUBTFUL: 0, Part.REJECTED: 0}


def test_overlap_is_a_share_of_the_rows_where_there_are_two_reviewers():
    of = tables([Row() for _ in range(400)])
    for reviewers, low, high in ((("ann",), 0, 0), (("ann", "ben"), 50, 120)):
        shown = draw(of, ReviewSpec(reviewers=reviewers, overlap=0.2, doubtful=0, rejected=0), 400, 0)
        assert low <= sum(shown["overlap"].to_pylist()) <= high


def test_other_gates_of_the_users_own_draw_other_rows_and_two_people_answer_the_same_ones():
    of = tables([Row() for _ in range(400)])
    one, same, other = (draw(of, SPEC, 100, 0, own) for own in ("a", "a", "b"))
    assert one == same
    shown, shown_now = ({line["id"]: line["overlap"] for line in each.to_pylist()} for each in (one, other))
    again = shown.keys() & shown_now.keys()
    assert 10 <= len(again) <= 45  # 25, had they nothing to do with each other
    assert all(shown[row] == shown_now[row] for row in again)


GATE = """
import pyarrow as pa
from pairsmith.validators.gate import Findings

class Listed:
    name, scope = "listed", "row"
    def judge(self, rows):
        findings = Findings(rows, self.name)
        for place, one in enumerate(rows["id"].to_pylist()):
            if one in SEEN:
                findings.drop(place, "query", "listed", None, None)
        return findings.table()
"""


def test_a_gate_written_from_the_answers_makes_people_look_at_fresh_rows_and_a_threshold_does_not(tmp_path: Path):
    """With the rows gone that were found defective, those that were looked at would else be sound, all of them."""
    folder = record(tmp_path / "run", [answer(number) for number in range(400)])

    def shown(gates: dict[str, object]) -> list[object]:
        spec = json.loads((folder / "factory.yml").read_text())
        (folder / "factory.yml").write_text(json.dumps(spec | {"gates": QUICK | gates, "review": {"sample": 80}}))
        run = open_run(folder)
        generate(run)
        gate(run)
        draw_sample(run)
        return ids(by_part(read_sample(run))[Part.RANDOM])

    before = shown({})
    assert shown({"length": {"at_least": 0.5}}) == before
    (folder / "listed.py").write_text(f"SEEN = {before[::10]!r}\n{GATE}")
    after = shown({"custom": [{"use": "listed:Listed"}]})
    assert not set(after) & set(before[::10])
    assert len(set(after) & set(before)) < len(before) / 2


@pytest.mark.parametrize("rows", [[], [Row()], [Row("near")], [Row("length")], [Row("parse")], [Row("duplicates")]])
def test_a_run_of_one_row_or_none_gives_what_there_is(rows):
    found = by_part(draw(tables(rows), SPEC, 200, 0))
    lengths = {part: len(lines) for part, lines in found.items()}
    fate = rows[0].fate if rows else ""
    assert lengths == {
        Part.RANDOM: fate in ACCEPTED,
        Part.DOUBTFUL: 0,  # a row alone is as near as any other
        Part.REJECTED: fate in SEEN,
    }


def test_tables_of_two_runs_are_told_apart():
    one, other = tables([Row()]), tables([Row("length"), Row()])
    with pytest.raises(InputError, match=rf"{row_id(1)}' is missing; write it again"):
        draw(Drawn(one.candidates, other.accepted, other.rejected, other.verdicts), SPEC, 9, 0)


def test_a_recorded_run_is_drawn_from_as_it_lies_in_its_folder(tmp_path: Path):
    run = open_run(record(tmp_path / "run", [answer(number) for number in range(100)]))
    generate(run)
    funnel = gate(run)
    of = Drawn(*(run.table(name) for name in (CANDIDATES, ACCEPTED_FILE, REJECTED_FILE, VERDICTS_FILE)))
    found = by_part(draw(of, run.spec.review, 40, run.spec.seed))
    assert {line["population"] for line in found[Part.RANDOM]} == {funnel["accepted"]}
    assert sum(map(len, found.values())) == 40
