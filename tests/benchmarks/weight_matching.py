"""Weight matching as people write it, as a baseline: torch, SciPy's assignment, one pair of fields at a time.

Source: Ainsworth et al., "Git Re-Basin: Merging Models modulo Permutation Symmetries" (ICLR 2023), section
3.2 and algorithm 1; Shamsian et al. (ICML 2024) mix fields after it.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from neuralviews.field import FieldSpec, split

__all__ = ["Layers", "flat", "matched", "mixed", "tensors"]

Layers = list[tuple[Tensor, Tensor]]
"""Weight (out, in) and bias (out,) of each layer."""

MOST_SWEEPS = 100
LEAST_GAIN = 1e-12


def tensors(spec: FieldSpec, weights: NDArray[np.float32]) -> Layers:
    """The layers of one field (P,), in tensors of their own."""
    return [(torch.from_numpy(w.copy()), torch.from_numpy(b.copy())) for w, b in split(spec, weights)]


def flat(layers: Layers) -> NDArray[np.float32]:
    """One field (P,) again."""
    return torch.cat([part.ravel() for layer in layers for part in layer]).numpy()


def matched(a: Layers, b: Layers, generator: torch.Generator) -> Layers:
    """Permute the hidden units of ``b`` for the largest inner product with ``a``.

    From the identity, hidden layers are visited in random order, sweep after sweep, until none gains.
    """
    hidden = len(a) - 1
    perms = [torch.arange(len(bias)) for _, bias in b[:-1]]
    for _ in range(MOST_SWEEPS):
        progress = False
        for layer in torch.randperm(hidden, generator=generator).tolist():
            score = _scores(a, b, perms, layer)
            rows, columns = linear_sum_assignment(score.numpy(), maximize=True)
            found, kept = torch.from_numpy(columns), torch.from_numpy(rows)
            gain = score[kept, found].sum() - score[kept, perms[layer]].sum()
            if gain.item() > LEAST_GAIN:
                perms[layer], progress = found, True
        if not progress:
            break
    return _permuted(b, perms)


def mixed(a: Layers, b: Layers, lam: float) -> Layers:
    """``lam a + (1 - lam) b``."""
    return [(lam * w + (1 - lam) * v, lam * x + (1 - lam) * y) for (w, x), (v, y) in zip(a, b, strict=True)]


def _scores(a: Layers, b: Layers, perms: list[Tensor], layer: int) -> Tensor:
    """Inner products of each unit of A with each of B, (n, n): incoming weights, biases, outgoing weights."""
    (weight_a, bias_a), (weight_b, bias_b) = a[layer], b[layer]
    above_a, above_b = a[layer + 1][0], b[layer + 1][0]
    if layer > 0:
        weight_b = weight_b[:, perms[layer - 1]]
    if layer + 1 < len(perms):
        above_b = above_b[perms[layer + 1]]
    return weight_a @ weight_b.T + torch.outer(bias_a, bias_b) + above_a.T @ above_b


def _permuted(b: Layers, perms: list[Tensor]) -> Layers:
    layers = list(b)
    for layer, perm in enumerate(perms):
        weight, bias = layers[layer]
        above, above_bias = layers[layer + 1]
        layers[layer], layers[layer + 1] = (weight[perm], bias[perm]), (above[:, perm], above_bias)
    return layers
