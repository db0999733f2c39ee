"""What a run gives: the next release of its accepted rows, and the report of what its gates found."""

import json
from dataclasses import asdict
from typing import Any

from pairsmith.accounts import read_book, read_ledger, written
from pairsmith.curation.release import MANIFEST, ReleaseFacts, write_release
from pairsmith.factory.folder import written_whole
from pairsmith.factory.records import digest
from pairsmith.report import ReportData, write_report
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


def release(run: Run) -> dict[str, Any]:
    """Write the accepted rows as the next version, where they differ from the newest one, and their signatures beside it."""
    return RELEASE.do(run)


def report(run: Run) -> dict[str, Any]:
    """Write ``report.html`` of what the gates found and what was paid, and ``ledger.json``."""
    return REPORT_PAGE.do(run)


def _release_inputs(run: Run) -> dict[str, Any]:
    run.folder.need(ACCEPTED, "gate")
    settings = digest(run.spec.name, run.spec.release.model_dump(mode="json"))
    return {"accepted": run.folder.digest(ACCEPTED), "release": settings}


def _release(run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    spec = run.spec
    thresholds = spec.gates.model_dump(mode="json")
    book = read_book(run)
    facts = ReleaseFacts(spec.name, spec.release, run.folder.facts("gate"), thresholds, tool_versions(), book)
    folder, change = write_release(run.table(ACCEPTED), facts, run.path / RELEASES)
    signatures = write_signatures(
        folder, bands_for(spec.gates.duplicates.threshold, spec.gates.duplicates.permutations)
    )
    path = f"{RELEASES}/{folder.name}"
    outputs = (f"{path}/{MANIFEST}", f"{RELEASES}/{signatures.name}")
    return outputs, {"version": folder.name, "path": path, "change": str(change or "the first release")}


def _report_inputs(run: Run) -> dict[str, Any]:
    for name in _TABLES.values():
        run.folder.need(name, "gate")
    version = run.folder.facts("release").get("version")
    return {
        "release": version,
        "funnel": digest(run.folder.facts("gate")),
        "paid": digest([asdict(line) for line in read_ledger(run)]),
        **{name: run.folder.digest(name) for name in _TABLES.values()},
    }


def _report(run: Run) -> tuple[tuple[str, ...], dict[str, Any]]:
    book = read_book(run)
    data = ReportData(
        name=run.spec.name,
        funnel=run.folder.facts("gate"),
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


RELEASE = Stage("release", _release_inputs, _release)
REPORT_PAGE = Stage("report", _report_inputs, _report)
