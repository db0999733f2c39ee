"""The bounds of ``quality.yml`` as expectations of Great Expectations, run and shown as its pages (Data Docs).

::

    FOLDER/rows.json, metrics.json     the suites, for teams that run Great Expectations themselves
    FOLDER/metrics.csv                 the line that the suite of metrics is run on
    FOLDER/data_docs/index.html        what came of them

``rows`` holds of the release's table what can be said of each row; ``metrics`` has one line, the release's, with a column for
each metric that has a bound. Rows lie in a SQLite file while they are looked at, so that memory does not grow with them.

Needs the extra ``check``.
"""

import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any

from pairsmith.curation.check import Report
from pairsmith.curation.difference import told_rows
from pairsmith.curation.finding import Finding
from pairsmith.curation.manifest import MANIFEST
from pairsmith.curation.quality import Quality
from pairsmith.curation.released_rows import Released
from pairsmith.curation.rows_database import write_rows
from pairsmith.curation.suites import as_text, metric_line, metric_suite, row_suite
from pairsmith.factory.errors import InputError
from pairsmith.factory.extras import need_extra

ROWS, METRICS = "rows", "metrics"
DOCS = "data_docs"
_MARK = ".pairsmith"  # says whose pages these are
_REASON = "rows of a release are such, or quality.yml asks it of them"


@dataclass(frozen=True)
class Ran:
    """What came of the suites: where they were written, the page of each, and of each the expectations that fail, in words."""

    folder: Path
    pages: dict[str, Path]
    failing: dict[str, list[str]]

    @property
    def findings(self) -> list[Finding]:
        """What the suite of rows finds; the suite of metrics finds what the check does."""
        found = self.failing[ROWS]
        what = f"{len(found)} of the expectations of the rows fail: {'; '.join(found)}"
        return [Finding(f"expectations.{ROWS}", what, len(found), None, 0, _REASON)] if found else []

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "folder": str(self.folder),
            "index": str(self.folder / DOCS / "index.html"),
            "pages": {name: str(page) for name, page in self.pages.items()},
            "held": {name: not failing for name, failing in self.failing.items()},
        }


def write_expectations(release: Path, report: Report, quality: Quality, folder: Path) -> Ran:
    """Run the suites on a release and write them with their pages below ``folder``.

    Raises as :func:`great_expectations` and :func:`make_room` do.
    """
    gx = great_expectations()
    from pairsmith.curation.data_docs import add_site

    make_room(folder)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    add_site(context, folder / DOCS)
    released = Released(release)
    suites = {
        ROWS: row_suite(gx, report, quality, released.columns),
        METRICS: metric_suite(gx, report, quality),
    }
    for name, suite in suites.items():
        (folder / f"{name}.json").write_text(as_text(suite), encoding="utf-8")
    with TemporaryDirectory(prefix="pairsmith-expectations-") as kept:
        database = Path(kept) / "rows.sqlite"
        write_rows(released, database, [one.column for one in suites[ROWS].expectations if hasattr(one, "column")])
        source = context.data_sources.add_sqlite("release", connection_string=f"sqlite:///{database}")
        rows = source.add_table_asset(name=ROWS, table_name="rows").add_batch_definition_whole_table("all")
        failing = {ROWS: _run(gx, context, suites[ROWS], rows, _named(report))}
    line = _line(report, quality, folder / "metrics.csv")
    asset = context.data_sources.add_pandas("measured").add_dataframe_asset(name=METRICS)
    batch = asset.add_batch_definition_whole_dataframe("line")
    failing[METRICS] = _run(gx, context, suites[METRICS], batch, _named(report), dataframe=line)
    return Ran(folder, {name: _page(folder / DOCS, suites[name].name) for name in failing}, failing)


def make_room(folder: Path) -> None:
    """Make the folder, with an empty one for pages: those of an earlier check go.

    Raises :class:`InputError` where it cannot be written, or holds what is not of such a check.
    """
    docs = folder / DOCS
    if (folder / MANIFEST).exists():
        raise InputError(f"{folder}: is a release or a run, which holds nothing else; name another folder")
    if docs.exists() and not (docs / _MARK).is_file():
        raise InputError(f"{docs}: no check of Pairsmith has written it; name another folder than {folder}")
    try:
        if docs.exists():
            rmtree(docs)
        docs.mkdir(parents=True)
        (docs / _MARK).touch()
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); name another folder") from None


def great_expectations() -> Any:
    """The module. Raises :class:`RunError` where it is not there."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # nothing is sent anywhere
    need_extra("check", "--expectations", "great_expectations", "sqlalchemy")  # by which it reads SQLite
    import great_expectations as module

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    return module


def _run(gx: Any, context: Any, suite: Any, batch: Any, run: str, **parameters: Any) -> list[str]:
    """The expectations of the suite that fail of the batch, in words; its page is written."""
    definition = gx.ValidationDefinition(name=suite.name, data=batch, suite=context.suites.add(suite))
    checkpoint = gx.Checkpoint(
        name=suite.name,
        validation_definitions=[context.validation_definitions.add(definition)],
        actions=[gx.checkpoint.UpdateDataDocsAction(name="pages")],
    )
    found = context.checkpoints.add(checkpoint).run(parameters or None, run_id=gx.RunIdentifier(run_name=run))
    return [_failing(one) for result in found.run_results.values() for one in result.results if not one.success]


def _failing(result: Any) -> str:
    """``expect_column_values_to_be_unique of id (2 rows)``."""
    asked, count = result.expectation_config, result.result.get("unexpected_count")
    of = f" of {asked.kwargs['column']}" if "column" in asked.kwargs else ""
    return f"{asked.type}{of}" + (f" ({told_rows(count)})" if count else "")


def _named(report: Report) -> str:
    """The release's name, as the name of a folder."""
    return re.sub(r"[^\w.-]+", "-", report.release)[:100]


def _line(report: Report, quality: Quality, path: Path) -> Any:
    """The metrics as a table of one line, which is written to ``path`` too."""
    import pandas

    line = pandas.DataFrame([metric_line(report, quality)], dtype="float64")
    line.to_csv(path, index=False)
    return line


def _page(docs: Path, suite: str) -> Path:
    """The page of what came of a suite."""
    return next(docs.glob(f"validations/{suite}/*/*/*.html"))
