"""The encoder: what it reads, how it pools, what it refuses; and that every kind of model gives one text's embedding."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
import transformers

from pairsmith.factory.errors import InputError
from pairsmith.trainer.encoder import Encoder, load_encoder
from pairsmith.trainer.recipe import Recipe
from pairsmith.trainer.selfcheck import difference

SHARED = {
    "vocab_size": 1024,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 520,
    "initializer_range": 0.2,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
# Model, its own settings, pooling of `auto`, layout of `auto`.
KINDS = [
    ("Llama", {}, "last", "packed"),
    ("Qwen2", {}, "last", "packed"),
    ("Qwen3", {}, "last", "packed"),
    ("Gemma", {}, "last", "packed"),
    ("Gemma2", {"sliding_window": 16}, "last", "padded"),  # it bends the scores, which the packed attention refuses
    ("Gemma3Text", {"sliding_window": 16}, "last", "packed"),
    ("GPTNeoX", {}, "last", "packed"),
    ("Bert", {}, "mean", "packed"),
    ("Roberta", {}, "mean", "packed"),
    ("XLMRoberta", {}, "mean", "packed"),
    ("ModernBert", {"local_attention": 16, "sep_token_id": 2, "cls_token_id": 1}, "mean", "packed"),
    ("DistilBert", {"dim": 64, "hidden_dim": 128, "n_layers": 2, "n_heads": 4}, "mean", "packed"),
]


@pytest.fixture(scope="module")
def mistral(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_mistral(tmp_path_factory.mktemp("mistral"))


def embedded(encoder: Encoder, texts: list[str]) -> torch.Tensor:
    with torch.no_grad():
        return encoder.embed(encoder.tokenize(texts))


def test_first_token_is_begin_of_text_and_the_pooled_one_end_of_text(mistral: Path) -> None:
    encoder = load_encoder(mistral, Recipe(max_length=8))
    tokens = encoder.tokenize(tiny.TEXTS)
    assert {len(ids) for ids in tokens} >= {3, 8}, "a short text, and one that was cut"
    for ids in tokens:
        assert (ids[0], ids[-1], ids.dtype) == (1, 2, np.int32)
        assert list(ids).count(2) == 1 and len(ids) <= 8


def test_the_saved_tokenizer_adds_the_end_of_text_by_itself(mistral: Path, tmp_path: Path) -> None:
    encoder = load_encoder(mistral, Recipe())
    encoder.tokenizer.save_pretrained(tmp_path)
    again = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert again(tiny.TEXTS)["input_ids"] == [ids.tolist() for ids in encoder.tokenize(tiny.TEXTS)]
    assert again("bread without yeast", truncation=True, max_length=4)["input_ids"][-1] == 2


def test_other_poolings_leave_the_models_own_tokens_as_they_are() -> None:
    encoder = load_encoder(tiny.minilm(), Recipe())
    own = transformers.AutoTokenizer.from_pretrained(tiny.minilm())
    assert [ids.tolist() for ids in encoder.tokenize(tiny.TEXTS)] == own(tiny.TEXTS)["input_ids"]


def test_a_new_adapter_leaves_a_real_encoder_as_sentence_transformers_reads_it() -> None:
    from sentence_transformers import SentenceTransformer

    encoder = load_encoder(tiny.minilm(), Recipe())
    encoder.model.eval()
    assert (encoder.pooling, encoder.causal, encoder.dimension) == ("mean", False, 384)
    expected = SentenceTransformer(str(tiny.minilm()), device="cpu").encode(tiny.TEXTS)
    found = torch.nn.functional.normalize(embedded(encoder, tiny.TEXTS))
    assert np.abs(found.numpy() - expected).max() < 1e-6


@pytest.mark.parametrize(("kind", "own", "pooling", "layout"), KINDS, ids=[kind for kind, *_ in KINDS])
def test_every_kind_of_model_embeds_as_one_text_at_a_time(
    kind: str, own: dict[str, object], pooling: str, layout: str, tmp_path: Path
) -> None:
    tiny.save_tokenizer(tmp_path)
    config = getattr(transformers, f"{kind}Config")(**SHARED | own)
    tiny.save_model(getattr(transformers, f"{kind}Model"), config, tmp_path)
    encoder = load_encoder(tmp_path, Recipe(rank=4))
    assert (encoder.pooling, encoder.layout) == (pooling, layout)
    for encoder.layout in {"padded", layout}:
        assert difference(encoder, encoder.tokenize(tiny.TEXTS)) < 1e-4


@pytest.mark.parametrize("settings", [{}, {"attention": "bidirectional"}], ids=["causal", "bidirectional"])
@pytest.mark.parametrize("pooling", ["last", "mean", "cls"])
def test_layouts_pool_the_same_tokens(mistral: Path, settings: dict[str, str], pooling: str) -> None:
    encoders = [load_encoder(mistral, Recipe(layout=how, pooling=pooling, **settings)) for how in ("padded", "packed")]
    padded, packed = (embedded(encoder, tiny.TEXTS) for encoder in encoders)
    assert torch.allclose(padded, packed, atol=1e-4)


def test_both_ways_means_that_later_words_count(mistral: Path) -> None:
    for attention, changes in (("causal", False), ("bidirectional", True)):
        encoder = load_encoder(mistral, Recipe(attention=attention, pooling="cls"))
        one, other = embedded(encoder, ["bread without yeast", "bread without flowers"])
        assert bool((one - other).abs().max() > 1e-3) is changes


def test_only_the_adapter_on_the_blocks_linear_layers_is_trained(mistral: Path) -> None:
    encoder = load_encoder(mistral, Recipe(rank=4))
    assert len(encoder.trained) == 2 * 2 * 7, "A and B of seven linear layers in two blocks"
    assert encoder.linear_weights == 2 * (64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 128)
    assert list(encoder.trained) == sorted(encoder.trained)
    assert not any("pooler" in name for name in load_encoder(tiny.minilm(), Recipe()).trained)


def test_the_recipes_dropout_is_the_only_one() -> None:
    encoder = load_encoder(tiny.minilm(), Recipe(dropout=0))
    encoder.model.train()
    assert torch.equal(embedded(encoder, tiny.TEXTS), embedded(encoder, tiny.TEXTS))
    encoder = load_encoder(tiny.minilm(), Recipe(dropout=0.5))
    torch.nn.init.ones_(next(p for name, p in encoder.trained.items() if "lora_B" in name))
    encoder.model.train()
    assert not torch.equal(embedded(encoder, tiny.TEXTS), embedded(encoder, tiny.TEXTS))


def test_first_weights_depend_on_the_seed_alone(mistral: Path) -> None:
    first, same, other = (load_encoder(mistral, Recipe(seed=seed)).trained for seed in (3, 3, 4))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_training_goes_on_from_an_adapter(mistral: Path, tmp_path: Path) -> None:
    encoder = load_encoder(mistral, Recipe(rank=4))
    with torch.no_grad():
        for weight in encoder.trained.values():
            weight.fill_(0.01)
    encoder.model.save_pretrained(str(tmp_path))
    again = load_encoder(mistral, Recipe(rank=4), adapter=tmp_path)
    assert again.trained.keys() == encoder.trained.keys()
    assert all(torch.equal(again.trained[name], weight) for name, weight in encoder.trained.items())
    with pytest.raises(
        InputError, match=r"rank and alpha are 4 and 64, the recipe's 16 and 64; go on with --set rank=4"
    ):
        load_encoder(mistral, Recipe(), adapter=tmp_path)
    with pytest.raises(InputError, match="not an adapter for"):
        load_encoder(tiny.minilm(), Recipe(rank=4), adapter=tmp_path)
    with pytest.raises(InputError, match="give its base model with --model"):
        load_encoder(tmp_path, Recipe(rank=4))
    with pytest.raises(InputError, match=r"no adapter_model\.safetensors"):
        load_encoder(mistral, Recipe(), adapter=mistral)


def altered(folder: Path, to: Path, file: str, **changes: object) -> Path:
    shutil.copytree(folder, to, dirs_exist_ok=True)
    content = json.loads((to / file).read_text(encoding="utf-8")) | changes
    (to / file).write_text(json.dumps(content), encoding="utf-8")
    return to


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dimensions": [65]}, "its embedding has 64 dimensions, the recipe asks for 65"),
        ({"max_length": 513}, "it reads at most 512 tokens, the recipe's max_length is 513"),
    ],
)
def test_a_recipe_that_asks_for_more_than_the_model_has_is_one_line(
    mistral: Path, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load_encoder(mistral, Recipe(**settings))


def test_a_model_that_cannot_be_used_is_one_line(mistral: Path, tmp_path: Path) -> None:
    cases = {
        "no end-of-text token": altered(mistral, tmp_path / "a", "tokenizer_config.json", eos_token=None),
        "cannot be loaded as a model": altered(mistral, tmp_path / "b", "config.json", model_type="unheard-of"),
        "is not a text encoder": altered(mistral, tmp_path / "c", "config.json", model_type="t5"),
        "weights are missing": altered(mistral, tmp_path / "d", "config.json", num_hidden_layers=3),
        "cannot be loaded as a model of transformers: ": tmp_path / "absent",
    }
    (tmp_path / "e").mkdir()
    shutil.copytree(mistral, tmp_path / "e", dirs_exist_ok=True)
    (tmp_path / "e" / "model.safetensors").rename(tmp_path / "e" / "pytorch_model.bin")
    cases["safetensors"] = tmp_path / "e"
    for message, folder in cases.items():
        with pytest.raises(InputError, match=message) as caught:
            load_encoder(folder, Recipe())
        assert "\n" not in str(caught.value) and str(folder) in str(caught.value)


def test_an_encoder_is_not_read_from_left_to_right() -> None:
    with pytest.raises(InputError, match="it was made to read both ways"):
        load_encoder(tiny.minilm(), Recipe(attention="causal"))


def test_sentence_transformers_files_name_the_pooling(mistral: Path, tmp_path: Path) -> None:
    shutil.copytree(mistral, tmp_path, dirs_exist_ok=True)
    modules = [{"type": "a.Transformer", "path": ""}, {"type": "a.Pooling", "path": "1_Pooling"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (tmp_path / "1_Pooling").mkdir()
    for config, pooling in (
        ({"pooling_mode_lasttoken": True, "pooling_mode_mean_tokens": False}, "last"),
        ({"pooling_mode": "cls"}, "cls"),
    ):
        (tmp_path / "1_Pooling/config.json").write_text(json.dumps(config), encoding="utf-8")
        assert load_encoder(tmp_path, Recipe()).pooling == pooling
    (tmp_path / "1_Pooling/config.json").write_text('{"pooling_mode": "weightedmean"}', encoding="utf-8")
    with pytest.raises(InputError, match="its pooling weightedmean; set pooling to"):
        load_encoder(tmp_path, Recipe())
    (tmp_path / "modules.json").write_text(json.dumps([*modules, {"type": "a.Dense", "path": "2"}]), encoding="utf-8")
    with pytest.raises(InputError, match="module Dense"):
        load_encoder(tmp_path, Recipe())
