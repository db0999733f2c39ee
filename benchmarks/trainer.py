"""One training step beside sentence-transformers' cached loss: same model, same rows, gradients compared, in one run.

    python benchmarks/trainer.py                            # a small Mistral on one core: some minutes
    python benchmarks/trainer.py --device cuda              # Mistral-7B's shape, 512 rows: some 6 minutes on an H100
    python benchmarks/trainer.py --device cuda --rows 2048 --alone

Weights are random, texts and so their lengths are those of the recorded answers in ``examples``. The peer is
CachedMultipleNegativesRankingLoss with its defaults (32 texts of a column at a time), and beside it with the same token budget
(``mini_batch_num_tokens``). Rates are of real tokens; model FLOP are 6 for each weight of the linear layers and real token,
as a share of what this machine's products of matrices of the model's own shapes reach in the same run.
"""

import argparse
import gc
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import MistralConfig, MistralModel, PreTrainedTokenizerFast

from pairsmith.trainer.batches import Batch, batch_of
from pairsmith.trainer.data import training
from pairsmith.trainer.encoder import Encoder, load_encoder
from pairsmith.trainer.flops import step_flops
from pairsmith.trainer.recipe import Recipe
from pairsmith.trainer.step import GradCache
from pairsmith.trainer.world import World

EXAMPLES = Path(__file__).parent.parent / "examples" / "recorded"
SMALL = {"hidden_size": 256, "intermediate_size": 896, "num_hidden_layers": 4, "num_attention_heads": 8}
SMALL |= {"num_key_value_heads": 2, "max_position_embeddings": 1024, "initializer_range": 0.05}
LARGE: dict[str, Any] = {"max_position_embeddings": 4096}  # all else is Mistral-7B's
VOCABULARY = 8_000
MASKS_OFF = {
    "mask_same_text": False,
    "mask_same_label": False,
    "mask_same_document": False,
}  # the peer has none of them


def rows_of(folder: Path, count: int) -> pa.Table:
    """Accepted rows with a hard negative; where more are asked for, again with a number before their texts."""
    shutil.copytree(EXAMPLES, folder / "run")
    subprocess.run([sys.executable, "-m", "pairsmith", "run", str(folder / "run")], check=True, capture_output=True)
    rows = training(pq.read_table(folder / "run" / "accepted.parquet"))
    rows = rows.filter(pc.greater_equal(pc.list_value_length(rows["negatives"]), 1))
    rng = np.random.default_rng(0)
    taken = rows.take(rng.permutation(np.arange(count) % len(rows)))
    told = [
        {
            **row,
            "query": f"{at} {row['query']}",
            "positive": f"{at} {row['positive']}",
            "negatives": [f"{at} {row['negatives'][0]}"],
        }
        for at, row in enumerate(taken.to_pylist())
    ]
    return pa.Table.from_pylist(told, schema=rows.schema)


def save_model(folder: Path, texts: list[str], shape: dict[str, Any], device: str, dtype: torch.dtype) -> None:
    """A Mistral with random weights and a tokenizer trained on the texts, with Mistral's settings."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first")
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>")
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = MistralConfig(
        **{"sliding_window": None, **({} if shape is LARGE else {"vocab_size": VOCABULARY}), **shape}
    )
    torch.set_default_dtype(dtype)
    with torch.device(device):
        model = MistralModel(config)
    torch.set_default_dtype(torch.float32)
    model.save_pretrained(folder, max_shard_size="5GB")


def started(encoder: Encoder) -> dict[str, torch.Tensor]:
    """Move LoRA from zero, where half of all gradients are zero; the weights, for the peer."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in encoder.trained.values():
            weight.add_(0.02 * torch.randn(weight.shape, generator=generator).to(weight))
    encoder.refresh()
    return {name: weight.detach().clone() for name, weight in encoder.trained.items()}


class Peer:
    """sentence-transformers with the same weights, adapter and tokens."""

    def __init__(
        self, folder: Path, encoder: Encoder, weights: dict[str, torch.Tensor], recipe: Recipe, device: str
    ) -> None:
        from peft import LoraConfig
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

        encoder.tokenizer.save_pretrained(folder)  # with the end-of-text token, which the plain one leaves out
        dtype = next(encoder.model.parameters()).dtype
        inner = Transformer(str(folder), max_seq_length=recipe.max_length, model_kwargs={"dtype": dtype})
        pool = Pooling(inner.get_embedding_dimension(), "lasttoken")
        self.model = SentenceTransformer(modules=[inner, pool, Normalize()], device=device)
        told = encoder.model.peft_config["default"]
        config = LoraConfig(
            r=told.r, lora_alpha=told.lora_alpha, lora_dropout=told.lora_dropout, target_modules=told.target_modules,
            task_type="FEATURE_EXTRACTION",
        )  # fmt: skip
        self.model.add_adapter(config)
        self.weights = {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(weights[_plain(name, weights)])
        self.recipe = recipe

    def step(self, batch: Batch, **how: Any) -> float:
        """Gradients of one step, as its trainer takes them; returns the loss."""
        from sentence_transformers.sentence_transformer.losses import CachedMultipleNegativesRankingLoss

        self.model.zero_grad()
        loss = CachedMultipleNegativesRankingLoss(self.model, scale=1 / self.recipe.temperature, **how)
        columns = [batch.queries, batch.positives, [texts[0] for texts in batch.negatives]]
        features = [
            {k: v.to(self.model.device) for k, v in self.model.preprocess(texts).items() if hasattr(v, "to")}
            for texts in columns
        ]
        value = loss(features, None)
        value.backward()
        return float(value.item())


def _plain(name: str, known: Any) -> str:
    """The name of the same weight in the other wrapping: they end alike, from the layers on."""
    end = name[name.index("layers.") :].replace(".default", "")
    return next(one for one in known if one.replace(".default", "").endswith(end))


def least(repeats: int, work: Callable[[], Any], device: str) -> tuple[float, Any]:
    """Least seconds of the processor, or of the clock where an accelerator does the work; and what came of it."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    seconds, found = math.inf, None
    _reset(device)
    for _ in range(repeats):
        began, found = clock(), work()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds = min(seconds, clock() - began)
    return seconds, found


def ceiling(config: Any, tokens: int, device: str, dtype: torch.dtype) -> float:
    """FLOP/s of the best of ten products of the model's largest shape: (tokens, hidden) by (hidden, intermediate)."""
    left = torch.randn(tokens, config.hidden_size, device=device, dtype=dtype)
    right = torch.randn(config.hidden_size, config.intermediate_size, device=device, dtype=dtype)
    work = 2 * tokens * config.hidden_size * config.intermediate_size
    return work / least(10, lambda: left @ right, device)[0]


def difference(peer: Peer, encoder: Encoder) -> float:
    """Norm of the gradients' difference, relative to their norm."""
    pairs = [
        (weight.grad, encoder.trained[_plain(name, encoder.trained)].grad) for name, weight in peer.weights.items()
    ]
    apart = sum(float((left.float() - right.float()).square().sum()) for left, right in pairs)
    return (apart / sum(float(right.float().square().sum()) for _, right in pairs)) ** 0.5


def tell(name: str, seconds: float, tokens: int, encoder_weights: int, most: float, more: str = "") -> None:
    rate = step_flops(encoder_weights, tokens) / seconds
    print(
        f"{name:<42} {seconds:8.2f} s {tokens / seconds:10,.0f} tokens/s {rate / 1e12:8.3f} TFLOP/s {rate / most:6.1%} {more}",
        flush=True,
    )


def main() -> None:
    """Print one line for each way of taking the step."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    asked.add_argument("--rows", type=int, help="of the step; 96 on cpu, 512 on cuda")
    asked.add_argument("--repeats", type=int, default=2)
    asked.add_argument("--alone", action="store_true", help="without the peer")
    given = asked.parse_args()
    if given.device == "cpu":
        torch.set_num_threads(1)
    dtype = torch.float32 if given.device == "cpu" else torch.bfloat16
    recipe = Recipe(dropout=0.0, **MASKS_OFF, tokens=4_096 if given.device == "cpu" else 16_384)
    with tempfile.TemporaryDirectory(prefix="pairsmith-") as temporary:
        compare(Path(temporary), given, recipe, dtype)


def compare(place: Path, given: argparse.Namespace, recipe: Recipe, dtype: torch.dtype) -> None:
    """Both on the same rows, in turns, the least of their times."""
    rows = rows_of(place, given.rows or (96 if given.device == "cpu" else 512))
    batch = batch_of(rows, 1)
    texts = [*batch.queries, *batch.positives, *(text for own in batch.negatives for text in own)]
    save_model(place / "model", texts, SMALL if given.device == "cpu" else LARGE, given.device, dtype)
    encoder = load_encoder(place / "model", recipe, given.device)
    weights = started(encoder)
    most = ceiling(encoder.model.config, recipe.tokens, given.device, dtype)
    lengths = np.array([len(ids) for ids in encoder.tokenize(texts)])
    n = encoder.linear_weights
    where = "one core" if given.device == "cpu" else torch.cuda.get_device_name()
    print(
        f"{len(rows)} rows, {len(texts):,} texts, {lengths.sum():,} tokens (mean {lengths.mean():.0f}, longest "
        f"{lengths.max()}), N = {n:,}; ceiling {most / 1e12:.3f} TFLOP/s on {where}",
        flush=True,
    )
    engine = GradCache(encoder, recipe, World(), print)
    for layout in ("padded", "packed"):
        encoder.layout = layout
        seconds, found = least(given.repeats, lambda: engine.gradients(batch, 1), given.device)
        real = f"{found.tokens / found.run_tokens:.1%} of run tokens are real"
        tell(f"pairsmith, {layout}", seconds, found.tokens, n, most, _more(given.device, real))
        ours = seconds
    if given.alone:
        return
    if given.device == "cuda":
        encoder.model.to("cpu")
    peer = Peer(place / "model", encoder, weights, recipe, given.device)
    for name, how in [("defaults", {}), ("as many tokens at a time", {"mini_batch_num_tokens": recipe.tokens})]:
        seconds, loss = least(given.repeats, lambda how=how: peer.step(batch, **how), given.device)
        apart = f"gradients apart {difference(peer, encoder):.1e}, loss {abs(loss - found.loss):.1e}"
        tell(f"sentence-transformers, {name}", seconds, found.tokens, n, most, _more(given.device, apart))
        print(f"{'':<42} pairsmith, packed, is {seconds / ours:.2f} times as fast")


def _reset(device: str) -> None:
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _more(device: str, what: str) -> str:
    return what if device == "cpu" else f"{what}; {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB at most"


if __name__ == "__main__":
    main()
