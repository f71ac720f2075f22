"""A fixed number of fields on one torch device: their loss, gradient and Adam update, without autograd.

Shapes never change while a batch lives, and each field has its own slot, whose memory begins at a
multiple of 64 bytes: some BLAS sum in another order where alignment differs. So every kernel treats
every slot alike, whatever the others hold.

Points lie along the last axis, and the inputs of every layer have a row of ones below them: one product
gives W h + b, and one gives the gradients of W and b. That spares the passes over all points that adding
and summing biases would take, and on a GPU the time of a step is what these passes read and write.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..draws import gammas
from ..field import FieldSpec
from .engine import Budget
from .schedule import BETA1, BETA2, EPSILON
from .torch_method import Pull, changes_of
from .torch_minibatch import drawn_on_device

__all__ = ["FieldBatch"]

ALIGNED = 16
"""Rows begin at a multiple of this many float32: 64 bytes, as torch aligns whole tensors."""


@dataclass(frozen=True)
class _Tile:
    """Views of the points that are worked on together, (slots, rows, p) each, and of buffers for them.

    Attributes:
        inputs: of every layer, with the row of ones.
        transposed: the same, transposed.
        hidden: what hidden layers give: the inputs of the next without the ones. Deltas take their place.
        slopes: cosines of hidden layers.
        error: output minus target.
    """

    inputs: list[Tensor]
    transposed: list[Tensor]
    hidden: list[Tensor]
    slopes: list[Tensor]
    error: Tensor
    targets: Tensor


class FieldBatch:
    """Weights, targets, gradients and Adam moments of ``slots`` fields, and the buffers to step them.

    Args:
        coords: (p, d) float32, shared by all slots: the points of the signals.
        budget: what is minimised, at how many points of the signals in each step, and by which method.
        tile: about how many points are worked on at a time at most: tiles are alike, of whole rows of memory
            but for the last. Gradients accumulate over tiles in order.
    Attributes:
        weights: (slots, P) float32, of each layer the rows of (W | b); see `load` and `read`.
        loss: (slots, 1) float32, what `measure` found.
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
        self._spec, self._logits = spec, budget.loss == "bce"
        self._tile = min(_whole_rows(-(-points // -(-points // tile))), points)
        self._error_scale = (1 if self._logits else 2) / (points * spec.out_dim)
        self._order = _rows_with_biases(spec)

        def buffer(*shape: int) -> Tensor:
            whole = (slots, *shape[:-1], _whole_rows(shape[-1]))
            return torch.zeros(whole, dtype=torch.float32, device=device)[..., : shape[-1]]

        self.weights = buffer(spec.parameters)
        self._scaled, self._gradient, self._mean, self._square, self._scratch = (
            buffer(spec.parameters) for _ in range(5)
        )
        self.loss = torch.zeros((slots, 1), dtype=torch.float32, device=device)
        self._targets, self._coords = buffer(spec.out_dim, points), buffer(spec.in_dim + 1, points)
        self._coords[:, -1] = 1.0
        self._all_targets, self._all_coords, self._streams = self._targets, self._coords, None
        if budget.points is None:
            self._coords[:, :-1] = torch.tensor(coords.T, device=device)
        else:
            self._all_targets = buffer(spec.out_dim, len(coords))
            with_ones = np.vstack([coords.T, np.ones_like(coords[:, :1].T)])
            self._all_coords = torch.tensor(with_ones, device=device).expand(slots, -1, -1)
            self._streams = torch.zeros((2, slots, 1), dtype=torch.int64, device=device)
        self._hidden = [buffer(width + 1, self._tile) for width in spec.dims[1:-1]]
        for hidden in self._hidden:
            hidden[:, -1] = 1.0
        self._slopes = [buffer(width, self._tile) for width in spec.dims[1:-1]]
        self._error = buffer(spec.out_dim, self._tile)
        self._tiles = self._cut(self._coords, self._targets)
        self._all_tiles = self._cut(self._all_coords, self._all_targets)
        self._factor, self._offset = (
            torch.tensor(numbers, device=device) for numbers in _scales(spec, self._order)
        )
        self._layers, self._gradients = _layer_views(spec, self._scaled), _layer_views(spec, self._gradient)
        self._backwards = [layer[:, :, :-1].mT for layer in self._layers]
        method = budget.method
        self._seen = buffer(spec.parameters) if budget.changes else self.weights
        self._changes = changes_of(spec, method, self.weights, _layer_views(spec, self._seen), self._order)
        self._judges = budget.changes and budget.judges
        self._pull = None
        if method is not None and method.scope is not None:
            self._pull = Pull(method.scope, _layer_views(spec, self.weights), self._gradients)

    def _cut(self, coords: Tensor, targets: Tensor) -> list[_Tile]:
        tiles = []
        for start in range(0, coords.shape[2], self._tile):
            part = slice(start, start + self._tile)
            own = coords[:, :, part]
            rows = own.shape[2]
            inputs = [own, *(hidden[:, :, :rows] for hidden in self._hidden)]
            tiles.append(
                _Tile(
                    inputs=inputs,
                    transposed=[given.mT for given in inputs],
                    hidden=[given[:, :-1] for given in inputs[1:]],
                    slopes=[slope[:, :, :rows] for slope in self._slopes],
                    error=self._error[:, :, :rows],
                    targets=targets[:, :, part],
                )
            )
        return tiles

    def load(
        self,
        slots: Sequence[int],
        inits: NDArray[np.float32],
        values: NDArray[np.float32],
        keys: NDArray[np.uint64] | None = None,
    ) -> None:
        """Start fresh fits in the given slots, from initial weights (k, P) towards values (k, p, c).

        Minibatches and noise are drawn from ``keys``, (k,).
        """
        device = self.weights.device
        chosen = torch.tensor(slots, device=device)
        self.weights[chosen] = torch.tensor(inits[:, self._order], device=device)
        self._all_targets[chosen] = torch.tensor(values, device=device).mT
        self._mean.index_fill_(0, chosen, 0.0)
        self._square.index_fill_(0, chosen, 0.0)
        if self._changes is not None:
            self._changes.load(chosen, keys)
        if self._streams is not None:
            assert keys is not None
            streams = torch.tensor(np.stack([keys, gammas(keys)]).view(np.int64), device=device)
            self._streams[:, chosen, 0] = streams

    def read(self, weights: Tensor, slots: Sequence[int]) -> NDArray[np.float32]:
        """Flat weights (k, P) on the host, of some slots of a tensor laid out as `weights`."""
        found = weights[torch.tensor(slots, device=weights.device)].cpu().numpy()
        flat = np.empty_like(found)
        flat[:, self._order] = found
        return flat

    def draw(self, step: Tensor) -> None:
        """Prepare the steps (slots, 1) of the fields: what they see of the weights, and gather their points.

        Nothing if they see the weights themselves, at all points.
        """
        if self._changes is not None:
            self._changes.see(self.weights, step, self._seen)
        if self._streams is None:
            return
        points, pool = self._coords.shape[2], self._all_coords.shape[2]
        seeds, increments = self._streams
        drawn = drawn_on_device(seeds, increments, step, points, pool).unsqueeze(1)
        pairs = (self._coords[:, :-1], self._all_coords[:, :-1]), (self._targets, self._all_targets)
        for chosen, everything in pairs:
            chosen.copy_(everything.gather(2, drawn.expand_as(chosen)))

    def measure(self) -> Tensor:
        """The loss that the step is judged by, `loss`; the gradient is kept for `update`.

        It is the mean squared error at the points of the step, as the step sees the weights, unless the
        budget judges the weights themselves.
        """
        self._scale(self._seen)
        for tile in self._tiles:
            error = self._forward(tile)
            first = tile is self._tiles[0]
            self._add_squares(self.loss, error, first)
            error.mul_(self._error_scale)
            self._backward(tile, first)
        self._gradient.mul_(self._factor)  # the gradient so far was that of the scaled weights
        if self._pull is not None:
            self._pull.add()
        self.loss.div_(self._targets[0].numel())
        return self.loss.copy_(self.measure_all()) if self._judges else self.loss

    def measure_all(self) -> Tensor:
        """Mean squared error at all points of the signals, (slots, 1); `loss` stays as it is."""
        self._scale(self.weights)
        total = torch.empty_like(self.loss)
        for tile in self._all_tiles:
            self._add_squares(total, self._forward(tile), first=tile is self._all_tiles[0])
        return total.div_(self._all_targets[0].numel())

    def _scale(self, weights: Tensor) -> None:
        """The phase omega (W h + b) takes omega from a copy of the weights, not point by point.

        So does the output its scale and offset.
        """
        torch.addcmul(self._offset, weights, self._factor, out=self._scaled)

    def _add_squares(self, total: Tensor, error: Tensor, first: bool) -> None:
        squares = error.square()
        if first:
            torch.sum(squares, (1, 2), out=total.view(-1))
        else:
            total += squares.sum((1, 2)).unsqueeze(1)

    def _forward(self, tile: _Tile) -> Tensor:
        """The errors of one tile; inputs of layers and slopes stay in their buffers."""
        for index, (hidden, slope) in enumerate(zip(tile.hidden, tile.slopes, strict=True)):
            torch.bmm(self._layers[index], tile.inputs[index], out=hidden)
            torch.cos(hidden, out=slope)
            hidden.sin_()
        output = torch.bmm(self._layers[-1], tile.inputs[-1], out=tile.error)
        if self._logits:
            nothing = output - output  # or NaN: weights that are lost must not give a sound loss
            output.sigmoid_().add_(nothing)
        return output.sub_(tile.targets)

    def _backward(self, tile: _Tile, first: bool) -> None:
        """Add one tile's gradients. A layer's input is not needed again: its buffer takes the next delta."""
        delta = tile.error
        for index in reversed(range(len(self._layers))):
            if first:
                torch.bmm(delta, tile.transposed[index], out=self._gradients[index])
            else:
                self._gradients[index].baddbmm_(delta, tile.transposed[index])
            if index:
                delta = torch.bmm(self._backwards[index], delta, out=tile.hidden[index - 1])
                delta.mul_(tile.slopes[index - 1])

    def update(self, size: Tensor, correction: Tensor, going: Tensor) -> None:
        """One Adam step of the slots where ``going``, (slots, 1) bool; the weights of others stay.

        ``size`` and ``correction``, (slots, 1), are the factors of `AdamSchedule`.
        """
        gradient, scratch = self._gradient, self._scratch
        self._mean.lerp_(gradient, 1 - BETA1)
        self._square.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        torch.sqrt(self._square, out=scratch).mul_(correction).add_(EPSILON)
        torch.div(self._mean, scratch, out=scratch)
        torch.addcmul(self.weights, scratch, size, value=-1, out=scratch)
        torch.where(going, scratch, self.weights, out=self.weights)


def _whole_rows(count: int) -> int:
    return -(-count // ALIGNED) * ALIGNED


def _rows_with_biases(spec: FieldSpec) -> NDArray[np.int64]:
    """Where the numbers of a batch's `weights` stand in the flat vector: by layers, the rows of (W | b)."""
    flat = np.arange(spec.parameters)
    return np.concatenate(
        [
            np.column_stack([flat[layer.weight].reshape(layer.fan_out, -1), flat[layer.bias]]).ravel()
            for layer in spec.layers
        ]
    )


def _scales(spec: FieldSpec, order: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Factor and offset that give the numbers of the products, in the order of a batch's `weights`."""
    factor, offset = np.empty(spec.parameters, np.float32), np.zeros(spec.parameters, np.float32)
    for layer, scale in zip(spec.layers, (*spec.omega, spec.output_scale), strict=True):
        factor[layer.weight.start : layer.bias.stop] = scale
    offset[spec.layers[-1].bias] = spec.output_offset
    return factor[order], offset[order]


def _layer_views(spec: FieldSpec, rows: Tensor) -> list[Tensor]:
    """(W | b), (slots, out, in + 1), of each layer."""
    return [
        rows[:, layer.weight.start : layer.bias.stop].view(-1, layer.fan_out, layer.fan_in + 1)
        for layer in spec.layers
    ]
