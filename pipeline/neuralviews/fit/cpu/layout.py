"""Where the numbers of a field lie while it is fitted: widths padded to whole vectors, weights input-major.

Padded units have weight, bias and output +0. They are never read by a sum that reaches a real unit,
except as the +0 terms that arithmetic v1 itself has in its sixteen partial sums.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from ...field import FieldSpec, split
from ..ordered import PARTIALS

__all__ = ["LANES", "Column", "Layout", "padded"]

LANES = PARTIALS
"""Widths are padded to a multiple of this on every machine, so that the layout is the same on all."""

FEW = 3
"""Up to this many coordinates are not padded, and up to FEW + 1 channels."""


class Column(IntEnum):
    """Columns of `Layout.table`, one row per hidden layer; places count float32 numbers."""

    fan_in = 0  # true number of inputs
    rows = 1  # inputs, padded
    width = 2  # true number of units
    lanes = 3  # units, padded
    weights = 4  # place in the parameters: (rows, lanes), then the bias (lanes)
    slopes = 5  # place of the weights above this layer, scaled and output-major, in the slopes
    units = 6  # place of the outputs of this layer, per point of a tile


def padded(count: int, to: int = LANES) -> int:
    """``count`` rounded up to a multiple of ``to``."""
    return -(-count // to) * to


@dataclass(frozen=True)
class Layout:
    """Places that follow from the dims of a field.

    Args:
        table: (hidden layers, `Column`) int64.
        channels, channel_rows: true and padded number of output channels.
        head: place of the output layer in the parameters: (channel_rows, lanes), then the bias.
        parameters, slopes, units: lengths of the flat arrays; ``units`` is per point.
    """

    spec: FieldSpec
    table: NDArray[np.int64]
    channels: int
    channel_rows: int
    head: int
    parameters: int
    slopes: int
    units: int

    @classmethod
    def of(cls, spec: FieldSpec) -> "Layout":
        """The layout of fields of this shape."""
        channel_rows = spec.out_dim if spec.out_dim <= FEW + 1 else padded(spec.out_dim)
        table = np.zeros((len(spec.omega), len(Column)), np.int64)
        rows = spec.in_dim if spec.in_dim <= FEW else padded(spec.in_dim)
        weights = slopes = units = 0
        for index, width in enumerate(spec.dims[1:-1]):
            lanes = padded(width)
            above = spec.dims[index + 2]
            table[index] = (spec.dims[index], rows, width, lanes, weights, slopes, units)
            weights += (rows + 1) * lanes
            slopes += (channel_rows if index == len(table) - 1 else padded(above)) * lanes
            units += lanes
            rows = lanes
        head = weights
        parameters = head + channel_rows * rows + padded(channel_rows)
        return cls(spec, table, spec.out_dim, channel_rows, head, parameters, slopes, units)

    def pack(self, weights: NDArray[np.float32], packed: NDArray[np.float32]) -> None:
        """Write flat weights (P,) into ``packed`` (parameters,), zeros between them."""
        packed[:] = 0
        for (weight, bias), (to_weight, to_bias) in zip(
            split(self.spec, weights), self._views(packed), strict=True
        ):
            to_weight[:] = weight
            to_bias[:] = bias

    def unpack(self, packed: NDArray[np.float32], weights: NDArray[np.float32]) -> None:
        """Write ``packed`` (parameters,) into flat weights (P,)."""
        for (weight, bias), (from_weight, from_bias) in zip(
            split(self.spec, weights), self._views(packed), strict=True
        ):
            weight[:] = from_weight
            bias[:] = from_bias

    def _views(self, packed: NDArray[np.float32]) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """(out, in) weights and (out,) biases of every layer, as views of ``packed``."""
        views = []
        for fan_in, rows, width, lanes, start, _, _ in self.table.tolist():
            end = start + rows * lanes
            views.append(
                (packed[start:end].reshape(rows, lanes)[:fan_in, :width].T, packed[end : end + width])
            )
        lanes, width = self.table[-1, Column.lanes], self.table[-1, Column.width]
        end = self.head + self.channel_rows * lanes
        weight = packed[self.head : end].reshape(self.channel_rows, lanes)[: self.channels, :width]
        views.append((weight, packed[end : end + self.channels]))
        return views
