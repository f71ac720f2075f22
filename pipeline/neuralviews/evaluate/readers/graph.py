"""A message-passing network on the neural graph: neurons are nodes, weights are edges.

Source: Kofinas et al., "Graph Neural Networks for Learning Equivariant Representations of Neural Networks"
(ICLR 2024), the variant with modulated messages and updated edges. Written out with one dense tensor of
edges a layer of the field: all fields of a store have the same topology, fully connected between layers, for
which the lists of edges of torch-geometric would gather and scatter what is contiguous already, and a
compiled dependency would be needed by those who never read a graph.

Differences: messages are averaged, where the paper also takes minimum, maximum and deviation. An average of
messages that are products is a product of matrices, so that nothing of the size (edges x features of a node)
is ever made. The two directions of an edge have weights of their own, and nodes are updated by residuals.
There are three rounds, and neither Gaussian Fourier features of the inputs nor probe features:
`sine_graph` has what comes to those.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, silu

from ...data.normalize import Normalization
from ...field import FieldSpec
from ...symmetry.group import Group
from .base import Reader
from .layered import layers_of
from .modules import Linear
from .table import Table

__all__ = ["GraphReader"]

STEPS = 3


class GraphReader(Reader):
    """Message passing in both directions of every edge, then the mean node of each hidden layer.

    Every input and output neuron has a positional embedding of its own; the hidden neurons of a layer share
    one, so that nothing tells them apart but their weights.

    Args:
        hidden: features of a node; an edge has half as many.
    """

    name: ClassVar[str] = "graph"
    summary: ClassVar[str] = "message passing on the neural graph"
    source: ClassVar[str] = "Kofinas et al., Graph Neural Networks for ... Neural Networks, ICLR 2024"
    invariant: ClassVar[Group | None] = "perm"
    normalize: ClassVar[Normalization | None] = "layer"
    hidden: ClassVar[int] = 16
    lr: ClassVar[float] = 3e-3

    def __init__(self, spec: FieldSpec, *, hidden: int, outputs: int) -> None:
        super().__init__(spec, 2 * hidden, outputs)
        middle = spec.dims[1:-1]
        kinds = spec.in_dim + len(middle) + spec.out_dim
        copies = [1] * spec.in_dim + list(middle) + [1] * spec.out_dim
        kind = [number for number, count in enumerate(copies) for _ in range(count)]
        self.register_buffer("kind", torch.tensor(kind), persistent=False)
        self.kind: Tensor
        self.positions = Table(kinds, hidden)
        self.bias = Linear(1, hidden)
        # An edge begins as its weight alone: what takes it up is linear, as a projection of it would be.
        edge = [1, *[max(hidden // 2, 1)] * (STEPS - 1)]
        self.steps = nn.ModuleList(map(_Step, [hidden] * STEPS, edge, [*edge[1:], 0]))
        self.last = nn.Sequential(
            Linear(kinds * hidden, 2 * hidden), nn.SiLU(), Linear(2 * hidden, 2 * hidden), nn.SiLU()
        )

    def embed(self, weights: Tensor) -> Tensor:
        """What is read off the inputs, the mean of each hidden layer and the outputs: F = 2 hidden."""
        layers = layers_of(self.spec, weights)
        bias = torch.cat((weights.new_zeros(len(weights), self.spec.in_dim), *(b for _, b in layers)), dim=1)
        nodes = self.bias(bias[..., None]) + self.positions()[self.kind]
        edges, sizes = [weight[:, None] for weight, _ in layers], list(self.spec.dims)
        for step in self.steps:
            nodes, edges = step(nodes, edges, sizes)
        first, *hidden, last = torch.split(nodes, sizes, dim=1)
        pooled = [first.flatten(1), *(layer.mean(dim=1) for layer in hidden), last.flatten(1)]
        features: Tensor = self.last(torch.cat(pooled, dim=1))
        return features


class _Step(nn.Module):
    """One round: nodes (B, N, D), then the edges (B, E, out, in) of each layer, unless E is to be 0."""

    def __init__(self, node: int, edge: int, new_edge: int) -> None:
        super().__init__()
        self.forth, self.back = _Messages(node, edge), _Messages(node, edge)
        self.update = nn.Sequential(Linear(3 * node, node), nn.SiLU(), Linear(node, node))
        self.edges = _EdgeUpdate(node, edge, new_edge) if new_edge else None

    def forward(self, nodes: Tensor, edges: list[Tensor], sizes: list[int]) -> tuple[Tensor, list[Tensor]]:
        layers = torch.split(nodes, sizes, dim=1)
        forth, back = [torch.zeros_like(layers[0])], []
        for edge, source, target in zip(edges, layers, layers[1:], strict=False):
            forth.append(self.forth(edge, target, source))
            back.append(self.back(edge.transpose(-1, -2), source, target))
        back.append(torch.zeros_like(layers[-1]))
        messages = torch.cat((torch.cat(forth, dim=1), torch.cat(back, dim=1)), dim=-1)
        nodes = nodes + self.update(torch.cat((nodes, messages), dim=-1))
        nodes = layer_norm(nodes, nodes.shape[-1:])
        if self.edges is not None:
            layers = torch.split(nodes, sizes, dim=1)
            pairs = zip(edges, layers, layers[1:], strict=False)
            edges = [self.edges(edge, source, target) for edge, source, target in pairs]
        return nodes, edges


class _Messages(nn.Module):
    """For each target i the mean over j of ``scale(e_ij) * (own(x_i) + other(y_j)) + shift(e_ij)``."""

    def __init__(self, node: int, edge: int) -> None:
        super().__init__()
        self.scale, self.shift = Linear(edge, node), Linear(edge, node)
        self.own, self.other = Linear(node, node), Linear(node, node, bias=False)

    def forward(self, edge: Tensor, target: Tensor, source: Tensor) -> Tensor:
        batch, features, count, sources = edge.shape
        sent = self.other(source) / sources
        products = torch.bmm(edge.reshape(batch, -1, sources), sent).view(batch, features, count, -1)
        modulated = (products * self.scale.weight.t()[:, None]).sum(dim=1)
        modulated = modulated + self.scale.bias * sent.sum(dim=1, keepdim=True)
        mean = edge.mean(dim=-1).transpose(1, 2)
        received: Tensor = modulated + self.scale(mean) * self.own(target) + self.shift(mean)
        return received


class _EdgeUpdate(nn.Module):
    """``silu(edge(e_ij) + source(y_j) + target(x_i))``: the linear map that follows is the next step's."""

    def __init__(self, node: int, edge: int, new_edge: int) -> None:
        super().__init__()
        self.edge = Linear(edge, new_edge, bias=False)
        self.source, self.target = Linear(node, new_edge), Linear(node, new_edge, bias=False)

    def forward(self, edge: Tensor, source: Tensor, target: Tensor) -> Tensor:
        batch, _, targets, sources = edge.shape
        ends = (
            self.target(target).transpose(1, 2)[..., None] + self.source(source).transpose(1, 2)[:, :, None]
        )
        mix = self.edge.weight.expand(batch, -1, -1)
        changed = silu(torch.baddbmm(ends.flatten(2), mix, edge.flatten(2)))
        return changed.view(batch, -1, targets, sources)
