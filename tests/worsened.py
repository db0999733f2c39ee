"""Ways in which a release gets worse, each with the first words of the metric that is its cause, and a word that names it."""

import csv
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from regressed import Manifest, Rows, again

EXAMPLES = Path(__file__).parents[1] / "examples"


def drop_a_language(rows: Rows) -> Rows:
    return [row for row in rows if row["query_language"] != "de"]


def drop_a_group(rows: Rows) -> Rows:
    return [row for row in rows if row["group"] != "long_long"]


def lose_rows_at_random(rows: Rows) -> Rows:
    return random.Random(0).sample(rows, len(rows) - 15)


def swap_positives(rows: Rows) -> Rows:
    return [
        {**row, "positive": row["negatives"][0], "negatives": [row["positive"]]}
        if row["group"] in ("sts", "short_long")
        else row
        for row in rows
    ]


def shuffle_positives(rows: Rows) -> Rows:
    """Among rows of the same group and languages, so that every text alone stays as good as it was."""
    places: dict[tuple[str, ...], list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault((row["group"], row["query_language"], row["document_language"]), []).append(place)
    changed = [dict(row) for row in rows]
    for mine in places.values():
        for place, other in zip(mine, mine[1:] + mine[:1], strict=True):
            changed[place]["positive"] = rows[other]["positive"]
    return changed


def duplicate_rows(rows: Rows) -> Rows:
    return rows + [again(row, place) for place, row in enumerate(rows[:30])]


def nearly_duplicate_rows(rows: Rows) -> Rows:
    long = [row for row in rows if row["group"] == "long_short" and len(row["query"].split()) > 40][:20]
    return rows + [again(row, place, query=f"{row['query']} Indeed.") for place, row in enumerate(long)]


def repeat_a_test_row_in_training(rows: Rows) -> Rows:
    held_out = [row for row in rows if row["split"] == "test"]
    return rows + [again(row, place, split="train") for place, row in enumerate(held_out)]


def leak_a_benchmark(rows: Rows) -> Rows:
    with (EXAMPLES / "recorded/evaluation/banking77_test.csv").open(encoding="utf-8") as file:
        texts = [line["text"] for line in csv.DictReader(file) if len(line["text"].split()) > 12][:12]
    english = [row for row in rows if row["group"] == "short_long" and row["query_language"] == "en"]
    return rows + [again(row, place, query=text) for place, (row, text) in enumerate(zip(english, texts, strict=False))]


def cut_texts_short(rows: Rows) -> Rows:
    return [
        {**row, "positive": " ".join(words[: len(words) * 2 // 3])}
        if len(words := row["positive"].split()) > 30
        else row
        for row in rows
    ]


def lengthen_queries(rows: Rows) -> Rows:
    """To twice as much: each translation goes on with the one before it from the same language."""
    last: dict[str, str] = {}
    changed = []
    for row in rows:
        if row["group"] == "bitext":
            more = last.get(row["query_language"], "")
            last[row["query_language"]] = row["query"]
            row = {**row, "query": f"{row['query']} {more}".strip()}
        changed.append(row)
    return changed


def lose_negatives(rows: Rows) -> Rows:
    return [{**row, "negatives": []} if place % 3 == 0 else row for place, row in enumerate(rows)]


def english_in_place_of_german(rows: Rows) -> Rows:
    english = [row for row in rows if row["document_language"] == "en" and row["group"] == "short_long"]
    texts = iter([row["positive"] for row in english])
    return [{**row, "positive": next(texts)} if row["document_language"] == "de" else row for row in rows]


def new_model_takes_over(rows: Rows) -> Rows:
    return [{**row, "model": "other-model"} if place % 3 == 0 else row for place, row in enumerate(rows)]


def let_refusals_through(rows: Rows) -> Rows:
    refusal = "I'm sorry, but I can't help with that request."
    return [
        {**row, "positive": refusal} if row["document_language"] == "en" and place % 9 == 0 else row
        for place, row in enumerate(rows)
    ]


def copy_queries_into_positives(rows: Rows) -> Rows:
    return [
        {**row, "positive": f"{row['query']} {row['positive']}"}
        if row["group"] == "short_long" and place % 9 == 0
        else row
        for place, row in enumerate(rows)
    ]


def begin_alike(rows: Rows) -> Rows:
    return [
        {**row, "query": f"Could you tell me {row['query']}"}
        if row["query_language"] == "en" and row["group"] == "short_long"
        else row
        for row in rows
    ]


def one_task_takes_over(rows: Rows) -> Rows:
    task = next(row["instruction"] for row in rows if row["group"] == "short_long")
    return [{**row, "instruction": task} if row["group"] == "short_long" else row for row in rows]


def train_on_all(rows: Rows) -> Rows:
    return [{**row, "split": "train"} for row in rows]


def garble_characters(rows: Rows) -> Rows:
    """UTF-8 that was read as Latin-1."""
    return [{**row, "positive": row["positive"].encode().decode("latin-1")} for row in rows]


def take_positives_for_negatives(rows: Rows) -> Rows:
    return [
        {**row, "negatives": [row["positive"]]} if row["negatives"] and place % 9 == 0 else row
        for place, row in enumerate(rows)
    ]


def leave_markup_in(rows: Rows) -> Rows:
    return [
        {**row, "positive": f'<div class="text"><p>{row["positive"]}</p></div>'} if place % 9 == 0 else row
        for place, row in enumerate(rows)
    ]


def announce_texts(rows: Rows) -> Rows:
    return [
        {**row, "positive": f"Sure! Here is the document you asked for: {row['positive']}"}
        if row["document_language"] == "en" and place % 9 == 0
        else row
        for place, row in enumerate(rows)
    ]


def run_in_circles(rows: Rows) -> Rows:
    return [
        {**row, "positive": row["positive"] + " and so on" * 20} if place % 20 == 0 else row
        for place, row in enumerate(rows)
    ]


def leave_placeholders_in(rows: Rows) -> Rows:
    return [
        {**row, "positive": f"{row['positive']} [INSERT NAME HERE]"} if place % 20 == 0 else row
        for place, row in enumerate(rows)
    ]


def call_german_french(rows: Rows) -> Rows:
    return [
        {**row, "query_language": "fr", "document_language": "fr"}
        if row["query_language"] == row["document_language"] == "de"
        else row
        for row in rows
    ]


def file_under_another_group(rows: Rows) -> Rows:
    return [{**row, "group": "short_short"} if row["group"] == "sts" else row for row in rows]


def turn_rows_around(rows: Rows) -> Rows:
    return [
        {**row, "query": row["positive"], "positive": row["query"]}
        if row["group"] in ("short_long", "long_short")
        else row
        for row in rows
    ]


def give_one_id_twice(rows: Rows) -> Rows:
    return [*rows, *({**row, "id": other["id"]} for row, other in zip(rows[:20], rows[20:40], strict=True))]


def retype_a_column(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("tokens_in")
    return table.set_column(place, "tokens_in", table["tokens_in"].cast(pa.string()))


def remove_a_column(table: pa.Table) -> pa.Table:
    return table.drop_columns(["prompt_version"])


def rename_a_column(table: pa.Table) -> pa.Table:
    return table.rename_columns({"positive": "document_text"})


def lose_requests(manifest: Manifest) -> None:
    manifest["gates"]["asked"] += 7


def forget_rows(manifest: Manifest) -> None:
    for name in ("asked", "answered", "accepted"):
        manifest["gates"][name] += 7


def other_bytes(manifest: Manifest) -> None:
    next(iter(manifest["files"].values()))["sha256"] = "0" * 64


ROWS: list[tuple[Callable[[Rows], Rows], str, str]] = [
    (drop_a_language, "loss.unexplained", "query_language 'de'"),
    (drop_a_group, "loss.unexplained", "group 'long_long'"),
    (lose_rows_at_random, "loss.unexplained", "15 of 521 rows"),
    (swap_positives, "drift.score.nearness.margin", "nearness"),
    (shuffle_positives, "pairing.lift", "pairing"),
    (duplicate_rows, "duplicates", "say what an earlier row says"),
    (nearly_duplicate_rows, "duplicates", "say what an earlier row says"),
    (repeat_a_test_row_in_training, "duplicates.across_splits", "another split"),
    (leak_a_benchmark, "contamination.rows", "12 of 533 rows"),
    (cut_texts_short, "recheck.length", "too_short"),
    (lengthen_queries, "drift.length.query", "query"),
    (lose_negatives, "negatives.coverage", "negatives"),
    (english_in_place_of_german, "recheck.language", "wrong_language"),
    (new_model_takes_over, "drift.model.other-model", "new"),
    (let_refusals_through, "recheck.format", "refusal"),
    (copy_queries_into_positives, "recheck.leakage", "query_copied"),
    (begin_alike, "diversity.commonest_opening", "opening"),
    (one_task_takes_over, "drift", "task"),
]
LATER = [
    (train_on_all, "splits.moved", "another split"),
    (garble_characters, "recheck.format", "mojibake"),
    (take_positives_for_negatives, "recheck.leakage", "positive_equals_negative"),
    (leave_markup_in, "recheck.format", "markup_leak"),
    (announce_texts, "recheck.format", "meta_talk"),
    (run_in_circles, "recheck.format", "repetition"),
    (leave_placeholders_in, "recheck.format", "placeholder"),
    (call_german_french, "recheck.language", "wrong_language"),
    (file_under_another_group, "drift.group.sts", "gone"),
    (turn_rows_around, "pairing.lift", "pairing"),
    (give_one_id_twice, "schema.repeated_ids", "one id"),
]
"""Thought of when the check was there, by somebody else: none was used in making it."""

TABLES = [
    (retype_a_column, "schema.retyped", "'tokens_in' is string, not int64"),
    (remove_a_column, "schema.missing", "'prompt_version' is gone"),
    (rename_a_column, "schema.missing", "'positive' is gone"),
]
MANIFESTS = [
    (lose_requests, "loss.unaccounted", "7"),
    (forget_rows, "loss.unreleased", "7"),
    (other_bytes, "files.altered", "data/bitext"),
]
