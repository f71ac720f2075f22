"""The symmetry group of a SIREN as data: its elements, their product, and their action on weights.

As ``sin(s z + k pi) = s (-1)^k sin(z)`` for s = +-1 and an integer k, hidden units may be permuted, their
incoming weights and biases negated, and their biases shifted by multiples of pi/omega, if the next layer
takes it back: the field stays the same function. Signs and shifts of one unit make the infinite dihedral
group; permutations are those of Hecht-Nielsen, "On the algebraic structure of feedforward network weight
spaces" (1990).
"""

import math
import operator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from ..draws import Draws
from ..errors import SpecError, printable
from ..field import FieldSpec, join, split

__all__ = [
    "GROUP_PARTS",
    "MAX_PHASE",
    "Element",
    "Group",
    "Part",
    "check_group",
    "hidden_slices",
    "require_array",
]

Group = Literal["perm", "sign", "phase"]
"""Which symmetries: permutations; signs too; phase shifts too, which is all of them."""

Part = Literal["perm", "sign", "phase"]
"""A part of an `Element`: one integer for each of the H hidden units."""

GROUP_PARTS: dict[Group, tuple[Part, ...]] = {
    "perm": ("perm",),
    "sign": ("perm", "sign"),
    "phase": ("perm", "sign", "phase"),
}
"""The parts in which the elements of a group differ from the identity."""

MAX_PHASE = 1 << 29
"""Largest shift in half turns; products of two elements cannot overflow an int32 unnoticed."""


def check_group(group: Group) -> None:
    """Raise SpecError unless ``group`` is one."""
    if not isinstance(group, str) or group not in GROUP_PARTS:  # others may have no hash
        raise SpecError(f"group: found {printable(repr(group))}, expected 'perm', 'sign' or 'phase'")


def require_array(weights: object) -> None:
    """Raise SpecError unless ``weights`` are an array, rather than what holds one."""
    if not isinstance(weights, np.ndarray):
        raise SpecError(
            f"weights: found {type(weights).__name__}, expected a NumPy array (n, P); "
            "of a Field or Records take .weights"
        )


def hidden_slices(spec: FieldSpec) -> tuple[slice, ...]:
    """Where the units of each hidden layer lie among all H hidden units."""
    stops = np.cumsum((0, *spec.dims[1:-1])).tolist()
    return tuple(slice(start, stop) for start, stop in pairwise(stops))


@dataclass(frozen=True, eq=False)
class Element:
    """A batch of n group elements, H hidden units each, hidden layers one after another.

    New unit i of a layer is old unit ``perm[i]``: its incoming weights are times ``sign[i]``, its bias
    is times ``sign[i]`` plus ``phase[i] pi / omega``, and its outgoing weights are times
    ``sign[i] (-1)^phase[i]``.

    Args:
        spec: the shape of the fields that it acts on.
        perm: (n, H) int32, indices within each layer.
        sign: (n, H) int8, 1 or -1.
        phase: (n, H) int32, half turns, at most `MAX_PHASE` either way.
    Raises:
        SpecError: arrays of another shape or type, or values that are no element; the message says where.
    """

    spec: FieldSpec
    perm: NDArray[np.int32] = field(repr=False)
    sign: NDArray[np.int8] = field(repr=False)
    phase: NDArray[np.int32] = field(repr=False)

    def __post_init__(self) -> None:
        shape = (len(self.perm), sum(self.spec.dims[1:-1]))
        for name, kind in (("perm", np.int32), ("sign", np.int8), ("phase", np.int32)):
            array = getattr(self, name)
            if array.shape != shape or array.dtype != kind:
                raise SpecError(
                    f"{name}: found {array.dtype} {array.shape}, expected {np.dtype(kind)} {shape}"
                )
        for layer, units in enumerate(hidden_slices(self.spec)):
            wrong = (np.sort(self.perm[:, units], axis=1) != np.arange(units.stop - units.start)).any(axis=1)
            if wrong.any():
                raise SpecError(
                    f"perm: row {wrong.argmax()} does not permute the {units.stop - units.start} units "
                    f"of hidden layer {layer}"
                )
        for name, wrong, expected in (
            ("sign", abs(self.sign) != 1, "1 or -1"),
            (
                "phase",
                (self.phase < -MAX_PHASE) | (self.phase > MAX_PHASE),
                f"at most {MAX_PHASE} either way",
            ),
        ):
            if wrong.any():
                row, unit = (int(x[0]) for x in np.nonzero(wrong))
                found = getattr(self, name)[row, unit]
                raise SpecError(f"{name}: found {found} in row {row}, unit {unit}, expected {expected}")

    def __len__(self) -> int:
        return len(self.perm)

    @classmethod
    def identity(cls, spec: FieldSpec, n: int) -> Self:
        """The element that changes nothing, n times."""
        perm = np.concatenate([np.arange(units.stop - units.start) for units in hidden_slices(spec)])
        shape = (n, len(perm))
        element = object.__new__(cls)  # there is nothing to check, and batches of small fields feel a check
        for name, value in (
            ("spec", spec),
            ("perm", np.tile(perm.astype(np.int32), (n, 1))),
            ("sign", np.ones(shape, np.int8)),
            ("phase", np.zeros(shape, np.int32)),
        ):
            object.__setattr__(element, name, value)
        return element

    @classmethod
    def random(cls, spec: FieldSpec, draws: Draws, group: Group = "phase", max_phase: int = 1) -> Self:
        """One element a row of ``draws``: permutations and signs uniform, phases uniform on -max ... max.

        The permutations drawn are the same for every group, and the signs for the two that have them.
        """
        check_group(group)
        if not 0 <= operator.index(max_phase) <= MAX_PHASE:
            raise SpecError(f"max_phase: found {max_phase}, expected an integer from 0 to {MAX_PHASE}")
        element, perms, hidden = cls.identity(spec, len(draws)), draws.child(0), sum(spec.dims[1:-1])
        for layer, units in enumerate(hidden_slices(spec)):
            element.perm[:, units] = perms.child(layer).permutations(units.stop - units.start)
        if group != "perm":
            element.sign[draws.child(1).choose(0.5, hidden)] = -1
        if group == "phase":
            element.phase[:] = draws.child(2).integers(-max_phase, max_phase, hidden)
        return element

    def take(self, rows: NDArray[np.integer[Any]] | slice) -> "Element":
        """The chosen rows, in the order given."""
        return Element(self.spec, self.perm[rows], self.sign[rows], self.phase[rows])

    def compose(self, other: "Element") -> "Element":
        """The product, row by row: self after ``other``, also written ``self @ other``."""
        if not isinstance(other, Element):
            raise SpecError(f"compose: found {type(other).__name__}, expected an Element")
        if self.spec != other.spec:
            raise SpecError(
                f"compose: found elements for {self.spec} and for {other.spec}, expected one spec"
            )
        if len(self) != len(other):
            raise SpecError(f"compose: found {len(self)} and {len(other)} elements, expected as many")
        old = self._old_units()
        perm = np.take_along_axis(other.perm, old, axis=1)
        sign = self.sign * np.take_along_axis(other.sign, old, axis=1)
        phase = self.phase + self.sign * np.take_along_axis(other.phase, old, axis=1)
        return Element(self.spec, perm, sign, phase)

    __matmul__ = compose

    def inverse(self) -> "Element":
        """What undoes it: ``g.inverse() @ g`` is the identity."""
        new = np.argsort(self._old_units(), axis=1)
        sign, phase = np.take_along_axis(self.sign, new, axis=1), np.take_along_axis(self.phase, new, axis=1)
        perm = np.empty_like(self.perm)
        for units in hidden_slices(self.spec):
            perm[:, units] = new[:, units] - units.start
        return Element(self.spec, perm, sign, -sign * phase)

    def apply(self, weights: NDArray[Any]) -> NDArray[Any]:
        """Act on fields: the same functions with other weights, in a new array.

        Only biases that are shifted are rounded, once, from float64; all else is moved and negated.

        Args:
            weights: (n, P), or (P,) for one element, float32 or float64.
        Returns:
            An array of the shape and type of ``weights``.
        Raises:
            SpecError: weights of another shape or type.
        """
        require_array(weights)
        batch = weights[None] if weights.ndim == 1 else weights
        if batch.shape != (len(self), self.spec.parameters) or weights.dtype not in (np.float32, np.float64):
            raise SpecError(
                f"weights: found {weights.dtype} {weights.shape}, "
                f"expected float32 or float64 {(len(self), self.spec.parameters)}"
            )
        if batch.dtype == np.float32:
            from . import action  # needs numba

            if not action.compiler_is_off():
                return action.act(self, batch).reshape(weights.shape)
        exact = self._apply_exactly(batch.astype(np.float64, copy=False))
        return exact.astype(weights.dtype, copy=False).reshape(weights.shape)

    def _apply_exactly(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        layers = split(self.spec, weights)
        turned = []
        for (weight, bias), omega, units in zip(
            layers[:-1], self.spec.omega, hidden_slices(self.spec), strict=True
        ):
            perm, sign, phase = (x[:, units] for x in (self.perm, self.sign, self.phase))
            new_weight = np.take_along_axis(weight, perm[:, :, None], axis=1) * sign[:, :, None]
            new_bias = np.take_along_axis(bias, perm, axis=1) * sign
            turned.append((new_weight, np.where(phase == 0, new_bias, new_bias + phase * (math.pi / omega))))
        turned.append(layers[-1])
        for layer, units in enumerate(hidden_slices(self.spec), start=1):
            weight, bias = turned[layer]
            factor = np.where(self.phase[:, units] % 2 == 0, self.sign[:, units], -self.sign[:, units])
            columns = np.take_along_axis(weight, self.perm[:, None, units], axis=2) * factor[:, None]
            turned[layer] = columns, bias
        return join(self.spec, turned)

    def _old_units(self) -> NDArray[np.int32]:
        """``perm`` with indices among all H hidden units."""
        old = self.perm.copy()
        for units in hidden_slices(self.spec):
            old[:, units] += units.start
        return old
