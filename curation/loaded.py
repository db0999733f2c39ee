"""What a reader gets: a published version, loaded at its tag by ``datasets`` with empty caches, in a process of its own.

The digest of the rows is made of the texts as they were loaded, not of the column that says it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pairsmith.curation.hub_release import Published
from pairsmith.factory.errors import RemoteError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

LOADED_WHOLE = 200_000
"""Rows up to which all is downloaded and prepared as a reader's ``load_dataset`` does; more are read as a stream, since
the prepared copy takes as much of this disk as all texts do."""

_BATCH = 1_000
_SAID = 300  # characters of what went wrong


def verify(api: "HfApi", published: Published, manifest: dict[str, Any]) -> None:
    """Load a published version and compare its rows; raises :class:`RemoteError` where they are not those of the manifest."""
    with TemporaryDirectory() as caches:
        streamed = "streamed" if manifest["rows"] > LOADED_WHOLE else "whole"
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-P", "-m", __name__, published.repository, published.tag, streamed],
            env={**os.environ, **_caches(Path(caches)), "HF_ENDPOINT": api.endpoint},
            capture_output=True,
            text=True,
        )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise RemoteError(f"{published} is there, but 'datasets' can't load it ({said[:_SAID]}); run the command again")
    rows, row_set = json.loads(done.stdout.splitlines()[-1])
    if (rows, row_set) != (manifest["rows"], manifest["row_set"]):
        raise RemoteError(
            f"{published} is there, but {rows:,} rows with the digest {row_set[:12]} were loaded, not the {manifest['rows']:,} "
            f"with {manifest['row_set'][:12]} of the release; 'pairsmith yank {published} --why ...' marks it"
        )


def _caches(folder: Path) -> dict[str, str]:
    names = ("HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_MODULES_CACHE", "HF_ASSETS_CACHE", "HF_XET_CACHE")
    return {name: str(folder / name.lower()) for name in names}


def load(repository: str, tag: str, streamed: bool) -> tuple[int, str]:
    """Rows and their digest, see :func:`pairsmith.curation.release_files.row_set_hash`."""
    import datasets
    import pyarrow as pa

    from pairsmith.curation.release_files import row_set_hash
    from pairsmith.factory.records import content_hash

    datasets.disable_progress_bars()
    parts = []
    for split, rows in datasets.load_dataset(repository, revision=tag, streaming=streamed).items():
        for batch in rows.with_format("arrow").iter(_BATCH):
            texts = (batch[name].to_pylist() for name in ("query", "positive", "negatives"))
            hashes = [content_hash(*row) for row in zip(*texts, strict=True)]
            names = pa.array([str(split)] * batch.num_rows)
            parts.append(pa.table({"id": batch["id"], "content_hash": pa.array(hashes), "split": names}))
    index = pa.concat_tables(parts).combine_chunks()
    return index.num_rows, row_set_hash(index)


if __name__ == "__main__":
    print(json.dumps(load(sys.argv[1], sys.argv[2], sys.argv[3] == "streamed")))
