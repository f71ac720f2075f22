"""Points of minibatches: every way of drawing them gives those that the formula states."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from neuralviews.draws import Draws, gammas
from neuralviews.fit.cpu.minibatch import drawn_point
from neuralviews.fit.minibatch import drawn_points
from neuralviews.fit.torch_minibatch import drawn_on_device

KEYS = np.array([0, 1, 77, 1 << 63, (1 << 64) - 1], np.uint64)
CASES = st.tuples(
    st.lists(st.integers(0, (1 << 64) - 1), min_size=1, max_size=4),
    st.integers(0, 1 << 20),
    st.integers(1, 50),
    st.one_of(st.integers(1, 1000), st.integers(1, (1 << 32) - 1), st.just((1 << 32) - 1)),
)


@njit
def compiled(stream, start, pool, found):  # type: ignore[no-untyped-def]
    for i in range(found.size):
        found[i] = drawn_point(stream, start + np.uint64(i), pool)


@given(CASES)
def test_points_are_those_of_the_formula(case: tuple[list[int], int, int, int]) -> None:
    keys, step, points, pool = case
    found = drawn_points(np.array(keys, np.uint64), step, points, pool)
    for row, key in zip(found.tolist(), keys, strict=True):
        stream = Draws(np.array([key], np.uint64))
        words = stream.bits(points, step * points)[0].tolist()
        assert row == [(word >> 32) * pool >> 32 for word in words]


@given(CASES)
def test_compiled_code_draws_the_same(case: tuple[list[int], int, int, int]) -> None:
    keys, step, points, pool = case
    seeds = np.array(keys, np.uint64)
    expected = drawn_points(seeds, step, points, pool)
    for row, stream in zip(expected, np.stack([seeds, gammas(seeds)], 1), strict=True):
        found = np.zeros(points, np.int64)
        compiled(stream, np.uint64(step * points), np.uint64(pool), found)
        np.testing.assert_array_equal(found, row)


@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param(
            "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
        ),
    ],
)
@given(case=CASES)
def test_devices_draw_the_same(device: str, case: tuple[list[int], int, int, int]) -> None:
    keys, step, points, pool = case
    seeds = np.array(keys, np.uint64)
    streams = torch.tensor(np.stack([seeds, gammas(seeds)]).view(np.int64)[:, :, None], device=device)
    steps = torch.full((len(keys), 1), step, device=device)
    found = drawn_on_device(streams[0], streams[1], steps, points, pool)
    np.testing.assert_array_equal(found.cpu().numpy(), drawn_points(seeds, step, points, pool))


def test_steps_go_on_where_the_last_one_ended() -> None:
    at_once = drawn_points(KEYS, 0, 60, 1000)
    in_turn = [drawn_points(KEYS, step, 20, 1000) for step in range(3)]
    np.testing.assert_array_equal(np.concatenate(in_turn, axis=1), at_once)


def test_all_points_are_drawn_alike() -> None:
    """5000 draws of each of 40 points for every key: within 5 standard deviations."""
    for row in drawn_points(KEYS, 3, 200_000, 40):
        counts = np.bincount(row, minlength=40)
        assert len(counts) == 40
        assert (abs(counts - 5000) < 5 * np.sqrt(5000)).all()
