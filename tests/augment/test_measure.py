"""What copies should render, beside the definition in float64, and the errors measured against it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuralviews.augment.measure import in_domain, measure, render_target
from neuralviews.augment.probes import probe_points
from neuralviews.augment.target import Target
from neuralviews.errors import OptionError, SpecError
from neuralviews.field import FieldSpec, evaluate
from neuralviews.field_values import field_values
from neuralviews.fit.init import initial_weights
from neuralviews.grids import image_grid

Doubles = NDArray[np.float64]
Function = Callable[[Doubles], Doubles]
COPIES = 3
OPERATIONS = ("coords", "outputs", "mixed", "self mixed")


@st.composite
def specs(draw: st.DrawFn) -> FieldSpec:
    hidden = draw(st.lists(st.integers(1, 20), min_size=1, max_size=3))
    dims = [draw(st.integers(1, 3)), *hidden, draw(st.integers(1, 4))]
    return FieldSpec(dims, draw(st.floats(1, 12)), draw(st.floats(-1, 1)), draw(st.floats(0.5, 2)))


def function_of(spec: FieldSpec, weights: NDArray[np.float32]) -> Function:
    return lambda x: evaluate(spec, weights, x)


def moved(f: Function, matrix: Doubles, shift: Doubles) -> Function:
    return lambda x: f(x @ matrix.T + shift)


def mapped(f: Function, gain: Doubles, offset: Doubles) -> Function:
    return lambda x: f(x) @ gain.T + offset


def mean(f: Function, g: Function, lam: float) -> Function:
    return lambda x: lam * f(x) + (1 - lam) * g(x)


@dataclass
class Case:
    """A target, and beside it what it should render, as functions made without it."""

    spec: FieldSpec
    a: NDArray[np.float32]
    b: NDArray[np.float32]
    target: Target
    functions: Sequence[Function]

    @classmethod
    def of(cls, spec: FieldSpec, operations: Sequence[str], seed: int) -> "Case":
        """Operations one after another, each with numbers of its own for every copy."""
        rng, d, c = np.random.default_rng(seed), spec.in_dim, spec.out_dim
        a, b = (initial_weights(spec, "siren", range(i, i + COPIES)) for i in (0, COPIES))
        target = Target.of_parent(COPIES, d, c)
        f = [function_of(spec, row) for row in a]
        for operation in operations:
            sizes = d if operation == "coords" else c
            matrix = rng.uniform(-0.7, 0.7, (COPIES, sizes, sizes))
            vector = rng.uniform(-0.5, 0.5, (COPIES, sizes))
            lam = rng.uniform(0, 1, COPIES)
            if operation == "coords":
                target = target.coords(matrix, vector)
                f = list(map(moved, f, matrix, vector))
            elif operation == "outputs":
                target = target.outputs(matrix, vector)
                f = list(map(mapped, f, matrix, vector))
            elif operation == "mixed":
                target = target.mixed(lam, Target.of_parent(COPIES, d, c, side=1))
                f = list(map(mean, f, [function_of(spec, row) for row in b], lam))
            else:
                same = np.repeat(np.eye(c)[None], COPIES, axis=0)
                target = target.mixed(lam, target.outputs(same, vector))
                f = list(map(mean, f, map(mapped, f, same, vector), lam))
        return cls(spec, a, b, target, f)

    def expected(self, points: NDArray[np.float32]) -> Doubles:
        return np.array([f(points.astype(np.float64)) for f in self.functions])

    def rendered(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        return render_target(self.spec, self.target, self.a, self.b, points)


def exactly(case: Case, points: NDArray[np.float32]) -> Doubles:
    """The sum that `Target` documents, in float64."""
    total = np.zeros((COPIES, len(points), case.spec.out_dim))
    for term in case.target.terms:
        for i in range(COPIES):
            x = points @ term.matrix[i].T + term.shift[i]
            weights = (case.a, case.b)[term.side][i]
            total[i] += evaluate(case.spec, weights, x) @ term.gain[i].T + term.offset[i]
    return total


cases = st.builds(
    Case.of, specs(), st.lists(st.sampled_from(OPERATIONS), max_size=5), st.integers(0, 1 << 30)
)


@given(cases)
def test_a_target_is_what_was_done_to_the_functions(case: Case) -> None:
    """Coordinates, outputs and means in any order: the terms say the same as functions of functions."""
    points = probe_points(case.spec, None, 20)
    np.testing.assert_allclose(exactly(case, points), case.expected(points), rtol=1e-9, atol=1e-9)


@given(cases)
def test_a_rendered_target_is_near_that_of_the_oracle(case: Case) -> None:
    points = probe_points(case.spec, None, 20)
    expected = case.expected(points)
    np.testing.assert_allclose(case.rendered(points), expected, atol=2e-5 * (1 + abs(expected).max()))


@given(cases)
def test_a_copy_is_rendered_and_measured_as_if_alone(case: Case) -> None:
    points = probe_points(case.spec, None, 20)
    together = case.rendered(points)
    parents = np.concatenate((case.b, case.a))  # each parent once, in another order
    rows_b, rows_a = np.arange(2 * COPIES).reshape(2, COPIES)
    shared = render_target(case.spec, case.target, parents, parents, points, rows_a, rows_b)
    assert shared.tobytes() == together.tobytes()
    losses = measure(case.spec, case.a, points, together, 1.0).loss
    domain = in_domain(case.target, points)
    for i in range(COPIES):
        row = slice(i, i + 1)
        target = Target(
            tuple(
                type(t)(t.side, t.matrix[row], t.shift[row], t.gain[row], t.offset[row])
                for t in case.target.terms
            )
        )
        alone = render_target(case.spec, target, case.a[row], case.b[row], points)
        np.testing.assert_array_equal(alone, together[row])
        assert measure(case.spec, case.a[row], points, alone, 1.0).loss == losses[i]
        assert in_domain(target, points) == domain[i]


@given(cases)
def test_the_domain_is_where_all_terms_see_their_parents_inside(case: Case) -> None:
    points = probe_points(case.spec, None, 50)
    inside = np.ones((COPIES, len(points)), np.bool_)
    for term in case.target.terms:
        for i in range(COPIES):
            inside[i] &= (abs(points @ term.matrix[i].T + term.shift[i]) <= 1).all(axis=1)
    np.testing.assert_array_equal(in_domain(case.target, points), inside.mean(axis=1).astype(np.float32))


def test_a_parent_itself_is_not_computed_with() -> None:
    """The values of the parent are the target's, to the bit, and a faithful copy has no error."""
    spec = FieldSpec([2, 8, 3], output_offset=0.5)
    weights, points = initial_weights(spec, "siren", range(4)), probe_points(spec, (28, 28))
    target = Target.of_parent(4, 2, 3)
    rendered = render_target(spec, target, weights, None, points)
    assert rendered.tobytes() == field_values(spec, weights, points[None]).tobytes()
    found = measure(spec, weights, points, rendered, 1.0)
    assert (found.loss.tolist(), found.psnr.tolist()) == ([0.0] * 4, [999.0] * 4)
    assert in_domain(target, points).tolist() == [1.0] * 4
    half = target.coords(np.repeat(np.eye(2)[None], 4, axis=0), np.repeat([[1.0, 0.0]], 4, axis=0))
    assert in_domain(half, np.array([[-0.5, 1], [0.5, 1]], np.float32)).tolist() == [0.5] * 4


@given(cases, st.sampled_from([1.0, 2.0, 255.0]))
def test_errors_are_those_of_the_oracle(case: Case, span: float) -> None:
    points = probe_points(case.spec, None, 30)
    targets = case.expected(points).astype(np.float32) + np.float32(0.5)
    found = measure(case.spec, case.a, points, targets, span)
    loss = ((evaluate(case.spec, case.a, points) - targets) ** 2).mean(axis=(1, 2))
    np.testing.assert_allclose(found.loss, loss, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(found.psnr, 10 * np.log10(span**2 / found.loss), rtol=1e-5)


def test_what_overflows_has_the_largest_loss() -> None:
    spec = FieldSpec([2, 4, 1])
    weights, points = initial_weights(spec, "siren", range(3)), probe_points(spec, None, 5)
    largest = np.finfo(np.float32).max
    weights[0, -5:] = largest  # the sum of the output layer
    weights[1, :8] = largest  # the argument of the sine
    huge = Target.of_parent(3, 2, 1).outputs(np.full((3, 1, 1), 1e300), np.full((3, 1), 1e308))
    wanted = render_target(spec, huge, weights, None, points)
    for targets, overflows in ((np.zeros((3, 5, 1), np.float32), [0, 1]), (wanted, [0, 1, 2])):
        found = measure(spec, weights, points, targets, 1.0)
        assert np.flatnonzero(found.loss == largest).tolist() == overflows
        assert np.isfinite(found.loss).all()
        assert np.isfinite(found.psnr).all()


def test_arrays_that_do_not_fit_are_named() -> None:
    spec = FieldSpec([2, 3, 2])
    weights, points = initial_weights(spec, "siren", range(4)), probe_points(spec, None, 5)
    target = Target.of_parent(4, 2, 2)
    both = target.mixed(np.full(4, 0.5), Target.of_parent(4, 2, 2, side=1))
    ones, square = np.ones((4, 2)), np.ones((4, 2, 2))
    calls: list[tuple[Callable[[], Any], str]] = [
        (
            lambda: render_target(spec, both, weights, None, points),
            "of the second parent, expected weights_b",
        ),
        (lambda: render_target(spec, target, weights[:3], None, points), "parents of 3 copies, expected 4"),
        (lambda: render_target(spec, target, weights, None, points, np.arange(2)), "parents of 2 copies"),
        (lambda: render_target(spec, target, weights, None, points[:, :1]), r"points: found shape \(5, 1\)"),
        (lambda: target.coords(square[:3], ones), r"target: coords: found shapes \(3, 2, 2\) and \(4, 2\)"),
        (
            lambda: target.outputs(square, ones[:, :1]),
            r"outputs: .*\(4, 1\), expected \(4, 2, 2\) and \(4, 2\)",
        ),
        (lambda: target.mixed(np.ones(3), target), r"found \(3,\) as shape of lam, expected \(4,\)"),
        (lambda: target.mixed(np.ones(4), Target.of_parent(3, 2, 2)), r"\(3,\) as shape of the other target"),
    ]
    for call, message in calls:
        with pytest.raises(SpecError, match=message):
            call()


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 300), st.sampled_from(["xy", "ij"]))
def test_images_are_probed_at_pixels(height: int, width: int, count: int, order: Any) -> None:
    spec = FieldSpec([2, 4, 1], axis_order=order)
    grid = image_grid(height, width, order)
    points = probe_points(spec, (height, width), count)
    numbers = {tuple(point): i for i, point in enumerate(grid.tolist())}
    found = [numbers[tuple(point)] for point in points.tolist()]
    assert len(found) == min(count, height * width)
    assert found == sorted(set(found))
    widest = -(-height * width // len(found))
    assert all(i * height * width // len(found) <= x for i, x in enumerate(found))
    assert max(np.diff([-1, *found, height * width])) <= 2 * widest


@pytest.mark.parametrize("d", [1, 2, 3, 6])
def test_other_signals_are_probed_evenly(d: int) -> None:
    """The recurrence R_d; a fraction of the cube holds about its share of the points."""
    points = probe_points(FieldSpec([d, 4, 1]), None)
    assert points.shape == (256, d)
    root = 1.5
    for _ in range(200):
        root = (1 + root) ** (1 / (d + 1))
    expected = (0.5 + np.arange(1, 257)[:, None] * root ** -np.arange(1.0, d + 1)) % 1
    np.testing.assert_allclose(points, 2 * expected - 1, atol=1e-6)
    assert (abs(points) <= 1).all()
    for axis in range(d):
        counts, _ = np.histogram(points[:, axis], 16, (-1, 1))
        assert abs(counts - 16).max() <= 8
    np.testing.assert_array_equal(probe_points(FieldSpec([d, 4, 1]), None, 100), points[:100])


def test_images_of_other_than_two_coordinates_are_probed_as_cubes() -> None:
    spec = FieldSpec([3, 4, 1])
    np.testing.assert_array_equal(probe_points(spec, (28, 28)), probe_points(spec, None))


def test_no_probes_are_refused() -> None:
    with pytest.raises(OptionError, match="probe_points: found count 0, expected 1 or more"):
        probe_points(FieldSpec([2, 4, 1]), None, 0)
