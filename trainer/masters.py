"""Float32 copies of an adapter that runs in bfloat16: small updates would round away in the adapter itself."""

import torch


def masters(working: dict[str, torch.nn.Parameter]) -> dict[str, torch.nn.Parameter]:
    """The float32 weights for the optimizer; a weight that is no half is its own master.

    The gradient of each pass moves to the master at once and adds up there in float32, so the sum over many
    micro-batches is not rounded.
    """
    return {name: weight if weight.dtype.itemsize > 2 else _master(weight) for name, weight in working.items()}


def _master(weight: torch.nn.Parameter) -> torch.nn.Parameter:
    master = torch.nn.Parameter(weight.detach().float())

    def move(_: torch.Tensor) -> None:
        gradient = weight.grad
        assert gradient is not None  # noqa: S101  # torch calls this right after it accumulated one
        master.grad = gradient.float() if master.grad is None else master.grad.add_(gradient)
        weight.grad = None

    weight.register_post_accumulate_grad_hook(move)
    return master


@torch.no_grad()
def copy_back(trained: dict[str, torch.nn.Parameter], working: dict[str, torch.nn.Parameter]) -> None:
    """Round the masters into the weights that the model runs with."""
    pairs = [(working[name], master) for name, master in trained.items() if master is not working[name]]
    if pairs:
        torch._foreach_copy_(*zip(*pairs, strict=True))  # type: ignore[arg-type]
