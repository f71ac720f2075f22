"""A linear map of weights that commutes with permutations, all blocks of it, then normalization and ReLU."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from .chain import Chain, Tensors
from .fold_norm import FeatureNorm, FoldedNorm
from .modules import Linear
from .pair_map import map_pair

__all__ = ["EquivariantLayer", "means_of"]


class EquivariantLayer(nn.Module):
    """Weights with F features to weights with G features.

    An equivariant linear map from one tensor to another has one block for each set of axes that both
    have: the average over the other axes of the source, times a matrix (F, G), repeated along the other axes
    of the target. Blocks that end at the same axes add up, so the map is computed set by set: no axis
    (`everywhere`), one axis (`along`), two axes (`within`), each a single product of matrices.
    For the same reason one bias a target, that of `everywhere`, stands for all.

    Args:
        chain: the arrangement of the weights.
        features: F.
        width: G.
        normalized: batch normalization before ReLU: for each slot and feature over the batch and all axes.
        feeds_norm: whether a normalized layer follows.
    """

    def __init__(
        self, chain: Chain, features: int, width: int, *, normalized: bool = False, feeds_norm: bool = False
    ) -> None:
        super().__init__()
        self.feeds_norm = feeds_norm
        last = len(chain.units) - 1
        # Of each axis: the pair whose outputs it is, its own slots, the pair whose inputs it is.
        self.slots = [(int(k > 0), own, int(k < last)) for k, own in enumerate(chain.own)]
        self.loose = chain.loose
        self.width = width
        self.everywhere = Linear(chain.slots * features, chain.slots * width)
        self.along = nn.ModuleList(
            Linear(sum(slots) * features, sum(slots) * width, bias=False) for slots in self.slots
        )
        self.within = nn.ModuleList(Linear(features, width, bias=False) for _ in range(last))
        self.own_norms, self.pair_norms, self.loose_norm = nn.ModuleList(), nn.ModuleList(), None
        if normalized:
            self.own_norms.extend(FeatureNorm(own * width) for own in chain.own)
            self.pair_norms.extend(FoldedNorm(width) for _ in range(last))
            self.loose_norm = FeatureNorm(chain.loose * width)

    def forward(self, tensors: Tensors) -> Tensors:
        """Map, normalize, and apply ReLU."""
        seen = _seen_along(tensors)
        spread = self.everywhere(means_of(tensors, seen))
        own, to_rows, to_columns, at = [], [], [], 0
        for axis, (above, slots, below), values in zip(self.along, self.slots, seen, strict=True):
            ends = [above * self.width, slots * self.width, below * self.width]
            share = spread[:, at : at + sum(ends[1:])]
            at += sum(ends[1:])
            # A pair lies on two axes, and takes its share of what is spread everywhere from its inputs' one.
            rows, kept, columns = (axis(values) + pad(share, (ends[0], 0))[:, None]).split(ends, -1)
            own.append(kept)
            to_rows.append(rows)
            to_columns.append(columns)
        loose = spread[:, at:]
        if self.loose_norm is not None:
            own = [norm(values) for norm, values in zip(self.own_norms, own, strict=True)]
            loose = self.loose_norm(loose)
        pairs = []
        for k, (pair, within) in enumerate(zip(tensors.pairs, self.within, strict=True)):
            terms = cast(Tensor, within.weight).T, to_rows[k + 1], to_columns[k]
            if self.loose_norm is not None:
                terms = cast(FoldedNorm, self.pair_norms[k]).fold(pair, *terms)
            pairs.append(map_pair(pair, *terms, products=self.feeds_norm))
        return Tensors(pairs, [relu(values) for values in own], relu(loose))


def means_of(tensors: Tensors, seen: list[Tensor] | None = None) -> Tensor:
    """Means over all axes, (B, slots F): axis by axis its own and the pair above it; last what is loose."""
    features = tensors.pairs[0].rows.shape[-1] if tensors.pairs else 0
    means = [values.mean(1) for values in (_seen_along(tensors) if seen is None else seen)]
    return torch.cat([means[0], *(mean[:, features:] for mean in means[1:]), tensors.loose], -1)


def _seen_along(tensors: Tensors) -> list[Tensor]:
    """For each axis all that has it, averaged over the other axis of pairs, (B, units, slots F)."""
    pairs, last = tensors.pairs, len(tensors.own) - 1
    return [
        torch.cat(
            [
                *([pairs[k - 1].rows] if k > 0 else []),
                own,
                *([pairs[k].columns] if k < last else []),
            ],
            -1,
        )
        for k, own in enumerate(tensors.own)
    ]
