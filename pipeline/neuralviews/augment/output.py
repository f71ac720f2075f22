"""Affine maps of the outputs, exact in the last layer: brightness, contrast and colours of images."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..field import FieldSpec
from .base import Augmentation, Parameter
from .batch import Batch, Context
from .settings import check_interval, check_number
from .target import Target

if TYPE_CHECKING:
    from ..draws import Draws

__all__ = ["AffineOutput", "affine_parts", "map_outputs"]

COLOURS = {1: 1, 2: 1, 3: 3, 4: 3}
"""How many of so many outputs are colours; one more is opacity, which is left as it is."""

LUMA = (0.299, 0.587, 0.114)  # Recommendation ITU-R BT.601: shares of red, green and blue in grey


def map_outputs(
    spec: FieldSpec, weights: NDArray[np.float32], gain: NDArray[np.float64], offset: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Fields that give ``gain y + offset`` where those of ``weights`` give y, under the same ``spec``.

    With ``y = s (W h + b) + o``: ``W' = A W`` and ``b' = A b + (c + (A - I) o) / s``.

    Args:
        weights: (n, P) float32.
        gain: A, (n, c, c) float64.
        offset: c, (n, c) float64.
    Returns:
        (n, P) float32: sums in float64, in ascending order of the channels, rounded once.
    """
    last = spec.layers[-1]
    weight = weights[:, last.weight].reshape(-1, last.fan_out, last.fan_in)
    new_weight, new_bias, row_sum = (
        np.zeros(weight.shape),
        np.zeros(offset.shape),
        np.full(offset.shape, -1.0),
    )
    for channel in range(last.fan_out):
        column = gain[:, :, channel]
        new_weight += column[:, :, None] * weight[:, None, channel]
        new_bias += column * weights[:, last.bias][:, None, channel]
        row_sum += column
    new_bias += (offset + row_sum * spec.output_offset) / spec.output_scale
    mapped = weights.copy()
    mapped[:, last.weight] = new_weight.reshape(-1, last.fan_out * last.fan_in)
    mapped[:, last.bias] = new_bias
    return mapped


@dataclass(frozen=True)
class AffineOutput(Augmentation):
    """Change the colours of images: ``y -> A y + c``.

    In this order: channels are mixed, colours become grey, contrast and brightness change, and all is
    inverted. Contrast and inversion leave the middle of the target range where it is. Values are not
    clipped. Where channels were normalised, A and c are of the values before that. Of 2 or 4 outputs the last
    is taken for opacity and left as it is.

    Args:
        brightness: most that is added or taken away, as a fraction of the width of the target range.
        contrast: least and largest factor.
        invert: probability of the negative.
        grey: probability of grey in all three colours (luma of BT.601).
        mix_channels: most that either other colour adds to or takes from a colour, which gives way by as
            much, so that greys stay as they are.
    """

    brightness: float = 0.0
    contrast: tuple[float, float] = (1.0, 1.0)
    invert: float = 0.0
    grey: float = 0.0
    mix_channels: float = 0.0

    name = "affine_output"
    exact = True
    summary = "change brightness, contrast and colours"
    source = "this project: affine maps of the outputs pass through the last layer"

    def __post_init__(self) -> None:
        check_interval(self, "contrast", 0.01, 100)
        for name in ("brightness", "invert", "grey", "mix_channels"):
            check_number(self, name, 0, 1)

    def require(self, context: Context) -> None:
        outputs = context.spec.out_dim
        if outputs not in COLOURS:
            raise SpecError(
                f"affine_output: these fields have {outputs} outputs, expected 1 for grey, 2 with opacity, "
                "3 for RGB, 4 with opacity"
            )
        for setting in ("grey", "mix_channels"):
            if getattr(self, setting) and COLOURS[outputs] != 3:
                raise SpecError(
                    f"affine_output: {setting} needs the 3 colours of RGB, these fields have "
                    f"{COLOURS[outputs]}; leave {setting} out"
                )

    def version_for(self, context: Context) -> int:
        """Version 1 drew changes of normalised outputs, as if they were the values."""
        return self.version if context.channels is None else 2

    def parameters(self, context: Context) -> tuple[Parameter, ...]:
        outputs = context.spec.out_dim
        return (Parameter("gain", outputs * outputs), Parameter("offset", outputs))

    def sample(self, batch: Batch, draws: "Draws") -> NDArray[np.float32]:
        n, outputs = len(batch), batch.spec.out_dim
        channels = batch.context.channels
        values = batch.context if channels is None else channels
        colours = COLOURS[outputs]
        low, high = self.contrast
        factor = low + (high - low) * draws.child(0).uniform(1)
        added = self.brightness * values.span * draws.child(1).centred(1)
        sign = np.where(draws.child(2).choose(self.invert, 1), -1.0, 1.0)
        gain, offset = np.tile(np.eye(outputs), (n, 1, 1)), np.zeros((n, outputs))
        gain[:, :colours, :colours] = (sign * factor)[:, :, None] * self._mixing(n, colours, draws)
        offset[:, :colours] = (1 - sign * factor) * values.middle + sign * added
        if channels is not None:
            gain, offset = channels.outputs(gain, offset)
        return np.concatenate((gain.reshape(n, outputs * outputs), offset), axis=1).astype(np.float32)

    def _mixing(self, n: int, colours: int, draws: "Draws") -> NDArray[np.float64]:
        """How much of each colour goes into each, (n, colours, colours); rows sum to 1."""
        mixing = np.tile(np.eye(colours), (n, 1, 1))
        shares = self.mix_channels * draws.child(3).centred(colours * colours)
        shares = shares.reshape(mixing.shape)
        for i in range(colours):
            for j in range(colours):
                if i != j:
                    mixing[:, i, j] += shares[:, i, j]
                    mixing[:, i, i] -= shares[:, i, j]
        if self.grey:
            grey = draws.child(4).choose(self.grey, 1)[:, 0]
            luma = sum(share * mixing[grey, colour] for colour, share in enumerate(LUMA))
            mixing[grey] = np.asarray(luma)[:, None]
        return mixing

    def apply(self, batch: Batch, params: NDArray[np.float32]) -> Batch:
        gain, offset = affine_parts(params, batch.spec.out_dim)
        return replace(batch, weights=map_outputs(batch.spec, batch.weights, gain, offset))

    def expect(self, target: Target, params: NDArray[np.float32], context: Context) -> Target:
        return target.outputs(*affine_parts(params, context.spec.out_dim))


def affine_parts(params: NDArray[np.float32], size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Matrices (n, size, size) and vectors (n, size) from parameters that hold both, row by row."""
    wide = params.astype(np.float64)
    return wide[:, : size * size].reshape(-1, size, size), wide[:, size * size :]
