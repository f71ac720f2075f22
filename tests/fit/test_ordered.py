"""The stated order is itself right: its fma is one rounding, its sine a sine, its fit a fit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from numpy.typing import NDArray

from neuralviews.field import FieldSpec
from neuralviews.fit import ordered
from neuralviews.fit.engine import Budget, Signals
from neuralviews.fit.reference import ReferenceEngine
from neuralviews.records import Status
from neuralviews.vector.emit import Emitter, Value, kernel
from neuralviews.vector.emit import fma as hardware_fma

from .arithmetic_cases import uniform

ZEROS_AND_SUBNORMAL = (0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007FFFFF, 0x00800000)
AROUND_ONE = (0x3F800000, 0xBF800000, 0x3F800001, 0x3F7FFFFF, 0x34000000, 0x33800000)
NOT_FINITE_OR_LARGEST = (0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000)
SPECIAL = np.array([*ZEROS_AND_SUBNORMAL, *AROUND_ONE, *NOT_FINITE_OR_LARGEST], np.uint32).view(np.float32)


@njit
def hardware(a, b, c):  # type: ignore[no-untyped-def]
    result = np.empty_like(a)
    for i in range(a.size):
        result[i] = hardware_fma(a[i], b[i], c[i])
    return result


def assert_same_fma(a: NDArray[np.float32], b: NDArray[np.float32], c: NDArray[np.float32]) -> None:
    with np.errstate(all="ignore"):
        found = ordered.fma(a, b, c)
    expected = hardware(a, b, c)
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.isnan(found), ~numbers)
    np.testing.assert_array_equal(found[numbers].view(np.uint32), expected[numbers].view(np.uint32))


def random_bits(key: int, count: int) -> NDArray[np.float32]:
    return np.random.Philox(key=key).random_raw(count).astype(np.uint32).view(np.float32)


def test_fma_rounds_once_on_any_bits() -> None:
    a, b, c = (random_bits(key, 200_000) for key in (1, 2, 3))
    assert_same_fma(a, b, c)


def test_fma_rounds_once_on_special_numbers() -> None:
    a, b, c = (x.ravel().copy() for x in np.meshgrid(SPECIAL, SPECIAL, SPECIAL))
    assert_same_fma(a, b, c)


def test_fma_rounds_once_under_cancellation() -> None:
    a, b = random_bits(4, 200_000), random_bits(5, 200_000)
    with np.errstate(all="ignore"):
        near = -(a * b)
        for away in (near, np.nextafter(near, np.float32(np.inf)), near / np.float32(2)):
            assert_same_fma(a, b, away)


def test_fma_rounds_once_next_to_ties() -> None:
    """The product is half a unit of the addend, give or take the least: two roundings would go wrong."""
    steps = np.arange(-4, 5).astype(np.float32)
    c = np.repeat(np.float32(1) + np.arange(64, dtype=np.float32) * np.float32(2**-23), len(steps))
    a = np.full_like(c, 2.0**-12)
    b = np.tile((2.0**-12 * (1 + steps * 2.0**-23)).astype(np.float32), 64)
    assert_same_fma(a, b, c)
    assert_same_fma(a, -b, c)


def test_fma_rounds_once_among_subnormal_numbers() -> None:
    a, b = (uniform(key, (200_000,)) for key in (6, 7))
    for exponent in (-140, -130, -126):
        tiny = np.ldexp(uniform(8, (200_000,)), exponent).astype(np.float32)
        half = np.ldexp(b, exponent // 2).astype(np.float32)
        assert_same_fma(np.ldexp(a, exponent // 2).astype(np.float32), half, tiny)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(*[st.floats(width=32)] * 3)
def test_fma_rounds_once_on_what_hypothesis_thinks_of(a: float, b: float, c: float) -> None:
    assert_same_fma(*(np.array([x], np.float32) for x in (a, b, c)))


def test_sincospi_is_close_to_sine_and_cosine() -> None:
    t = uniform(9, (100_000,)) * np.float32(200)
    sine, cosine = ordered.sincospi(t)
    angle = np.pi * np.remainder(t.astype(np.float64), 2)
    np.testing.assert_allclose(sine, np.sin(angle), rtol=0, atol=3e-7)
    np.testing.assert_allclose(cosine, np.cos(angle), rtol=0, atol=3e-7)


def test_sincospi_keeps_its_symmetries_to_the_bit() -> None:
    t = uniform(10, (10_000,)) * np.float32(7)
    (sine, cosine), (minus_sine, minus_cosine) = ordered.sincospi(t), ordered.sincospi(-t)
    np.testing.assert_array_equal(minus_sine, -sine)
    np.testing.assert_array_equal(minus_cosine, cosine)
    whole = np.arange(-9, 10).astype(np.float32)
    np.testing.assert_array_equal(ordered.sincospi(whole)[0], 0)


@kernel
def sigmoids(e: Emitter, x: Any, count: Value, found: Any) -> None:
    with e.loop(0, count, e.lanes) as at:
        e.store(e.sigmoid(e.load(x, at)), found, at)


@njit
def hardware_sigmoid(x):  # type: ignore[no-untyped-def]
    found = np.empty_like(x)
    sigmoids(x, x.size, found)
    return found


def test_the_vector_code_of_the_sigmoid_has_the_stated_bits() -> None:
    special = np.resize(SPECIAL, 48)
    for x in (random_bits(16, 160_000), uniform(17, (160_000,)) * np.float32(100), special):
        with np.errstate(all="ignore"):
            expected = ordered.sigmoid(x)
        found = hardware_sigmoid(x)
        numbers = ~np.isnan(expected)
        np.testing.assert_array_equal(numbers, np.isfinite(x))
        np.testing.assert_array_equal(np.isnan(found), ~numbers)
        np.testing.assert_array_equal(found[numbers].view(np.uint32), expected[numbers].view(np.uint32))


def test_sigmoid_is_close_and_rises() -> None:
    x = np.linspace(-87, 87, 200_001).astype(np.float32)
    found = ordered.sigmoid(x)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-x.astype(np.float64))), rtol=2e-7)
    assert (np.diff(found) >= 0).all()
    low, middle, high = ordered.sigmoid(np.array([-1e30, 0, 1e30], np.float32))
    assert (low, middle, high) == (found[0], 0.5, 1)


@pytest.mark.parametrize(
    "options", [{}, {"points": 9}, {"loss": "bce"}, {"points": 40, "loss": "bce"}], ids=str
)
@pytest.mark.parametrize("dims", [[2, 5, 1], [1, 20, 18, 2], [3, 6, 5, 7, 1]])
def test_a_few_steps_are_those_of_the_reference(dims: list[int], options: dict[str, Any]) -> None:
    spec = FieldSpec(dims, np.linspace(12, 3, len(dims) - 2).tolist(), 0.25)
    coords, values = uniform(11, (23, dims[0])), uniform(12, (2, 23, dims[-1]))
    inits = uniform(13, (2, spec.parameters)) * np.float32(0.25)
    signals = Signals(coords, values, 2.0, np.array([3, 4], np.uint64))
    budget = Budget(6, 1e-3, "cosine", **options)
    found = ordered.fit_ordered(spec, signals, inits, budget)
    expected = ReferenceEngine().fit(spec, signals, inits, budget)
    update = np.linalg.norm(expected.weights - inits)
    assert np.linalg.norm(found.weights - expected.weights) < 1e-4 * update
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-5)
    np.testing.assert_allclose(found.psnr, expected.psnr, atol=1e-4)


def test_a_loss_that_is_never_finite_is_stated_as_the_largest_number() -> None:
    spec = FieldSpec([1, 4, 1])
    signals = Signals(uniform(14, (3, 1)), np.full((1, 3, 1), np.nan, np.float32), 1.0)
    inits = uniform(15, (1, spec.parameters))
    result = ordered.fit_ordered(spec, signals, inits, Budget(2, 1e-3))
    assert result.status.tolist() == [Status.diverged]
    assert result.steps.tolist() == [0]
    assert result.loss[0] == np.finfo(np.float32).max
    assert result.psnr[0] == pytest.approx(-385.32, abs=0.01)
    np.testing.assert_array_equal(result.weights, inits)
