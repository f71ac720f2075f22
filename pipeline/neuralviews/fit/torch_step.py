"""A fixed number of fields on one torch device: their loss, gradient and Adam update, without autograd.

Shapes never change while a batch lives, and each field has its own slot, whose memory begins at a
multiple of 64 bytes: some BLAS sum in another order where alignment differs. So every kernel treats
every slot alike, whatever the others hold.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..field import FieldSpec
from .schedule import BETA1, BETA2, EPSILON

__all__ = ["FieldBatch"]

ALIGNED = 16
"""Slots begin at a multiple of this many float32: 64 bytes, as torch aligns whole tensors."""


class FieldBatch:
    """Weights, targets, gradients and Adam moments of ``slots`` fields, and the buffers to step them.

    Args:
        coords: (p, d) float32, shared by all slots.
        tile: how many points are worked on at a time; gradients accumulate over tiles in order.
    """

    def __init__(
        self, spec: FieldSpec, coords: NDArray[np.float32], slots: int, tile: int, device: torch.device
    ) -> None:
        points = len(coords)
        self._spec, self._points, self._tile = spec, points, min(tile, points)

        def buffer(*shape: int) -> Tensor:
            count = math.prod(shape)
            padded = torch.zeros((slots, -(-count // ALIGNED) * ALIGNED), dtype=torch.float32, device=device)
            return padded[:, :count].view(slots, *shape)

        self.weights = buffer(spec.parameters)
        self._scaled, self._gradient, self._mean, self._square, self._scratch = (
            buffer(spec.parameters) for _ in range(5)
        )
        self._targets, self._coords = buffer(points, spec.out_dim), buffer(points, spec.in_dim)
        self._coords.copy_(torch.tensor(coords))
        self._hidden = [buffer(self._tile, width) for width in spec.dims[1:-1]]
        self._slope = [buffer(self._tile, width) for width in spec.dims[1:-1]]
        self._error = buffer(self._tile, spec.out_dim)
        self._omega = torch.ones(spec.parameters, dtype=torch.float32, device=device)
        for layer, omega in zip(spec.layers, spec.omega, strict=False):
            self._omega[layer.weight.start : layer.bias.stop] = omega
        self._layers = _layer_views(spec, self._scaled)
        self._gradients = _layer_views(spec, self._gradient)

    def load(self, slots: Sequence[int], inits: NDArray[np.float32], values: NDArray[np.float32]) -> None:
        """Start fresh fits in the given slots, from initial weights (k, P) towards values (k, p, c)."""
        device = self.weights.device
        chosen = torch.tensor(slots, device=device)
        self.weights[chosen] = torch.tensor(inits, device=device)
        self._targets[chosen] = torch.tensor(values, device=device)
        self._mean[chosen] = 0.0
        self._square[chosen] = 0.0

    def measure(self) -> Tensor:
        """Mean squared error of the present weights, (slots,); their gradient is kept for `update`."""
        values = self._points * self._spec.out_dim
        # The phase omega (W h + b) takes omega from a copy of the weights, not point by point, ...
        torch.mul(self.weights, self._omega, out=self._scaled)
        self._gradient.zero_()
        total = torch.zeros(len(self.weights), dtype=torch.float32, device=self.weights.device)
        for start in range(0, self._points, self._tile):
            inputs, error = self._forward(start)
            total += error.square().sum((1, 2))
            self._backward(inputs, error.mul_(2 * self._spec.output_scale / values))
        self._gradient.mul_(self._omega)  # ... so that the gradient so far was that of the copy
        return total / values

    def _forward(self, start: int) -> tuple[list[Tensor], Tensor]:
        """Inputs of every layer and the error of the output, for one tile; slopes stay in their buffers."""
        tile = slice(start, min(start + self._tile, self._points))
        rows = tile.stop - start
        inputs = [self._coords[:, tile]]
        for (weight, bias), hidden, slope in zip(self._layers, self._hidden, self._slope, strict=False):
            phase = torch.baddbmm(bias, inputs[-1], weight.mT, out=hidden[:, :rows])
            torch.cos(phase, out=slope[:, :rows])
            inputs.append(phase.sin_())
        weight, bias = self._layers[-1]
        output = torch.baddbmm(bias, inputs[-1], weight.mT, out=self._error[:, :rows])
        output.mul_(self._spec.output_scale).add_(self._spec.output_offset)
        return inputs, output.sub_(self._targets[:, tile])

    def _backward(self, inputs: list[Tensor], delta: Tensor) -> None:
        """Add one tile's gradients. A layer's input is not needed again: its buffer takes the next delta."""
        for index in reversed(range(len(inputs))):
            weight, bias = self._gradients[index]
            weight.baddbmm_(delta.mT, inputs[index])
            bias += delta.sum(1, keepdim=True)
            if index:
                slope = self._slope[index - 1][:, : delta.shape[1]]
                delta = torch.bmm(delta, self._layers[index][0], out=inputs[index]).mul_(slope)

    def update(self, size: Tensor, correction: Tensor) -> None:
        """One Adam step of every slot, with the factors (slots, 1) of `AdamSchedule`."""
        gradient, scratch = self._gradient, self._scratch
        self._mean.mul_(BETA1).add_(gradient, alpha=1 - BETA1)
        self._square.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        torch.sqrt(self._square, out=scratch).mul_(correction).add_(EPSILON)
        self.weights.sub_(torch.div(self._mean, scratch, out=scratch).mul_(size))


def _layer_views(spec: FieldSpec, flat: Tensor) -> list[tuple[Tensor, Tensor]]:
    """(W (slots, out, in), b (slots, 1, out)) of each layer, as views of flat (slots, P)."""
    return [
        (
            flat[:, layer.weight].view(-1, layer.fan_out, layer.fan_in),
            flat[:, layer.bias].unsqueeze(1),
        )
        for layer in spec.layers
    ]
