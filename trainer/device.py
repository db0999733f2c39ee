"""The processor that trains, and the way of numbers to it."""

import numpy as np
import torch

from pairsmith.factory.errors import InputError


def choose(name: str) -> torch.device:
    """``cuda``: this process's accelerator; ``auto``: that where there is one. Raises :class:`InputError` where none is."""
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: this torch finds no CUDA device; leave --device out to train on the CPU")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", torch.cuda.current_device())


def put(values: np.ndarray, device: torch.device) -> torch.Tensor:
    """The array on the device. From memory that cannot be paged out it goes there without a wait for work under way."""
    given = torch.from_numpy(values)
    return given.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else given.to(device)


def seed(number: int, device: torch.device) -> None:
    """Let the device's random numbers, which dropout takes, begin at ``number``."""
    (torch.cuda.manual_seed if device.type == "cuda" else torch.default_generator.manual_seed)(number)
