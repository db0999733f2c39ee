"""Texts to token ids, with the end-of-text token where the model is read.

transformers 5 appends no end-of-text token for Llama's and Mistral's tokenizers, and says nothing. So the template is
set in the tokenizer's own post-processor: truncation leaves room for it, and whoever loads the saved tokenizer gets it.
"""

from typing import Any

import numpy as np
from tokenizers import processors

from pairsmith.factory.errors import InputError


def load_tokenizer(model: str, pooling: str, max_length: int) -> Any:
    """The model's tokenizer, ready for this pooling: at most ``max_length`` tokens, special ones included.

    The first token is the tokenizer's begin-of-text where it has one of its own; for pooling ``last`` the last token is
    its end-of-text. Raises :class:`InputError` when it cannot be loaded, has no such token, or no fast form.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=False)
    except (OSError, ValueError, KeyError, ImportError) as fault:
        raise InputError(f"{model}: its tokenizer cannot be loaded: {first_line(fault)}") from fault
    if not tokenizer.is_fast:
        raise InputError(f"{model}: its tokenizer has no fast form (tokenizer.json); save it in that form first")
    if pooling == "last" and tokenizer.eos_token is None:
        raise InputError(
            f"{model}: its tokenizer has no end-of-text token (eos_token), which pooling 'last' reads; "
            "name one in tokenizer_config.json, or set pooling to mean"
        )
    _set_template(tokenizer, pooling)
    rust = tokenizer.backend_tokenizer
    rust.no_padding()
    rust.enable_truncation(max_length, direction="right")
    return tokenizer


def tokenize(tokenizer: Any, texts: list[str]) -> list[np.ndarray]:
    """Token ids (int32) of each text, cut to the length that :func:`load_tokenizer` set."""
    if not texts:
        return []
    encoded = tokenizer.backend_tokenizer.encode_batch_fast(texts, add_special_tokens=True)
    return [np.array(text.ids, np.int32) for text in encoded]


def first_line(fault: Exception) -> str:
    """What another package's error says, in one line."""
    return next((line.strip() for line in str(fault).splitlines() if line.strip()), type(fault).__name__)


def _set_template(tokenizer: Any, pooling: str) -> None:
    """Let the post-processor put the special tokens around a text, unless it does so already."""
    rust = tokenizer.backend_tokenizer
    before, after = _added(rust)
    bos, eos = tokenizer.bos_token, tokenizer.eos_token
    head = before if before or bos is None or bos == eos else [bos]
    tail = after if pooling != "last" or after[-1:] == [eos] else [*after, eos]
    if (head, tail) == (before, after):
        return
    names = sorted({*head, *tail})
    rust.post_processor = processors.TemplateProcessing(
        single=[*head, "$A", *tail],
        pair=[*head, "$A", *tail, "$B:1", *(f"{name}:1" for name in tail)],
        special_tokens=[(name, rust.token_to_id(name)) for name in names],
    )


def _added(rust: Any) -> tuple[list[str], list[str]]:
    """The special tokens that the post-processor puts before and after a text."""
    whole = rust.encode("a", add_special_tokens=True)
    mask = whole.special_tokens_mask
    start = mask.index(0) if 0 in mask else len(mask)
    stop = len(mask) - mask[::-1].index(0) if 0 in mask else len(mask)
    return whole.tokens[:start], whole.tokens[stop:]
