"""Small releases, and what anybody sees of the repository that they are published to."""

from pathlib import Path

import pyarrow as pa
from local_hub import OURS, LocalHub
from stored import stored

from pairsmith.curation.publish import Publication, publish
from pairsmith.curation.publish_check import Bounds
from pairsmith.curation.quality import SHIPPED, Quality
from pairsmith.curation.release import write_release
from pairsmith.curation.release_facts import ReleaseFacts
from pairsmith.factory.records import PAIRS, content_hash
from pairsmith.factory.spec import ReleaseSpec

FUNNEL = {"asked": 3, "answered": 3, "failed": {}, "pending": 0, "rejected": 0, "accepted": 3, "gates": []}
SPEC = ReleaseSpec(license="cc0-1.0", terms={"m": "output may be used freely"})
FACTS = ReleaseFacts("demo", SPEC, FUNNEL, {}, {"pairsmith": "0"})


def rows(*numbers: int, texts: str = "") -> pa.Table:
    found = [
        {
            "id": f"{number:016x}",
            "request_id": f"r{number}",
            "content_hash": content_hash(f"query {number}", f"positive {number}{texts}", []),
            "group": "sts" if number % 2 else "long_long",
            "instruction": "Find it.",
            "query": f"query {number}",
            "positive": f"positive {number}{texts}",
            "negatives": [],
            "query_language": "en",
            "document_language": "en",
            "model": "m",
        }
        for number in numbers
    ]
    return pa.Table.from_pylist(found, schema=PAIRS)


def release(folder: Path, *numbers: int, facts: ReleaseFacts = FACTS, texts: str = "") -> Path:
    return write_release(stored(rows(*numbers, texts=texts)), facts, folder)[0]


def said(_: str) -> None:
    pass


def asked(**metrics: dict[str, object]) -> Bounds:
    """Bounds of these metrics alone (``__`` stands for a dot): no row is judged, no drift looked for."""
    bounds = {name.replace("__", "."): {"reason": "it must", **bound} for name, bound in metrics.items()}
    quality = {"metrics": bounds, "recheck": 0, "drift": {"enabled": False}}
    return Bounds(SHIPPED, Quality.model_validate(quality))


NOTHING = asked(rows={"min": 1})


def sent(release: Path, public: bool = False, bounds: Bounds = NOTHING) -> Publication:
    return publish(release, OURS, public, bounds, said)


def state(hub: LocalHub) -> tuple[object, ...]:
    """All that anybody can see of the repository."""
    refs = hub.api().list_repo_refs(OURS, repo_type="dataset")
    commits = [one.commit_id for one in hub.api().list_repo_commits(OURS, repo_type="dataset")]
    return commits, sorted((tag.name, tag.target_commit) for tag in refs.tags)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def bounded(run: Path) -> None:
    """Let a run have bounds that small releases of no gates hold."""
    (run / SHIPPED.name).write_text("metrics: {rows: {min: 1, reason: it must}}\nrecheck: 0\n", encoding="utf-8")
