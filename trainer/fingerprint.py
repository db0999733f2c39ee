"""Which weights a model has, told in milliseconds: two models of one shape and name must not be taken for each other."""

import hashlib

import torch

_VALUES = 64  # of each weight, spread over it; a model that was trained further differs in nearly all


def fingerprint(model: torch.nn.Module) -> str:
    """SHA-256 over name, shape and some values of every frozen weight; the same in bf16 and fp32, on any device."""
    found = hashlib.sha256()
    for name, weight in sorted(model.named_parameters()):
        if weight.requires_grad:
            continue
        flat = weight.detach().reshape(-1)
        places = torch.linspace(
            0, flat.numel() - 1, min(_VALUES, flat.numel()), device="cpu", dtype=torch.float64
        ).long()
        values = flat[places.to(flat.device)].to("cpu", torch.bfloat16).view(torch.int16).numpy()
        found.update(f"{name} {tuple(weight.shape)} ".encode() + values.tobytes())
    return found.hexdigest()
