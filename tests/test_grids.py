"""Coordinates of pixel centres: exact, symmetric, and right for images that are not square."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.grids import AxisOrder, axis_points, image_grid

SIDE = st.integers(1, 40)


@given(st.integers(1, 3000))
def test_axis_runs_from_minus_one_to_one_and_is_symmetric(count: int) -> None:
    points = axis_points(count)
    assert points.dtype == np.float32
    assert len(points) == count
    np.testing.assert_array_equal(points, -points[::-1])
    assert (np.diff(points) > 0).all()
    if count > 1:
        assert (points[0], points[-1]) == (-1, 1)
    else:
        assert points[0] == 0


@given(st.integers(2, 500), st.data())
def test_points_are_exact_ratios_rounded_once(count: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, count - 1))
    exact = Fraction(2 * index - (count - 1), count - 1)
    found = axis_points(count)[index]
    near = [np.nextafter(found, np.float32(side), dtype=np.float32) for side in (-2, 2)]
    error = abs(Fraction(float(found)) - exact)
    assert all(error <= abs(Fraction(float(other)) - exact) for other in near)


@given(SIDE, SIDE)
def test_columns_are_x_and_y_in_row_major_order(height: int, width: int) -> None:
    grid = image_grid(height, width, "xy")
    assert grid.dtype == np.float32
    assert grid.flags.c_contiguous
    assert grid.shape == (height * width, 2)
    pixels = grid.reshape(height, width, 2)
    np.testing.assert_array_equal(pixels[..., 0], np.broadcast_to(axis_points(width), (height, width)))
    np.testing.assert_array_equal(
        pixels[..., 1], np.broadcast_to(axis_points(height)[:, None], (height, width))
    )


@given(SIDE, SIDE)
def test_ij_swaps_the_columns(height: int, width: int) -> None:
    np.testing.assert_array_equal(image_grid(height, width, "ij"), image_grid(height, width, "xy")[:, ::-1])


@pytest.mark.parametrize(("order", "indexing"), [("xy", "xy"), ("ij", "ij")])
def test_grid_is_meshgrid_of_the_released_code(order: AxisOrder, indexing: str) -> None:
    """linspace and meshgrid, as the published sets used them, up to linspace's rounding."""
    axes = (np.linspace(-1, 1, 28),) * 2
    columns = np.meshgrid(*axes, indexing=indexing)
    np.testing.assert_allclose(image_grid(28, 28, order), np.stack(columns, -1).reshape(-1, 2), atol=1e-7)


@pytest.mark.parametrize("count", [0, -3])
def test_an_axis_needs_a_point(count: int) -> None:
    with pytest.raises(ValueError, match=f"axis_points: found {count} points, expected at least 1"):
        axis_points(count)
