"""Fields stacked by layer in named arrays, a row a field: what the formats safetensors and npz share.

``layers.{i}.weight`` (n, out, in) and ``layers.{i}.bias`` (n, out), or ``weights`` (n, P) with ``dims``;
beside them, where they are known, ``object_id``, ``view``, ``label``, ``split``, ``seed``, ``psnr`` (n,) each
and ``attributes`` (n, a). What we write also states its conventions, in each file, so that one alone tells
all.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ..errors import SourceError, SpecError
from ..field import FieldSpec, join
from ..records import NO_LABEL, Split
from ..store.schema import MAX_ATTRIBUTES, MAX_LABEL
from .layers import Dims, dims_of, dims_text, named_layers
from .note import Target

__all__ = ["FORMAT", "META", "Stack", "Stated", "stack", "stated_of"]

FORMAT = "neuralviews-fields"
META = "neuralviews"
"""Under which name a file states its conventions."""

_LAYER = re.compile(r"layers\.(\d{1,4})\.(weight|bias)")
_LOOKS = "layers.0.weight, layers.0.bias, ..., or weights (n, P) with dims"
_FLAT, _DIMS = "weights", "dims"
_LARGEST = {
    "object_id": 2**32 - 1,
    "view": 2**16 - 1,
    "label": MAX_LABEL,
    "split": len(Split) - 1,
    "seed": 2**64 - 1,
}
"""Whole numbers that may stand beside weights, with the largest that each can be."""
_PSNR, _ATTRIBUTES = "psnr", "attributes"
_Side = Annotated[int, Meta(ge=1, le=65_535)]


class Stated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file of ours states of all its fields.

    Attributes:
        dataset_id, name: of the store that was exported.
        arch: the shape of its fields, as stores state it.
        attributes: names of the columns of ``attributes``.
    """

    format: str
    version: int
    dataset_id: str
    name: str
    arch: dict[str, Any]
    target: Target
    class_names: tuple[str, ...] | None
    image_shape: tuple[_Side, _Side] | None
    attributes: tuple[str, ...] = ()

    @property
    def spec(self) -> FieldSpec:
        """The shape of the fields."""
        return FieldSpec.from_json(self.arch)


@dataclass(frozen=True, eq=False)
class Stack:
    """The content of one file, checked.

    Attributes:
        weights: (n, P) float32, in the order of `FieldSpec`.
        columns: name -> (n,) int64, ``seed`` uint64, ``psnr`` float32: those that the file has.
        attributes: (n, a) float32, None without any.
        stated: None of files that are not ours.
    """

    dims: Dims
    weights: NDArray[np.float32]
    columns: Mapping[str, NDArray[Any]]
    attributes: NDArray[np.float32] | None
    stated: Stated | None


def stated_of(text: str | bytes | None, where: str) -> Stated | None:
    """What stands under `META`; None for nothing.

    Raises:
        SourceError: it is not what neuralviews writes, or a newer one wrote it.
    """
    if text is None:
        return None
    try:
        version = msgspec.json.decode(text, type=dict[str, Any]).get("version")
        if isinstance(version, int) and version > 1:
            raise SourceError(f"{where}: written by a newer neuralviews (version {version}); update it")
        found = msgspec.json.decode(text, type=Stated)
        if found.format != FORMAT or version != 1:
            raise ValueError(f"format {found.format!r}, version {version}")
        if len({*found.attributes}) != len(found.attributes):
            raise ValueError("attributes of the same name")
        low, high = found.target.range
        channels = [found.spec.out_dim] * 2
        if not low < high or [len(part or ()) for part in (found.target.mean, found.target.std)] not in (
            [0, 0],
            channels,
        ):
            raise ValueError(f"target {found.target} of fields of {channels[0]} channels")
    except (msgspec.DecodeError, SpecError, ValueError, OverflowError) as error:
        raise SourceError(
            f"{where}: {META}: {error}; expected what neuralviews writes: replace the file"
        ) from None
    return found


def stack(arrays: Mapping[str, NDArray[Any]], stated: Stated | None, where: str) -> Stack:
    """Check the arrays of one file against each other, and join the layers.

    Raises:
        SourceError: they are not what this module's text says.
    """
    beside = {name: arrays[name] for name in (*_LARGEST, _PSNR, _ATTRIBUTES) if name in arrays}
    dims, weights = _weights({name: a for name, a in arrays.items() if name not in beside}, where)
    count = len(weights)
    if not count:
        raise SourceError(f"{where}: holds no field, expected one or more: leave it out")
    if stated is not None and stated.spec.dims != dims:
        raise SourceError(
            f"{where}: holds fields {dims_text(dims)}, but states {dims_text(stated.spec.dims)}: replace it"
        )
    if "view" in beside and "object_id" not in beside:
        raise SourceError(
            f"{where}: found view without object_id, expected both: add the objects of the views"
        )
    attributes = beside.pop(_ATTRIBUTES, None)
    width = 0 if stated is None else len(stated.attributes)
    if attributes is not None or width:
        _require_attributes(attributes, count, width, where)
    columns = {name: _column(name, array, count, where) for name, array in beside.items()}
    return Stack(dims, weights, columns, attributes, stated)


def _weights(arrays: Mapping[str, NDArray[Any]], where: str) -> tuple[Dims, NDArray[np.float32]]:
    for name, array in arrays.items():
        if name != _DIMS and array.dtype != np.float32:
            raise SourceError(
                f"{where}: {name}: found numbers of type {array.dtype}, expected float32: convert them there"
            )
    if {*arrays} == {_FLAT, _DIMS}:
        return _flat(arrays[_FLAT], arrays[_DIMS], where)
    layers = named_layers(arrays, _LAYER, where, _LOOKS)
    dims = dims_of([(weight.shape[1:], bias.shape[1:]) for weight, bias in layers], where)
    counts = sorted({len(part) for pair in layers for part in pair})
    if len(counts) > 1:
        raise SourceError(
            f"{where}: found layers of {counts[0]} and of {counts[1]} fields, expected as many: replace it"
        )
    return dims, join(_spec(dims, where), layers)


def _flat(weights: NDArray[Any], dims: NDArray[Any], where: str) -> tuple[Dims, NDArray[np.float32]]:
    if dims.ndim != 1 or dims.dtype.kind not in "iu":
        raise SourceError(f"{where}: found dims {dims.dtype} {dims.shape}, expected the widths of all layers")
    spec = _spec(tuple(dims.tolist()), where)
    if weights.ndim != 2 or weights.shape[1] != spec.parameters:
        raise SourceError(
            f"{where}: found weights {weights.shape}, expected (n, {spec.parameters}) of fields "
            f"{dims_text(spec.dims)}: correct dims"
        )
    return spec.dims, weights


def _spec(dims: Dims, where: str) -> FieldSpec:
    try:
        return FieldSpec(dims)
    except SpecError as error:
        raise SourceError(f"{where}: {error}") from None


def _column(name: str, array: NDArray[Any], count: int, where: str) -> NDArray[Any]:
    kind, words = ("f", "numbers") if name == _PSNR else ("iu", "whole numbers")
    if array.dtype.kind not in kind or array.shape != (count,):
        raise SourceError(
            f"{where}: {name}: found {array.dtype} {array.shape}, expected {words} ({count},), one a field"
        )
    if name == _PSNR:
        with np.errstate(over="ignore"):
            psnr = array.astype(np.float32, copy=False)
        if np.isinf(psnr).any():
            raise SourceError(
                f"{where}: psnr: found a number beyond float32, expected finite ones, NaN if unknown"
            )
        return psnr
    low, high = NO_LABEL if name == "label" else 0, _LARGEST[name]
    least, most = int(array.min()), int(array.max())
    if least < low or most > high:
        raise SourceError(
            f"{where}: {name}: found {least if least < low else most}, expected {low} to {high}: correct it"
        )
    return array.astype(np.uint64 if name == "seed" else np.int64, copy=False)


def _require_attributes(found: NDArray[Any] | None, count: int, width: int, where: str) -> None:
    shape = None if found is None else found.shape
    named = shape == (count, width) if width else len(shape or ()) == 2 and (shape or ())[0] == count
    fits = found is not None and found.dtype == np.float32 and named and 1 <= found.shape[1] <= MAX_ATTRIBUTES
    if not fits:
        told = "none" if found is None else f"{found.dtype} {found.shape}"
        raise SourceError(
            f"{where}: attributes: found {told}, expected float32 ({count}, {width or 'a'}): replace the file"
        )
