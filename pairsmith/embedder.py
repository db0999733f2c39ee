"""A model in sentence-transformers' format, by its folder or its name on the Hub, ready to embed. No code of its own is run."""

from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith.curation.hub_calls import hub, told
from pairsmith.curation.hub_release import checked_repository
from pairsmith.curation.publishable_model import model_folder, read_object
from pairsmith.factory.errors import InputError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]  # no pickle, no code


def load_embedder(model: str) -> "SentenceTransformer":
    """``model``: a folder, also the one that a training wrote it into; or ``ORG/NAME`` or ``ORG/NAME@TAG`` on the Hub.

    Raises :class:`InputError` or :class:`RemoteError`, in one line, where it can't be had or loaded.
    """
    if not model.strip():
        raise InputError("a model is named by nothing; is a variable of the script empty?")
    place = Path(model) if Path(model).is_dir() else _brought(model)
    folder = model_folder(place)
    if folder is None:
        raise InputError(
            f"{model}: no modules.json, so it is no model in sentence-transformers' format; name one that is"
        )
    _need_base(folder)
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    from pairsmith.trainer.tokens import first_line

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        return SentenceTransformer(str(folder), trust_remote_code=False, model_kwargs={"use_safetensors": True})
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as fault:
        raise InputError(f"{model}: cannot be loaded by sentence-transformers: {first_line(fault)}") from fault


def _need_base(folder: Path) -> None:
    """Raise :class:`InputError` where it is an adapter for a base model in a folder that has gone."""
    path = folder / "adapter_config.json"
    base = Path(str(read_object(path).get("base_model_name_or_path"))) if path.is_file() else folder
    if base.is_absolute() and not base.is_dir():
        raise InputError(
            f"{folder}: it is an adapter for the model in {base}, which is not there; bring it back, or write its new place "
            f"into {path.name}"
        )


def _brought(model: str) -> Path:
    """The folder of a model that lies on the Hub, in the library's cache: all of it of one commit.

    sentence-transformers 6 takes the weights of an adapter from the main branch, whichever ``revision`` it is given.
    """
    name, _, revision = model.partition("@")
    api = hub()
    with told(checked_repository(name), "and there is no folder of this name here"):
        return Path(api.snapshot_download(name, revision=revision or None, allow_patterns=_FILES))
