"""Rows that people look at: their sample, its way to an Argilla server, and what people answered on the way back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from pairsmith.curation.argilla import missing
from pairsmith.curation.argilla import pull as pull_responses
from pairsmith.curation.argilla import push as push_sample
from pairsmith.curation.argilla_connection import connect
from pairsmith.curation.argilla_datasets import Advance
from pairsmith.curation.gate_scores import read_lines
from pairsmith.curation.review_rows import FILE, SAMPLE
from pairsmith.curation.review_sample import Drawn, draw
from pairsmith.curation.reviews import FILE as REVIEWS
from pairsmith.curation.reviews import append_reviews, read_reviews, under_known_names, whole_lines
from pairsmith.factory.errors import RunError
from pairsmith.factory.records import digest
from pairsmith.factory.tables import new_table
from pairsmith.progress import bar
from pairsmith.reviewed import read_sample, reviewed
from pairsmith.run import ACCEPTED, CANDIDATES, REJECTED_FILE, VERDICTS_FILE, Run, Stage
from pairsmith.validators.build import sources

STAGE = "sample"
_TABLES = (CANDIDATES, ACCEPTED, REJECTED_FILE, VERDICTS_FILE)


def draw_sample(run: Run, count: int | None = None) -> dict[str, Any]:
    """Write ``review/sample.parquet`` unless it is as it should be; returns how many rows of each part it has.

    ``count``: rows that are wanted, default ``review.sample`` of the spec. Once drawn for people, a sample gets no smaller.
    """
    return sample_stage(max(drawn_before(run), count or run.spec.review.sample)).do(run)


def drawn_before(run: Run) -> int:
    """Rows that were wanted when the sample was drawn last; 0 where none was."""
    return int(run.folder.facts(STAGE).get("count", 0))


def sample_stage(count: int) -> Stage:
    """The stage that draws ``count`` rows for people."""

    def inputs(run: Run) -> dict[str, Any]:
        for name in _TABLES:
            run.folder.need(name, "gate")
        tables = {name: run.folder.digest(name) for name in _TABLES}
        sections = (run.spec.review, run.spec.gates.length)
        wanted = digest(*(each.model_dump(mode="json") for each in sections), run.spec.seed, count)
        return {**tables, "review": wanted, "own": _own_gates(run)}

    def make(run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
        tables = Drawn(*(run.table(name) for name in _TABLES))
        sample = draw(tables, run.spec.review, count, run.spec.seed, _own_gates(run), run.spec.gates.length)
        with new_table(run.path / FILE, SAMPLE) as writer:
            writer.write(sample)
        parts = sample["part"].to_pylist()
        return (FILE,), {"count": count, "parts": {part: parts.count(part) for part in sorted(set(parts))}}

    return Stage(STAGE, inputs, make)


def _own_gates(run: Run) -> str:
    """Digest of what decides on rows and can name each single one of them: a user's gates, and the files of all gates."""
    gates = run.spec.gates
    return digest([one.model_dump(mode="json") for one in gates.custom], sources(gates, run.path))


def push(run: Run, url: str | None, api_key: str | None, sample: int | None) -> dict[str, Any]:
    """Draw the sample, and send what of it is not on the server yet."""
    connection = connect(run.path, url, api_key)  # first: what is drawn for people stays drawn
    drawn = draw_sample(run, sample)
    rows = read_sample(run)
    lines = read_lines(run.table(VERDICTS_FILE), rows["id"].to_pylist())
    pushed = push_sample(connection, rows, lines, run.spec.review, run.spec.name, _shown)
    return {**asdict(pushed), "server": connection.url, "parts": drawn["parts"]}


def pull(run: Run, url: str | None, api_key: str | None) -> dict[str, Any]:
    """Bring in what people answered: ``reviews.jsonl`` gets what is new."""
    if not drawn_before(run):
        raise RunError(f"{run.path}: nothing was shown to people yet; begin with 'pairsmith review push {run.path}'")
    connection = connect(run.path, url, api_key)
    pulled = pull_responses(connection, run.spec.review, run.spec.name, _shown)
    kept = whole_lines(run.path / REVIEWS)
    new = append_reviews(kept, under_known_names(pulled.reviews, read_reviews(kept)))
    draw_sample(run)  # of the rows as they are now
    return {
        "server": connection.url,
        "responses": len(pulled.reviews),
        "new": new,
        "left_out": pulled.left_out,
        "missing": missing(read_sample(run), pulled),
        "figures": reviewed(run),
    }


@contextmanager
def _shown(what: str, total: int) -> Iterator[Advance]:
    with bar(what, total) as shown:
        yield shown.update
