"""Gate ``duplicates``: equal to the exact answer, whatever the order of the rows."""

import random
from collections import defaultdict
from itertools import combinations, pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import without_numba

from pairsmith.factory.errors import RunError
from pairsmith.factory.records import PAIRS
from pairsmith.factory.spec import DuplicatesSpec
from pairsmith.factory.text import jaccard, shingles, tokens
from pairsmith.validators.duplicates import DuplicatesGate
from pairsmith.validators.minhash import Bands
from pairsmith.validators.sketch import sketch

LONG = "the old ferry crosses the sound twice a day in winter and every hour in summer unless the wind is too strong"


def row(name, query, positive, *, negative=None, instruction="task", languages=("en", "en"), group="short_long"):
    return {
        "id": name,
        "request_id": name,
        "content_hash": "h",
        "group": group,
        "instruction": instruction,
        "model": "m",
        "query": query,
        "positive": positive,
        "negatives": [negative] if negative else [],
        "query_language": languages[0],
        "document_language": languages[1],
    }


def table(rows):
    return pa.Table.from_pylist(rows, schema=PAIRS)


def judge(rows, **spec):
    return DuplicatesGate(DuplicatesSpec(**spec)).judge(table(rows)).to_pylist()


def dropped(rows, **spec):
    return {line["id"]: line for line in judge(rows, **spec) if line["verdict"] == "drop"}


def test_of_equal_rows_the_smallest_id_survives():
    lines = dropped([row(name, "PEI  sheet", LONG) for name in "cab"])
    assert {name: (line["reason"], line["related"]) for name, line in lines.items()} == {
        "b": ("exact_duplicate", "a"),
        "c": ("exact_duplicate", "a"),
    }


def test_case_width_and_spacing_make_no_difference():
    assert set(dropped([row("a", "PEI sheet", LONG), row("b", "ＰＥＩ   SHEET", LONG.upper())])) == {"b"}


def test_a_lightly_edited_row_goes_and_the_one_with_more_text_survives():
    edited = LONG.replace("strong", "strong for it")
    lines = dropped([row("a", "ferry times", LONG), row("b", "ferry times", edited, instruction="other")])
    assert set(lines) == {"a"}
    assert (lines["a"]["reason"], lines["a"]["related"], lines["a"]["field"]) == ("near_duplicate", "b", "positive")
    assert 0.7 <= lines["a"]["score"] < 1


def test_the_same_query_is_a_duplicate_within_its_task_only():
    first = row("a", "Hallelujah", "A song by Leonard Cohen, first recorded in 1984.")
    other = row("b", "Hallelujah", "Chords: C, A minor, C, A minor, F, G, C, G.")
    assert set(dropped([first, other])) == {"b"}
    assert not dropped([first, {**other, "instruction": "Retrieve the chords of a song."}])
    assert not dropped([first, {**other, "document_language": "de"}])


def test_short_questions_that_differ_in_a_word_are_different_questions():
    asked = ("Why was I charged a fee for a transfer", "Why was I charged a fee for a withdrawal")
    answers = ("Because it left the country.", "Because the machine is not ours.")
    assert not dropped([row(name, *texts) for name, *texts in zip("ab", asked, answers, strict=True)])


def test_characters_of_unspaced_scripts_are_tokens():
    text = "这座古老的渡轮冬天每天两次横渡海峡夏天每小时一班除非风力过大或者遇上大雾天气"
    assert set(dropped([row("a", "渡轮", text), row("b", "渡轮？", text.replace("冬天", "冬季"))])) == {"a"}


def test_a_chain_of_twins_leaves_one_row():
    words = LONG.split()
    rows = []
    for number, place in enumerate((None, 0, -1, 1, -2)):
        if place is not None:
            words[place] = "x" * len(words[place])
        rows.append(row(f"{number}", "ferry", " ".join(words), instruction=f"task {number}"))
    assert not dropped([rows[0], rows[-1]])
    assert set(dropped(rows)) == {"1", "2", "3", "4"}


def test_what_is_left_of_a_cluster_bears_its_name_too():
    lines = judge(
        [row("a", "PEI sheet", LONG), row("b", "PEI sheet", "Something else."), row("c", "other", "Not alike.")]
    )
    related = [(line["id"], line["field"], line["verdict"], line["related"]) for line in lines]
    assert related == [
        ("a", "query", "keep", "a"),
        ("a", "positive", "keep", None),
        ("b", "query", "drop", "a"),
        ("b", "positive", "keep", None),
        ("c", "query", "keep", None),
        ("c", "positive", "keep", None),
    ]


def test_every_field_gets_a_line():
    lines = judge([row("a", "one", LONG, negative="two")])
    fields = ("query", "positive", "negative")
    assert [(line["field"], line["verdict"]) for line in lines] == [(field, "keep") for field in fields]


def test_an_empty_table_gives_an_empty_table():
    assert judge([]) == []


def corpus(seed, size=60):
    """Random texts with edited copies of each other, some of them long."""
    rng = random.Random(seed)
    words = [f"w{number}" for number in range(400)]
    texts = []
    for number in range(size):
        if number % 3 and texts:
            text = rng.choice(texts).split()
            for _ in range(rng.randrange(4)):
                text[rng.randrange(len(text))] = rng.choice(words)
        else:
            text = rng.choices(words, k=rng.choice((5, 14, 40, 120)))
        texts.append(" ".join(text))
    return texts


def queries(seed):
    return [row(f"{n:03d}", text, f"answer {n % 7}") for n, text in enumerate(corpus(seed))]


def written(gate, parts, folder):
    """The sketches of parts of rows, in Arrow IPC files."""
    paths = []
    for number, rows in enumerate(parts):
        sketch = gate.sketch(table(rows))
        paths.append(folder / f"{number}.arrow")
        with pa.ipc.new_file(paths[-1], sketch.schema) as file:
            file.write_table(sketch)
    return paths


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), shuffler=st.randoms(use_true_random=False), cuts=st.sets(st.integers(0, 60)))
def test_neither_the_order_of_the_rows_nor_how_they_are_parted_plays_a_part(seed, shuffler, cuts, tmp_path_factory):
    rows = queries(seed)
    first = judge(rows)
    shuffler.shuffle(rows)
    limits = [0, *sorted(cuts), len(rows)]
    parts = [rows[start:end] for start, end in pairwise(limits)]
    gate = DuplicatesGate(DuplicatesSpec())
    paths = written(gate, parts, tmp_path_factory.mktemp("parts"))
    verdicts = list(gate.judge_sketches(paths))
    assert [list(dict.fromkeys(part["id"].to_pylist())) for part in verdicts] == [[r["id"] for r in p] for p in parts]
    assert sorted(map(str, pa.concat_tables(verdicts).to_pylist())) == sorted(map(str, first))


@settings(max_examples=5)
@given(st.integers(0, 10_000))
def test_numba_and_numpy_give_the_same_verdicts(seed):
    with without_numba():
        plain = judge(queries(seed))
    assert judge(queries(seed)) == plain


@given(st.integers(0, 10_000), st.integers(0, 60))
def test_a_pair_is_signed_alike_wherever_its_query_ends(seed, cut):
    words = random.Random(seed).choices(WORDS, k=60)
    parted = row("a", " ".join(words[:cut]), " ".join(words[cut:]))
    found = sketch(table([parted, row("b", "", " ".join(words))]), Bands(8, 2)).select(
        [f"pair_{n:03}" for n in range(8)]
    )
    one, other = found.to_pylist()
    assert one == other


def test_all_of_the_work_is_told_of(tmp_path):
    gate = DuplicatesGate(DuplicatesSpec())
    told = []
    list(gate.judge_sketches(written(gate, [queries(1), [], queries(2)[:7]], tmp_path), told.append))
    assert sum(told) == pytest.approx(1)


def test_a_sketch_that_cannot_be_read_is_one_clear_line(tmp_path):
    gate = DuplicatesGate(DuplicatesSpec())
    (path,) = written(gate, [queries(1)], tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(RunError, match=r"0\.arrow: not readable"):
        list(gate.judge_sketches([path]))


WORDS = [f"w{number}" for number in range(3_000)]
HAN = [chr(code) for code in range(0x4E00, 0x4E00 + 3_000)]
THAI_WITH_MARKS = [chr(code) + mark for code in range(0xE01, 0xE2F) for mark in ("", "\u0e31", "\u0e34", "\u0e49")]


def planted(vocabulary, glue, count, rng):
    """Pairs of texts of 50 to 100 tokens, one made from the other by exchanging a few; with their exact similarity."""
    for _ in range(count):
        text = rng.choices(vocabulary, k=rng.randrange(50, 100))
        other = list(text)
        for _ in range(rng.randrange(1, 7)):
            other[rng.randrange(len(other))] = rng.choice(vocabulary)
        if text != other:
            yield glue.join(text), glue.join(other)


def grams(one):
    return shingles(tokens(f"{one['query']}\n{one['positive']}"), 3)


@pytest.mark.parametrize(("vocabulary", "glue"), [(WORDS, " "), (HAN, ""), (THAI_WITH_MARKS, "")])
@pytest.mark.parametrize(("threshold", "permutations"), [(0.5, 128), (0.7, 128), (0.8, 64), (0.8, 128), (0.9, 128)])
def test_of_planted_pairs_hardly_one_is_missed_and_none_is_made_up(vocabulary, glue, threshold, permutations):
    pairs = list(planted(vocabulary, glue, 1_000, random.Random(5)))
    rows = [row(f"{n:04d}{side}", "q", text, instruction=f"{n}{side}")
            for n, pair in enumerate(pairs) for side, text in zip("ab", pair, strict=True)]  # fmt: skip
    lost = dropped(rows, threshold=threshold, permutations=permutations)
    alike = {}
    for one, other in zip(rows[::2], rows[1::2], strict=True):
        alike[one["id"][:4]] = jaccard(grams(one), grams(other))
    assert all(line["score"] == alike[name[:4]] >= threshold for name, line in lost.items())
    wanted = sum(score >= threshold for score in alike.values())
    assert wanted > 100
    assert len(lost) >= 0.997 * wanted


def true_clusters(rows, threshold):
    """Ids of each cluster, by all pairs of rows whose queries are too short to be near."""
    sets = {one["id"]: grams(one) for one in rows}
    cluster = {name: {name} for name in sets}
    for one, other in combinations(sets, 2):
        if cluster[one] is not cluster[other] and jaccard(sets[one], sets[other]) >= threshold:
            joined = cluster[one] | cluster[other]
            cluster.update(dict.fromkeys(joined, joined))
    return {frozenset(members) for members in cluster.values() if len(members) > 1}


def found_clusters(lines):
    found = defaultdict(set)
    for line in lines:
        if line["related"]:
            found[line["related"]].add(line["id"])
    return {frozenset(members) for members in found.values()}


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9])
def test_clusters_are_those_of_all_pairs(threshold):
    for seed in range(4):
        texts = [text for text in dict.fromkeys(corpus(seed, 120)) if len(text.split()) >= 12]
        rows = [row(f"{n:03d}", "q", text, instruction=f"{n}") for n, text in enumerate(texts)]
        assert found_clusters(judge(rows, threshold=threshold)) == true_clusters(rows, threshold)


def test_a_frame_that_many_families_of_texts_share_makes_them_no_twins_and_hides_none():
    rng = random.Random(3)
    frame = rng.choices(WORDS, k=60)
    rows = []
    for family in range(15):
        body = rng.choices(WORDS, k=25)
        for member in range(40):
            edited = [*frame, *body]
            edited[rng.randrange(60, 85)] = f"x{member}"
            name = f"{family:02d}-{member:02d}"
            rows.append(row(name, "q", " ".join(edited), instruction=name))
    rng.shuffle(rows)
    found = found_clusters(judge(rows))
    assert found == true_clusters(rows, 0.7)
    assert {frozenset(name[:2] for name in members) for members in found} == {
        frozenset([f"{n:02d}"]) for n in range(15)
    }
