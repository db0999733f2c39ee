"""What a step trains on: which texts carry the instruction, and how many negatives a row brings."""

import pyarrow as pa

from pairsmith.trainer.batches import batch_of
from pairsmith.trainer.data import TRAINING


def rows(*lines: dict) -> pa.Table:
    whole = [{"id": f"r{n}", "instruction": "", "negatives": []} | line for n, line in enumerate(lines)]
    return pa.Table.from_pylist(whole, schema=TRAINING)


SEARCH = {"group": "short_long", "instruction": "Find it.", "query": "q", "positive": "p", "negatives": ["n", "m"]}


def test_only_queries_carry_the_instruction_and_in_symmetric_groups_every_text_does() -> None:
    batch = batch_of(rows(SEARCH, SEARCH | {"group": "sts"}, SEARCH | {"instruction": ""}), negatives=2)
    told = "Instruct: Find it.\nQuery: "
    assert batch.queries == [f"{told}q", f"{told}q", "q"]
    assert batch.positives == ["p", f"{told}p", "p"]
    assert batch.negatives == [["n", "m"], [f"{told}n", f"{told}m"], ["n", "m"]]
    assert batch.plain == ["q"] * 3


def test_a_row_brings_the_first_negatives_it_has_and_no_more() -> None:
    lines = (SEARCH, SEARCH | {"negatives": []})
    assert batch_of(rows(*lines), negatives=1).negatives == [["n"], []]
    assert batch_of(rows(*lines), negatives=0).negatives == [[], []]
    assert batch_of(rows(*lines), negatives=5).negatives == [["n", "m"], []]


def test_label_document_and_id_go_with_their_row_and_may_be_unknown() -> None:
    batch = batch_of(rows(SEARCH, SEARCH | {"label": "sport", "document": "wiki#7"}), negatives=1)
    assert (batch.ids, batch.labels, batch.documents) == (["r0", "r1"], [None, "sport"], [None, "wiki#7"])
    assert len(batch) == 2
