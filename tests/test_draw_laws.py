"""Laws of draws, by fixed seeds: a p-value below 1e-3 would be a defect, not bad luck."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from neuralviews.draws import Draws, row_seeds

from .streams import MANY, SEEDS, draws_of


@pytest.mark.parametrize("along", ["rows", "words"])
@pytest.mark.parametrize("byte", range(8))
def test_bytes_are_uniform(along: str, byte: int) -> None:
    words = MANY.bits(25) if along == "rows" else Draws(MANY.seeds[:1]).bits(100_000)
    assert (
        stats.chisquare(np.bincount(words.view(np.uint8).reshape(-1, 8)[:, byte], minlength=256)).pvalue
        > 1e-3
    )


def test_uniform_numbers() -> None:
    numbers = MANY.uniform(25)
    assert (numbers * 2.0**53 == np.floor(numbers * 2.0**53)).all()
    assert (numbers.min() >= 0, numbers.max() < 1) == (True, True)
    assert stats.kstest(numbers.ravel(), "uniform").pvalue > 1e-3


@pytest.mark.parametrize(
    ("low", "high"), [(0, 0), (-1, 1), (3, 9), (-4, 3), (0, 99), (-(1 << 63), 6 - (1 << 63))]
)
def test_integers_are_uniform_and_reach_both_bounds(low: int, high: int) -> None:
    numbers = MANY.integers(low, high, 25)
    assert (numbers.dtype, numbers.min(), numbers.max()) == (np.int64, low, high)
    counts = np.bincount((numbers - low).ravel(), minlength=high - low + 1)
    assert high == low or stats.chisquare(counts).pvalue > 1e-3


@given(SEEDS, st.integers(-(1 << 63), (1 << 63) - 1), st.integers(1, 1 << 32))
def test_integers_are_the_high_half_of_a_product(seeds: list[int], low: int, span: int) -> None:
    high = min(low + span, 1 << 63) - 1
    expected = [
        [low + (word * (high - low + 1) >> 64) for word in row] for row in draws_of(seeds).bits(3).tolist()
    ]
    assert draws_of(seeds).integers(low, high, 3).tolist() == expected


def test_normal_numbers() -> None:
    numbers = MANY.normal(50)
    assert stats.kstest(numbers.ravel(), "norm").pvalue > 1e-3
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((numbers**power).mean() - moment) < 3.5 * math.sqrt(variance / numbers.size)
    pairs = (numbers[:, 0::2] * numbers[:, 1::2], numbers[:, 0::2] ** 2 * numbers[:, 1::2] ** 2 - 1)
    assert [abs(pair.mean()) < 3.5 * pair.std() / math.sqrt(pair.size) for pair in pairs] == [True, True]


@given(SEEDS)
def test_normal_numbers_are_box_and_mullers(seeds: list[int]) -> None:
    """A radius from one word and a direction from the next."""
    draws = draws_of(seeds)
    radius = np.sqrt(-2 * np.log(((draws.bits(1)[:, 0] >> np.uint64(11)) + np.uint64(1)) * 2.0**-53))
    np.testing.assert_allclose(np.hypot(*draws.normal(2).T), radius, rtol=1e-12)


@pytest.mark.parametrize("alpha", [0.2, 0.3, 1.0, 2.0, 30.0])
def test_beta_numbers(alpha: float) -> None:
    numbers = Draws(row_seeds(3, np.arange(100_000))).beta(alpha)
    assert stats.kstest(numbers, stats.beta(alpha, alpha).cdf).pvalue > 1e-3
    variance = 1 / (4 * (2 * alpha + 1))
    assert abs(numbers.mean() - 0.5) < 3.5 * math.sqrt(variance / numbers.size)
    spread = (numbers - 0.5) ** 2
    assert abs(spread.mean() - variance) < 3.5 * spread.std() / math.sqrt(numbers.size)


@pytest.mark.parametrize(("alpha", "low", "high"), [(0.001, 0, 1), (1e6, 0.498, 0.502)])
def test_beta_at_the_ends_of_its_range(alpha: float, low: float, high: float) -> None:
    numbers = MANY.beta(alpha)
    assert ((numbers >= low) & (numbers <= high)).all()
    assert abs(numbers.mean() - 0.5) < 0.03


@given(SEEDS, st.integers(0, 70))
def test_permutations_permute(seeds: list[int], m: int) -> None:
    permutations = draws_of(seeds).permutations(m)
    assert (permutations.dtype, permutations.shape) == (np.int32, (len(seeds), m))
    assert (np.sort(permutations, axis=1) == np.arange(m)).all()


def test_permutations_are_uniform() -> None:
    places = MANY.permutations(4) @ np.array([64, 16, 4, 1])
    values, counts = np.unique(places, return_counts=True)
    assert len(values) == 24
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize(("p", "share"), [(0, 0), (1, 1), (0.2, 0.2)])
def test_choices(p: float, share: float) -> None:
    chosen = MANY.choose(p, 25)
    assert chosen.dtype == np.bool_
    assert abs(chosen.mean() - share) <= 3.5 * math.sqrt(p * (1 - p) / chosen.size)


def test_centred_numbers_are_uniform_from_minus_one() -> None:
    assert np.array_equal(MANY.centred(3), MANY.uniform(3) - (1 - MANY.uniform(3)))
