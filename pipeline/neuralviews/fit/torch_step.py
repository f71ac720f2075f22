"""A fixed number of fields on one torch device: their loss, gradient and Adam update, without autograd.

Shapes never change while a batch lives, and each field has its own slot, whose memory begins at a
multiple of 64 bytes: some BLAS sum in another order where alignment differs. So every kernel treats
every slot alike, whatever the others hold.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..draws import gammas
from ..field import FieldSpec
from .engine import Budget
from .schedule import BETA1, BETA2, EPSILON
from .torch_minibatch import drawn_on_device

__all__ = ["FieldBatch"]

ALIGNED = 16
"""Slots begin at a multiple of this many float32: 64 bytes, as torch aligns whole tensors."""


class FieldBatch:
    """Weights, targets, gradients and Adam moments of ``slots`` fields, and the buffers to step them.

    Args:
        coords: (p, d) float32, shared by all slots: the points of the signals.
        budget: what is minimised, and at how many points of the signals in each step.
        tile: how many points are worked on at a time; gradients accumulate over tiles in order.
    """

    def __init__(
        self,
        spec: FieldSpec,
        coords: NDArray[np.float32],
        budget: Budget,
        slots: int,
        tile: int,
        device: torch.device,
    ) -> None:
        points = budget.points or len(coords)
        self._spec, self._tile, self._logits = spec, min(tile, points), budget.loss == "bce"
        self._error_scale = (1 if self._logits else 2) * spec.output_scale / (points * spec.out_dim)

        def buffer(*shape: int) -> Tensor:
            count = math.prod(shape)
            padded = torch.zeros((slots, -(-count // ALIGNED) * ALIGNED), dtype=torch.float32, device=device)
            return padded[:, :count].view(slots, *shape)

        self.weights = buffer(spec.parameters)
        self._scaled, self._gradient, self._mean, self._square, self._scratch = (
            buffer(spec.parameters) for _ in range(5)
        )
        self._targets, self._coords = buffer(points, spec.out_dim), buffer(points, spec.in_dim)
        self._all_targets, self._all_coords, self._streams = self._targets, self._coords, None
        if budget.points is None:
            self._coords.copy_(torch.tensor(coords))
        else:
            self._all_targets = buffer(len(coords), spec.out_dim)
            self._all_coords = torch.tensor(coords, device=device).expand(slots, -1, -1)
            self._streams = torch.zeros((2, slots, 1), dtype=torch.int64, device=device)
        self._hidden = [buffer(self._tile, width) for width in spec.dims[1:-1]]
        self._slope = [buffer(self._tile, width) for width in spec.dims[1:-1]]
        self._error = buffer(self._tile, spec.out_dim)
        self._omega = torch.ones(spec.parameters, dtype=torch.float32, device=device)
        for layer, omega in zip(spec.layers, spec.omega, strict=False):
            self._omega[layer.weight.start : layer.bias.stop] = omega
        self._layers = _layer_views(spec, self._scaled)
        self._gradients = _layer_views(spec, self._gradient)

    def load(
        self,
        slots: Sequence[int],
        inits: NDArray[np.float32],
        values: NDArray[np.float32],
        keys: NDArray[np.uint64] | None = None,
    ) -> None:
        """Start fresh fits in the given slots, from initial weights (k, P) towards values (k, p, c).

        Minibatches are drawn from ``keys``, (k,).
        """
        device = self.weights.device
        chosen = torch.tensor(slots, device=device)
        self.weights[chosen] = torch.tensor(inits, device=device)
        self._all_targets[chosen] = torch.tensor(values, device=device)
        self._mean[chosen] = 0.0
        self._square[chosen] = 0.0
        if self._streams is not None:
            assert keys is not None
            self._streams[:, chosen, 0] = torch.tensor(np.stack([keys, gammas(keys)]).view(np.int64)).to(
                device
            )

    def draw(self, step: Tensor) -> None:
        """Gather the points that the steps (slots, 1) of the fields draw; nothing if they take all."""
        if self._streams is None:
            return
        points, pool = self._coords.shape[1], self._all_coords.shape[1]
        seeds, increments = self._streams
        drawn = drawn_on_device(seeds, increments, step, points, pool).unsqueeze(2)
        for chosen, everything in ((self._coords, self._all_coords), (self._targets, self._all_targets)):
            chosen.copy_(everything.gather(1, drawn.expand_as(chosen)))

    def measure(self) -> Tensor:
        """Mean squared error at the points of the step, (slots,); the gradient is kept for `update`."""
        self._scale()
        self._gradient.zero_()
        total = torch.zeros(len(self.weights), dtype=torch.float32, device=self.weights.device)
        for coords, targets in self._tiles(self._coords, self._targets):
            inputs, error = self._forward(coords, targets)
            total += error.square().sum((1, 2))
            self._backward(inputs, error.mul_(self._error_scale))
        self._gradient.mul_(self._omega)  # the gradient so far was that of the scaled weights
        return total / self._targets[0].numel()

    def measure_all(self) -> Tensor:
        """Mean squared error at all points of the signals, (slots,)."""
        self._scale()
        total = torch.zeros(len(self.weights), dtype=torch.float32, device=self.weights.device)
        for coords, targets in self._tiles(self._all_coords, self._all_targets):
            _, error = self._forward(coords, targets)
            total += error.square().sum((1, 2))
        return total / self._all_targets[0].numel()

    def _scale(self) -> None:
        """The phase omega (W h + b) takes omega from a copy of the weights, not point by point."""
        torch.mul(self.weights, self._omega, out=self._scaled)

    def _tiles(self, coords: Tensor, targets: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Views of (slots, p, d) and (slots, p, c), a tile of points each."""
        for start in range(0, coords.shape[1], self._tile):
            tile = slice(start, start + self._tile)
            yield coords[:, tile], targets[:, tile]

    def _forward(self, coords: Tensor, targets: Tensor) -> tuple[list[Tensor], Tensor]:
        """Inputs of every layer and the errors, for one tile; slopes stay in their buffers."""
        rows = coords.shape[1]
        inputs = [coords]
        for (weight, bias), hidden, slope in zip(self._layers, self._hidden, self._slope, strict=False):
            phase = torch.baddbmm(bias, inputs[-1], weight.mT, out=hidden[:, :rows])
            torch.cos(phase, out=slope[:, :rows])
            inputs.append(phase.sin_())
        weight, bias = self._layers[-1]
        output = torch.baddbmm(bias, inputs[-1], weight.mT, out=self._error[:, :rows])
        output.mul_(self._spec.output_scale).add_(self._spec.output_offset)
        if self._logits:
            nothing = output - output  # or NaN: weights that are lost must not give a sound loss
            output.sigmoid_().add_(nothing)
        return inputs, output.sub_(targets)

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
