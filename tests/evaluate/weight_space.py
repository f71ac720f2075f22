"""What is tested of equivariant layers: stated slot by slot, block by block, and by counting orbits."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain as concatenated
from itertools import combinations

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from neuralviews.evaluate.readers.chain import Chain, Tensors
from neuralviews.evaluate.readers.equivariant import EquivariantLayer
from neuralviews.field import FieldSpec, join, split

SPECS = st.lists(st.integers(1, 5), min_size=3, max_size=5).map(FieldSpec)


@dataclass(frozen=True)
class Slot:
    """A part of the flat vector that has permuted axes only, and where a layer keeps its matrices."""

    indices: NDArray[np.int64]
    axes: tuple[int, ...]
    everywhere: int
    along: dict[int, int]


def slots(chain: Chain) -> list[Slot]:
    """All slots: a first matrix is one for each input if inputs are not permuted, and so on."""
    last = len(chain.spec.dims) - 1
    free = () if chain.loose == 0 else (0, last)
    axis_of = {layer: k for k, layer in enumerate(k for k in range(last + 1) if k not in free)}
    pairs = split(chain.spec, np.arange(chain.spec.parameters))
    parts: list[tuple[NDArray[np.int64], tuple[int, ...]]] = []
    for layer, (weight, bias) in enumerate(pairs):
        if layer in free:
            parts += [(column, (layer + 1,)) for column in weight.T]
        elif layer + 1 in free:
            continue
        else:
            parts.append((weight, (layer + 1, layer)))
        parts.append((bias, (layer + 1,)))
    if free:
        weight, bias = pairs[-1]
        parts += [(row, (last - 1,)) for row in weight]
        parts += [(index, ()) for index in bias]
    return _placed(parts, axis_of)


def _placed(parts: list[tuple[NDArray[np.int64], tuple[int, ...]]], axis_of: dict[int, int]) -> list[Slot]:
    """Number the slots: axis by axis the pair above, own ones, the pair below; then what is loose."""
    found = [(indices, tuple(axis_of[axis] for axis in axes)) for indices, axes in parts]
    order, along = [], [dict[int, int]() for _ in found]
    for axis in range(len(axis_of)):
        above = [n for n, (_, axes) in enumerate(found) if axes == (axis, axis - 1)]
        own = [n for n, (_, axes) in enumerate(found) if axes == (axis,)]
        below = [n for n, (_, axes) in enumerate(found) if axes == (axis + 1, axis)]
        for place, n in enumerate([*above, *own, *below]):
            along[n][axis] = place
        order += [*own, *below]
    order += [n for n, (_, axes) in enumerate(found) if not axes]
    return [Slot(*part, order.index(n), along[n]) for n, part in enumerate(found)]


def flattened(chain: Chain, tensors: Tensors) -> Tensor:
    """(B, P, F): the inverse of `Chain.arrange`."""
    features = tensors.pairs[0].rows.shape[-1] if tensors.pairs else tensors.own[0].shape[-1] // chain.own[0]
    out = torch.empty(len(tensors.loose), chain.spec.parameters, features, dtype=tensors.loose.dtype)
    for slot in slots(chain):
        at = slot.along.get(slot.axes[0] if slot.axes else -1, 0) * features
        if len(slot.axes) == 2:
            values = torch.cat(tensors.pairs[slot.axes[1]].blocks)
        elif slot.axes:
            at -= features * (slot.axes[0] > 0)  # the place of the pair above
            values = tensors.own[slot.axes[0]][..., at : at + features]
        else:
            at = (slot.everywhere - (chain.slots - chain.loose)) * features
            values = tensors.loose[:, at : at + features]
        out[:, slot.indices] = values
    return out


def stated(chain: Chain, layer: EquivariantLayer, weights: Tensor) -> Tensor:
    """The layer before normalization and ReLU, (B, P, F) to (B, P, G): a sum over all blocks."""
    width = layer.width
    out = torch.zeros(*weights.shape[:2], width, dtype=weights.dtype)
    bias = layer.everywhere.bias.view(chain.slots, width)
    for target in slots(chain):
        total = bias[target.everywhere].expand(len(weights), *target.indices.shape, width)
        for source in slots(chain):
            values = weights[:, source.indices]
            for kept in shared_axes(source, target):
                matrix = _matrix(layer, source, target, kept, weights.shape[-1])
                total = total + _spread(values, source.axes, kept, target.axes) @ matrix
        out[:, target.indices] = total
    return out


def shared_axes(source: Slot, target: Slot) -> Iterator[tuple[int, ...]]:
    """Sets of axes of both: one block each."""
    both = [axis for axis in source.axes if axis in target.axes]
    return concatenated.from_iterable(combinations(both, count) for count in range(len(both) + 1))


def _spread(values: Tensor, axes: tuple[int, ...], kept: tuple[int, ...], target: tuple[int, ...]) -> Tensor:
    """Means over the axes that are not kept, with length 1 along the target's other axes."""
    for place, axis in reversed(list(enumerate(axes))):
        if axis not in kept:
            values = values.mean(1 + place)
    for place, axis in enumerate(target):
        if axis not in kept:
            values = values.unsqueeze(1 + place)
    return values


def _matrix(
    layer: EquivariantLayer, source: Slot, target: Slot, kept: tuple[int, ...], features: int
) -> Tensor:
    """The block's matrix (F, G)."""
    if len(kept) == 2:
        found: Tensor = layer.within[kept[1]].weight
        return found.T
    if kept:
        found, row, column = layer.along[kept[0]].weight, target.along[kept[0]], source.along[kept[0]]
    else:
        found, row, column = layer.everywhere.weight, target.everywhere, source.everywhere
    rows, columns = slice(row * layer.width, (row + 1) * layer.width), slice(column * features, None)
    return found[rows, columns][:, :features].T


def orbits(spec: FieldSpec, axes: range) -> tuple[int, int]:
    """Orbits of the flat indices, and of pairs of them, when the units of these layers are permuted."""
    count = spec.parameters
    moves = [_swapped(spec, axis, unit) for axis in axes for unit in range(spec.dims[axis] - 1)]
    single = connected_components(_graph(count, moves), directed=False)[0]
    pairs = [(move[:, None] * count + move).ravel() for move in moves]
    return int(single), int(connected_components(_graph(count**2, pairs), directed=False)[0])


def _graph(count: int, moves: list[NDArray[np.int64]]) -> coo_matrix:
    """Joins each index to where the moves take it."""
    here = np.tile(np.arange(count), len(moves))
    there = np.concatenate(moves) if moves else here
    return coo_matrix((np.ones(len(here)), (here, there)), (count, count))


def _swapped(spec: FieldSpec, axis: int, unit: int) -> NDArray[np.int64]:
    """Where each flat index goes when two neighbouring units of a layer change places."""
    layers = [(weight.copy(), bias.copy()) for weight, bias in split(spec, np.arange(spec.parameters))]
    two = [unit, unit + 1]
    if axis > 0:
        weight, bias = layers[axis - 1]
        weight[two], bias[two] = weight[two[::-1]], bias[two[::-1]]
    if axis < len(layers):
        weight = layers[axis][0]
        weight[:, two] = weight[:, two[::-1]]
    return join(spec, layers)
