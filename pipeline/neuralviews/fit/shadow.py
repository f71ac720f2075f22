"""Shadow weights: fields are fitted through rounded copies of their weights, which then serve as well.

Zhuang et al., "Weights Augmentation" (arXiv 2405.19590) train plain weights through random transforms of
convolution kernels. Shifts and crops mean nothing on the layers of a field, and its symmetries leave the loss
as it is; what carries over is the pair of plain weights (the paper's accuracy-oriented mode), which are
stored, and of compact ones (its desire-oriented mode), a pure function of them: here their rounding. Steps
see the shadow, and its gradient moves the plain weights as if nothing had been rounded ("straight through").
"""

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..field import FieldSpec
from ..field_values import field_values
from .engine import Signals, psnr_from_loss
from .method import ShadowKind

if TYPE_CHECKING:
    from ..recipe import Recipe

__all__ = ["LEVELS", "shadow_psnr", "shadow_weights"]

LEVELS = 127
"""Of int8, either side of zero."""
Real = TypeVar("Real", bound=np.floating[Any])


def shadow_weights(spec: FieldSpec, weights: NDArray[Real], kind: ShadowKind) -> NDArray[Real]:
    """The shadow of n fields, (n, P) or (P,), in the dtype of the weights.

    ``"int8"``: ``round(w / scale) * scale`` with ``scale = max|w| / 127`` for each weight matrix and each
    bias, halves to even, each operation rounded once; zeros stay. ``"fp16"``: the nearest float16.
    """
    if kind == "fp16":
        with np.errstate(over="ignore"):  # what overflows makes a loss that is not finite
            return weights.astype(np.float16).astype(weights.dtype)
    shadow = np.empty_like(weights)
    for layer in spec.layers:
        for tensor in (layer.weight, layer.bias):
            numbers = weights[..., tensor]
            scale = abs(numbers).max(axis=-1, keepdims=True) / weights.dtype.type(LEVELS)
            divisor = np.where(scale == 0, weights.dtype.type(1), scale)
            shadow[..., tensor] = np.rint(numbers / divisor) * scale
    return shadow


def shadow_psnr(recipe: "Recipe", weights: NDArray[np.float32], signals: Signals) -> NDArray[np.float32]:
    """(n,) dB of the shadows of fields (n, P), whose recipe has some, over all points of their signals.

    By `field_values`: the same bytes on every machine.
    """
    from ..vector.loss import mean_squared_errors  # needs numba

    kind = recipe.fit.shadow
    assert kind is not None
    values = field_values(recipe.spec, shadow_weights(recipe.spec, weights, kind), signals.coords[None])
    if recipe.fit.loss == "bce":
        values = _sigmoid(values)
    return psnr_from_loss(mean_squared_errors(values, signals.values), signals.span)


def _sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    from ..portable import exp

    finite = np.isfinite(values)
    given = 1 / (1 + exp(-np.clip(np.where(finite, values, 0).astype(np.float64), -700, 700)))
    return np.where(finite, given, np.nan).astype(np.float32)
