"""NFN: layers that permute inputs and outputs too, on weights that say where they are from."""

import math
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...field import FieldSpec
from ...symmetry.group import Group
from .base import Reader
from .chain import Chain, Tensors
from .equivariant import EquivariantLayer
from .modules import Linear

__all__ = ["Nfn"]

LAYERS = 3
FEATURES = 64
SCALE = 0.3
"""Deviation of the frequencies of the Fourier features, in cycles per unit."""

BANDS = 3
HIGHEST = 3.0
"""Of the positional encoding: how many frequencies, and twice the highest one."""


class Encoding(nn.Module):
    """Sines and cosines of multiples of each weight, and of its place.

    Args:
        waves: random multiples, Gaussian; fixed once drawn.
    """

    frequencies: Tensor
    places: Tensor

    def __init__(self, spec: FieldSpec, waves: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.empty(waves))
        self.register_buffer("places", _places(spec), persistent=False)
        self.features = 2 * waves + self.places.shape[1]

    def draw(self, generator: torch.Generator) -> None:
        """Draw the multiples."""
        self.frequencies.normal_(0, 2 * math.pi * SCALE, generator=generator)

    def forward(self, weights: Tensor) -> Tensor:
        """Flat weights (B, P) to features (B, P, 2 waves + 2 BANDS + 1)."""
        angles = weights.unsqueeze(-1) * self.frequencies
        places = self.places.expand(len(weights), -1, -1)
        return torch.cat([angles.sin(), angles.cos(), places], -1)


def _places(spec: FieldSpec) -> Tensor:
    """The encoding (P, 2 BANDS + 1) of the layer of each weight, plus that of its input or output."""
    layers, inputs, outputs = (_waves(count) for count in (len(spec.layers), spec.in_dim, spec.out_dim))
    rows: list[Tensor] = []
    for index, (layer, code) in enumerate(zip(spec.layers, layers, strict=True)):
        weight, bias = code.repeat(layer.fan_out, layer.fan_in, 1), code.repeat(layer.fan_out, 1)
        if index == 0:
            weight = weight + inputs
        if index == len(spec.layers) - 1:
            weight, bias = weight + outputs[:, None], bias + outputs
        rows += [weight.flatten(0, 1), bias]
    return torch.cat(rows)


def _waves(count: int) -> Tensor:
    """Sines, cosines and the numbers themselves of ``count`` numbers evenly from -1 to 1."""
    numbers = torch.linspace(-1, 1, count)[:, None]
    angles = math.pi * torch.linspace(1, HIGHEST / 2, BANDS) * numbers
    return torch.cat([angles.sin(), angles.cos(), numbers], -1)


class Nfn(Reader):
    """Neural functional network of the NP variant, as its authors' release reads MNIST fields, but smaller.

    Each weight becomes sines and cosines of random multiples of it, and an encoding of its layer and, if it
    is of the first or last layer, of its input or output. Equivariant layers follow that treat inputs and
    outputs like hidden units (NP: neuron permutation), each with ReLU; the encoding is what tells them
    apart. The head takes means over hidden units, keeps inputs and outputs, and is an MLP. The release
    has 512 features, a head of width 1000, and dropout of 0.1, which is left out here; and its multiples
    are ten times as large, with which this small reader learned next to nothing of digits in 300 steps
    (.12 of images told right, at 10 views of init ``dws``; .27 with those here).

    Args:
        hidden: features of a weight in each layer; as many sines and cosines, rounded up to an even number.
    """

    name: ClassVar[str] = "nfn"
    summary: ClassVar[str] = "layers equivariant to permuting all neurons, with encoded inputs and outputs"
    source: ClassVar[str] = "Zhou et al., Permutation Equivariant Neural Functionals, NeurIPS 2023"
    invariant: ClassVar[Group | None] = "perm"
    hidden: ClassVar[int] = 16
    lr: ClassVar[float] = 1e-3

    def __init__(self, spec: FieldSpec, *, hidden: int, outputs: int) -> None:
        super().__init__(spec, FEATURES, outputs)
        self.width = hidden
        self.chain = Chain.of_all(spec)
        self.encoding = Encoding(spec, math.ceil(hidden / 2))
        widths = [self.encoding.features, *[hidden] * LAYERS]
        self.layers = nn.Sequential(*(EquivariantLayer(self.chain, *ends) for ends in pairwise(widths)))
        pooled = self.chain.slots - 3 + spec.in_dim + 2 * spec.out_dim
        self.pooled_head = nn.Sequential(
            Linear(pooled * hidden, FEATURES), nn.ReLU(), Linear(FEATURES, FEATURES), nn.ReLU()
        )

    def embed(self, weights: Tensor) -> Tensor:
        """The last hidden layer of the head, F = 64."""
        tensors: Tensors = self.layers(self.chain.arrange(self.encoding(weights), self.width))
        first, last = tensors.pairs[0], tensors.pairs[-1]
        means = [first.columns.flatten(1), last.rows.flatten(1), tensors.own[-1].flatten(1)]
        means += [pair.rows.mean(1) for pair in tensors.pairs[1:-1]]
        means += [bias.mean(1) for bias in tensors.own[1:-1]]
        features: Tensor = self.pooled_head(torch.cat(means, -1))
        return features
