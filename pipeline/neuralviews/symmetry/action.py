"""The action of the symmetry group on float32 weights, compiled: weights are moved once."""

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from ..vector.compiled import compile_cached, compiler_is_off, sources_digest

if TYPE_CHECKING:
    from .group import Element

__all__ = ["act", "compiler_is_off", "move"]


def act(element: "Element", weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Row i of ``weights`` (n, P) after element i: what `Element.apply` does, which checks the arguments.

    A shifted bias is ``float32(float64(sign b) + phase (pi / omega))``.
    """
    spec = element.spec
    out = np.empty_like(weights, order="C")
    _compiled()(
        np.array(spec.dims),
        np.array([math.pi / omega for omega in spec.omega]),
        *map(np.ascontiguousarray, (weights, element.perm, element.sign, element.phase)),
        out,
    )
    return out


@njit
def move(dims, half_turns, old, perm, sign, phase, column, factor, new):  # type: ignore[no-untyped-def]
    """One field (P,) after one element (H,); ``column`` and ``factor`` are work space of the widest layer."""
    last = len(dims) - 2
    column[: dims[0]] = np.arange(dims[0])
    factor[: dims[0]] = 1
    at, first = 0, 0
    for layer in range(last + 1):
        fan_in, fan_out = dims[layer], dims[layer + 1]
        biases = at + fan_in * fan_out
        for i in range(fan_out):
            source, negate = i, np.float32(1)
            if layer < last:
                source, negate = perm[first + i], np.float32(sign[first + i])
            row = old[at + source * fan_in : at + (source + 1) * fan_in]
            target = new[at + i * fan_in : at + (i + 1) * fan_in]
            for j in range(fan_in):
                target[j] = negate * factor[j] * row[column[j]]
            bias = negate * old[biases + source]
            if layer < last and phase[first + i] != 0:
                shift = np.float64(phase[first + i]) * half_turns[layer]
                bias = np.float32(np.float64(bias) + shift)
            new[biases + i] = bias
        at = biases + fan_out
        if layer < last:
            for i in range(fan_out):
                column[i] = perm[first + i]
                factor[i] = -sign[first + i] if phase[first + i] & 1 else sign[first + i]
            first += fan_out


def _define(sources: str) -> Callable[..., Any]:
    """The action in Python; ``sources`` is in its closure, which numba's cache key holds, unlike imports."""

    def run(dims, half_turns, weights, perm, sign, phase, out):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        widest = dims.max()
        column, factor = np.empty(widest, np.uint32), np.empty(widest, np.float32)
        for i in range(len(weights)):
            move(dims, half_turns, weights[i], perm[i], sign[i], phase[i], column, factor, out[i])

    return run


@cache
def _compiled() -> Callable[..., None]:
    read = {
        name: types.Array(kind, dimensions, "C", readonly=True)
        for name, kind, dimensions in (
            ("dims", types.int64, 1),
            ("half_turns", types.float64, 1),
            ("weights", types.float32, 2),
            ("perm", types.int32, 2),
            ("sign", types.int8, 2),
            ("phase", types.int32, 2),
        )
    }
    signature = types.void(*read.values(), types.Array(types.float32, 2, "C"))
    return cast(Callable[..., None], compile_cached(_define(sources_digest(Path(__file__))), signature))
