"""Batches of neural views: flat vectors, weights and biases per layer, or a neural graph."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple, Self, overload

import torch
from torch import Tensor

from ..field import FieldSpec

__all__ = ["Graph", "ItemRows", "Layers", "Layout", "ViewBatch", "ViewItem", "arrange"]

Layout = Literal["flat", "layers", "graph"]


class ViewItem(NamedTuple):
    """One neural view: its flat weights (P,) float32 and what it is of."""

    weights: Tensor
    label: int
    object_id: int
    view: int
    record_id: int
    target: Tensor
    """(K,) float32 shares of the classes: see `ViewBatch`."""


@dataclass(frozen=True, eq=False)
class ItemRows(Sequence[ViewItem]):
    """Views gathered together, in the order asked for: a sequence of `ViewItem` that stays in one piece.

    Args:
        weights: (B, P) float32.
        label, object_id, view, record_id: (B,) int64.
        target: (B, K) float32.
    """

    weights: Tensor
    label: Tensor
    object_id: Tensor
    view: Tensor
    record_id: Tensor
    target: Tensor

    @classmethod
    def stack(cls, items: Sequence[ViewItem]) -> Self:
        """Gather single items, as a dataset that wraps this one may hand them over."""
        weights, label, object_id, view, record_id, target = zip(*items, strict=True)
        return cls(
            torch.stack(weights),
            torch.tensor(label),
            torch.tensor(object_id),
            torch.tensor(view),
            torch.tensor(record_id),
            torch.stack(target),
        )

    def __len__(self) -> int:
        return len(self.weights)

    @overload
    def __getitem__(self, index: int) -> ViewItem: ...
    @overload
    def __getitem__(self, index: slice) -> "ItemRows": ...
    def __getitem__(self, index: int | slice) -> "ViewItem | ItemRows":
        if isinstance(index, slice):
            return ItemRows(**{field.name: getattr(self, field.name)[index] for field in fields(self)})
        return ViewItem(
            self.weights[index],
            int(self.label[index]),
            int(self.object_id[index]),
            int(self.view[index]),
            int(self.record_id[index]),
            self.target[index],
        )


class Layers(NamedTuple):
    """Weights and biases, one tensor a layer, input to output.

    Args:
        weights: (B, out, in) float32 each, as ``torch.nn.Linear`` has them.
        biases: (B, out) float32 each.

    Readers add a feature axis, and some swap the others. DWSNets take ``w.transpose(1, 2).unsqueeze(-1)``,
    (B, in, out, 1), and ``b.unsqueeze(-1)``; NFN takes ``w.unsqueeze(1)``, (B, 1, out, in), and
    ``b.unsqueeze(1)``.
    """

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]


class Graph(NamedTuple):
    """The neural graph: a node is a neuron with its bias, an edge is a weight.

    Source: Kofinas et al., "Graph Neural Networks for Learning Equivariant Representations of Neural
    Networks" (ICLR 2024), section 3.

    Args:
        nodes: (B, N, 1) float32, layer by layer from the inputs, whose biases are 0.
        edges: (B, E, 1) float32, in the order of the flat vector.
        edge_index: (2, E) int64, the source and the target node of each edge; all graphs share it.
    """

    nodes: Tensor
    edges: Tensor
    edge_index: Tensor

    def adjacency(self) -> Tensor:
        """Edge features as dense matrices, (B, N, N, 1) at [source, target]; 0 where there is no edge."""
        batch, nodes, features = self.nodes.shape
        dense = self.edges.new_zeros(batch, nodes, nodes, features)
        dense[:, self.edge_index[0], self.edge_index[1]] = self.edges
        return dense


@dataclass(frozen=True, eq=False)
class ViewBatch:
    """A batch of neural views, as `ViewDataset.collate` makes it.

    Args:
        weights: in the layout of the dataset: for ``"flat"`` a tensor (B, P) float32 in the order of torch's
            parameters, ``W_0, b_0, W_1, b_1, ...`` row-major; for ``"layers"`` a `Layers`; for
            ``"graph"`` a `Graph`.
        label, object_id, view, record_id: (B,) int64; a label of -1 means that the object has none. Of a
            mixed field these are its first parent's, but for the label: the class of the largest share.
        target: (B, K) float32, shares of the K classes of the store, with sum 1: one class, unless an
            augmentation mixed or smoothed labels. All 0 where there is no label.
    """

    weights: Tensor | Layers | Graph
    label: Tensor
    object_id: Tensor
    view: Tensor
    record_id: Tensor
    target: Tensor

    def __len__(self) -> int:
        return len(self.label)

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> "ViewBatch":
        """The same batch with every tensor on ``device``."""
        return self._changed(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "ViewBatch":
        """The same batch in page-locked memory; the DataLoader calls this when ``pin_memory=True``."""
        return self._changed(Tensor.pin_memory)

    def _changed(self, change: Callable[[Tensor], Tensor]) -> "ViewBatch":
        return ViewBatch(*(_each_tensor(getattr(self, field.name), change) for field in fields(self)))


def _each_tensor(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Apply ``change`` to a tensor, or to those in (named) tuples at any depth."""
    if isinstance(value, Tensor):
        return change(value)
    parts = [_each_tensor(part, change) for part in value]
    return type(value)(*parts) if isinstance(value, Layers | Graph) else tuple(parts)


def arrange(rows: ItemRows, spec: FieldSpec, layout: Layout) -> ViewBatch:
    """Put gathered views into a layout; flat and layered weights are views of ``rows.weights``."""
    return ViewBatch(
        _LAYOUTS[layout](rows.weights, spec),
        rows.label,
        rows.object_id,
        rows.view,
        rows.record_id,
        rows.target,
    )


def _flat(weights: Tensor, spec: FieldSpec) -> Tensor:
    return weights


def _layers(weights: Tensor, spec: FieldSpec) -> Layers:
    return Layers(
        tuple(weights[:, part.weight].reshape(-1, part.fan_out, part.fan_in) for part in spec.layers),
        tuple(weights[:, part.bias] for part in spec.layers),
    )


def _graph(weights: Tensor, spec: FieldSpec) -> Graph:
    inputs = weights.new_zeros(len(weights), spec.in_dim)
    nodes = torch.cat((inputs, *(weights[:, part.bias] for part in spec.layers)), dim=1)
    edges = torch.cat([weights[:, part.weight] for part in spec.layers], dim=1)
    return Graph(nodes.unsqueeze(-1), edges.unsqueeze(-1), _edge_index(spec.dims))


_LAYOUTS: dict[Layout, Callable[[Tensor, FieldSpec], Tensor | Layers | Graph]] = {
    "flat": _flat,
    "layers": _layers,
    "graph": _graph,
}


@lru_cache(maxsize=8)
def _edge_index(dims: tuple[int, ...]) -> Tensor:
    """Source and target of every weight, (2, E), rows of (out, in) matrices laid out one after another."""
    parts, first = [], 0
    for fan_in, fan_out in pairwise(dims):
        source = torch.arange(first, first + fan_in).repeat(fan_out)
        first += fan_in
        target = torch.arange(first, first + fan_out).repeat_interleave(fan_in)
        parts.append(torch.stack((source, target)))
    return torch.cat(parts, dim=1)
