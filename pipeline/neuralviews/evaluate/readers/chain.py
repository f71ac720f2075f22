"""How permutations act on the weights of a field: axes of units in a row, and what lies on and between them.

Two layers that share an axis are permuted along it together. Indices that nothing permutes, such as the
inputs of a first layer whose order is known, are no axis: they are features, one slot for each index.
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import torch
from torch import Tensor

from ...field import FieldSpec
from .pair_map import Pair

__all__ = ["Chain", "Tensors"]


class Tensors(NamedTuple):
    """Weights with F features each, in the arrangement of a `Chain` of K axes.

    Args:
        pairs: K - 1 weight matrices between neighbouring axes; values (B, units[k + 1], units[k], F).
        own: K tensors of what has that axis alone, (B, units[k], own[k] F): slot by slot its features.
        loose: what has no axis, (B, loose F).
    """

    pairs: list[Pair]
    own: list[Tensor]
    loose: Tensor


@dataclass(frozen=True)
class Chain:
    """The axes along which a field's weights are permuted.

    Args:
        spec: of the fields.
        units: of each axis.
        own: slots on each axis: a bias, and the weights that join it to indices which nothing permutes.
        loose: slots on no axis.
    """

    spec: FieldSpec
    units: tuple[int, ...]
    own: tuple[int, ...]
    loose: int

    @classmethod
    def of_hidden(cls, spec: FieldSpec) -> Self:
        """Hidden units are permuted; inputs and outputs are not."""
        own = [1] * len(spec.omega)
        own[0] += spec.in_dim
        own[-1] += spec.out_dim
        return cls(spec, spec.dims[1:-1], tuple(own), spec.out_dim)

    @classmethod
    def of_all(cls, spec: FieldSpec) -> Self:
        """Inputs, hidden units and outputs are permuted."""
        return cls(spec, spec.dims, (0, *[1] * (len(spec.dims) - 1)), 0)

    @property
    def slots(self) -> int:
        """Of pairs, axes and what is loose together: how many means there are of one feature."""
        return len(self.units) - 1 + sum(self.own) + self.loose

    def arrange(self, weights: Tensor, width: int) -> Tensors:
        """Flat weights with features, (B, P, F), for layers of ``width`` features."""
        matrices = [
            weights[:, layer.weight].view(len(weights), layer.fan_out, layer.fan_in, -1)
            for layer in self.spec.layers
        ]
        biases = [weights[:, layer.bias] for layer in self.spec.layers]
        if self.loose == 0:
            nothing = weights.new_empty(len(weights), self.units[0], 0)
            pairs = [Pair.of(matrix, width) for matrix in matrices]
            return Tensors(pairs, [nothing, *biases], nothing[:, 0])
        first, *between, last = matrices
        own = [[bias] for bias in biases[:-1]]
        own[0].insert(0, first.flatten(2))
        own[-1].append(last.transpose(1, 2).flatten(2))
        pairs = [Pair.of(matrix, width) for matrix in between]
        return Tensors(pairs, [torch.cat(slots, -1) for slots in own], biases[-1].flatten(1))
