"""The bounds of ``quality.yml`` as expectations of Great Expectations, run and shown as its pages (Data Docs).

::

    FOLDER/rows.json, metrics.json     the suites, for teams that run Great Expectations themselves
    FOLDER/data_docs/index.html        what came of them

``rows`` holds of the release's table what can be said of each row; ``metrics`` has one line, the release's, with a column for
each metric that has a bound: bounds against the baseline stand there as the numbers that they come to.

Needs the extra ``check``. The pages take their styles, and the index its table, from servers of others: without a network the
page of each suite is plain, and the index empty, so that the pages of the suites are named too.
"""

import json
import logging
import os
from pathlib import Path
from typing import Any

from pairsmith.curation.check import Report
from pairsmith.curation.metrics import LATER
from pairsmith.curation.quality import Quality
from pairsmith.curation.released_rows import Released
from pairsmith.factory.errors import InputError
from pairsmith.factory.records import RELEASE, Mark
from pairsmith.factory.taxonomy import GROUPS

ROWS, METRICS = "rows", "metrics"
DOCS = "data_docs"

_TEXTS = ("query", "positive")


def write_expectations(release: Path, report: Report, quality: Quality, folder: Path) -> dict[str, Any]:
    """Run the suites on a release and write them with their pages below ``folder``; says which hold and where the pages are.

    Raises :class:`InputError` where Great Expectations is not there.
    """
    gx = _great_expectations()
    folder.mkdir(parents=True, exist_ok=True)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    _add_docs(context, folder / DOCS)
    tables = {ROWS: _rows(release), METRICS: _metrics(report, quality)}
    suites = {ROWS: _row_suite(gx, release), METRICS: _metric_suite(gx, report, quality)}
    source = context.data_sources.add_pandas("release")
    definitions = []
    for name, suite in suites.items():
        suite = context.suites.add(suite)
        (folder / f"{name}.json").write_text(_as_text(suite), encoding="utf-8")
        batch = source.add_dataframe_asset(name=name).add_batch_definition_whole_dataframe(report.release)
        definitions.append(
            context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
        )
    held = {}
    for name, definition in zip(suites, definitions, strict=True):
        checkpoint = gx.Checkpoint(
            name=f"{report.release}, {name}",
            validation_definitions=[definition],
            actions=[gx.checkpoint.UpdateDataDocsAction(name="pages")],
        )
        held[name] = bool(context.checkpoints.add(checkpoint).run({"dataframe": tables[name]}).success)
    pages = {name: str(_newest(folder / DOCS, name)) for name in held}
    return {"folder": str(folder), "index": str(folder / DOCS / "index.html"), "pages": pages, "held": held}


def _newest(docs: Path, name: str) -> Path:
    """The page of what came of a suite last: their folders are named by time."""
    return max(docs.glob(f"validations/pairsmith {name}/*/*/*.html"))


def _great_expectations() -> Any:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # nothing is sent anywhere
    try:
        import great_expectations
    except ImportError:
        raise InputError("--expectations needs Great Expectations; pip install 'pairsmith[check]'") from None
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    return great_expectations


def _add_docs(context: Any, folder: Path) -> None:
    for name in list(context.get_site_names()):
        context.delete_data_docs_site(name)
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.resolve())}
    config = {
        "class_name": "SiteBuilder",
        "store_backend": store,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    context.add_data_docs_site("pages", config)


def _row_suite(gx: Any, release: Path) -> Any:
    """What holds of each row: the columns, ids once each, no text missing or empty, known groups, splits and marks."""
    expect, columns = gx.expectations, Released(release).columns
    suite = gx.ExpectationSuite(name=f"pairsmith {ROWS}")
    wanted = [name for name in RELEASE.names if name not in LATER]
    reason = "the columns of a release are read by name"
    suite.add_expectation(expect.ExpectTableColumnsToMatchSet(column_set=wanted, exact_match=False, notes=reason))
    suite.add_expectation(expect.ExpectColumnValuesToBeUnique(column="id", notes="a row keeps its id for life"))
    for field in RELEASE:
        if not field.nullable and field.name in columns:
            suite.add_expectation(
                expect.ExpectColumnValuesToNotBeNull(column=field.name, notes="of every row it is known")
            )
    for name in _TEXTS:
        why = "an empty text teaches nothing"
        suite.add_expectation(expect.ExpectColumnValueLengthsToBeBetween(column=name, min_value=1, notes=why))
    for name, known in (("group", sorted(GROUPS)), ("review", [mark.value for mark in Mark])):
        if name in columns:
            why = "another value is of another version"
            suite.add_expectation(expect.ExpectColumnValuesToBeInSet(column=name, value_set=known, notes=why))
    return suite


def _metric_suite(gx: Any, report: Report, quality: Quality) -> Any:
    suite = gx.ExpectationSuite(name=f"pairsmith {METRICS}")
    for name, bound in quality.metrics.items():
        if name in report.skipped and not bound.compares:
            continue
        low, high = bound.limits(report.baseline_metrics.get(name))
        if (low, high) == (float("-inf"), float("inf")):
            continue
        suite.add_expectation(
            gx.expectations.ExpectColumnMaxToBeBetween(
                column=name,
                min_value=None if low == float("-inf") else low,
                max_value=None if high == float("inf") else high,
                notes=bound.reason,
            )
        )
    return suite


def _rows(release: Path) -> Any:
    """All rows but their negatives, which are lists."""
    import pyarrow as pa

    released = Released(release)
    names = [name for name in RELEASE.names if name in released.columns and name != "negatives"]
    tables = [file.read(*names) for file in released.files]
    return pa.concat_tables(tables).to_pandas().assign(negatives=0)


def _metrics(report: Report, quality: Quality) -> Any:
    """One line: the metrics that are bounded, those that were measured."""
    import pandas

    return pandas.DataFrame([{name: report.metrics.get(name) for name in quality.metrics}], dtype="float64")


def _as_text(suite: Any) -> str:
    """The suite as Great Expectations reads it, sorted, without the names that it makes up anew each time."""
    data = suite.to_json_dict()
    data.pop("id", None)
    for one in data["expectations"]:
        one.pop("id", None)
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
