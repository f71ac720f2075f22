"""Alignment: of all fields that are the same function as B, one that is as near to A as can be found.

Distances are between weights, squared. The search is deterministic: float32 arithmetic whose every
operation is stated, so that a pair gives the same bytes on every machine, in any batch and any order.
"""

from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..field import Field, FieldSpec
from .group import Element, Group, check_group

__all__ = ["Aligned", "Fields", "Start", "align", "align_weights"]

Start = Literal["greedy", "identity"]
"""Where the search begins: the best match of incoming weights layer by layer, or the fields as they are."""

LARGEST_WEIGHT = 1e12
"""Sums of products of such weights are far from overflow."""


@runtime_checkable
class Fields(Protocol):
    """One field, or several: `Field` and `Records` are such."""

    @property
    def spec(self) -> FieldSpec: ...
    @property
    def weights(self) -> NDArray[np.float32]: ...


class Aligned(NamedTuple):
    """What `align_weights` found for n pairs."""

    weights: NDArray[np.float32]
    """(n, P): B brought next to A, the same functions as B."""
    element: Element
    """``element.apply(b)`` is ``weights``, bit for bit."""
    before: NDArray[np.float64]
    """(n,) squared distance of A and B."""
    after: NDArray[np.float64]
    """(n,) squared distance of A and ``weights``, never above ``before``."""
    sweeps: NDArray[np.int32]
    """(n,) passes over the layers."""


def align_weights(
    spec: FieldSpec,
    a: NDArray[np.float32],
    b: NDArray[np.float32],
    *,
    group: Group = "phase",
    start: Start = "greedy",
) -> Aligned:
    """Bring each field of ``b`` next to its partner in ``a`` by a symmetry that keeps its function.

    Layer after layer, the best permutation, signs and phases of its units are found exactly with the
    other layers held (see `matching`), until no layer gains. A pair that this brings no nearer is left
    as it is. The greedy start makes the result independent of which of its symmetric copies B is.
    Compiled on first use; runs without the GIL.

    Args:
        a: (n, P) float32, or (P,) for one that all are brought next to.
        b: (n, P) float32.
    Raises:
        SpecError: shapes, types or an option that do not fit, or a weight that is not finite or is above
            1e12; the message names the row.
    """
    check_group(group)
    if start not in ("greedy", "identity"):
        raise SpecError(f"start: found {start!r}, expected 'greedy' or 'identity'")
    a = a[None] if a.ndim == 1 else a
    _check(spec, "a", a)
    _check(spec, "b", b)
    if len(a) not in (1, len(b)):
        raise SpecError(f"a, b: found {len(a)} and {len(b)} fields, expected as many, or one a")
    from .layout import Found, problem_of, work_of
    from .program import compiled_alignment

    problem = problem_of(spec, group, greedy=start == "greedy")
    a, b = (np.require(x, requirements=("C", "A")) for x in (a, b))
    element = Element.identity(spec, len(b))
    before, after, sweeps = np.empty(len(b)), np.empty(len(b)), np.empty(len(b), np.int32)
    found = Found(np.empty_like(b), element.perm, element.sign, element.phase, before, after, sweeps)
    compiled_alignment()(problem, work_of(spec, problem), a, b, found)
    return Aligned(found.weights, element, before, after, sweeps)


def align(a: Fields, b: Fields, group: Group = "phase") -> tuple[Field, Element]:
    """Bring the fields of ``b`` next to those of ``a``: the same functions, with weights as near as found.

    Args:
        a: one field, or as many as ``b``.
        b: one field or several.
    Returns:
        The fields, weights of the shape of ``b.weights``, and the element that makes them of ``b``.
    Raises:
        SpecError: no fields, specs that differ, and what `align_weights` refuses.
    """
    for name, fields in (("a", a), ("b", b)):
        if not isinstance(fields, Fields):
            raise SpecError(f"{name}: found {type(fields).__name__}, expected a Field or Records")
    if a.spec != b.spec:
        raise SpecError(
            f"align: found fields of dims {list(a.spec.dims)}, omega {list(a.spec.omega)} and of "
            f"dims {list(b.spec.dims)}, omega {list(b.spec.omega)}, expected one spec"
        )
    batch = b.weights[None] if b.weights.ndim == 1 else b.weights
    aligned = align_weights(b.spec, a.weights, batch, group=group)
    return Field(b.spec, aligned.weights.reshape(b.weights.shape)), aligned.element


def _check(spec: FieldSpec, name: str, weights: NDArray[np.float32]) -> None:
    if weights.dtype != np.float32 or weights.ndim != 2 or weights.shape[1] != spec.parameters:
        raise SpecError(
            f"{name}: found {weights.dtype} {weights.shape}, expected float32 (n, {spec.parameters})"
        )
    largest = max(weights.max(initial=0), -weights.min(initial=0))  # not a number if one weight is not
    if not largest <= LARGEST_WEIGHT:
        wrong = ~(abs(weights) <= LARGEST_WEIGHT).all(axis=1)
        raise SpecError(
            f"{name}: row {wrong.argmax()} has a weight that is not finite or above {LARGEST_WEIGHT:g}: "
            "leave diverged fits out"
        )
