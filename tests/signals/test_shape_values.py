"""The map between distances and targets: its ends, its inverse, and where a field sees the inside."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.records import ShapeTarget
from neuralviews.signals.samples import GRID, cell_centres
from neuralviews.signals.shape_values import ShapeValues

TRUNCATION = 0.125
DISTANCES = np.array([-1, -0.125, -0.0625, 0, 0.0625, 0.125, 1], np.float32)


def values(target: str, low: float = 0.0, high: float = 1.0, *, logits: bool = False) -> ShapeValues:
    return ShapeValues(ShapeTarget[target], TRUNCATION, low, high, logits)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("sdf", [0, 0, 0.25, 0.5, 0.75, 1, 1]),
        ("udf", [0, 0, 0, 0, 0.5, 1, 1]),
        ("occupancy", [1, 1, 1, 0, 0, 0, 0]),
    ],
)
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0)])
def test_targets_of_distances(target: str, expected: list[float], low: float, high: float) -> None:
    distances = np.abs(DISTANCES) if target == "udf" else DISTANCES
    if target == "udf":
        expected = [1, 1, 0.5, 0, 0.5, 1, 1]
    found = values(target, low, high).of_distance(distances)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [low + (high - low) * share for share in expected])


@given(
    distance=st.floats(-0.124, 0.124),
    low=st.floats(-2, 0.25),
    width=st.floats(0.5, 3),
    target=st.sampled_from(["sdf", "udf"]),
)
def test_distances_come_back(distance: float, low: float, width: float, target: str) -> None:
    mapped = values(target, low, low + width)
    distance = abs(distance) if target == "udf" else distance
    there = mapped.of_distance(np.array([distance], np.float32))
    assert mapped.to_distance(there)[0] == pytest.approx(distance, abs=1e-6)


def test_logits_are_undone() -> None:
    mapped = values("sdf", logits=True)
    share = np.array([0.1, 0.5, 0.75])
    outputs = np.log(share / (1 - share)).astype(np.float32)
    np.testing.assert_allclose(mapped.given(outputs), share, atol=1e-6)
    np.testing.assert_allclose(mapped.to_distance(outputs), (2 * share - 1) * TRUNCATION, atol=1e-6)
    assert np.isfinite(mapped.given(np.array([-3e38, 3e38], np.float32))).all()


@pytest.mark.parametrize(
    ("mapped", "distance", "output"),
    [
        (values("sdf", -1, 1), 0.0, 0.0),
        (values("sdf"), 0.0, 0.5),
        (values("sdf", logits=True), 0.0, 0.0),
        (values("udf"), 0.0625, 0.5),
        (values("occupancy"), 0.0, 0.5),
        (values("occupancy", logits=True), 0.0, 0.0),
    ],
)
def test_where_the_surface_lies(mapped: ShapeValues, distance: float, output: float) -> None:
    assert mapped.output_at(distance) == pytest.approx(output, abs=1e-12)


def test_the_logit_of_certainty_is_finite() -> None:
    assert values("udf", logits=True).output_at(0.0) == pytest.approx(np.log(1e-6), rel=1e-5)


def test_inside_lies_below_distances_and_above_occupancies() -> None:
    outputs = np.array([-0.5, 0.25, 0.75], np.float32)
    assert values("sdf", -1, 1).inside(outputs).tolist() == [True, False, False]
    assert values("occupancy").inside(outputs).tolist() == [False, False, True]
    assert values("occupancy", logits=True).inside(outputs).tolist() == [False, True, True]
    assert not values("udf").inside(outputs).any()


def test_cell_centres_fill_the_cube_evenly() -> None:
    centres = cell_centres().reshape(GRID, GRID, GRID, 3)
    assert centres.dtype == np.float32
    np.testing.assert_array_equal(centres[..., 0], centres[:, :1, :1, 0] + np.zeros((GRID, GRID, GRID)))
    np.testing.assert_array_equal(centres, -centres[::-1, ::-1, ::-1])
    np.testing.assert_allclose(np.diff(centres[0, 0, :, 2]), 2 / GRID, rtol=1e-5)
    assert centres.max() == pytest.approx(1 - 1 / GRID)
