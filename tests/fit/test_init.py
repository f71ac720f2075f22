"""Initial weights: bytes that never change, ranges that the schemes state, and one stream per seed."""

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import SpecError
from neuralviews.field import FieldSpec, split
from neuralviews.fit.init import InitScheme, initial_weights
from neuralviews.seeds import derive_seed

SPEC = FieldSpec([2, 32, 32, 1])
DEEP = FieldSpec([3, 24, 16, 8, 2], omega=(25.0, 10.0, 4.0))
SEEDS = [0, 1, 1 << 32, (1 << 64) - 1]
GOLDEN = {
    ("siren", SPEC): "44d53e6f83b7b992594cc963474fb816a23be3ad0dda33836019abd00265c708",
    ("siren", DEEP): "1ee882959c867e1cb4ebcb3d90db169c83c6adb041afccb5831bd92002f18839",
    ("dws", SPEC): "a9a0fc47945edf23499a82abaf2167a2d9c1387bf0ee8ab0e5d0a066d84b9897",
    ("dws", DEEP): "d1c6a79f12a8ddfd393af9f44edd0cf679b6096df0590e7abb115efaebea957c",
}


def ranges(spec: FieldSpec, scheme: InitScheme, fields: int = 400) -> list[tuple[Any, Any]]:
    seeds = [derive_seed(5, "test_init", i) for i in range(fields)]
    return split(spec, initial_weights(spec, scheme, seeds))


def assert_uniform(values: Any, bound: float) -> None:
    """Bounds are kept and nearly reached; mean and deviation are those of U(-bound, bound)."""
    assert np.abs(values).max() <= np.float32(bound)
    assert np.abs(values).max() > 0.98 * bound
    error = 5 * bound / np.sqrt(values.size)
    assert abs(values.mean()) < error
    assert abs(values.std() - bound / np.sqrt(3)) < error


@pytest.mark.parametrize(("scheme", "spec"), GOLDEN, ids=lambda value: str(getattr(value, "dims", value)))
def test_the_bytes_are_those_of_every_machine(scheme: InitScheme, spec: FieldSpec) -> None:
    weights = initial_weights(spec, scheme, SEEDS)
    assert weights.dtype == np.float32
    assert weights.shape == (4, spec.parameters)
    assert hashlib.sha256(weights.astype("<f4").tobytes()).hexdigest() == GOLDEN[scheme, spec]


def test_parameter_i_is_made_from_word_i() -> None:
    """The documented mapping, worked out in exact integers for the first weights of the first layer."""
    words = np.random.Philox(key=77).random_raw(5).tolist()
    weights = initial_weights(SPEC, "siren", [77])[0]
    for word, weight in zip(words, weights.tolist(), strict=False):
        assert weight == (2 * (word >> 40) + 1 - (1 << 24)) * 2.0**-24 * 0.5  # the bound is 1/2


@pytest.mark.parametrize("spec", [SPEC, DEEP], ids=str)
def test_siren_ranges(spec: FieldSpec) -> None:
    omegas = (*spec.omega, spec.omega[-1])
    for index, (weight, bias) in enumerate(ranges(spec, "siren")):
        inputs = weight.shape[-1]
        assert_uniform(weight, 1 / inputs if index == 0 else np.sqrt(6 / inputs) / omegas[index])
        assert_uniform(bias, 1 / np.sqrt(inputs))


@pytest.mark.parametrize("spec", [SPEC, DEEP], ids=str)
def test_dws_ranges(spec: FieldSpec) -> None:
    *sines, (last_weight, last_bias) = ranges(spec, "dws")
    for (weight, bias), omega in zip(sines, spec.omega, strict=True):
        assert_uniform(weight, np.sqrt(6 / weight.shape[-1]) / omega)
        assert bias.astype("<f4").tobytes() == bytes(4 * bias.size), "zero, and +0"
    assert_uniform(last_weight, 1 / np.sqrt(last_weight.shape[-1]))
    assert_uniform(last_bias, 1 / np.sqrt(last_weight.shape[-1]))


def test_siren_weights_keep_activations_spread() -> None:
    """What the scheme is for: phases of hidden layers have unit deviation (section 3.2 of the paper)."""
    spec = FieldSpec([2, 256, 256, 256, 1])
    layers = split(spec, initial_weights(spec, "siren", [derive_seed(1, "spread")]).astype(np.float64)[0])
    rng = np.random.default_rng(0)
    hidden = np.sin(30 * (rng.uniform(-1, 1, (500, 2)) @ layers[0][0].T + layers[0][1]))
    for weight, _ in layers[1:3]:
        phase = 30 * hidden @ weight.T
        assert abs(phase.std() - 1) < 0.1
        hidden = np.sin(phase)


@given(st.lists(st.integers(0, (1 << 64) - 1), max_size=6))
def test_a_field_depends_on_its_seed_alone(seeds: list[int]) -> None:
    spec = FieldSpec([1, 3, 1])
    together = initial_weights(spec, "siren", seeds)
    assert together.shape == (len(seeds), spec.parameters)
    for row, seed in zip(together, seeds, strict=True):
        np.testing.assert_array_equal(row, initial_weights(spec, "siren", [seed])[0])
    distinct = {row.tobytes() for row in together}
    assert len(distinct) == len(set(seeds))


def test_numpy_seeds_are_taken() -> None:
    seeds = np.array([3, (1 << 64) - 1], np.uint64)
    np.testing.assert_array_equal(
        initial_weights(SPEC, "dws", seeds), initial_weights(SPEC, "dws", [3, (1 << 64) - 1])
    )


@pytest.mark.parametrize("seed", [-1, 1 << 64])
def test_seeds_out_of_range_are_refused(seed: int) -> None:
    with pytest.raises(SpecError, match=rf"initial weights: found seed {seed}, expected an integer from 0"):
        initial_weights(SPEC, "siren", [seed])


def test_unknown_schemes_are_refused() -> None:
    with pytest.raises(SpecError, match="found scheme 'xavier', expected 'siren' or 'dws'"):
        initial_weights(SPEC, "xavier", [1])  # type: ignore[arg-type]
