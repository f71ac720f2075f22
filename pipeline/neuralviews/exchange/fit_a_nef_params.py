"""The flat vectors of Fit-a-NeF: of each layer its bias, then its kernel (in, out), as ``param_config``
lists."""

import json
import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError
from ..field import MAX_PARAMETERS, FieldSpec, split
from .layers import Dims, dims_of

__all__ = ["LABELS", "PARAMS", "PARAM_CONFIG", "columns_of", "param_config", "param_table"]

PARAMS = "params"
PARAM_CONFIG = "param_config"
LABELS = "labels"

_NAME = re.compile(r"(?:kernel_net_(\d{1,4})\.linear|output_linear)\.(bias|kernel)")
_EXPECTED = "[name, shape] of kernel_net_<i>.linear.{bias,kernel} and output_linear.{bias,kernel}"


def param_config(spec: FieldSpec) -> list[tuple[str, tuple[int, ...]]]:
    """Name and shape of each array, in the order in which they lie in a vector."""
    last = len(spec.layers) - 1
    names = [*(f"kernel_net_{i}.linear" for i in range(last)), "output_linear"]
    pairs = (
        ((f"{name}.bias", (layer.fan_out,)), (f"{name}.kernel", (layer.fan_in, layer.fan_out)))
        for name, layer in zip(names, spec.layers, strict=True)
    )
    return [entry for pair in pairs for entry in pair]


def columns_of(spec: FieldSpec) -> NDArray[np.intp]:
    """Where in a flat vector of ours each number of theirs is, (P,)."""
    pairs = split(spec, np.arange(spec.parameters))
    return np.concatenate([part.reshape(-1) for weight, bias in pairs for part in (bias, weight.T)])


def param_table(text: str, count: int, where: str) -> tuple[Dims, NDArray[np.intp]]:
    """Dims of fields, and where in a vector of theirs each number of ours is, (P,); from ``param_config``.

    Args:
        count: how long their vectors are.
    Raises:
        SourceError: it is not what this format has, or for vectors of another length.
    """
    found: dict[str, dict[str, NDArray[np.intp]]] = {}
    start = 0
    for name, shape in _pairs(text, where):
        match, stop = _NAME.fullmatch(name), start + math.prod(shape)
        layer = found.setdefault("output" if match is None or match[1] is None else match[1], {})
        if match is None or match[2] in layer:
            raise SourceError(f"{where}: found {name[:80]!r}, expected each once of {_EXPECTED}")
        if stop <= count:
            layer[match[2]] = np.arange(start, stop).reshape(shape)
        start = stop
    if start != count:
        raise SourceError(f"{where}: lists {start} parameters, found vectors of {count}: replace the file")
    order = [*map(str, range(len(found) - 1)), "output"]
    if {*found} != {*order} or any(len(layer) != 2 for layer in found.values()):
        raise SourceError(f"{where}: lacks layers or parts of them, expected {_EXPECTED}")
    pairs = [(found[key]["kernel"].T, found[key]["bias"]) for key in order]
    dims = dims_of([(weight.shape, bias.shape) for weight, bias in pairs], where)
    return dims, np.concatenate([part.reshape(-1) for pair in pairs for part in pair])


def _pairs(text: str, where: str) -> list[tuple[str, tuple[int, ...]]]:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    whole = isinstance(value, list) and all(
        isinstance(pair, list)
        and len(pair) == 2
        and isinstance(pair[0], str)
        and isinstance(pair[1], list)
        and len(pair[1]) in (1, 2)
        and all(type(side) is int and 1 <= side <= MAX_PARAMETERS for side in pair[1])
        for pair in value
    )
    if not whole:
        raise SourceError(f"{where}: found {text[:80]!r}, expected JSON: a list of {_EXPECTED}")
    return [(name, tuple(shape)) for name, shape in value]
