"""Initial weights: a pure function of (spec, scheme, seed), the same bytes on every machine.

Parameter ``i`` of a field is made from word ``i`` of the Philox4x64-10 stream whose key is the field's
seed (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011; NumPy guarantees the
stream of a bit generator). The word's top 24 bits, k, give ``u = (2k + 1 - 2^24) / 2^24``: exact in
float32, uniform, symmetric about 0 and never 0 or +-1. The parameter is ``fl32(bound) * u``, rounded once.
Words are counted over all parameters, so a bound of 0 still uses up its words.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..field import FieldSpec

__all__ = ["InitScheme", "initial_weights"]

InitScheme = Literal["siren", "dws"]


def initial_weights(spec: FieldSpec, scheme: InitScheme, seeds: Sequence[int]) -> NDArray[np.float32]:
    """Draw one field per seed; equal seeds give equal fields, whatever stands beside them.

    Every parameter is uniform on [-bound, bound], where, with n the layer's inputs:

    ======== ================ =================== ======================== ================
    scheme   first weight     hidden weight       last weight              bias
    ======== ================ =================== ======================== ================
    siren    1/n              sqrt(6/n)/omega     sqrt(6/n)/omega_last     1/sqrt(n)
    dws      sqrt(6/n)/omega  sqrt(6/n)/omega     1/sqrt(n)                0; last 1/sqrt(n)
    ======== ================ =================== ======================== ================

    omega is the layer's own and omega_last the one of the last sine layer. ``siren`` is Sitzmann et al.
    (NeurIPS 2020), section 3.2, with the last layer and the biases (torch's default) of their released
    code. ``dws`` is the released INR class of Navon et al., "Equivariant Architectures for Learning in
    Deep Weight Spaces" (ICML 2023): the first layer drawn like a hidden one, sine biases 0, and torch's
    default for the last layer.

    Args:
        seeds: integers in [0, 2**64), from `derive_seed`.
    Returns:
        (n, P) float32.
    Raises:
        SpecError: an unknown scheme, or a seed out of range.
    """
    bounds = _bounds(spec, scheme)
    weights = np.empty((len(seeds), spec.parameters), np.float32)
    for row, seed in zip(weights, seeds, strict=True):
        np.multiply(bounds, _symmetric_uniform(int(seed), spec.parameters), out=row)
    return weights + np.float32(0)  # a bound of 0 gives +0, never -0


def _symmetric_uniform(seed: int, count: int) -> NDArray[np.float32]:
    if not 0 <= seed < 1 << 64:
        raise SpecError(f"initial weights: found seed {seed}, expected an integer from 0 to 2**64 - 1")
    words = np.random.Philox(key=seed).random_raw(count)
    odd = 2 * (words >> np.uint64(40)).astype(np.int64) + (1 - (1 << 24))
    return odd.astype(np.float32) * np.float32(2.0**-24)


def _bounds(spec: FieldSpec, scheme: InitScheme) -> NDArray[np.float32]:
    """Half-widths of the uniform ranges, (P,); worked out in float64 and rounded once."""
    if scheme not in ("siren", "dws"):
        raise SpecError(f"initial weights: found scheme {scheme!r}, expected 'siren' or 'dws'")
    bounds = np.empty(spec.parameters, np.float32)
    last = len(spec.layers) - 1
    for index, layer in enumerate(spec.layers):
        sine = math.sqrt(6 / layer.fan_in) / spec.omega[min(index, last - 1)]
        torch_default = 1 / math.sqrt(layer.fan_in)
        if scheme == "siren":
            weight, bias = (1 / layer.fan_in if index == 0 else sine), torch_default
        else:
            weight, bias = (torch_default, torch_default) if index == last else (sine, 0.0)
        bounds[layer.weight], bounds[layer.bias] = weight, bias
    return bounds
