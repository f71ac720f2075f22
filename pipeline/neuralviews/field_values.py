"""What fields give at points, the same bytes on every machine."""

import numpy as np
from numpy.typing import NDArray

from .field import FieldSpec

__all__ = ["field_values"]

Floats = NDArray[np.float32]


def field_values(spec: FieldSpec, weights: Floats, coords: Floats) -> Floats:
    """Values of n fields, (n, p, c) float32, by `vector.forward`.

    Args:
        weights: (n, P) float32.
        coords: (n, p, d) float32, or (1, p, d) for points that all fields share.
    Raises:
        SpecError: arrays that do not fit the spec or each other.
    """
    from .vector.forward import forward  # needs numba

    return forward(weights, coords, spec.dims, spec.omega, spec.output_scale, spec.output_offset)
