"""What one step trains on: the texts of its rows as the model reads them, and what the masks need to know of each row."""

from dataclasses import dataclass

import pyarrow as pa

from pairsmith.trainer.data import SYMMETRIC, instruct


@dataclass(frozen=True)
class Batch:
    """Rows whose texts are each other's candidates; every list has one entry a row.

    ``queries``, ``positives`` and ``negatives`` (each row's own, from none to many) are the texts the model reads: the
    instruction stands in them where it belongs. ``plain``: the queries without it. ``labels`` and ``documents``: the class
    that the positive stands for and the document it is from, None where that is not known.
    """

    ids: list[str]
    queries: list[str]
    positives: list[str]
    negatives: list[list[str]]
    plain: list[str]
    groups: list[str]
    labels: list[str | None]
    documents: list[str | None]

    def __len__(self) -> int:
        return len(self.ids)


def batch_of(rows: pa.Table, negatives: int) -> Batch:
    """The rows (schema :data:`pairsmith.trainer.data.TRAINING`) in their order, with the first ``negatives`` of each.

    In the symmetric groups all texts carry the instruction; a row without one gives its texts as they are.
    """
    told = rows.select(["query", "positive", "negatives", "group", "instruction"]).to_pylist()
    tasks = [row["instruction"] for row in told]
    both = [task if row["group"] in SYMMETRIC else "" for row, task in zip(told, tasks, strict=True)]
    return Batch(
        ids=rows["id"].to_pylist(),
        queries=[_told(task, row["query"]) for row, task in zip(told, tasks, strict=True)],
        positives=[_told(task, row["positive"]) for row, task in zip(told, both, strict=True)],
        negatives=[
            [_told(task, text) for text in row["negatives"][:negatives]] for row, task in zip(told, both, strict=True)
        ],
        plain=[row["query"] for row in told],
        groups=[row["group"] for row in told],
        labels=rows["label"].to_pylist(),
        documents=rows["document"].to_pylist(),
    )


def _told(instruction: str, text: str) -> str:
    return instruct(instruction, text) if instruction else text
