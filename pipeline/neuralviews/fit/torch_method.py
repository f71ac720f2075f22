"""What steps see in place of weights, and what pulls at these, where the fields are.

`damp`, `scope` and `shadow` are the oracles. As in `torch_step`, shapes never change and every slot is
treated alike; nothing waits for the device.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..draws import Draws, gammas
from ..field import FieldSpec
from .damp import STREAM, weight_entries, whole_pairs
from .method import Method, Scope, ShadowKind
from .shadow import LEVELS
from .torch_minibatch import shifted, words_on_device

__all__ = ["Noise", "Pull", "Shadow", "changes_of", "normals_on_device"]

FRACTION = 51


class Noise:
    """Weights times `damp_factors`.

    Args:
        weights: (slots, P), laid out in ``order``: where their columns stand in the flat vector.
    """

    def __init__(self, spec: FieldSpec, sigma: float, weights: Tensor, order: NDArray[np.int64]) -> None:
        slots, device = len(weights), weights.device
        self._streams = torch.zeros((2, slots, 1), dtype=torch.int64, device=device)
        self._order = torch.tensor(order, device=device)
        self._sigma = torch.tensor(np.where(weight_entries(spec), sigma, 0.0)[order], device=device)

    def load(self, chosen: Tensor, keys: NDArray[np.uint64] | None) -> None:
        """Fresh fits are in the chosen slots."""
        assert keys is not None
        seeds = Draws(keys).child(STREAM).seeds
        streams = np.stack([seeds, gammas(seeds)]).view(np.int64)
        self._streams[:, chosen, 0] = torch.tensor(streams, device=chosen.device)

    def see(self, weights: Tensor, step: Tensor, seen: Tensor) -> None:
        """Fill ``seen`` with what the steps (slots, 1) of the fields take for their weights."""
        seeds, increments = self._streams
        normal = normals_on_device(seeds, increments, step, len(self._order))
        factors = normal.index_select(1, self._order).mul_(self._sigma).add_(1.0)
        torch.mul(weights, factors.float(), out=seen)


class Shadow:
    """`shadow_weights`, the same bits.

    Args:
        layers: (W | b), (slots, out, in + 1), of each layer of the weights that are seen.
    """

    def __init__(self, kind: ShadowKind, layers: list[Tensor]) -> None:
        self._kind = kind
        self._tensors = [part for layer in layers for part in (layer[:, :, :-1], layer[:, :, -1:])]

    def load(self, chosen: Tensor, keys: NDArray[np.uint64] | None) -> None:
        """Nothing is kept of a fit."""

    def see(self, weights: Tensor, step: Tensor, seen: Tensor) -> None:
        """Fill ``seen``, whose layers these are."""
        if self._kind == "fp16":
            seen.copy_(weights.half())
            return
        seen.copy_(weights)
        for tensor in self._tensors:
            scale = tensor.abs().amax((1, 2), keepdim=True).div_(LEVELS)
            divisor = torch.where(scale == 0, torch.ones_like(scale), scale)
            tensor.div_(divisor).round_().mul_(scale)


class Pull:
    """The gradient of `scope_penalty`.

    Args:
        weights, gradients: (W | b), (slots, out, in + 1), of each layer.
    """

    def __init__(self, scope: Scope, weights: list[Tensor], gradients: list[Tensor]) -> None:
        self._scope = scope
        self._pairs = [(w[:, :, :-1], g[:, :, :-1]) for w, g in zip(weights, gradients, strict=True)]
        # Sums over rows that begin alike: a library may add in another order where alignment differs.
        self._rows = []
        for weight, _ in self._pairs:
            slots, count = len(weight), weight[0].numel()
            whole = torch.zeros((slots, -(-count // 16) * 16), dtype=weight.dtype, device=weight.device)
            self._rows.append(whole[:, :count])

    def add(self) -> None:
        """Add it to the gradients."""
        for (weight, gradient), rows, mean, sd in zip(
            self._pairs, self._rows, self._scope.mean, self._scope.sd, strict=True
        ):
            wanted, count = sd * sd, rows.shape[1]
            rows.view(weight.shape).copy_(weight)
            mu = rows.sum(1, keepdim=True).div_(count)
            rows.sub_(mu)
            variance = rows.square().sum(1, keepdim=True).div_(count)
            factor = variance.reciprocal_().neg_().add_(1 / wanted)
            slope = rows.mul_(factor).add_(mu.sub_(mean).div_(wanted)).mul_(self._scope.weight / count)
            gradient.add_(slope.view(weight.shape))


def changes_of(
    spec: FieldSpec, method: Method | None, weights: Tensor, layers: list[Tensor], order: NDArray[np.int64]
) -> Noise | Shadow | None:
    """What changes the weights before a step sees them; None if nothing does.

    Args:
        weights: (slots, P), laid out in ``order``.
        layers: (W | b) of each layer of what is seen.
    """
    if method is None or not method.changes:
        return None
    if method.sigma is not None:
        return Noise(spec, method.sigma, weights, order)
    assert method.shadow is not None
    return Shadow(method.shadow, layers)


def normals_on_device(seeds: Tensor, increments: Tensor, step: Tensor, count: int) -> Tensor:
    """(slots, count) float64: normal numbers of steps (slots, 1), those of `damp_factors` but for rounding.

    Args:
        seeds, increments: (slots, 1) int64, the bits of streams' keys and of their `gammas`.
    """
    whole = whole_pairs(count)
    pairs = words_on_device(seeds, increments, step * whole, whole).view(len(step), -1, 2)
    lengths, turns = pairs[:, :, 0], pairs[:, :, 1]
    radius = shifted(lengths, 11).add_(1).double().mul_(2.0**-53).log_().neg_().sqrt_()
    fraction = (shifted(turns, 11) & ((1 << FRACTION) - 1)).double()
    angle = fraction.sub_(2.0 ** (FRACTION - 1) - 0.5).mul_(0.25 * math.pi * 2.0 ** (1 - FRACTION))
    sine, cosine = angle.sin(), angle.cos()
    left, below = (1.0 - 2.0 * (shifted(turns, bit) & 1).double() for bit in (63, 62))
    x, y = left * (cosine - sine) * radius, below * (cosine + sine) * radius
    return torch.stack((x, y), 2).flatten(1)[:, :count]
