"""Many fields drawn at once, as images ready for display."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from ..augment.measure import render_target
from ..augment.target import Target
from ..errors import SpecError
from ..field import FieldSpec, evaluate
from ..grids import image_grid

__all__ = ["render_images", "render_targets", "to_display"]

_BLOCK_ELEMENTS = 1 << 22


def render_images(
    spec: FieldSpec, weights: NDArray[np.float32], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Render 2-D fields on one pixel grid in float32, in blocks of points that bound the memory.

    Args:
        weights: (k, P), one field a row.
        shape: height and width in pixels.
    Returns:
        (k, height, width, channels), in the range of the targets, not clipped.
    Raises:
        SpecError: the fields are not images.
    """
    if spec.in_dim != 2 or spec.out_dim > 4:
        raise SpecError(
            f"pictures: found fields from {spec.in_dim} coordinates to {spec.out_dim} channels, "
            "expected 2 coordinates and 1 to 4 channels: grey or RGB, with or without alpha"
        )
    coords = image_grid(*shape, spec.axis_order)
    block = max(1, _BLOCK_ELEMENTS // (max(1, len(weights)) * max(spec.dims)))
    parts = [
        evaluate(spec, weights, coords[start : start + block], np.float32)
        for start in range(0, len(coords), block)
    ]
    values = np.concatenate(parts, axis=1).reshape(len(weights), *shape, spec.out_dim)
    return cast(NDArray[np.float32], values)


def render_targets(
    spec: FieldSpec,
    target: Target,
    weights_a: NDArray[np.float32],
    weights_b: NDArray[np.float32] | None,
    shape: tuple[int, int],
) -> NDArray[np.float32]:
    """What copies should render, as images (n, height, width, channels) like those of `render_images`.

    Args:
        weights_a, weights_b: (n, P) first and second parents; None if the target is of the first alone.
    """
    values = render_target(spec, target, weights_a, weights_b, image_grid(*shape, spec.axis_order))
    return values.reshape(len(values), *shape, spec.out_dim)


def to_display(image: NDArray[np.float32], target_range: tuple[float, float]) -> NDArray[np.float32]:
    """Map the range of the targets to [0, 1], clip, and lay what has an alpha channel on white.

    Args:
        image: (height, width, channels), 1 to 4 channels.
    Returns:
        (height, width) in grey or (height, width, 3) in RGB.
    """
    low, high = target_range
    shown = np.clip((image - low) / (high - low), 0, 1).astype(np.float32)
    if shown.shape[-1] % 2 == 0:
        color, alpha = shown[..., :-1], shown[..., -1:]
        shown = color * alpha + (1 - alpha)
    return cast(NDArray[np.float32], shown[..., 0] if shown.shape[-1] == 1 else shown)
