"""What a run gives: the next release of its accepted rows, and the report of what its gates found."""

import json
from dataclasses import asdict
from functools import partial
from typing import Any

from pairsmith.accepting import need_acceptance
from pairsmith.accounts import read_book, read_ledger, written
from pairsmith.curation.manifest import MANIFEST
from pairsmith.curation.release import AUTO, write_release
from pairsmith.curation.release_facts import ReleaseFacts
from pairsmith.curation.review_facts import NOT_INSTALLED, ReviewFacts, review_facts
from pairsmith.curation.review_rows import FILE as SAMPLE_FILE
from pairsmith.curation.reviews import FILE as REVIEWS
from pairsmith.curation.reviews import read_reviews
from pairsmith.deciding import DECIDE, decided, has_reviews, to_release
from pairsmith.factory.folder import written_whole
from pairsmith.factory.records import digest
from pairsmith.progress import note
from pairsmith.removals import reasons_of_removal
from pairsmith.report import ReportData, write_report
from pairsmith.reviewed import read_sample, reviewed
from pairsmith.reviewing import draw_sample, drawn_before
from pairsmith.revision import revision
from pairsmith.run import (
    ACCEPTED,
    CANDIDATES,
    LEDGER,
    REJECTED_FILE,
    RELEASES,
    REPORT,
    REQUESTS_FILE,
    VERDICTS_FILE,
    Run,
    Stage,
    tool_versions,
)
from pairsmith.targeting import slices
from pairsmith.validators.minhash import bands_for
from pairsmith.validators.released import write_signatures

_TABLES = {
    "requests": REQUESTS_FILE,
    "candidates": CANDIDATES,
    "verdicts": VERDICTS_FILE,
    "rejected": REJECTED_FILE,
    "accepted": ACCEPTED,
}


def release(run: Run, bump: str = AUTO) -> dict[str, Any]:
    """Write the accepted rows as the next version, where they differ from the newest one, and their signatures beside it.

    ``bump``: level of the version, see :func:`~pairsmith.curation.release.write_release`. What people decided is applied
    first. :class:`RunError` where their answers do not support ``review.max_defect_rate``.
    """
    run.folder.need(ACCEPTED, "gate")
    decisions = decided(run)
    if drawn_before(run) and _review_counts(run):
        draw_sample(run)
    return {**release_stage(bump).do(run), "review": decisions}


def report(run: Run) -> dict[str, Any]:
    """Write ``report.html`` of what the gates and people found and what was paid, and ``ledger.json``.

    What people decided is applied first, so that it is told of the rows and answers as they are now.
    """
    decided(run)
    if _answered(run):
        draw_sample(run)  # of the rows as they are now
    return REPORT_PAGE.do(run)


def _release_inputs(run: Run) -> dict[str, Any]:
    rows = run.folder.digest(to_release(run))
    near = run.spec.gates.duplicates
    said = digest(run.spec.name, run.spec.release.model_dump(mode="json"), near.threshold, near.permutations)
    return {"rows": rows, "release": said, **_reviewed(run)}


def _reviewed(run: Run) -> dict[str, Any]:
    """What decides what is said of people's review, and whether that is enough; nothing where it plays no part."""
    if not _review_counts(run):
        return {}
    files = {name: run.folder.digest(name) for name in (REVIEWS, SAMPLE_FILE)}
    return {**files, "review": digest(run.spec.review.model_dump(mode="json"))}


def _review_counts(run: Run) -> bool:
    """Whether people's review plays a part in a release: they have answered, or must."""
    return run.spec.review.max_defect_rate is not None or has_reviews(run)


def _release(bump: str, run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    spec = run.spec
    thresholds = spec.gates.model_dump(mode="json")
    funnel = run.folder.facts("gate")
    review = _review_facts(run)
    if funnel["accepted"]:
        need_acceptance(run.path, spec.review, review.statement if review else None)
    said = review if has_reviews(run) else None
    facts = ReleaseFacts(
        name=spec.name,
        spec=spec.release,
        funnel=funnel,
        thresholds=thresholds,
        tool_versions=tool_versions(),
        book=read_book(run),
        review=said,
        duplicates=spec.gates.duplicates,
        revision=revision(run.path),
        why=partial(reasons_of_removal, run),
    )
    folder, change = write_release(run.table(to_release(run)), facts, run.path / RELEASES, bump)
    if said and said.agreement and said.agreement.undefined == NOT_INSTALLED and not (change and change.empty):
        note("the card cannot tell how far reviewers agree; that takes: pip install 'pairsmith[review]'")
    signatures = write_signatures(
        folder, bands_for(spec.gates.duplicates.threshold, spec.gates.duplicates.permutations)
    )
    path = f"{RELEASES}/{folder.name}"
    outputs = (f"{path}/{MANIFEST}", f"{RELEASES}/{signatures.name}")
    return outputs, {"version": folder.name, "path": path, "change": str(change or "the first release")}


def _review_facts(run: Run) -> ReviewFacts | None:
    """What is known of people's review; None where it plays no part, or nobody was shown a row and nobody has answered."""
    if not _review_counts(run) or not (drawn_before(run) or has_reviews(run)):
        return None
    sample = read_sample(run) if drawn_before(run) else None
    return review_facts(decided(run), read_reviews(run.path / REVIEWS), sample, run.spec.review)


def _answered(run: Run) -> bool:
    """Whether people have answered rows that were drawn for them, so that all rows can be told of."""
    return bool(drawn_before(run)) and has_reviews(run)


def _report_inputs(run: Run) -> dict[str, Any]:
    for name in _TABLES.values():
        run.folder.need(name, "gate")
    version = run.folder.facts("release").get("version")
    return {
        "release": version,
        "funnel": digest(run.folder.facts("gate")),
        "decided": digest(_decisions(run)),
        **(_reviewed(run) if _answered(run) else {}),
        "paid": digest([asdict(line) for line in read_ledger(run)]),
        **{name: run.folder.digest(name) for name in _TABLES.values()},
    }


def _report(run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    book = read_book(run)
    data = ReportData(
        name=run.spec.name,
        funnel=run.folder.facts("gate"),
        decisions=_decisions(run),
        figures=reviewed(run) if _answered(run) else None,
        release=run.folder.facts("release").get("version"),
        generated_with=tool_versions(),
        book=book,
        slices=slices(run),
        **{name: run.table(file) for name, file in _TABLES.items()},
    )
    with written_whole(run.path / REPORT) as beside:
        beside.write_text(write_report(data), encoding="utf-8")
    with written_whole(run.path / LEDGER) as beside:
        beside.write_text(json.dumps(written(book), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return (REPORT, LEDGER), {"path": REPORT}


def _decisions(run: Run) -> dict[str, Any]:
    """How many accepted rows became what by people's answers."""
    return run.folder.facts(DECIDE.name) if has_reviews(run) else {}


def release_stage(bump: str = AUTO) -> Stage:
    """The stage that writes a release, of which a version of level ``bump`` is made where there is one to make."""
    return Stage("release", _release_inputs, partial(_release, bump))


RELEASE = release_stage()
REPORT_PAGE = Stage("report", _report_inputs, _report)
