import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.curation.sample import stratified

rows = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["x", "y", None])), max_size=30)


def table(pairs):
    ids = [str(n) for n in range(len(pairs))]
    columns = {"id": ids, "group": [group for group, _ in pairs], "language": [language for _, language in pairs]}
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


@given(rows, st.integers(1, 4))
def test_each_stratum_gives_as_many_as_it_has_up_to_the_count(pairs, count):
    chosen = stratified(table(pairs), ["group", "language"], count, by="id")
    got = list(zip(chosen["group"].to_pylist(), chosen["language"].to_pylist(), strict=True))
    assert {pair: got.count(pair) for pair in got} == {pair: min(count, pairs.count(pair)) for pair in pairs}
    assert len(set(chosen["id"].to_pylist())) == len(got)


@given(rows, st.randoms())
def test_the_choice_does_not_depend_on_the_order_of_the_rows(pairs, random):
    whole = table(pairs)
    order = list(range(len(pairs)))
    random.shuffle(order)
    shuffled = whole.take(pa.array(order, pa.int64()))
    assert stratified(whole, ["group"], 2, by="id") == stratified(shuffled, ["group"], 2, by="id")


def test_another_seed_makes_another_choice():
    whole = table([("a", "x")] * 200)
    choices = {tuple(stratified(whole, ["group"], 3, by="id", seed=seed)["id"].to_pylist()) for seed in range(5)}
    assert len(choices) == 5
