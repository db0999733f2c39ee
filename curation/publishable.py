"""Whether a release may be published: whole, unchanged since it was written, under a licence, and open about its models."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pairsmith.curation.card import inert
from pairsmith.curation.front_matter import front_matter
from pairsmith.curation.hub_release import CARD, parse_manifest, release_paths
from pairsmith.curation.manifest import MANIFEST
from pairsmith.factory.errors import RunError
from pairsmith.factory.folder import file_digest

AGAIN = "then release again and publish that version"


def read_publishable(release: Path) -> dict[str, Any]:
    """The manifest of a release that may be published; raises :class:`RunError` with all that stands against it."""
    manifest = parse_manifest((release / MANIFEST).read_bytes(), str(release))
    missing = [name for name in release_paths(manifest) if not (release / name).is_file()]
    if missing:
        raise RunError(f"{release}: {missing[0]} is missing; take the release again from where it came")
    need_digests(release, manifest, {name: file_digest(release / name) for name in release_paths(manifest)})
    card = (release / CARD).read_text(encoding="utf-8")
    faults = [*_of_licence(card), *_of_models(card, manifest)]
    if faults:
        raise RunError(f"{release} can't be published: {'; '.join(faults)}; {AGAIN}")
    return manifest


def need_digests(release: Path, manifest: Mapping[str, Any], digests: Mapping[str, str]) -> None:
    """Raise :class:`RunError` where the SHA-256 of a file is not the one that the manifest names."""
    known = {name: file["sha256"] for name, file in (manifest["files"] | manifest.get("other_files", {})).items()}
    changed = next((name for name, digest in digests.items() if known.get(name, digest) != digest), None)
    if changed:
        raise RunError(f"{release}: {changed} was changed after the release was written; release again")


def _of_licence(card: str) -> Iterator[str]:
    try:
        data = front_matter(card)
    except ValueError as error:
        yield f"its {CARD} can't be read: {error}"
        return
    licence = data.get("license")
    if not licence:
        yield "its card names no licence: set 'release.license' in factory.yml"
    elif licence == "other" and not data.get("license_link"):
        yield "its licence is 'other' and nobody knows which: set 'release.license', or 'release.license_link' to its text"


def _of_models(card: str, manifest: Mapping[str, Any]) -> Iterator[str]:
    terms: Mapping[str, str] = manifest.get("terms", {})
    unstated = [model for model in manifest["models"] if not terms.get(model, "").strip()]
    if unstated:
        named = ", ".join(f"'{model}'" for model in unstated)
        terms_of = f"{{{unstated[0]}: '...'}}"
        yield f"nothing says what the terms of {named} allow: set 'release.terms' in factory.yml, as {terms_of}"
    stated = [model for model in manifest["models"] if model not in unstated]
    absent = [model for model in stated if inert(model) not in card or inert(terms[model]) not in card]
    if absent:
        yield f"its card does not name '{absent[0]}' with its terms, as its manifest does"
