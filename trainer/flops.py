"""Work of a training step, in the field's count: 2 for each weight and token forward, 4 for forward and backward.

With LoRA the frozen weights take no gradient of their own, so a step is 4N a token: 2N forward, 2N for the gradient of
the input. The cached pass before it adds 2N: 6N in all. Attention itself and the adapter are left out, as is usual.
"""

PASSES = 6


def step_flops(linear_weights: int, tokens: int) -> float:
    """Model FLOP of training on so many real tokens, padding not counted."""
    return float(PASSES) * linear_weights * tokens
