"""Weight matrices and biases of one network, as files name them, joined to a flat vector and checked."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError
from ..field import MAX_WIDTH

__all__ = ["Dims", "dims_of", "dims_text", "joined", "named_layers"]

Dims = tuple[int, ...]


def dims_text(dims: Sequence[int]) -> str:
    """Such as ``2-32-32-1``."""
    return "-".join(map(str, dims))


def named_layers(
    tensors: Mapping[str, NDArray[Any]], pattern: re.Pattern[str], where: str, looks: str
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Pairs of weight and bias, in the order of the numbers in their names.

    Args:
        pattern: of names; its groups are the number of the layer and ``weight`` or ``bias``.
        looks: the names that are expected, for error messages.
    Raises:
        SourceError: other tensors are there, or some are missing.
    """
    found: dict[int, dict[str, NDArray[Any]]] = {}
    for name, tensor in tensors.items():
        match = pattern.fullmatch(name)
        pair = {} if match is None else found.setdefault(int(match[1]), {})
        if match is None or match[2] in pair:
            raise SourceError(f"{where}: found the tensor {name[:80]!r}, expected each once of {looks}")
        pair[match[2]] = tensor
    contiguous = found and sorted(found) == list(range(len(found)))
    if not contiguous or any(len(pair) != 2 for pair in found.values()):
        raise SourceError(f"{where}: found the tensors {', '.join(tensors) or 'none'}, expected {looks}")
    return [(found[i]["weight"], found[i]["bias"]) for i in range(len(found))]


def joined(
    layers: Sequence[tuple[NDArray[Any], NDArray[Any]]], where: str
) -> tuple[Dims, NDArray[np.float32]]:
    """Dims of a network, and its parameters in the order of `FieldSpec`, (P,).

    Args:
        layers: weight (out, in) and bias (out) of each.
    Raises:
        SourceError: they are not float32, or do not make a network with a hidden layer.
    """
    for array in (part for pair in layers for part in pair):
        if array.dtype != np.float32:
            raise SourceError(
                f"{where}: found numbers of type {array.dtype}, expected float32: convert them there"
            )
    dims = dims_of([(weight.shape, bias.shape) for weight, bias in layers], where)
    return dims, np.concatenate([part.reshape(-1) for pair in layers for part in pair])


def dims_of(shapes: Sequence[tuple[tuple[int, ...], tuple[int, ...]]], where: str) -> Dims:
    """Dims of a network whose layers have these shapes of weight and bias.

    Raises:
        SourceError: they do not make a network with a hidden layer.
    """
    dims: list[int] = []
    for place, (weight, bias) in enumerate(shapes):
        if len(weight) != 2 or bias != weight[:1] or (dims and weight[1] != dims[-1]):
            raise SourceError(
                f"{where}: layer {place} has weight {weight} and bias {bias}, expected (out, in) "
                f"and (out){f' with in = {dims[-1]}' if dims else ''}"
            )
        dims += [*(() if dims else (weight[1],)), weight[0]]
    if len(dims) < 3 or not all(1 <= width <= MAX_WIDTH for width in dims):
        raise SourceError(
            f"{where}: found layers {dims_text(dims) or 'none'}, expected one hidden layer or more"
        )
    return tuple(dims)
