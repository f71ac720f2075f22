"""Flat weights of fields, layer by layer, as tensors."""

from typing import Any, cast

from torch import Tensor

from ...field import FieldSpec, split

__all__ = ["layers_of"]


def layers_of(spec: FieldSpec, weights: Tensor) -> list[tuple[Tensor, Tensor]]:
    """W (B, out, in) and b (B, out) of each layer of flat weights (B, P): views where torch can make them."""
    found: Any = split(spec, cast(Any, weights))  # it takes slices and shapes, which tensors have too
    return cast(list[tuple[Tensor, Tensor]], found)
