"""A release changed for the worse, and written as its next version: by the folder's format, past all gates and guards."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pairsmith.curation.manifest import MANIFEST, read_manifest
from pairsmith.curation.release_files import row_set_hash
from pairsmith.factory.folder import file_digest
from pairsmith.factory.records import RELEASE, content_hash

Rows = list[dict[str, Any]]
Manifest = dict[str, Any]


def read_rows(release: Path) -> Rows:
    """All rows, in the order of their ids."""
    tables = [pq.read_table(release / name, schema=RELEASE) for name in read_manifest(release)["files"]]
    return sorted(pa.concat_tables(tables).to_pylist(), key=lambda row: row["id"])


def next_version(
    release: Path,
    folder: Path,
    rows: Rows,
    reshape: Callable[[pa.Table], pa.Table] = lambda table: table,
    edit: Callable[[Manifest], None] = lambda manifest: None,
) -> Path:
    """``rows`` as version 1.1.0 in ``folder``, with a manifest that agrees: only what ``edit`` does to that is odd.

    ``reshape`` is done to each table. The funnel counts as the run would that asked for so many rows more or less.
    """
    target = folder / "1.1.0"
    shutil.copytree(release, target, ignore=shutil.ignore_patterns("data"))
    files: dict[str, dict[str, Any]] = {}
    for row in rows:
        row["content_hash"] = content_hash(row["query"], row["positive"], row["negatives"])
    for group, split in sorted({(row["group"], row["split"]) for row in rows}):
        name = f"data/{group}/{split}-00000-of-00001.parquet"
        mine = [row for row in rows if (row["group"], row["split"]) == (group, split)]
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(reshape(pa.Table.from_pylist(mine, schema=RELEASE)), target / name)
        files[name] = {"rows": len(mine), "sha256": file_digest(target / name)}
    manifest = read_manifest(release)
    more = len(rows) - manifest["rows"]
    for name in ("asked", "answered", "accepted"):
        manifest["gates"][name] = max(0, manifest["gates"][name] + more)
    index = pa.Table.from_pylist(rows, schema=RELEASE)
    manifest |= {"version": "1.1.0", "parent": "1.0.0", "rows": len(rows), "files": files}
    manifest["row_set"] = row_set_hash(index)
    edit(manifest)
    (target / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False))
    return target


def again(row: dict[str, Any], number: int, **changed: Any) -> dict[str, Any]:
    """The row under another id."""
    return {**row, "id": f"{number:016x}", "request_id": f"again-{number}", **changed}
