"""A sample and thirty responses of two people, made by hand: few enough to count on paper."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from stored import stored

from pairsmith.curation.review_form import Answers, form_version
from pairsmith.curation.review_rows import SAMPLE
from pairsmith.curation.reviews import Review
from pairsmith.factory.records import VERDICTS
from pairsmith.factory.tables import TableFile

BEGIN = datetime(2026, 3, 1, 9, tzinfo=UTC)


def line(row: str, part: str, place: int, stratum: str, rows: int, population: int, **more: Any) -> dict[str, Any]:
    """One line of a sample; ``more`` replaces what a line has by default."""
    group, _, languages = stratum.partition("/")
    query, _, document = languages.partition("-")
    texts = {name: f"{name} of {row}" for name in ("query", "positive", "instruction", "request_id")}
    return texts | {
        "id": row, "content_hash": f"hash of {row}", "part": part, "place": place, "stratum": stratum,
        "stratum_rows": rows, "population": population, "overlap": False, "group": group, "query_language": query,
        "document_language": document or query, "model": "m", "negatives": [], "reasons": [],
    } | more  # fmt: skip


def table(lines: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(lines, schema=SAMPLE)


def review(row: str, who: str, second: float, status: str = "submitted", **answers: Any) -> Review:
    """One response, ``second`` seconds after :data:`BEGIN`; ``content_hash`` in ``answers`` is of other texts."""
    at = (BEGIN + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")
    hashed = answers.pop("content_hash", f"hash of {row}")
    said = Answers.model_validate(answers)
    return Review(
        id=row, content_hash=hashed, reviewer=who, status=status, at=at, source="test", form=form_version(), answers=said
    )  # fmt: skip


def verdicts(lines: list[dict[str, Any]]) -> TableFile:
    """Verdicts as a run keeps them; what is not told of one is empty."""
    whole = [dict.fromkeys(VERDICTS.names) | {"request_id": "q"} | each for each in lines]
    return stored(pa.Table.from_pylist(whole, schema=VERDICTS))


SECOND = {"overlap": True}
RANDOM = [
    *(
        line(f"a{place}", "random", place, "sts/en", 600, 1000, **(SECOND if place in (1, 2) else {}))
        for place in range(6)
    ),
    line("a6", "random", 6, "bitext/fr-en", 400, 1000, **SECOND),
    line("a7", "random", 7, "bitext/fr-en", 400, 1000),
    line("a8", "random", 8, "bitext/fr-en", 400, 1000, **SECOND),
    line("a9", "random", 9, "bitext/fr-en", 400, 1000),
]
UNKNOWN = {"reasons": ["language:query:no_detector"]}
DOUBTFUL = [
    line("d0", "doubtful", 0, "sts/en", 50, 50, **UNKNOWN),
    line("d1", "doubtful", 1, "sts/en", 50, 50, **UNKNOWN),
    line("a1", "doubtful", 2, "sts/en", 50, 50, **SECOND),
    line("d2", "doubtful", 3, "sts/en", 50, 50),
    line("d3", "doubtful", 4, "sts/en", 50, 50, **SECOND),
]
LANGUAGE, SHORT = "language:positive:wrong_language", "length:query:too_short"
REJECTED = [
    *(line(f"r{place}", "rejected", place, "sts/en", 200, 320, reasons=[LANGUAGE]) for place in range(4)),
    line("r4", "rejected", 4, "sts/en", 200, 320, reasons=["language:query:wrong_language", LANGUAGE, SHORT], **SECOND),
    *(
        line(
            f"r{5 + number}",
            "rejected",
            5 + number,
            "others",
            100,
            320,
            group="bitext",
            query_language="de",
            document_language="en",
            reasons=[reason],
        )
        for number, reason in enumerate(["leakage:positive:query_copied", SHORT, "format:positive:refusal"])
    ),
]
SAMPLE_LINES = RANDOM + DOUBTFUL + REJECTED


def rated(decision: str, positive: int, negative: int, *wrong: str) -> dict[str, Any]:
    return {"decision": decision, "wrong": wrong, "positive_relevance": positive, "negative_relevance": negative}


ANN = [
    review("a0", "ann", 0, **rated("drop", 1, 1, "off_task")),  # changed below
    review("a0", "ann", 0, **rated("keep", 5, 2)),
    review("a1", "ann", 20, **rated("keep", 5, 1)),
    review("a2", "ann", 40, **rated("drop", 2, 3, "wrong_answer")),
    review("a3", "ann", 60, **rated("fix", 4, 1, "unnatural")),
    review("a4", "ann", 80, **rated("keep", 5, 3)),
    review("a5", "ann", 100, "discarded"),
    review("a6", "ann", 120, **rated("keep", 4, 4)),
    review("a7", "ann", 130, "draft", **rated("drop", 1, 1)),
    review("a8", "ann", 140, **rated("keep", 5, 1)),
    # an hour of something else
    review("d0", "ann", 3740, **rated("keep", 5, 5)),
    review("d1", "ann", 3760, decision="drop", wrong=["wrong_language"]),
    review("d2", "ann", 3780, decision="drop", wrong=["wrong_answer", "unnatural"]),
    review("d3", "ann", 3800, decision="keep"),
    review("r0", "ann", 3820, decision="keep"),
    review("r1", "ann", 3840, decision="drop", wrong=["wrong_language"]),
    review("r2", "ann", 3860, decision="drop"),
    review("r3", "ann", 3880, decision="fix", wrong=["off_task"]),
    review("r4", "ann", 3900, decision="keep"),
    review("r5", "ann", 3920, decision="keep"),
    review("r6", "ann", 3940, decision="drop", wrong=["too_short"]),
]
BEN = [
    review("a1", "ben", 0, **rated("keep", 4, 2)),
    review("a2", "ben", 0, **rated("keep", 4, 2)),
    review("a6", "ben", 0, **rated("keep", 5, 4)),
    review("d3", "ben", 0, "discarded"),
    review("r4", "ben", 0, decision="keep"),
    review("d2", "ben", 0, "draft"),
    review("r7", "ben", 0, "draft", decision="keep"),
    review("a9", "ben", 0, content_hash="of other texts", decision="drop"),
    review("elsewhere", "ben", 0, decision="drop"),
]
THIRTY = ANN + BEN
