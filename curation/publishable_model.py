"""Whether a model may be published: whole, without a pickle, under a licence, open about its data, and of use to others."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pairsmith.curation.front_matter import front_matter
from pairsmith.curation.hub_release import CARD
from pairsmith.factory.errors import InputError, RunError
from pairsmith.factory.folder import file_digest

FACTS = "training.json"

_WHOLE = (CARD, FACTS, "modules.json", "tokenizer.json")
_SUFFIXES = (".json", ".jinja", ".md", ".model", ".safetensors", ".txt")  # what transformers and our export write
_SHOWN = 8  # digits of the digest in a tag


@dataclass(frozen=True)
class PublishableModel:
    """``files``: path in the folder -> SHA-256; ``tag``: the version of its data and the digest of all files, so another model
    has another one."""

    folder: Path
    files: Mapping[str, str]
    tag: str


def model_folder(path: Path) -> Path | None:
    """The folder of a model that ``path`` names: itself, or what a training wrote into it; None where it is no model."""
    return next((folder for folder in (path, path / "model") if (folder / "modules.json").is_file()), None)


def read_model(folder: Path) -> PublishableModel:
    """A model that may be published; raises :class:`RunError` with all that stands against it."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in found]
    missing = [name for name in _WHOLE if name not in names]
    if missing:
        raise RunError(f"{folder}: {missing[0]} is missing; export the model again with 'pairsmith train'")
    facts = read_object(folder / FACTS)
    faults = [*_of_files(names), *_of_licence(folder), *_of_data(facts), *_of_base(folder)]
    if faults:
        raise RunError(f"{folder} can't be published: {'; '.join(faults)}")
    files = {name: file_digest(path) for name, path in zip(names, found, strict=True)}
    whole = hashlib.sha256(json.dumps(files).encode()).hexdigest()
    version = next(source["version"] for source in facts["sources"] if source.get("version"))
    return PublishableModel(folder, files, f"v{version}-{whole[:_SHOWN]}")


def _of_files(names: list[str]) -> Iterator[str]:
    strange = [name for name in names if not name.endswith(_SUFFIXES) or name.startswith(".")]
    if strange:
        yield f"{strange[0]} is no file that a model needs: move it elsewhere"
    if not any(name.endswith(".safetensors") for name in names):
        yield "it has no weights (*.safetensors)"


def _of_licence(folder: Path) -> Iterator[str]:
    try:
        data = front_matter((folder / CARD).read_text(encoding="utf-8"))
    except ValueError as error:
        yield f"its {CARD} can't be read: {error}"
        return
    if not data.get("license"):
        yield f"its card names no licence, as that of the base model does not: write 'license: ...' at the head of {CARD}"
    elif data["license"] == "other" and not data.get("license_link"):
        yield f"its licence is 'other' and nobody knows which: write 'license_link: ...' at the head of {CARD}"


def _of_data(facts: Mapping[str, Any]) -> Iterator[str]:
    sources = facts.get("sources")
    if not isinstance(sources, list) or not all(isinstance(each, dict) and each.get("row_set") for each in sources):
        yield f"{FACTS} does not say which rows it was trained on: train again"
    elif not any(each.get("version") for each in sources):
        yield "the data it was trained on has no version: release it with 'pairsmith release', and train on the release"


def _of_base(folder: Path) -> Iterator[str]:
    path = folder / "adapter_config.json"
    if path.is_file() and Path(str(read_object(path).get("base_model_name_or_path"))).is_absolute():
        yield "it is an adapter for a base model on this machine, which nobody else has: train with --merge"


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a model; raises :class:`InputError` where there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise InputError(f"{path}: not readable; export the model again with 'pairsmith train'")
    return content
