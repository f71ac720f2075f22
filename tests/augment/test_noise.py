"""Noise: its law, what it is in proportion to, and the keys that it is drawn from."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.augment.base import Augmentation
from neuralviews.augment.keys import draw_keys, draws_from
from neuralviews.augment.noise import GaussianNoise, MultiplicativeNoise
from neuralviews.draws import Draws
from neuralviews.errors import OptionError
from neuralviews.field import FieldSpec, join, split

from .cases import specs
from .pairs import draws_for, pairs

WIDE = FieldSpec([2, 40, 30, 1], omega=[30.0, 20.0])


def noisy(step: Augmentation, spec: FieldSpec, n: int) -> tuple[np.ndarray, np.ndarray]:
    batch = pairs(spec, n)
    after = step.apply(batch, step.sample(batch, draws_for(batch))).weights
    return batch.weights.astype(np.float64), after.astype(np.float64)


def test_noise_is_normal_and_in_proportion_to_the_spread_of_each_tensor() -> None:
    before, after = noisy(GaussianNoise(0.1), WIDE, 60)
    for (weight, bias), (new_weight, new_bias) in zip(split(WIDE, before), split(WIDE, after), strict=True):
        for old, new in ((weight.reshape(60, -1), new_weight.reshape(60, -1)), (bias, new_bias)):
            if old.shape[1] == 1:
                np.testing.assert_array_equal(new, old)  # one entry has no spread
                continue
            unit = (new - old) / (0.1 * old.std(axis=1, ddof=1, keepdims=True))
            error = 1 / np.sqrt(unit.size)
            assert abs(unit.mean()) < 4 * error
            assert unit.std() == pytest.approx(1, abs=4 * error)
            assert abs((unit**3).mean()) < 4 * np.sqrt(15) * error
            assert (unit**4).mean() == pytest.approx(3, abs=4 * np.sqrt(96) * error)


def test_every_weight_of_every_field_has_noise_of_its_own() -> None:
    before, after = noisy(GaussianNoise(0.1), WIDE, 20)
    tensor = WIDE.layers[1].weight
    unit = (after - before)[:, tensor] / before[:, tensor].std(axis=1, ddof=1, keepdims=True)
    assert abs(np.corrcoef(unit) - np.eye(20)).max() < 5 / np.sqrt(unit.shape[1])


@given(specs(), st.integers(0, 99))
def test_the_stated_arithmetic_to_the_bit(spec: FieldSpec, first: int) -> None:
    """Sums from the first entry to the last, in float64; one rounding at the end."""
    step, batch = GaussianNoise(0.32), pairs(spec, 2, first)
    params = step.sample(batch, draws_for(batch, first))
    normal = draws_from(params).normal(spec.parameters)
    for row, copy in enumerate(step.apply(batch, params).weights):
        layers = []
        for parts in zip(split(spec, batch.weights[row]), split(spec, normal[row]), strict=True):
            layers.append([noise_added(old, xi) for old, xi in zip(*parts, strict=True)])
        assert copy.tobytes() == join(spec, layers).astype(np.float32).tobytes()  # type: ignore[arg-type]


def noise_added(tensor: np.ndarray, normal: np.ndarray) -> np.ndarray:
    values = [float(value) for value in tensor.ravel()]
    total = squares = 0.0
    for value in values:
        total += value
    for value in values:
        rest = value - total / len(values)
        squares += rest * rest
    spread = math.sqrt(squares / (len(values) - 1)) if len(values) > 1 else 0.0
    return tensor.astype(np.float64) + 0.32 * spread * normal


def test_factors_are_normal_about_one() -> None:
    before, after = noisy(MultiplicativeNoise(0.05), WIDE, 30)
    unit = (after / before - 1) / 0.05
    error = 1 / np.sqrt(unit.size)
    assert abs(unit.mean()) < 4 * error
    assert unit.std() == pytest.approx(1, abs=4 * error)


@pytest.mark.parametrize("step", [GaussianNoise(0), MultiplicativeNoise(0)])
def test_no_noise_keeps_every_bit(step: Augmentation) -> None:
    before, after = noisy(step, WIDE, 3)
    np.testing.assert_array_equal(after, before)


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=5))
def test_keys_are_exact_integers_of_63_bits(seeds: list[int]) -> None:
    pieces = [[seed >> place & (1 << 21) - 1 for place in (0, 21, 42)] for seed in seeds]
    assert draws_from(np.array(pieces, np.float32)).seeds.tolist() == seeds


def test_keys_are_drawn_over_their_whole_range() -> None:
    keys = draw_keys(Draws(np.arange(2000, dtype=np.uint64)))
    assert keys.dtype == np.float32
    assert (keys == np.floor(keys)).all()
    assert keys.min() >= 0
    assert keys.max() < 1 << 21
    np.testing.assert_allclose(keys.mean(axis=0), 1 << 20, rtol=0.05)
    assert len(np.unique(draws_from(keys).seeds)) == 2000


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(OptionError, match=r"^GaussianNoise: scale: found -1, expected 0 to 100$"):
        GaussianNoise(-1)
    with pytest.raises(OptionError, match=r"^MultiplicativeNoise: sigma: found nan, expected 0 to 100$"):
        MultiplicativeNoise(float("nan"))
