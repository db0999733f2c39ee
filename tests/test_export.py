"""What is exported is what was trained, in the form that sentence-transformers, vLLM and TEI document."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from sentence_transformers import SentenceTransformer
from test_encoder import KINDS, SHARED
from tiny import TEXTS, minilm, save_mistral, save_model, save_tokenizer
from tokenizers import Tokenizer

from pairsmith.factory.errors import RunError
from pairsmith.trainer.encoder import Encoder, load_encoder
from pairsmith.trainer.export import ADAPTER, MODEL, Exported, export
from pairsmith.trainer.recipe import Recipe
from pairsmith.trainer.reload import difference, load, verify

LENGTH = 40


def trained(model: Path, **options: Any) -> tuple[Encoder, Recipe]:
    """An encoder whose adapter does something, as after training."""
    recipe = Recipe(max_length=LENGTH, **options)
    encoder = load_encoder(model, recipe, "cpu")
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        for name, weight in encoder.trained.items():
            if "lora_B" in name:
                weight.normal_(0, 0.2)
    encoder.refresh()
    return encoder, recipe


def compared(encoder: Encoder, folder: Path) -> float:
    return difference(encoder, load(folder), folder)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def mistral(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_mistral(tmp_path_factory.mktemp("mistral"))


@pytest.mark.parametrize("model", ["mistral", "minilm"])
def test_an_exported_adapter_is_loaded_with_difference_zero(model: str, mistral: Path, tmp_path: Path) -> None:
    encoder, recipe = trained(mistral if model == "mistral" else minilm())
    folder = export(encoder, recipe, tmp_path, merge=False).folder
    assert (compared if model == "mistral" else verify)(encoder, folder) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [MODEL]


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_a_decoder_read_both_ways_is_merged_and_loaded_as_such(pooling: str, mistral: Path, tmp_path: Path) -> None:
    encoder, recipe = trained(mistral, attention="bidirectional", pooling=pooling)
    exported = export(encoder, recipe, tmp_path, merge=False)
    assert exported.merged and exported.both_ways
    assert compared(encoder, exported.folder) < 1e-5
    with pytest.raises(RunError, match="another model than was trained"):
        compared(encoder, tmp_path / ADAPTER)


def test_a_merged_model_needs_no_base_and_differs_by_rounding(mistral: Path, tmp_path: Path) -> None:
    encoder, recipe = trained(mistral, dimensions=[32])
    folder = export(encoder, recipe, tmp_path, merge=True).folder
    assert not (folder / "adapter_config.json").exists()
    assert compared(encoder, folder) < 1e-5
    config = read(folder / "config.json")
    assert config["matryoshka_dimensions"] == [64, 32]
    assert config["rope_theta"] == config["rope_parameters"]["rope_theta"]
    assert isinstance(config["pad_token_id"], int)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "own"), [each[:2] for each in KINDS], ids=[kind for kind, *_ in KINDS])
def test_every_kind_of_model_is_exported_as_it_was_trained(kind: str, own: dict[str, Any], tmp_path: Path) -> None:
    save_tokenizer(tmp_path)
    config = getattr(transformers, f"{kind}Config")(**SHARED | own)
    save_model(getattr(transformers, f"{kind}Model"), config, tmp_path)
    encoder, recipe = trained(tmp_path)
    assert compared(encoder, export(encoder, recipe, tmp_path / "out", merge=False).folder) == 0
    assert compared(encoder, export(encoder, recipe, tmp_path / "out", merge=True).folder) < 1e-5
    if encoder.causal:
        encoder, recipe = trained(tmp_path, attention="bidirectional")
        assert compared(encoder, export(encoder, recipe, tmp_path / "out", merge=False).folder) < 1e-5


def test_positions_of_a_model_that_counts_from_its_padding_stay(tmp_path: Path) -> None:
    save_tokenizer(tmp_path)
    save_model(transformers.RobertaModel, transformers.RobertaConfig(**SHARED), tmp_path)
    encoder, recipe = trained(tmp_path)
    folder = export(encoder, recipe, tmp_path / "out", merge=True).folder
    assert compared(encoder, folder) < 1e-5
    model = SentenceTransformer(str(folder), device="cpu")
    assert abs(model.encode(TEXTS) - [model.encode(text) for text in TEXTS]).max() < 1e-5


def test_a_folder_that_is_another_model_is_refused(mistral: Path, tmp_path: Path) -> None:
    encoder, recipe = trained(mistral)
    folder = export(encoder, recipe, tmp_path, merge=False).folder
    pooling = read(folder / "1_Pooling" / "config.json")
    wrong = pooling | {"pooling_mode_lasttoken": False, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(wrong))
    with pytest.raises(RunError, match="another model than was trained"):
        compared(encoder, folder)


@pytest.mark.slow
def test_a_folder_that_does_not_load_is_told_in_one_line(mistral: Path, tmp_path: Path) -> None:
    encoder, recipe = trained(mistral)
    folder = export(encoder, recipe, tmp_path, merge=False).folder
    (folder / "modules.json").write_text("[")
    with pytest.raises(RunError, match="can't load it") as fault:
        verify(encoder, folder)
    assert "\n" not in str(fault.value)


def test_what_is_no_good_does_not_take_the_place_of_what_was_there(mistral: Path, tmp_path: Path) -> None:
    encoder, recipe = trained(mistral)
    folder = export(encoder, recipe, tmp_path, merge=False).folder
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    def refuse(exported: Exported, beside: Path) -> None:
        assert (exported.folder, beside.parent) == (folder, tmp_path)
        raise RunError("no good")

    with pytest.raises(RunError, match="no good"):
        export(encoder, recipe, tmp_path, merge=False, instruction="another", finish=refuse)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == [MODEL]


def test_what_a_kill_left_beside_the_model_goes_with_the_next_export(mistral: Path, tmp_path: Path) -> None:
    for left in (".model.part", ".model.old"):
        (tmp_path / left / "1_Pooling").mkdir(parents=True)
    encoder, recipe = trained(mistral)
    assert compared(encoder, export(encoder, recipe, tmp_path, merge=False).folder) == 0
    assert [path.name for path in tmp_path.iterdir()] == [MODEL]


@pytest.mark.parametrize("merge", [False, True])
def test_who_may_read_the_settings_may_read_the_weights(merge: bool, mistral: Path, tmp_path: Path) -> None:
    folder = export(*trained(mistral), tmp_path, merge=merge).folder
    assert len({path.stat().st_mode for path in folder.rglob("*") if path.is_file()}) == 1


@pytest.mark.parametrize("merge", [False, True])
def test_a_tokenizer_that_pads_with_its_end_of_text_gives_the_vectors_of_training(merge: bool, tmp_path: Path) -> None:
    base = save_mistral(tmp_path / "base")
    settings = read(base / "tokenizer_config.json")
    (base / "tokenizer_config.json").write_text(json.dumps({**settings, "pad_token": "</s>", "padding_side": "left"}))
    encoder, recipe = trained(base)
    assert encoder.tokenizer.pad_token_id == encoder.tokenizer.eos_token_id
    folder = export(encoder, recipe, tmp_path, merge=merge).folder
    assert compared(encoder, folder) < (1e-5 if merge else 1e-9)
    model = SentenceTransformer(str(folder), device="cpu")
    together, alone = model.encode(TEXTS), np.stack([model.encode(text) for text in TEXTS])
    assert np.abs(together - alone).max() < 1e-5  # padding of any width plays no part
    assert model.tokenizer(TEXTS[0])["input_ids"][-1] == encoder.tokenizer.eos_token_id


def test_users_read_the_tokens_that_training_read_and_the_last_one_ends_the_text(mistral: Path, tmp_path: Path) -> None:
    encoder, recipe = trained(mistral)
    folder = export(encoder, recipe, tmp_path, merge=False).folder
    ids = [list(one) for one in encoder.tokenize(TEXTS)]
    assert max(map(len, ids)) == LENGTH
    model = SentenceTransformer(str(folder), device="cpu")
    assert [model.tokenizer(text, truncation=True)["input_ids"] for text in TEXTS] == ids
    plain = Tokenizer.from_file(str(folder / "tokenizer.json"))  # what TEI reads
    assert (plain.truncation, plain.padding) == (None, None)
    assert all(tokens[0] == "<s>" and tokens[-1] == "</s>" for tokens in (plain.encode(text).tokens for text in TEXTS))
    plain.enable_truncation(LENGTH)
    assert [plain.encode(text).ids for text in TEXTS] == ids


def test_the_files_are_as_servers_know_them(mistral: Path, tmp_path: Path) -> None:
    encoder, recipe = trained(mistral)
    folder = export(encoder, recipe, tmp_path, merge=False, instruction="Find the answer.").folder
    kinds = [module["type"] for module in read(folder / "modules.json")]
    assert kinds == [f"sentence_transformers.models.{kind}" for kind in ("Transformer", "Pooling", "Normalize")]
    pooling = read(folder / "1_Pooling" / "config.json")
    assert [name for name, on in pooling.items() if on is True] == ["pooling_mode_lasttoken", "include_prompt"]
    assert {"pooling_mode_cls_token", "pooling_mode_mean_tokens"} <= pooling.keys()
    assert read(folder / "sentence_bert_config.json") == {"max_seq_length": LENGTH, "do_lower_case": False}
    tokenizer = read(folder / "tokenizer_config.json")
    assert tokenizer["add_bos_token"] and tokenizer["add_eos_token"]
    assert tokenizer["tokenizer_class"] == "PreTrainedTokenizerFast"
    prompts = read(folder / "config_sentence_transformers.json")["prompts"]
    assert prompts == {"query": "Instruct: Find the answer.\nQuery: ", "document": ""}
    assert not [path for path in folder.rglob("*") if path.suffix in (".bin", ".pt", ".pkl")]


def test_the_same_adapter_gives_the_same_bytes(mistral: Path, tmp_path: Path) -> None:
    encoder, recipe = trained(mistral)
    first, second = (export(encoder, recipe, tmp_path / name, merge=False).folder for name in "ab")
    names = sorted(str(path.relative_to(first)) for path in first.rglob("*") if path.is_file())
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)
