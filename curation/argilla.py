"""A sample goes to an Argilla server, and what people answered comes back.

Both can be stopped at any moment and done again: a row that is on the server is not sent again, whoever answered it, and a
response that is known is not kept twice.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from pairsmith.curation.argilla_connection import Connection
from pairsmith.curation.argilla_datasets import (
    TWICE,
    Advance,
    Queue,
    find_workspace,
    made_workspace,
    queues,
)
from pairsmith.curation.argilla_form import form_there
from pairsmith.curation.argilla_records import (
    SCORE,
    Shown,
    external_id,
    in_batches,
    our_name,
    to_shown,
)
from pairsmith.curation.argilla_responses import Reading, to_review
from pairsmith.curation.gate_scores import Line
from pairsmith.curation.reviews import Review
from pairsmith.factory.errors import RunError
from pairsmith.factory.spec import ReviewSpec

BATCH = 100
"""Records that are sent at once: a server on SQLite takes them in well under a second."""
BATCH_TEXT = 2_000_000  # characters of a batch, so that no proxy refuses it for its size

Bar = Callable[[str, int], AbstractContextManager[Advance]]
"""Shows progress: what is done, and how many there are."""


@dataclass(frozen=True)
class Pushed:
    """What a push came to. ``pages``: where reviewers answer; ``absent``: reviewers who are no users of the workspace."""

    new: int
    known: int
    workspace: str
    workspace_is_new: bool
    pages: Mapping[str, str]
    absent: tuple[str, ...]


@dataclass(frozen=True)
class Pulled:
    """What is on the server. ``left_out``: a line for each response that cannot be used; ``records``: ids of rows there."""

    reviews: list[Review] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    records: set[str] = field(default_factory=set)

    def take(self, record: Mapping[str, Any], reading: Reading) -> None:
        """Add a record of the server with its responses."""
        self.records.add(str(record["external_id"]))
        for response in record.get("responses") or ():
            found = to_review(record, response, reading)
            if isinstance(found, Review):
                self.reviews.append(found)
            else:
                self.left_out.append(str(found))


def push(
    connection: Connection,
    sample: pa.Table,
    lines: Mapping[str, Sequence[Line]],
    spec: ReviewSpec,
    name: str,
    progress: Bar,
) -> Pushed:
    """Send those rows of a sample (schema SAMPLE) that are not on the server yet; ``lines``: verdicts by row id.

    ``name``: of the dataset. What is there is left as it is, whoever made it. :class:`RunError` in one line where it cannot
    be done; all that was sent until then stays, and the next push goes on.
    """
    shown = to_shown(sample, lines, spec)
    workspace, is_new = made_workspace(connection, spec.workspace, spec.reviewers)
    there = list(queues(workspace, name))
    asked = {queue.name: queue.check() for queue in there}
    known = _known(there, progress)
    new = [one for one in shown if one.external_id not in known]
    gates = sorted({key.removeprefix(SCORE) for one in shown for key in one.metadata if key.startswith(SCORE)})
    by_name = {queue.name: queue for queue in there}
    with progress("push", len(new)) as advance:
        for answers, twice in ((1, False), (2, True)):
            due = [one for one in new if one.twice is twice]
            named = f"{name}{TWICE}" if twice else name
            if due and named not in by_name:
                by_name[named] = workspace.make_queue(named, answers, gates)
                asked[named] = by_name[named].ask("questions")
            if due:
                _send(by_name[named], asked[named], due, advance)
    pages = {queue.name: queue.page(len(spec.reviewers)) for queue in by_name.values()}
    absent = tuple(sorted(set(spec.reviewers) - workspace.members()))
    return Pushed(len(new), len(shown) - len(new), workspace.name, is_new, pages, absent)


def _known(there: Sequence[Queue], progress: Bar) -> set[str]:
    """External ids of all records in the datasets: a row of one is not sent to the other."""
    with progress("what is there", sum(queue.total() for queue in there)) as advance:
        return {str(record["external_id"]) for queue in there for record in queue.records((), advance)}


def _send(queue: Queue, questions: Sequence[Mapping[str, Any]], due: Sequence[Shown], advance: Advance) -> None:
    """A batch that came to the server although its answer did not is taken once: external ids are unique there."""
    ids = {question["name"]: question["id"] for question in questions}
    for batch in in_batches(due, BATCH, BATCH_TEXT):
        items = [one.payload(ids) for one in batch]
        queue.connection.ask("POST", f"datasets/{queue.id}/records/bulk", json={"items": items})
        advance(len(batch))


def pull(connection: Connection, spec: ReviewSpec, name: str, progress: Bar) -> Pulled:
    """All responses to the dataset ``name``, whatever their status, of all reviewers.

    :class:`RunError` in one line where they cannot be read; nothing is kept then, and the next pull has all of them.
    """
    workspace = find_workspace(connection, spec.workspace)
    there = list(queues(workspace, name))
    if not there:
        raise RunError(
            f"{connection.url}: no dataset '{name}' in workspace '{spec.workspace}'; push one with 'pairsmith review push'"
        )
    pulled, users = Pulled(), workspace.users()
    with progress("pull", sum(queue.total() for queue in there)) as advance:
        for queue in there:
            questions = queue.check_readable()
            names = {one["id"]: our_name(one["name"]) for one in questions}
            reading = Reading(connection.url, form_there(questions), users, names)
            for record in queue.records(("responses", "suggestions"), advance):
                pulled.take(record, reading)
    return pulled


def missing(sample: pa.Table, pulled: Pulled) -> int:
    """Rows of a sample that are not on the server: never pushed, or deleted there."""
    columns = zip(sample["id"].to_pylist(), sample["content_hash"].to_pylist(), strict=True)
    return len({external_id(*one) for one in columns} - pulled.records)
