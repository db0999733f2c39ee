"""What users load: a folder in sentence-transformers' format, as an adapter for its base model, or with it in one.

vLLM and text-embeddings-inference (TEI) read the same files, which decides their form. ``modules.json`` and
``1_Pooling/config.json`` use the names of sentence-transformers 5 and earlier: those of version 6 mean nothing to these
servers. The post-processor of ``tokenizer.json`` adds the end-of-text token: nothing else is looked at by all of them. The
flags for it, the tokenizer's class and ``rope_theta`` also stand where transformers 4 and TEI look for them.
"""

import copy
import importlib.metadata
import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pairsmith.factory.folder import to_disk
from pairsmith.trainer.base import is_causal
from pairsmith.trainer.data import instruct
from pairsmith.trainer.encoder import Encoder
from pairsmith.trainer.recipe import Recipe

MODEL = "model"
ADAPTER = "adapter"

SEARCH = "Given a web search query, retrieve relevant passages that answer the query"
"""The instruction that queries get where nobody names one: the method's for search."""

_POOLINGS = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens", "last": "lasttoken"}
_MODULES = (("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize"))


@dataclass(frozen=True)
class Exported:
    """What was written.

    ``merged``: whether the folder holds the whole model, or an adapter for its base; ``both_ways``: whether it is a decoder
    that reads both ways; ``instruction``: of the prompt ``query``, empty where it has none.
    """

    folder: Path
    merged: bool
    both_ways: bool
    pooling: str
    dimension: int
    instruction: str


Finish = Callable[[Exported, Path], None]
"""Told what is exported and where it lies at first, it adds to it, or raises where it is no good."""


def export(
    encoder: Encoder,
    recipe: Recipe,
    out: Path,
    merge: bool,
    instruction: str = SEARCH,
    finish: Finish | None = None,
) -> Exported:
    """Write ``out/model``, which users load: the adapter, or with ``merge`` the whole model and ``out/adapter`` beside it.

    A decoder that reads both ways is always merged: no file of an adapter can say so, and users would get the vectors of a
    model that reads one way. ``instruction``: of the prompt ``query``; empty where training had none. ``finish`` comes before
    the folder takes its place: where it raises, the one that was there stays.
    """
    both_ways = _turned(encoder)
    merged, model = merge or both_ways, out / MODEL
    exported = Exported(model, merged, both_ways, encoder.pooling, encoder.dimension, instruction)
    if merged:
        with _in_place_of(out / ADAPTER) as beside:
            _write_adapter(encoder, recipe, beside, instruction)
    with _in_place_of(model) as beside:
        if merged:
            _write_merged(encoder, recipe, out / ADAPTER, beside, instruction)
        else:
            _write_adapter(encoder, recipe, beside, instruction)
        if finish:
            finish(exported, beside)
    return exported


def _turned(encoder: Encoder) -> bool:
    """Whether it is a decoder, made to read one way, that was trained to read both."""
    from transformers import AutoConfig, AutoModel

    if encoder.causal:
        return False
    with torch.device("meta"):  # its layers without weights
        made = AutoModel.from_config(AutoConfig.from_pretrained(encoder.name, revision=encoder.revision))
    return is_causal(made)


def _write_adapter(encoder: Encoder, recipe: Recipe, folder: Path, instruction: str) -> None:
    encoder.model.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
    path = folder / "adapter_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    settings |= {"base_model_name_or_path": _address(encoder.name), "revision": encoder.revision}
    settings["target_modules"] = sorted(settings["target_modules"])  # a set: each process has an order of its own
    _write(path, settings)
    _write_frame(encoder, recipe, folder, instruction)


def _write_merged(encoder: Encoder, recipe: Recipe, adapter: Path, folder: Path, instruction: str) -> None:
    """The base is read again, on the CPU and in its own precision: what is trained stays as it is."""
    from peft import PeftModel
    from transformers import AutoModel

    base = AutoModel.from_pretrained(encoder.name, revision=encoder.revision, use_safetensors=True, dtype="auto")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers under a name of yesterday
        model: Any = PeftModel.from_pretrained(base, str(adapter)).merge_and_unload()
    if _turned(encoder):
        model.config.is_causal = False
    if model.config.pad_token_id is None:  # which TEI can't read; where there is one, RoBERTa counts positions from it
        model.config.pad_token_id = _exported(encoder, recipe).pad_token_id
    if recipe.dimensions:
        model.config.matryoshka_dimensions = sorted({encoder.dimension, *recipe.dimensions}, reverse=True)  # for vLLM
    model.save_pretrained(str(folder), safe_serialization=True)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    theta = (config.get("rope_parameters") or {}).get("rope_theta")
    _write(path, config if theta is None else {**config, "rope_theta": theta})
    _write_frame(encoder, recipe, folder, instruction)


def _write_frame(encoder: Encoder, recipe: Recipe, folder: Path, instruction: str) -> None:
    """All but the weights."""
    _write(folder / "modules.json", [_module(number, *each) for number, each in enumerate(_MODULES)])
    length = {"max_seq_length": recipe.max_length, "do_lower_case": False}
    _write(folder / "sentence_bert_config.json", length)
    pooling = {f"pooling_mode_{name}": encoder.pooling == ours for ours, name in _POOLINGS.items()}
    rest = {"pooling_mode_mean_sqrt_len_tokens": False, "pooling_mode_weightedmean_tokens": False}
    width = {"word_embedding_dimension": encoder.dimension}
    _write(folder / "1_Pooling" / "config.json", {**width, **pooling, **rest, "include_prompt": True})
    (folder / "2_Normalize").mkdir()
    _write(folder / "config_sentence_transformers.json", _prompts(instruction))
    tokenizer = _exported(encoder, recipe)
    tokenizer.save_pretrained(str(folder))
    _write_words(tokenizer, folder / "tokenizer_config.json")


def _module(number: int, kind: str, path: str) -> dict[str, Any]:
    return {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}


def _prompts(instruction: str) -> dict[str, Any]:
    packages = {"sentence_transformers": "sentence-transformers", "transformers": "transformers", "pytorch": "torch"}
    return {
        "__version__": {name: importlib.metadata.version(package) for name, package in packages.items()},
        "prompts": {"query": instruct(instruction, "") if instruction else "", "document": ""},
        "default_prompt_name": None,
        "similarity_fn_name": "cosine",
    }


def _exported(encoder: Encoder, recipe: Recipe) -> Any:
    """The tokenizer as users get it: who calls it says where to cut, and it can pad."""
    tokenizer = copy.deepcopy(encoder.tokenizer)
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.model_max_length = recipe.max_length
    tokenizer.padding_side = "right"
    if tokenizer.pad_token is None:
        own = getattr(encoder.model.config, "pad_token_id", None)
        named = None if own is None else tokenizer.convert_ids_to_tokens(own)
        tokenizer.pad_token = named or tokenizer.eos_token or tokenizer.unk_token
    return tokenizer


def _write_words(tokenizer: Any, path: Path) -> None:
    """Say in words of transformers 4 what the tokenizer is and what its post-processor does."""
    ids = tokenizer("a")["input_ids"]
    config = json.loads(path.read_text(encoding="utf-8"))
    config |= {"add_bos_token": ids[0] == tokenizer.bos_token_id, "add_eos_token": ids[-1] == tokenizer.eos_token_id}
    if config.get("tokenizer_class") == "TokenizersBackend":
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
    _write(path, config)


def _address(name: str) -> str:
    """A folder by its whole path; a name on the Hub as it is."""
    return str(Path(name).resolve()) if Path(name).is_dir() else name


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def _in_place_of(folder: Path) -> Iterator[Path]:
    """A folder to write to, which then takes the place of ``folder``, whole and on disk, or is gone."""
    beside, old = (folder.with_name(f".{folder.name}.{what}") for what in ("part", "old"))
    for left in (beside, old):  # by a kill
        shutil.rmtree(left, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        yield beside
        _settle(beside)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    if folder.exists():
        folder.rename(old)
    beside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _settle(folder: Path) -> None:
    """See to it that all files outlive a power cut, and that who may read one may read the weights: they come for the owner."""
    mode = (folder / "modules.json").stat().st_mode
    for path in (path for path in folder.rglob("*") if path.is_file()):
        path.chmod(mode)
        to_disk(path)
