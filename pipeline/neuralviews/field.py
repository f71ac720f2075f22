"""SIREN fields: their shape, their flat weight layout, and the float64 oracle that renders them.

A field is ``h_0 = x``, ``h_l = sin(omega_l (W_l h_{l-1} + b_l))`` for each hidden layer, and
``y = scale (W_L h_{L-1} + b_L) + offset``. Source: Sitzmann et al., "Implicit Neural Representations
with Periodic Activation Functions" (NeurIPS 2020), section 3. Weights of a layer are (out, in), and
the flat vector is ``W_0, b_0, W_1, b_1, ...`` row-major: the order of ``torch.nn.Module.parameters``.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import SpecError
from .grids import AxisOrder, image_grid
from .integers import whole_number

__all__ = ["Field", "FieldSpec", "Layer", "evaluate", "join", "split"]

MAX_WIDTH = 1 << 16
MAX_PARAMETERS = 1 << 28
MAX_NUMBER = float(np.finfo(np.float32).max)
_JSON_KEYS = {"activation", "axis_order", "dims", "omega", "output_offset", "output_scale", "parameters"}


@dataclass(frozen=True)
class Layer:
    """Where one affine layer lies in the flat vector."""

    weight: slice
    bias: slice
    fan_in: int
    fan_out: int


@dataclass(frozen=True)
class FieldSpec:
    """The shape and the conventions of a field: all that is needed to render it without guessing.

    Args:
        dims: (in, hidden..., out), at least one hidden layer.
        omega: frequency of each hidden layer; a single number stands for all of them.
        output_offset, output_scale: the output is ``scale * affine + offset``.
        axis_order: whether coordinate 0 of an image is x (``"xy"``) or the row (``"ij"``).
    Raises:
        SpecError: an impossible value; the message names it.
    """

    dims: tuple[int, ...]
    omega: tuple[float, ...]
    output_offset: float = 0.0
    output_scale: float = 1.0
    axis_order: AxisOrder = "xy"

    def __init__(
        self,
        dims: Sequence[int],
        omega: float | Sequence[float] = 30.0,
        output_offset: float = 0.0,
        output_scale: float = 1.0,
        axis_order: AxisOrder = "xy",
    ) -> None:
        hidden = max(len(dims) - 2, 0)
        # Arrays and tensors without dimensions are iterable by their type alone.
        several = isinstance(omega, Iterable) and not isinstance(omega, str | bytes)
        several = several and getattr(omega, "ndim", 1) > 0
        omegas = cast(Iterable[float], omega) if several else (omega,) * hidden
        widths = [whole_number(width) for width in dims]
        for name, value in (
            ("dims", tuple(found if n is None else n for found, n in zip(dims, widths, strict=True))),
            ("omega", tuple(_number("omega", w) for w in omegas)),
            ("output_offset", _number("output_offset", output_offset)),
            ("output_scale", _number("output_scale", output_scale)),
            ("axis_order", axis_order),
        ):
            object.__setattr__(self, name, value)
        self._validate()

    def _validate(self) -> None:
        if len(self.dims) < 3:
            raise SpecError(
                f"dims: found {list(self.dims)}, expected [in, hidden..., out] with a hidden layer"
            )
        for width in self.dims:
            if whole_number(width) is None or not 1 <= width <= MAX_WIDTH:
                raise SpecError(
                    f"dims: found {width!r} in {list(self.dims)}, expected integers from 1 to {MAX_WIDTH}"
                )
        if self.parameters > MAX_PARAMETERS:
            raise SpecError(
                f"dims: {list(self.dims)} has {self.parameters} parameters, at most {MAX_PARAMETERS}"
            )
        if len(self.omega) != len(self.dims) - 2:
            raise SpecError(f"omega: found {len(self.omega)} values, expected one or {len(self.dims) - 2}")
        for name, value in (("omega", min(self.omega)), ("output_scale", self.output_scale)):
            if not value > 0:
                raise SpecError(f"{name}: found {value!r}, expected a positive number")
        # Fields are evaluated in float32, where a larger number would be infinite.
        if not all(abs(x) <= MAX_NUMBER for x in (*self.omega, self.output_offset, self.output_scale)):
            raise SpecError(
                f"omega, output_offset, output_scale: expected finite numbers up to {MAX_NUMBER:g}"
            )
        if self.axis_order not in ("xy", "ij"):
            raise SpecError(f"axis_order: found {self.axis_order!r}, expected 'xy' or 'ij'")

    @property
    def in_dim(self) -> int:
        return self.dims[0]

    @property
    def out_dim(self) -> int:
        return self.dims[-1]

    @property
    def parameters(self) -> int:
        """Length of the flat weight vector."""
        return sum(o * (i + 1) for i, o in zip(self.dims, self.dims[1:], strict=False))

    @property
    def layers(self) -> tuple[Layer, ...]:
        """One entry per affine layer, input to output."""
        found, start = [], 0
        for fan_in, fan_out in zip(self.dims, self.dims[1:], strict=False):
            middle = start + fan_in * fan_out
            found.append(Layer(slice(start, middle), slice(middle, middle + fan_out), fan_in, fan_out))
            start = middle + fan_out
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """A plain mapping that states every convention; `from_json` reads it back."""
        parameters: list[list[Any]] = []
        for i, layer in enumerate(self.layers):
            parameters.append(
                [f"{i}.weight", [layer.fan_out, layer.fan_in], layer.weight.start, layer.weight.stop]
            )
            parameters.append([f"{i}.bias", [layer.fan_out], layer.bias.start, layer.bias.stop])
        return {
            "activation": "sine",
            "axis_order": self.axis_order,
            "dims": list(self.dims),
            "omega": list(self.omega),
            "output_offset": self.output_offset,
            "output_scale": self.output_scale,
            "parameters": parameters,
        }

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read what `to_json` wrote; anything else is a SpecError that names the key."""
        if not isinstance(value, Mapping) or set(value) != _JSON_KEYS:
            raise SpecError(f"field specification: expected an object with the keys {sorted(_JSON_KEYS)}")
        if value["activation"] != "sine":
            raise SpecError(f"field specification: found activation {value['activation']!r}, expected 'sine'")
        for key in ("dims", "omega"):
            if not isinstance(value[key], list):
                raise SpecError(f"field specification: {key} is not a list")
        for number in (*value["omega"], value["output_offset"], value["output_scale"]):
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise SpecError(f"field specification: found {number!r}, expected a number")
            if abs(number) > sys.float_info.max:
                raise SpecError(f"field specification: found {number!r}, expected a finite number")
        spec = cls(
            value["dims"], value["omega"], value["output_offset"], value["output_scale"], value["axis_order"]
        )
        table = value["parameters"]
        # The table that the widths ask for is not made if it is larger than the one that is there.
        sized = isinstance(table, list) and len(table) == 2 * (len(spec.dims) - 1)
        if not sized or spec.to_json()["parameters"] != table:
            raise SpecError("field specification: the parameter table does not follow from dims")
        return spec


def _number(name: str, value: Any) -> float:
    """Any number as float64; a SpecError of what is none, of text with digits too."""
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise SpecError(f"{name}: found {value!r}, expected a number") from None


def split(spec: FieldSpec, weights: NDArray[Any]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """View flat weights (..., P) as one pair of W (..., out, in) and b (..., out) per layer, uncopied."""
    if weights.shape[-1:] != (spec.parameters,):
        raise SpecError(f"weights: found shape {weights.shape}, expected (..., {spec.parameters})")
    lead = weights.shape[:-1]
    return [
        (weights[..., part.weight].reshape(*lead, part.fan_out, part.fan_in), weights[..., part.bias])
        for part in spec.layers
    ]


def join(spec: FieldSpec, layers: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> NDArray[Any]:
    """Flatten (W, b) pairs into one array (..., P), the inverse of `split`."""
    if len(layers) != len(spec.dims) - 1:
        raise SpecError(f"layers: found {len(layers)}, expected {len(spec.dims) - 1}")
    parts: list[NDArray[Any]] = []
    for index, ((weight, bias), part) in enumerate(zip(layers, spec.layers, strict=True)):
        found = (weight.shape[-2:], bias.shape[-1:])
        if found != ((part.fan_out, part.fan_in), (part.fan_out,)):
            raise SpecError(
                f"layer {index}: found shapes {found}, expected {part.fan_out, part.fan_in} and its bias"
            )
        parts += [weight.reshape(*bias.shape[:-1], part.fan_out * part.fan_in), bias]
    return np.concatenate(parts, axis=-1)


def evaluate(
    spec: FieldSpec, weights: NDArray[Any], coords: ArrayLike, dtype: type[np.floating[Any]] = np.float64
) -> NDArray[Any]:
    """Evaluate fields at coordinates: the oracle in float64, a batched forward in float32.

    Args:
        weights: (..., P), one row per field.
        coords: (p, in_dim), shared by all fields.
        dtype: every operation runs in this type.
    Returns:
        Values of shape (..., p, out_dim); not finite where a sum is not.
    """
    h = np.asarray(coords, dtype)
    if h.ndim != 2 or h.shape[1] != spec.in_dim:
        raise SpecError(f"coords: found shape {h.shape}, expected (points, {spec.in_dim})")
    pairs = split(spec, np.asarray(weights).astype(dtype, copy=False))
    with np.errstate(over="ignore", invalid="ignore"):
        for (weight, bias), omega in zip(pairs[:-1], spec.omega, strict=True):
            h = np.sin(dtype(omega) * (h @ np.swapaxes(weight, -1, -2) + bias[..., None, :]))
        weight, bias = pairs[-1]
        affine = h @ np.swapaxes(weight, -1, -2) + bias[..., None, :]
        return cast(NDArray[Any], dtype(spec.output_scale) * affine + dtype(spec.output_offset))


@dataclass(frozen=True, eq=False)
class Field:
    """One fitted function: call it on coordinates; if it is an image, render it on a pixel grid.

    A field of a shape gives what its recipe has as target, such as distances as ``target.range`` maps them;
    if it was fitted with ``fit.loss = "bce"``, the logit of a probability.
    """

    spec: FieldSpec
    weights: NDArray[np.float32]

    def __call__(self, coords: ArrayLike) -> NDArray[np.float64]:
        """Values (p, out_dim), float64, at coordinates (p, in_dim)."""
        return evaluate(self.spec, self.weights, coords)

    def render(self, shape: tuple[int, int]) -> NDArray[np.float64]:
        """The image of a 2-D field on a grid of (height, width) pixels.

        Returns:
            float64 (height, width) for one output channel, else (height, width, channels); in the
            range of the targets, not clipped.
        """
        if self.spec.in_dim != 2:
            raise SpecError(
                f"render: the field takes {self.spec.in_dim} coordinates, expected 2 as of an image; "
                f"call it for its values: field(points), points of shape (n, {self.spec.in_dim})"
            )
        try:
            height, width = (whole_number(side) or 0 for side in shape)
        except (TypeError, ValueError):
            height = width = 0
        if min(height, width) < 1:
            raise SpecError(f"render: found shape {shape!r}, expected (height, width), each 1 or more")
        values = self(image_grid(height, width, self.spec.axis_order))
        return values.reshape(
            (height, width) if self.spec.out_dim == 1 else (height, width, self.spec.out_dim)
        )
