"""Texts to vectors with the model as it stands in training: no gradient, no dropout, texts of like length together."""

import numpy as np
import torch

from pairsmith.trainer.encoder import Encoder
from pairsmith.trainer.layout import cut


def embed(encoder: Encoder, texts: list[str], tokens: int) -> np.ndarray:
    """(n, dimension) float32, not normalised, in the order of the texts. ``tokens``: of a micro-batch, at most."""
    vectors = np.zeros((len(texts), encoder.dimension), np.float32)
    ids = encoder.tokenize(texts)
    training = encoder.model.training
    encoder.model.eval()
    try:
        with torch.inference_mode():
            for part in cut(np.array([len(one) for one in ids], np.int64), tokens, encoder.layout):
                vectors[part] = encoder.embed([ids[place] for place in part]).float().cpu().numpy()
    finally:
        encoder.model.train(training)
    return vectors
