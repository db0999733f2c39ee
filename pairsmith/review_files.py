"""Review without a server: a page and a file for each reviewer, and the answers that come back as files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pairsmith.curation.gate_scores import read_lines as verdicts_on
from pairsmith.curation.review_lines import Filled, Unanswered, empty_line, news, of_run, read_lines
from pairsmith.curation.review_page import review_page
from pairsmith.curation.review_records import Record, deal, records
from pairsmith.curation.review_rows import FILE, SAMPLE
from pairsmith.curation.reviews import FILE as REVIEWS
from pairsmith.curation.reviews import Key, Review, append_reviews, latest, read_reviews, whole_lines
from pairsmith.factory.errors import InputError, nearest
from pairsmith.factory.folder import written_whole
from pairsmith.factory.tables import TableFile
from pairsmith.reviewed import reviewed
from pairsmith.reviewing import draw_sample, drawn_before
from pairsmith.run import CANDIDATES, VERDICTS_FILE, Run

FOLDER = "review"


def export_run(run: Run, sample: int | None = None, reviewer: str | None = None) -> dict[str, Any]:
    """Draw the sample, deal it to the reviewers, and write the page and the lines of each, or of one ``reviewer``.

    ``sample``: rows to show in all, default ``review.sample`` of the spec. What a reviewer answered so far stands in both.
    """
    names = run.spec.review.reviewers
    if reviewer is not None and reviewer not in names:
        raise InputError(
            f"--reviewer {reviewer}: factory.yml names no such reviewer{nearest(reviewer, names)}; put the name into"
            " 'review: {reviewers: [...]}', or take one of " + ", ".join(names)
        )
    drawn = draw_sample(run, sample)
    rows = TableFile(run.path / FILE, SAMPLE, "delete it, and it is drawn again").read(*SAMPLE.names)
    answered = _known(run)
    lines = verdicts_on(run.table(VERDICTS_FILE), rows["id"].to_pylist())
    hands = deal(records(rows, lines, run.spec.review), names, run.spec.seed)
    written = [_write(run, name, hands[name], answered) for name in ([reviewer] if reviewer else names)]
    return {"written": written, "parts": drawn["parts"]}


def import_run(run: Run, files: Sequence[Path]) -> dict[str, Any]:
    """Take the answers that files hold into ``reviews.jsonl``: what is new in them, and all of it that can be read.

    ``mend`` says, where there is something, what could not be taken; a file may be imported again at any time. ``figures``:
    what all answers come to by now, see :func:`pairsmith.curation.review_figures.figures`.
    """
    run.folder.need(CANDIDATES, "gate")
    lines = [line for file in files for line in read_lines(file)]
    filled = [line for line in lines if isinstance(line, Filled)]
    ours, strangers = _of_run(run, filled)
    refused = [str(line) for line in lines if isinstance(line, InputError)] + strangers
    found = news(ours, _known(run))
    result = {
        "lines": len(lines),
        "new": append_reviews(run.path / REVIEWS, found.reviews),
        "known": found.known,
        "older": found.older,
        "unanswered": sum(isinstance(line, Unanswered) for line in lines),
        "refused": refused,
        "reviews": len(_known(run)),
        "figures": _figures(run),
    }
    if refused:
        result["mend"] = f"{len(refused):,} of {len(lines):,} lines were not taken; the others were: mend, import again"
    return result


def _figures(run: Run) -> dict[str, Any] | None:
    """What all answers come to; None where no row was drawn to be shown, so that nothing can be told of the others."""
    if not drawn_before(run):
        return None
    draw_sample(run)  # of the rows as they are now
    return reviewed(run)


def _write(run: Run, name: str, mine: Sequence[Record], answered: Mapping[Key, Review]) -> dict[str, Any]:
    page, lines = (f"{FOLDER}/export-{name}.{kind}" for kind in ("html", "jsonl"))
    given = [answered.get(Key(record.id, record.content_hash, name)) for record in mine]
    html = review_page(mine, answered, name=run.spec.name, reviewer=name, file_name=Path(page).name)
    with written_whole(run.path / page) as beside:
        beside.write_text(html, encoding="utf-8")
    with written_whole(run.path / lines) as beside, beside.open("w", encoding="utf-8") as file:
        file.writelines(empty_line(record, name, review) for record, review in zip(mine, given, strict=True))
    done = sum(review is not None and review.status != "draft" for review in given)
    return {"reviewer": name, "rows": len(mine), "answered": done, "page": page, "lines": lines}


def _of_run(run: Run, filled: Sequence[Filled]) -> tuple[list[Filled], list[str]]:
    """The responses to rows of the run, and one line for each of those to other rows."""
    ids = {line.review.id for line in filled}
    rows = run.table(CANDIDATES).rows(ids, "id", "content_hash", "query", "positive", "negatives")
    ours, strangers = [], []
    for line in filled:
        try:
            ours.append(of_run(line, rows))
        except InputError as error:
            strangers.append(str(error))
    return ours, strangers


def _known(run: Run) -> dict[Key, Review]:
    return latest(read_reviews(whole_lines(run.path / REVIEWS)))
