"""How far copies are from what they should render, measured at a set of points."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..field import FieldSpec
from ..field_values import field_values
from ..fit.engine import psnr_from_loss
from .target import Target, Term

__all__ = ["Measured", "in_domain", "measure", "render_target"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Rows = NDArray[np.int64]


class Measured(NamedTuple):
    """Errors of n fields; every number is finite.

    Attributes:
        loss: (n,) float32, mean squared errors; the largest float32 if a field or its target overflows.
        psnr: (n,) float32 dB of these; 999 for a loss of 0.
    """

    loss: Floats
    psnr: Floats


def measure(spec: FieldSpec, weights: Floats, points: Floats, targets: Floats, span: float) -> Measured:
    """Errors of n fields against what they should give.

    Args:
        weights: (n, P) float32.
        points: (p, d) float32.
        targets: (n, p, c) float32, for example from `render_target` at the same points.
        span: width of the target range, the peak of the PSNR.
    Raises:
        SpecError: arrays that do not fit the spec or each other.
    """
    from ..vector.loss import mean_squared_errors  # needs numba

    loss = mean_squared_errors(field_values(spec, weights, points[None]), targets)
    return Measured(loss, psnr_from_loss(loss, span))


def render_target(
    spec: FieldSpec,
    target: Target,
    weights_a: Floats,
    weights_b: Floats | None,
    points: Floats,
    rows_a: Rows | None = None,
    rows_b: Rows | None = None,
) -> Floats:
    """What n copies should render, (n, p, c) float32.

    Parents are rendered in float32; changes of coordinates and of outputs, and sums, are worked out in
    float64 and rounded once.

    Args:
        weights_a, weights_b: (n, P) float32, first and second parents; None if no term needs the second.
        points: (p, d) float32.
        rows_a, rows_b: (n,) which row of ``weights_a`` or ``weights_b`` is each copy's parent; these then
            need to hold each parent once, and it is rendered once for all copies that do not move it.
    Raises:
        SpecError: arrays that do not fit the spec or each other, or a second parent that is missing.
    """
    total: Doubles | None = None
    parents = ((weights_a, rows_a), (weights_b, rows_b))
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is for `measure` to see
        for term in target.terms:
            weights, rows = parents[term.side]
            if weights is None:
                raise SpecError("target: found a term of the second parent, expected weights_b")
            values = _parent_values(spec, term, weights, rows, points)
            if len(target.terms) == 1 and not term.changes:
                return values
            part = _outputs(term, values)
            total = part if total is None else total + part
        assert total is not None  # a target has terms
        rendered: Floats = total.astype(np.float32)
    return rendered


def in_domain(target: Target, points: Floats) -> Floats:
    """The fraction of points, (n,) float32, at which all terms see their parents within [-1, 1]^d."""
    inside = np.ones((len(target), len(points)), np.bool_)
    for term in target.terms:
        if term.moves:
            for moved in _axes(term, points):
                inside &= np.abs(moved) <= 1
    fraction: Floats = (np.count_nonzero(inside, axis=1) / len(points)).astype(np.float32)
    return fraction


def _parent_values(spec: FieldSpec, term: Term, weights: Floats, rows: Rows | None, points: Floats) -> Floats:
    """The parents' values at the points where a term sees them, (n, p, c)."""
    count = len(weights) if rows is None else len(rows)
    if count != len(term.shift):
        raise SpecError(f"target: found parents of {count} copies, expected {len(term.shift)}")
    if points.shape[1:] != (spec.in_dim,):
        raise SpecError(f"points: found shape {points.shape}, expected (points, {spec.in_dim})")
    if term.moves:
        parents = weights if rows is None else weights[rows]
        return field_values(spec, parents, _coords(term, points))
    values = field_values(spec, weights, points[None])
    return values if rows is None else values[rows]


def _axes(term: Term, points: Floats) -> Iterator[Floats]:
    """Each coordinate, (n, p), of matrix @ x + shift for every copy."""
    for axis, start in enumerate(term.shift.T):
        yield _affine(start, term.matrix[:, axis], points[None]).astype(np.float32)


def _coords(term: Term, points: Floats) -> Floats:
    """matrix @ x + shift for every copy, (n, p, d)."""
    coords = np.empty((len(term.shift), *points.shape), np.float32)
    for axis, moved in enumerate(_axes(term, points)):
        coords[:, :, axis] = moved
    return coords


def _outputs(term: Term, values: Floats) -> Doubles:
    """gain @ values + offset, (n, p, c)."""
    outputs = np.empty(values.shape)
    for channel, start in enumerate(term.offset.T):
        outputs[:, :, channel] = _affine(start, term.gain[:, channel], values)
    return outputs


def _affine(start: Doubles, factors: Doubles, columns: Floats) -> Doubles:
    """start (n,) + factors (n, k) @ columns (n or 1, p, k), (n, p): k ascending, from ``start`` on."""
    total = np.repeat(start[:, None], columns.shape[1], axis=1)
    for k in range(columns.shape[2]):
        total += factors[:, k, None] * columns[:, :, k]
    return total
