"""The rows that people are shown, as one table: what is drawn, why, and all that is needed to ask about it and to count it."""

from enum import StrEnum

import pyarrow as pa

FILE = "review/sample.parquet"


class Part(StrEnum):
    """Why a row is shown."""

    RANDOM = "random"  # a simple random sample of the accepted rows: the only part from which their defect rate is told
    DOUBTFUL = "doubtful"  # accepted rows about which the gates were least sure
    REJECTED = "rejected"  # a stratified random sample of the rejected rows, to tell how many were rejected wrongly


_STRING = pa.string()

SAMPLE = pa.schema(
    [
        pa.field("id", _STRING, nullable=False),
        pa.field("request_id", _STRING, nullable=False),
        pa.field("content_hash", _STRING, nullable=False),
        pa.field("part", _STRING, nullable=False),
        pa.field("place", pa.int32(), nullable=False),  # in the order in which its part was drawn, from 0 on
        pa.field("stratum", _STRING, nullable=False),  # "sts/de", "bitext/fr-en"; "others": the small ones together
        pa.field("stratum_rows", pa.int64(), nullable=False),  # rows of that stratum that could have been drawn
        pa.field("population", pa.int64(), nullable=False),  # rows of all strata that could have been drawn
        pa.field("overlap", pa.bool_(), nullable=False),  # two reviewers answer it
        pa.field("group", _STRING, nullable=False),
        pa.field("query_language", _STRING, nullable=False),
        pa.field("document_language", _STRING, nullable=False),
        pa.field("model", _STRING, nullable=False),
        pa.field("instruction", _STRING, nullable=False),
        pa.field("query", _STRING, nullable=False),
        pa.field("positive", _STRING, nullable=False),
        pa.field("negatives", pa.list_(_STRING), nullable=False),
        pa.field("reasons", pa.list_(_STRING), nullable=False),  # "gate:field:reason": drops, or what was not verified
        pa.field("doubt", pa.float64()),  # 0 to 1: how near the gates were to dropping an accepted row; 1 nearest
        pa.field("doubt_gate", _STRING),  # "gate:field" of the nearest verdict; of a scored drop of a rejected row
        pa.field("doubt_score", pa.float64()),
        pa.field("doubt_threshold", pa.float64()),
    ]
)
"""One line for each row and part. A row may be in the random and the doubtful part: it is shown once and counts in both."""
