"""What stands beside the data of a release: its changelog, its card, and last its manifest, which names them all."""

from pathlib import Path
from typing import Any

from pairsmith.curation.card import CardFacts, render_card, to_try
from pairsmith.curation.changelog import write_changelog
from pairsmith.curation.contents import commonest_first
from pairsmith.curation.difference import MEANINGS
from pairsmith.curation.manifest import published_commit, write_manifest
from pairsmith.curation.release_facts import ReleaseFacts, Rows, Step, said_on_card
from pairsmith.curation.release_files import row_set_hash
from pairsmith.curation.removed import BETWEEN, write_removed
from pairsmith.factory.accounts import as_json
from pairsmith.factory.folder import file_digest
from pairsmith.factory.records import RELEASE


def write_papers(folder: Path, files: dict[str, int], rows: Rows, facts: ReleaseFacts, step: Step) -> None:
    """Write what stands beside the data ``files`` (name -> rows) in the ``folder`` of a release."""
    write_removed(folder, step.removed)
    changelog = write_changelog(folder, step.parent, step.section)
    (folder / "README.md").write_text(render_card(_card_facts(rows, facts, step, files, changelog)), encoding="utf-8")
    write_manifest(folder, _manifest(rows, facts, step, folder, files))


def _card_facts(rows: Rows, facts: ReleaseFacts, step: Step, files: dict[str, int], changelog: str) -> CardFacts:
    return CardFacts(
        name=facts.name,
        version=str(step.version),
        license=facts.spec.license,
        description=facts.spec.description,
        contents=rows.contents,
        tried=rows.some(to_try(rows.released)),
        files=_configs(files),
        funnel=facts.funnel,
        thresholds=facts.thresholds,
        models=commonest_first(rows.contents.models),
        book=facts.book,
        review=facts.review,
        tool_versions=facts.tool_versions,
        parent=step.parent.name if step.parent else None,
        changelog=changelog,
        license_link=facts.spec.license_link,
        terms=facts.spec.terms,
    )


def _manifest(rows: Rows, facts: ReleaseFacts, step: Step, folder: Path, files: dict[str, int]) -> dict[str, Any]:
    others = sorted(path.name for path in folder.iterdir() if path.is_file())
    card = said_on_card(rows, facts)
    return {
        "name": facts.name,
        "version": str(step.version),
        "parent": step.parent.name if step.parent else None,
        "parent_commit": published_commit(step.parent) if step.parent else None,
        "row_set": row_set_hash(rows.released),
        "rows": rows.contents.rows,
        "counts": rows.contents.counts(),
        "left_out": {BETWEEN: len(rows.left_out)} if len(rows.left_out) else {},
        "removed": step.reasons,
        "models": commonest_first(rows.contents.models),
        "card": card,
        "terms": card["terms"],
        "ledger": [as_json(one) for one in facts.book.by("model", "step")],
        "schema": {field.name: str(field.type) for field in RELEASE},
        "meanings": MEANINGS,
        "splits": facts.splitting.as_json(),
        "files": {name: {"rows": count, "sha256": file_digest(folder / name)} for name, count in files.items()},
        "other_files": {name: {"sha256": file_digest(folder / name)} for name in others},
        "gates": facts.funnel,
        "review": facts.review.as_json() if facts.review else None,
        "thresholds": facts.thresholds,
        "tools": facts.tool_versions,
        "revision": facts.revision,
    }


def _configs(files: dict[str, int]) -> dict[str, dict[str, list[str]]]:
    """Config -> split -> files. Config ``all`` has every group; each group is a config of its own."""
    configs: dict[str, dict[str, list[str]]] = {"all": {}}
    for name in files:
        _, group, file = name.split("/")
        split = file.split("-")[0]
        for config in ("all", group):
            configs.setdefault(config, {}).setdefault(split, []).append(name)
    return configs
