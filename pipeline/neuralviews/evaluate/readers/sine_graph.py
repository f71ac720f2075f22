"""Message passing on the neural graph that respects every symmetry of a SIREN: permutations, signs, phases.

Hidden unit i computes ``sin(z_i + t_i)`` of ``z_i = omega sum_j W_ij h_j`` and ``t_i = omega b_i``. A
symmetry with sign ``s_i`` and ``k_i`` half turns takes z_i to ``s_i z_i``, t_i to ``s_i t_i + k_i pi``, and
so the output to ``c_i = s_i (-1)^k_i`` times it, which the next layer's weights take back. Quantities of a
unit are hence of four kinds, by the factor that they gain, and products of quantities gain products:

========  ==========================================================
factor    quantities
========  ==========================================================
1         cos 2t, cos z; mean squares of incoming weights
s         sin 2t, sin z, z
c         sin t, ``sum_i W_ij q_i`` of what is of factor s_i above it
s c       cos t
========  ==========================================================

A weight W_ij gains ``s_i c_j``. As sin t and cos t are never both 0, what is of factor c is, without loss,
``sin t * even + cos t * odd`` of something of factor 1 and something of factor s: a node keeps an even state
and an odd one, and nothing else. The odd ones are mapped without bias and gated by even ones; products of
two odd ones are even. A message forth is of factor c at its source and, times W_ij, of factor s where it
arrives; one back is of factor s_i at its source and arrives with factor c_j, and is turned into an even and
an odd part there.

Forth, a channel begins at a learned vector instead of the inputs, and is what the field's own unit computes
plus what the states add: with nothing added, channels are the activations of the field at learned points,
which Kofinas et al. (ICLR 2024) give their graphs as "probe features". Signs were first treated so by
ScaleGMN (Kalogeropoulos et al., NeurIPS 2024); phases are this project's own.
"""

import math
from dataclasses import dataclass
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

__all__ = ["SineGraph"]

SWEEPS = 2
"""Sweeps forth; there is one back between them."""


class SineGraph(Reader):
    """One sweep over the layers forth, one back, one forth again; then means of each hidden layer.

    Args:
        hidden: features of each of the two states of a node.
    """

    name: ClassVar[str] = "sine-graph"
    summary: ClassVar[str] = "message passing that respects permutations, signs and phases"
    source: ClassVar[str] = "this project; after Kalogeropoulos et al., ScaleGMN, NeurIPS 2024, for signs"
    invariant: ClassVar[Group | None] = "phase"
    normalize: ClassVar[Normalization | None] = None
    hidden: ClassVar[int] = 16
    lr: ClassVar[float] = 3e-3

    def __init__(self, spec: FieldSpec, *, hidden: int, outputs: int) -> None:
        super().__init__(spec, 4 * hidden, outputs)
        middle = len(spec.dims) - 2
        self.points, self.kinds = (
            nn.ModuleList(Table(spec.in_dim, hidden) for _ in range(SWEEPS)) for _ in range(2)
        )
        self.outputs = Table(spec.out_dim, hidden)
        self.turn = Linear(2 * hidden, hidden)
        self.starts = nn.ModuleList(_Start(hidden) for _ in range(middle))
        self.forth = nn.ModuleList(_Forth(hidden) for _ in range(SWEEPS * middle))
        self.back = nn.ModuleList(_Back(hidden) for _ in range(middle))
        self.pool = nn.ModuleList(Linear(hidden, 2 * hidden) for _ in range(middle))
        read = 2 * SWEEPS * spec.out_dim + spec.in_dim + 2 * middle
        self.last = nn.Sequential(
            nn.BatchNorm1d(read * hidden, affine=False),
            Linear(read * hidden, 4 * hidden),
            nn.SiLU(),
            Linear(4 * hidden, 4 * hidden),
            nn.SiLU(),
        )

    def embed(self, weights: Tensor) -> Tensor:
        """What is read off the inputs, the mean of each hidden layer and the outputs: F = 4 hidden."""
        layers = _scaled_layers(self.spec, weights)
        states = [start(layer) for start, layer in zip(self.starts, layers, strict=False)]
        found = self._sweep_forth(0, layers, states)
        inputs = self._sweep_back(torch.cat(found, dim=-1), layers, states)
        found += [inputs, *self._sweep_forth(1, layers, states)]
        pooled = [silu(pool(state.even)).mean(dim=1) for pool, state in zip(self.pool, states, strict=True)]
        features: Tensor = self.last(torch.cat([*(part.flatten(1) for part in found), *pooled], dim=1))
        return features

    def _sweep_forth(self, sweep: int, layers: "list[_Layer]", states: "list[_State]") -> list[Tensor]:
        """Update the states, inputs to outputs; returns what arrives at the outputs, twice (B, out, C)."""
        batch = len(layers[0].weight)
        sent, even = (table[sweep]().expand(batch, -1, -1) for table in (self.points, self.kinds))
        units = self.forth[sweep * len(states) : (sweep + 1) * len(states)]
        for index, take_up in enumerate(units):
            states[index], sent = take_up(layers[index], states[index], sent, even)
            even = states[index].even
        last = layers[-1]
        return [torch.baddbmm(last.bias[..., None], last.weight, sent), torch.bmm(last.squares, even)]

    def _sweep_back(self, found: Tensor, layers: "list[_Layer]", states: "list[_State]") -> Tensor:
        """Update the states, outputs to inputs; returns what arrives at the inputs, (B, in, C)."""
        # Nothing turns outputs around: what they send back is even and odd at once.
        sent = even = silu(self.turn(found) + self.outputs())
        for index in reversed(range(len(states))):
            states[index], sent, even = self.back[index](
                layers[index], states[index], layers[index + 1], sent, even
            )
        return layers[0].back(sent)


@dataclass(frozen=True)
class _Layer:
    """The weights and biases of n fields' layer, scaled by what no symmetry changes.

    Args:
        weight: (B, out, in) omega W; of the last layer, output_scale W.
        unit: (B, out, in), of deviation 1 in the standard init of SIREN.
        bias: (B, out) omega b; of the last layer, output_scale b.
        squares: (B, out, in) squares of ``unit`` over ``in``.
    """

    weight: Tensor
    unit: Tensor
    bias: Tensor
    squares: Tensor

    @property
    def sine(self) -> Tensor:
        """sin t, (B, out, 1)."""
        return torch.sin(self.bias)[..., None]

    @property
    def cosine(self) -> Tensor:
        """cos t, (B, out, 1)."""
        return torch.cos(self.bias)[..., None]

    def back(self, sent: Tensor) -> Tensor:
        """What arrives at the sources (B, in, C) of what the targets send (B, out, C)."""
        return torch.bmm(self.unit.transpose(1, 2), sent) / math.sqrt(sent.shape[1])


def _scaled_layers(spec: FieldSpec, weights: Tensor) -> list[_Layer]:
    found = []
    for index, (weight, bias) in enumerate(layers_of(spec, weights)):
        fan_in = spec.dims[index]
        omega = spec.omega[min(index, len(spec.omega) - 1)]
        # Standard init: uniform within 1 / in, later within sqrt(6 / in) / omega.
        unit = weight * (fan_in * math.sqrt(3) if index == 0 else omega * math.sqrt(fan_in / 2))
        factor = omega if index < len(spec.omega) else spec.output_scale
        found.append(_Layer(factor * weight, unit, factor * bias, unit.square() / fan_in))
    return found


@dataclass(frozen=True)
class _State:
    """Of each unit of a layer: (B, n, C) of factor 1, and as many of factor s."""

    even: Tensor
    odd: Tensor


class _Start(nn.Module):
    """States from the biases alone."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.even, self.odd = Linear(1, hidden), Linear(1, hidden, bias=False)

    def forward(self, layer: _Layer) -> _State:
        double = 2 * layer.bias[..., None]
        return _State(self.even(torch.cos(double)), self.odd(torch.sin(double)))


class _Update(nn.Module):
    """A new state of an old one and of what arrived, ``even`` and ``odd`` features more."""

    def __init__(self, hidden: int, even: int, odd: int) -> None:
        super().__init__()
        self.left, self.right, self.mix = (Linear(hidden + odd, hidden, bias=False) for _ in range(3))
        self.even = nn.Sequential(Linear(2 * hidden + even, hidden), nn.SiLU(), Linear(hidden, hidden))
        self.gate = Linear(hidden, hidden)

    def forward(self, state: _State, even: list[Tensor], odd: list[Tensor]) -> _State:
        odds = torch.cat([state.odd, *odd], dim=-1)
        products = self.left(odds) * self.right(odds)
        new = state.even + self.even(torch.cat([state.even, products, *even], dim=-1))
        new = layer_norm(new, new.shape[-1:])
        turned = state.odd + self.gate(new) * self.mix(odds)
        return _State(new, turned * torch.rsqrt(1 + turned.square().mean(dim=-1, keepdim=True)))


class _Forth(nn.Module):
    """A hidden layer takes up what comes from below: its new state, and what it sends on, of factor c."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.update = _Update(hidden, 2 * hidden, hidden)
        self.even, self.odd = Linear(hidden, hidden), Linear(hidden, hidden, bias=False)

    def forward(self, layer: _Layer, state: _State, sent: Tensor, even: Tensor) -> tuple[_State, Tensor]:
        z = torch.bmm(layer.weight, sent)
        sine, cosine = torch.sin(z), torch.cos(z)
        new = self.update(state, [cosine, torch.bmm(layer.squares, even)], [sine])
        sent = layer.sine * (cosine + self.even(new.even)) + layer.cosine * (sine + self.odd(new.odd))
        return new, sent


class _Back(nn.Module):
    """A hidden layer takes up what comes from above: its new state, and what it sends on, odd and even."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.update = _Update(hidden, 2 * hidden, hidden)
        self.odd = Linear(hidden, hidden, bias=False)

    def forward(
        self, layer: _Layer, state: _State, above: _Layer, sent: Tensor, even: Tensor
    ) -> tuple[_State, Tensor, Tensor]:
        arrived = above.back(sent)
        squares = torch.bmm(above.squares.transpose(1, 2), even) * (above.squares.shape[2] / even.shape[1])
        new = self.update(state, [layer.sine * arrived, squares], [layer.cosine * arrived])
        return new, self.odd(new.odd), new.even
