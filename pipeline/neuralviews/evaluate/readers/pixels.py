"""A small convolutional network on rendered fields: what readers of weights lose against the signal."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from ...data.normalize import Normalization
from ...field import FieldSpec
from ...grids import image_grid
from ...symmetry.group import Group
from .base import Reader
from .layered import layers_of
from .modules import Conv2d, Linear

__all__ = ["Pixels"]

CELLS = 4
"""Images of any size are averaged over 4 x 4 cells before the last layers."""


class Pixels(Reader):
    """Renders fields of images, and reads the images: two convolutions of 3 x 3, then a hidden layer.

    No gradient passes through the rendering: weights are data.

    Args:
        hidden: channels of the first convolution; the second has twice as many.
    Attributes:
        grid: (height, width) of the images that it renders; `FieldSpec` does not say how large the images
            were, so whoever knows sets it, from `field_facts(store).image_shape`. Between the pixels that
            they were fitted to, fields are not the image.
    """

    name: ClassVar[str] = "pixels"
    summary: ClassVar[str] = "a small convolutional network on rendered images"
    source: ClassVar[str] = "this project"
    invariant: ClassVar[Group | None] = "phase"
    normalize: ClassVar[Normalization | None] = None
    hidden: ClassVar[int] = 16
    lr: ClassVar[float] = 1e-3

    def __init__(self, spec: FieldSpec, *, hidden: int, outputs: int) -> None:
        super().__init__(spec, 4 * hidden, outputs)
        self.grid = (28, 28)
        self.first = nn.Sequential(Conv2d(spec.out_dim, hidden, 3, padding=1), nn.ReLU())
        self.second = nn.Sequential(Conv2d(hidden, 2 * hidden, 3, padding=1), nn.ReLU())
        self.last = nn.Sequential(Linear(2 * hidden * CELLS**2, 4 * hidden), nn.ReLU())

    @classmethod
    def refuses(cls, spec: FieldSpec) -> str | None:
        """Images have two coordinates."""
        if spec.in_dim == 2:
            return None
        return (
            f"reads images only, found {spec.in_dim} coordinates; choose a reader of weights, such as 'graph'"
        )

    def render(self, weights: Tensor) -> Tensor:
        """Images (B, channels, height, width) of fields (B, P)."""
        coords = image_grid(*self.grid, self.spec.axis_order)
        values = torch.from_numpy(coords).to(weights)
        layers = layers_of(self.spec, weights)
        for (weight, bias), omega in zip(layers[:-1], self.spec.omega, strict=True):
            values = torch.sin(omega * (values @ weight.transpose(-1, -2) + bias[:, None]))
        weight, bias = layers[-1]
        values = values @ weight.transpose(-1, -2) + bias[:, None]
        image = self.spec.output_scale * values + self.spec.output_offset
        return image.transpose(-1, -2).reshape(len(weights), self.spec.out_dim, *self.grid)

    def embed(self, weights: Tensor) -> Tensor:
        """The hidden layer, F = 4 hidden."""
        with torch.no_grad():
            image = self.render(weights)
        # Blocks of two pixels, or what there is of them: images may be one pixel wide.
        pooled = nn.functional.max_pool2d(self.first(image), 2, ceil_mode=True)
        cells = nn.functional.adaptive_avg_pool2d(self.second(pooled), CELLS)
        features: Tensor = self.last(cells.flatten(1))
        return features
